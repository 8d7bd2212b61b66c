"""What other programs make of our output: lnav of logs, shells of completions."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from chronotui.demo.scripts import Script, ScriptLine
from chronotui.demo.server import DemoServer
from chronotui.log.levels import Level, line_level
from chronotui.log.lnav import FORMAT_NAME
from chronotui.model import STDERR, STDOUT, LogLine
from tests.terminal import Terminal, environment_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MESSAGES: Final = (
    "plain",
    "",
    "Traceback (most recent call last):",
    "INFO started",
    "2026-03-03 10:00:05,123 WARNING slow",
    '{"level":"warn","msg":"an ERROR"}',
    '{"severity": 50}',
    "level=debug msg=error",
    "Error: no such file",
    "error while reading",
    "[warn] low",
    "\x1b[31mERROR\x1b[0m red",
    "\x1b[1m\x1b[33mwarn\x1b[0m: amber",
    "\x1b[31m✗\x1b[0m 3 of 12",
    "\tERROR behind a tab",
    "✗ 3 of 12",
    "⚠ slow",
    "E1129 10:12:31.004512       1 main.go:3] gone",
    "app.py:3: DeprecationWarning: old",
    "UnhandledPromiseRejectionWarning: no",
    "FAIL 3",
    "an ERRORS heading",
    'say \\ "INFO" twice',
    "x" * 4000 + " FATAL",
    "x" * 65_000,
    '"\\' * 32_000,
)
"""With every way a line may name its level."""


class Tool(NamedTuple):
    """Programs that are given what is ours, and what is looked at.

    Attributes:
        check: Returns what is wrong, "" if all is as it should be; gets a folder.
    """

    name: str
    programs: tuple[str, ...]
    check: Callable[[Path], str]

    @property
    def lacking(self) -> str:
        """A program that is not installed, "" if all are."""
        return next((each for each in self.programs if not shutil.which(each)), "")


def reads_logs(folder: Path) -> str:
    """Compare what lnav says of every line of a job with the job itself."""
    lines = [
        ScriptLine(message, stream, attempt=attempt)
        for attempt in (1, 2)
        for message in MESSAGES
        for stream in (STDOUT, STDERR)
    ]
    script = Script(lines, starts_in=-600, rate=50, ends_after=1)
    with DemoServer() as demo:
        job = demo.world.add_job(script).id
        run = _Program(folder, demo)
        run.to_file("lnav.json", "save", "--lnav-format")
        for form in ("jsonl", "txt-time"):
            run("save", "scripted", job, "--format", form, "-O", f"log.{form}")
        run.to_file("printed.jsonl", "logs", "scripted", job, "-o", "jsonl")
    _lnav(folder, "-i", "lnav.json")
    printed = (folder / "printed.jsonl").read_text().splitlines()
    truth = [json.loads(line) for line in printed]
    wrong = [
        f"{name} {number}: {found} is not {expected}"
        for name in ("log.jsonl", "printed.jsonl", "log.txt-time")
        for number, (found, expected) in enumerate(_compared(folder, name, truth))
        if found != expected
    ]
    return "; ".join(wrong[:3])


def _compared(
    folder: Path, name: str, truth: list[dict[str, Any]]
) -> Iterator[tuple[Any, Any]]:
    """Yield what lnav says of each line beside what is true."""
    if name.endswith("txt-time"):
        found = _rows(folder, name, "log_time", "generic_log")
        expected = [{"log_time": _time(line["timestamp"], 3)} for line in truth]
    else:
        columns = "log_time, log_level, log_body, attempt, sequence_num, stream"
        found = _rows(folder, name, columns, FORMAT_NAME)
        expected = [_expected(line) for line in truth]
        for row in found:
            row["log_body"] = json.loads(f'"{row["log_body"]}"')
            # An event id names no attempt where it is the first.
            row["attempt"] = int(row["attempt"] or 1)
    yield len(found), len(truth)
    yield from zip(found, expected, strict=False)


def _expected(entry: dict[str, Any]) -> dict[str, Any]:
    line = LogLine(1, 0, entry["stream"], None, entry["message"])
    level = line_level(line) or Level.INFO
    return {
        "log_time": _time(entry["timestamp"]),
        "log_level": level.name.lower(),
        "log_body": entry["message"],
        **{key: entry[key] for key in ("attempt", "sequence_num", "stream")},
    }


def _time(timestamp: str, least: int = 0) -> str:
    """Return a time as lnav shows it, which reads no fraction of one or two digits."""
    whole, _, fraction = timestamp[:-1].partition(".")
    digits = fraction.ljust(least, "0")[:3]
    return f"{whole.replace('T', ' ')}.{digits if len(digits) == 3 else '000'}"


def _rows(folder: Path, name: str, columns: str, table: str) -> list[dict[str, Any]]:
    query = f";select {columns} from {table} order by log_line"
    said = _lnav(folder, "-n", "-c", query, "-c", ":write-jsonlines-to -", name)
    return [json.loads(line) for line in said.splitlines() if line.startswith("{")]


def _lnav(folder: Path, *words: str) -> str:
    ended = subprocess.run(
        ["lnav", *words],
        cwd=folder,
        env=environment_for(folder),
        capture_output=True,
        text=True,
        check=True,
    )
    return ended.stdout


class _Program:
    """Runs the program against a demo server, in a folder."""

    def __init__(self, folder: Path, demo: DemoServer) -> None:
        self._folder = folder
        config = folder / "config" / "chronotui" / "config.toml"
        config.parent.mkdir(parents=True)
        config.write_text(
            f'[profiles.demo]\nurl = "{demo.url}"\n[profiles.demo.auth]\n'
            f'email = "{demo.email}"\npassword = "{demo.password}"\n'
        )
        config.chmod(0o600)

    def __call__(self, *words: str) -> bytes:
        ended = subprocess.run(
            [sys.executable, "-m", "chronotui", *words],
            cwd=self._folder,
            env=environment_for(self._folder),
            capture_output=True,
            check=False,
        )
        if ended.returncode:
            raise RuntimeError(ended.stderr.decode())
        return ended.stdout

    def to_file(self, name: str, *words: str) -> None:
        (self._folder / name).write_bytes(self(*words))


COMPLETED: Final = {
    "chronotui wor": ("workflows",),
    "chronotui lo": ("login", "logout", "logs"),
    "chronotui jobs x --st": ("--status",),
    "chronotui jobs x --status RUN": ("RUNNING",),
    "chronotui jobs x --status=CANC": ("CANCELED",),
    "chronotui --profile ": ("prod", "jobs"),
    "chronotui --profile jobs logs a b --stream ": ("stdout", "stderr"),
    "chronotui profile show pr": ("prod",),
    "chronotui profile re": ("remove",),
    "chronotui profile add x --method ": ("session", "bearer", "cookie"),
    "chronotui logs a b -o ": ("text", "jsonl"),
    "chronotui save a b --format txt": ("txt-time",),
    "chronotui completion ": ("bash", "zsh", "fish"),
    "chronotui --config here": ("here-is-one.toml",),
}
"""What is typed, and words that must be seen then."""

_SHELLS: Final = {
    "bash": (
        ["bash", "--norc", "-i"],
        "bind 'set show-all-if-ambiguous on'; source <(chronotui completion bash)",
    ),
    "zsh": (
        ["zsh", "-f", "-i"],
        "unsetopt list_ambiguous; source <(chronotui completion zsh)",
    ),
    "fish": (["fish", "--no-config"], "chronotui completion fish | source"),
}
"""How a shell is started, and what loads the completions."""


def completes(shell: str, folder: Path) -> str:
    """Type the beginnings of commands into a shell; return what it does not offer."""
    (folder / "here-is-one.toml").touch()
    lacking = []
    with _shell(shell, folder) as terminal:
        for typed, words in COMPLETED.items():
            terminal.press(typed, "\t")
            try:
                terminal.until(partial(_shows, words))
            except AssertionError:
                lacking.append(f"{typed!r}: {terminal.text.strip()!r}")
            terminal.press("\x15\x0c")  # the line is taken back, the screen cleared
            terminal.until(partial(_is_prompt, typed))
    return "; ".join(lacking)


def _shows(words: tuple[str, ...], text: str) -> bool:
    return set(words) <= set(text.replace("=", " ").split())


def _is_prompt(typed: str, text: str) -> bool:
    """Whether the last line that is not blank is a new prompt."""
    lines = [line for line in text.splitlines() if line.strip()]
    return bool(lines) and typed.split()[1] not in lines[-1]


@contextmanager
def _shell(shell: str, folder: Path) -> Iterator[Terminal]:
    """Start a shell with the completions, in a folder with a configuration."""
    config = folder / "config" / "chronotui" / "config.toml"
    config.parent.mkdir(parents=True)
    config.write_text(
        "".join(f'[profiles.{name}]\nurl = "http://localhost"\n' for name in PROFILES)
    )
    program = folder / "chronotui"
    root = shlex.quote(str(Path(__file__).parent.parent))
    program.write_text(
        f'#!/bin/sh\nPYTHONPATH={root} exec {sys.executable} -m chronotui "$@"\n'
    )
    program.chmod(0o755)
    words, load = _SHELLS[shell]
    path = f"{folder}:{os.environ['PATH']}"
    environment = environment_for(
        folder, PATH=path, PS1="> ", PROMPT="> ", fish_greeting=""
    )
    start = ["-c", f"import os; os.execvp({words[0]!r}, {words!r})"]
    with Terminal(start, environment=environment, folder=folder) as terminal:
        terminal.until(lambda text: text.strip() != "")
        terminal.press(f"{load}; echo lo''aded", "enter")
        terminal.until("\nloaded")
        yield terminal


PROFILES: Final = ("prod", "jobs")

TOOLS: Final = (
    Tool("lnav reads saved and printed lines", ("lnav",), reads_logs),
    *(
        Tool(f"{shell} completes", (shell,), partial(completes, shell))
        for shell in _SHELLS
    ),
)
