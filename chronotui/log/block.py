"""Lines of one attempt as columns: about 21 bytes a line beyond its text.

`block_of` makes them well under 1 µs a line. A `LineBlock` is made before it comes to
the store: its columns, which cost most, can be worked out in a thread, and the event
loop has only to put it in its place.
"""

from __future__ import annotations

import struct
from array import array
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from enum import IntEnum
from functools import cache
from itertools import accumulate, count, repeat, starmap
from operator import add, or_, sub
from typing import TYPE_CHECKING, Final, NamedTuple, cast, overload

from chronotui.log.attempts import OTHER_RANK, RANKS, LineKey, key_of, rank_of
from chronotui.model import STDERR, STDOUT, LogLine

if TYPE_CHECKING:
    from collections.abc import Iterable


class IdForm(IntEnum):
    NONE = 0
    SHORT = 1
    LONG = 2
    ODD = 3


class EventIds:
    """The ids of one job's lines as forms, its part of them learned from the first."""

    def __init__(self) -> None:
        self._prefix = ""

    def agree(self, other: EventIds) -> bool:
        """Whether forms mean the same there; the job's part is learned from it."""
        self._prefix = self._prefix or other._prefix
        return self._prefix == other._prefix

    def forms(
        self,
        attempt: int,
        numbers: Sequence[int],
        streams: Sequence[str],
        event_ids: Sequence[str],
    ) -> bytes:
        """Return the form of each line's id; all lines are of one attempt."""
        if not any(event_ids):
            return bytes(len(event_ids))
        if not self._prefix:
            self._learn(attempt, zip(numbers, streams, event_ids, strict=True))
        long = f"{self._prefix}attempt:{attempt}:"
        for form, head in ((IdForm.SHORT, self._prefix), (IdForm.LONG, long)):
            if event_ids[0] != f"{head}{streams[0]}:{numbers[0]}":
                continue
            derived = [f"{head}{s}:{n}" for s, n in zip(streams, numbers, strict=True)]
            if derived == list(event_ids):
                return bytes([form]) * len(derived)
        rows = zip(numbers, streams, event_ids, strict=True)
        return bytes(starmap(lambda *row: self._form(attempt, *row), rows))

    def text(self, form: int, attempt: int, stream: str, number: int) -> str:
        if form == IdForm.NONE:
            return ""
        if form == IdForm.LONG:
            return f"{self._prefix}attempt:{attempt}:{stream}:{number}"
        return f"{self._prefix}{stream}:{number}"

    def texts(
        self, form: int, attempt: int, streams: Sequence[str], numbers: Sequence[int]
    ) -> list[str]:
        """Return the ids of lines that all have one form, SHORT or LONG."""
        long = f"attempt:{attempt}:" if form == IdForm.LONG else ""
        head = f"{self._prefix}{long}"
        return [f"{head}{s}:{n}" for s, n in zip(streams, numbers, strict=True)]

    def _form(self, attempt: int, number: int, stream: str, event_id: str) -> IdForm:
        for form in (IdForm.NONE, IdForm.SHORT, IdForm.LONG):
            if event_id == self.text(form, attempt, stream, number):
                return form
        return IdForm.ODD

    def _learn(self, attempt: int, rows: Iterable[tuple[int, str, str]]) -> None:
        for number, stream, event_id in rows:
            tail = f"{stream}:{number}"
            if event_id.startswith("log:") and event_id.endswith(f":{tail}"):
                head = event_id[: -len(tail)]
                self._prefix = head.removesuffix(f"attempt:{attempt}:")
                return


NO_TIME: Final = -(2**63)
"""Stands for a time that is absent."""

RANK_BITS: Final = 0b11
RETAINED_BIT: Final = 0b100
FORM_SHIFT: Final = 3

STREAMS: Final = (STDERR, STDOUT)
"""The two streams by their ranks."""


class Odd(NamedTuple):
    """What the columns cannot say of a line; "" where they can."""

    stream: str
    event_id: str


class BlockSlice(NamedTuple):
    block: Block
    start: int
    stop: int


class Block:
    """Lines in order, a column for each field.

    ``text`` holds the messages in UTF-8 (lone surrogates kept), a newline after each,
    which ends where ``ends`` says. ``times`` are nanoseconds since the epoch, ``flags``
    rank, retained and form of the event id; ``odd`` has what these cannot say.
    ``escapes``, ``returns`` and ``broken`` tell whether there is an ESC, a carriage
    return or a newline in a message, and ``longest`` how many characters the longest
    one has or had.
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
    def joined(cls, pieces: Iterable[BlockSlice]) -> Block:
        block = cls()
        for piece in pieces:
            block.extend(*piece)
        return block

    def __len__(self) -> int:
        return len(self.ends)

    def extend(self, other: Block, start: int, stop: int) -> None:
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
        self.take_traits(other)

    def take_traits(self, other: Block) -> None:
        """Take over what may be true of another block's lines."""
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
        return self.ends[index - 1] if index else 0

    def size(self, start: int, stop: int) -> int:
        return self.begin(stop) - self.begin(start)

    def message(self, index: int) -> str:
        start = self.ends[index - 1] if index else 0
        return self.text[start : self.ends[index] - 1].decode("utf-8", "surrogatepass")

    def beginning(self, index: int, characters: int) -> str:
        """Return the first characters of a message, lone surrogates replaced."""
        start = self.begin(index)
        stop = min(self.ends[index] - 1, start + 4 * characters)
        return self.text[start:stop].decode("utf-8", "replace")[:characters]

    def stream(self, index: int) -> str:
        rank = self.flags[index] & RANK_BITS
        return STREAMS[rank] if rank < OTHER_RANK else self.odd[index].stream

    def line(self, index: int, attempt: int, ids: EventIds) -> LogLine:
        flags = self.flags[index]
        form = flags >> FORM_SHIFT
        rank = flags & RANK_BITS
        stream = STREAMS[rank] if rank < OTHER_RANK else self.odd[index].stream
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
        if form == IdForm.ODD:
            return LineKey(attempt, number, rank, self.odd[index].event_id)
        stream = STREAMS[rank] if rank < OTHER_RANK else self.odd[index].stream
        event_id = ids.text(form, attempt, stream, number)
        return LineKey(attempt, number, rank, event_id)

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


_SHIFTED: Final = bytes((form << FORM_SHIFT) & 255 for form in range(256))


class LineColumns(NamedTuple):
    """Lines of one attempt, in order, a sequence for each field of `LogLine`."""

    numbers: Sequence[int]
    streams: Sequence[str]
    times: Sequence[int | None]
    messages: Sequence[str]
    event_ids: Sequence[str]
    retained: Sequence[bool]


def block_of(lines: Sequence[LogLine], ids: EventIds) -> Block:
    """Return lines of one attempt, in order, as a block.

    Raises:
        OverflowError: A number or a time needs more than 64 bits.
    """
    attempts, *columns = zip(*lines, strict=True)
    return block_of_columns(attempts[0], LineColumns(*columns), ids)


def block_of_columns(attempt: int, columns: LineColumns, ids: EventIds) -> Block:
    numbers, streams, times, messages, event_ids, retained = columns
    block = Block()
    block.numbers = array("q", numbers)
    if None in times:
        times = [NO_TIME if time is None else time for time in times]
    block.times = array("q", cast("Sequence[int]", times))
    forms = ids.forms(attempt, numbers, streams, event_ids)
    block.flags = _flags(streams, retained, forms)
    if block.flags.translate(None, _PLAIN):
        block.odd = _odd(block.flags, streams, event_ids)
    write_messages(block, messages)
    return block


def write_messages(block: Block, messages: Sequence[str]) -> None:
    """Write the messages of a block that has none, and what is told of them."""
    text = "\n".join(messages) + "\n"
    whole = text.count("\n") == len(messages)
    block.broken = not whole
    block.escapes, block.returns = "\x1b" in text, "\r" in text
    block.text = bytearray(text.encode("utf-8", "surrogatepass"))
    sizes: Iterable[int]
    if len(block.text) == len(text):
        sizes = map(len, messages)
    elif whole:
        sizes = map(len, block.text.split(b"\n")[:-1])
    else:
        sizes = (len(m.encode("utf-8", "surrogatepass")) for m in messages)
    block.longest = max(map(len, messages))
    block.ends = array("I", map(add, accumulate(sizes), count(1)))


def _odd(
    flags: bytearray, streams: Sequence[str], event_ids: Sequence[str]
) -> dict[int, Odd]:
    odd: dict[int, Odd] = {}
    for index, bits in enumerate(flags):
        if bits not in _PLAIN:
            other = bits & RANK_BITS == OTHER_RANK
            strange = bits >> FORM_SHIFT == IdForm.ODD
            odd[index] = Odd(
                streams[index] if other else "", event_ids[index] if strange else ""
            )
    return odd


_PLAIN: Final = bytes(
    bits
    for bits in range(256)
    if bits & RANK_BITS != OTHER_RANK and bits >> FORM_SHIFT != IdForm.ODD
)
"""Flags of lines the columns say all of."""


def _flags(streams: Sequence[str], retained: Sequence[bool], forms: bytes) -> bytearray:
    flags = bytes(map(RANKS.get, streams, repeat(OTHER_RANK)))
    if False not in retained:
        flags = flags.translate(_or_table(RETAINED_BIT))
    elif True in retained:
        flags = bytes(map(or_, flags, map(RETAINED_BIT.__mul__, retained)))
    shifted = forms.translate(_SHIFTED)
    if forms.count(forms[0]) == len(forms):
        return bytearray(flags.translate(_or_table(shifted[0])))
    return bytearray(map(or_, flags, shifted))


@cache
def _or_table(bits: int) -> bytes:
    return bytes(each | bits for each in range(256))


_HEAD: Final = struct.Struct("<IQQ???")
_LINE_BYTES: Final = 4 + 8 + 8 + 1


def pack(block: Block) -> bytes:
    bits = (block.escapes, block.returns, block.broken)
    return b"".join(
        (
            _HEAD.pack(len(block), len(block.text), block.longest, *bits),
            block.ends.tobytes(),
            block.numbers.tobytes(),
            block.times.tobytes(),
            block.flags,
            block.text,
        )
    )


def unpack(packed: bytes, odd: dict[int, Odd]) -> Block:
    """Return the block `pack` was given; ValueError if the bytes are not whole."""
    if len(packed) < _HEAD.size:
        raise ValueError("not a whole block")
    block = Block()
    lines, size, block.longest, *bits = _HEAD.unpack_from(packed)
    block.escapes, block.returns, block.broken = bits
    view = memoryview(packed)[_HEAD.size :]
    if len(view) != _LINE_BYTES * lines + size:
        raise ValueError("not a whole block")
    block.ends.frombytes(view[: 4 * lines])
    block.numbers.frombytes(view[4 * lines : 12 * lines])
    block.times.frombytes(view[12 * lines : 20 * lines])
    block.flags = bytearray(view[20 * lines : 21 * lines])
    block.text = bytearray(view[21 * lines :])
    block.odd = odd
    return block


class LineBlock(Sequence["LogLine"]):
    """Retained lines of one attempt, in order, no two with one key.

    Every line has an event id that tells the attempt. Lines are made when asked for.
    ``runs`` are (first, last) of numbers that rise by one, in order.
    """

    def __init__(
        self, attempt: int, block: Block, ids: EventIds, runs: list[tuple[int, int]]
    ) -> None:
        self.attempt = attempt
        self.block = block
        self.ids = ids
        self.runs = runs

    @property
    def places(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """(attempt, number) of the first line and of the last one."""
        numbers = self.block.numbers
        return (self.attempt, numbers[0]), (self.attempt, numbers[-1])

    def part(self, start: int, stop: int) -> LineBlock:
        block = Block.joined((BlockSlice(self.block, start, stop),))
        runs = runs_of(block.numbers, breaks_of(block.numbers))
        return LineBlock(self.attempt, block, self.ids, runs)

    def __len__(self) -> int:
        return len(self.block)

    @overload
    def __getitem__(self, index: int) -> LogLine: ...
    @overload
    def __getitem__(self, index: slice) -> list[LogLine]: ...
    def __getitem__(self, index: int | slice) -> LogLine | list[LogLine]:
        if isinstance(index, slice):
            return [self[at] for at in range(*index.indices(len(self)))]
        at = range(len(self))[index]
        return self.block.line(at, self.attempt, self.ids)

    def __iter__(self) -> Iterator[LogLine]:
        make, attempt, ids = self.block.line, self.attempt, self.ids
        return (make(index, attempt, ids) for index in range(len(self)))


def line_block(attempt: int, columns: LineColumns, ids: EventIds) -> LineBlock | None:
    """Return columns of retained lines as a block of lines, if they can be one.

    None when they are out of order, or an event id is not that of its line. The job's
    part of the ids is learned.
    """
    numbers, streams = columns.numbers, columns.streams
    breaks = breaks_of(numbers)
    for at in breaks:
        before, here = (numbers[at - 1], rank_of(streams[at - 1])), numbers[at]
        if before >= (here, rank_of(streams[at])):
            return None
    try:
        block = block_of_columns(attempt, columns, ids)
    except OverflowError:
        return None
    forms = {flags >> FORM_SHIFT for flags in set(block.flags)}
    # The short one is of the first attempt alone.
    known = {IdForm.SHORT, IdForm.LONG} if attempt == 1 else {IdForm.LONG}
    if block.odd or not forms <= known:
        return None
    return LineBlock(attempt, block, ids, runs_of(numbers, breaks))


def breaks_of(numbers: Sequence[int]) -> list[int]:
    """Return where a number is not the one after that before it."""
    if numbers == list(range(numbers[0], numbers[0] + len(numbers))):
        return []
    steps = map(sub, numbers[1:], numbers)
    return [at for at, step in enumerate(steps, 1) if step != 1]


def runs_of(numbers: Sequence[int], breaks: list[int]) -> list[tuple[int, int]]:
    """Return the first and the last number of each run between the breaks."""
    edges = zip([0, *breaks], [*breaks, len(numbers)], strict=True)
    return [(numbers[start], numbers[stop - 1]) for start, stop in edges]
