"""Keys in ten million lines, most of them in the spool, against ten thousand."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.benchmarks import programs
from tests.benchmarks.bench_keys import DOWN, PAGE, SINGLY, Reader
from tests.benchmarks.measure import Figure

MANY, FEW = 10_000_000, 10_000
LINE_KEYS, PAGE_KEYS = 20, 10


def figures(runs: int = 5) -> list[Figure]:
    """Return the rows of the table that concern keys in ten million lines."""
    with TemporaryDirectory() as name, ExitStack() as running:
        folder = Path(name)
        readers = [
            Reader(running.enter_context(programs.desk(folder, lines)))
            for lines in (MANY, FEW)
        ]
        for _ in range(runs):
            for key, times in ((DOWN, LINE_KEYS), (PAGE, PAGE_KEYS)):
                for reader in readers:
                    reader.press(key, times, SINGLY)
    many, few = readers
    made = []
    for key, named in ((DOWN, "line down"), (PAGE, "page down")):
        for share, mine, theirs, goal in zip(
            ("p50", "p99"),
            many.seconds(key),
            few.seconds(key),
            (1.2, None),
            strict=True,
        ):
            count = len(many.taken[key, SINGLY])
            what = f"{named} to frame, {MANY:,} lines, {share} of {count} keys"
            made.append(Figure(what, mine, theirs, goal, f"with {FEW:,}"))
    return made
