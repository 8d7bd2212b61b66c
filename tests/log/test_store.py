"""The store against a plain sorted list, whatever happens in whatever order."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from chronotui.log import chunks as chunk_module
from chronotui.log import chunks as splicing_module
from chronotui.log import store as free_places_module
from chronotui.log import store as placing_module
from chronotui.log.attempts import LineKey, key_of
from chronotui.log.block import EventIds, LineBlock, LineColumns, line_block
from chronotui.log.errors import error_lines
from chronotui.log.finders import LineFilter
from chronotui.log.levels import Level
from chronotui.log.marks import GapMark, LineRow, Mark
from chronotui.log.pattern import compile_pattern
from chronotui.log.rows import Rows
from chronotui.log.search import Search
from chronotui.log.store import LogStore
from chronotui.model import LogLine
from tests.log.conftest import MemoryOverflow

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

MESSAGES = st.one_of(
    st.sampled_from(["error: x", "ERROR", "ok", '{"level":"error"}', "aa bb", "Abba"]),
    st.sampled_from(["INFO", "  at b", "  a", "ERROR 2", "aError: b", "panic: a", ""]),
    st.sampled_from(["During handling of the above exception", "Caused by: a"]),
    st.text(
        st.one_of(
            st.sampled_from("ab \x1b[1m\r\n\t\x00"),
            st.characters(),
            st.characters(min_codepoint=0xD800, max_codepoint=0xDFFF),
        ),
        max_size=12,
    ),
)


@st.composite
def log_lines(draw: st.DrawFn) -> LogLine:
    attempt = draw(st.sampled_from([0, 0, 1, 1, 2, 3]))
    number = draw(st.one_of(st.integers(0, 3), st.integers(0, 30)))
    stream = draw(st.sampled_from(["stdout", "stderr", "other", "strange"]))
    ids = ["", "", "", "x", "y", f"log:job:{stream}:{number}"]
    ids.append(f"log:job:attempt:{attempt}:{stream}:{number}")
    return LogLine(
        attempt,
        number,
        stream,
        draw(st.sampled_from([None, 5_000_000, 5_999_999, 2 * 10**9, -1, 2**62])),
        draw(MESSAGES),
        draw(st.sampled_from(ids)),
        draw(st.booleans()),
    )


def same_duplicate(one: LogLine, other: LogLine) -> bool:
    """Whether two lines of unknown attempt and without an id are one."""
    if one.attempt or other.attempt or one.event_id or other.event_id:
        return False
    if one[1:3] != other[1:3] or one.message != other.message:
        return False
    if one.time_ns is None or other.time_ns is None:
        return one.time_ns == other.time_ns
    return abs(one.time_ns - other.time_ns) <= 1_000_000


class Model:
    """The same as the store, the plain way."""

    def __init__(self) -> None:
        self.lines: dict[LineKey, LogLine] = {}

    def add(self, lines: Iterable[LogLine]) -> None:
        for given_line in lines:
            line = given_line
            for known in self.ordered:
                if same_duplicate(line, known):
                    line = line._replace(time_ns=known.time_ns)
                    break
            known_line = self.lines.get(key_of(line))
            if known_line is None or (line.retained and not known_line.retained):
                self.lines[key_of(line)] = line

    @property
    def ordered(self) -> list[LogLine]:
        return [self.lines[key] for key in sorted(self.lines)]


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (chunk_module, placing_module, splicing_module, free_places_module):
        monkeypatch.setattr(module, "CHUNK_LINES", 5)
        if hasattr(module, "CHUNK_BYTES"):
            monkeypatch.setattr(module, "CHUNK_BYTES", 60)


FILTERS = st.tuples(
    st.sampled_from([(), (compile_pattern("a"),), (compile_pattern("[^x]a|B"),)]),
    st.sampled_from([(), (compile_pattern("bb"),), (compile_pattern("A"),)]),
    st.sampled_from([None, "stderr", "strange"]),
    st.sampled_from([None, Level.ERROR]),
).map(
    lambda told: LineFilter(
        include=told[0], exclude=told[1], stream=told[2], level=told[3]
    )
)
PATTERNS = ["a", "A", "b+ ?b", "^a", "b$", ".", "a*", r"\s", "(?<=a)b", "e|o"]


@st.composite
def line_blocks(draw: st.DrawFn) -> LineBlock:
    """Blocks as a download makes them: rising, all with the server's ids."""
    attempt = draw(st.integers(1, 3))
    places = st.tuples(st.integers(0, 40), st.sampled_from(["stderr", "stdout"]))
    chosen = sorted(draw(st.sets(places, min_size=1, max_size=12)))
    turn = f"attempt:{attempt}:" if attempt > 1 else ""
    job = draw(st.sampled_from(["job", "job", "job", "another"]))
    block = line_block(
        attempt,
        LineColumns(
            [number for number, _ in chosen],
            [stream for _, stream in chosen],
            [draw(st.sampled_from([None, 5_000_000, -1])) for _ in chosen],
            [draw(MESSAGES) for _ in chosen],
            [f"log:{job}:{turn}{stream}:{number}" for number, stream in chosen],
            [True] * len(chosen),
        ),
        EventIds(),
    )
    assert block is not None
    return block


class StoreMachine(RuleBasedStateMachine):
    """Adds, gaps, spooling and views, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.overflow = MemoryOverflow()
        self.store = LogStore(budget_bytes=400, overflow=lambda: self.overflow)
        self.model = Model()
        self.gaps: list[GapMark] = []
        self.views: list[tuple[Rows, list[Search]]] = [self.view(None, None)]

    def view(
        self, line_filter: LineFilter | None, attempt: int | None
    ) -> tuple[Rows, list[Search]]:
        rows = Rows(self.store, line_filter, attempt)
        patterns = [Search(rows, compile_pattern(text)) for text in PATTERNS]
        return rows, [Search(rows), *patterns]

    @rule(lines=st.lists(log_lines(), max_size=12))
    def add_anything(self, lines: Sequence[LogLine]) -> None:
        before = self.model.ordered
        self.model.add(lines)
        added = self.store.add(lines)
        known = {key_of(line) for line in before}
        after = self.model.ordered
        assert list(added.new) == [line for line in after if key_of(line) not in known]
        assert added.replaced + added.duplicates + len(added.new) == len(lines)

    @rule(count=st.integers(1, 12), attempt=st.integers(1, 4), live=st.booleans())
    def append(self, count: int, attempt: int, live: bool) -> None:
        held = [line.sequence_num for line in self.model.ordered]
        start = max(held, default=0) + 1
        lines = [
            LogLine(
                attempt, n, "stdout", n, f"line {n}", f"log:job:stdout:{n}", not live
            )
            for n in range(start, start + count)
        ]
        self.model.add(lines)
        assert self.store.add(lines).new == tuple(lines)

    @rule(block=line_blocks(), ends=st.tuples(st.integers(0, 11), st.integers(1, 12)))
    def add_block(self, block: LineBlock, ends: tuple[int, int]) -> None:
        assert list(block) == [block[n] for n in range(len(block))]
        start = min(ends[0], len(block) - 1)
        part = block.part(start, max(start + 1, min(ends[1], len(block))))
        numbers = [line.sequence_num for line in part]
        assert [n for a, b in part.runs for n in range(a, b + 1)] == numbers
        self.add_anything(part)

    @precondition(lambda self: self.model.lines)
    @rule(
        data=st.data(),
        retained=st.booleans(),
        later_ns=st.sampled_from([0, 0, 400_000, 2_000_000]),
        other_words=st.booleans(),
    )
    def add_again(
        self, data: st.DataObject, retained: bool, later_ns: int, other_words: bool
    ) -> None:
        known = st.sampled_from(self.model.ordered)
        again = [
            line._replace(
                retained=retained,
                time_ns=None if line.time_ns is None else line.time_ns + later_ns,
                message=f"{line.message}a" if other_words else line.message,
            )
            for line in data.draw(st.lists(known, min_size=1, max_size=5))
        ]
        self.add_anything(again)

    @rule(full=st.booleans())
    def fill_disk(self, full: bool) -> None:
        self.overflow.full = full

    @rule(
        numbers=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 31)), max_size=4)
    )
    def set_gaps(self, numbers: list[tuple[int, int]]) -> None:
        self.gaps = [GapMark(attempt, n, n, 1) for attempt, n in sorted(set(numbers))]
        self.store.set_gaps(self.gaps)

    @rule(header=st.booleans(), attempt=st.integers(0, 3), edge=st.booleans())
    def set_marks(self, header: bool, attempt: int, edge: bool) -> None:
        self.store.set_section(attempt, "begins" if header else None, "ends")
        self.store.set_edge("top" if edge else None, "bottom")

    @precondition(lambda self: len(self.views) < 4)
    @rule(line_filter=FILTERS, attempt=st.sampled_from([None, 0, 1, 2]))
    def open_view(self, line_filter: LineFilter, attempt: int | None) -> None:
        self.views.append(self.view(line_filter, attempt))

    @invariant()
    def the_store_is_the_model(self) -> None:
        ordered = self.model.ordered
        assert self.store.lines(0, len(self.store)) == ordered
        assert [self.store.line(i) for i in range(len(ordered))] == ordered
        for index, line in enumerate(ordered):
            assert self.store.find(key_of(line)) == index
        attempts = {line.attempt for line in ordered}
        assert set(self.store.attempts()) == attempts
        for attempt in range(5):
            numbers = [i for i, line in enumerate(ordered) if line.attempt == attempt]
            found = self.store.attempt_range(attempt)
            assert list(found) == numbers

    @invariant()
    def views_are_what_passes(self) -> None:
        for rows, searches in self.views:
            rows.refresh()
            while not rows.advance(1):
                pass
            self.check_rows(rows)
            for search in searches:
                while not search.advance(1):
                    pass
                check_search(rows, search)

    def check_rows(self, rows: Rows) -> None:
        line_filter = rows.filter or LineFilter()
        expected = [
            LineRow(index, line)
            for index, line in enumerate(self.model.ordered)
            if rows.attempt in {None, line.attempt} and line_filter.matches(line)
        ]
        shown = rows.rows(0, len(rows))
        lines = [row for row in shown if isinstance(row, LineRow)]
        assert lines == expected
        assert rows.line_count == len(expected)
        gaps = [row.gap for row in shown if isinstance(row, Mark) and row.gap]
        assert gaps == [g for g in self.gaps if rows.attempt in {None, g.attempt}]
        for number, row in enumerate(shown):
            if isinstance(row, Mark) and row.gap:
                key = LineKey(row.gap.attempt, row.gap.first, -1, "")
                lines_above = [r for r in shown[:number] if isinstance(r, LineRow)]
                lines_below = [r for r in shown[number:] if isinstance(r, LineRow)]
                assert all(key_of(r.line) < key for r in lines_above)
                assert all(key_of(r.line) > key for r in lines_below)
            assert rows.locate(rows.anchor(number)) == number


def error_rows(rows: Rows) -> list[int]:
    """Return the first row shown of each error."""
    store = rows.store
    shown = {
        key_of(row.line): number
        for number, row in enumerate(rows.rows(0, len(rows)))
        if isinstance(row, LineRow)
    }
    found: list[int] = []
    for attempt in store.attempts():
        held = store.attempt_range(attempt)
        lines, is_new = store.lines(held.start, held.stop), True
        for index, begins in error_lines(lines):
            is_new |= begins
            if is_new and key_of(lines[index]) in shown:
                found.append(shown[key_of(lines[index])])
                is_new = False
    return found


def check_search(rows: Rows, search: Search) -> None:
    pattern = search.pattern
    if pattern is None:
        matching = error_rows(rows)
    else:
        matching = [
            number
            for number, row in enumerate(rows.rows(0, len(rows)))
            if isinstance(row, LineRow) and pattern.matches(row.line.message)
        ]
    assert search.count == len(matching)
    for number in range(len(rows)):
        after = [row for row in matching if row > number]
        before = [row for row in matching if row < number]
        down, up = search.next(number), search.next(number, -1)
        assert (down and down.row) == next(iter([*after, *matching]), None)
        assert down is None or down.wrapped is (not after)
        assert (up and up.row) == next(reversed([*matching, *before]), None)
        assert up is None or up.wrapped is (not before)
        assert search.is_match(number) is (number in matching)
        assert search.rank(number) == len(before)


def test_any_interleaving_reads_as_a_plain_list() -> None:
    run_state_machine_as_test(
        StoreMachine,
        settings=settings(
            max_examples=35,
            stateful_step_count=12,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


@given(st.lists(st.lists(log_lines(), max_size=40), max_size=6), st.data())
@settings(max_examples=60, suppress_health_check=list(HealthCheck), deadline=None)
def test_arrival_order_never_shows(
    batches: list[list[LogLine]], data: st.DataObject
) -> None:
    known = [line._replace(attempt=max(line.attempt, 1)) for b in batches for line in b]
    unique = list({key_of(line): line for line in known}.values())
    shuffled = data.draw(st.permutations(unique))
    store = LogStore()
    for start in range(0, len(shuffled), 7):
        store.add(shuffled[start : start + 7])
    assert store.lines(0, len(store)) == sorted(unique, key=key_of)
