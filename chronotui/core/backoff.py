"""Delays between tries: exponential, jittered, capped."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Backoff:
    """The delays of one thing that is tried again and again.

    Args:
        first: First delay in seconds.
        factor: Each delay is this much longer than the one before.
        cap: No delay is longer.
        after_cap: A server's own ``Retry-After`` is honoured up to this.
        chance: Gives numbers in [0, 1); a delay lies between half and all of its
            step, so that many clients cut off together do not come back together.
    """

    def __init__(
        self,
        *,
        first: float,
        factor: float,
        cap: float,
        after_cap: float,
        chance: Callable[[], float],
    ) -> None:
        self._first = first
        self._factor = factor
        self._cap = cap
        self._after_cap = after_cap
        self._chance = chance
        self._step = first
        self.tries = 0

    def delay(self, retry_after: float | None = None) -> float:
        """Count a failure and return the seconds to wait before the next try.

        Args:
            retry_after: What the server asked for; never undercut below the cap.
        """
        self.tries += 1
        step = min(self._step, self._cap)
        self._step = min(self._step * self._factor, self._cap)
        delay = step * (0.5 + 0.5 * self._chance())
        if retry_after is None:
            return delay
        asked = min(max(retry_after, 0.0), self._after_cap)
        return max(delay, asked + delay * 0.1)

    def reset(self) -> None:
        """Begin again with the first delay: what was tried has worked."""
        self._step = self._first
        self.tries = 0
