"""The kinds of trouble: what goes wrong, and what is printed meanwhile."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from itertools import product
from random import Random
from typing import TYPE_CHECKING, Final

from chronotui.demo.faults import Faults
from chronotui.demo.lines import Contention
from chronotui.demo.routes import Dialect
from chronotui.demo.scripts import Script, ScriptLine
from chronotui.demo.wire import HeldBackStream
from chronotui.model import STDERR, STDOUT

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from chronotui.demo.scripts import ScriptedJob
    from chronotui.demo.server import DemoServer

SCALE: Final = 0.05
"""The engine's delays, and the lags and lifetimes of the cases, times this."""

RETRY_PAUSE: Final = 6.0
"""Seconds before scaling until a container is tried again."""

CURRENT: Final = (Dialect.CURRENT,)

_PLAIN: Final = "text/plain; charset=utf-8"
_HTML: Final = "text/html"
_REFUSALS: Final = (
    (404, _PLAIN),
    (400, _PLAIN),
    (405, _PLAIN),
    (422, _PLAIN),
    (403, _PLAIN),
    (404, _HTML),
    (200, _HTML),
)
"""What a load balancer or a failing part of a server says for a moment."""


@dataclass
class Scene:
    """A case under way, for the trouble that comes at its moment."""

    demo: DemoServer
    job: ScriptedJob
    seed: int
    scale: float
    readers: int

    async def until(self, share: float) -> None:
        """Wait until such a share of the job's time has passed; 1 for its end."""
        first = self.job.attempt_starts_ns[0]
        ends = self.job.completed_ns or first
        moment = first + int((ends - first) * share)
        await asyncio.sleep(self.demo.world.clock.seconds_until(moment))

    async def midway(self) -> None:
        """Wait until half of the job's time has passed, and every reader is live."""
        await self.until(0.5)
        await self.asked("events", self.readers)

    async def asked(self, endpoint: str, times: int) -> None:
        """Wait until an endpoint has been asked so often."""
        while self.demo.requests.count(endpoint) < times:  # noqa: ASYNC110
            await asyncio.sleep(0.002)


@dataclass(frozen=True)
class Case:
    """A kind of trouble; times in it are seconds before scaling.

    Attributes:
        faults: Made of the seed and the scale.
        lines: Of all attempts together.
        rate: Lines a second.
        shared: Share of numbers that two lines have, the next being skipped.
        contention: How hard the writers race for numbers, instead of ``shared``.
        starts_in: Seconds, not scaled, until the job starts.
        server: More arguments of the demo server; made of the scale.
        happens: Trouble that comes at its moment; its first step is before the
            readers begin.
        fat_at: Places of lines of 60 KB.
        may_refuse: Readers that may end with a reason before they have a line:
            one-shot ones believe the first answer.
        may_miss: Whether a line may be had from nowhere, and said to be missing.
    """

    name: str
    faults: Callable[[int, float], Faults] = lambda seed, s: Faults(
        seed=seed, retention_lag=(0.25 * s, 2.0 * s)
    )
    lines: int = 400
    rate: float = 400.0
    attempts: int = 1
    shared: float = 0.05
    contention: Contention = Contention.NONE
    outcome: str = "COMPLETED"
    starts_in: float = -0.3
    dialects: tuple[Dialect, ...] = tuple(Dialect)
    server: Callable[[float], dict[str, object]] = lambda _: {}
    happens: Callable[[Scene], Awaitable[None]] | None = None
    fat_at: tuple[int, ...] = ()
    may_refuse: frozenset[str] = frozenset()
    may_miss: bool = False


@dataclass(frozen=True)
class EndedCase:
    """An ended job's log, saved and read in every way.

    Attributes:
        lines: Of all attempts together.
        cut: Whether downloads stop at some line, in an answer that ends properly.
        dies: Whether the server dies in the middle of one.
        to_close: Whether an answer's end is that of the connection.
        equal_end: So many of the last lines say the same.
    """

    name: str
    lines: int = 900
    attempts: int = 1
    contention: Contention = Contention.LIGHT
    cut: bool = True
    dies: bool = False
    to_close: bool = False
    equal_end: int = 0
    outcome: str = "COMPLETED"
    dialects: tuple[Dialect, ...] = tuple(Dialect)


def _lag(seed: int, scale: float, **more: object) -> Faults:
    return Faults(seed=seed, retention_lag=(0.25 * scale, 2.0 * scale), **more)  # type: ignore[arg-type]


def _refusing(route: str, phase: str) -> Case:
    """Return the case of one route refused in one phase, each reader once or so."""

    async def happens(scene: Scene) -> None:
        status, kind = _REFUSALS[scene.seed % len(_REFUSALS)]
        if phase == "backfilling":
            await scene.asked("events", scene.readers)
        elif phase == "watching":
            await scene.midway()
        elif phase == "ending":
            await scene.until(1.0)
        scene.demo.faults.refuse(status, kind, route=route, times=scene.readers)
        if phase != "opening":
            scene.demo.drop_connections()

    one_shot = frozenset({"shell", "recording"} if phase == "opening" else ())
    return Case(
        f"{route} refused while {phase}",
        lines=1600 if phase == "backfilling" else 400,
        starts_in=-3.0 if phase == "backfilling" else -0.3,
        happens=happens,
        may_refuse=one_shot,
    )


async def _server_dies(scene: Scene) -> None:
    await scene.midway()
    await asyncio.to_thread(scene.demo.stop)
    await asyncio.sleep(4.0 * scene.scale)
    await asyncio.to_thread(scene.demo.start)


async def _column_store_fails(scene: Scene) -> None:
    await scene.midway()
    scene.demo.faults.refuse(404, route="logs", times=4 * scene.readers)


async def _server_asks_to_wait(scene: Scene) -> None:
    await scene.midway()
    route = ("job", "logs", "events")[scene.seed % 3]
    status = (503, 429)[scene.seed % 2]
    scene.demo.faults.refuse(status, route=route, times=scene.readers, retry_after=1)
    scene.demo.drop_connections()


_NUMBERING: Final = (
    Case(
        "race for numbers, light, 5 % dropped",
        lambda seed, s: _lag(seed, s, live_dropped=0.05),
        contention=Contention.LIGHT,
        dialects=CURRENT,
    ),
    Case(
        "race for numbers, heavy, 20 % dropped",
        lambda seed, s: _lag(seed, s, live_dropped=0.2, live_swapped=0.02),
        contention=Contention.HEAVY,
        dialects=CURRENT,
    ),
    Case(
        "race for numbers at full speed",
        contention=Contention.HEAVY,
        lines=1500,
        rate=3000.0,
        dialects=CURRENT,
    ),
    Case(
        "three attempts, race, cut",
        lambda seed, s: _lag(seed, s, live_dropped=0.1, cut_seconds=(0.1, 0.5)),
        attempts=3,
        contention=Contention.HEAVY,
        outcome="FAILED",
        dialects=CURRENT,
    ),
    Case(
        "attempts before the watch begins",
        attempts=3,
        contention=Contention.LIGHT,
        starts_in=-1.4,
        dialects=CURRENT,
    ),
)

_REAL: Final = (
    *(
        _refusing(route, phase)
        for route, phase in product(
            ("job", "logs", "events"), ("opening", "watching", "backfilling", "ending")
        )
    ),
    Case("server restarted", happens=_server_dies),
    Case("column store fails", happens=_column_store_fails, dialects=CURRENT),
    Case("server asks to wait", happens=_server_asks_to_wait),
    Case(
        "page too large",
        starts_in=-0.6,
        fat_at=(60,),
        may_miss=True,
        server=lambda s: {
            "page_limit_bytes": 50_000,
            "patience_seconds": 60.0 * s,
            "overload_seconds": 30.0 * s,
        },
        dialects=CURRENT,
    ),
    Case(
        "headers of the stream held back",
        lambda seed, s: _lag(seed, s, held_back=HeldBackStream(headers=True)),
    ),
    Case(
        "frames of the stream held back",
        lambda seed, s: _lag(seed, s, held_back=HeldBackStream(frames=15.0 * s)),
    ),
    Case(
        "retried while pages are kept, 10 % dropped",
        lambda seed, s: _lag(seed, s, live_dropped=0.1),
        attempts=2,
        lines=700,
        starts_in=-0.5,
        may_miss=True,
        dialects=CURRENT,
    ),
)

CASES: Final = (
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
    Case(
        "20 % of requests fail",
        lambda seed, s: _lag(seed, s, fail_rate=0.2),
        may_refuse=frozenset({"recording"}),
    ),
    Case(
        "retention lag 0 to 10 s",
        lambda seed, s: Faults(
            seed=seed, retention_lag=(0.0, 10.0 * s), live_dropped=0.05
        ),
    ),
    Case(
        "session of 2 s",
        lambda seed, s: _lag(seed, s, session_seconds=0.5, cut_with_session=True),
        dialects=CURRENT,
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
        may_refuse=frozenset({"recording"}),
    ),
    *_NUMBERING,
    *_REAL,
)

ENDED_CASES: Final = (
    EndedCase("ended, whole downloads", cut=False, contention=Contention.HEAVY),
    EndedCase("ended, cut at a line's end"),
    EndedCase("ended, cut, the last lines are equal", equal_end=700),
    EndedCase("ended, cut, HTTP/1.0", to_close=True, outcome="FAILED"),
    EndedCase("ended, the server dies", cut=False, dies=True),
    EndedCase("ended, three attempts, whole", attempts=3, cut=False),
    EndedCase("ended, three attempts, cut", attempts=3, to_close=True),
)

SOAK: Final = Case(
    "50,000 lines at 5,000/s", CASES[1].faults, lines=50_000, rate=5000.0
)

EVERY: Final[tuple[Case | EndedCase, ...]] = (*CASES, *ENDED_CASES, SOAK)


def script_of(case: Case, seed: int, scale: float) -> Script:
    """Return what a job prints: mixed streams, shared numbers, equal messages."""
    rng = Random(seed)
    todo: list[ScriptLine] = []
    for attempt in range(1, case.attempts + 1):
        pause = 0.4 + RETRY_PAUSE * scale if todo else 0.0
        for place in range(case.lines // case.attempts):
            text = rng.choice(["the same", f"line {place} of {attempt}"])
            stream = STDERR if rng.random() < 0.3 else STDOUT
            if place in case.fat_at:
                text = f"fat {place} of {attempt} ".ljust(60_000, "x")
            todo.append(ScriptLine(text, stream, attempt=attempt, after=pause))
            pause = 1.0 / case.rate
            if case.contention is Contention.NONE and rng.random() < case.shared:
                other = STDOUT if stream == STDERR else STDERR
                todo.append(ScriptLine("shared", other, after=0.0, with_previous=True))
    return Script(
        todo,
        starts_in=case.starts_in,
        ends_after=0.05,
        outcome=case.outcome,
        contention=case.contention,
    )


def ended_script(case: EndedCase, dialect: Dialect, seed: int) -> Script:
    """Return what a job printed an hour ago; documented numbers are no race's."""
    raced = dialect is Dialect.CURRENT
    return Script(
        list(_ended_lines(case, Random(seed))),
        rate=100.0,
        starts_in=-3600.0,
        ends_after=0.05,
        outcome=case.outcome,
        contention=case.contention if raced else Contention.NONE,
    )


def _ended_lines(case: EndedCase, rng: Random) -> Iterator[ScriptLine]:
    each = case.lines // case.attempts
    for attempt in range(1, case.attempts + 1):
        for place in range(each):
            equal = place >= each - case.equal_end
            text = "heartbeat ok" if equal else f"line {place} of {attempt}"
            stream = STDERR if rng.random() < 0.3 else STDOUT
            yield ScriptLine(text, stream, attempt=attempt)
