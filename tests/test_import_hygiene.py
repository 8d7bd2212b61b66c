"""What each command loads, in a fresh interpreter."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.terminal import environment_for

if TYPE_CHECKING:
    from pathlib import Path

    from chronotui.demo.server import DemoServer

SCREEN = {"textual", "rich"}
CLIENT = {"httpx", "regex", "ssl", "asyncio"}


def loaded(argv: list[str], folder: Path) -> tuple[int, set[str]]:
    """Run a command in a fresh interpreter; return its exit code and its modules."""
    code = (
        "import sys; from chronotui.cli.main import main; "
        f"code = main({argv!r}); sys.stdout = sys.__stderr__; "
        "loaded = [name for name, module in sys.modules.items() if module]; "
        "print('MODULES', code, *{name.partition('.')[0] for name in loaded})"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env=environment_for(folder),
        cwd=folder,
    )
    words = ended.stderr.rpartition("MODULES")[2].split()
    return int(words[0]), set(words[1:])


@pytest.mark.parametrize(
    "argv",
    [["--help"], ["--version"], ["jobs", "--help"], ["logs"]],
    ids=" ".join,
)
def test_help_and_wrong_arguments_load_next_to_nothing(
    tmp_path: Path, argv: list[str]
) -> None:
    _code, modules = loaded(argv, tmp_path)
    ours = {"datetime", "dataclasses", "msgspec", "tomllib"}
    if sys.version_info >= (3, 14):
        ours.remove("dataclasses")  # argparse itself takes colours from there
    assert not modules & (SCREEN | CLIENT | ours)


@pytest.mark.parametrize(
    "argv",
    [["profile", "list"], ["completion", "bash"], ["runs"], ["workflows"]],
    ids=" ".join,
)
def test_commands_that_ask_no_server_load_no_client(
    tmp_path: Path, argv: list[str]
) -> None:
    _code, modules = loaded(argv, tmp_path)
    assert not modules & (SCREEN | CLIENT)


JOB = "nightly-report"


@pytest.mark.parametrize(
    "argv",
    [
        ["workflows"],
        ["jobs"],
        ["board"],
        ["jobs", JOB],
        ["logs", JOB, "{ended}", "--tail", "3"],
        ["logs", JOB, "{ended}", "--follow", "--grep", "a.c"],
        ["save", JOB, "{ended}", "-O", "log.txt"],
        ["grep", "-c", "a.c", "image-build", "--since", "2h"],
        ["start", JOB],
        ["terminate", "backup-db", "--yes", "backup-db"],
        ["profile", "test"],
        ["login"],
        ["doctor"],
    ],
    ids=lambda argv: argv[0],
)
def test_no_headless_command_loads_the_screen(
    tmp_path: Path, demo: DemoServer, argv: list[str]
) -> None:
    folder = tmp_path / "config" / "chronotui"
    folder.mkdir(parents=True)
    (folder / "config.toml").write_text(
        f'[profiles.demo]\nurl = "{demo.url}"\nactions = true\n[profiles.demo.auth]\n'
        f'email = "{demo.email}"\npassword = "{demo.password}"\n'
    )
    ended = demo.world.newest_job(JOB, 2).id
    code, modules = loaded([word.format(ended=ended) for word in argv], tmp_path)
    assert code == 0
    assert not modules & SCREEN


def test_the_first_frame_needs_neither_client_nor_log_view() -> None:
    code = (
        "import chronotui.ui.app, sys; print('MODULES', *sys.modules, file=sys.stderr)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    modules = set(ended.stderr.rpartition("MODULES")[2].split())
    assert not modules & {"httpx", "regex", "importlib.metadata"}
    rooms = {".".join(name.split(".")[:2]) for name in modules}
    assert not rooms & {"chronotui.log", "chronotui.storage", "chronotui.sources"}
    assert "chronotui.ui.log.view" not in modules
    assert not any(name.startswith("chronotui.engine.") for name in modules)
