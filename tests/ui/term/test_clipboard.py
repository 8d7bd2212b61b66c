"""What is written for a copy, by what stands between us and a clipboard."""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from typing import TYPE_CHECKING

import pytest
from textual.app import App

from chronotui.ui.term.clipboard import (
    MOST_BYTES,
    MOST_BYTES_MOSH,
    SCREEN_CHUNK,
    TooLargeToCopyError,
    WayOut,
    copy,
    way_out,
)

if TYPE_CHECKING:
    from pathlib import Path

TEXT = "é line\n".encode() * 300
PLAIN = f"\x1b]52;c;{b64encode(TEXT).decode()}\a"
SCREEN, TMUX, MOSH = ">83;41000;0c", ">84;0;0c", ">1;10;0c"
IN_TMUX, IN_SCREEN = {"TMUX": "/tmp/tmux-0/default,1,0"}, {"STY": "1.pts-0"}


@pytest.mark.parametrize(
    ("environ", "terminal", "found"),
    [
        ({"TERM": "xterm-256color"}, "", WayOut()),
        ({"TERM": "xterm-256color"}, ">41;370;0c", WayOut()),
        (IN_TMUX, TMUX, WayOut("tmux", has_socket=True)),
        (IN_TMUX, "", WayOut("tmux", has_socket=True)),
        (IN_SCREEN, SCREEN, WayOut("screen")),
        (IN_SCREEN, "", WayOut("screen")),
        # One in the other: the inner one answers.
        ({**IN_TMUX, **IN_SCREEN}, TMUX, WayOut("tmux", True, outer_screen=True)),
        ({**IN_TMUX, **IN_SCREEN}, SCREEN, WayOut("screen", has_socket=True)),
        # At the other end of an ssh the environment says little.
        ({"TERM": "screen-256color"}, TMUX, WayOut("tmux")),
        ({"TERM": "screen-256color"}, SCREEN, WayOut("screen")),
        ({"TERM": "screen"}, "", WayOut("screen")),
        ({"TERM": "tmux-256color"}, "", WayOut("tmux")),
        ({"TERM": "xterm-256color"}, MOSH, WayOut("mosh")),
    ],
)
def test_who_is_next_to_us(
    environ: dict[str, str], terminal: str, found: WayOut
) -> None:
    assert way_out(environ, terminal) == found


def unwrapped(written: str, begin: str) -> list[str]:
    """Return what stands in each string that begins so."""
    pattern = rf"\x1bP{begin}((?:[^\x1b]|\x1b\x1b|\x1b(?=[\]P]))*)\x1b\\"
    assert re.fullmatch(f"(?:{pattern})+", written)
    return [match[1] for match in re.finditer(pattern, written)]


def test_screen_gets_pieces_and_nothing_else() -> None:
    pieces = unwrapped(WayOut("screen").written(TEXT), "")
    assert "".join(pieces) == PLAIN
    assert max(map(len, pieces)) <= SCREEN_CHUNK


def test_tmux_gets_a_wrapped_one_and_the_far_end_s_the_plain_one_too() -> None:
    near = WayOut("tmux", has_socket=True).written(TEXT)
    (inside,) = unwrapped(near, "tmux;")
    assert inside.replace("\x1b\x1b", "\x1b") == PLAIN
    assert WayOut("tmux").written(TEXT) == PLAIN + near


def test_a_screen_around_tmux_gets_pieces_through_it() -> None:
    written = WayOut("tmux", True, outer_screen=True).written(TEXT)
    (passed,) = unwrapped(written, "tmux;")
    pieces = unwrapped(passed.replace("\x1b\x1b", "\x1b"), "")
    assert "".join(pieces) == PLAIN
    assert max(map(len, pieces)) <= SCREEN_CHUNK


def test_a_terminal_and_mosh_get_the_plain_one() -> None:
    assert WayOut().written(TEXT) == WayOut("mosh").written(TEXT) == PLAIN
    assert b64decode(PLAIN[7:-1]) == TEXT
    assert WayOut().most == MOST_BYTES
    assert WayOut("mosh").most == MOST_BYTES_MOSH


class Driver:
    """What a copy is written to."""

    terminal_name = ""

    def __init__(self) -> None:
        self.written = ""

    def write(self, data: str) -> None:
        self.written += data


def copied(
    text: str, environ: dict[str, str], terminal: str = ""
) -> tuple[str, str, App[None]]:
    """Copy a text; return to whom it was sent, what was written, and the app."""
    app, driver = App[None](), Driver()
    driver.terminal_name = terminal
    app._driver = driver  # type: ignore[assignment]
    sent = copy(app, text, environ)
    return sent.to, driver.written, app


def test_it_is_said_where_it_went_and_kept_for_the_desk_itself() -> None:
    to, written, app = copied("abc", {"TERM": "xterm"})
    assert to == "the terminal"
    assert written == "\x1b]52;c;YWJj\a"
    assert app.clipboard == "abc"
    assert copied("abc", IN_SCREEN)[0] == "screen"
    with pytest.raises(TooLargeToCopyError) as refused:
        copied("x" * (MOST_BYTES_MOSH + 1), {}, MOSH)
    assert refused.value.most == MOST_BYTES_MOSH


def test_the_tmux_around_us_is_told_by_its_socket(tmp_path: Path) -> None:
    told = tmp_path / "told"
    tmux = tmp_path / "tmux"
    tmux.write_text(f'#!/bin/sh\necho "$*" > {told}\ncat >> {told}\n')
    tmux.chmod(0o755)
    environ = {**IN_TMUX, "PATH": f"{tmp_path}:/usr/bin:/bin"}
    to, written, _app = copied("a line", environ)
    assert to == "tmux"
    assert told.read_text() == "load-buffer -w -\na line"
    assert written.startswith("\x1bPtmux;")
    copied("a line", {**environ, **IN_SCREEN}, TMUX)
    assert told.read_text() == "load-buffer -\na line"


@pytest.mark.parametrize("script", ["exit 1", "exec /nowhere"])
def test_a_tmux_that_does_not_take_it_gets_the_sequence(
    tmp_path: Path, script: str
) -> None:
    tmux = tmp_path / "tmux"
    tmux.write_text(f"#!/bin/sh\n{script}\n")
    tmux.chmod(0o755)
    to, written, _app = copied("a line", {**IN_TMUX, "PATH": f"{tmp_path}:/bin"})
    assert to == "tmux"
    assert written
