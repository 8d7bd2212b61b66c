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
        older_having: Such that have it.
        older_unread: Such that could not be read.
        older_unlooked: Such that nobody looked at; None while nobody knows how many.
        oldest_having: The oldest of those that have it.
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
    older_having: int = 0
    older_unread: int = 0
    older_unlooked: int | None = None
    oldest_having: Job | None = None
    looked: int = 0
    gone: bool = False
    is_oldest: bool = False


class SinceWhen:
    """One search for the boundary, from what it looks at and from what it is told.

    Args:
        run_at: Gives the run at a place, None beyond the oldest.
        look: Looks at one run.

    Attributes:
        length: How many runs there are, None while nobody knows.
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
        self.length: int | None = None
        self.verdicts: dict[int, RunVerdict] = {}

    def take(self, place: int, job: Job, verdict: RunVerdict) -> None:
        """Take what was told of a run; what could not be told takes nothing back."""
        if verdict in _TOLD or place not in self.verdicts:
            self._jobs[place] = job
            self.verdicts[place] = verdict

    @property
    def boundary(self) -> Boundary:
        """What is known by now; at any time, also when it was cut short."""
        verdicts, (has, lacks) = self.verdicts, self._ends()
        if has is None:
            untold = sum(each not in _TOLD for each in verdicts.values())
            return Boundary(unread=untold, looked=len(verdicts))
        between = range(has + 1, has + 1 if lacks is None else lacks)
        looked_at = sum(place in verdicts for place in between)
        older = [place for place in verdicts if place > has]
        found = Boundary(
            has=self._jobs[has],
            unread=looked_at if lacks is not None else len(older),
            unlooked=len(between) - looked_at,
            newer=sum(self._is(at, RunVerdict.LACKS) for at in range(has)),
            looked=len(verdicts),
            gone=lacks is None and any(self._is(at, RunVerdict.GONE) for at in older),
            is_oldest=self.length == has + 1,
        )
        return found if lacks is None else self._with_older(found, lacks)

    def _with_older(self, found: Boundary, lacks: int) -> Boundary:
        """Add what is known of the runs from the one that lacks it on."""
        older = [place for place in self.verdicts if place > lacks]
        having = [place for place in older if self._is(place, RunVerdict.HAS)]
        lacking = sum(self._is(place, RunVerdict.LACKS) for place in older)
        beyond = None if self.length is None else self.length - lacks - 1
        return found._replace(
            lacks=self._jobs[lacks],
            older=lacking,
            older_having=len(having),
            older_unread=len(older) - len(having) - lacking,
            older_unlooked=None if beyond is None else beyond - len(older),
            oldest_having=self._jobs[max(having)] if having else None,
        )

    async def find(self) -> Boundary:
        """Look at as many runs as it takes.

        Raises:
            ChronotuiError: The runs cannot be listed, or the server not be asked.
        """
        await self._find_newest()
        await self._go_back()
        await self._bisect()
        return self.boundary

    def _is(self, place: int, verdict: RunVerdict) -> bool:
        return self.verdicts.get(place) is verdict

    def _ends(self) -> tuple[int | None, int | None]:
        """Return the oldest of the newest runs that have it, and what lacks it then."""
        having = [at for at in self.verdicts if self._is(at, RunVerdict.HAS)]
        if not having:
            return None, None
        newest = min(having)
        lacking = (at for at in self.verdicts if self._is(at, RunVerdict.LACKS))
        lacks = min((at for at in lacking if at > newest), default=None)
        return max(at for at in having if lacks is None or at < lacks), lacks

    def _span(self) -> tuple[int, int] | None:
        """Return between which places the boundary is; None while that is open.

        Where none is known to lack it, it ends where nothing can be told any more.
        """
        has, end = self._ends()
        if has is None:
            return None
        if end is None:
            gone = (at for at in self.verdicts if self._is(at, RunVerdict.GONE))
            end = min((at for at in gone if at > has), default=self.length)
        return None if end is None else (has, end)

    async def _find_newest(self) -> None:
        """Find the newest run that has it, looking at one, then at a few together."""
        place, together = 0, 1
        while self.length is None or place < self.length:
            places = range(place, place + together)
            await asyncio.gather(*map(self._looked_at, places))
            if any(self._is(at, RunVerdict.HAS) for at in places):
                return
            place, together = place + together, AT_ONCE

    async def _looked_at(self, place: int) -> RunVerdict | None:
        """Look at a run, once; None beyond the oldest."""
        if place in self.verdicts:
            return self.verdicts[place]
        if self.length is not None and place >= self.length:
            return None
        job = await self._run_at(place)
        if job is None:
            length = min(place, self.length or place)
            while length and await self._run_at(length - 1) is None:
                length -= 1
            self.length = length
            return None
        self.take(place, job, await self._look(job))
        return self.verdicts[place]

    async def _go_back(self) -> None:
        """Go back in growing steps to a run that lacks it, or to where all ends."""
        step = 1
        while self._span() is None and (has := self._ends()[0]) is not None:
            verdict = await self._looked_at(has + step)
            step = step * 2 if verdict is RunVerdict.HAS else step + 1

    async def _bisect(self) -> None:
        """Look between until nothing there can be told."""
        while (span := self._span()) is not None:
            for place in _from_middle(*span):
                await self._looked_at(place)
                if self._span() != span:
                    break
            else:
                return


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
    if not found.looked:
        return "No run was looked at."
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
    return _sentences(found, "; ".join(filter(None, parts)), _older(found, name))


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


def _older(found: Boundary, name: Callable[[Job], str]) -> str:
    """Say what is known of the runs older than the one that lacks it."""
    seen, unlooked = [], found.older_unlooked
    if found.oldest_having is not None:
        oldest, more = f"run {name(found.oldest_having)}", found.older_having > 1
        are = f"{found.older_having:,} have it, the oldest of them {oldest}"
        seen.append(are if more else f"{oldest} has it")
    if found.older:
        seen.append(f"{found.older:,} {'lacks' if found.older == 1 else 'lack'} it")
    if found.older_unread:
        seen.append(f"{found.older_unread:,} could tell nothing ({WHY})")
    if not seen:
        return "Older ones were not looked at." if unlooked != 0 else "No run is older."
    rest = f"{unlooked or 0:,} {'was' if unlooked == 1 else 'were'} not looked at"
    if unlooked is None:
        rest = "others were not looked at"
    return f"Of older ones {', '.join(seen)}{f'; {rest}' * (unlooked != 0)}."


def _sentences(found: Boundary, words: str, older: str = "") -> str:
    parts = [f"{words}."]
    if found.newer:
        parts.append(f"{plural(found.newer, 'newer run')} looked at without it.")
    if older:
        parts.append(older)
    return " ".join([*parts, f"{plural(found.looked, 'run')} looked at."])
