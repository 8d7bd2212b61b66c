"""What is done to a server's text costs what its length costs, whatever is in it.

Every function that reads a whole message is fed lines of up to 512 kB of every awkward
shape, and so is every pattern of ours. Only the growth of the cost is bounded: a slow
machine does not matter, and what is quadratic cannot hide.
"""

from __future__ import annotations

import ast
import gc
import importlib
import json
from datetime import UTC, datetime
from functools import partial
from itertools import pairwise
from pathlib import Path
from time import process_time
from typing import TYPE_CHECKING, Any, Final

import pytest
from rich.style import Style

import chronotui
from chronotui.engine.save_request import log_name
from chronotui.json_tree import JsonFolds, read_json
from chronotui.log import attempts as identity
from chronotui.log.block import EventIds, block_of
from chronotui.log.errors import error_lines, shape_of
from chronotui.log.finders import LevelFinder
from chronotui.log.formats import entry_bytes, text_bytes, timed_bytes
from chronotui.log.json_body import HEAD, JsonBody
from chronotui.log.kinds import kind_of
from chronotui.log.levels import Level, level_of
from chronotui.log.pattern import (
    compile_pattern,
    searched_bytes,
    searched_message,
    searched_part,
    searched_text,
)
from chronotui.log.raw_body import RawBlocks, judge
from chronotui.log.rows import Rows
from chronotui.log.search import Search
from chronotui.log.store import LogStore
from chronotui.model import STDOUT, LogLine, RawFormat
from chronotui.sources.live import SseDecoder
from chronotui.sources.wire_errors import quote_words, retry_after
from chronotui.sources.wire_json import (
    read_live_lines,
    read_log_page,
    split_marks,
    time_ns,
)
from chronotui.text import clean, parse_ansi, printable_line
from chronotui.times import Timestamps, parse_time
from chronotui.tree.tags import first_word
from chronotui.ui.log.cells import (
    Grid,
    JsonStyles,
    Tabbed,
    byte_size,
    indent_of,
    is_json,
    pretty_json,
    segments,
    whole_message,
)
from chronotui.ui.log.line_screen import paragraph_of
from chronotui.ui.log.render import Flags, LineRenderer, LogStyles, Stamper
from chronotui.ui.term import clipboard

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

MOST: Final = 1 << 19
"""Characters of the longest line fed."""

STEPS: Final = (MOST >> 6, MOST >> 4, MOST >> 2, MOST)
"""Lengths fed, each four times the one before; a quadratic one fails at the second."""

SLACK: Final = 10.0
"""How much more four times the length may cost: what a processor's cache no longer
holds costs more, but a quadratic function costs 16 times as much."""

NOTHING: Final = 0.1
"""Seconds that say nothing of growth: another way is taken for longer texts, a
collector has its turn."""

ENOUGH: Final = 0.02
"""Seconds that are measured well enough to see a line in three of them."""

LINEAR: Final = 6.0
"""How much more four times the length costs at most, twice in a row, where the longest
lines need not be fed: what is quadratic in it is too little to cost ``SLACK`` times as
much there. Most shapes cost next to nothing and are fed to the longest."""

FIRST: Final = 0.25
"""Seconds the shortest line may take: what is linear takes a tenth of that."""

TRIES: Final = 4


def repeated(unit: str, length: int) -> str:
    return (unit * (length // len(unit) + 1))[:length]


SHAPES: Final[dict[str, Callable[[int], str]]] = {
    "one letter": partial(repeated, "a"),
    "capitals": partial(repeated, "E"),
    "words": partial(repeated, "lorem ipsum "),
    "spaces": partial(repeated, " "),
    "tabs": partial(repeated, "\t"),
    "digits": partial(repeated, "1"),
    "a number that does not end well": lambda n: f"1.{repeated('1', n)}x",
    "one return before the end": lambda n: f"{repeated('a', n // 2)}\rb",
    "one return at the start": lambda n: f"b\r{repeated('a', n)}",
    "a long bar": partial(repeated, f"{'=' * 60}\r"),
    "returns": partial(repeated, "\r"),
    "returns before a letter": lambda n: f"{repeated(chr(13), n)}x",
    "returns and colours": partial(repeated, "\r\x1b[m"),
    "returns and colours before a letter": lambda n: f"{repeated(chr(13) + '[m', n)}x",
    "newlines": partial(repeated, "\n"),
    "line ends": partial(repeated, "a\r\n"),
    "colours": partial(repeated, "\x1b[31mx"),
    "colours alone": partial(repeated, "\x1b[1m"),
    "escapes": partial(repeated, "\x1b"),
    "escapes begun": partial(repeated, "\x1b["),
    "a colour that does not end": lambda n: f"\x1b[{repeated('1;', n)}",
    "colours that do not end": partial(repeated, f"\x1b[{'1;' * 500}"),
    "a command that does not end": lambda n: f"\x1b]8;;{repeated('a', n)}",
    "commands that do not end": partial(repeated, "\x1bP"),
    "controls": partial(repeated, "\x00\x07"),
    "quotes": partial(repeated, '"'),
    "a text that does not end": lambda n: f'["{repeated("a", n)}',
    "escaped quotes": lambda n: '["' + repeated('\\"', n),
    "backslashes": partial(repeated, "\\"),
    "brackets": partial(repeated, "["),
    "brackets closed": lambda n: "[" * (n // 2) + "]" * (n // 2),
    "objects": partial(repeated, '{"a":'),
    "a list": lambda n: f"[{repeated('1,', n // 2 * 2)}1]",
    "a list of texts": lambda n: '["' + repeated('a","', n // 4 * 4) + 'a"]',
    "lines in a text": lambda n: '{"a":"' + repeated("\\n", n // 2 * 2) + '"}',
    "one text": lambda n: '{"a":"' + repeated("b", n) + '"}',
    "one number": lambda n: f"[{repeated('1', n)}]",
    "a page that ends again and again": partial(repeated, ']},"error":{'),
    "trailers": partial(repeated, '],"error":{"message":1'),
    "brackets and spaces": partial(repeated, f"]{' ' * 500}"),
    "colons": partial(repeated, ":"),
    "levels": partial(repeated, "level: error=severity "),
    "levels without an end": partial(repeated, f"level{' ' * 900}"),
    "words of three letters": partial(repeated, "ERR"),
    "marks": partial(repeated, "a]b)c|"),
    "wide": partial(repeated, "漢字"),
    "joined": partial(repeated, "👩\u200d💻"),
    "flags": partial(repeated, "🇩"),
    "no width": partial(repeated, "\u200b"),
    "combining": lambda n: "a" + repeated("\u0301", n),
    "selectors": partial(repeated, "\ufe0f"),
    "surrogates": partial(repeated, "\ud800"),
    "accents": partial(repeated, "é"),
    "marks of a search": partial(repeated, "__CV_HL_START_t__"),
    "dots": partial(repeated, "."),
    "slashes": partial(repeated, "/"),
    "an event": partial(repeated, "event: log\ndata: {}\n\n"),
    "fields": partial(repeated, "data: x\n"),
    "a chunk": partial(repeated, "\r\n1;"),
}


NOW: Final = datetime(2024, 1, 1, tzinfo=UTC)

# What is fed


def log_line(message: str) -> LogLine:
    return LogLine(1, 0, STDOUT, 10**18, message, "log:j:stdout:0")


def store_of(message: str) -> LogStore:
    store = LogStore()
    lines = ["before", message, "a\rb", "after"]
    store.add([log_line(m)._replace(sequence_num=n) for n, m in enumerate(lines)])
    return store


def searched(typed: str | None, message: str) -> None:
    store = store_of(message)
    search = Search(Rows(store), None if typed is None else compile_pattern(typed))
    while not search.advance(1.0):
        pass


def as_block(use: Callable[[Any], object], message: str) -> None:
    line = log_line(message)
    use(block_of([line, line._replace(message="a\r\x1b[mb")], EventIds()))


def fed(blocks: RawBlocks, piece: bytes) -> None:
    for _lines in blocks.feed(piece):
        pass


def in_pieces(feed: Callable[[bytes], object], message: str) -> None:
    body = message.encode("utf-8", "surrogatepass")
    for at in range(0, len(body), 1 << 14):
        feed(body[at : at + (1 << 14)])


def as_entry(message: str) -> bytes:
    return json.dumps({"message": message, "sequence_num": 1}).encode()


LOOK: Final = LogStyles(**dict.fromkeys(LogStyles.__struct_fields__, Style(bold=True)))


def drawn(message: str, *, wrap: bool, as_json: bool = False) -> None:
    find = compile_pattern("(?i)a").spans
    stamper = Stamper(Timestamps.OFF)
    drawer = LineRenderer(LOOK, stamper, 80, wrap=wrap, find=find)
    line = log_line(message)
    drawer.height(line, as_json=as_json)
    if not as_json or is_json(message):
        drawer.line(line, None, Flags(as_json=as_json))


def whole(message: str) -> None:
    paragraph = whole_message(message, Style(), Style())
    indent = paragraph.indent(80)
    lit = paragraph.lit(compile_pattern("a").spans(paragraph.searched), Style())
    for start, end in lit.grid.wrap(80, indent):
        segments(lit.grid.text, lit.runs, start, end)


def indented(message: str) -> None:
    if is_json(message):
        list(pretty_json(message, JsonStyles(Style(), Style(), Style())))


def unfolded(message: str) -> None:
    tree = read_json(message)
    if tree is None:
        return
    folds = JsonFolds(tree)
    deepest = max(range(len(tree)), key=tree.depths.__getitem__)
    tree.path(deepest)
    paragraph_of(folds, 0, LOOK, Style(), 80)
    paragraph_of(folds, len(tree) - 1, LOOK, Style(), 80)


def copied(message: str) -> None:
    try:
        clipboard.printable([message])
    except clipboard.TooLargeToCopyError:
        return


def judged(raw_format: RawFormat, message: str) -> None:
    head = HEAD if raw_format is RawFormat.JSON else b""
    judge(raw_format, head + message.encode("utf-8", "replace"))


def counted(message: str) -> None:
    body = JsonBody()
    body.feed(HEAD)
    text = message.encode("utf-8", "replace")
    for start in range(0, len(text), 1000):
        body.feed(text[start : start + 1000])
    body.finish()
    body.tail()


FUNCTIONS: Final[dict[str, Callable[[str], object]]] = {
    # api
    "quote_words": lambda text: quote_words(text.encode("utf-8", "replace")),
    "retry_after": lambda text: retry_after(text, NOW),
    "split_marks": lambda text: split_marks(text, "t"),
    "read_live_lines": lambda text: read_live_lines([as_entry(text), b"{"]),
    "read_log_page": lambda text: read_log_page(b'{"logs":[%s]}' % as_entry(text)),
    "time_ns": time_ns,
    # core
    "attempt_of": lambda text: identity.attempt_of(f"log:{text}:attempt:{text}:a:1"),
    "log_name": lambda text: log_name(text, "txt", hint=text),
    "parse_time": lambda text: parse_time(f"2024-01-01T10:12:31.{text}"),
    "clean": clean,
    "the tag of a job": first_word,
    "printable_line": printable_line,
    "parse_ansi": parse_ansi,
    "read_json": unfolded,
    "sse": lambda text: in_pieces(SseDecoder().feed, text),
    "raw entries": lambda text: in_pieces(
        partial(fed, RawBlocks()), json.dumps({"message_raw": text}) + "\n"
    ),
    "judge txt": partial(judged, RawFormat.TXT),
    "judge json": partial(judged, RawFormat.JSON),
    "judge jsonl": partial(judged, RawFormat.JSONL),
    "the entries of a json body": counted,
    "text_bytes": text_bytes,
    "timed_bytes": lambda text: timed_bytes("t", "stdout", text),
    "entry_bytes": lambda text: entry_bytes(log_line(text)),
    # core.log
    "level_of": level_of,
    "shape_of": shape_of,
    "kind_of": kind_of,
    "error lines": lambda text: list(error_lines([log_line(text)] * 2)),
    "searched_message": searched_message,
    "searched_bytes": partial(as_block, lambda block: searched_bytes(block, 0)),
    "searched_text": partial(as_block, lambda block: searched_text(block, 0, 2)),
    "searched_part": partial(as_block, lambda block: searched_part(block, 0)),
    "level finder": partial(
        as_block,
        lambda block: LevelFinder(Level.DEBUG).find(block, 0, 0.0),
    ),
    "search for text": partial(searched, "aab"),
    "search for text in any case": partial(searched, "äab"),
    "search for an expression": partial(searched, "a+b"),
    "search for errors": partial(searched, None),
    # ui.log_view
    "tabs": lambda text: Grid(Tabbed(text[: 1 << 18]).text).wrap(80, 4),
    "indent": lambda text: indent_of(text, 80),
    "drawn": partial(drawn, wrap=False),
    "drawn wrapped": partial(drawn, wrap=True),
    "drawn as JSON": partial(drawn, wrap=True, as_json=True),
    "line screen": whole,
    "byte_size": byte_size,
    "is_json": is_json,
    "pretty_json": indented,
    "clipboard": copied,
}


def seconds_of(use: Callable[[str], object], text: str) -> float:
    """Return the time of the processor that something takes, this process's alone."""
    gc.disable()
    try:
        before = process_time()
        use(text)
        return process_time() - before
    finally:
        gc.enable()


def grows_too_fast(
    use: Callable[[str], object],
    shape: Callable[[int], str],
    steps: Sequence[int] = STEPS,
) -> str:
    """Return what is wrong with the growth of a cost; "" if it is at most linear."""
    known: list[float] = []
    for step, length in enumerate(steps):
        took = seconds_of(use, shape(length))
        for _ in range(TRIES):
            if took <= most_after(known):
                break
            took = min(took, seconds_of(use, shape(length)))
            shorter = [seconds_of(use, shape(each)) for each in STEPS[:step]]
            known = list(map(max, known, shorter))
        else:
            if took > most_after(known):
                return f"{length:,} characters: {took:.3f} s, shorter ones: {known}"
        known.append(took)
        if step >= 2 and (took >= NOTHING or is_linear(known)):
            break
    return ""


def is_linear(known: Sequence[float]) -> bool:
    steps = pairwise(known)
    return known[-1] >= ENOUGH and all(more <= less * LINEAR for less, more in steps)


def most_after(known: Sequence[float]) -> float:
    """Return the seconds a line may take, four times as long as the last one was."""
    if not known:
        return FIRST
    slack = (SLACK, SLACK * 4)
    shorter = zip(reversed(known), slack, strict=False)
    return max(NOTHING, min(took * factor for took, factor in shorter))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_no_line_costs_more_than_its_length(name: str) -> None:
    found = {
        shape: wrong
        for shape in SHAPES
        if (wrong := grows_too_fast(FUNCTIONS[name], SHAPES[shape]))
    }
    assert not found


# Every pattern of ours


def finds(pattern: Any, text: str) -> None:
    for _ in pattern.finditer(text):
        pass


def removes(pattern: Any, text: str) -> None:
    pattern.sub(text[:0], text)


def begins(pattern: Any, text: str) -> None:
    """Match one piece after the other, as a reader does."""
    at = 0
    while (match := pattern.match(text, at)) is not None and match.end() > at:
        at = match.end()


def is_all(pattern: Any, text: str) -> None:
    pattern.fullmatch(text)


TYPED: Final = "typed by the reader, or set in a file of his"

PATTERNS: Final[dict[str, Any]] = {
    "sources.wire_errors._SECONDS": is_all,
    "sources.httpcore_backends._HEAD_END": finds,
    "sources.httpcore_backends._CHUNKED": finds,
    "sources.httpcore_backends._FINAL_STATUS": begins,
    "sources.httpcore_backends._NEXT_CHUNK": begins,
    "sources.chronoverse._FOREIGN_SCHEMES": finds,
    "text.sgr": finds,
    "text._hostile": finds,
    "text._mark_floods": finds,
    "json_tree._TOKEN": begins,
    "log.causes._coded": finds,
    "log.causes._exception": finds,
    "log.causes._word": finds,
    "log.errors._digits": removes,
    "log.errors._named_exception": begins,
    "log.errors._numbered_frame": begins,
    "log.errors._raised_name": begins,
    "log.errors._ruby_place": begins,
    "log.formats._in_utc": is_all,
    "log.kinds._complaints": finds,
    "log.kinds._escaped": removes,
    "log.kinds._identifier": "a word; in the kind of a line",
    "log.kinds._value": "the beginning of a line; in the kind of a line",
    "log.levels._marked": finds,
    "log.levels._named": finds,
    "log.levels._upper": finds,
    "log.levels.low_levels": finds,
    "log.levels.level_numbers": "a list; in the search for errors",
    "log.odd_values._name": is_all,
    "log.odd_values._number": finds,
    "log.odd_values._setting": finds,
    "log.pattern._CLASS_TAKES_NEWLINES": TYPED,
    "log.pattern._GROUP_REPEATED": TYPED,
    "log.pattern._REPEATS": TYPED,
    "log.pattern._SEES_NEWLINES": TYPED,
    "log.pattern._tokens": TYPED,
    "log.pattern.is_tame": TYPED,
    "log.pattern._ESCAPED": TYPED,
    "log.pattern._MEANING": TYPED,
    "log.pattern._SPECIAL": TYPED,
    "log.pattern._any_of": "made of what is typed; in the search for text",
    "log.pattern._compiled": "what is typed, within a limit of time",
    "log.pattern.compile_pattern": TYPED,
    "log.pattern._backward_ending": begins,
    "log.pattern._sgr": removes,
    "log.json_body._TOKEN": finds,
    "log.json_body._behind_head": "in the judging of json",
    "log.raw_search._COLOUR": finds,
    "log.raw_search._ESCAPE": finds,
    "log.raw_search._FOLDED": finds,
    "log.raw_search._compiled": TYPED,
    "log.raw_search._is_plain": TYPED,
    "log.raw_search.needles_of": TYPED,
    "storage.settings._SHELL_SYNTAX": TYPED,
    "tree.filters._RUN_ID": TYPED,
    "tree.filters._WORD": TYPED,
    "tree.tags.first_word": "a name; in the tag of a job",
    "times._ago": TYPED,
    "times._rfc3339": is_all,
    "times._time_of_day": TYPED,
    "log.raw_body._JSON_TRAILER": begins,
    "engine.resolve._BEGINNING": TYPED,
    "engine.resolve._WHOLE_ID": TYPED,
    "ui.log.cells._TOKEN": finds,
    "ui.term.diff._ONE_STYLE": "the styles of one row of cells",
    "ui.term.diff._SPAN": "the differences of one row of cells",
    "ui.term.diff.PASSES_BY": is_all,
    "ui.term.buffer._TOKEN": finds,
    "ui.term.buffer._MOVE": finds,
    "ui.term.notice.notification": "a text that was cut",
    "ui.term.pace._ANSWER": finds,
    "ui.term.pace._BEGINNING": finds,
    "ui.term.pace._STRAY": removes,
}
"""How each pattern is used, or why no server's text comes before it."""

MATCHING: Final = frozenset(
    {"compile", "search", "match", "fullmatch", "split", "findall", "finditer", "sub"}
)


def patterns_in(module: Path) -> Iterator[str]:
    """Yield where a module makes or uses a pattern: the name or function at its top."""
    root = Path(chronotui.__file__).parent
    place = ".".join(module.relative_to(root).with_suffix("").parts)
    for top in ast.parse(module.read_text()).body:
        for each in ast.walk(top):
            if (
                isinstance(each, ast.Call)
                and isinstance(each.func, ast.Attribute)
                and isinstance(each.func.value, ast.Name)
                and each.func.value.id in {"re", "regex"}
                and each.func.attr in MATCHING
            ):
                named = top.target if isinstance(top, ast.AnnAssign) else top
                name = getattr(named, "name", None) or getattr(named, "id", "?")
                yield f"{place}.{name}"


def test_every_pattern_of_the_package_is_known_here() -> None:
    root = Path(chronotui.__file__).parent
    demo = root / "demo"
    modules = [m for m in root.rglob("*.py") if demo not in m.parents]
    assert {found for module in modules for found in patterns_in(module)} == set(
        PATTERNS
    )


@pytest.mark.parametrize("name", [n for n, use in PATTERNS.items() if callable(use)])
def test_no_pattern_costs_more_than_its_text(name: str) -> None:
    module, _, attribute = name.rpartition(".")
    pattern = getattr(importlib.import_module(f"chronotui.{module}"), attribute)
    if not hasattr(pattern, "pattern"):
        pattern = pattern()

    def used(text: str) -> None:
        if isinstance(pattern.pattern, bytes):
            PATTERNS[name](pattern, text.encode("utf-8", "replace"))
        else:
            PATTERNS[name](pattern, text)

    found = {
        shape: wrong
        for shape in SHAPES
        # What uses it is fed the longest lines, above.
        if (wrong := grows_too_fast(used, SHAPES[shape], STEPS[:-1]))
    }
    assert not found
