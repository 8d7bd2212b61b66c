"""Lines of one block in a row, or some of them, read column by column.

What prints a million lines makes no object of each: a block's text is what a pipe gets,
and its other columns become text a few thousand at a time.
"""

from __future__ import annotations

from array import array
from itertools import accumulate, count
from math import inf
from operator import add
from typing import TYPE_CHECKING, Final, NamedTuple

from chronotui.log.block import (
    FORM_SHIFT,
    NO_TIME,
    STREAMS,
    Block,
    BlockSlice,
    EventIds,
    IdForm,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from chronotui.log.attempts import LineKey
    from chronotui.log.finders import Matcher
    from chronotui.model import LogLine

_ONE_FORM: Final = frozenset({IdForm.SHORT, IdForm.LONG})

_STREAM_OF: Final = tuple(STREAMS[flags & 1] for flags in range(256))
"""The stream by a line's flags, where the block has no other than the two."""


class LineSlice(NamedTuple):
    """Lines of one attempt, in order: those of a block at some places.

    ``places`` are a ``range`` where no line between them is left out. The block may
    change when lines enter its store: read it before.
    """

    attempt: int
    block: Block
    ids: EventIds
    places: Sequence[int]

    @property
    def is_whole(self) -> bool:
        """Whether no line between the first and the last one is left out."""
        return isinstance(self.places, range)

    @property
    def last_key(self) -> LineKey:
        return self.block.key(self.places[-1], self.attempt, self.ids)

    def found_by(self, finder: Matcher) -> LineSlice:
        """Return those a finder finds, however long that takes; of a whole slice."""
        piece = self._replace(block=self.alone(), places=range(len(self.places)))
        block, done = piece.block, 0
        found: list[int] = []
        while done < len(block):
            hits = finder.find(block, done, inf)
            found += hits.indexes
            done = hits.done
        return piece if len(found) == len(block) else piece._replace(places=found)

    def alone(self) -> Block:
        """Return the lines, a whole slice of them, as a block of their own.

        That is the slice's own block where it has no others.
        """
        if len(self.places) == len(self.block):
            return self.block
        start = self.places[0]
        return Block.joined((BlockSlice(self.block, start, start + len(self.places)),))

    @classmethod
    def of_text(cls, text: bytes, first: int) -> LineSlice:
        """Return whole lines of text, of the first attempt, to be searched.

        Their numbers are made up, from ``first`` on, and their other fields empty.
        """
        block = Block()
        sizes = list(map(len, text.split(b"\n")[:-1]))
        block.text = bytearray(text)
        block.ends = array("I", map(add, accumulate(sizes), count(1)))
        lines = len(sizes)
        block.numbers = array("q", range(first, first + lines))
        block.times = array("q", [NO_TIME]) * lines
        block.flags = bytearray(lines)
        block.escapes, block.returns = b"\x1b" in text, b"\r" in text
        block.longest = max(sizes)
        return cls(1, block, EventIds(), range(lines))

    def lines(self) -> Iterator[LogLine]:
        make, attempt, ids = self.block.line, self.attempt, self.ids
        return (make(at, attempt, ids) for at in self.places)

    def text(self) -> bytes:
        """Return the messages in UTF-8, lone surrogates kept, a newline after each."""
        block, places = self.block, self.places
        if self.is_whole and places:
            end = block.begin(places[-1] + 1)
            return bytes(memoryview(block.text)[block.begin(places[0]) : end])
        text, begin, ends = block.text, block.begin, block.ends
        return b"".join([text[begin(at) : ends[at]] for at in places])

    def texts(self) -> list[bytes]:
        """Return each message as it is held: in UTF-8."""
        if not self.block.broken:
            return self.text().split(b"\n")[:-1]
        text, begin, ends = self.block.text, self.block.begin, self.block.ends
        return [bytes(text[begin(at) : ends[at] - 1]) for at in self.places]

    def messages(self) -> list[str]:
        if self.block.broken:
            return list(map(self.block.message, self.places))
        return self.text().decode("utf-8", "surrogatepass").split("\n")[:-1]

    def numbers(self) -> list[int]:
        return self._column(self.block.numbers)

    def times(self) -> list[int | None]:
        """Return nanoseconds since the epoch; None for a line without a time."""
        times: list[int | None] = [*self._column(self.block.times)]
        if NO_TIME in times:
            return [None if time == NO_TIME else time for time in times]
        return times

    def streams(self) -> list[str]:
        if self.block.odd:
            return list(map(self.block.stream, self.places))
        return list(map(_STREAM_OF.__getitem__, self._flags()))

    def _column(self, column: array[int]) -> list[int]:
        if self.is_whole and self.places:
            return column[self.places[0] : self.places[-1] + 1].tolist()
        return [column[at] for at in self.places]

    def _flags(self) -> bytes | bytearray:
        flags = self.block.flags
        if self.is_whole and self.places:
            return flags[self.places[0] : self.places[-1] + 1]
        return bytes([flags[at] for at in self.places])

    def event_ids(self, streams: Sequence[str], numbers: Sequence[int]) -> list[str]:
        """Return the event ids of lines of these streams and numbers, the slice's."""
        forms = {flags >> FORM_SHIFT for flags in set(self._flags())}
        if len(forms) == 1 and forms <= _ONE_FORM:
            return self.ids.texts(forms.pop(), self.attempt, streams, numbers)
        return [line.event_id for line in self.lines()]
