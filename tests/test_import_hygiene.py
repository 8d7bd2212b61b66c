"""What each command loads, in a fresh interpreter."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import chronotui
from tests.terminal import environment_for

if TYPE_CHECKING:
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
    words = said_by(code, folder)
    return int(words[0]), set(words[1:])


def said_by(program: str, folder: Path) -> list[str]:
    """Run a program in a fresh interpreter; return its words behind MODULES."""
    ended = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env=environment_for(folder),
        cwd=folder,
    )
    return ended.stderr.rpartition("MODULES")[2].split()


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


FIRST_FRAME = """
import sys
import chronotui.cli.desk as cli
import chronotui.ui.app as ui
from chronotui.cli.main import main
from chronotui.ui.desk.screen import DeskScreen

DeskScreen.connect = lambda desk: (seen.extend(sys.modules), desk.app.exit(0))
cli.has_screen = lambda: True
run = ui.DeskApp.run
ui.DeskApp.run = lambda app: run(app, headless=True)
seen = []
assert main(["--url", "http://127.0.0.1:9"]) == 0
print("MODULES", *seen, file=sys.stderr)
"""

MINIMAL_APP = """
import sys
from textual.app import App
from textual.drivers.linux_driver import LinuxDriver
from textual.widgets import Static

class Minimal(App):
    def compose(self):
        yield Static()

    def on_mount(self):
        self.call_later(self.exit)

Minimal().run(headless=True)
print("MODULES", *sys.modules, file=sys.stderr)
"""


MOST_OF_OURS = 63
"""Each takes a third of a millisecond or more of every start."""
BEYOND_TEXTUAL = {
    *("argparse", "gettext", "tomllib"),  # arguments and configuration
    *("json", "statistics", "curses", "shlex", "gc"),
    *("msgspec", "httpx"),  # what values are made of; and a stand-in, not the client
}
"""All of other packages that a minimal Textual app does not load as well."""


def test_the_first_frame_loads_little_beyond_textual(tmp_path: Path) -> None:
    modules = set(said_by(FIRST_FRAME, tmp_path))
    ours = {name for name in modules if name.startswith("chronotui.")}
    assert len(ours) <= MOST_OF_OURS
    rooms = {".".join(name.split(".")[:2]) for name in ours}
    assert not rooms & {"chronotui.engine", "chronotui.log", "chronotui.runs"}
    beyond = modules - ours - {*said_by(MINIMAL_APP, tmp_path)}
    tops = {name.partition(".")[0] for name in beyond}
    named = {name for name in tops if not name.startswith("_")}
    assert named - {"chronotui", "textual", "rich", "importlib"} <= BEYOND_TEXTUAL


def test_values_are_declared_cheaply() -> None:
    """A dataclass takes half a millisecond at each start; Textual's messages are."""
    package = Path(chronotui.__file__).parent
    for path in sorted(package.rglob("*.py")):
        if path.relative_to(package).parts[0] == "demo":
            continue
        for one in ast.walk(ast.parse(path.read_text())):
            if isinstance(one, ast.ClassDef):
                bases = {ast.unparse(base) for base in one.bases}
                made = {
                    ast.unparse(each).partition("(")[0] for each in one.decorator_list
                }
                is_message = bases & {"Message", "LogMessage"}
                assert is_message or "dataclass" not in made, f"{path}: {one.name}"


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
