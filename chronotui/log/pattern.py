"""What is searched for: text or a regular expression, smart case.

Expressions are those of the ``regex`` module, loaded when the first one is typed, and
may take only a limited time: one that backtracks without end is bounded, and the lines
it was too slow for are counted.

Searching a chunk's text in one go is ten times faster than line by line. That finds the
same only if nothing in the expression can take a newline, so what could is rewritten,
and an expression that cannot be is searched line by line. Long lines are searched a
piece at a time, by whoever calls; an expression cannot be stopped and gone on with, so
over them it runs in a thread that leaves the others free.
"""

from __future__ import annotations

import codecs
import re
import threading
import warnings
from array import array
from bisect import bisect_right
from concurrent.futures import Future, wait
from functools import cache, partial
from itertools import accumulate, count, islice
from math import inf
from operator import add
from time import perf_counter, thread_time
from typing import TYPE_CHECKING, Final, NamedTuple

from msgspec import Struct

from chronotui.errors import UsageError
from chronotui.text import sgr

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import regex

    from chronotui.log.block import Block

ENDING_BYTES: Final = 1 << 16
"""Bytes of a line's end looked at at a time, far more than a colour sequence has."""


@cache
def _sgr() -> re.Pattern[bytes]:
    return re.compile(rb"\x1b\[[0-9;:]*m")


@cache
def _backward_ending() -> re.Pattern[bytes]:
    """Carriage returns and colour sequences, the last one first and read backward."""
    return re.compile(rb"(?:\r++|m[0-9;:]*+\[\x1b)*+")


def searched_message(message: str) -> str:
    """Return what of a message is searched: colours gone, the last state of a bar.

    Other control characters are still themselves, unlike in
    `chronotui.text.parse_ansi`.
    """
    if "\x1b" in message:
        message = sgr().sub("", message)
    if "\r" in message:
        message = message.rstrip("\r").rpartition("\r")[2]
    return message


class SearchedBytes(NamedTuple):
    """Lines as they are searched, a newline after each.

    ``ends`` are where lines end, counted from ``shift`` before ``text``, of which the
    first line is ``first`` there. A line's number is ``offset`` more than its index.
    """

    text: bytes | bytearray
    ends: Sequence[int]
    first: int
    shift: int
    offset: int

    def line_at(self, position: int) -> int:
        return bisect_right(self.ends, position + self.shift) + self.offset


def searched_bytes(block: Block, start: int, *, lower: bool = False) -> SearchedBytes:
    """Return the lines from ``start`` on, as `searched_message`.

    With ``lower``, ASCII letters are lower case. Not for blocks with newlines in
    messages (``broken``).
    """
    base = block.begin(start)
    text: bytes | bytearray = block.text[base:] if start else block.text
    if not (block.escapes or block.returns):
        text = text.lower() if lower else text
        return SearchedBytes(text, block.ends, start, base, 0)
    text = _without_controls(block, text)
    sizes = map(len, text.split(b"\n")[:-1])
    ends = array("I", map(add, accumulate(sizes), count(1)))
    return SearchedBytes(text.lower() if lower else text, ends, 0, 0, start)


def searched_text(block: Block, start: int, stop: int) -> str:
    """Return the lines ``start`` to ``stop`` (exclusive), the same way, as text."""
    text = memoryview(block.text)[block.begin(start) : block.begin(stop)]
    if block.escapes or block.returns:
        changed = _without_controls(block, bytes(text))
        return changed.decode("utf-8", "surrogatepass")
    return str(text, "utf-8", "surrogatepass")


def without_ending(text: bytes | bytearray, start: int, end: int) -> int:
    """Return where a line ends without carriage returns, coloured or not."""
    while end > start:
        begin = max(start, end - ENDING_BYTES)
        backward = bytes(text[begin:end])[::-1]
        taken = _backward_ending().match(backward)
        if taken is None or not taken.end():
            break
        end -= taken.end()
    return end


def _without_controls(block: Block, text: bytes | bytearray) -> bytes | bytearray:
    if block.escapes:
        text = _sgr().sub(b"", text)
    if block.returns:
        text = text.replace(b"\r\n", b"\n")
        if b"\r" in text:
            text = _last_states(text)
    return text


def _last_states(text: bytes | bytearray) -> bytes:
    """Return lines without what their carriage returns moved over.

    A search for an expression cannot do it: it would try each place of a line that
    has none.
    """
    pieces: list[bytes | bytearray] = []
    kept = 0
    at = text.find(b"\r")
    while at >= 0:
        start = text.rfind(b"\n", kept, at) + 1 or kept
        end = text.index(b"\n", at)
        pieces += (text[kept:start], text[start:end].rstrip(b"\r").rpartition(b"\r")[2])
        kept = end
        at = text.find(b"\r", end)
    pieces.append(text[kept:])
    return b"".join(pieces)


_SEES_NEWLINES: Final = re.compile(
    r"\(\?(?![:P#=!<>])"  # flags, conditions, recursion
    r"|\\[AZzGKXRnvLmpP]|\\[0xuUN]|\n"  # ends of text, newlines in any spelling
    r"|\{[\s\d<=,+ides:]*[ides]"  # approximate matching
)

_INSTEAD: Final = {r"\s": r"[^\S\n]", r"\D": r"[^\d\n]", r"\W": r"[^\w\n]"}
_CLASS_TAKES_NEWLINES: Final = re.compile(r"\\[sDW]|\[:")


@cache
def _tokens() -> re.Pattern[str]:
    return re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|[^\\\[]+|.", re.DOTALL)


def within_lines(expression: str) -> str | None:
    r"""Return an expression that matches the same, but never across a newline.

    To be compiled with ``MULTILINE``. None if it must be searched line by line.
    """
    if _SEES_NEWLINES.search(expression):
        return None
    parts: list[str] = []
    for token in _tokens().findall(expression):
        if not token.startswith("["):
            parts.append(_INSTEAD.get(token, token))
        elif not token.startswith("[^"):
            if _CLASS_TAKES_NEWLINES.search(token):
                return None
            parts.append(token)
        elif token[2] in "]-" or "[:" in token:
            return None
        else:
            parts.append(f"[^\\n{token[2:]}")
    return "".join(parts)


_REPEATS: Final = re.compile(r"[*+]|\{\d*,\}|\{\d*,?\d{3,}")
_GROUP_REPEATED: Final = re.compile(r"\)[*+{]")


def is_tame(expression: str) -> bool:
    r"""Whether an expression takes at most the square of a line's length.

    At most one repeat without a small limit, none of a group, no back-reference.
    """
    tokens = _tokens().findall(expression)
    if any(re.match(r"\\[1-9g]", token) for token in tokens):
        return False
    bare = "".join("x" if token[0] in "\\[" else token for token in tokens)
    return (
        "(?P=" not in bare
        and len(_REPEATS.findall(bare)) <= 1
        and not _GROUP_REPEATED.search(bare)
    )


LINE_SECONDS: Final = 0.01
"""Time for one line that is drawn or asked about alone."""

BYTE_SECONDS: Final = 1e-8
"""Time for each character that an expression is given beside."""

PATIENCE: Final = ((LINE_SECONDS, 20), (0.002, 500), (0.0002, inf))
"""Time for a line alone, until so many lines took longer; a usual one takes 1 µs."""

PATIENT_TRIES: Final = (1, 4, 16, 64)
"""How many times that time a line is given, one try after the other, while others had
most of it."""

LONG_LINE: Final = 16 << 10
"""Characters from which a line is matched in a thread: between two looks at its own
clock an expression may take 64 times the line, which for 1 MB is a second."""

LONG_SECONDS: Final = 0.05
"""How long the matches of a longer text are waited for."""

IGNORE_CASE: Final = "(?i)"

MOST_SPANS: Final = 1000
"""Matches marked in one line."""

_SPECIAL: Final = re.compile(r"[.^$*+?{}\[\]()]")
_MEANING: Final = re.compile(r"\\[\w\s]|\\\Z|\n")
_ESCAPED: Final = re.compile(r"\\([^\w\s])")


class BadPattern(UsageError):
    """What was typed is no expression; the sentence, or in ``brief``, says where."""

    title = "The expression cannot be read"

    def __init__(self, sentence: str, *, brief: str = "") -> None:
        super().__init__(sentence)
        self.brief = brief or sentence


class Pattern(Struct, frozen=True):
    """A search as typed. Make it with `compile_pattern`.

    ``words`` are the texts meant, any of them, when it is nothing but text and ``|``.
    """

    text: str
    words: tuple[str, ...]
    ignores_case: bool

    def matches(self, message: str) -> bool:
        """Whether a message, as shown, matches; False also when it takes too long."""
        return LineMatcher(self)(message)

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Return start and end of each match in a text, the first thousand.

        Empty when it takes too long; empty matches are left out.
        """
        if self.words:
            found = _any_of(self.words, self.ignores_case).finditer(text)
            return [match.span() for match in islice(found, MOST_SPANS)]
        if len(text) <= LONG_LINE:
            return self._spans(text)
        # The thread leaves the others free, and ends when its own time is over.
        found_there: list[list[tuple[int, int]]] = []
        thread = threading.Thread(
            target=lambda: found_there.append(self._spans(text)),
            name="long text",
            daemon=True,
        )
        thread.start()
        thread.join(LONG_SECONDS)
        return found_there[0] if found_there else []

    def _spans(self, text: str) -> list[tuple[int, int]]:
        try:
            matches = self.compiled.finditer(
                text, timeout=LINE_SECONDS, concurrent=len(text) > LONG_LINE
            )
            taken = (m.span() for m in matches if m.end() > m.start())
            return list(islice(taken, MOST_SPANS))
        except TimeoutError:
            return []

    @property
    def compiled(self) -> regex.Pattern[str]:
        return _compiled(self.expression, self.ignores_case)

    @property
    def for_many_lines(self) -> regex.Pattern[str] | None:
        """The expression for many lines at once, taking the rest of the line too.

        None if it must be searched line by line.
        """
        within = within_lines(self.expression)
        if within is None:
            return None
        return _compiled(f"(?:{within})[^\\n]*", self.ignores_case)

    @property
    def expression(self) -> str:
        if self.words:
            return "|".join(map(re.escape, self.words))
        return self.text.removeprefix(IGNORE_CASE)


class LineMatcher:
    """Matches one line after the other, within a time for each and for all.

    Lines that are ``too_slow`` count as no match.
    """

    def __init__(self, pattern: Pattern) -> None:
        self.pattern = pattern
        self.too_slow = 0

    @property
    def patience(self) -> float:
        """Time for a line: the more were too slow, the less."""
        return next(limit for limit, lines in PATIENCE if self.too_slow < lines)

    def __call__(self, message: str) -> bool:
        text, pattern = searched_message(message), self.pattern
        if pattern.words:
            words = _any_of(pattern.words, pattern.ignores_case)
            return words.search(text) is not None
        seconds = self.patience + len(text) * BYTE_SECONDS
        for longer in PATIENT_TRIES:
            before = thread_time()
            try:
                found = pattern.compiled.search(text, timeout=seconds * longer)
            except TimeoutError:
                # Other threads' and programs' turns say nothing of the expression.
                if thread_time() - before >= seconds / 2:
                    break
            else:
                return found is not None
        self.too_slow += 1
        return False


def compile_pattern(text: str) -> Pattern:
    r"""Read a search as typed.

    Text without special characters is meant as it stands; ``\.`` is a plain dot.
    Case matters only if there is an upper-case letter and no ``(?i)`` in front.

    Raises:
        BadPattern: It is empty, or no regular expression.
    """
    if not text:
        raise BadPattern("There is nothing to look for.")
    typed = text.removeprefix(IGNORE_CASE)
    bare = re.sub(r"\\.", "", typed, flags=re.DOTALL)
    ignores_case = typed != text or not any(map(str.isupper, bare))
    if not _SPECIAL.search(bare) and not _MEANING.search(typed):
        words = re.findall(r"(?:\\.|[^|\\])+", typed)
        if len(words) == bare.count("|") + 1:
            meant = tuple(_ESCAPED.sub(r"\1", word) for word in words)
            return Pattern(text, meant, ignores_case)
    pattern = Pattern(text, (), ignores_case)
    _ = pattern.compiled, pattern.for_many_lines
    return pattern


@cache
def _any_of(words: tuple[str, ...], ignores_case: bool) -> re.Pattern[str]:
    """Compile texts; ASCII letters mean only themselves, as in a search of bytes."""
    flags = re.IGNORECASE if ignores_case else re.NOFLAG
    if all(map(str.isascii, words)):
        flags |= re.ASCII
    return re.compile("|".join(map(re.escape, words)), flags)


@cache
def _compiled(expression: str, ignores_case: bool) -> regex.Pattern[str]:
    import regex  # noqa: PLC0415 - only who searches pays for it

    flags = regex.MULTILINE | (regex.IGNORECASE if ignores_case else 0)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return regex.compile(expression, flags)
    except (regex.error, ValueError, OverflowError, RecursionError) as error:
        words = getattr(error, "msg", "") or str(error) or type(error).__name__
        place = getattr(error, "pos", None)
        brief = words if place is None else f"{words} at character {place + 1}"
        sentence = f"This is no regular expression: {brief}."
        raise BadPattern(sentence, brief=brief) from None


HUGE_LINE: Final = 1 << 20
"""Bytes from which a line is searched for texts by itself."""

PIECE_BYTES: Final = 1 << 20
"""Bytes searched between two looks at the clock: about a millisecond."""

LONGEST_COLOUR: Final = 64
"""Bytes of a colour sequence that a piece is not begun in."""

SHARED_BYTES: Final = 4096
"""Bytes two pieces share where there are colours, so that none hides a match."""

MOST_WAITED: Final = 1.0
"""Seconds an answer is waited for at most, whatever the deadline."""


class LineAddress(NamedTuple):
    number: int
    time_ns: int
    size: int
    local: int


def is_huge(block: Block, local: int) -> bool:
    """Whether a line is searched for texts by itself."""
    return block.longest * 4 >= HUGE_LINE and block.size(local, local + 1) > HUGE_LINE


def is_long(block: Block, local: int) -> bool:
    """Whether an expression is matched against a line in a thread."""
    return block.longest > LONG_LINE and block.size(local, local + 1) > LONG_LINE


def next_long(block: Block, start: int) -> int:
    if block.longest <= LONG_LINE:
        return len(block)
    begin = block.begin(start)
    for number, end in enumerate(block.ends[start:] if start else block.ends, start):
        if end - begin > LONG_LINE:
            return number
        begin = end
    return len(block)


def place_of(block: Block, local: int) -> LineAddress:
    size = block.size(local, local + 1)
    return LineAddress(block.numbers[local], block.times[local], size, local)


class HugeWords:
    """Looks for texts in one huge line after the other.

    With ``folds`` the case of ASCII letters is ignored, and words are in lower case.
    """

    def __init__(self, words: Sequence[bytes], *, folds: bool) -> None:
        self._words = words
        self._folds = folds
        self._shared = max(map(len, words)) - 1
        self._place: LineAddress | None = None
        self._begin = self._at = self._end = 0
        self._found: bool | None = None

    def find(self, block: Block, local: int, deadline: float) -> bool | None:
        place = place_of(block, local)
        if self._place != place:
            self._place, self._found = place, None
            self._begin, self._end = searched_part(block, local)
            self._at = self._begin
        while self._found is None:
            self._found = self._in_piece(block)
            if perf_counter() >= deadline:
                break
        return self._found

    def _in_piece(self, block: Block) -> bool | None:
        start, stop = self._at, min(self._at + PIECE_BYTES, self._end)
        self._at = stop
        shared = self._shared + (SHARED_BYTES if block.escapes else 0)
        until = min(stop + shared, self._end)
        if block.escapes:
            nearest = max(start - LONGEST_COLOUR, self._begin)
            colour = block.text.rfind(b"\x1b", nearest, start)
            start = colour if colour >= 0 else start
        piece: bytes | bytearray = block.text[start:until]
        if block.escapes:
            cut = piece.rfind(b"\x1b", -LONGEST_COLOUR) if until < self._end else -1
            piece = _sgr().sub(b"", piece if cut < 0 else piece[:cut])
        if self._folds:
            piece = piece.lower()
        if any(word in piece for word in self._words):
            return True
        return False if stop >= self._end else None


def searched_part(block: Block, local: int) -> tuple[int, int]:
    start, end = block.begin(local), block.begin(local + 1) - 1
    if block.returns:
        end = without_ending(block.text, start, end)
        start = block.text.rfind(b"\r", start, end) + 1 or start
    return start, end


class LongExpression:
    """Matches an expression against one long line after the other, in a thread."""

    def __init__(self, expression: regex.Pattern[str]) -> None:
        self._expression = expression
        self._place: LineAddress | None = None
        self._answer: Future[bool] = Future()

    def find(
        self, block: Block, local: int, seconds: float, deadline: float
    ) -> bool | None:
        """Return whether a line matches; None: not by the deadline, call again.

        Raises:
            TimeoutError: It takes longer than ``seconds`` and the time its length
                allows.
        """
        place = place_of(block, local)
        if self._place != place:
            self._place, self._answer = place, Future()
            limit = seconds + place.size * BYTE_SECONDS
            message = partial(_decoded, block, local)
            match = partial(_match, self._expression, message, limit, self._answer)
            threading.Thread(target=match, name="long line", daemon=True).start()
        left = min(max(deadline - perf_counter(), 0), MOST_WAITED)
        done, _not_done = wait((self._answer,), left)
        return self._answer.result() if done else None


def _decoded(block: Block, local: int) -> str:
    """Return a message, decoded in pieces: other threads get on between them."""
    decoder = codecs.getincrementaldecoder("utf-8")("surrogatepass")
    start, stop = block.begin(local), block.begin(local + 1) - 1
    return "".join(
        decoder.decode(bytes(block.text[at : min(at + PIECE_BYTES, stop)]))
        for at in range(start, stop, PIECE_BYTES)
    )


def _match(
    expression: regex.Pattern[str],
    message: Callable[[], str],
    seconds: float,
    answer: Future[bool],
) -> None:
    text = searched_message(message())
    try:
        found = expression.search(text, timeout=seconds, concurrent=True)
    except TimeoutError as error:
        answer.set_exception(error)
    else:
        answer.set_result(found is not None)
