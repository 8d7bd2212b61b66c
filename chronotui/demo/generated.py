"""Logs computed line by line from a phrasebook; nothing of them is ever stored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chronotui.demo.lines import Place, Position, TrueLine, downward, turn_of
from chronotui.demo.phrases import BLOCK, BLOCK_LINES, Phrase, Phrasebook
from chronotui.demo.source import LiveBatch, LiveMark

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@dataclass(frozen=True)
class Chapter:
    """The lines of one attempt.

    Attributes:
        attempt: Its number, from 1.
        start_ns: When its first step begins.
        step_ns: One line is written in each step.
        lines: How many there are; None for a job that never ends.
        book: Where the words come from.
        opening: What the first lines say instead.
        ending: What the last lines say instead.
        first_number: The number of the first line: 0, or 1 in the documented
            dialect.
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
        """Return when line ``index`` is written."""
        late = self.book.offsets[index % BLOCK_LINES] * self.step_ns // 1000
        return self.start_ns + index * self.step_ns + late

    def written(self, now_ns: int) -> int:
        """Return how many lines have been written."""
        if now_ns < self.start_ns:
            return 0
        count = (now_ns - self.start_ns) // self.step_ns
        if self.lines is not None and count >= self.lines:
            return self.lines
        return count + (self.time_ns(count) <= now_ns)

    def line(self, index: int) -> TrueLine:
        """Return line ``index``, counted from 0."""
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
        while self._holds(index) and self.line(index).position <= position:
            index += 1
        return index

    def _holds(self, index: int) -> bool:
        return self.lines is None or index < self.lines


class GeneratedLog:
    """The attempts of a job.

    Args:
        chapters: In order; only the last may be endless.
        lag_ns: Says how far the retained log trails, in nanoseconds.
        interleaved: Whether the server knows no attempts.
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

    @property
    def mixes_attempts(self) -> bool:
        """Whether lines of different attempts stand side by side."""
        return self.interleaved and len(self.chapters) > 1

    def retained_chapters(self, now_ns: int) -> list[tuple[Chapter, int]]:
        """Return each chapter that has retained lines, and how many."""
        seen_ns = now_ns - self._lag_ns()
        counted = ((chapter, chapter.written(seen_ns)) for chapter in self.chapters)
        return [(chapter, count) for chapter, count in counted if count]

    def newest(self, after: Place | None, limit: int, now_ns: int) -> list[TrueLine]:
        """Return retained lines that follow a place, newest first."""
        found: list[TrueLine] = []
        for chapter, count in self.retained_chapters(now_ns):
            start, end, rest = 0, count, 0
            if after is not None:
                end = min(count, self._first_at(chapter, after[:2]))
                rest = min(count, self._first_after(chapter, after))
            # One more, for where the limit parts the lines of a number.
            start = max(0, end - limit - 1)
            found += map(chapter.line, range(start, end))
            found += self._of_number(chapter, rest, count, after)
        if len(self.chapters) == 1:
            # In order as they are, but for the direction of their numbers.
            found.sort(key=lambda line: -line.sequence_num)
        else:
            mixed = self.interleaved
            found.sort(key=lambda line: downward(line.place(interleaved=mixed)))
        return found[:limit]

    def oldest(self, after: Place | None, limit: int, now_ns: int) -> list[TrueLine]:
        """Return retained lines that follow a place, oldest first."""
        found: list[TrueLine] = []
        for chapter, count in self.retained_chapters(now_ns):
            start = 0 if after is None else self._first_after(chapter, after)
            found += map(chapter.line, range(start, min(count, start + limit)))
            if len(found) >= limit and not self.interleaved:
                break
        if self.mixes_attempts:
            found.sort(key=lambda line: line.place(interleaved=True))
        return found[:limit]

    def _first_at(self, chapter: Chapter, number: tuple[int, int]) -> int:
        """Return the index of a chapter's first line that has a number, or is later."""
        return self._first_after(chapter, (*number, -1, 0))

    def _first_after(self, chapter: Chapter, place: Place) -> int:
        """Return the index of a chapter's first line that stands after a place."""
        attempt, number, rank, turn = place
        if self.interleaved:
            attempt = chapter.attempt
            rank -= turn_of(attempt) > turn
        elif turn < 0:
            rank -= 1
        return chapter.index_after((attempt, number, rank))

    def _of_number(
        self, chapter: Chapter, start: int, count: int, after: Place | None
    ) -> list[TrueLine]:
        """Return the lines from an index on that have the number of a place."""
        found: list[TrueLine] = []
        if after is None:
            return found
        for index in range(start, count):
            line = chapter.line(index)
            if line.place(interleaved=self.interleaved)[:2] != after[:2]:
                break
            found.append(line)
        return found

    def live_mark(self, now_ns: int) -> LiveMark:
        """Return where a subscription of this moment begins: lines written so far."""
        return (self.count(now_ns), 0)

    def live_since(self, mark: LiveMark, limit: int, now_ns: int) -> LiveBatch:
        """Return the lines written after ``mark``."""
        due: list[TrueLine] = []
        skip = mark[0]
        for chapter in self.chapters:
            count = chapter.written(now_ns)
            end = min(count, skip + limit - len(due))
            due += [chapter.line(index) for index in range(skip, end)]
            if end < count:
                return LiveBatch(due, (mark[0] + len(due), 0), now_ns)
            if chapter.lines is None or count < chapter.lines:
                return LiveBatch(
                    due, (mark[0] + len(due), 0), chapter.time_ns(max(skip, count))
                )
            skip = max(0, skip - count)
        return LiveBatch(due, (mark[0] + len(due), 0), None)

    def listen(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Foresee everything: ``listener`` is never called."""
        del listener
        return lambda: None

    def truth(self, now_ns: int) -> Iterator[TrueLine]:
        """Return every line written so far, attempt after attempt."""
        for chapter in self.chapters:
            for index in range(chapter.written(now_ns)):
                yield chapter.line(index)

    def count(self, now_ns: int) -> int:
        """Return how many lines have been written so far."""
        return sum(chapter.written(now_ns) for chapter in self.chapters)
