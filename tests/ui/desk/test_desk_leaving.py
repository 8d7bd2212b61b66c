"""Leaving the real program, however it is told to, gives the terminal back."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from tests.terminal import Terminal, environment_for

if TYPE_CHECKING:
    from pathlib import Path

    from chronotui.demo import DemoServer


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


def test_a_first_size_that_was_wrong_is_corrected_once(
    environment: dict[str, str],
) -> None:
    """A dumb terminal is first taken for 80 by 25."""
    environment["TERM"] = "dumb"
    with Terminal(
        ["-m", "chronotui"], environment=environment, columns=80, lines=24
    ) as terminal:
        terminal.until("nightly-report")
        terminal.press("q")
        assert terminal.wait() == 0
        assert terminal.is_given_back
