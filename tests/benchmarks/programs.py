"""The programs the tables compare, started in a terminal and ready to be measured."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

from tests.benchmarks.pty_program import Program, environment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LNAV = shutil.which("lnav")
LESS = shutil.which("less")


@cache
def lnav_name() -> str:
    """Return lnav's name with its version."""
    said = subprocess.run(["lnav", "-V"], capture_output=True, text=True, check=True)
    return said.stdout.strip()


@contextmanager
def desk(folder: Path, lines: int, *, shown: bool = True) -> Iterator[Program]:
    """Run the desk with so many lines in a job's store.

    Args:
        folder: The home of the program.
        lines: How many lines have arrived before.
        shown: Whether the job is opened, the log on the full screen.
    """
    command = [sys.executable, "-m", "tests.benchmarks.desk_host"]
    with Program(command, environment=_for_ours(folder)) as program:
        assert program.hear() == "ready"
        program.ask(f"fill {lines}")
        if shown:
            program.ask("show 0")
            program.settle()
            program.press(b"z")
        program.settle()
        yield program


@contextmanager
def textual_log(folder: Path, lines: int) -> Iterator[Program]:
    """Run Textual's own ``Log`` with so many lines."""
    command = [sys.executable, "-m", "tests.benchmarks.log_host"]
    with Program(command, environment=_for_ours(folder)) as program:
        assert program.hear() == "ready"
        program.ask(f"fill {lines}")
        program.settle()
        yield program


@contextmanager
def lnav(folder: Path, path: Path) -> Iterator[Program]:
    """Run lnav on a file; it opens at the end."""
    with Program(["lnav", str(path)], environment=environment(folder)) as program:
        program.pass_time(1.5)
        program.settle()
        yield program


@contextmanager
def less(folder: Path, path: Path) -> Iterator[Program]:
    """Run less on a file; it opens at the start."""
    with Program(["less", str(path)], environment=environment(folder)) as program:
        program.settle()
        yield program


def _for_ours(folder: Path) -> dict[str, str]:
    return {**environment(folder), "PYTHONPATH": os.pathsep.join(sys.path)}
