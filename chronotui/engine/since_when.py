"""Since when a workflow's runs say something: by bisection, over what can be read.

Places count from the newest run, 0, to older ones. What comes of it is a run that has
it and an older one that lacks it, with nothing told in between. It is never the first
that has it: it may have come and gone before, in runs nobody looked at.
"""

from __future__ import annotations

import asyncio
from enum import Enum
from typing import TYPE_CHECKING, Final, NamedTuple

from chronotui.text import plural

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from chronotui.model import Job

AT_ONCE: Final = 4
"""Runs looked at together while none is known to have it."""


class RunVerdict(Enum):
    """What looking at one run told."""

    HAS = "has it"
    LACKS = "lacks it"
    GONE = "has ended and keeps no lines: what it said cannot be told"
    UNTOLD = "could not be read, or still runs"


_TOLD: Final = frozenset({RunVerdict.HAS, RunVerdict.LACKS})


class Boundary(NamedTuple):
    """What is known by now.

    Attributes:
        has: The oldest run that has it of those next to ``lacks``; None while none is
            known.
        lacks: An older run that lacks it; None if none is known.
        unread: Runs between them, or all runs without them, that could not be read.
        unlooked: Runs between them that nobody looked at.
        newer: Runs newer than ``has`` that were looked at and lack it.
        older: Runs older than ``lacks`` that were looked at and lack it.
        looked: Runs that were looked at.
        gone: Whether older runs keep no lines any more.
        is_oldest: Whether ``has`` is the oldest run there is.
    """

    has: Job | None = None
    lacks: Job | None = None
    unread: int = 0
    unlooked: int = 0
    newer: int = 0
    older: int = 0
    looked: int = 0
    gone: bool = False
    is_oldest: bool = False


class SinceWhen:
    """One search for the boundary.

    Args:
        run_at: Gives the run at a place, None beyond the oldest.
        look: Looks at one run.

    Attributes:
        verdicts: What was told of each place that was looked at.
    """

    def __init__(
        self,
        run_at: Callable[[int], Awaitable[Job | None]],
        look: Callable[[Job], Awaitable[RunVerdict]],
    ) -> None:
        self._run_at = run_at
        self._look = look
        self._jobs: dict[int, Job] = {}
        self._has: int | None = None
        self._end: int | None = None
        """A place that lacks it, or that there is nothing to tell of from there on."""
        self._length: int | None = None
        self.verdicts: dict[int, RunVerdict] = {}

    @property
    def boundary(self) -> Boundary:
        """What is known by now; at any time, also when it was cut short."""
        verdicts, has, end = self.verdicts, self._has, self._end
        if has is None:
            untold = sum(each not in _TOLD for each in verdicts.values())
            return Boundary(unread=untold, looked=len(verdicts))
        lacks = end if end is not None and self._is(end, RunVerdict.LACKS) else None
        between = range(has + 1, has + 1 if lacks is None else lacks)
        looked_at = [place for place in between if place in verdicts]
        older = [place for place in verdicts if place > has]
        return Boundary(
            has=self._jobs[has],
            lacks=None if lacks is None else self._jobs[lacks],
            unread=len(looked_at) if lacks is not None else len(older),
            unlooked=len(between) - len(looked_at),
            newer=sum(self._is(at, RunVerdict.LACKS) for at in range(has)),
            older=sum(self._is(at, RunVerdict.LACKS) for at in older)
            - (lacks is not None),
            looked=len(verdicts),
            gone=lacks is None and any(self._is(at, RunVerdict.GONE) for at in older),
            is_oldest=self._length == has + 1,
        )

    async def find(self) -> Boundary:
        """Look at as many runs as it takes.

        Raises:
            ChronotuiError: The runs cannot be listed, or the server not be asked.
        """
        await self._find_newest()
        if self._has is not None and self._end is None:
            await self._go_back(self._has)
        await self._bisect()
        return self.boundary

    def _is(self, place: int, verdict: RunVerdict) -> bool:
        return self.verdicts.get(place) is verdict

    async def _find_newest(self) -> None:
        """Find the newest run that has it, looking at one, then at a few together."""
        place, together = 0, 1
        while self._length is None or place < self._length:
            places = range(place, place + together)
            await asyncio.gather(*map(self._looked_at, places))
            for at in places:
                if self._is(at, RunVerdict.HAS):
                    self._has = at
                elif self._has is not None and self._is(at, RunVerdict.LACKS):
                    self._end = at
                    return
            if self._has is not None:
                return
            place, together = place + together, AT_ONCE

    async def _looked_at(self, place: int) -> RunVerdict | None:
        """Look at a run, once; None beyond the oldest."""
        if place in self.verdicts:
            return self.verdicts[place]
        if self._length is not None and place >= self._length:
            return None
        job = await self._run_at(place)
        if job is None:
            self._length = min(place, self._length or place)
            while self._length and await self._run_at(self._length - 1) is None:
                self._length -= 1
            return None
        self._jobs[place] = job
        self.verdicts[place] = await self._look(job)
        return self.verdicts[place]

    async def _go_back(self, has: int) -> None:
        """Go back in growing steps to a run that lacks it, or to where all ends."""
        step = 1
        while True:
            place = has + step
            verdict = await self._looked_at(place)
            if verdict is None and self._length is not None:
                place = self._length - 1
                verdict = await self._looked_at(place)
            if verdict is RunVerdict.HAS:
                self._has = has = place
                step *= 2
            if verdict in {RunVerdict.LACKS, RunVerdict.GONE}:
                self._end = place
                return
            if self._length is not None and place >= self._length - 1:
                self._end = self._length
                return
            if verdict is RunVerdict.UNTOLD:
                step += 1

    async def _bisect(self) -> None:
        """Look between until nothing there can be told."""
        while self._has is not None and self._end is not None:
            for place in _from_middle(self._has, self._end):
                if self._narrows(place, await self._looked_at(place)):
                    break
            else:
                return

    def _narrows(self, place: int, verdict: RunVerdict | None) -> bool:
        """Take what was told of a place between; whether there is less between now."""
        is_wall = self._end is not None and not self._is(self._end, RunVerdict.LACKS)
        if verdict is RunVerdict.HAS:
            self._has = place
        elif verdict is RunVerdict.LACKS or (verdict is RunVerdict.GONE and is_wall):
            self._end = place
        else:
            return False
        return True


def _from_middle(has: int, end: int) -> Iterator[int]:
    """Yield the places between two, the middle one first, then its neighbours."""
    middle = (has + end) // 2
    for distance in range(end - has):
        for place in {middle + distance, middle - distance}:
            if has < place < end:
                yield place


# In words.

WHY: Final = "not read, still running, or no lines kept"


def in_words(found: Boundary, name: Callable[[Job], str]) -> str:
    """Say a boundary in sentences; ``name`` says which run it is, cleaned."""
    if found.has is None:
        unread = f" {_unread(found.unread)}." if found.unread else ""
        read = found.looked - found.unread
        return f"In none of {plural(read, 'run')} that tell.{unread}"
    if found.lacks is None:
        return _without_boundary(found, name(found.has))
    parts = [
        f"Not in run {name(found.lacks)}, in run {name(found.has)}",
        f"{plural(found.unlooked, 'run')} between not looked at"
        if found.unlooked
        else "",
        f"{plural(found.unread, 'run')} between could tell nothing ({WHY})"
        if found.unread
        else "",
    ]
    if not (found.unlooked or found.unread):
        parts.append("no run between")
    return _sentences(found, "; ".join(filter(None, parts)))


def _without_boundary(found: Boundary, has: str) -> str:
    words = f"In run {has} and in no older one that is known to lack it"
    if found.is_oldest:
        words = f"In run {has}, the oldest one there is"
    elif found.gone:
        words = f"In run {has}; older ones are beyond retention"
    elif found.unread:
        words = f"In run {has}; {_unread(found.unread)} before it"
    return _sentences(found, words)


def _unread(count: int) -> str:
    return f"{plural(count, 'run')} could tell nothing ({WHY})"


def _sentences(found: Boundary, words: str) -> str:
    parts = [f"{words}."]
    if found.newer:
        parts.append(f"{plural(found.newer, 'newer run')} looked at without it.")
    if found.lacks is not None:
        but = f", but for {found.older:,} without it" if found.older else ""
        parts.append(f"Older ones were not looked at{but}.")
    return " ".join([*parts, f"{plural(found.looked, 'run')} looked at."])
