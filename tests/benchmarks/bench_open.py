"""Opening a million lines at their end, and jumping there from the start.

Ours holds the lines already, lnav reads its file: a reader waits for both.
"""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import TYPE_CHECKING

from tests.benchmarks import programs, texts
from tests.benchmarks.measure import Figure
from tests.benchmarks.pty_program import Program, environment

if TYPE_CHECKING:
    from collections.abc import Mapping

LINES = 1_000_000
LAST = texts.text(LINES - 1)[11:23].encode()
"""The last line's time, to the millisecond."""

JUMPS = 10
TAB, ENTER = b"\t", b"\r"


def figures(runs: int = 5) -> list[Figure]:
    """Return the rows of the table that concern opening."""
    with TemporaryDirectory() as name, ExitStack() as running:
        folder = Path(name)
        path = texts.write(folder / "job.log", LINES)
        run = running.enter_context
        desk = run(programs.desk(folder, LINES, shown=False))
        _show_jobs(desk)
        opened, started = [], []
        for _ in range(runs + 1):
            opened.append(_open(desk))
            started.append(_start(path, environment(folder)))
        _leave_the_other(desk)
        other = run(programs.reference(folder, path, LINES))
        ours, theirs = [], []
        for _ in range(JUMPS):
            ours.append(_jump(desk))
            theirs.append(_jump(other))
    pager = "lnav" if programs.LNAV else "tail -n 40 (no lnav here)"
    return [
        Figure(
            f"open a log of {LINES:,} lines held in the store, at its end",
            median(opened[1:]),
            median(started[1:]),
            programs.goal(1.0),
            f"{pager} starting on the text as a file",
        ),
        Figure(
            f"jump from the start of {LINES:,} lines to their end",
            median(ours),
            median(theirs),
            programs.goal(2.0),
            programs.reference_name(),
        ),
    ]


def _show_jobs(desk: Program) -> None:
    """Expand the workflow; the tree's cursor ends on the second job."""
    for key in (ENTER, b"j", b"j"):
        desk.press(key, every=0.5)


def _open(desk: Program) -> float:
    """Open the other job, then the long one; return what that took."""
    desk.press(ENTER, every=0.5)
    desk.press(TAB, every=0.3)
    desk.press(b"k", every=0.3)
    desk.settle(0.2)
    begun = perf_counter()
    desk.type(ENTER)
    took = desk.until(LAST) - begun
    desk.settle(0.2)
    desk.press(TAB, every=0.3)
    desk.press(b"j", every=0.3)
    return took


def _leave_the_other(desk: Program) -> None:
    """Go from the second job in the tree to the log of the first."""
    for key in (b"k", ENTER, b"z"):
        desk.press(key, every=0.5)


def _start(path: Path, variables: Mapping[str, str]) -> float:
    """Return how long a pager takes from its start to the end of the text."""
    command = ["lnav"] if programs.LNAV else ["tail", "-n", "40"]
    begun = perf_counter()
    with Program([*command, str(path)], environment=variables) as pager:
        return pager.until(LAST) - begun


def _jump(program: Program) -> float:
    program.press(b"g", every=0.3)
    return program.press(b"G", every=0.3).seconds
