"""Finding the lines of a block: by pattern, stream, level, and all that is asked.

Whole blocks are searched at once wherever a pattern allows it.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from time import perf_counter, thread_time
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from msgspec import Struct

from chronotui.log.attempts import OTHER_RANK, STDERR_RANK, rank_of
from chronotui.log.block import NO_TIME, RANK_BITS
from chronotui.log.levels import (
    LOOKED_AT,
    Level,
    glog_letters,
    level_numbers,
    level_of,
    level_words,
    line_level,
)
from chronotui.log.merged import part_of
from chronotui.log.pattern import (
    HUGE_LINE,
    HugeWords,
    LineMatcher,
    LongExpression,
    SearchedBytes,
    is_huge,
    is_long,
    is_tame,
    next_long,
    place_of,
    searched_bytes,
    searched_text,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    import regex

    from chronotui.log.block import Block
    from chronotui.log.chunks import Chunk, Spool
    from chronotui.log.kinds import KnownKinds
    from chronotui.log.pattern import LineAddress, Pattern
    from chronotui.model import LogLine


class Hits(NamedTuple):
    """Indexes of matching lines in order, of the lines before ``done``."""

    indexes: Sequence[int]
    done: int


class Matcher(Protocol):
    def find(self, block: Block, start: int, deadline: float, /) -> Hits:
        """Look at lines from ``start`` on.

        Stops early when ``perf_counter`` has passed the deadline: after a line, or
        in the midst of a huge one, to be called again from that line.
        """


class MatchedLines:
    __slots__ = ("done", "hits")

    def __init__(self) -> None:
        self.done = 0
        self.hits = array("H")


_NOTHING = MatchedLines()


class LineMatches:
    """Matching lines by chunk; a chunk that grew is read on from where it was.

    ``revision`` grows with everything found.
    """

    def __init__(self, spool: Spool, matcher: Matcher) -> None:
        self._spool = spool
        self._matcher = matcher
        self._found: dict[int, MatchedLines] = {}
        self._todo: list[Chunk] = []
        self.revision = 0

    def of(self, chunk: Chunk) -> MatchedLines:
        return self._found.get(chunk.stamp, _NOTHING)

    def is_complete(self, chunk: Chunk) -> bool:
        return self.of(chunk).done == chunk.count

    @property
    def complete(self) -> bool:
        return not self._todo

    def look(self, chunk: Chunk, deadline: float) -> bool:
        found = self._found.setdefault(chunk.stamp, MatchedLines())
        if found.done < chunk.count:
            hits = self._find(chunk, found.done, deadline)
            found.hits.extend(hits.indexes)
            found.done = hits.done
            self.revision += 1
        return found.done == chunk.count

    def _find(self, chunk: Chunk, start: int, deadline: float) -> Hits:
        return self._matcher.find(self._spool.peek(chunk), start, deadline)

    def plan(self, chunks: Sequence[Chunk], near: int) -> None:
        """Set what `advance` looks at: incomplete chunks, nearest to one first."""
        todo = [
            (abs(index - near), chunk)
            for index, chunk in enumerate(chunks)
            if not self.is_complete(chunk)
        ]
        todo.sort(key=lambda item: -item[0])
        self._todo = [chunk for _distance, chunk in todo]

    def advance(self, deadline: float) -> bool:
        """Look at planned chunks until the deadline; whether all is done."""
        while self._todo:
            if not self.look(self._todo[-1], deadline):
                break
            self._todo.pop()
            if perf_counter() >= deadline:
                break
        return not self._todo

    def keep_only(self, chunks: Sequence[Chunk]) -> None:
        """Forget chunks that are no more, now and then."""
        if len(self._found) > 2 * len(chunks) + 16:
            kept = {chunk.stamp for chunk in chunks}
            self._found = {s: f for s, f in self._found.items() if s in kept}

    def lines_done(self, chunks: Sequence[Chunk]) -> int:
        return sum(self.of(chunk).done for chunk in chunks)


NEAR_LINES: Final = 16
"""How far ahead the next hit is looked for first."""

TAME_LINE: Final = 512
"""Longest line of a block that a tame expression is searched in without a limit."""

PIECES: Final = 16
"""Pieces a block is searched in."""

LEAST_PIECE: Final = 4096
"""Characters of a piece at least."""

PIECE_SECONDS: Final = 0.008
"""Time for a piece; where one takes longer, lines are searched one by one."""


class WordFinder:
    """Finds texts, byte by byte; if their case is ignored, ASCII ones."""

    def __init__(self, pattern: Pattern) -> None:
        self._pattern = pattern
        self._folds = pattern.ignores_case
        words = [word.encode("utf-8", "surrogatepass") for word in pattern.words]
        self._words = [word.lower() for word in words] if self._folds else words
        self._huge = HugeWords(self._words, folds=self._folds)

    def find(self, block: Block, start: int, deadline: float, /) -> Hits:
        if block.longest * 4 >= HUGE_LINE:
            return self._line_by_line(block, start, deadline)
        if block.broken:
            matches, lines = self._pattern.matches, range(start, len(block))
            return Hits([n for n in lines if matches(block.message(n))], len(block))
        searched = searched_bytes(block, start, lower=self._folds)
        hits = [lines_with(searched, word) for word in self._words]
        one = len(hits) == 1
        return Hits(hits[0] if one else sorted(set().union(*hits)), len(block))

    def _line_by_line(self, block: Block, start: int, deadline: float) -> Hits:
        def matches(number: int) -> bool | None:
            if is_huge(block, number):
                return self._huge.find(block, number, deadline)
            return self._pattern.matches(block.message(number))

        return one_by_one(matches, range(start, len(block)), deadline)


class RegexFinder:
    """Finds an expression; ``one`` counts the lines it was too slow for."""

    def __init__(self, pattern: Pattern, one: LineMatcher | None = None) -> None:
        self._many = pattern.for_many_lines
        self._tame = is_tame(pattern.expression)
        self._one = one or LineMatcher(pattern)
        self._long = LongExpression(pattern.compiled)
        self._given_up: LineAddress | None = None

    @property
    def too_slow(self) -> int:
        return self._one.too_slow

    def find(self, block: Block, start: int, deadline: float, /) -> Hits:
        found: list[int] = []
        done = start
        while done < len(block):
            hits = self._find(block, done, deadline)
            found += hits.indexes
            waits, done = hits.done == done, hits.done
            if waits or perf_counter() >= deadline:
                break
        return Hits(found, done)

    def _find(self, block: Block, start: int, deadline: float) -> Hits:
        if self._many is None or block.broken:
            return self._line_by_line(block, range(start, len(block)), deadline)
        stop = next_long(block, start)
        if stop == start:
            return self._line_by_line(block, range(start, start + 1), deadline)
        self._tame = self._tame and block.longest <= TAME_LINE
        hits = self._together(self._many, block, range(start, stop), deadline)
        if hits.done > start:
            return hits
        return self._line_by_line(block, range(start, stop), deadline)

    def _together(
        self, many: regex.Pattern[str], block: Block, lines: range, deadline: float
    ) -> Hits:
        """Search lines of a block piece by piece, as far as that goes."""
        text = searched_text(block, lines.start, lines.stop)
        found: list[int] = []
        line, end = lines.start, 0
        while end < len(text):
            begin = end
            aim = min(begin + max(len(text) // PIECES, LEAST_PIECE), len(text) - 1)
            end = text.find("\n", aim) + 1
            # A limit of time would cost a tame one more than the matching.
            limit = None if self._tame else PIECE_SECONDS
            # Not the clock on the wall: other programs' turns say nothing of this.
            before = thread_time()
            try:
                taken = many.finditer(text, begin, end - 1, timeout=limit)
                found += matching_lines(taken, text, line, begin)
            except TimeoutError:
                self._many = None
                break
            self._tame = self._tame and thread_time() - before < PIECE_SECONDS
            line += text.count("\n", begin, end)
            if perf_counter() >= deadline:
                break
        return Hits([number for number in found if number < line], line)

    def _line_by_line(self, block: Block, lines: range, deadline: float) -> Hits:
        def matches(number: int) -> bool | None:
            if is_long(block, number):
                return self._in_long(block, number, deadline)
            return self._one(block.message(number))

        return one_by_one(matches, lines, deadline)

    def _in_long(self, block: Block, number: int, deadline: float) -> bool | None:
        try:
            return self._long.find(block, number, self._one.patience, deadline)
        except TimeoutError:
            place = place_of(block, number)
            # A line is counted once, however often it is asked for.
            self._one.too_slow += place != self._given_up
            self._given_up = place
            return False


def pattern_finder(
    pattern: Pattern, one: LineMatcher | None = None
) -> WordFinder | RegexFinder:
    """Return what finds a pattern, as ``one`` does line by line."""
    words = pattern.words
    if words and (all(map(str.isascii, words)) or not pattern.ignores_case):
        return WordFinder(pattern)
    return RegexFinder(pattern, one)


def one_by_one(
    matches: Callable[[int], bool | None], lines: range, deadline: float
) -> Hits:
    """Look at one line after the other, until there is no more time.

    One is looked at whatever the time; ``matches`` gives None if it is not known yet.
    """
    found: list[int] = []
    for number in lines:
        is_match = matches(number)
        if is_match is None:
            return Hits(found, number)
        if is_match:
            found.append(number)
        if perf_counter() >= deadline:
            return Hits(found, number + 1)
    return Hits(found, lines.stop)


def matching_lines(
    matches: Iterable[regex.Match[str]], text: str, line: int, seen: int
) -> Iterator[int]:
    """Yield the lines of matches, in order, that take all of their line's rest.

    ``line`` is the number of the line at ``seen``, a place in the text before them.
    """
    last = -1
    for match in matches:
        start = match.start()
        line += text.count("\n", seen, start)
        seen = start
        if line != last:
            yield (last := line)


def lines_with(searched: SearchedBytes, word: bytes) -> list[int]:
    text, ends, line, shift, offset = searched
    found: list[int] = []
    take, find = found.append, text.find
    last = len(ends)
    position = 0
    while (position := find(word, position)) >= 0:
        position += shift
        near = line + NEAR_LINES
        stop = near if near < last and ends[near] > position else last
        line = bisect_right(ends, position, line, stop)
        take(line + offset)
        position = ends[line] - shift
    return found


class StreamFinder:
    def __init__(self, stream: str) -> None:
        self._stream = stream
        self._rank = rank_of(stream)

    def find(self, block: Block, start: int, _deadline: float, /) -> Hits:
        found: Sequence[int] = lines_of_rank(block, start, self._rank)
        if self._rank == OTHER_RANK:
            found = [n for n in found if block.stream(n) == self._stream]
        return Hits(found, len(block))


class SinceFinder:
    """Finds lines at or after a time, and those without one."""

    def __init__(self, since_ns: int) -> None:
        self._since_ns = since_ns

    def find(self, block: Block, start: int, _deadline: float, /) -> Hits:
        since_ns, times = self._since_ns, block.times
        if min(times) >= since_ns:
            return Hits(range(start, len(block)), len(block))
        found = [
            at
            for at, time_ns in enumerate(times[start:], start)
            if time_ns >= since_ns or time_ns == NO_TIME
        ]
        return Hits(found, len(block))


class PartFinder:
    """Finds the lines of some jobs of a merged log, by their numbers among them."""

    def __init__(self, parts: frozenset[int]) -> None:
        self._parts = parts

    def find(self, block: Block, start: int, _deadline: float, /) -> Hits:
        parts = self._parts
        found = [
            at
            for at, place in enumerate(block.numbers[start:], start)
            if part_of(place) in parts
        ]
        return Hits(found, len(block))


class MessageFinder:
    """Finds lines whose message is wanted, asking of one after the other."""

    def __init__(self, wants: Callable[[str], bool]) -> None:
        self._wants = wants

    def find(self, block: Block, start: int, _deadline: float, /) -> Hits:
        wants, message = self._wants, block.message
        lines = range(start, len(block))
        return Hits([at for at in lines if wants(message(at))], len(block))


class LevelFinder:
    """Finds lines of a level or a graver one; on stderr also what names no level.

    Those graver than ``most`` are left out.
    """

    def __init__(self, least: Level, most: Level = Level.FATAL) -> None:
        self._least = least
        self._most = most

    def find(self, block: Block, start: int, _deadline: float, /) -> Hits:
        stderr = set(lines_of_rank(block, start, STDERR_RANK))
        found = []
        for number in sorted(lines_of_level(block, start, self._least) | stderr):
            level = level_of(block.beginning(number, LOOKED_AT))
            if level is None and number in stderr:
                level = Level.ERROR
            if level is not None and self._least <= level <= self._most:
                found.append(number)
        return Hits(found, len(block))


def lines_of_level(
    block: Block, start: int, least: Level, more: Sequence[bytes] = ()
) -> set[int]:
    """Return the lines that may name such a level, or have one of ``more`` words."""
    if block.broken or block.longest * 4 >= HUGE_LINE:
        return set(range(start, len(block)))
    searched = searched_bytes(block, start, lower=True)
    found: set[int] = set()
    for word in (*level_words(least), *more):
        found.update(lines_with(searched, word))
    for name, field in level_numbers(least):
        if name in searched.text:
            for match in field.finditer(searched.text):
                found.add(searched.line_at(match.start()))
    found.update(_lines_of_glog(searched, glog_letters(least), start))
    return found


def _lines_of_glog(
    searched: SearchedBytes, letters: bytes, start: int
) -> Iterator[int]:
    """Yield the lines that begin with one of the letters and the number of a month."""
    text = searched.text
    for letter in letters:
        for digit in b"01":
            head = bytes((letter, digit))
            if text.startswith(head):
                yield start
            yield from (line + 1 for line in lines_with(searched, b"\n" + head))


class AllFinder:
    """Finds lines that all wanted finders find, and none of the unwanted."""

    def __init__(
        self,
        wanted: Sequence[Matcher],
        unwanted: Sequence[WordFinder | RegexFinder] = (),
    ) -> None:
        self._wanted = wanted
        self._unwanted = unwanted

    @property
    def too_slow(self) -> int:
        finders = (*self._wanted, *self._unwanted)
        return sum(f.too_slow for f in finders if isinstance(f, RegexFinder))

    def find(self, block: Block, start: int, deadline: float, /) -> Hits:
        if len(self._wanted) == 1 and not self._unwanted:
            return self._wanted[0].find(block, start, deadline)
        done = len(block)
        found: set[int] | None = None
        for finder in self._wanted:
            hits = finder.find(block, start, deadline)
            done = min(done, hits.done)
            found = set(hits.indexes) if found is None else found & set(hits.indexes)
        passed = set(range(start, done)) if found is None else found
        for finder in self._unwanted:
            hits = finder.find(block, start, deadline)
            done = min(done, hits.done)
            passed.difference_update(hits.indexes)
        return Hits(sorted(number for number in passed if number < done), done)


def lines_of_rank(block: Block, start: int, rank: int) -> list[int]:
    flags = block.flags[start:] if start else block.flags
    return [n for n, flag in enumerate(flags, start) if flag & RANK_BITS == rank]


class LineFilter(Struct, frozen=True):
    """What a line must be to be shown; all conditions must hold.

    It matches every pattern of ``include`` and none of ``exclude``, and is of the
    stream, of the level or a graver one, and of one of the ``parts`` of a merged log.
    Lines that name no level count as ERROR on stderr, and are hidden otherwise.
    ``unlike`` hides lines of the kinds it has.
    """

    include: tuple[Pattern, ...] = ()
    exclude: tuple[Pattern, ...] = ()
    stream: str | None = None
    level: Level | None = None
    parts: frozenset[int] | None = None
    unlike: KnownKinds | None = None

    @property
    def is_empty(self) -> bool:
        by_pattern = self.include or self.exclude
        by_kind = self.stream or self.level or self.unlike
        return not (by_pattern or by_kind) and self.parts is None

    def finder(self) -> AllFinder:
        wanted: list[Matcher] = []
        if self.parts is not None:
            wanted.append(PartFinder(self.parts))
        if self.stream is not None:
            wanted.append(StreamFinder(self.stream))
        wanted += map(pattern_finder, self.include)
        if self.level is not None:
            wanted.append(LevelFinder(self.level))
        if self.unlike is not None:
            wanted.append(self.unlike)
        return AllFinder(wanted, [pattern_finder(each) for each in self.exclude])

    def matches(self, line: LogLine) -> bool:
        if self.stream is not None and line.stream != self.stream:
            return False
        if self.parts is not None and part_of(line.sequence_num) not in self.parts:
            return False
        if self.level and (line_level(line) or 0) < self.level:
            return False
        message = line.message
        if self.unlike is not None and self.unlike.has(message):
            return False
        return all(pattern.matches(message) for pattern in self.include) and not any(
            pattern.matches(message) for pattern in self.exclude
        )
