"""Frugal painting shows what stock painting shows, cell by cell."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

import pyte
import pytest
from rich.cells import cell_len, set_cell_size

from chronotui.ui.term.buffer import MOST_STYLES
from chronotui.ui.term.diff import Painter, Pen, change_of_style
from tests.ui.term.cores import (
    ALL_WIDTHS,
    Core,
    Widths,
    disputed_rows,
    disputed_text,
)

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
    pen = Pen(120, erases_in_colour=True)
    pen.move(3, 9)
    pen.text("ab")
    pen.move(5, 9)
    pen.text("c")
    pen.move(80, 9)
    pen.move(0, 10)
    pen.text("ab")
    pen.move(0, 11)
    pen.move(118, 20)
    pen.text("cd")
    pen.move(119, 21)
    assert pen.finish() == (
        "\x1b[10;4Habc\x1b[74C\x1b[11Hab\x1b[B\b\b\x1b[21;119Hcd\x1b[22;120H"
    )


# Frugal painting shows what stock painting shows, cell by cell.


STYLES = (
    "",
    "1",
    "38;2;1;2;3",
    "38;2;200;10;10;48;2;30;30;30",
    "48;2;30;30;30",
    "7",
    "4",
)
WORDS = (
    "hello world ",
    "   ",
    "日本語テキスト",
    "abc",
    "x" * 30,
    "▌ err",
    "✓ ok",
    "é",
    " " * 9,
)
Cell = tuple[str, str]


@dataclass
class Scene:
    """A made-up screen: a tree at the left, a log that scrolls, a dialog over it."""

    random: Random
    width: int
    height: int
    split: int
    offset: int = 0
    selected: int = 0
    dialog: bool = False

    def step(self) -> None:
        what = self.random.random()
        if what < 0.6:
            self.offset += self.random.choice([1, 1, 1, -1, 3, -2, self.height // 2])
        elif what < 0.7:
            self.selected = self.random.randrange(5)
        elif what < 0.8:
            self.dialog = not self.dialog

    def rows(self) -> list[list[Cell]]:
        return [self._row(y) for y in range(self.height)]

    def _row(self, y: int) -> list[Cell]:
        tree = set_cell_size(f"tree {y} {self.selected}", self.split)
        row = _cells(tree, "48;2;9;9;9")
        line = Random(f"line {y + self.offset}")
        room = self.width - self.split
        while room > 0:
            word = line.choice(WORDS)
            word = set_cell_size(word, min(cell_len(word), room))
            room -= cell_len(word)
            row += _cells(word, line.choice(STYLES))
        if self.dialog and self.height // 3 <= y < 2 * self.height // 3:
            x = self.width // 4
            row[x : x + 20] = _cells(f"{' dialog ':^20}", "48;2;50;50;90")
            _mend(row)
        return row


def _cells(text: str, style: str) -> list[Cell]:
    cells: list[Cell] = []
    for character in text:
        cells.append((character, style))
        cells.extend([("", style)] * (cell_len(character) - 1))
    return cells


def _mend(row: list[Cell]) -> None:
    """Blank the halves of wide characters that the dialog cut, as a compositor does."""
    for x, (character, style) in enumerate(row):
        alone = x + 1 == len(row) or row[x + 1][0] != ""
        if character and cell_len(character) == 2 and alone:
            row[x] = (" ", style)
        if not character and (x == 0 or cell_len(row[x - 1][0]) != 2):
            row[x] = (" ", style)


def _written(rows: list[list[Cell]], start: int) -> str:
    """Write the rows from column ``start`` on, the way Textual writes them."""
    out = []
    for y, row in enumerate(rows):
        x = start + (row[start][0] == "" if start < len(row) else 0)
        out.append(f"\x1b[{y + 1};{x + 1}H")
        while x < len(row):
            style = row[x][1]
            text = ""
            while x < len(row) and row[x][1] == style:
                text += row[x][0]
                x += 1
            out.append(f"\x1b[{style}m{text}\x1b[0m" if style else text)
        out.append("\n")
    return "".join(out[:-1])


def _shown(screen: pyte.Screen) -> list[list[tuple[object, ...]]]:
    return [
        [_visible(screen.buffer[y][x]) for x in range(screen.columns)]
        for y in range(screen.lines)
    ]


def _visible(cell: pyte.screens.Char) -> tuple[object, ...]:
    if cell.data == " " and not cell.underscore:
        return (" ", cell.fg if cell.reverse else cell.bg, cell.reverse)
    return tuple(cell)


@pytest.mark.parametrize("erases", [False, True])
@pytest.mark.parametrize("split", [0, 24])
@pytest.mark.parametrize("seed", range(4))
def test_frugal_painting_shows_what_stock_painting_shows(
    seed: int, split: int, erases: bool
) -> None:
    random = Random(seed)
    width, height = random.choice([(80, 24), (40, 10), (60, 20)])
    stock, frugal = pyte.Screen(width, height), pyte.Screen(width, height)
    stock_stream, frugal_stream = pyte.Stream(stock), pyte.Stream(frugal)
    painter = Painter(width, height, erases_in_colour=erases)
    scene = Scene(random, width, height, split)
    for step in range(25):
        scene.step()
        whole = step == 0 or random.random() < 0.4
        painting = _written(scene.rows(), 0 if whole else split)
        painting += (
            f"\x1b[{random.randrange(height) + 1};{random.randrange(width) + 1}H"
        )
        stock_stream.feed(painting.replace("\n", "\r\n"))
        sent = painter.feed(painting)
        if random.random() < 0.8:
            sent += painter.flush()
        frugal_stream.feed(sent.replace("\n", "\r\n"))
        if not painter.is_due:
            assert _shown(frugal) == _shown(stock)
            assert (frugal.cursor.x, frugal.cursor.y) == (
                stock.cursor.x,
                stock.cursor.y,
            )


def _page(first: int, width: int, height: int) -> str:
    return "".join(
        f"\x1b[{y + 1};1H{f'line {first + y} of the log':<{width}}\n"
        for y in range(height)
    )


def test_a_line_of_scrolling_costs_about_a_line() -> None:
    painter = Painter(120, 40)
    painter.feed(_page(0, 120, 40))
    painter.flush()
    painter.feed(_page(1, 120, 40))
    assert len(painter.flush()) < 200


def test_what_did_not_change_is_not_written() -> None:
    painter = Painter(80, 24)
    painter.feed(_page(0, 80, 24))
    assert painter.flush()
    painter.feed(_page(0, 80, 24))
    assert painter.flush() in {"", "\x1b[25;1H"}


def test_modes_titles_and_the_clipboard_pass_by_at_once() -> None:
    painter = Painter(80, 24)
    painter.feed(_page(0, 80, 24))
    painter.flush()
    for written in ("\x1b[?25l", "\x1b]0;title\x07", "\x1b]52;c;aGk=\x07", "\x07"):
        assert painter.feed(written) == written
    painter.feed(_page(0, 80, 24))
    assert painter.flush() in {"", "\x1b[25;1H"}


def test_what_is_not_recognised_is_passed_on_and_all_is_painted_again() -> None:
    painter = Painter(80, 24)
    painter.feed(_page(0, 80, 24))
    painter.flush()
    assert painter.feed("\x1b[2J") == "\x1b[2J"
    painter.feed(_page(0, 80, 24))
    assert "line 23 of the log" in painter.flush()


def test_only_the_last_of_several_frames_is_written() -> None:
    painter = Painter(80, 24)
    for first in range(100):
        painter.feed(_page(first * 30, 80, 24))
    sent = painter.flush()
    assert "line 2970 " in sent
    assert "line 2940 " not in sent


def test_what_is_not_known_is_never_moved() -> None:
    screen = pyte.Screen(80, 24)
    stream = pyte.Stream(screen)
    painter = Painter(80, 24)
    painter.feed(_page(0, 80, 24))
    stream.feed(painter.flush())
    painter.feed("\x1b]999;what\x07")
    for first in (0, 1):
        right = "".join(
            f"\x1b[{y + 1};21H{f'row {first + y}':<60}\n" for y in range(24)
        )
        painter.feed(right)
        stream.feed(painter.flush().replace("\n", "\r\n"))
    assert [row[:20].rstrip() for row in screen.display] == [
        f"line {y} of the log" for y in range(24)
    ]


def test_more_styles_than_are_remembered_are_painted_all_the_same() -> None:
    stock, frugal = pyte.Screen(80, 24), pyte.Screen(80, 24)
    stock_stream, frugal_stream = pyte.Stream(stock), pyte.Stream(frugal)
    painter = Painter(80, 24)
    for first in range(0, MOST_STYLES + 80 * 24, 80 * 24):
        painting = "".join(
            f"\x1b[{y + 1};1H"
            + "".join(
                f"\x1b[38;2;{number >> 8};{number & 255};9mx\x1b[0m"
                for number in range(first + y * 80, first + y * 80 + 80)
            )
            for y in range(24)
        )
        stock_stream.feed(painting)
        frugal_stream.feed(painter.feed(painting) + painter.flush())
        assert _shown(frugal) == _shown(stock)


@pytest.mark.parametrize("widths", ALL_WIDTHS, ids=str)
def test_no_letter_is_lost_and_none_stays_where_terminals_count_otherwise(
    widths: Widths,
) -> None:
    for seed in range(12):
        core = Core(60, 3, widths)
        painter = Painter(60, 3, erases_in_colour=seed % 2 == 0)
        for y, row in disputed_rows(seed, 60, 3):
            painter.feed(f"\x1b[{y + 1};1H{row}")
            core.feed(painter.flush())
            assert core.row(y).split() == row.split()


@pytest.mark.parametrize("widths", ALL_WIDTHS, ids=str)
def test_what_stands_behind_a_line_stays_where_it_belongs(widths: Widths) -> None:
    for seed in range(12):
        choice = Random(seed)
        core, painter = Core(40, 2, widths), Painter(40, 2)
        for step in range(12):
            y, text = choice.randrange(2), disputed_text(choice, 20)
            behind = f"│ step {step:<13}"
            painter.feed(f"\x1b[{y + 1};1H{text}{' ' * (20 - cell_len(text))}{behind}")
            core.feed(painter.flush())
            assert core.row(y).endswith(behind)
