"""What is written to a terminal to call somebody to it."""

from __future__ import annotations

import pytest

from chronotui.storage.settings import AlertSettings
from chronotui.ui.term.clipboard import way_out
from chronotui.ui.term.diff import PASSES_BY
from chronotui.ui.term.notice import (
    KEEP_TITLE,
    RESTORE_TITLE,
    TerminalCall,
    has_notifications,
    notification,
    title,
)

KITTY = {"TERM": "xterm-kitty"}
OSC_9 = "\x1b]9;it failed\x07"


@pytest.mark.parametrize(
    ("environ", "known"),
    [
        ({"TERM": "xterm-kitty"}, True),
        ({"TERM": "foot-extra"}, True),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "iTerm.app"}, True),
        ({"TERM": "xterm-256color", "LC_TERMINAL": "iTerm2"}, True),
        ({"TERM": "tmux-256color", "TMUX": "x", "KITTY_WINDOW_ID": "3"}, True),
        ({"TERM": "xterm-256color"}, False),
        ({"TERM": "xterm-256color", "VTE_VERSION": "7600"}, False),
        ({"TERM": "linux"}, False),
    ],
)
def test_notifications_go_where_they_are_known(
    environ: dict[str, str], known: bool
) -> None:
    assert has_notifications(environ) is known


def test_a_call_rings_names_and_notifies_and_the_title_comes_back_once() -> None:
    call = TerminalCall(AlertSettings(), KITTY)
    first = call.call("job FAILED", ["it failed"])
    assert first == f"\x07{KEEP_TITLE}\x1b]2;job FAILED\x07{OSC_9}"
    assert call.call("other", ["a", "b"]).count(KEEP_TITLE) == 0
    assert call.restored() == RESTORE_TITLE
    assert call.restored() == ""


@pytest.mark.parametrize("off", ["bell", "title", "osc9"])
def test_each_way_can_be_switched_off(off: str) -> None:
    call = TerminalCall(AlertSettings(**{off: False}), KITTY)  # type: ignore[arg-type]
    written = call.call("job FAILED", ["it failed"])
    assert written.startswith("\x07") is (off != "bell")
    assert ("\x1b]2;" in written) is (off != "title")
    assert (OSC_9 in written) is (off != "osc9")
    assert (call.restored() == "") is (off == "title")


@pytest.mark.parametrize("name", ["linux", "dumb", ""])
def test_a_terminal_without_titles_gets_none(name: str) -> None:
    assert TerminalCall(AlertSettings(), {"TERM": name}).call("x", ["y"]) == "\x07"


def test_a_notification_goes_wrapped_through_tmux_and_screen() -> None:
    tmux = notification("it failed", way_out({"TMUX": "x", "TERM": "tmux"}, ""))
    assert tmux == "\x1bPtmux;\x1b\x1b]9;it failed\x07\x1b\\"
    screen = notification("it failed", way_out({"STY": "x", "TERM": "screen"}, ""))
    assert screen == f"\x1bP{OSC_9}\x1b\\"


def test_hostile_text_neither_ends_a_sequence_nor_is_a_command() -> None:
    plain = way_out({}, "")
    assert notification("4;3;50", plain) == "\x1b]9; 4;3;50\x07"
    for written in (notification("a\x07\x1b]0;b", plain), title("a\x1b\\b\x9c\n")):
        assert written[4:-1].isprintable()
    assert len(title("x" * 5000)) < 200


def test_it_passes_the_painter_by() -> None:
    call = TerminalCall(AlertSettings(), {**KITTY, "TMUX": "x"})
    assert PASSES_BY.fullmatch(call.call("job FAILED", ["it failed"]))
    assert PASSES_BY.fullmatch(call.restored())
