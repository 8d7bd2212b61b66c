"""The log store: memory, searching against grep, filtering, and ten million lines.

Times are those of the processor, so that a busy machine hurts both sides alike.
"""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from functools import partial
from itertools import count
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage
from tempfile import TemporaryDirectory
from time import process_time
from typing import TYPE_CHECKING

from chronotui.log.finders import LineFilter
from chronotui.log.pattern import compile_pattern
from chronotui.log.rows import Rows
from chronotui.log.search import Search
from chronotui.log.store import LogStore
from chronotui.model import LogLine
from chronotui.storage.files import SpoolFile
from tests.benchmarks.measure import Figure, interleaved

if TYPE_CHECKING:
    from collections.abc import Iterator

LINES = 1_000_000
MANY = 10_000_000
FEW = 10_000
BATCH = 2_000
FRAME_SECONDS = 1 / 30
SLICE_SECONDS = 0.008

MEMORY = """
import gc
from tests.benchmarks.bench_store import LINES, filled
from chronotui.log.store import LogStore

def resident():
    with open("/proc/self/statm") as status:
        return int(status.read().split()[1]) * 4096

filled(LogStore(), 10_000)
gc.collect()
before = resident()
store = filled(LogStore(), LINES)
gc.collect()
print((resident() - before - store.spool.memory.text_bytes) / LINES)
"""


def batches(start: int, stop: int) -> Iterator[list[LogLine]]:
    """Yield lines of about 122 bytes as a loading job prints them."""
    for begin in range(start, stop, BATCH):
        yield [_line(number) for number in range(begin, min(begin + BATCH, stop))]


def _line(number: int) -> LogLine:
    stream = "stdout" if number % 20 else "stderr"
    end = "Timeout" if number % 7 == 0 else "done"
    return LogLine(
        1,
        number,
        stream,
        1_700_000_000_000_000_000 + number * 1_000_000,
        f"2026-11-22 10:12:31.004 worker-{number % 40} INFO loading batch {number}/400 "
        f"from customers_{number % 7} took {number % 977} ms status=ok {end}",
        f"log:8f3c21:{stream}:{number}",
    )


def filled(store: LogStore, lines: int) -> LogStore:
    """Return a store with so many lines."""
    for batch in batches(0, lines):
        store.add(batch)
    return store


def figures(runs: int = 5) -> list[Figure]:
    """Return the rows of the table that concern the store."""
    made = [_memory()]
    store = filled(LogStore(budget_bytes=1 << 30), LINES)
    with TemporaryDirectory() as folder:
        made += _searches(store, Path(folder), runs)
        made.append(_live_filter(runs))
        del store
        gc.collect()
        made += _at_ten_million(Path(folder), runs)
    return made


def _memory() -> Figure:
    done = subprocess.run(
        [sys.executable, "-c", MEMORY], stdout=subprocess.PIPE, check=True
    )
    return Figure(
        "memory of a stored line beyond its text, resident",
        float(done.stdout),
        32.0,
        1.0,
        against="at most",
        unit="B",
    )


class Searching:
    """One search of all rows in slices, as the view does it between frames."""

    def __init__(self, rows: Rows, typed: str) -> None:
        self._rows = rows
        self._pattern = compile_pattern(typed)
        self.slowest = 0.0

    def once(self) -> float:
        """Return the seconds a search takes from typing to the exact count."""
        start = now = process_time()
        search = Search(self._rows, self._pattern)
        while not search.complete:
            search.advance(SLICE_SECONDS)
            now, before = process_time(), now
            self.slowest = max(self.slowest, now - before)
        assert search.count >= 0
        return process_time() - start


SEARCHES = (
    ("text, 1 in 7 lines", "Timeout", "-c", 2.0),
    ("text in any case, 1 in 7 lines", "timeout", "-ci", 1.5),
    ("text, no line", "Absent", "-c", 2.0),
    ("expression, 1 in 28 lines", "worker-1[0-9].*Timeout", "-cE", 8.0),
    ("expression of two words", "Timeout|refused", "-cE", 8.0),
    ("expression, every line", "took [0-9]+ ms", "-ciE", 8.0),
)


def _searches(store: LogStore, folder: Path, runs: int) -> list[Figure]:
    path = folder / "log.txt"
    with path.open("w") as text:
        for start in range(0, LINES, BATCH):
            lines = store.lines(start, start + BATCH)
            text.writelines(f"{line.message}\n" for line in lines)
    made = []
    slowest = 0.0
    for name, typed, option, goal in SEARCHES:
        searching = Searching(Rows(store), typed)
        grep = partial(_run, ["grep", option, typed, str(path)])
        ours, theirs = interleaved(searching.once, grep, runs=runs)
        slowest = max(slowest, searching.slowest)
        what = f"search of {LINES:,} lines: {name}"
        made.append(Figure(what, ours, theirs, goal, against=f"grep {option}"))
    what = "the longest slice of those searches"
    frame = "a frame at 30/s"
    return [*made, Figure(what, slowest, FRAME_SECONDS, 1.0, against=frame)]


def _run(command: list[str]) -> float:
    """Return the processor seconds a command takes."""
    before = getrusage(RUSAGE_CHILDREN)
    environment = os.environ | {"LC_ALL": "C.UTF-8"}
    subprocess.run(command, stdout=subprocess.PIPE, env=environment, check=False)
    after = getrusage(RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


class Following:
    """Lines that arrive, and the rows that take them over, tick by tick."""

    def __init__(self, line_filter: LineFilter | None, lines: int = 100_000) -> None:
        self._batches = list(batches(0, lines))
        self._filter = line_filter

    def once(self) -> float:
        """Return the seconds all ticks take."""
        store = LogStore()
        rows = Rows(store, self._filter)
        start = process_time()
        for batch in self._batches:
            for tick in range(0, BATCH, 400):
                store.add(batch[tick : tick + 400])
                rows.refresh()
                rows.rows(len(rows) - 40, len(rows))
        return process_time() - start


def _live_filter(runs: int) -> Figure:
    filtered = Following(LineFilter(include=(compile_pattern("timeout"),)))
    ours, reference = interleaved(filtered.once, Following(None).once, runs=2 * runs)
    what = "taking over arriving lines through a filter, 40 rows read a tick"
    return Figure(what, ours, reference, 1.2, against="unfiltered")


class Desk:
    """What a frame and a key cost on a log of some size."""

    def __init__(self, store: LogStore) -> None:
        self._store = store
        self._next = count(len(store))
        self.rows = Rows(store)

    def windows(self) -> float:
        """Return the seconds of 200 windows at places all over the log."""
        step = max(len(self.rows) // 200, 1)
        start = process_time()
        for top in range(0, len(self.rows) - 40, step):
            self.rows.rows(top, top + 40)
            self.rows.rows(top + 1, top + 41)
        return (process_time() - start) * 200 / max(len(self.rows) // step, 1)

    def ticks(self) -> float:
        """Return the seconds of 200 appends of ten lines, taken over and drawn."""
        lines = [[_line(next(self._next)) for _ in range(10)] for _ in range(200)]
        start = process_time()
        for batch in lines:
            self._store.add(batch)
            self.rows.refresh()
            self.rows.rows(len(self.rows) - 40, len(self.rows))
        return process_time() - start

    def jumps(self) -> float:
        """Return the seconds of 200 anchors of the newest third, found again."""
        last = len(self.rows) - 1
        step = last // 600
        start = process_time()
        for row in range(last, last - 200 * step, -step):
            self.rows.locate(self.rows.anchor(row))
        return process_time() - start


def _at_ten_million(folder: Path, runs: int) -> list[Figure]:
    big = LogStore(budget_bytes=512 << 20, overflow=lambda: SpoolFile(folder))
    many, few = Desk(filled(big, MANY)), Desk(filled(LogStore(), FEW))
    log = f"store of {MANY:,} lines: "
    figures = []
    for name, ours, reference, goal in (
        ("ten lines appended, a window read", many.ticks, few.ticks, 1.2),
        ("an anchor found again", many.jumps, few.jumps, 1.5),
    ):
        mine, theirs = interleaved(ours, reference, runs=2 * runs)
        figures.append(Figure(log + name, mine, theirs, goal, against=f"of {FEW:,}"))
    (spooled,) = interleaved(many.windows, runs=runs)
    what = f"{log}a window anywhere, two thirds of them in the spool"
    frame = "a frame at 30/s"
    big.close()
    return [*figures, Figure(what, spooled / 400, FRAME_SECONDS, 0.1, against=frame)]
