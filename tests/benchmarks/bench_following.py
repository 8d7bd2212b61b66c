"""What a log costs that arrives while somebody looks at it.

Ours is the whole desk from the watch on, the reference Textual's own ``Log`` alone in
a terminal of the same size. Both are told the same lines in the same batches, 30 a
second, made beforehand; HTTP and decoding are left out of both.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from tests.benchmarks import programs
from tests.benchmarks.measure import Figure
from tests.benchmarks.processor import Window, measured

if TYPE_CHECKING:
    from tests.benchmarks.pty_program import Program

MANY, FEW = 10_000, 1_000
SECONDS = {MANY: 6.0, FEW: 3.0}
"""How long a window is at each rate."""

BEFORE = 2_000
"""Lines that are there before the measuring begins."""

REFERENCE = "Textual `Log`"


def figures(runs: int = 5) -> list[Figure]:
    """Return the rows of the table that concern following."""
    with (
        TemporaryDirectory() as folder,
        programs.desk(Path(folder), BEFORE) as desk,
        programs.textual_log(Path(folder), BEFORE) as log,
    ):
        taken: dict[tuple[str, int], list[Window]] = defaultdict(list)
        for _ in range(runs):
            for rate in (MANY, FEW):
                taken["ours", rate].append(following(desk, rate, SECONDS[rate]))
                taken["log", rate].append(following(log, rate, SECONDS[rate]))
    many = middle(taken["ours", MANY]), middle(taken["log", MANY])
    few = middle(taken["ours", FEW]), middle(taken["log", FEW])
    return [
        _processor(*many, MANY, 0.14),
        _processor(*few, FEW, None),
        _written(*few, FEW, 0.25),
        _written(*many, MANY, None),
    ]


def following(program: Program, rate: float, seconds: float) -> Window:
    """Let lines arrive for a while; return what the program did meanwhile."""
    program.ask(f"prepare {rate} {seconds}")
    program.settle(0.2)
    late = 0.0

    def run() -> None:
        nonlocal late
        late = float(program.ask("run"))

    window = measured(program, run)
    assert late < 0.5, f"{rate} lines/s came {late:.1f} s late"
    return window


def middle(windows: list[Window]) -> Window:
    """Return the medians of what was measured."""
    return Window(*map(median, zip(*windows, strict=True)))


def _processor(ours: Window, theirs: Window, rate: int, goal: float | None) -> Figure:
    frames = f"{ours.frames_a_second:.0f} and {theirs.frames_a_second:.0f} frames/s"
    return Figure(
        f"CPU while following {rate:,} lines/s ({frames})",
        ours.share * 100,
        theirs.share * 100,
        goal,
        REFERENCE,
        "%",
    )


def _written(ours: Window, theirs: Window, rate: int, goal: float | None) -> Figure:
    return Figure(
        f"to the terminal while following {rate:,} lines/s",
        ours.bytes_a_second / 1000,
        theirs.bytes_a_second / 1000,
        goal,
        REFERENCE,
        "kB/s",
    )
