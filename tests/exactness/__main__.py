"""``python -m tests.exactness``: many seeds of every case, several at a time."""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from random import SystemRandom
from typing import TYPE_CHECKING, Final

from tests.exactness.cases import EVERY, SCALE, SOAK
from tests.exactness.runs import Run, report, run_named

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chronotui.demo.routes import Dialect

_HEADS: Final = (
    f"{'case':44} {'dialect':10} {'runs':>5} {'lost':>5} {'twice':>5} {'order':>5}"
    f" {'false-':>7} {'false-':>7} {'said':>5} {'ended':>5} {'most':>6}\n"
    f"{'':44} {'':10} {'':5} {'':5} {'':5} {'':5}"
    f" {'missing':>7} {'whole':>7} {'':5} {'wrong':>5} {'s':>6}"
)


def row(runs: Sequence[Run]) -> str:
    """Return the line of the table for the runs of one case in one dialect."""
    found = [one for done in runs for one in done.found.values()]
    sums = [sum(column) for column in list(zip(*found, strict=True))[:-1]]
    lost, doubled, disordered, missing, whole, said, wrong = sums
    erred = dict.fromkeys(
        name for done in runs for name, one in done.found.items() if not one.exact
    )
    verdict = f"NOT EXACT: {', '.join(erred)}" if erred else "exact"
    return (
        f"{runs[0].case:44.44} {runs[0].dialect.value:10} {len(runs):5} {lost:5}"
        f" {doubled:5} {disordered:5} {missing:7} {whole:7} {said:5} {wrong:5}"
        f" {max(one.seconds for one in found):6.1f}  {verdict}"
    )


def totals(runs: Sequence[Run]) -> str:
    """Return the one sentence all of it comes to."""
    found = [one for done in runs for one in done.found.values()]
    wrong = sum(one.wrong for one in found)
    words = (
        f"{len(runs):,} runs: {sum(one.lost for one in found)} lost,"
        f" {sum(one.doubled for one in found)} doubled,"
        f" {sum(one.disordered for one in found)} out of order,"
        f" {sum(one.false_missing for one in found)} false missing,"
        f" {sum(one.false_whole for one in found)} false whole"
    )
    return f"{words}; {wrong} ended wrong" if wrong else words


def _arguments(given: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.exactness")
    parser.add_argument("--seeds", type=int, default=3, help="random seeds a case")
    parser.add_argument("--seed", type=int, help="the first seed, else by chance")
    parser.add_argument("--case", default="", help="only cases whose name has this")
    parser.add_argument("--scale", type=float, default=SCALE, help="1: real delays")
    parser.add_argument("--soak", action="store_true", help="add 50,000 lines")
    parser.add_argument("--jobs", type=int, default=4, help="cases at a time")
    return parser.parse_args(given)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run every case with random seeds and print the table."""
    options = _arguments(arguments)
    first = options.seed
    if first is None:
        first = SystemRandom().randrange(10**9)
    cases = [
        case
        for case in EVERY
        if options.case in case.name and (case is not SOAK or options.soak)
    ]
    began = time.monotonic()
    done: dict[tuple[str, Dialect], list[Run]] = {
        (case.name, dialect): [] for case in cases for dialect in case.dialects
    }
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(options.jobs, context) as pool:
        under_way = [
            pool.submit(run_named, name, dialect, seed, options.scale)
            for seed in range(first, first + options.seeds)
            for name, dialect in done
        ]
        for future in as_completed(under_way):
            one = future.result()
            done[one.case, one.dialect].append(one)
            if not one.exact:
                print(report(one), flush=True)  # noqa: T201
    print(_HEADS)  # noqa: T201
    for runs in done.values():
        print(row(runs))  # noqa: T201
    every = [one for runs in done.values() for one in runs]
    print(totals(every))  # noqa: T201
    print(f"seeds {first} to {first + options.seeds - 1}, ", end="")  # noqa: T201
    print(f"{time.monotonic() - began:.0f} s")  # noqa: T201
    return 0 if all(one.exact for one in every) else 1


if __name__ == "__main__":
    sys.exit(main())
