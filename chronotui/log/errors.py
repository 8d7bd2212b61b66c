"""Errors as blocks: a traceback, a burst on stderr, a repeated complaint are one stop.

Whether a line is part of an error, and whether an error begins with it, is told by the
line and by the lines of its stream shortly before it. So a log can be searched from
anywhere, in whatever pieces it came, and gives the same stops.
"""

from __future__ import annotations

import re
from array import array
from enum import IntEnum
from functools import cache
from time import perf_counter
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from chronotui.log.attempts import STDERR_RANK, rank_of
from chronotui.log.block import NO_TIME, RANK_BITS
from chronotui.log.finders import (
    Hits,
    LevelFinder,
    LineMatches,
    lines_of_level,
    lines_of_rank,
)
from chronotui.log.levels import (
    LOOKED_AT,
    Level,
    first_word_level,
    level_of,
    low_levels,
)
from chronotui.log.pattern import searched_bytes, searched_message
from chronotui.times import NS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from chronotui.log.block import Block
    from chronotui.log.chunks import Chunk
    from chronotui.log.store import LogStore
    from chronotui.model import LogLine

REACH: Final = 1000
"""Lines of a log within which an error goes on, lines of the other stream counted."""

BURST_NS: Final = NS
"""Time between two neighbours of one burst."""


class Shape(IntEnum):
    """What a line looks like, whatever stands around it."""

    PLAIN = 0
    BLANK = 1
    LOW = 2
    """It names a level below ERROR."""
    GRAVE = 3
    """It names ERROR or a graver level."""
    OPENS = 4
    """A traceback begins here, as its language words it."""
    RAISED = 5
    """``ValueError: …``: an exception by its name."""
    GOES_ON = 6
    """Indented, or worded as a part of a traceback."""
    FRAME = 7
    """A frame of languages that put frames after the exception, or an ending."""
    CHAINS = 8
    """Says that another exception comes, which belongs to the one before."""


_GROUP: Final = "+ Exception Group Traceback"
_OPENS: Final = (
    "Traceback (most recent call last)",
    _GROUP,
    "Exception in thread",
    "Exception ignored in",
    "Unhandled exception",
    "Uncaught exception",
    "Fatal Python error:",
    "panic: ",
    "fatal error: ",
    "thread '",
    "WARNING: DATA RACE",
    "# A fatal error has been detected by",
    "#<Thread:",
    "[UnhandledPromiseRejection",
    "Process terminated.",
    "rake aborted!",
)
_WORDINGS: Final = {
    (
        "During handling of the above exception",
        "The above exception was the direct cause",
    ): Shape.CHAINS,
    (
        *("Caused by:", "Suppressed:", "goroutine ", "created by ", "[signal "),
        *("stack backtrace:", "Stack trace:", "--- End of ", "Require stack:"),
        *("- /", "}", '"""', "future: <", "handle: <", "task: <", "protocol: <"),
        *("transport: <", "[Previous line repeated "),
    ): Shape.GOES_ON,
    (
        *("exit status ", "note: run with ", "note: Some details are omitted"),
        "Node.js v",
    ): Shape.FRAME,
}
_WORDED: Final = tuple(word for words in _WORDINGS for word in words)
_FRAME_WORDS: Final = ("at ", "from ", "... ")
_SUFFIXES: Final = ("Error", "Exception", "ExceptionGroup")


@cache
def _named_exception() -> re.Pattern[str]:
    """An exception's name, its module in front, and what stands after it."""
    return re.compile(
        r"(?:Uncaught )?(?:\(node:\d{1,9}\) )?([\w$.\\]{3,200}+(?:::[\w$.]{1,99}+)*+)"
        r"(?::|$| \[| \()",
        re.ASCII,
    )


@cache
def _ruby_place() -> re.Pattern[str]:
    """A place in Ruby, and what went wrong there; without that it is a frame."""
    return re.compile(r"[^\s:]{1,300}+:\d{1,9}:in [`'][^'`]{0,300}'(: )?")


@cache
def _numbered_frame() -> re.Pattern[str]:
    """A frame as PHP and debuggers number them, or a line of a crashed JVM's report."""
    return re.compile(
        r"#(?:\d{1,4}\s+(?:/|\{main\}|\[internal|0x|[\w\\]{1,200}(?:::|->|\())|\s|$)"
    )


@cache
def _raised_name() -> re.Pattern[str]:
    """What may stand where a Python traceback names its exception."""
    return re.compile(r"[A-Za-z_][\w.]{0,200}(?::|$)")


def shape_of(message: str) -> Shape:
    head = message[:LOOKED_AT]
    if "\x1b" in head or "\r" in head:
        head = searched_message(head)
    if head[:1].isspace() or not head:
        return _indented(head.strip())
    worded = _worded(head)
    return _of_level(level_of(head), Shape.PLAIN) if worded is None else worded


def _worded(head: str) -> Shape | None:
    """Return the shape of a line that is not indented, if its words tell it."""
    if head.startswith(_WORDED):
        return next(
            shape for words, shape in _WORDINGS.items() if head.startswith(words)
        )
    if _opens(head):
        return Shape.OPENS
    if _is_exception(head):
        return Shape.RAISED
    is_frame = head[0] == "#" and _numbered_frame().match(head)
    return Shape.GOES_ON if is_frame or _is_ruby_frame(head) else None


def _of_level(level: Level | None, otherwise: Shape) -> Shape:
    if level is None:
        return otherwise
    return Shape.GRAVE if level >= Level.ERROR else Shape.LOW


def _indented(text: str) -> Shape:
    if not text:
        return Shape.BLANK
    if text.startswith(_FRAME_WORDS):
        return Shape.FRAME
    if text.startswith(_GROUP):
        return Shape.OPENS
    return _of_level(first_word_level(text), Shape.GOES_ON)


def _opens(head: str) -> bool:
    if head.startswith(_OPENS):
        return not head.startswith("thread '") or "' panicked at" in head
    place = _ruby_place().match(head) if ":in " in head else None
    return place is not None and place[1] is not None


def _is_ruby_frame(head: str) -> bool:
    return ":in " in head and _ruby_place().fullmatch(head.rstrip()) is not None


def _is_exception(head: str) -> bool:
    if "Error" not in head and "Exception" not in head:
        return False
    found = _named_exception().match(head)
    return found is not None and found[1].endswith(_SUFFIXES)


def is_error_text(message: str) -> bool:
    """Whether a message is an error by its words, whatever stream it came on."""
    return shape_of(message) in _BY_WORDS


_BY_WORDS: Final = frozenset([Shape.GRAVE, Shape.OPENS, Shape.RAISED])
_PARTS: Final = frozenset([Shape.GOES_ON, Shape.FRAME, Shape.CHAINS])
_LEADS_ON: Final = frozenset([Shape.GRAVE, Shape.OPENS])


NO_RANK: Final = -1


class Lines(Protocol):
    """Lines of one attempt by a count that may begin below 0."""

    def rank(self, at: int, /) -> int:
        """Return the rank of a line's stream; ``NO_RANK`` before the first line."""
        ...

    def time_ns(self, at: int, /) -> int: ...
    def head(self, at: int, /) -> str: ...


class ErrorRule:
    """Tells errors apart in lines of one attempt; asked best in rising order."""

    def __init__(self, lines: Lines) -> None:
        self._lines = lines
        self._shapes: dict[int, Shape] = {}
        self._before: dict[int, int | None] = {}
        self._anchors: dict[int, int | None] = {}

    def know_low(self, lines: Iterable[int]) -> None:
        """Take lines that are known to name a level below ERROR."""
        self._shapes.update(dict.fromkeys(lines, Shape.LOW))

    def is_error(self, at: int) -> bool:
        """Whether a line is part of an error.

        A part of a traceback that is not on stderr counts only if its own words say
        it: an error is shown by its first line, and that has them.
        """
        shape = self._shape(at)
        if shape in _BY_WORDS:
            return True
        if self._lines.rank(at) != STDERR_RANK:
            return False
        if shape in _PARTS:
            anchor = self._anchor(at)
            return anchor is None or self._shape(anchor) is not Shape.LOW
        return shape is Shape.PLAIN

    def begins(self, at: int) -> bool:
        """Whether an error begins with a line that is part of one."""
        before = self._previous(at)
        if before is None:
            return True
        match self._shape(at):
            case Shape.GRAVE:
                return not self._repeats(before, at)
            case Shape.OPENS:
                return not self._is_led_to(before, at)
            case Shape.RAISED:
                return not self._is_raised_by(before, at)
            case Shape.PLAIN:
                return not self._is_in_burst(before, at)
            case _:
                return not self.is_error(before)

    def _repeats(self, before: int, at: int) -> bool:
        """Whether a line of a level goes on with a burst or a run of such lines.

        The text of an exception that was logged may be of several lines.
        """
        shape = self._shape(before)
        if shape is Shape.PLAIN or (shape is Shape.RAISED and self._is_logged(before)):
            return self._is_in_burst(before, at)
        if shape is not Shape.GRAVE:
            return False
        if self._is_in_burst(before, at):
            return True
        head = self._lines.head
        return _wording(head(before)) == _wording(head(at))

    def _is_logged(self, at: int) -> bool:
        """Whether an exception's name follows the line of a level it is logged with."""
        before = self._previous(at)
        return before is not None and self._shape(before) is Shape.GRAVE

    def _ends_traceback(self, at: int) -> bool:
        """Whether a line names the exception of a traceback by a name that tells none.

        ``requests.ConnectTimeout: …`` is one only where it stands.
        """
        head = self._lines.head(at)
        if self._shape(at) is not Shape.PLAIN or not _raised_name().match(head):
            return False
        before = self._previous(at)
        if before is None or self._shape(before) is not Shape.GOES_ON:
            return False
        anchor = self._anchor(before)
        return anchor is not None and self._lines.head(anchor).startswith(_OPENS[0])

    def _is_led_to(self, before: int, at: int) -> bool:
        shape, anchor = self._shape(before), self._anchor(before)
        leads = None if anchor is None else self._shape(anchor)
        if shape is Shape.CHAINS:
            return anchor is not None and self.is_error(anchor)
        if shape is Shape.OPENS or leads is Shape.GRAVE:
            return True
        begun = leads is Shape.PLAIN and anchor is not None and self.begins(anchor)
        of_burst = shape is Shape.PLAIN or leads is None or begun
        return of_burst and self._is_in_burst(before, at)

    def _is_raised_by(self, before: int, at: int) -> bool:
        shape, anchor = self._shape(before), self._anchor(before)
        if shape is Shape.FRAME:
            return False
        if anchor is not None and self._shape(anchor) in _LEADS_ON:
            return True
        return self._is_in_burst(before, at)

    def _is_in_burst(self, before: int, at: int) -> bool:
        lines = self._lines
        if lines.rank(at) != STDERR_RANK or not self.is_error(before):
            return False
        times = lines.time_ns(before), lines.time_ns(at)
        return NO_TIME in times or abs(times[1] - times[0]) <= BURST_NS

    def _shape(self, at: int) -> Shape:
        known = self._shapes.get(at)
        if known is None:
            known = self._shapes[at] = shape_of(self._lines.head(at))
        return known

    def _previous(self, at: int) -> int | None:
        """Return the line of its stream before a line, blank ones passed over."""
        if at not in self._before:
            self._before[at] = self._search_previous(at)
        return self._before[at]

    def _search_previous(self, at: int) -> int | None:
        lines = self._lines
        rank = lines.rank(at)
        for before in range(at - 1, at - 1 - REACH, -1):
            there = lines.rank(before)
            if there == NO_RANK:
                break
            if there == rank and self._shape(before) is not Shape.BLANK:
                return before
        return None

    def _is_part(self, at: int) -> bool:
        return self._shape(at) in _PARTS or self._ends_traceback(at)

    def _anchor(self, at: int) -> int | None:
        """Return the line that a part belongs to; a line that is no part is its own."""
        passed: list[int] = []
        anchor: int | None = at
        while anchor is not None and self._is_part(anchor):
            if anchor in self._anchors:
                anchor = self._anchors[anchor]
                break
            passed.append(anchor)
            anchor = self._previous(anchor)
            if anchor is not None and at - anchor > REACH:
                anchor = None
        for part in passed:
            is_near = anchor is not None and part - anchor <= REACH
            self._anchors[part] = anchor if is_near else None
        return self._anchors[at] if passed else anchor


@cache
def _digits() -> re.Pattern[str]:
    return re.compile("[0-9]+")


def _wording(head: str) -> str:
    return _digits().sub("0", head)


class ChunkState(NamedTuple):
    """What differs when lines of a chunk, or their times, do."""

    stamp: int
    lines: int
    edits: int


START: Final = ChunkState(0, 0, 0)
"""Stands for the start of an attempt, before which there is no chunk."""


class _Around:
    """The lines of a chunk, and of those before it once they are asked for.

    ``looked_at`` says what of other chunks an answer rests on.
    """

    def __init__(self, store: LogStore, chunk: Chunk) -> None:
        self._store = store
        self._chunk = chunk
        self._blocks = [store.spool.peek(chunk)]
        self._starts = [0]
        self._index: int | None = None
        self.looked_at: list[ChunkState] = []

    def rank(self, at: int) -> int:
        block, local = self._place(at)
        return block.flags[local] & RANK_BITS if local >= 0 else NO_RANK

    def time_ns(self, at: int) -> int:
        block, local = self._place(at)
        return block.times[local]

    def head(self, at: int) -> str:
        block, local = self._place(at)
        return block.beginning(local, LOOKED_AT)

    def reach(self, chunks: int) -> None:
        """Look at so many chunks before, or as many as there are."""
        while len(self.looked_at) < chunks and self._takes_one_more():
            continue

    def _place(self, at: int) -> tuple[Block, int]:
        if at >= 0:
            return self._blocks[0], at
        while at < self._starts[-1]:
            if not self._takes_one_more():
                return self._blocks[0], -1
        index = next(i for i, start in enumerate(self._starts) if start <= at)
        return self._blocks[index], at - self._starts[index]

    def _takes_one_more(self) -> bool:
        if START in self.looked_at:
            return False
        chunk = self._chunk_before()
        self.looked_at.append(START if chunk is None else state_of(chunk))
        if chunk is None:
            return False
        self._blocks.append(self._store.spool.peek(chunk))
        self._starts.append(self._starts[-1] - chunk.count)
        return True

    def _chunk_before(self) -> Chunk | None:
        held = self._store.chunks
        if self._index is None:
            self._index = held.holding(self._chunk.first)
        at = self._index - len(self._blocks)
        if at < 0 or held.chunks[at].attempt != self._chunk.attempt:
            return None
        return held.chunks[at]


def state_of(chunk: Chunk) -> ChunkState:
    return ChunkState(chunk.stamp, chunk.count, chunk.edits)


_WORDS: Final = (
    *(b"exception", b"traceback", b":in `", b":in '"),
    *(b"data race", b"process terminated.", b"rake aborted!"),
)
"""What errors that name no level have one of, in lower case, beside level words."""

LINES_A_LOOK: Final = 64
"""Lines judged between two looks at the clock."""

MANY: Final = 64
"""Lines on stderr in a block for which those of low levels are sought first."""


class ErrorLines(LineMatches):
    """The lines of errors by chunk, and those that errors begin with.

    A chunk's are found anew when lines before it that they rest on have changed;
    ``forgotten`` counts how often.
    """

    def __init__(self, store: LogStore) -> None:
        super().__init__(store.spool, LevelFinder(Level.ERROR))
        self._store = store
        self._begins: dict[int, array[int]] = {}
        self._rests_on: dict[int, list[ChunkState]] = {}
        self._edits: dict[int, int] = {}
        self.forgotten = 0

    def begins(self, chunk: Chunk) -> Sequence[int]:
        """Return the lines of a chunk that errors begin with."""
        return self._begins.get(chunk.stamp, ())

    def plan(self, chunks: Sequence[Chunk], near: int) -> None:
        for chunk in chunks:
            if self._is_stale(chunk):
                self._forget(chunk.stamp)
        super().plan(chunks, near)

    def keep_only(self, chunks: Sequence[Chunk]) -> None:
        super().keep_only(chunks)
        for stamp in self._begins.keys() - self._found.keys():
            self._forget(stamp)

    def _forget(self, stamp: int) -> None:
        self.forgotten += 1
        for known in (self._found, self._begins, self._rests_on, self._edits):
            known.pop(stamp, None)

    def _is_stale(self, chunk: Chunk) -> bool:
        if chunk.stamp not in self._edits:
            return False
        if self._edits[chunk.stamp] != chunk.edits:
            return True
        rests_on = self._rests_on[chunk.stamp]
        if not rests_on:
            return False
        around = _Around(self._store, chunk)
        around.reach(len(rests_on))
        return around.looked_at != rests_on

    def _find(self, chunk: Chunk, start: int, deadline: float) -> Hits:
        block, around = self._spool.peek(chunk), _Around(self._store, chunk)
        rule = ErrorRule(around)
        begins = self._begins.setdefault(chunk.stamp, array("H"))
        self._edits[chunk.stamp] = chunk.edits
        found: list[int] = []
        done = len(block)
        for count, line in enumerate(_suspects(block, start, rule), 1):
            if rule.is_error(line):
                found.append(line)
                if rule.begins(line):
                    begins.append(line)
            if not count % LINES_A_LOOK and perf_counter() >= deadline:
                done = line + 1
                break
        known = self._rests_on.setdefault(chunk.stamp, [])
        if len(around.looked_at) > len(known):
            known[:] = around.looked_at
        return Hits(found, done)


def _suspects(block: Block, start: int, rule: ErrorRule) -> list[int]:
    """Return the lines that may be part of an error, in order."""
    found = lines_of_level(block, start, Level.ERROR, _WORDS)
    stderr = lines_of_rank(block, start, STDERR_RANK)
    if len(stderr) >= MANY:
        low = _low_lines(block, start) - found
        rule.know_low(low)
        stderr = list(set(stderr) - low)
    found.update(stderr)
    return sorted(found)


def _low_lines(block: Block, start: int) -> set[int]:
    """Return lines that name a level below ERROR, if they name no other one.

    Told without a look at each: most of what programs log goes to stderr.
    """
    if block.broken or block.escapes or block.returns:
        return set()
    searched = searched_bytes(block, start)
    low = low_levels().finditer(searched.text)
    return {searched.line_at(match.start()) for match in low}


class _GivenLines:
    """Lines as they are given, of one attempt."""

    def __init__(self, lines: Sequence[LogLine]) -> None:
        self._lines = lines

    def rank(self, at: int) -> int:
        return rank_of(self._lines[at].stream) if at >= 0 else NO_RANK

    def time_ns(self, at: int) -> int:
        time_ns = self._lines[at].time_ns
        return NO_TIME if time_ns is None else time_ns

    def head(self, at: int) -> str:
        return self._lines[at].message[:LOOKED_AT]


def error_lines(lines: Sequence[LogLine]) -> Iterator[tuple[int, bool]]:
    """Yield the lines of errors by index, and whether an error begins with each.

    The lines are all of one attempt, in order.
    """
    rule = ErrorRule(_GivenLines(lines))
    for index in range(len(lines)):
        if rule.is_error(index):
            yield index, rule.begins(index)
