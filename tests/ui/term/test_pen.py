from __future__ import annotations

from random import Random

import pyte
import pytest

from chronotui.ui.term.diff import Pen, change_of_style

COLOURS = ("31", "92", "38;5;200", "38;2;1;2;3", "")
BACKGROUNDS = ("44", "103", "48;5;7", "48;2;9;8;7", "")


def _styles() -> list[str]:
    rng = Random(7)
    return [
        ";".join(
            part
            for part in (
                *rng.sample(["1", "3", "4", "7", "9"], rng.randrange(3)),
                rng.choice(COLOURS),
                rng.choice(BACKGROUNDS),
            )
            if part
        )
        for _ in range(40)
    ]


def _cell(*written: str) -> pyte.screens.Char:
    screen = pyte.Screen(4, 1)
    pyte.Stream(screen).feed("".join(written) + "x")
    return screen.buffer[0][0]


def test_a_change_of_style_ends_where_the_whole_style_would() -> None:
    styles = _styles()
    for old in styles:
        for new in styles:
            change = change_of_style(old, new)
            assert _cell(f"\x1b[{old}m", change) == _cell(f"\x1b[0;{new}m")
            assert len(change) <= len(f"\x1b[0;{new}m")


@pytest.mark.parametrize(
    ("old", "new", "change"),
    [
        ("", "1", "\x1b[1m"),
        ("1", "", "\x1b[m"),
        ("38;2;1;2;3;48;2;9;9;9", "38;2;4;5;6;48;2;9;9;9", "\x1b[38;2;4;5;6m"),
        ("1;38;2;1;2;3", "38;2;1;2;3", "\x1b[0;38;2;1;2;3m"),
        ("4:3", "1", "\x1b[0;1m"),
        ("1", "1\x1b]8;;http://a\x07", "\x1b]8;;http://a\x07"),
        ("1\x1b]8;;http://a\x07", "1", "\x1b]8;;\x1b\\"),
    ],
)
def test_a_change_says_what_is_new_alone(old: str, new: str, change: str) -> None:
    assert change_of_style(old, new) == change


def test_the_pen_goes_the_short_way() -> None:
    pen = Pen(erases_in_colour=True)
    pen.move(3, 9)
    pen.text("ab")
    pen.move(5, 9)
    pen.text("c")
    pen.move(80, 9)
    pen.move(0, 10)
    assert pen.finish() == "\x1b[10;4Habc\x1b[74C\x1b[11H"
