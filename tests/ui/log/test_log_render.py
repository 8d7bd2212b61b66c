"""Lines as rows of cells: gutter, times, wrapping, colours, hostile text."""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.cells import cell_len, split_graphemes
from rich.color import Color
from rich.style import Style

from chronotui.model import STDERR, STDOUT, LogLine
from chronotui.times import Timestamps
from chronotui.ui.log.cells import MOST_SHOWN, Grid, Tabbed
from chronotui.ui.log.render import Flags, LineRenderer, LogStyles, Stamper, exact_time

if TYPE_CHECKING:
    from datetime import tzinfo

    from textual.strip import Strip

    from chronotui.ui.term.buffer import DrawnRow

UTC_ZONE = ZoneInfo("UTC")
NOON = 1_700_000_000_123_456_789


UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""A busy machine is no reason for a property to fail."""


def a_look() -> LogStyles:
    names = LogStyles.__struct_fields__
    styles = {
        name: Style(color=Color.from_rgb(number, 0, 0))
        for number, name in enumerate(names)
    }
    return LogStyles(**{**styles, "match": Style(underline=True)})


def drawer(
    width: int = 30,
    *,
    timestamps: Timestamps = Timestamps.OFF,
    zone: tzinfo | None = UTC_ZONE,
    **options: object,
) -> LineRenderer:
    stamper = Stamper(timestamps, zone, start_ns=NOON - 61_000_000_000)
    return LineRenderer(a_look(), stamper, width, **options)  # type: ignore[arg-type]


def line(message: str, stream: str = STDOUT, time_ns: int | None = NOON) -> LogLine:
    return LogLine(1, 7, stream, time_ns, message)


def strips(rows: list[DrawnRow]) -> list[Strip]:
    return [row.strip for row in rows]


def texts(rows: list[DrawnRow]) -> list[str]:
    return [strip.text.rstrip() for strip in strips(rows)]


def test_stderr_has_a_mark_before_it() -> None:
    assert texts(drawer().line(line("bad", STDERR))) == [" ▌ bad"]
    assert texts(drawer().line(line("good"))) == ["   good"]


@pytest.mark.parametrize(
    ("timestamps", "column"),
    [
        (Timestamps.OFF, ""),
        (Timestamps.TIME, "22:13:20.123 "),
        (Timestamps.FULL, "2023-11-14 22:13:20.123+00:00 "),
        (Timestamps.ELAPSED, "    +1:01.000 "),
        (Timestamps.DELTA, "    +0.250 "),
    ],
)
def test_times(timestamps: Timestamps, column: str) -> None:
    rows = drawer(60, timestamps=timestamps).line(line("x"), NOON - 250_000_000)
    assert texts(rows) == [f" {column}  x"]


def test_a_long_pause_is_not_cut() -> None:
    draw = drawer(60, timestamps=Timestamps.DELTA)
    spans = {
        59 * 60 + 59: "+59:59.000",
        3600: "+1:00:00",
        99 * 3600 + 59: "+99:00:59",
        -99 * 3600: "-99:00:00",
        100 * 3600: "+100h",
    }
    for seconds, told in spans.items():
        (row,) = texts(draw.line(line("x"), NOON - seconds * 1_000_000_000))
        assert row.split() == [told, "x"]


def test_times_are_in_the_zone_and_the_zone_may_change_with_the_season() -> None:
    tokyo = drawer(60, timestamps=Timestamps.TIME, zone=ZoneInfo("Asia/Tokyo"))
    assert texts(tokyo.line(line("x"))) == [" 07:13:20.123   x"]
    berlin = ZoneInfo("Europe/Berlin")
    assert exact_time(NOON, berlin) == "2023-11-14 23:13:20.123456789 UTC+1"
    july = 1_720_000_000_000_000_000
    assert exact_time(july, berlin).endswith("UTC+2")


@pytest.mark.parametrize("timestamps", list(Timestamps))
@pytest.mark.parametrize("time_ns", [None, -(2**63), 2**63 - 1, 0])
def test_odd_times_keep_the_column(timestamps: Timestamps, time_ns: int | None) -> None:
    draw = drawer(60, timestamps=timestamps)
    (strip,) = strips(draw.line(line("x", time_ns=time_ns), NOON))
    assert strip.text.index("x") == draw.gutter


def test_the_time_column_gives_way_on_a_narrow_screen() -> None:
    narrow = drawer(24, timestamps=Timestamps.FULL)
    assert texts(narrow.line(line("x"))) == ["   x"]


def test_long_lines_wrap_with_a_hanging_indent() -> None:
    rows = drawer(20, wrap=True).line(line("one two three four five six", STDERR))
    assert texts(rows) == [" ▌ one two three", " ▌   four five six"]


def test_a_log_of_errors_wraps_them_alone_whatever_is_set() -> None:
    draw = drawer(20, wrap_stderr=True, left=4)
    words = "one two three four five six"
    assert texts(draw.line(line(words, STDERR))) == [
        " ▌ one two three",
        " ▌   four five six",
    ]
    assert draw.height(line(words, STDERR), as_json=False) == 2
    assert draw.text_width(line(words, STDERR)) == 0
    assert texts(draw.line(line("short", STDERR))) == [" ▌ short"]
    assert texts(draw.line(line(words))) == ["   two three four fi"]
    assert draw.height(line(words), as_json=False) == 1


def test_long_lines_are_cut_and_shifted() -> None:
    message = "".join(map(str, range(10))) * 5
    assert texts(drawer(13).line(line(message))) == ["   0123456789"]
    assert texts(drawer(13, left=3).line(line(message))) == ["   3456789012"]
    assert texts(drawer(13, left=99).line(line(message))) == [""]


def test_a_wide_character_at_the_edge_is_not_halved() -> None:
    assert texts(drawer(8).line(line("日本語"))) == ["   日本"]
    assert texts(drawer(8, left=1).line(line("日本語"))) == ["    本語"]


def test_tabs_go_to_tab_stops_and_matches_follow() -> None:
    found = drawer(40, find=lambda text: [(text.index("b"), text.index("b") + 1)])
    (strip,) = strips(found.line(line("a\tb")))
    assert strip.text.rstrip() == "   a       b"
    lit = [
        segment.text for segment in strip if segment.style and segment.style.underline
    ]
    assert lit == ["b"]


def test_a_tab_of_one_column_is_a_space_too() -> None:
    (strip,) = strips(drawer(20).line(line("1234567\tx")))
    assert strip.text.rstrip() == "   1234567 x"


def test_colours_become_styles_and_progress_its_last_state() -> None:
    (strip,) = strips(drawer().line(line("10 %\r\x1b[31m99 %\x1b[0m done")))
    assert strip.text.rstrip() == "   99 % done"
    colours = {s.text: s.style.color for s in strip if s.style and s.text.strip()}
    assert colours["99 %"] == Color.from_ansi(1)


def test_matches_and_the_current_line_lie_over_colours() -> None:
    lit = drawer(find=lambda _text: [(0, 2)])
    (strip,) = strips(lit.line(line("\x1b[32mabcd"), None, Flags(found=True)))
    pieces = [(s.text, s.style) for s in strip if s.text in {"ab", "cd"}]
    assert [text for text, _style in pieces] == ["ab", "cd"]
    assert pieces[0][1] != pieces[1][1]


def test_flags_are_drawn() -> None:
    (marked,) = strips(drawer().line(line("x"), None, Flags(bookmarked=True)))
    assert marked.text.rstrip() == "◆  x"


@pytest.mark.parametrize("width", [1, 2, 3, 4, 40])
@pytest.mark.parametrize("message", ["", "x", "日本"])
def test_the_current_line_has_a_mark_where_there_is_a_gutter(
    width: int, message: str
) -> None:
    lines = drawer(width)
    (row,) = lines.line(line(message))
    marked = lines.marked(row)
    assert marked.strip.cell_length == width
    assert marked.strip.text[1:] == row.strip.text[1:]
    assert lines.marked(row) is marked
    assert not lines.gutter or marked.strip.text[0] == "►"


def test_notices_wrap_so_that_no_word_of_a_verdict_is_lost() -> None:
    verdict = "attempt 3 ended FAILED · sealed ✓ 9,118 lines, 0 missing"
    assert texts(drawer(44).section(verdict)) == [
        "── attempt 3 ended FAILED · sealed ✓ 9,118",
        "   lines, 0 missing ────────────────────────",
    ]
    assert texts(drawer(30).gap("⋯ 37 lines not received, fetching")) == [
        "   ⋯ 37 lines not received,",
        "   fetching",
    ]
    for width in range(1, 30):
        for strip in strips(drawer(width).section(verdict)):
            assert strip.cell_length == width


def test_json_is_indented_inline() -> None:
    message = '{"a":1.50,"b":[],"c":{"d":[true,"x\\u00e9"]},"a":2}'
    assert texts(drawer(40).line(line(message), None, Flags(as_json=True))) == [
        "   {",
        '     "a": 1.50,',
        '     "b": [],',
        '     "c": {',
        '       "d": [',
        "         true,",
        '         "x\\u00e9"',
        "       ]",
        "     },",
        '     "a": 2',
        "   }",
    ]


def test_a_huge_line_is_cut_short_and_says_how_large_it_is() -> None:
    rows = drawer(80, wrap=True).line(line("x" * (412 << 10)))
    text = "".join(row[3:] for row in texts(rows)).replace(" ", "")
    assert text == "x" * MOST_SHOWN + "…412KiB,Enteropens"
    assert drawer(80, wrap=True).height(line("x" * (412 << 10)), as_json=False) == len(
        rows
    )


def test_a_line_of_100_mb_is_drawn_like_any_other() -> None:
    huge = line("y" * 100_000_000)
    (strip,) = strips(drawer(80).line(huge))
    assert strip.cell_length == 80
    wide = line("é" * 10_000_000 + "\r")
    assert drawer(80).line(wide)[0].strip.cell_length == 80


HOSTILE = st.one_of(
    st.text(max_size=80),
    st.text(alphabet=st.characters(categories=["Cc", "Cf", "Cs", "Mn", "Zl"])),
    st.sampled_from(
        [
            "\x1b]0;title\x07",
            "\x1b[2J\x1b[H",
            "\x9b2J",
            "[/bold] [red]x[/]",
            "\u202eevil\u202c",
            "e\u0301" * 40,
            "👩‍👩‍👧‍👦 family",
            "\ud800 lone",
            "\x00\x00",
            "",
            "\t\t\t",
        ]
    ),
)


@UNHURRIED
@given(
    message=HOSTILE,
    width=st.integers(1, 50),
    left=st.integers(0, 30),
    wrap=st.booleans(),
    stream=st.sampled_from([STDOUT, STDERR, "weird\x1b[2J"]),
)
def test_every_row_is_as_wide_as_the_screen_and_harmless(
    message: str, width: int, left: int, wrap: bool, stream: str
) -> None:
    draw = drawer(width, wrap=wrap, left=left, timestamps=Timestamps.TIME)
    drawn = strips(draw.line(line(message, stream)))
    assert len(drawn) == draw.height(line(message, stream), as_json=False)
    for strip in drawn:
        assert strip.cell_length == width
        assert sum(cell_len(segment.text) for segment in strip) == width
        assert all(c >= " " and not "\x7f" <= c <= "\x9f" for c in strip.text)
        assert "\u202e" not in strip.text


@UNHURRIED
@given(text=st.text(alphabet="ab 日👍é\u0301", max_size=60), width=st.integers(1, 20))
def test_wrapped_parts_cover_the_text_and_fit(text: str, width: int) -> None:
    grid = Grid(text)
    parts = grid.wrap(width, min(2, width - 1))
    assert "".join(text[start:end] for start, end in parts) == text
    assert all(cell_len(text[start:end]) <= max(width, 2) for start, end in parts)


@UNHURRIED
@given(
    st.text(alphabet="ab日é👍❤\u0301\u200d\ufe0f", max_size=12),
    st.integers(400, 700),
    st.integers(0, 1500),
    st.integers(0, 200),
)
def test_a_text_measured_in_pieces_is_measured_as_a_whole(
    text: str, times: int, left: int, width: int
) -> None:
    whole = text * (times // max(len(text), 1) + 1)
    clusters, cells = split_graphemes(whole)
    starts = [start for start, _end, _cells in clusters]
    columns = list(accumulate((each[2] for each in clusters), initial=0))
    grid = Grid(whole)
    start, end, lead = grid.cut(left, left + width)
    cut = [
        number
        for number in range(len(starts))
        if left <= columns[number] and columns[number + 1] <= left + width
    ]
    if start < end:
        assert (start, lead) == (starts[cut[0]], columns[cut[0]] - left)
        assert end == clusters[cut[-1]][1]
    for number in range(0, len(starts), 97):
        assert grid.column(starts[number]) == columns[number]
    assert grid.width == cells


@UNHURRIED
@given(st.text(alphabet="a日\t", max_size=30))
def test_tabs_keep_every_character_in_its_place(text: str) -> None:
    tabbed = Tabbed(text)
    assert len(tabbed.text) == tabbed.place(len(text))
    for position, character in enumerate(text):
        if character != "\t":
            assert tabbed.text[tabbed.place(position)] == character


@pytest.mark.parametrize(
    ("message", "style"),
    [
        ("WARN slow", "warning"),
        ('{"level":"error"}', "error"),
        ("INFO ok", "text"),
        ("cannot open a", "text"),
    ],
)
@pytest.mark.parametrize("stream", [STDOUT, STDERR])
def test_a_line_has_the_colour_of_its_level_whatever_its_stream(
    message: str, style: str, stream: str
) -> None:
    (row,) = strips(drawer(40).line(line(message, stream)))
    found = next(part.style for part in row if message[:4] in part.text)
    assert found is not None
    assert found.color == getattr(a_look(), style).color


def cells_of(row: DrawnRow) -> list[tuple[str, Style | None]]:
    return [(sign, style) for text, style, _ in row.strip for sign in text]


@UNHURRIED
@given(
    st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=90),
    st.sampled_from([STDOUT, STDERR]),
    st.builds(Flags, picked=st.booleans(), bookmarked=st.booleans()),
    st.fixed_dictionaries(
        {
            "width": st.integers(1, 70),
            "timestamps": st.sampled_from(
                [Timestamps.OFF, Timestamps.TIME, Timestamps.DELTA]
            ),
            "wrap": st.booleans(),
            "left": st.integers(0, 20),
        }
    ),
)
def test_a_row_of_the_usual_kind_looks_as_if_it_were_any(
    message: str, stream: str, flags: Flags, options: dict[str, Any]
) -> None:
    usual, any_kind = drawer(**options), drawer(**options, find=lambda _text: ())
    for words in (message, f"ERROR {message}"):
        shown = line(words, stream)
        rows = usual.line(shown, NOON - 1, flags)
        others = any_kind.line(shown, NOON - 1, flags)
        assert [cells_of(row) for row in rows] == [cells_of(row) for row in others]
