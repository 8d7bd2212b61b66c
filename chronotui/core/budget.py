"""How many requests may be made, and when the next one may."""

from __future__ import annotations


class RequestBudget:
    """A bucket of permissions: a burst at first, then a steady rate.

    Args:
        burst: Permissions there can be at once.
        rate: Permissions that come back, per second.
        now: Monotonic seconds.
    """

    def __init__(self, *, burst: int, rate: float, now: float) -> None:
        self._burst = float(burst)
        self._rate = rate
        self._left = float(burst)
        self._at = now

    def wait(self, now: float) -> float:
        """Return the seconds until a request may be made; 0 for at once."""
        self._refill(now)
        return 0.0 if self._left >= 1.0 else (1.0 - self._left) / self._rate

    def take(self, now: float) -> None:
        """Count a request."""
        self._refill(now)
        self._left -= 1.0

    def _refill(self, now: float) -> None:
        gained = max(0.0, now - self._at) * self._rate
        self._left = min(self._burst, self._left + gained)
        self._at = now
