"""The real program in terminals that cannot do everything."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

from tests.terminal import Terminal, environment_for

if TYPE_CHECKING:
    from pathlib import Path

DEMO = ("-m", "chronotui", "demo")


def test_screen_and_an_encoding_of_7_bits_get_what_they_take(tmp_path: Path) -> None:
    environment = environment_for(tmp_path, TERM="screen", PYTHONIOENCODING="ascii")
    with Terminal(DEMO, environment=environment) as terminal:
        terminal.until(lambda text: "> nightly-report" in text and "yyy" in text)
        assert bytes(terminal.raw).isascii()
        assert b"38;5;" in terminal.raw
        assert b"38;2;" not in terminal.raw
        assert b"\\u" not in terminal.raw


def test_what_is_wrong_is_bright_red_in_16_colours(tmp_path: Path) -> None:
    environment = environment_for(tmp_path, TERM="xterm")
    environment.pop("COLORTERM", None)
    with Terminal(DEMO, environment=environment) as terminal:
        terminal.until(lambda text: "✗ 1" in text and "✓✓✓" in text)
        screen = terminal.screen
        rows = {text.split()[1]: y for y, text in enumerate(screen.display[4:14], 4)}
        row = screen.buffer[rows["nightly-report"]]
        assert {row[x].fg for x in range(46) if row[x].data == "✗"} == {"brightred"}
        chosen = screen.display[3].index("Details")
        assert (screen.buffer[3][chosen].fg, screen.buffer[3][chosen].bg) == (
            "black",
            "brown",
        )


def test_it_is_suspended_and_comes_back_as_it_was(tmp_path: Path) -> None:
    environment = environment_for(tmp_path)
    with Terminal(DEMO, environment=environment) as terminal:
        shown = terminal.until("nightly-report").partition("\n")[0]
        terminal.press("\x1a")
        terminal.until_stopped()
        assert terminal.is_given_back
        terminal.screen.reset()
        terminal.tell(signal.SIGCONT)
        terminal.until(lambda text: text.startswith(shown))
        terminal.press("\x11")
        assert terminal.wait() == 0


def test_a_terminal_without_a_cursor_is_refused_in_a_sentence(tmp_path: Path) -> None:
    environment = environment_for(tmp_path, TERM="dumb")
    with Terminal(DEMO, environment=environment) as terminal:
        assert terminal.wait() == 2
        assert "TERM=dumb is a terminal whose cursor cannot be moved" in terminal.text
        assert b"\x1b" not in terminal.raw
