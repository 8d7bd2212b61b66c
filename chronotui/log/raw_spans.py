"""Stretches of a jsonl download whose lines stand in order: printed, never stored.

What prints a long log needs no more of most of its lines than that they go on where the
ones before ended. So a stretch is decoded once, its numbers are looked at, and what is
wanted of it is made of the decoded entries as they are. Whatever is not quite as usual
comes as lines, as from `RawBlocks`.
"""

from __future__ import annotations

import functools
from itertools import compress, pairwise
from operator import lt
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from chronotui.log.attempts import LineKey, rank_of
from chronotui.log.block import breaks_of, runs_of
from chronotui.log.chunks import CHUNK_LINES
from chronotui.log.raw_body import RawBlocks, StampTimes, decode_entries
from chronotui.model import STDERR, STDOUT, LogLine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

PART_BYTES: Final = 64 << 10
"""Bytes looked at at a time: they stay in a processor's cache."""

SPAN_BYTES: Final = 512 << 10
"""Bytes handed over at a time."""

HEAD_LINES: Final = CHUNK_LINES
"""So many lines a log begins with come as lines."""


@functools.cache
def entry_type() -> Any:
    """Return the type of an entry, whose fields are in the order they are printed in.

    The tag is the attempt: a server does not send it.
    """
    import msgspec  # noqa: PLC0415 - core must be cheap to import

    return msgspec.defstruct(
        "Entry",
        [
            ("sequence_num", int),
            ("stream", str),
            ("timestamp", str),
            ("event_id", str),
            ("message_raw", str),
        ],
        tag_field="attempt",
        tag=1,
        gc=False,
    )


@functools.cache
def _decoder() -> Callable[[bytes], list[Any]]:
    import msgspec  # noqa: PLC0415 - core must be cheap to import

    return msgspec.json.Decoder(entry_type()).decode_lines


def decode_usual(lines: bytes) -> list[Any]:
    """Return the entries of whole lines, each of which has all fields.

    Raises:
        ValueError: One is otherwise.
        RecursionError: One is nested too deeply.
    """
    return _decoder()(lines)


@functools.cache
def _number_decoder() -> Callable[[bytes], list[Any]]:
    import msgspec  # noqa: PLC0415 - core must be cheap to import

    numbered = msgspec.defstruct("Numbered", [("sequence_num", int)], gc=False)
    return msgspec.json.Decoder(numbered).decode_lines


def _decoded(content: bytes) -> list[Any]:
    """Return the entries of whole lines that have a message, however they are."""
    try:
        return decode_usual(content)
    except (ValueError, RecursionError):
        make = entry_type()
        return [
            make(
                each.sequence_num or 0,
                each.stream or "",
                each.timestamp or "",
                each.event_id or "",
                each.message_raw,
            )
            for each in decode_entries(content)
            if each.message_raw is not None
        ]


_JSON_VALUE: Final = b'"message_json"'
_STAMP: Final = b'{"timestamp":"'
_STAMP_END: Final = b'Z","sequence_num":'


class EntrySlice:
    """Lines of the first attempt, in order, as decoded entries.

    It is read as a `LineSlice` is.
    """

    attempt: Final = 1

    def __init__(self, entries: list[Any], times: StampTimes) -> None:
        self.entries = entries
        self._times = times

    @property
    def places(self) -> range:
        return range(len(self.entries))

    @property
    def in_order(self) -> bool:
        """Whether the lines rise by number and stream."""
        numbers = self.numbers()
        rise = all(map(lt, numbers, numbers[1:]))
        return rise or _rise(self.entries, range(1, len(numbers)))

    def chosen_by(self, is_chosen: Iterable[object]) -> EntrySlice:
        """Return the lines that are told of one by one."""
        return EntrySlice(list(compress(self.entries, is_chosen)), self._times)

    def lines(self) -> Iterator[LogLine]:
        columns = (self.numbers(), self.streams(), self.times(), self.messages())
        ids = [entry.event_id for entry in self.entries]
        for number, stream, time_ns, message, event_id in zip(
            *columns, ids, strict=True
        ):
            yield LogLine(1, number, stream, time_ns, message, event_id, True)

    def text(self) -> bytes:
        """Return the messages in UTF-8, a newline after each."""
        text = "".join([f"{entry.message_raw}\n" for entry in self.entries])
        return text.encode(errors="surrogatepass")

    def messages(self) -> list[str]:
        return [entry.message_raw for entry in self.entries]

    def numbers(self) -> list[int]:
        return [entry.sequence_num for entry in self.entries]

    def stamps(self) -> list[str]:
        """Return the times as the server wrote them."""
        return [entry.timestamp for entry in self.entries]

    def times(self) -> list[int | None]:
        return self._times.of(self.stamps())

    def streams(self) -> list[str]:
        return [entry.stream for entry in self.entries]

    def event_ids(self, _streams: Sequence[str], _numbers: Sequence[int]) -> list[str]:
        return [entry.event_id for entry in self.entries]


def _rise(entries: Sequence[Any], breaks: Sequence[int]) -> bool:
    for at in breaks:
        before, here = entries[at - 1], entries[at]
        place = (here.sequence_num, rank_of(here.stream))
        if (before.sequence_num, rank_of(before.stream)) >= place:
            return False
    return True


class RawPart:
    """Whole entries in a row; no number of them is in what comes before or after.

    Attributes:
        runs: (first, last) of numbers that rise by one, in order.
        last_key: That of the last line.
    """

    attempt: Final = 1

    def __init__(self, content: bytes, shape: _Shape) -> None:
        self.content = content
        self.runs: list[tuple[int, int]] = []
        self._shape = shape
        self._entries: list[Any] | None = None
        self._of_stream: list[bytes] = []

    def settle(self, *, decodes: bool) -> bool:
        """Look at the lines; tell whether they are as those of a span have to be.

        Raises:
            ValueError: They are no entries as usual.
        """
        content = self.content
        if decodes:
            entries = self._entries = decode_usual(content)
            self._lines = len(entries)
        else:
            entries = self._edges()
            self._lines = len(content) - len(content.replace(b"\n", b""))
        if not entries or not self._is_of_first_attempt():
            return False
        first, last = entries[0], entries[-1]
        rank = rank_of(last.stream)
        self.last_key = LineKey(1, last.sequence_num, rank, last.event_id)
        rising = range(first.sequence_num, last.sequence_num + 1)
        if len(rising) == self._lines and self._numbers() == list(rising):
            self.runs = [(rising[0], rising[-1])]
            return True
        entries = self.whole().entries
        numbers = [entry.sequence_num for entry in entries]
        breaks = breaks_of(numbers)
        self.runs = runs_of(numbers, breaks)
        return len(numbers) == self._lines and _rise(entries, breaks)

    def _numbers(self) -> list[int]:
        """Return the numbers of all lines, with no more decoded than is wanted.

        Counting them is not enough: a doubled one makes up for one that is absent.
        """
        if self._entries is None and not self._is_mostly_of_stream:
            return [entry.sequence_num for entry in _number_decoder()(self.content)]
        return [entry.sequence_num for entry in self.whole().entries]

    def _edges(self) -> list[Any]:
        content = self.content
        first = content[: content.find(b"\n") + 1]
        return decode_usual(first + content[content.rfind(b"\n", 0, -1) + 1 :])

    def _is_of_first_attempt(self) -> bool:
        """Tell whether every line is; those of a stream that is wanted are kept."""
        shape, content = self._shape, self.content
        if b"\\" in content and _JSON_VALUE in content:
            # A message that is an entry itself has its marks without escapes there.
            entries = self._entries = decode_usual(content)
            ids = [entry.event_id for entry in entries]
            return len(ids) == self._lines and all(map(shape.has_own_id, ids))
        if shape.stream is None:
            return content.count(shape.id) == self._lines
        self._of_stream = shape.lines_of_stream(content)
        others = sum(map(content.count, shape.other_marks))
        return len(self._of_stream) + others == self._lines

    @property
    def _is_mostly_of_stream(self) -> bool:
        """Whether all lines are sooner decoded than those of the stream alone."""
        return len(self._of_stream) > self._lines // 2

    def whole(self) -> EntrySlice:
        """Return all of its lines."""
        if self._entries is None:
            self._entries = _decoded(self.content)
        return EntrySlice(self._entries, self._shape.times)

    def of_stream(self) -> EntrySlice:
        """Return its lines of the stream that is wanted."""
        times = self._shape.times
        if self._entries is None and not self._is_mostly_of_stream:
            return EntrySlice(_decoded(b"".join(self._of_stream)), times)
        whole, stream = self.whole(), self._shape.stream
        return whole.chosen_by([each == stream for each in whole.streams()])

    def is_before(self, stamp: bytes) -> bool:
        """Tell whether all lines are known to be of a second before one in UTC.

        ``stamp`` is that second as a server writes it, 19 bytes.
        """
        if self._entries is not None:
            return False  # their own times are at hand
        content = self.content
        begin = len(_STAMP)
        last = content.rfind(b"\n", 0, -1) + 1 + begin
        same = _common(content[begin : begin + 19], content[last : last + 19])
        return (
            same < stamp[: len(same)]
            and content.count(_STAMP + same) == self._lines
            and content.count(_STAMP_END) == self._lines
        )


class Printed(NamedTuple):
    """What is printed of some entries, and of how many lines it is."""

    content: bytes
    lines: int


class RawSpan:
    """Parts in a row, and what is printed of them."""

    def __init__(self) -> None:
        self._contents: list[bytes] = []
        self._printed: list[Printed] = []
        self.runs: list[tuple[int, int]] = []
        self.last_key = LineKey(1, -1, 0, "")
        self.size = 0

    def add(self, part: RawPart, printed: Printed) -> None:
        self._contents.append(part.content)
        self._printed.append(printed)
        self.runs += part.runs
        self.last_key = part.last_key
        self.size += len(part.content)

    def printed(self) -> Printed:
        contents = [each.content for each in self._printed]
        return Printed(b"".join(contents), sum(each.lines for each in self._printed))

    def as_lines(self) -> Iterator[Sequence[LogLine]]:
        """Yield its lines as `RawBlocks` does."""
        blocks = RawBlocks()
        for content in self._contents:
            yield from blocks.feed(content)
        yield from blocks.finish()


def _common(one: bytes, other: bytes) -> bytes:
    """Return what two of one length begin with."""
    pairs = enumerate(zip(one, other, strict=False))
    return one[: next((at for at, (a, b) in pairs if a != b), len(one))]


class _Shape:
    """How the entries of the first attempt of a job are written.

    Quotes inside of texts are escaped: they hold none of the marks. A message that is
    JSON is there once more as a value, which may hold them.

    Attributes:
        stream: The one that is wanted; None for both.
        times: Reads the times of spans.
        id: What is in each entry.
        other_marks: What is in each of a stream that is not wanted.
    """

    def __init__(self, job_id: str, stream: str | None) -> None:
        self.stream = stream
        self.times = StampTimes()
        self.id = f'"event_id":"log:{job_id}:std'.encode()
        marks = {
            each: f',"stream":"{each}","event_id":"log:{job_id}:{each}:'.encode()
            for each in (STDOUT, STDERR)
        }
        self._own = f"log:{job_id}:std"
        self._mark = marks.pop(stream or "", b"")
        self.other_marks = tuple(marks.values())

    def has_own_id(self, event_id: str) -> bool:
        return event_id.startswith(self._own)

    def lines_of_stream(self, content: bytes) -> list[bytes]:
        """Return the lines of the stream that is wanted.

        Raises:
            ValueError: One of them has its mark twice.
        """
        mark = self._mark
        parts = content.split(mark) if mark else [content]
        return [
            before[before.rfind(b"\n") + 1 :] + mark + after[: after.index(b"\n") + 1]
            for before, after in pairwise(parts)
        ]


class RawSpans:
    """Makes spans of the pieces of a body, and lines of what does not fit in one.

    It is `RawBlocks` but for that; a log begins with lines.

    Args:
        printed: Makes what is printed of a part; None where its lines are not in order.
        stream: The one whose lines alone will be wanted; None for both.
        decodes: Whether every entry is decoded, as all will be wanted.
    """

    def __init__(
        self,
        job_id: str,
        printed: Callable[[RawPart], Printed | None],
        *,
        stream: str | None,
        decodes: bool,
    ) -> None:
        self._printed = printed
        self._decodes = decodes
        self._shape = _Shape(job_id, stream)
        self._blocks = RawBlocks()
        self._span = RawSpan()
        self._head = HEAD_LINES
        self._held: list[bytes] = []
        self._size = 0
        self._enough = PART_BYTES

    @property
    def failed(self) -> bool:
        """Whether the body is not whole, see `RawBlocks`."""
        return self._blocks.failed

    def feed(self, piece: bytes) -> Iterator[Sequence[LogLine] | RawSpan]:
        """Yield what is whole by now; raises as `RawBlocks.feed`."""
        self._held.append(piece)
        self._size += len(piece)
        if self._size < self._enough:
            return
        held = b"".join(self._held)
        end = _end_of_number(held)
        self._hold(held[end:])
        if end:
            yield from self._made_of(held[:end])

    def finish(self) -> Iterator[Sequence[LogLine] | RawSpan]:
        """Yield what is left; raises as `RawBlocks.finish`."""
        held = b"".join(self._held)
        self._hold(b"")
        yield from self._as_lines(held)
        yield from self._blocks.finish()

    def _hold(self, rest: bytes) -> None:
        self._held, self._size = [rest], len(rest)
        self._enough = max(PART_BYTES, 2 * len(rest))

    def _made_of(self, content: bytes) -> Iterator[Sequence[LogLine] | RawSpan]:
        part = RawPart(content, self._shape)
        printed = self._printed(part) if self._fits(part) else None
        if printed is None:
            yield from self._as_lines(content)
            return
        if not self._span.size:
            yield from self._blocks.finish()
        self._span.add(part, printed)
        if self._span.size >= SPAN_BYTES:
            yield self._ended_span()

    def _fits(self, part: RawPart) -> bool:
        if self._head > 0 or self.failed:
            return False
        try:
            return part.settle(decodes=self._decodes)
        except (ValueError, RecursionError):
            return False

    def _ended_span(self) -> RawSpan:
        span, self._span = self._span, RawSpan()
        return span

    def _as_lines(self, content: bytes) -> Iterator[Sequence[LogLine] | RawSpan]:
        """Yield lines as `RawBlocks` does: where attempts mix, in its blocks."""
        if self._span.size:
            yield self._ended_span()
        for lines in self._blocks.feed(content):
            self._head -= len(lines)
            yield lines


def _end_of_number(held: bytes) -> int:
    """Return where the lines begin that have the last number; 0 if none is before.

    Others may follow that share it.
    """
    end = held.rfind(b"\n") + 1
    last = held.rfind(b"\n", 0, max(end - 1, 0)) + 1
    before = held.rfind(b"\n", 0, max(last - 1, 0)) + 1
    try:
        numbers = [entry.sequence_num for entry in decode_usual(held[before:end])]
    except (ValueError, RecursionError):
        return last
    return before if numbers[:1] == numbers[1:] else last
