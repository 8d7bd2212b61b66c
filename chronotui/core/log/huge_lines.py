"""Long lines, searched without holding up who else has to run.

Texts are looked for a piece at a time, by whoever calls. An expression cannot be
stopped and gone on with, so it runs in a thread that leaves the others free.
"""

from __future__ import annotations

import codecs
import threading
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING, Final, NamedTuple

from chronotui.core.log.pattern import BYTE_SECONDS, LONG_LINE
from chronotui.core.log.searched_text import (
    searched_message,
    without_colours,
    without_ending,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import regex

    from chronotui.core.log.block import Block

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


class Place(NamedTuple):
    """Which line it is, in words that outlive its block."""

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
    """Return the first long line from a line on, or the number of lines."""
    if block.longest <= LONG_LINE:
        return len(block)
    begin = block.begin(start)
    for number, end in enumerate(block.ends[start:] if start else block.ends, start):
        if end - begin > LONG_LINE:
            return number
        begin = end
    return len(block)


def place_of(block: Block, local: int) -> Place:
    """Return which line of a block it is."""
    size = block.size(local, local + 1)
    return Place(block.numbers[local], block.times[local], size, local)


class HugeWords:
    """Looks for texts in one huge line after the other.

    Args:
        words: The texts; in lower case if case is ignored.
        folds: Whether the case of ASCII letters is ignored.
    """

    def __init__(self, words: Sequence[bytes], *, folds: bool) -> None:
        self._words = words
        self._folds = folds
        self._shared = max(map(len, words)) - 1
        self._place: Place | None = None
        self._begin = self._at = self._end = 0
        self._found: bool | None = None

    def find(self, block: Block, local: int, deadline: float) -> bool | None:
        """Return whether a line holds one of the texts; None: call again."""
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
            piece = without_colours(piece if cut < 0 else piece[:cut])
        if self._folds:
            piece = piece.lower()
        if any(word in piece for word in self._words):
            return True
        return False if stop >= self._end else None


def searched_part(block: Block, local: int) -> tuple[int, int]:
    """Return where the part of a line begins and ends that is searched."""
    start, end = block.begin(local), block.begin(local + 1) - 1
    if block.returns:
        end = without_ending(block.text, start, end)
        start = block.text.rfind(b"\r", start, end) + 1 or start
    return start, end


class LongExpression:
    """Matches an expression against one long line after the other, in a thread.

    Args:
        expression: For one line.
    """

    def __init__(self, expression: regex.Pattern[str]) -> None:
        self._expression = expression
        self._place: Place | None = None
        self._answer = _Answer()

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
            self._place, self._answer = place, _Answer()
            limit = seconds + place.size * BYTE_SECONDS
            message = partial(_decoded, block, local)
            match = partial(_match, self._expression, message, limit, self._answer)
            threading.Thread(target=match, name="long line", daemon=True).start()
        left = min(max(deadline - perf_counter(), 0), MOST_WAITED)
        if not self._answer.given.wait(left):
            return None
        if self._answer.found is None:
            raise TimeoutError
        return self._answer.found


class _Answer:
    """Whether a line matches; ``found`` is None when it takes too long."""

    def __init__(self) -> None:
        self.given = threading.Event()
        self.found: bool | None = None


def _decoded(block: Block, local: int) -> str:
    """Return a message, decoded in pieces: other threads get on between them."""
    decoder = codecs.getincrementaldecoder("utf-8")("surrogatepass")
    start, stop = block.begin(local), block.begin(local + 1) - 1
    edges = range(start, stop, PIECE_BYTES)
    return "".join(
        decoder.decode(bytes(block.text[at : min(at + PIECE_BYTES, stop)]))
        for at in edges
    )


def _match(
    expression: regex.Pattern[str],
    message: Callable[[], str],
    seconds: float,
    answer: _Answer,
) -> None:
    """Answer whether an expression matches."""
    text = searched_message(message())
    try:
        found = expression.search(text, timeout=seconds, concurrent=True)
    except TimeoutError:
        answer.found = None
    else:
        answer.found = found is not None
    answer.given.set()
