"""The lines of several jobs in one order: by time, and each job's own order unbroken.

The merged log is a store like any other, so reading, searching, filtering and keeping
the place cost in it what they cost in one job's log. Its lines are copies, numbered by
where they stand. What time a line counts as having is the latest of its job up to it,
in milliseconds, as they are shown and retained: whether a line came live or was
retained does not move it, and a clock that goes backwards breaks no job's order.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from itertools import accumulate, count, repeat
from operator import add, itemgetter
from time import perf_counter
from typing import TYPE_CHECKING, Final, NamedTuple

from chronotui.log.attempts import MILLISECOND_NS, OTHER_RANK, LineKey
from chronotui.log.block import (
    RANK_BITS,
    RETAINED_BIT,
    STREAMS,
    Block,
    EventIds,
)
from chronotui.log.handoff import LinePlace
from chronotui.log.line_slice import LineSlice
from chronotui.log.store import DEFAULT_BUDGET_BYTES, LogStore
from chronotui.model import LogLine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from chronotui.log.chunks import Chunk, Overflow

ATTEMPT: Final = 1
"""The attempt all lines of a merged log stand in."""

# A place: milliseconds since the epoch, the part, the line among those of both.

COUNT_BITS: Final = 13
PART_BITS: Final = 8
TIME_SHIFT: Final = COUNT_BITS + PART_BITS
MOST_PARTS: Final = 1 << PART_BITS
MOST_MS: Final = (1 << (63 - TIME_SHIFT)) - (1 << 20)
"""Times from 1970 to 2109 count; others as the nearest of these."""

MOST_COUNT: Final = (1 << COUNT_BITS) - 1

FIRST_COUNT: Final = 1 << (COUNT_BITS - 3)
"""Where a millisecond begins to be counted: lines may come before its first one."""

STEPS: Final = (8, 1)
"""Room left between two places, for lines that come late: as much as there is."""

ADDED_AT_ONCE: Final = 2000
"""Lines that enter in one go: the bytes spooled on the way are bounded."""

MOST_CHUNKS: Final = 1
"""Chunks taken over of one job before it is another one's turn."""


def milliseconds(time_ns: int) -> int:
    """Return the time a line is placed by; none is the earliest of all."""
    return min(max(time_ns // MILLISECOND_NS, 0), MOST_MS)


def place_at(ms: int, part: int, count: int = 0) -> int:
    return (ms << TIME_SHIFT) + (part << COUNT_BITS) + count


def ms_of(place: int) -> int:
    return place >> TIME_SHIFT


def part_of(place: int) -> int:
    return (place >> COUNT_BITS) & (MOST_PARTS - 1)


def places_after(
    place: int | None, times: Iterable[int], part: int, step: int = STEPS[0]
) -> array[int]:
    """Return the places of a job's lines by their times.

    ``place`` is that of the line before, None if they are the first.
    """
    places = array("q")
    last = latest = -1
    if place is not None:
        last, latest = place, ms_of(place)
    first = (part << COUNT_BITS) + FIRST_COUNT
    for time_ns in times:
        ms = time_ns // MILLISECOND_NS
        if latest < ms <= MOST_MS:
            latest = ms
            last = (ms << TIME_SHIFT) + first
        else:
            latest, last = _crowded(latest, last, ms, first, step)
        places.append(last)
    return places


def _crowded(latest: int, last: int, ms: int, first: int, step: int) -> tuple[int, int]:
    """Return time and place of a line that does not come later than the one before."""
    time = max(latest, min(max(ms, 0), MOST_MS))
    if time > latest:
        return time, (time << TIME_SHIFT) + first
    bound = (time << TIME_SHIFT) + first - FIRST_COUNT + MOST_COUNT
    if last < bound:
        return time, min(last + step, bound)
    time += 1  # so many in one millisecond go on in the next
    return time, (time << TIME_SHIFT) + first - FIRST_COUNT


class Placed:
    """Lines of one job in its own order, and where they stand in the merged log.

    Attributes:
        attempts: Each line's attempt,
        numbers: its sequence number,
        flags: the flags of its block,
        places: and its place.
    """

    __slots__ = ("attempts", "flags", "numbers", "places")

    def __init__(self) -> None:
        self.attempts = array("i")
        self.numbers = array("q")
        self.flags = bytearray()
        self.places = array("q")

    def __len__(self) -> int:
        return len(self.numbers)

    def take(self, attempt: int, block: Block, start: int = 0) -> None:
        """Append a chunk's lines, from one on, without places."""
        self.attempts += array("i", [attempt]) * (len(block) - start)
        self.numbers += block.numbers[start:]
        self.flags += block.flags[start:]

    def join(self, other: Placed) -> None:
        self.attempts += other.attempts
        self.numbers += other.numbers
        self.flags += other.flags
        self.places += other.places

    def cut(self, start: int, stop: int) -> Placed:
        part = Placed()
        part.attempts = self.attempts[start:stop]
        part.numbers = self.numbers[start:stop]
        part.flags = self.flags[start:stop]
        part.places = self.places[start:stop]
        return part

    def same_from_start(self, other: Placed) -> int:
        """Return how many lines at the beginning are the same."""
        most = min(len(self), len(other))
        return _most(most, lambda n: self._equals(other, slice(n), slice(n)))

    def same_to_end(self, other: Placed, most: int) -> int:
        """Return how many lines at the end are the same, at most so many."""
        mine, its = len(self), len(other)
        return _most(
            most,
            lambda n: self._equals(other, slice(mine - n, mine), slice(its - n, its)),
        )

    def _equals(self, other: Placed, here: slice, there: slice) -> bool:
        return (
            self.numbers[here] == other.numbers[there]
            and self.flags[here] == other.flags[there]
            and self.attempts[here] == other.attempts[there]
        )


def _most(limit: int, holds: Callable[[int], bool]) -> int:
    """Return the largest number up to a limit that something holds for, 0 at least.

    What holds for a number holds for all below it.
    """
    if holds(limit):
        return limit
    low, high = 0, limit
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low


class KnownChunk(NamedTuple):
    """A chunk of a job as it was taken over."""

    stamp: int
    edits: int
    placed: Placed

    def is_still(self, chunk: Chunk) -> bool:
        return (self.stamp, self.edits, len(self.placed)) == (
            chunk.stamp,
            chunk.edits,
            chunk.count,
        )


class OrderChange(NamedTuple):
    """Lines that leave the merged log, by their places, and lines that enter it."""

    gone: list[int]
    new: list[Copies]


class Copies(NamedTuple):
    """Lines of a job's block from one on, and their places in the merged log."""

    block: Block
    start: int
    places: array[int]

    def lines(self) -> Iterator[LogLine]:
        """Yield them, numbered by their places."""
        piece = self.piece
        return map(
            LogLine,
            repeat(ATTEMPT),
            self.places,
            piece.streams(),
            piece.times(),
            piece.messages(),
            repeat(""),
            map(bool, map(RETAINED_BIT.__and__, self.flags)),
        )

    @property
    def stop(self) -> int:
        return self.start + len(self.places)

    @property
    def piece(self) -> LineSlice:
        return LineSlice(ATTEMPT, self.block, _NO_IDS, range(self.start, self.stop))

    @property
    def flags(self) -> bytearray:
        return self.block.flags[self.start : self.stop]

    def parted(self, place: int) -> tuple[Copies, Copies]:
        """Return those up to a place, and those behind it."""
        at = bisect_right(self.places, place)
        return (
            self._replace(places=self.places[:at]),
            self._replace(start=self.start + at, places=self.places[at:]),
        )


_NO_IDS: Final = EventIds()

_PLAIN: Final = bytes(flags & (RANK_BITS | RETAINED_BIT) for flags in range(256))
"""Flags without what they say of an event id, which copies do not have."""


def _block_of(copies: Sequence[Copies]) -> Block:
    """Return lines of several jobs, none of an odd stream, as one block in order."""
    block = Block()
    places, times, flags = array("q"), array("q"), bytearray()
    texts: list[bytes] = []
    for each in copies:
        places += each.places
        times += each.block.times[each.start : each.stop]
        flags += each.flags
        texts += each.piece.texts()
        block.take_traits(each.block)
    order = sorted(range(len(places)), key=places.__getitem__)
    block.numbers = array("q", map(places.__getitem__, order))
    block.times = array("q", map(times.__getitem__, order))
    block.flags = bytearray(map(flags.__getitem__, order)).translate(_PLAIN)
    texts = [texts[at] for at in order]
    block.text = bytearray(b"\n".join([*texts, b""]))
    block.ends = array("I", map(add, accumulate(map(len, texts)), count(1)))
    return block


class JobOrder:
    """Where the lines of one job stand in the merged log.

    Attributes:
        store: The job's lines; None once they are let go of and change no more.
        moves: Grows with every change but of lines that follow the last one.
    """

    def __init__(self, part: int, store: LogStore) -> None:
        self.part = part
        self.store: LogStore | None = store
        self.moves = 0
        self._known: list[KnownChunk] = []
        self._version = -1

    @property
    def is_due(self) -> bool:
        """Whether the job's lines may be others than those taken over."""
        if self.store is None:
            return False
        held = self.store.chunks
        return held.version != self._version or len(held.chunks) > len(self._known)

    def take_over(self) -> Iterator[OrderChange]:
        """Follow the job's store; of many new chunks some at a time, see `is_due`.

        Nothing else is to be asked before all changes are taken.
        """
        if self.store is None:
            return
        held = self.store.chunks
        start = 0 if self._version < 0 else held.changed_since(self._version)
        start = min(start, len(self._known))
        self._version = held.version
        if start == len(self._known) - 1 and held.chunks[start:]:
            grown = self._grown(self.store, held.chunks[start])
            if grown is not None:
                yield grown
                start += 1
        old = self._known[start:]
        new = held.chunks[start:] if old else held.chunks[start : start + MOST_CHUNKS]
        del self._known[start:]
        for group in _groups(old, new):
            yield from self._take_group(self.store, group)

    def _grown(self, store: LogStore, chunk: Chunk) -> OrderChange | None:
        """Take lines that follow the last one in its chunk, as live ones do."""
        stamp, edits, placed = self._known[-1]
        start = len(placed)
        if (stamp, edits) != (chunk.stamp, chunk.edits) or chunk.count < start:
            return None
        block = store.spool.block(chunk)
        added = Placed()
        added.take(chunk.attempt, block, start)
        times = block.times[start:]
        added.places = places_after(placed.places[-1], times, self.part)
        placed.join(added)
        return OrderChange([], [Copies(block, start, added.places)])

    def _take_group(self, store: LogStore, group: _Group) -> Iterator[OrderChange]:
        """Put a group's new chunks in the place of its old ones."""
        known = self._known
        if not (group.before or group.after):
            known += group.stays
            return
        previous = known[-1].placed.places[-1] if known else None
        while True:
            stretch = _Stretch(self.part, previous, store, group)
            if stretch.fit():
                break
            group.take_next()  # the lines behind it have to make room
        self.moves += stretch.moves
        yield stretch.change()
        known += stretch.known()
        known += group.stays

    # where lines are

    @property
    def first(self) -> int | None:
        """The place of the job's first line, None without any."""
        return self._known[0].placed.places[0] if self._known else None

    @property
    def last(self) -> int | None:
        return self._known[-1].placed.places[-1] if self._known else None

    def origin(self, place: int) -> LinePlace | None:
        """Return which of the job's lines stands at a place of the merged log."""
        firsts = [each.placed.places[0] for each in self._known]
        index = bisect_right(firsts, place) - 1
        if index < 0:
            return None
        placed = self._known[index].placed
        at = bisect_left(placed.places, place)
        if at == len(placed) or placed.places[at] != place:
            return None
        rank = placed.flags[at] & RANK_BITS
        stream = STREAMS[rank] if rank < OTHER_RANK else ""
        return LinePlace(placed.attempts[at], placed.numbers[at], stream)

    def place_from(self, attempt: int, number: int) -> int | None:
        """Return the place of the job's first line not before a number, None: none."""
        at = (attempt, number)
        for known in self._known[max(self._index_of(at) - 1, 0) :]:
            placed = known.placed
            numbers = range(len(placed))
            index = bisect_left(
                numbers, at, key=lambda n: (placed.attempts[n], placed.numbers[n])
            )
            if index < len(placed):
                return placed.places[index]
        return None

    def _index_of(self, at: tuple[int, int]) -> int:
        return bisect_left(
            self._known,
            at,
            key=lambda known: (known.placed.attempts[0], known.placed.numbers[0]),
        )


class _Group:
    """Chunks of a job that are to take the place of others, and what stays behind."""

    def __init__(self) -> None:
        self.before: list[KnownChunk] = []
        self.after: list[Chunk] = []
        self.stays: list[KnownChunk] = []
        self.staying: list[Chunk] = []

    def take_next(self) -> None:
        """Have the next chunk placed anew as well, although it is what it was."""
        self.before.append(self.stays.pop(0))
        self.after.append(self.staying.pop(0))


def _groups(old: Sequence[KnownChunk], new: Sequence[Chunk]) -> list[_Group]:
    """Pair what was with what is: each group ends with chunks that are what they were.

    The chunks that stay do so in order, as those of a store do.
    """
    at_stamp = {known.stamp: index for index, known in enumerate(old)}
    groups, group, done = [], _Group(), 0
    for chunk in new:
        index = at_stamp.get(chunk.stamp, -1)
        if index < done or not old[index].is_still(chunk):
            if group.stays:
                groups.append(group)
                group = _Group()
            group.after.append(chunk)
            continue
        if index > done and group.stays:
            groups.append(group)
            group = _Group()
        group.before += old[done:index]
        group.stays.append(old[index])
        group.staying.append(chunk)
        done = index + 1
    if group.stays and done < len(old):
        groups.append(group)
        group = _Group()
    group.before += old[done:]
    groups.append(group)
    return groups


class _Stretch:
    """What of a group's lines really changed, and the places that gives them."""

    def __init__(
        self, part: int, previous: int | None, store: LogStore, group: _Group
    ) -> None:
        self._part = part
        self._previous = previous
        self._group = group
        self._blocks = [store.spool.block(chunk) for chunk in group.after]
        self._was, self._now = Placed(), Placed()
        for known in group.before:
            self._was.join(known.placed)
        self._times = array("q")
        for chunk, block in zip(group.after, self._blocks, strict=True):
            self._now.take(chunk.attempt, block)
            self._times += block.times
        self._start = self._was.same_from_start(self._now)
        most = min(len(self._was), len(self._now)) - self._start
        self._alike = self._was.same_to_end(self._now, most)
        self._next: tuple[int, int] | None = None
        if group.stays:
            block = store.spool.block(group.staying[0])
            self._next = group.stays[0].placed.places[0], block.times[0]
        self._places = array("q")

    @property
    def _stop(self) -> int:
        return len(self._now) - self._alike

    @property
    def moves(self) -> bool:
        """Whether anything changes but lines that follow the last one."""
        appends = self._start == len(self._was) and not self._group.stays
        return not appends or (self._previous is None and not self._was)

    def fit(self) -> bool:
        """Place the lines that changed; False if those behind the group must move."""
        before = self._previous
        if self._start:
            before = self._was.places[self._start - 1]
        more = 1
        while True:
            times = self._times[self._start : self._stop]
            for step in STEPS:
                places = places_after(before, times, self._part, step)
                if self._leads_on(places[-1] if places else before):
                    self._places = places
                    return True
            if not self._alike:
                return False
            self._alike -= min(self._alike, more)
            more *= 8

    def _leads_on(self, last: int | None) -> bool:
        """Whether the line behind stands where it would be placed by its time."""
        following = self._next
        if self._alike:
            place = self._was.places[len(self._was) - self._alike]
            following = place, self._times[self._stop]
        if following is None or last is None:
            return following is None or ms_of(following[0]) == milliseconds(
                following[1]
            )
        place, time_ns = following
        return last < place and ms_of(place) == max(milliseconds(time_ns), ms_of(last))

    def known(self) -> Iterator[KnownChunk]:
        """Yield the group's chunks as they are now, with their places."""
        now, was = self._now, self._was
        now.places = was.places[: self._start] + self._places
        now.places += was.places[len(was) - self._alike :]
        at = 0
        for chunk in self._group.after:
            placed = now.cut(at, at + chunk.count)
            yield KnownChunk(chunk.stamp, chunk.edits, placed)
            at += chunk.count

    def change(self) -> OrderChange:
        """Return what leaves the merged log and what enters it."""
        was, now = self._was, self._now
        gone = was.places[self._start : len(was) - self._alike]
        new = list(self._copies(self._start, self._stop))
        if gone == self._places:
            flags = range(self._start, self._stop)
            if all(
                was.flags[at] | RETAINED_BIT == now.flags[at] | RETAINED_BIT
                and now.flags[at] & RETAINED_BIT
                for at in flags
            ):
                gone = gone[:0]  # they take the fields of their retained ones
        return OrderChange(list(gone), new)

    def _copies(self, start: int, stop: int) -> Iterator[Copies]:
        at = 0
        for block in self._blocks:
            first, last = max(start - at, 0), min(stop - at, len(block))
            if first < last:
                places = self._places[at + first - start : at + last - start]
                yield Copies(block, first, places)
            at += len(block)


class MergedStore:
    """The lines of several jobs, each once, in one store.

    Attributes:
        store: All lines, to be shown as those of one log.
        jobs: The order of each job, by its number.
    """

    def __init__(
        self,
        *,
        budget_bytes: int = DEFAULT_BUDGET_BYTES,
        overflow: Callable[[], Overflow] | None = None,
    ) -> None:
        self.store = LogStore(budget_bytes=budget_bytes, overflow=overflow)
        self.store.is_sparse = True
        self.jobs: list[JobOrder] = []

    def add_job(self, store: LogStore) -> JobOrder:
        """Take a job's lines in, now and whenever `take_over` is called.

        Raises:
            ValueError: There are as many jobs as can be told apart.
        """
        if len(self.jobs) >= MOST_PARTS:
            raise ValueError("no more jobs can be told apart")
        job = JobOrder(len(self.jobs), store)
        self.jobs.append(job)
        return job

    def take_over(self, budget_seconds: float) -> bool:
        """Follow the jobs' stores for a while; whether all is done."""
        deadline = perf_counter() + budget_seconds
        while due := [job for job in self.jobs if job.is_due]:
            new: list[Copies] = []
            for job in due:
                for change in job.take_over():
                    self._take_away(change.gone, job.part)
                    new += change.new
            self._add(new)
            if perf_counter() >= deadline:
                return not any(job.is_due for job in due)
        return True

    def _take_away(self, places: Sequence[int], part: int) -> None:
        """Take lines of one job away, all that stand between the first and the last."""
        if not places:
            return
        low, high = (
            LineKey(ATTEMPT, place, -1, "") for place in (places[0], places[-1] + 1)
        )
        store = self.store
        lines = store.lines(store.bisect(low), store.bisect(high))
        kept = [line for line in lines if part_of(line.sequence_num) != part]
        store.rewrite(low, high, kept)

    def _add(self, new: Sequence[Copies]) -> None:
        """Add lines: those behind all others at once, as live ones mostly are."""
        chunks = self.store.chunks.chunks
        last = chunks[-1].last.sequence_num if chunks else -1
        among: list[LogLine] = []
        behind: list[Copies] = []
        for each in new:
            parts = (each, each) if each.block.odd else each.parted(last)
            among += parts[0].lines()
            if not each.block.odd:
                behind.append(parts[1])
        among.sort(key=itemgetter(1))
        behind = [each for each in behind if each.places]
        if behind:
            block = _block_of(behind)
            lines = range(len(block))
            self.store.append(LineSlice(ATTEMPT, block, _NO_IDS, lines))
        for start in range(0, len(among), ADDED_AT_ONCE):
            self.store.add(among[start : start + ADDED_AT_ONCE])

    def origin(self, line: LogLine) -> tuple[int, LinePlace | None]:
        """Return the number of a shown line's job, and the line in its own log."""
        part = part_of(line.sequence_num)
        return part, self.jobs[part].origin(line.sequence_num)

    def close(self) -> None:
        self.store.close()
