"""Two logs compared by kinds of lines, against ``sed`` and ``sort -u`` over both.

Times are those of the processor, so that a busy machine hurts both sides alike.
"""

from __future__ import annotations

import os
import subprocess
from functools import partial
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage
from tempfile import TemporaryDirectory
from time import process_time
from typing import TYPE_CHECKING, Final

from chronotui.log.kinds import Kinds
from chronotui.log.store import LogStore
from chronotui.model import STDOUT, LogLine
from tests.benchmarks.measure import Figure, interleaved
from tests.benchmarks.texts import text

if TYPE_CHECKING:
    from collections.abc import Callable

LINES: Final = 1_000_000
BATCH: Final = 2_000
KINDS: Final = (
    ("numbers", text),
    ("an id in every line", lambda number: f"{text(number)} id={_id(number)}"),
)


def _id(number: int) -> str:
    mixed = number * 0x9E3779B97F4A7C15F39CC0605CEDC835 & (1 << 128) - 1
    digits = f"{mixed:032x}"
    return "-".join(
        (digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:])
    )


def figures(runs: int = 5) -> list[Figure]:
    """Return a row of the table for each kind of text."""
    made = []
    for name, words in KINDS:
        with TemporaryDirectory() as folder:
            paths = [Path(folder) / "one.txt", Path(folder) / "other.txt"]
            stores = [
                _written(path, words, start)
                for path, start in zip(paths, (0, 7_000_000), strict=True)
            ]
            ours, theirs = interleaved(
                partial(_compared, stores),
                partial(_sorted, paths),
                runs=runs,
            )
        what = f"kinds of two logs of {LINES:,} lines: {name}"
        made.append(Figure(what, ours, theirs, 3.0, against="sed, sort -u"))
    return made


def _written(path: Path, words: Callable[[int], str], start: int) -> LogStore:
    store = LogStore(budget_bytes=1 << 30)
    with path.open("w") as file:
        for begin in range(start, start + LINES, BATCH):
            lines = [
                LogLine(1, n, STDOUT, n, words(n), f"log:8f3c21:stdout:{n}")
                for n in range(begin, begin + BATCH)
            ]
            store.add(lines)
            file.writelines(f"{line.message}\n" for line in lines)
    return store


def _compared(stores: list[LogStore]) -> float:
    start = process_time()
    one, other = (_kinds(store).seen for store in stores)
    assert len(one.keys() | other.keys()) < LINES
    return process_time() - start


def _kinds(store: LogStore) -> Kinds:
    kinds = Kinds()
    for chunk in store.chunks.chunks:
        kinds.take(store.spool.peek(chunk))
    return kinds


def _sorted(paths: list[Path]) -> float:
    before = getrusage(RUSAGE_CHILDREN)
    for path in paths:
        subprocess.run(
            f"sed -E 's/[0-9]+/#/g' {path} | sort -u",
            shell=True,
            stdout=subprocess.DEVNULL,
            env=os.environ | {"LC_ALL": "C"},
            check=True,
        )
    after = getrusage(RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
