"""Wrapping long lines on and off in the middle of a million lines.

The reference is the least that laying all lines out anew would take: the height of
each from its length, summed for every 1024 lines, about 10 ms. Five times that is the
limit of 50 ms.
"""

from __future__ import annotations

from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import TYPE_CHECKING

from tests.benchmarks import programs
from tests.benchmarks.measure import Figure
from tests.benchmarks.screens import Replay

if TYPE_CHECKING:
    from tests.benchmarks.pty_program import Program

LINES = 1_000_000
PLACE = 500_001
SHOWN = f"[{PLACE - 1:09}]"
"""What stands in the line the reader is at."""


def figures(runs: int = 5) -> list[Figure]:
    """Return the rows of the table that concern wrapping."""
    lengths = bytes([90, 120] * (LINES // 2))
    taken: dict[str, list[float]] = {"on": [], "off": []}
    passes = []
    with TemporaryDirectory() as folder, programs.desk(Path(folder), LINES) as desk:
        desk.keep = True
        desk.resize()
        desk.press(b":", every=0.3)
        desk.press(f"{PLACE}\r".encode(), every=1.0)
        replay = Replay()
        place = _row_of_place(replay, desk)
        for _ in range(runs):
            for way, times in taken.items():
                times.append(desk.press(b"w", every=0.5).seconds)
                assert _row_of_place(replay, desk) == place, f"moved by wrap {way}"
                begun = perf_counter()
                assert sum(index_of(lengths)) == LINES * 3 // 2
                passes.append(perf_counter() - begun)
    against = "indexing as many heights"
    return [
        Figure(
            f"wrap {way} amid {LINES:,} lines, place kept",
            median(times),
            median(passes),
            5.0,
            against,
        )
        for way, times in taken.items()
    ]


def index_of(lengths: bytes, width: int = 106) -> list[int]:
    """Return the screen rows of every 1024 lines of some lengths."""
    heights = lengths.translate(bytes(1 + cells // width for cells in range(256)))
    return [sum(heights[at : at + 1024]) for at in range(0, len(heights), 1024)]


def _row_of_place(replay: Replay, desk: Program) -> int:
    """Return the screen row that shows the reader's line."""
    rows = replay.play_all(desk.chunks)
    desk.chunks = []
    return next(y for y, row in enumerate(rows) if SHOWN in row)
