"""The programs the tables compare, started in a terminal and ready to be measured."""

from __future__ import annotations

import os
import shutil
import sys
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from tests.benchmarks.pty_program import Program, environment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LNAV = shutil.which("lnav")
DESK = [sys.executable, "-m", "tests.benchmarks.desk_host"]
LESS = shutil.which("less")


@contextmanager
def desk(
    folder: Path, lines: int, *, shown: bool = True, painting: str = ""
) -> Iterator[Program]:
    """Run the desk with so many lines in a job's store.

    Args:
        folder: The home of the program.
        lines: How many lines have arrived before.
        shown: Whether the job is opened, the log on the full screen.
        painting: ``stock`` for Textual's own.
    """
    variables = {**for_ours(folder), "CHRONOTUI_PAINTING": painting}
    with Program(DESK, environment=variables) as program:
        assert program.hear() == "ready"
        program.ask(f"fill {lines}")
        if shown:
            program.ask("show 0")
            program.settle()
            program.press(b"z")
        program.settle()
        yield program


@contextmanager
def merged(folder: Path, lines: int) -> Iterator[Program]:
    """Run the desk with the merged log of ten jobs that have so many lines."""
    command = [sys.executable, "-m", "tests.benchmarks.merged_host"]
    with Program(command, environment=for_ours(folder)) as program:
        assert program.hear() == "ready"
        program.ask(f"fill {lines}")
        program.settle()
        yield program


@contextmanager
def textual_log(folder: Path, lines: int) -> Iterator[Program]:
    """Run Textual's own ``Log`` with so many lines."""
    command = [sys.executable, "-m", "tests.benchmarks.log_host"]
    with Program(command, environment=for_ours(folder)) as program:
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
def reference(folder: Path, path: Path, lines: int) -> Iterator[Program]:
    """Run what keys are compared with: lnav, or where it is not, stock painting.

    Args:
        folder: The home of the program.
        path: The text, ``lines`` of it.
        lines: How many.
    """
    stock = partial(desk, folder, lines, painting="stock")
    with lnav(folder, path) if LNAV else stock() as program:
        yield program


def reference_name() -> str:
    """Return what ``reference`` is, for the table."""
    return "lnav" if LNAV else "the same desk in stock painting (no lnav here)"


def goal(limit: float) -> float | None:
    """Return a goal that is set against lnav; None where lnav is not."""
    return limit if LNAV else None


@contextmanager
def less(folder: Path, path: Path) -> Iterator[Program]:
    """Run less on a file; it opens at the start."""
    with Program(["less", str(path)], environment=environment(folder)) as program:
        program.settle()
        yield program


def for_ours(folder: Path) -> dict[str, str]:
    """Return an environment in which the hosts find themselves."""
    return {**environment(folder), "PYTHONPATH": os.pathsep.join(sys.path)}
