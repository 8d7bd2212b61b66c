from __future__ import annotations

import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chronotui.log import finders as pattern_finders_module
from chronotui.log import pattern as huge_lines_module
from chronotui.log.finders import LineFilter
from chronotui.log.marks import LineRow
from chronotui.log.pattern import BadPattern, LineMatcher, compile_pattern, within_lines
from chronotui.log.rows import Rows
from chronotui.log.search import Search
from chronotui.log.store import LogStore
from chronotui.model import STDOUT, LogLine


def store_of(messages: list[str]) -> LogStore:
    store = LogStore()
    store.add([LogLine(1, n, STDOUT, None, text) for n, text in enumerate(messages)])
    return store


@pytest.mark.parametrize(
    ("typed", "message", "matches"),
    [
        ("error", "An ERROR", True),
        ("Error", "An ERROR", False),
        ("(?i)Error", "An ERROR", True),
        ("1.5", "1x5", True),
        (r"1\.5", "1x5", False),
        (r"\S+ \Sx", "ab AX", True),
        ("[warn]", "w", True),
        (r"\[warn\]", "[WARN] x", True),
        ("ärger", "ÄRGER", True),
        ("timeout$", "a \x1b[31mtime\x1b[0mout", True),
        ("50%", "50%\r100%", False),
        ("100%", "50%\r100%\r", True),
        ("a+", "bb", False),
        ("^$", "bb", False),
        ("^b*$", "bb", True),
        ("ab|BA", "xBAx", True),
        (r"a\|b|c", "xA|Bx", True),
    ],
)
def test_a_pattern_means_what_was_typed(
    typed: str, message: str, matches: bool
) -> None:
    pattern = compile_pattern(typed)
    assert pattern.matches(message) is matches
    for neighbour in ("zzz", "zzz\nzzz"):
        store = store_of([neighbour, message, neighbour])
        found = Search(Rows(store), pattern)
        assert found.advance(1)
        assert found.count == matches


@pytest.mark.parametrize(
    "typed", ["(a", "[a", "*a", "\\", r"\p{Foo}", "(?z)", "a(?<=b"]
)
def test_what_is_no_expression_is_said_in_a_sentence(typed: str) -> None:
    with pytest.raises(BadPattern) as caught:
        compile_pattern(typed)
    sentence, brief = caught.value.sentence, caught.value.brief
    assert sentence == f"This is no regular expression: {brief}."
    assert caught.value.sentence.endswith(".")


def test_nothing_is_no_pattern() -> None:
    with pytest.raises(BadPattern, match="nothing to look for"):
        compile_pattern("")


def test_spans_are_where_matches_are() -> None:
    assert compile_pattern("ab").spans("xABab") == [(1, 3), (3, 5)]
    assert compile_pattern("a*").spans("aab") == [(0, 2)]
    assert len(compile_pattern("x").spans("x" * 5000)) == 1000
    assert compile_pattern("(x+x+)+y").spans("x" * 5000) == []


ATOMS = [
    "a", "b", ".", r"\s", r"\S", r"\w", r"\W", r"\D", "[ab]", "[^a]", "[^ab ]", "[^-a]",
    r"[^\s]", r"[\sa]", "^", "$", r"\b", "(?=a)", "(?!b)", "(?<=a)", r"(?<!\s)",
    r"(?<=\s)", "(?>a*)", "(?:ab)", r"\A", r"\Z", r"\n", r"\p{L}", "[[:alpha:]]",
]  # fmt: skip
EXPRESSIONS = st.lists(
    st.tuples(st.sampled_from(ATOMS), st.sampled_from(["", "", "*", "+", "?", "{2}"])),
    min_size=1,
    max_size=4,
).map(lambda parts: "".join(atom + repeat for atom, repeat in parts))


@given(
    EXPRESSIONS,
    st.lists(st.text(st.sampled_from("ab A1-é\t"), min_size=1), min_size=1, max_size=8),
)
def test_searching_many_lines_at_once_finds_what_each_alone_has(
    typed: str, messages: list[str]
) -> None:
    try:
        pattern = compile_pattern(typed)
    except BadPattern:
        return
    search = Search(Rows(store_of(messages)), pattern)
    assert search.advance(1)
    assert search.count == sum(map(pattern.matches, messages))


def test_the_usual_expressions_are_searched_many_lines_at_once() -> None:
    usual = ["a.*b", r"\d+ ms", "a|b", "[^x]y", r"^\s*at ", "(?<!x)y", r"a\s+b"]
    assert all(map(within_lines, usual))


def test_a_catastrophic_expression_is_bounded_and_said() -> None:
    store = store_of(["ok xxy", *["x" * 4000 + "!"] * 60])
    search = Search(Rows(store), compile_pattern("(x+x+)+y"))
    started = time.thread_time()
    slowest = searched(search)
    assert search.count == 1
    assert search.too_slow == 60
    assert slowest < 1
    assert time.thread_time() - started < 20
    rows = Rows(store, LineFilter(exclude=(compile_pattern("(x+x+)+y"),)))
    while not rows.advance(1):
        pass
    assert (rows.line_count, rows.too_slow) == (60, 60)


def searched(search: Search | Rows) -> float:
    """Search to the end in slices; return this thread's seconds in the longest one."""
    slowest, complete = 0.0, False
    while not complete:
        before = time.thread_time()
        complete = search.advance(0.005)
        slowest = max(slowest, time.thread_time() - before)
        time.sleep(0)
    return slowest


def test_a_slow_expression_on_a_huge_line_is_given_up_and_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(huge_lines_module, "HUGE_LINE", 1000)
    pattern = compile_pattern("(x+x+)+y")
    store = store_of(["xxy", "x" * 20_000, "y"])
    search = Search(Rows(store), pattern)
    searched(search)
    assert (search.count, search.too_slow) == (1, 1)
    rows = Rows(store, LineFilter(exclude=(pattern,), include=(compile_pattern("x"),)))
    searched(rows)
    assert (rows.line_count, rows.too_slow) == (1, 1)


@given(
    st.lists(
        st.lists(st.sampled_from([*"aAbB\x1b[1m\r\nßé", "\x1b[1m"]), max_size=40).map(
            "".join
        ),
        min_size=1,
        max_size=6,
    ),
    st.sampled_from(["ab", "AB", "a|bB", "a.b", "[^a]b", "é", "mA"]),
    st.sampled_from([None, "b"]),
)
@example(["BBBB\x1ba\rB"], "a|bB", None)
@example(["aaaaaaaab\r\x1b[1m"], "ab", None)
def test_huge_lines_match_as_others_do(
    messages: list[str], typed: str, exclude: str | None
) -> None:
    pattern = compile_pattern(typed)
    without = () if exclude is None else (compile_pattern(exclude),)
    line_filter = LineFilter(include=(pattern,), exclude=without)
    with pytest.MonkeyPatch.context() as small:
        small.setattr(pattern_finders_module, "HUGE_LINE", 8)
        small.setattr(huge_lines_module, "HUGE_LINE", 8)
        small.setattr(huge_lines_module, "PIECE_BYTES", 3)
        small.setattr(huge_lines_module, "LONG_LINE", 6)
        store = store_of(messages)
        rows, search = Rows(store, line_filter), Search(Rows(store), pattern)
        searched(rows)
        searched(search)
    expected = [line for line in store.lines(0, 9) if line_filter.matches(line)]
    assert [row.line for row in rows.rows(0, 9) if isinstance(row, LineRow)] == expected
    assert search.count == sum(map(pattern.matches, messages))


SQUARE = r"\w+\s"
"""Takes the square of a line's length, and looks at the time once in 64 lines of it."""


def test_a_long_line_holds_nobody_up_while_an_expression_runs() -> None:
    store = store_of(["usual x y", *["x" * (1 << 18)] * 3, "y z"])
    search = Search(Rows(store), compile_pattern(SQUARE))
    longest, slices, complete = 0.0, 0, False
    while not complete:
        before = time.thread_time()
        complete = search.advance(0.005)
        longest = max(longest, time.thread_time() - before)
        slices += 1
    assert (search.count, search.too_slow) == (2, 3)
    assert longest < 0.1
    assert slices > 20  # about 200; as many as lines where the thread lets nobody on


def test_the_matches_of_a_long_text_are_waited_for_a_moment() -> None:
    before = time.thread_time()
    assert compile_pattern(SQUARE).spans("x" * (1 << 18)) == []
    assert time.thread_time() - before < 0.1
    text = "y" * (1 << 18) + "x1"
    assert compile_pattern(r"x\d").spans(text) == [(1 << 18, (1 << 18) + 2)]


def test_lines_between_long_ones_are_still_searched_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    alone: list[str] = []
    match = LineMatcher.__call__

    def counted(matcher: LineMatcher, message: str) -> bool:
        alone.append(message)
        return match(matcher, message)

    monkeypatch.setattr(LineMatcher, "__call__", counted)
    usual = [f"usual {number}\rlast" for number in range(500)]
    store = store_of([*usual, "x" * (1 << 16), *usual])
    search = Search(Rows(store), compile_pattern("l.s"))
    searched(search)
    assert (search.count, alone) == (1000, [])


def test_the_more_lines_were_too_slow_the_less_time_the_others_get() -> None:
    matcher = LineMatcher(compile_pattern("(x+x+)+y"))
    patience = [matcher.patience]
    for _ in range(25):
        assert not matcher("x" * 4000)
        patience.append(matcher.patience)
    assert matcher.too_slow == 25
    assert patience == sorted(patience, reverse=True)
    assert patience[-1] < patience[0] / 4
    assert matcher("xxy")


def test_a_huge_line_is_found() -> None:
    store = store_of(["a", "x" * (8 << 20) + "Needle", "b"])
    for typed in ("needle", "Needle", "nee.le", "NEE|Needle"):
        search = Search(Rows(store), compile_pattern(typed))
        slowest = searched(search)
        assert (search.count, search.too_slow) == (1, 0), typed
        assert slowest < 0.3
    assert store.line(1) is store.line(1)
    assert store.add([store.line(1)._replace(message="short")]).duplicates == 1
    slow = Search(Rows(store), compile_pattern("(x+x+)+y"))
    while not slow.advance(1):
        pass
    assert (slow.count, slow.too_slow) == (0, 1)


def test_a_search_passes_over_what_the_filter_hides(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("chronotui.log.search.AT_ONCE_SECONDS", -1.0)
    monkeypatch.setattr("chronotui.log.search.JUMP_SECONDS", 60.0)
    store = store_of([f"line {n}" for n in range(20_000)])
    rows = Rows(store, LineFilter(include=(compile_pattern("line 5$"),)))
    while not rows.advance(1):
        pass
    search = Search(rows, compile_pattern("line"))
    found = search.next(0, 1)
    assert found is not None
    assert (found.row, found.wrapped) == (0, True)
    done, total = search.progress
    assert done <= total // 2


def test_a_search_over_other_rows_knows_what_was_searched() -> None:
    store = store_of([f"line {n}" for n in range(20_000)])
    search = Search(Rows(store), compile_pattern("line"))
    while not search.advance(1):
        pass
    rows = Rows(store, LineFilter(include=(compile_pattern("7$"),)))
    while not rows.advance(1):
        pass
    narrow = search.over(rows)
    assert narrow.complete
    assert (narrow.count, search.count) == (2_000, 20_000)
    store.add([LogLine(1, 20_007, STDOUT, None, "line 20007")])
    rows.refresh()
    narrow.refresh()
    search.rows.refresh()
    search.refresh()
    while not (narrow.advance(1) and search.advance(1)):
        pass
    assert (narrow.count, search.count) == (2_001, 20_001)
