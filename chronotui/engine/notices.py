"""What a reader on a pipe is told about lines: waited for, given up, too late."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from chronotui.engine.emission import Blocked
    from chronotui.model import LogLine

NAMED: Final = 20
"""Runs of numbers named in one sentence; the rest is counted."""


class Notices:
    """Gathers notices, so that many of them in a row are few sentences.

    Args:
        tell: Takes one sentence.
        apart: Seconds between two sentences of a kind.
        patience: Seconds a missing line is waited for, for the words.
    """

    def __init__(
        self, tell: Callable[[str], None], apart: float, patience: float
    ) -> None:
        self._tell = tell
        self._apart = apart
        self._patience = patience
        self._given_up: list[tuple[int, int, int]] = []
        self._given_up_lines = 0
        self._late: list[tuple[int, int, int]] = []
        self._waiting: tuple[int, int] | None = None
        self._told_at = float("-inf")

    def waiting(self, blocked: Blocked, now: float) -> None:
        """Say what is waited for, once."""
        place = (blocked.attempt, blocked.first)
        if place == self._waiting or now - self._told_at < self._apart:
            return
        self._waiting, self._told_at = place, now
        numbers = _named([(blocked.attempt, blocked.first, blocked.last)])
        words = f"{_count(blocked.missing)} not received yet"
        if not blocked.missing:
            words = "a line may be missing"
        self._tell(f"{words} ({numbers}); waiting up to {self._patience:.0f} s.")

    def gave_up(self, blocked: Blocked) -> None:
        """Note lines that are waited for no longer."""
        self._given_up.append((blocked.attempt, blocked.first, blocked.last))
        self._given_up_lines += blocked.missing

    def late(self, lines: Sequence[LogLine]) -> None:
        """Note lines that came after lines that follow them."""
        self._late += [(line.attempt, line[1], line[1]) for line in lines]

    def flush(self, now: float, *, at_once: bool = False) -> None:
        """Say what was noted, unless something was said a moment ago."""
        if not self._given_up and not self._late:
            return
        if not at_once and now - self._told_at < self._apart:
            return
        self._told_at = now
        if self._given_up:
            self._tell(
                f"{_count(self._given_up_lines)} did not come, going on without: "
                f"{_named(self._given_up)}."
            )
        if self._late:
            self._tell(
                f"{_count(len(self._late))} came too late to be printed in order: "
                f"{_named(self._late)}."
            )
        self._given_up, self._given_up_lines, self._late = [], 0, []


def _count(lines: int) -> str:
    return "1 line" if lines == 1 else f"{lines:,} lines"


def _named(runs: Iterable[tuple[int, int, int]]) -> str:
    """Name runs of numbers, joined where they meet."""
    joined: list[tuple[int, int, int]] = []
    for attempt, first, last in sorted(runs):
        if joined and joined[-1][0] == attempt and first <= joined[-1][2] + 1:
            joined[-1] = (attempt, joined[-1][1], max(last, joined[-1][2]))
        else:
            joined.append((attempt, first, last))
    several = any(attempt > 1 for attempt, _, _ in joined)
    words = [
        (f"{first}" if first == last else f"{first} to {last}")
        + (f" of try {attempt}" if several else "")
        for attempt, first, last in joined[:NAMED]
    ]
    more = f" and {len(joined) - NAMED} more places" if len(joined) > NAMED else ""
    return f"number {', '.join(words)}{more}"
