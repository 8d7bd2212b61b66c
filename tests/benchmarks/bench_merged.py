"""What ten jobs cost that are shown merged, against one that writes as much.

Both are the whole desk from the watch on, told the same texts in batches, 30 a second.
Ten jobs mean ten watches; and two moments are looked at: lines that come in order, as
one log's do, and a window of the same length.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from tests.benchmarks import programs
from tests.benchmarks.bench_following import BEFORE, MANY, SECONDS, following, middle
from tests.benchmarks.measure import Figure

GOAL = 1.5


def figures(runs: int = 5) -> list[Figure]:
    """Return the row about the merged log."""
    with (
        TemporaryDirectory() as folder,
        programs.desk(Path(folder), BEFORE) as desk,
        programs.merged(Path(folder), BEFORE) as merged,
    ):
        windows = [
            (
                following(merged, MANY, SECONDS[MANY]),
                following(desk, MANY, SECONDS[MANY]),
            )
            for _ in range(runs)
        ]
    ours, one = (middle(list(each)) for each in zip(*windows, strict=True))
    frames = f"{ours.frames_a_second:.0f} and {one.frames_a_second:.0f} frames/s"
    return [
        Figure(
            f"CPU while 10 jobs at 1,000 lines/s are shown merged ({frames})",
            ours.share * 100,
            one.share * 100,
            GOAL,
            "one job at 10,000 lines/s",
            "%",
        )
    ]
