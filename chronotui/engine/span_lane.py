"""The lines of a download that are printed as they come, past the store.

That are those which go on where the ones before ended, all of the first attempt, with
none missing (DESIGN.md, invariant 4): nothing can come that belongs between them. A
span passes once another one has gone on after it, so that the end of a log, which is
held against the newest pages, is in the store.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from chronotui.engine.intake import Intake
    from chronotui.log.raw_spans import RawSpan
    from chronotui.log.store import LogStore
    from chronotui.model import Job, LogLine, LogPage

FAR_LINES: Final = 5_000
"""Fewer lines than these, from the end of a log, are sooner read from its pages."""

FAR_PART: Final = 20
"""So are those that are a smaller part of it than one in so many."""


class SpanLane:
    """Tells which spans may pass.

    Args:
        intake: Has what came before, and counts what passes.
    """

    def __init__(self, intake: Intake) -> None:
        self._intake = intake
        self._waiting: RawSpan | None = None
        self._has_passed = False
        self._place = (0, 0)
        """The highest number, and how many doubled ones are open there."""

    def goes_on(self, span: RawSpan) -> bool:
        """Tell whether a span goes on where the lines before end, with none missing."""
        place = self._place if self._waiting is not None else self._end_of_log()
        place = None if place is None else _end_of(span.runs, *place)
        if place is not None:
            self._place = place
        return place is not None

    def _end_of_log(self) -> tuple[int, int] | None:
        ledger = self._intake.ledger
        account = ledger.attempt(1)
        if account is None or ledger.attempts() != (1,) or ledger.missing:
            return None
        return account.highest, account.credit

    def enter(self, span: RawSpan) -> RawSpan | None:
        """Let a span that goes on wait; return the one that waited, which passes."""
        before, self._waiting = self._waiting, span
        if before is not None:
            self._intake.pass_by(before.runs)
            self._has_passed = True
        return before

    def leave(self, new_store: Callable[[], LogStore]) -> Iterator[Sequence[LogLine]]:
        """Yield the lines of the span that waits, which does not pass.

        Where others have passed, the intake goes on in another, empty store.
        """
        span, self._waiting = self._waiting, None
        if self._has_passed:
            self._has_passed = False
            old = self._intake.store
            attempt, number = self._intake.highest()
            self._intake.forget((attempt, number + 1), new_store())
            old.close()
        if span is not None:
            yield from span.as_lines()


def _end_of(
    runs: Sequence[tuple[int, int]], top: int, credit: int
) -> tuple[int, int] | None:
    """Return the highest number and what is open after runs; None if any is missing.

    They begin above ``top``. Numbers come twice at most, by order of their streams.
    """
    begin = top
    for first, last in runs:
        if first <= begin or first < top:
            return None
        credit += 1 if first == top else top + 1 - first
        if credit < 0:
            return None
        top = last
    return top, credit


def is_far_back(page: LogPage, job: Job, since_ns: int) -> bool:
    """Tell, by the newest page, whether a time is sooner come to by a download of all.

    It is guessed from how densely lines stand on that page, and in the whole log.
    """
    started = job.started_at
    newest, oldest = page.lines[0], page.lines[-1]
    if started is None or newest.time_ns is None or oldest.time_ns is None:
        return False
    wanted_ns = newest.time_ns - since_ns
    lines = newest.sequence_num
    here = len(page.lines) * wanted_ns / max(newest.time_ns - oldest.time_ns, 1)
    begun_ns = int(started.timestamp() * 1e9)
    whole = lines * wanted_ns / max(newest.time_ns - begun_ns, 1)
    return min(here, whole, lines) >= max(FAR_LINES, lines / FAR_PART)
