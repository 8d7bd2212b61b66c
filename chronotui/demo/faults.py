"""What goes wrong on request; every switch may be turned while the server runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chronotui.demo.clock import SECOND
from chronotui.demo.dice import fraction

if TYPE_CHECKING:
    from chronotui.demo.lines import TrueLine


@dataclass
class Faults:
    """The troubles of a demo server, none by default, the same for the same seed.

    Attributes:
        seed: Of the dice behind every rate.
        retention_lag: Shortest and longest time in seconds until a line that was
            written is in the retained log (wire note: batched, 0.25 s to 2 s).
        retained_lost: Share (0 to 1) of lines the retained log never gets.
        live_dropped: Share of lines the live stream leaves out.
        live_doubled: Share of lines the live stream sends twice.
        live_swapped: Share of lines the live stream sends after their successor.
    """

    seed: int = 0
    retention_lag: tuple[float, float] = (0.25, 1.0)
    retained_lost: float = 0.0
    live_dropped: float = 0.0
    live_doubled: float = 0.0
    live_swapped: float = 0.0

    def lag_ns(self, *what: int) -> int:
        """Return how far the retained log trails for ``what``, in nanoseconds."""
        low, high = self.retention_lag
        return int((low + (high - low) * fraction(self.seed, 1, *what)) * SECOND)

    def _hits(self, rate: float, salt: int, line: TrueLine) -> bool:
        return rate > 0 and fraction(self.seed, salt, *line.position) < rate

    def loses(self, line: TrueLine) -> bool:
        """Tell whether the retained log never gets a line."""
        return self._hits(self.retained_lost, 2, line)

    @property
    def disturbs_live(self) -> bool:
        """Whether live lines are dropped, doubled or swapped at all."""
        return bool(self.live_dropped or self.live_doubled or self.live_swapped)

    def drops(self, line: TrueLine) -> bool:
        """Tell whether the live stream leaves a line out."""
        return self._hits(self.live_dropped, 3, line)

    def doubles(self, line: TrueLine) -> bool:
        """Tell whether the live stream sends a line twice."""
        return self._hits(self.live_doubled, 4, line)

    def swaps(self, line: TrueLine) -> bool:
        """Tell whether the live stream sends a line after its successor."""
        return self._hits(self.live_swapped, 5, line)
