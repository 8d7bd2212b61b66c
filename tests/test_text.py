from __future__ import annotations

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chronotui.text import Span, StyleSpec, clean, parse_ansi, printable_line, restyled

ANY_TEXT = st.text(
    st.one_of(
        st.characters(),
        st.characters(min_codepoint=0xD800, max_codepoint=0xDFFF),
        st.sampled_from("\x00\x07\x08\t\n\r\x1b[]0;1m:\x7f\x85\x9b\u202e\u0301"),
    )
)
HIDING = {"Cc", "Cs", "Zl", "Zp"}


def assert_harmless(text: str, allowed: str = "") -> None:
    for character in text:
        if character in allowed:
            continue
        assert unicodedata.category(character) not in HIDING, ascii(character)
        assert character not in "\u200b\u200d\u200e\u202e\u2066\u2069\ufeff\u00ad\ufe0f"


@given(ANY_TEXT)
@example("\x1b]0;owned\x07\x1b[2J\x9b31m\u2066x\u2069\ud800")
def test_cleaned_text_is_harmless_and_stays_so(text: str) -> None:
    shown = clean(text)
    assert_harmless(shown)
    assert clean(shown) == shown


@given(ANY_TEXT)
def test_a_drawn_message_is_harmless_and_its_spans_lie_in_it(message: str) -> None:
    text, spans = parse_ansi(message)
    assert_harmless(text, allowed="\t")
    assert_harmless(printable_line(message))
    end = 0
    for span in spans:
        assert end <= span.start < span.end <= len(text)
        assert span.style != StyleSpec()
        end = span.end


@given(st.text(st.characters(categories=["L", "N", "P", "S"], max_codepoint=0x2FF)))
def test_ordinary_text_is_untouched(text: str) -> None:
    assert clean(text) == text == printable_line(text)
    assert parse_ansi(text) == (text, ())


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("a\x1b[2Jb", "a␛[2Jb"),
        ("a\x00b\x7f", "a␀b␡"),
        ("one\ntwo", "one␊two"),
        ("a\tb", "a       b"),
        ("x\x9bm", "x⟨U+009B⟩m"),
        ("user\u202etxt.exe", "user⟨U+202E⟩txt.exe"),
        ("a\ud83d", "a\ufffd"),
        ("\u26a0\ufe0f low", "\u26a0 low"),
        ("\u0301x", "⟨U+0301⟩x"),
        ("e\u0301 日本", "e\u0301 日本"),
        ("a" + "\u0301" * 9, "a" + "\u0301" * 8 + "⟨U+0301⟩"),
        ("[red]x[/]", "[red]x[/]"),
    ],
)
def test_what_stands_for_what(raw: str, shown: str) -> None:
    assert clean(raw) == shown


def test_colours_become_spans() -> None:
    text, spans = parse_ansi("\x1b[1;31mError\x1b[0m: \x1b[38;5;200mx\x1b[39my")
    assert text == "Error: xy"
    assert spans == (
        Span(0, 5, StyleSpec(fg=1, bold=True)),
        Span(7, 8, StyleSpec(fg=200)),
    )


def test_a_style_goes_on_over_what_cleaning_made_longer() -> None:
    text, spans = parse_ansi("\x1b[4ma\x1b[2J\x1b[4mb")
    assert text == "a␛[2Jb"
    assert spans == (Span(0, 6, StyleSpec(underline=True)),)


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("10%\r50%\r100%", "100%"),
        ("10%\r50%\r", "50%"),
        ("done\r\n", "done"),
        ("kept\r\x1b[0m\r", "kept"),
        ("\r\r", ""),
    ],
)
def test_a_progress_bar_shows_its_last_state(message: str, shown: str) -> None:
    assert printable_line(message) == shown


def test_colours_of_earlier_states_stay_on() -> None:
    assert parse_ansi("\x1b[32m10%\r50%") == ("50%", (Span(0, 3, StyleSpec(fg=2)),))


@pytest.mark.parametrize(
    ("parameters", "style"),
    [
        ("", StyleSpec()),
        ("97;104", StyleSpec(fg=15, bg=12)),
        ("38;2;1;2;3", StyleSpec(fg=(1, 2, 3))),
        ("38:2:1:2:3", StyleSpec(fg=(1, 2, 3))),
        ("38:2::1:2:3", StyleSpec(fg=(1, 2, 3))),
        ("48;5;7;1", StyleSpec(bg=7, bold=True)),
        ("4:3", StyleSpec(underline=True)),
        ("4;4:0", StyleSpec()),
        ("1;2;22;3;7;9", StyleSpec(italic=True, reverse=True, strike=True)),
        ("38;5;999", StyleSpec()),
        ("38;2;1", StyleSpec()),
        ("31;;1", StyleSpec(bold=True)),
        ("5;8;1234567890123456789", StyleSpec()),
    ],
)
def test_styles_are_read(parameters: str, style: StyleSpec) -> None:
    assert restyled(StyleSpec(), parameters) == style
