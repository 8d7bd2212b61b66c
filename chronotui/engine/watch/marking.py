"""The rows of a log that are no lines: what is missing, attempts, edges, the end."""

from __future__ import annotations

import time
from itertools import islice
from typing import TYPE_CHECKING, Final

from chronotui.core.log import Gap, GapState
from chronotui.core.times import human_duration
from chronotui.engine.watch.ending import seconds_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from chronotui.core.log import LogStore
    from chronotui.engine.watch.state import Verdict
    from chronotui.engine.watch.watch import Watch

GAPS_SHOWN: Final = 20_000
"""Gap rows at most; the count of missing lines is always of all."""

COST_SHARE: Final = 20
"""Gaps are counted again no more often than lets this take a twentieth of the time."""


class Marking:
    """Keeps the store's gap, section and edge rows true."""

    def __init__(self, store: LogStore, watch: Watch) -> None:
        self._store = store
        self._watch = watch
        self._next_gaps = 0.0
        self._gap_state = GapState.FETCHING

    def update(
        self, now: float, verdict: Verdict | None, again: Callable[[], None]
    ) -> None:
        """Bring all rows up to date.

        Args:
            now: Monotonic seconds.
            verdict: Once there is one.
            again: Called when gaps were left for a later tick.
        """
        self._mark_gaps(now, verdict, again)
        self._mark_sections(verdict)
        self._mark_edges()

    def _mark_gaps(
        self, now: float, verdict: Verdict | None, again: Callable[[], None]
    ) -> None:
        state = GapState.FETCHING if verdict is None else GapState.LOST
        if now < self._next_gaps and state is self._gap_state:
            again()
            return
        began = time.perf_counter()
        self._gap_state = state
        account = self._watch.account
        gaps = [
            Gap(hole.attempt, hole.first, hole.last, hole.missing, state)
            for hole in islice(account.holes(), GAPS_SHOWN)
            if hole.missing
        ]
        gaps += [
            Gap(hole.attempt, hole.first, hole.last, hole.missing, GapState.UNREAD)
            for hole in islice(account.unread(), GAPS_SHOWN)
        ]
        gaps += [*self._unread_middle(), *self._unread_beginnings()]
        self._store.set_gaps(gaps)
        self._next_gaps = now + (time.perf_counter() - began) * COST_SHARE

    def _unread_middle(self) -> list[Gap]:
        """Return what lies between the beginning that was downloaded and the pages."""
        coverage = self._watch.pages.coverage
        head, bottom = coverage.head, coverage.bottom
        if head is None or bottom is None or not coverage.is_split:
            return []
        first = head.number + 1
        count = bottom.number - first if bottom.attempt == head.attempt else 0
        return [Gap(head.attempt, first, first, max(count, 0), GapState.UNREAD)]

    def _unread_beginnings(self) -> list[Gap]:
        """Return what was not read back to of attempts after the first one loaded.

        Where attempts interleave each of them was read back to the same number.
        """
        coverage, ledger = self._watch.pages.coverage, self._watch.intake.ledger
        bottom = coverage.bottom
        if not coverage.interleaved or coverage.counts_from_start or bottom is None:
            return []
        gaps = []
        for attempt in ledger.attempts()[1:]:
            account = ledger.attempt(attempt)
            lowest = bottom.number if account is None else account.lowest
            last = min(lowest, bottom.number) - 1
            if last >= ledger.base:
                count = last - ledger.base + 1
                gaps.append(Gap(attempt, ledger.base, last, count, GapState.UNREAD))
        return gaps

    def _mark_sections(self, verdict: Verdict | None) -> None:
        attempts = [attempt for attempt in self._store.attempts() if attempt > 0]
        if not attempts:
            return
        several = len(attempts) > 1 or attempts[0] > 1
        for attempt in attempts[:-1]:
            self._store.set_section(attempt, f"try {attempt}", None)
        last = attempts[-1]
        words = self.ending(verdict)
        if words and several:
            words = f"try {last} {words}"
        self._store.set_section(last, f"try {last}" if several else None, words or None)

    def ending(self, verdict: Verdict | None) -> str:
        """Return how the job ended, in words; "" while it has not."""
        job = self._watch.job
        if not job.status.is_terminal:
            return ""
        words = f"ended {job.status}"
        if job.completed_at is not None:
            words += f" {job.completed_at:%H:%M:%S} UTC"
        seconds = seconds_of(job)
        if seconds is not None:
            words += f" after {human_duration(seconds)}"
        tries = max([job.attempts or 1, *self._store.attempts()])
        if tries > 1:
            words += f", {tries} tries"
        return words if verdict is None else f"{words} · {verdict.sentence()}"

    def _mark_edges(self) -> None:
        coverage = self._watch.pages.coverage
        top = bottom = None
        unread = coverage.bottom is not None and not coverage.at_start
        if unread and coverage.head is None:
            top = "⋮ older lines not loaded yet"
            if coverage.looped:
                top = "⋮ older lines cannot be loaded: the server repeats a page"
            elif coverage.cut_off and not coverage.rising:
                top = f"⋮ older lines cannot be loaded: {coverage.cut_off}"
        highest = self._watch.intake.highest()
        reached = coverage.top is None or coverage.top.key == highest
        if coverage.rising and not coverage.at_end and reached:
            bottom = "⋮ newer lines not loaded yet"
        if coverage.end_cut_off:
            bottom = f"⋮ newer lines cannot be loaded: {coverage.cut_off}"
        notes = filter(None, (bottom, self._store.memory.note))
        self._store.set_edge(top, " · ".join(notes))
