"""The real program in a real pseudo-terminal: find, watch, page back, save, leave."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Final

import pytest

from tests.terminal import Terminal, environment_for

if TYPE_CHECKING:
    from pathlib import Path

    from chronotui.demo.server import DemoServer


@pytest.fixture
def environment(tmp_path: Path, demo: DemoServer) -> dict[str, str]:
    """An environment with a profile for the demo."""
    config = tmp_path / "config.toml"
    config.write_text(
        f'default_profile = "demo"\n[profiles.demo]\nurl = "{demo.url}"\n'
        f'poll_seconds = 0.5\nsave_dir = "{tmp_path}"\n'
        f'[profiles.demo.auth]\nmethod = "session"\nemail = "{demo.email}"\n'
        'password_env = "DEMO_PASSWORD"\n'
    )
    return environment_for(
        tmp_path, CHRONOTUI_CONFIG=str(config), DEMO_PASSWORD=demo.password
    )


def test_a_job_is_found_watched_read_back_saved(
    environment: dict[str, str], tmp_path: Path
) -> None:
    with Terminal(["-m", "chronotui"], environment=environment) as terminal:
        terminal.until("nightly-report")
        terminal.press("enter")
        terminal.until("2:05")
        terminal.press("j", "enter")
        terminal.until("LIVE")
        terminal.until("following")
        terminal.press("tab")
        terminal.until("o fold")
        terminal.press("j", "enter")
        terminal.until("sealed")
        terminal.press("k", "k", "s")
        terminal.until("new file")
        terminal.press("enter")
        terminal.until("Saved")
        terminal.press("escape")
        terminal.until(lambda text: "y copies" not in text)
        terminal.press("q")
        terminal.until("o fold")
        terminal.press("q")
        assert terminal.wait() == 0
    saved = list(tmp_path.glob("*-logs.txt"))
    assert len(saved) == 1
    assert "\x1b[?1049l" in terminal.raw.decode(errors="replace"), "the screen is back"


def test_twice_ctrl_c_leaves_and_restores_the_terminal(
    environment: dict[str, str],
) -> None:
    with Terminal(["-m", "chronotui"], environment=environment) as terminal:
        terminal.until("nightly-report")
        terminal.press("ctrl+c")
        terminal.until("again to quit")
        terminal.press("ctrl+c")
        assert terminal.wait() == 130
    sent = terminal.raw.decode(errors="replace")
    assert sent.rindex("\x1b[?1049l") > sent.rindex("\x1b[?1049h")


def test_the_demo_opens_its_own_server(tmp_path: Path) -> None:
    command = ["-m", "chronotui", "demo"]
    environment = environment_for(tmp_path)
    with Terminal(command, environment=environment, columns=80, lines=24) as terminal:
        terminal.until("nightly-report")
        terminal.until("connected")
        terminal.press("q")
        assert terminal.wait() == 0


def test_a_terminal_that_goes_while_the_desk_is_suspended_ends_it(
    environment: dict[str, str],
) -> None:
    with Terminal(["-m", "chronotui"], environment=environment) as terminal:
        terminal.until("nightly-report")
        terminal.tell(signal.SIGTSTP)
        terminal.until_stopped()
        terminal.hang_up()
        assert terminal.ends_within(15.0)


def test_being_told_to_go_on_changes_nothing_for_a_desk_that_runs(
    environment: dict[str, str],
) -> None:
    with Terminal(["-m", "chronotui"], environment=environment) as terminal:
        terminal.until("nightly-report")
        terminal.tell(signal.SIGCONT)
        terminal.tell(signal.SIGHUP)
        assert terminal.wait() == 129
    assert terminal.raw.count(b"\x1b[?1049h") == 1


SUSPENDED_IN_A_WRITE: Final = """
import queue, signal, sys
from chronotui.cli.main import main

put = queue.Queue._put

def put_and_suspend(self, item):
    put(self, item)
    if self.maxsize and isinstance(item, str) and "trigger" in item:
        queue.Queue._put = put
        signal.raise_signal(signal.SIGTSTP)  # the queue of what is written is locked

queue.Queue._put = put_and_suspend
sys.exit(main())
"""
"""Runs the desk, which is suspended while it writes its first frame."""


def test_a_desk_that_is_suspended_in_a_write_stops_and_is_painted_whole(
    environment: dict[str, str],
) -> None:
    command = ["-c", SUSPENDED_IN_A_WRITE]
    with Terminal(command, environment=environment) as terminal:
        terminal.until_stopped()
        terminal.screen.reset()
        terminal.tell(signal.SIGCONT)
        terminal.until(lambda text: "nightly-report" in text and "Details" in text)


THEN: Final = """
import select, subprocess, sys, termios, tty
subprocess.run([sys.executable, "-m", "chronotui"])
tty.setraw(0)
print("LEFT", end=" ", flush=True)
while select.select([0], [], [], 2.0)[0]:
    print(repr(sys.stdin.buffer.raw.read(99)), end=" ", flush=True)
print("END", flush=True)
"""
"""Runs the desk, then reads what is left for the shell."""


def test_no_answer_of_a_far_terminal_reaches_the_shell(
    environment: dict[str, str],
) -> None:
    command = ["-c", THEN]
    with Terminal(command, environment=environment, way=0.4) as terminal:
        terminal.until("nightly-report")
        terminal.until("connected")
        terminal.press("j")
        terminal.until("etl-orders")
        terminal.press("\x11")  # ^q leaves from everywhere
        # It goes on where the cursor was left, perhaps over the end of a row.
        terminal.until(lambda text: "LEFT END" in text.replace("\n", ""))
    asked = terminal.raw.count(b"\x1b[5n")
    assert asked >= 2
