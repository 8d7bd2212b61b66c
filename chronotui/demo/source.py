"""What every kind of demo log can be asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from chronotui.demo.lines import Place, TrueLine

LiveMark: TypeAlias = tuple[int, int]
"""How far one subscriber has come; its meaning is the log's own."""


class LiveBatch(NamedTuple):
    """Lines due for one subscriber, where it stands now, and when to ask again.

    ``next_ns`` is None when no further line is known to come by itself.
    """

    lines: list[TrueLine]
    mark: LiveMark
    next_ns: int | None


class LogSource(Protocol):
    """The log of one job; times are world nanoseconds.

    Retained lines are listed as the server has them: with their attempts
    interleaved, or attempt after attempt.
    """

    @property
    def interleaved(self) -> bool:
        """Whether the server knows no attempts (wire note "Retained logs")."""

    def newest(self, after: Place | None, limit: int, now_ns: int) -> list[TrueLine]:
        """Return retained lines that follow a place, newest first.

        Those of one number rise nonetheless: stderr before stdout, then by id.
        """

    def oldest(self, after: Place | None, limit: int, now_ns: int) -> list[TrueLine]:
        """Return retained lines that follow a place, oldest first."""

    def live_mark(self, now_ns: int) -> LiveMark:
        """Return where a subscription of this moment begins."""

    def live_since(self, mark: LiveMark, limit: int, now_ns: int) -> LiveBatch:
        """Return the lines written after ``mark``."""

    def listen(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call ``listener`` when lines appear unforeseen; return what ends that."""

    def truth(self, now_ns: int) -> Iterator[TrueLine]:
        """Return every line written so far, in the log's order."""

    def count(self, now_ns: int) -> int:
        """Return how many lines have been written so far."""
