"""Lines of one attempt as columns: about 21 bytes a line beyond its text."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from typing import TYPE_CHECKING, Final, NamedTuple

from chronotui.core.log.event_ids import IdForm
from chronotui.core.log.keys import OTHER_RANK, LineKey, key_of
from chronotui.model import STDERR, STDOUT, LogLine

if TYPE_CHECKING:
    from collections.abc import Iterable

    from chronotui.core.log.event_ids import EventIds

NO_TIME: Final = -(2**63)
"""Stands for a time that is absent."""

RANK_BITS: Final = 0b11
RETAINED_BIT: Final = 0b100
FORM_SHIFT: Final = 3

_STREAMS: Final = (STDERR, STDOUT)


class Odd(NamedTuple):
    """What the columns cannot say of a line; "" where they can."""

    stream: str
    event_id: str


class Piece(NamedTuple):
    """Lines ``start`` to ``stop`` (exclusive) of a block."""

    block: Block
    start: int
    stop: int


class Block:
    """Lines in order, a column for each field.

    Attributes:
        text: The messages in UTF-8 (lone surrogates kept), a newline after each.
        ends: Where each message's newline ends in ``text``.
        numbers: Sequence numbers.
        times: Nanoseconds since the epoch, or ``NO_TIME``.
        flags: Rank, retained and form of the event id.
        odd: By index, what the columns cannot say.
        escapes: Whether there is an ESC in a message.
        returns: Whether there is a carriage return in a message.
        broken: Whether there is a newline in a message.
        longest: Characters of the longest message there is or was.
    """

    __slots__ = (
        "broken",
        "ends",
        "escapes",
        "flags",
        "longest",
        "numbers",
        "odd",
        "returns",
        "text",
        "times",
    )

    def __init__(self) -> None:
        self.text = bytearray()
        self.ends = array("I")
        self.numbers = array("q")
        self.times = array("q")
        self.flags = bytearray()
        self.odd: dict[int, Odd] = {}
        self.escapes = self.returns = self.broken = False
        self.longest = 0

    @classmethod
    def joined(cls, pieces: Iterable[Piece]) -> Block:
        """Return the lines of pieces, one after the other."""
        block = cls()
        for piece in pieces:
            block.extend(*piece)
        return block

    def __len__(self) -> int:
        return len(self.ends)

    @property
    def column_bytes(self) -> int:
        """Bytes the columns take beside the text."""
        return 21 * len(self.ends) + 200 * len(self.odd)

    def extend(self, other: Block, start: int, stop: int) -> None:
        """Append lines of another block."""
        base = other.begin(start)
        shift = len(self.text) - base
        here = len(self.ends)
        self.text += memoryview(other.text)[base : other.begin(stop)]
        ends = other.ends[start:stop]
        self.ends.extend(map(shift.__add__, ends) if shift else ends)
        self.numbers += other.numbers[start:stop]
        self.times += other.times[start:stop]
        self.flags += other.flags[start:stop]
        for index, odd in other.odd.items():
            if start <= index < stop:
                self.odd[index - start + here] = odd
        self.longest = max(self.longest, other.longest)
        self.escapes |= other.escapes
        self.returns |= other.returns
        self.broken |= other.broken

    def insert(self, at: int, other: Block, index: int) -> None:
        """Put one line of another block before a line; costs what follows it."""
        start, stop = other.begin(index), other.begin(index + 1)
        begin, size = self.begin(at), stop - start
        self.text[begin:begin] = other.text[start:stop]
        after = self.ends[at:]
        del self.ends[at:]
        self.ends.append(begin + size)
        self.ends.extend(map(size.__add__, after))
        self.numbers.insert(at, other.numbers[index])
        self.times.insert(at, other.times[index])
        self.flags.insert(at, other.flags[index])
        if self.odd or index in other.odd:
            moved = {n + (n >= at): odd for n, odd in self.odd.items()}
            if index in other.odd:
                moved[at] = other.odd[index]
            self.odd = moved
        self.longest = max(self.longest, other.longest)
        self.escapes |= other.escapes
        self.returns |= other.returns
        self.broken |= other.broken

    def trim(self) -> None:
        """Give back what growing reserved: no more lines will be appended."""
        self.text = bytearray(self.text)
        self.ends, self.flags = self.ends[:], bytearray(self.flags)
        self.numbers, self.times = self.numbers[:], self.times[:]

    def begin(self, index: int) -> int:
        """Return where a line's message begins in ``text``."""
        return self.ends[index - 1] if index else 0

    def size(self, start: int, stop: int) -> int:
        """Return the bytes of text of some lines."""
        return self.begin(stop) - self.begin(start)

    def message(self, index: int) -> str:
        """Return a line's message, exact."""
        start = self.ends[index - 1] if index else 0
        return self.text[start : self.ends[index] - 1].decode("utf-8", "surrogatepass")

    def beginning(self, index: int, characters: int) -> str:
        """Return the first characters of a message, lone surrogates replaced."""
        start = self.begin(index)
        stop = min(self.ends[index] - 1, start + 4 * characters)
        return self.text[start:stop].decode("utf-8", "replace")[:characters]

    def stream(self, index: int) -> str:
        """Return a line's stream, the server's word."""
        rank = self.flags[index] & RANK_BITS
        return _STREAMS[rank] if rank < OTHER_RANK else self.odd[index].stream

    def line(self, index: int, attempt: int, ids: EventIds) -> LogLine:
        """Return a line as it came."""
        flags = self.flags[index]
        form = flags >> FORM_SHIFT
        rank = flags & RANK_BITS
        stream = _STREAMS[rank] if rank < OTHER_RANK else self.odd[index].stream
        number = self.numbers[index]
        time_ns = self.times[index]
        return LogLine(
            attempt,
            number,
            stream,
            None if time_ns == NO_TIME else time_ns,
            self.message(index),
            self.odd[index].event_id
            if form == IdForm.ODD
            else ids.text(form, attempt, stream, number),
            bool(flags & RETAINED_BIT),
        )

    def key(self, index: int, attempt: int, ids: EventIds) -> LineKey:
        """Return a line's key, its message left alone where it can be."""
        flags = self.flags[index]
        form, rank = flags >> FORM_SHIFT, flags & RANK_BITS
        if form == IdForm.NONE and (rank == OTHER_RANK or not attempt):
            return key_of(self.line(index, attempt, ids))
        number = self.numbers[index]
        event_id = (
            self.odd[index].event_id
            if form == IdForm.ODD
            else ids.text(form, attempt, self.stream(index), number)
        )
        return LineKey(attempt, number, rank, event_id)

    def same_keys(self, start: int, other: Block, begin: int, lines: int) -> bool:
        """Whether lines have the numbers, streams, ids and origin of another's lines.

        Only for forms of event ids that the columns say all of.
        """
        stop, end = start + lines, begin + lines
        return (
            self.numbers[start:stop] == other.numbers[begin:end]
            and self.flags[start:stop] == other.flags[begin:end]
        )

    def find(self, key: LineKey, ids: EventIds) -> tuple[int, bool]:
        """Return where a key of this attempt belongs, and whether it is there.

        The index is that of the first line not before the key.
        """
        attempt, number, rank, event_id = key
        index = bisect_left(self.numbers, number)
        stop = len(self.ends)
        if index == stop or self.numbers[index] != number:
            return index, False
        here = self.key(index, attempt, ids)
        if here >= key:
            return index, here == key
        high = bisect_left(self.numbers, number + 1, index)
        index = bisect_left(
            range(high),
            (rank, event_id),
            index + 1,
            key=lambda each: self.key(each, attempt, ids)[2:],
        )
        return index, index < high and self.key(index, attempt, ids) == key
