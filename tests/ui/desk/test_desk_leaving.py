"""Leaving the real program, however it is told to, gives the terminal back."""

from __future__ import annotations

import signal
from time import monotonic, sleep
from typing import TYPE_CHECKING

import pytest

from chronotui.demo.scripts import Script
from tests.terminal import Terminal, environment_for

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from chronotui.demo.server import DemoServer


@pytest.fixture
def environment(tmp_path: Path, demo: DemoServer) -> dict[str, str]:
    """An environment with a profile for the demo."""
    config = tmp_path / "config.toml"
    config.write_text(
        f'default_profile = "demo"\n[profiles.demo]\nurl = "{demo.url}"\n'
        f'[profiles.demo.auth]\nmethod = "session"\nemail = "{demo.email}"\n'
        'password_env = "DEMO_PASSWORD"\n'
    )
    return environment_for(
        tmp_path, CHRONOTUI_CONFIG=str(config), DEMO_PASSWORD=demo.password
    )


def test_a_program_told_to_end_gives_the_terminal_back(
    environment: dict[str, str],
) -> None:
    with Terminal(["-m", "chronotui"], environment=environment) as terminal:
        terminal.until("nightly-report")
        terminal.tell(signal.SIGTERM)
        assert terminal.wait() == 128 + signal.SIGTERM
        assert terminal.is_given_back


def hang_up_unheard(terminal: Terminal) -> None:
    """The terminal goes, and no signal tells of it."""
    terminal.hang_up()


WAYS: list[tuple[Callable[[Terminal], None], int]] = [
    (lambda terminal: terminal.tell(signal.SIGTERM), 143),
    (lambda terminal: terminal.tell(signal.SIGHUP), 129),
    (lambda terminal: terminal.hang_up(), 129),
    (hang_up_unheard, 129),
    (lambda terminal: terminal.press("ctrl+c", "ctrl+c"), 130),
]

DEAF = """
import os, signal, sys
child = os.fork()
if child:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    _pid, status = os.waitpid(child, 0)
    os._exit(os.waitstatus_to_exitcode(status))
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGHUP])
signal.raise_signal = lambda number: os.kill(os.getpid(), signal.SIGTERM)
kill = os.kill
os.kill = lambda pid, number: kill(pid, signal.SIGTERM)
from chronotui.cli.main import main
code = main(sys.argv[1:])
os._exit(129 if code == 143 else code)
"""


@pytest.mark.parametrize(
    ("way", "code"), WAYS, ids=["TERM", "HUP", "hang up", "unheard", "^C ^C"]
)
def test_a_desk_that_is_ended_keeps_its_recording(
    environment: dict[str, str],
    demo: DemoServer,
    tmp_path: Path,
    way: Callable[[Terminal], None],
    code: int,
) -> None:
    job = demo.world.add_job(Script([f"line {n}" for n in range(40)]))
    folder = tmp_path / "saved"
    folder.mkdir()
    environment["PWD"] = str(folder)
    program = ["-c", DEAF] if way is hang_up_unheard else ["-m", "chronotui"]
    argv = [*program, "--workflow", "scripted", "--job", job.id]
    with Terminal(argv, environment=environment, folder=folder) as terminal:
        terminal.until("0 missing")
        terminal.press("s")
        terminal.until("new file")
        terminal.press("enter")
        terminal.until("recording until")
        terminal.press("escape")
        terminal.until("● rec")
        state = folder / f"{job.id}-logs.txt.part.state"
        deadline = monotonic() + 10
        while '"lines": 40' not in state.read_text():
            assert monotonic() < deadline
            sleep(0.02)
        began = monotonic()
        way(terminal)
        if way in {WAYS[0][0], WAYS[1][0], WAYS[4][0]}:
            assert terminal.wait() == code
            sent = terminal.raw.decode(errors="replace")
            assert terminal.is_given_back
            assert "(40 lines) is kept as" in sent
            assert f"chronotui --profile demo save {job.workflow_id}" in sent
        else:
            assert terminal.code_within(5.0) == code
        assert monotonic() - began < 4.0
    assert state.exists()
    part = state.with_suffix("").read_bytes()
    assert part == b"".join(b"line %d\n" % n for n in range(40))
