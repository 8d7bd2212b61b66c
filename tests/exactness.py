"""Counts every line of every kind of trouble: ``python -m tests.exactness --seeds N``.

Each case is a demo server with its faults, a job that runs meanwhile, and two readers
over real sockets: the desk's log and ``logs --follow``. Both must end with the truth:
nothing lost, nothing doubled, nothing out of order, and the right verdict.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise, product
from random import Random, SystemRandom
from typing import TYPE_CHECKING, NamedTuple

from chronotui.api import open_chronoverse
from chronotui.api.auth import BearerAuth, SessionAuth
from chronotui.demo import DemoServer, Dialect
from chronotui.demo.faults import Faults
from chronotui.demo.script import Script, ScriptLine
from chronotui.engine.follow import Follow
from chronotui.engine.watch import JobLog, WatchSettings, WatchTiming
from chronotui.errors import ChronotuiError
from chronotui.model import STDERR, STDOUT

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from chronotui.api import Chronoverse
    from chronotui.model import Job, LogLine

SCALE = 0.05
"""The engine's delays, and the lags and lifetimes of the cases, times this."""

RETRY_PAUSE = 6.0
"""Seconds before scaling until a container is tried again."""

Identity = tuple[int, int, str, str]
"""(attempt, number, stream, message) of a line."""


class Found(NamedTuple):
    """What one reader made of one job."""

    lost: int
    doubled: int
    disordered: int
    verdict_right: bool
    seconds: float

    @property
    def exact(self) -> bool:
        return self == (0, 0, 0, True, self.seconds)


@dataclass(frozen=True)
class Case:
    """A kind of trouble; times in it are seconds before scaling."""

    name: str
    faults: Callable[[int, float], Faults] = lambda seed, s: Faults(
        seed=seed, retention_lag=(0.25 * s, 2.0 * s)
    )
    lines: int = 400
    rate: float = 400.0
    attempts: int = 1
    shared: float = 0.05
    outcome: str = "COMPLETED"
    starts_in: float = -0.3
    dialects: tuple[Dialect, ...] = tuple(Dialect)
    server: dict[str, object] = field(default_factory=dict)


def _lag(seed: int, scale: float, **more: object) -> Faults:
    return Faults(seed=seed, retention_lag=(0.25 * scale, 2.0 * scale), **more)  # type: ignore[arg-type]


CASES = (
    Case("calm"),
    Case(
        "5 % dropped, 3 % doubled, 2 % swapped",
        lambda seed, s: _lag(
            seed, s, live_dropped=0.05, live_doubled=0.03, live_swapped=0.02
        ),
    ),
    Case(
        "cut every 50 to 500 ms",
        lambda seed, s: _lag(seed, s, cut_seconds=(0.05, 0.5), reset_rate=0.3),
    ),
    Case(
        "cut at random bytes",
        lambda seed, s: _lag(seed, s, cut_bytes=(500, 20_000), reset_rate=0.3),
    ),
    Case("20 % of requests fail", lambda seed, s: _lag(seed, s, fail_rate=0.2)),
    Case(
        "retention lag 0 to 10 s",
        lambda seed, s: Faults(
            seed=seed, retention_lag=(0.0, 10.0 * s), live_dropped=0.05
        ),
    ),
    Case(
        "session of 2 s",
        lambda seed, s: _lag(seed, s, session_seconds=0.5, cut_with_session=True),
        dialects=(Dialect.CURRENT,),
    ),
    Case(
        "falls silent and stays open",
        lambda seed, s: _lag(seed, s, silent_seconds=(0.1, 0.6)),
    ),
    Case("two attempts", attempts=2),
    Case(
        "three attempts, dropped and cut",
        lambda seed, s: _lag(
            seed, s, live_dropped=0.1, live_swapped=0.02, cut_seconds=(0.05, 0.5)
        ),
        attempts=3,
        outcome="FAILED",
    ),
    Case("not started yet", starts_in=0.4),
    Case(
        "everything at once",
        lambda seed, s: Faults(
            seed=seed,
            retention_lag=(0.0, 6.0 * s),
            live_dropped=0.05,
            live_doubled=0.03,
            live_swapped=0.02,
            live_broken=0.01,
            cut_seconds=(0.1, 0.8),
            reset_rate=0.3,
            fail_rate=0.1,
            empty_pages=0.1,
            split_bytes=(1, 400),
        ),
        attempts=2,
        outcome="CANCELED",
    ),
)

SOAK = Case("50,000 lines at 5,000/s", CASES[1].faults, lines=50_000, rate=5000.0)


def script_of(case: Case, seed: int, scale: float) -> Script:
    """Return what the job prints: mixed streams, shared numbers, equal messages."""
    dice = Random(seed)
    todo: list[ScriptLine] = []
    for attempt in range(1, case.attempts + 1):
        pause = 0.4 + RETRY_PAUSE * scale if todo else 0.0
        for place in range(case.lines // case.attempts):
            stream = STDERR if dice.random() < 0.3 else STDOUT
            text = dice.choice(["the same", f"line {place} of {attempt}"])
            todo.append(ScriptLine(text, stream, attempt=attempt, after=pause))
            pause = 1.0 / case.rate
            if dice.random() < case.shared:
                other = STDOUT if stream == STDERR else STDERR
                todo.append(ScriptLine("shared", other, after=0.0, with_previous=True))
    return Script(
        todo,
        starts_in=case.starts_in,
        ends_after=0.05,
        outcome=case.outcome,
    )


def client_of(demo: DemoServer) -> Chronoverse:
    """Return a client that signs in by itself as often as it takes."""

    async def password() -> str:
        return demo.password

    async def token() -> str:
        return demo.token

    if demo.dialect is Dialect.CURRENT:
        return open_chronoverse(demo.url, SessionAuth(demo.email, password))
    return open_chronoverse(demo.url, BearerAuth(token))


def identity(line: LogLine) -> Identity:
    """Return what makes a line the same as a true one."""
    return (line.attempt, line.sequence_num, line.stream, line.message)


def disorder(found: Sequence[Identity]) -> int:
    """Count lines below the one before; the order within a number is free."""
    return sum(after[:2] < before[:2] for before, after in pairwise(found))


async def watched(
    client: Chronoverse, job: Job, settings: WatchSettings
) -> tuple[list[Identity], bool]:
    """Read a job as the desk does; return its lines and whether it was sealed."""
    log = JobLog(client, None, job, settings=settings)
    verdict = await log.watch()
    lines = [identity(line) for line in log.store.lines(0, len(log.store))]
    log.store.close()
    right = verdict.sealed and not verdict.missing and verdict.lines == len(lines)
    return lines, right


async def followed(
    client: Chronoverse, job: Job, settings: WatchSettings, said: list[str]
) -> tuple[list[Identity], bool]:
    """Read a job as ``logs --follow`` does; return its lines and its exactness."""
    follow = Follow(client, None, job, settings=settings, tell=said.append)
    lines = [identity(line) async for batch in follow.batches() for line in batch]
    result = follow.result
    right = result is not None and result.exit_code == (
        0 if result.job.status == "COMPLETED" else 1
    )
    return lines, right and follow.printed == len(lines)


def judge(
    truth: Sequence[Identity], lines: Sequence[Identity], right: bool, began: float
) -> Found:
    """Compare what was read with what was written."""
    held, true = Counter(lines), Counter(truth)
    return Found(
        lost=(true - held).total(),
        doubled=(held - true).total(),
        disordered=disorder(lines),
        verdict_right=right,
        seconds=time.monotonic() - began,
    )


class Run(NamedTuple):
    """One case with one seed in one dialect, and what both readers made of it."""

    case: str
    dialect: Dialect
    seed: int
    desk: Found
    shell: Found
    said: list[str]

    @property
    def exact(self) -> bool:
        """Whether both ended with the truth."""
        return self.desk.exact and self.shell.exact


async def run(case: Case, dialect: Dialect, seed: int, scale: float) -> Run:
    """Run a case."""
    faults = case.faults(seed, scale)
    timing = WatchTiming().scaled(scale)
    settings = WatchSettings(poll_seconds=5.0 * scale, tail=None, timing=timing)
    said: list[str] = []
    with DemoServer(dialect=dialect, faults=faults, plans=[], seed=seed) as demo:
        made = demo.world.add_job(script_of(case, seed, scale))
        clients = [client_of(demo) for _ in range(2)]
        job = await _first_reading(clients[0], made.workflow_id, made.id)
        began = time.monotonic()
        desk, shell = await asyncio.gather(
            watched(clients[0], job, settings),
            followed(clients[1], job, settings, said),
        )
        for client in clients:
            await client.aclose()
        truth = [
            (line.attempt, line.sequence_num, line.stream, line.message)
            for line in demo.world.truth(made.id)
        ]
    return Run(
        case.name,
        dialect,
        seed,
        judge(truth, *desk, began),
        judge(truth, *shell, began),
        said,
    )


async def _first_reading(client: Chronoverse, workflow_id: str, job_id: str) -> Job:
    while True:
        try:
            return await client.job(workflow_id, job_id)
        except ChronotuiError:
            await asyncio.sleep(0.01)


def report(run: Run) -> str:
    """Return a run as a line of the table."""
    cells = [f"{run.case:40.40} {run.dialect.value:10} {run.seed:>10}"]
    for found in (run.desk, run.shell):
        verdict = "right" if found.verdict_right else "WRONG"
        cells.append(
            f"{found.lost:>5} {found.doubled:>5} {found.disordered:>5} {verdict:>6}"
            f" {found.seconds:>6.1f}"
        )
    return "  ".join([*cells, "exact" if run.exact else "NOT EXACT"])


def main(arguments: Sequence[str] | None = None) -> int:
    """Run every case with random seeds and print the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.exactness")
    parser.add_argument("--seeds", type=int, default=3, help="random seeds a case")
    parser.add_argument("--seed", type=int, help="this seed alone")
    parser.add_argument("--case", default="", help="only cases whose name has this")
    parser.add_argument("--scale", type=float, default=SCALE, help="1: real delays")
    parser.add_argument("--soak", action="store_true", help="add 50,000 lines")
    options = parser.parse_args(arguments)
    seeds = [options.seed or SystemRandom().randrange(10**9)]
    seeds += [] if options.seed else [seeds[0] + i for i in range(1, options.seeds)]
    heads = f"{'lost':>5} {'twice':>5} {'order':>5} {'verd.':>6} {'s':>6}"
    print(f"{'case':40} {'dialect':10} {'seed':>10}  {heads}  {heads}")  # noqa: T201
    wrong = 0
    for case in (*CASES, *([SOAK] if options.soak else [])):
        if options.case not in case.name:
            continue
        for dialect, seed in product(case.dialects, seeds):
            done = asyncio.run(run(case, dialect, seed, options.scale))
            print(report(done), flush=True)  # noqa: T201
            if not done.exact:
                wrong += 1
                print(*(f"    {words}" for words in done.said), sep="\n")  # noqa: T201
    print(f"{wrong} not exact")  # noqa: T201
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
