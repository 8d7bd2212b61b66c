"""Jobs and their logs: a true line, its number and place, and logs that are computed.

A generated log holds nothing: every line follows from its index.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol, TypeAlias

from chronotui.demo.clock import SECOND, SeededRandom
from chronotui.demo.phrases import BLOCK, BLOCK_LINES, Phrase, Phrasebook
from chronotui.model import STDERR, STDOUT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

Position: TypeAlias = tuple[int, int, int]
"""(attempt, number, rank): the true order of a log, stderr before stdout."""

Place: TypeAlias = tuple[int, int, int, int]
"""(attempt, number, rank, turn): where a server lists a line.

One that knows no attempts has 0 for the attempt, and the lines of one number and
stream in the order of their ids, which ``turn`` stands for; elsewhere ``turn`` is 0.
"""

_RANKS: Final = {STDERR: 0, STDOUT: 1}


class TrueLine(NamedTuple):
    """A line as the container wrote it.

    ``attempt`` counts from 1, ``sequence_num`` from the dialect's base, ``time_ns``
    is the exact time in nanoseconds since the epoch (retained answers cut it to
    milliseconds).
    """

    attempt: int
    sequence_num: int
    stream: str
    time_ns: int
    message: str

    @property
    def position(self) -> Position:
        return (self.attempt, self.sequence_num, _RANKS.get(self.stream, 2))

    def place(self, *, interleaved: bool) -> Place:
        """Return where a server lists the line, which may know no attempts."""
        attempt, number, rank = self.position
        if interleaved:
            return (0, number, rank, turn_of(attempt))
        return (attempt, number, rank, 0)

    def event_id(self, job_id: str) -> str:
        attempt = f"attempt:{self.attempt}:" if self.attempt > 1 else ""
        return f"log:{job_id}:{attempt}{self.stream}:{self.sequence_num}"


@lru_cache(maxsize=256)
def turn_of(attempt: int) -> int:
    """Return a number that orders attempts as their ids are, which are texts.

    ``attempt:2:…`` stands before ``stdout:…``, the first attempt's, and
    ``attempt:10:…`` before ``attempt:2:…``.
    """
    if attempt == 1:
        return 11**4
    return int(str(attempt).ljust(4, "a"), 11)


def downward(place: Place) -> Place:
    """Return what sorts places as a server lists them newest first.

    Numbers fall, what has the same number still rises (stream, then id).
    """
    attempt, number, rank, turn = place
    return (-attempt, -number, rank, turn)


def just_before(place: Place) -> Place:
    """Return the place after which ``place`` comes next, in either direction."""
    return (*place[:3], place[3] - 1)


LiveMark: TypeAlias = tuple[int, int]
"""How far one subscriber has come; its meaning is the log's own."""


class LiveBatch(NamedTuple):
    """Lines due for one subscriber, where it stands now, and when to ask again.

    ``next_ns`` is None when no further line is known to come by itself.
    """

    lines: list[TrueLine]
    mark: LiveMark
    next_ns: int | None


class DemoLog(Protocol):
    """The log of one job; times are world nanoseconds.

    Retained lines are listed as the server has them: with their attempts
    interleaved, or attempt after attempt.
    """

    @property
    def interleaved(self) -> bool:
        """Whether the server knows no attempts (WIRE.md "Logs")."""

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

    def stop(self, at_ns: int) -> None:
        """Let nothing that is not written by then be written at all."""


class Contention(Enum):
    """How hard two writers race for the counter.

    Each value is (share of lines whose writer adds late, most lines that are numbered
    before it adds, whether a writer may go on to its next line before it has added).
    With the last, several doubled numbers can wait for their skip at once.
    """

    NONE = (0.0, 0, False)
    LIGHT = (0.03, 2, False)
    HEAVY = (0.07, 4, True)


class Counter:
    """Gives each line of one attempt its number: two writers race for a counter.

    A server's reader of each stream takes the counter's value for a line, hands the
    line on, and only then adds one. What the other reader takes in between has the
    same number; once both have added, a number is left out. So a doubled number is
    always one line of each stream, pays for one number that is skipped, and the skip
    may come several lines later, or never if the log ends before (WIRE.md "Logs").
    """

    def __init__(
        self, first: int, contention: Contention = Contention.NONE, seed: int = 0
    ) -> None:
        self._value = first
        self._late, self._most, self._goes_on = contention.value
        self._rng = SeededRandom(seed, 11)
        self._waiting: list[tuple[str, int]] = []
        self._last: dict[str, int] = {}

    def take(self, stream: str) -> int:
        """Return the number of the next line of a stream.

        The numbers of all lines never fall, those of one stream always rise.
        """
        self._settle(stream)
        number = self._last[stream] = self._value
        late = self._most and self._rng.chance(self._late)
        self._waiting = [(own, left - 1) for own, left in self._waiting]
        self._waiting.append((stream, self._rng.between(1, self._most) if late else 0))
        self._add(place for place, (_, left) in enumerate(self._waiting) if left <= 0)
        return number

    def share(self) -> int:
        """Return the last number again, and skip the next one."""
        if self._most:
            raise ValueError("a number cannot be shared on request in a race")
        self._value += 1
        return self._value - 2

    def skip_to(self, number: int) -> None:
        """Go on after a number that was given from outside."""
        self._value = max(self._value, number + 1)

    def _settle(self, stream: str) -> None:
        """Let what a writer has to add before its next line be added."""
        while (own := self._own(stream)) and (
            not self._goes_on or self._value <= self._last[stream]
        ):
            self._add(own[:1])

    def _own(self, stream: str) -> list[int]:
        return [at for at, (owner, _) in enumerate(self._waiting) if owner == stream]

    def _add(self, places: Iterable[int]) -> None:
        for place in sorted(places, reverse=True):
            del self._waiting[place]
            self._value += 1


def racy_numbers(
    streams: Iterable[str], contention: Contention, seed: int, first: int = 0
) -> list[int]:
    """Return the numbers of the lines of one attempt, given each line's stream."""
    counter = Counter(first, contention, seed)
    return [counter.take(stream) for stream in streams]


@dataclass(frozen=True)
class Chapter:
    """The lines of one attempt.

    Attributes:
        step_ns: One line is written in each step.
        lines: How many there are; None for a job that never ends.
        opening: What the first lines say instead of the book's words.
        ending: What the last lines say instead.
        first_number: 0, or 1 in the documented dialect.
    """

    attempt: int
    start_ns: int
    step_ns: int
    lines: int | None
    book: Phrasebook
    opening: tuple[Phrase, ...] = ()
    ending: tuple[Phrase, ...] = ()
    first_number: int = 0

    @property
    def body_end(self) -> int | None:
        """The index after the last line that comes from the book."""
        return None if self.lines is None else self.lines - len(self.ending)

    def time_ns(self, index: int) -> int:
        late = self.book.offsets[index % BLOCK_LINES] * self.step_ns // 1000
        return self.start_ns + index * self.step_ns + late

    def written(self, now_ns: int) -> int:
        if now_ns < self.start_ns:
            return 0
        count = (now_ns - self.start_ns) // self.step_ns
        if self.lines is not None and count >= self.lines:
            return self.lines
        return count + (self.time_ns(count) <= now_ns)

    def line(self, index: int) -> TrueLine:
        place = index % BLOCK_LINES
        number, end = index, self.body_end
        if index < len(self.opening):
            stream, message = self.opening[index]
        elif end is not None and index >= end:
            stream, message = self.ending[index - end]
        else:
            stream, message = self.book.phrases[place]
            if BLOCK in message:
                message = message.replace(BLOCK, str(index // BLOCK_LINES))
            number += self.book.numbers[place] - place
        return TrueLine(
            self.attempt,
            number + self.first_number,
            stream,
            self.time_ns(index),
            message,
        )

    def index_after(self, position: Position) -> int:
        """Return the index of the first line that stands after ``position``."""
        attempt, number, _ = position
        if attempt != self.attempt:
            return 0 if attempt < self.attempt else (self.lines or 0)
        index = max(0, number - self.first_number)
        if self.lines is not None:
            index = min(index, self.lines)
        while index > 0 and self.line(index - 1).position > position:
            index -= 1
        while index != self.lines and self.line(index).position <= position:
            index += 1
        return index


class GeneratedLog:
    """The attempts of a job, one after the other; only the last may be endless.

    ``lag_ns`` says how far the retained log trails, in nanoseconds.
    """

    def __init__(
        self,
        chapters: tuple[Chapter, ...],
        lag_ns: Callable[[], int],
        *,
        interleaved: bool = False,
    ) -> None:
        self.chapters = chapters
        self.interleaved = interleaved
        self._lag_ns = lag_ns
        self._stopped_ns: int | None = None

    @property
    def mixes_attempts(self) -> bool:
        return self.interleaved and len(self.chapters) > 1

    def stop(self, at_ns: int) -> None:
        self._stopped_ns = at_ns

    def _written(self, chapter: Chapter, now_ns: int) -> int:
        if self._stopped_ns is not None:
            now_ns = min(now_ns, self._stopped_ns)
        return chapter.written(now_ns)

    def retained_chapters(self, now_ns: int) -> list[tuple[Chapter, int]]:
        """Return each chapter that has retained lines, and how many."""
        seen_ns = now_ns - self._lag_ns()
        counted = ((each, self._written(each, seen_ns)) for each in self.chapters)
        return [(chapter, count) for chapter, count in counted if count]

    def newest(self, after: Place | None, limit: int, now_ns: int) -> list[TrueLine]:
        found: list[TrueLine] = []
        for chapter, count in self.retained_chapters(now_ns):
            end = count
            if after is not None:
                behind = (*after[:2], len(_RANKS), 0)
                end = min(count, self._first_after(chapter, behind))
            # Of the number of ``after`` there may be two that do not follow it, and
            # one more for where the limit parts the lines of a number.
            found += map(chapter.line, range(max(0, end - limit - 3), end))

        def listed(line: TrueLine) -> Place:
            return downward(line.place(interleaved=self.interleaved))

        if len(self.chapters) == 1:
            # In order as they are, but for the direction of their numbers.
            found.sort(key=lambda line: -line.sequence_num)
        else:
            found.sort(key=listed)
        start = 0
        if after is not None:
            last = downward(after)
            while start < len(found) and listed(found[start]) <= last:
                start += 1
        return found[start : start + limit]

    def oldest(self, after: Place | None, limit: int, now_ns: int) -> list[TrueLine]:
        found: list[TrueLine] = []
        for chapter, count in self.retained_chapters(now_ns):
            start = 0 if after is None else self._first_after(chapter, after)
            found += map(chapter.line, range(start, min(count, start + limit)))
            if len(found) >= limit and not self.interleaved:
                break
        if self.mixes_attempts:
            found.sort(key=lambda line: line.place(interleaved=True))
        return found[:limit]

    def _first_after(self, chapter: Chapter, place: Place) -> int:
        """Return the index of a chapter's first line that stands after a place."""
        attempt, number, rank, turn = place
        if self.interleaved:
            attempt = chapter.attempt
            rank -= turn_of(attempt) > turn
        elif turn < 0:
            rank -= 1
        return chapter.index_after((attempt, number, rank))

    def live_mark(self, now_ns: int) -> LiveMark:
        return (self.count(now_ns), 0)

    def live_since(self, mark: LiveMark, limit: int, now_ns: int) -> LiveBatch:
        due: list[TrueLine] = []
        skip = mark[0]
        next_ns = None
        for chapter in self.chapters:
            count = self._written(chapter, now_ns)
            end = min(count, skip + limit - len(due))
            due += [chapter.line(index) for index in range(skip, end)]
            if end < count:
                next_ns = now_ns
                break
            if count != chapter.lines:
                next_ns = chapter.time_ns(max(skip, count))
                break
            skip = max(0, skip - count)
        if self._stopped_ns is not None and (next_ns or 0) > self._stopped_ns:
            next_ns = None
        return LiveBatch(due, (mark[0] + len(due), 0), next_ns)

    def listen(self, listener: Callable[[], None]) -> Callable[[], None]:
        del listener
        return lambda: None

    def truth(self, now_ns: int) -> Iterator[TrueLine]:
        for chapter in self.chapters:
            for index in range(self._written(chapter, now_ns)):
                yield chapter.line(index)

    def count(self, now_ns: int) -> int:
        return sum(self._written(chapter, now_ns) for chapter in self.chapters)


class DemoJob:
    """A job whose course is known from the start, or changed by a test.

    States are in the current server's spelling.

    Attributes:
        queued_ns: When it leaves PENDING.
        attempt_starts_ns: When each attempt begins; the first ends QUEUED.
        completed_ns: When it ends; None for never.
        outcome: The state it ends in.
    """

    def __init__(
        self,
        job_id: str,
        workflow_id: str,
        *,
        scheduled_ns: int,
        queued_ns: int,
        attempt_starts_ns: tuple[int, ...],
        completed_ns: int | None,
        trigger: str,
        outcome: str,
        make_log: Callable[[], DemoLog],
    ) -> None:
        self.id = job_id
        self.workflow_id = workflow_id
        self.trigger = trigger
        self.outcome = outcome
        self.created_ns = scheduled_ns - 3 * SECOND
        self.scheduled_ns = scheduled_ns
        self.queued_ns = queued_ns
        self.attempt_starts_ns = attempt_starts_ns
        self.completed_ns = completed_ns
        self._make_log = make_log

    @cached_property
    def log(self) -> DemoLog:
        return self._make_log()

    def attempts(self, now_ns: int) -> int:
        return sum(start <= now_ns for start in self.attempt_starts_ns)

    def status(self, now_ns: int) -> str:
        if self.completed_ns is not None and now_ns >= self.completed_ns:
            return self.outcome
        if self.attempts(now_ns):
            return "RUNNING"
        return "QUEUED" if now_ns >= self.queued_ns else "PENDING"

    def has_ended(self, now_ns: int) -> bool:
        return self.completed_ns is not None and now_ns >= self.completed_ns

    def cancel(self, at_ns: int) -> None:
        """End at a moment, if that is before its time."""
        if self.completed_ns is None or self.completed_ns > at_ns:
            self.outcome = "CANCELED"
            self.completed_ns = at_ns
            begun = [start for start in self.attempt_starts_ns if start < at_ns]
            self.attempt_starts_ns = tuple(begun)
            self.log.stop(at_ns)

    def updated_ns(self, now_ns: int) -> int:
        changes = (self.queued_ns, *self.attempt_starts_ns, self.completed_ns or 0)
        return max((at for at in changes if at <= now_ns), default=self.created_ns)
