"""Commands run in this process, in a home of their own."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from chronotui.cli.main import main
from chronotui.demo.routes import Dialect

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from chronotui.demo.server import DemoServer


@dataclass(frozen=True)
class Ended:
    """A command that has ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Command:
    """Runs commands as `main` does, output captured."""

    def __init__(self, capsys: pytest.CaptureFixture[str], config: Path) -> None:
        self._capsys = capsys
        self.config = config

    def __call__(self, *argv: str) -> Ended:
        self._capsys.readouterr()
        code = main(list(argv))
        out, err = self._capsys.readouterr()
        assert "Traceback" not in err
        return Ended(code, out, err)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home nobody lives in."""
    for name in [name for name in os.environ if name.startswith("CHRONOTUI_")]:
        monkeypatch.delenv(name)
    for name in ("NO_COLOR", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run(home: Path, capsys: pytest.CaptureFixture[str]) -> Command:
    """Runs a command without any configuration."""
    return Command(capsys, home / "config" / "chronotui" / "config.toml")


def demo_config(demo: DemoServer) -> str:
    """Return a configuration that signs in to a demo server of either dialect."""
    profile = f'[profiles.demo]\nurl = "{demo.url}"\npoll_seconds = 0.2\n'
    if demo.dialect is Dialect.DOCUMENTED:
        auth = f'method = "bearer"\ntoken = "{demo.token}"\n'
        auth += f'session = "{demo.open_session()[0]}"\n'
    else:
        auth = f'email = "{demo.email}"\npassword = "{demo.password}"\n'
    return f"{profile}[profiles.demo.auth]\n{auth}"


@pytest.fixture
def configure(run: Command) -> Callable[[str], None]:
    """Writes the configuration file."""

    def write(text: str) -> None:
        run.config.parent.mkdir(parents=True, exist_ok=True)
        run.config.write_text(text)
        run.config.chmod(0o600)

    return write


@pytest.fixture
def signed_up(
    run: Command, demo: DemoServer, configure: Callable[[str], None]
) -> Command:
    """Runs a command with a profile of the demo server."""
    configure(demo_config(demo))
    return run
