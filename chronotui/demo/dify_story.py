"""The demo app's own log: nights of a pipeline, days of questions, and what runs now.

Everything follows from a seed and the time the clock began at.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import chain, islice
from itertools import count as numbers
from typing import TYPE_CHECKING, Any, Final

from chronotui.demo.clock import SECOND, SeededRandom, make_id, roll
from chronotui.demo.dify_phrases import (
    COLLEAGUES,
    FEEDS,
    MACHINES,
    MISHAPS,
    NODES,
    QUESTIONS,
    REGIONS,
    SESSIONS,
    SUMMARY,
    VISITORS,
)
from chronotui.demo.dify_runs import (
    ACCOUNT,
    FOREVER,
    AppPerson,
    AppRow,
    AppRun,
    AppStep,
)
from chronotui.demo.dify_world import AppWorld

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chronotui.demo.clock import DemoClock
    from chronotui.demo.dify_phrases import Mishap

_DAY: Final = 86_400
_EVERY_SECONDS: Final = 40
"""A new run begins so often."""

_LONG: Final = 1500.0
"""Seconds of the run that summarises one region after the other."""

_NIGHT: Final = 0.45
"""Share of a day's runs that belong to the nightly pipeline."""

_NODES: Final = {word: (kind, title) for word, kind, title in NODES}
_SHARES: Final = {
    "start": 0.01,
    "fetch": 0.2,
    "parse": 0.1,
    "regions": 0.2,
    "summarise": 0.35,
    "report": 0.1,
    "end": 0.02,
}
"""What part of a run's time each node takes."""


def tell_story(seed: int, clock: DemoClock, count: int, mode: str) -> AppWorld:
    """Make the demo's app with a log of ``count`` runs, and more to come."""
    story = _Story(seed, clock.start_ns / SECOND)
    rows = list(islice(chain(story.now_running(), story.history(count // 8)), count))
    if len(rows) > 100:
        rows[len(rows) // 2].odd_word = "service_api_v0"
    return AppWorld(clock, rows, story.coming(), mode=mode)


class _People:
    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._known: dict[tuple[str, str], AppPerson] = {}

    def get(self, kind: str, name: str, email: str = "") -> AppPerson:
        key = kind, name
        if key not in self._known:
            place = len(self._known)
            person_id = make_id(roll(self._seed, 51, place), self._seed, place, 51)
            self._known[key] = AppPerson(person_id, kind, name, email)
        return self._known[key]


class _Story:
    """Makes rows one after the other; ``start`` is the time the world begins."""

    def __init__(self, seed: int, start: float) -> None:
        self._seed = seed
        self._start = start
        self._people = _People(seed)
        self._numbers = numbers()

    def _row(
        self,
        stamp: float,
        seconds: float,
        final: str = "succeeded",
        *,
        who: str = "service-api",
        mishap: Mishap | None = None,
        late: float = 0.0,
    ) -> AppRow:
        number = next(self._numbers)
        rng = SeededRandom(self._seed, 3, number)
        by, created_from, trigger = self._starter(who, rng)
        run_id = make_id(roll(self._seed, 31, number), self._seed, number, 31)
        run = AppRun(
            run_id,
            stamp,
            seconds,
            final,
            _inputs(rng, run_id, by, night=who == "schedule"),
            _outputs(rng, final),
            mishap.error if mishap is not None else None,
            rng.between(380, 4200),
            step_count=rng.between(2, 7),
            exceptions=1 if mishap is not None else 0,
            triggered_from=trigger,
            version=_version(self._start, stamp),
            streaming=trigger == "app-run",
        )
        if run.ends > self._start:
            maker = _Steps(rng, run, mishap)
            run.steps = tuple(maker.long() if seconds == _LONG else maker.usual())
            run.step_count = None
        row_id = make_id(roll(self._seed, 32, number), self._seed, number, 32)
        role = "account" if by.is_account else "end_user"
        return AppRow(row_id, stamp, run, by, created_from, role, late)

    def _starter(self, who: str, rng: SeededRandom) -> tuple[AppPerson, str, str]:
        """Return somebody of a kind, where they start runs, and what triggers them."""
        if who == "installed-app":
            name, email = rng.pick(COLLEAGUES)
            return self._people.get(ACCOUNT, name, email), who, "app-run"
        if who == "web-app":
            return self._people.get("browser", rng.pick(VISITORS)), who, "app-run"
        if who == "service-api":
            return self._people.get(who, rng.pick(SESSIONS)), who, "app-run"
        kind, name, trigger = next(
            one for one in MACHINES if who in (one[0], one[2]) and who != "trigger"
        )
        created_from = "openapi" if kind == "openapi" else "service-api"
        return self._people.get(kind, name), created_from, trigger

    def history(self, a_day: int) -> Iterator[AppRow]:
        """Yield runs that have ended, newest first, at least 60 of them a day."""
        midnight = self._start - self._start % _DAY
        for day in numbers():
            stamps = _stamps(SeededRandom(self._seed, 4, day), max(60, a_day))
            for offset, who in stamps:
                stamp = midnight - day * _DAY + offset
                if stamp <= self._start - 900:
                    yield self._past(stamp, who)

    def _past(self, stamp: float, who: str) -> AppRow:
        rng = SeededRandom(self._seed, 5, int(stamp * 1000))
        chance = rng.below(1000)
        mishap = None
        if chance < 110:
            final, mishap = "failed", rng.pick(MISHAPS)
        elif chance < 150:
            final, mishap = "partial-succeeded", rng.pick(MISHAPS)
        elif chance < 156:
            final = "archived-cold" if chance < 153 else "scheduled"
        else:
            final = "stopped" if chance < 180 else "succeeded"
        row = self._row(stamp, rng.spread(1.2, 48.0), final, who=who, mishap=mishap)
        if 180 <= chance < 192:
            row.run = None
        elif 192 <= chance < 204:
            row.by = None
        return row

    def now_running(self) -> Iterator[AppRow]:
        """Yield the last quarter of an hour, newest first: most of it goes on."""
        now = self._start
        yield self._row(now - 6.3, 52.0)
        yield self._row(now - 31.7, 240.0, who="installed-app")
        yield self._row(now - 58.2, 180.0, who="schedule")
        yield self._row(now - 75.5, 400.0, who="web-app")
        yield self._row(now - 96.9, 8.4, "failed", mishap=MISHAPS[0])
        yield self._row(now - 140.0, _LONG)
        yield self._row(now - 171.2, 31.0, "stopped")
        yield self._row(now - 215.6, 12.3, "partial-succeeded", mishap=MISHAPS[2])
        yield self._row(now - 215.6, 9.8, who="installed-app")
        yield self._row(now - 280.1, 14.4, "failed", who="mcp", mishap=MISHAPS[3])
        yield self._row(now - 344.0, 21.9, who="openapi")
        yield self._waiting(now - 610.0)
        yield self._row(now - 702.4, 4.8, "failed", who="webhook", mishap=MISHAPS[4])
        yield self._row(now - 7870.0, FOREVER)

    def _waiting(self, stamp: float) -> AppRow:
        """Make a run that waits for somebody to approve its report."""
        row = self._row(stamp, FOREVER)
        run = row.run
        assert run is not None  # noqa: S101
        kept = [step for step in run.steps if step.ends < 35.0]
        kind, title = _NODES["approve"]
        form = AppStep(
            make_id(roll(self._seed, 61), self._seed, 61),
            _node_id("approve"),
            kind,
            title,
            35.0,
            FOREVER,
            form_token=f"form-secret-{roll(self._seed, 62):x}",
        )
        run.steps = (*kept, form)
        run.pause = (35.2, FOREVER)
        return row

    def coming(self) -> Iterator[AppRow]:
        """Yield what is still to begin, in order, for ever."""
        course: tuple[tuple[float, str, str, int | None], ...] = (
            (34.0, "succeeded", "service-api", None),
            (22.0, "failed", "service-api", 2),
            (61.0, "succeeded", "web-app", None),
            (18.0, "succeeded", "schedule", None),
            (45.0, "stopped", "service-api", None),
            (27.0, "partial-succeeded", "service-api", 3),
            (12.0, "failed", "installed-app", 5),
        )
        for turn in numbers():
            seconds, final, who, mishap = course[turn % len(course)]
            stamp = self._start + 15.0 + turn * _EVERY_SECONDS + 0.31 * (turn % 3)
            yield self._row(
                stamp,
                seconds,
                final,
                who=who,
                mishap=None if mishap is None else MISHAPS[mishap],
                late=0.8 if turn % 3 == 2 else 0.0,
            )


def _stamps(rng: SeededRandom, count: int) -> list[tuple[float, str]]:
    """Return when the runs of a day begin, latest first, and what starts them.

    The pipeline begins many in a second, people a few in a minute.
    """
    found: list[tuple[float, str]] = []
    night = int(count * _NIGHT)
    at = 7200.0
    while len(found) < night:
        together = rng.between(1, 7)
        found += [(at, "schedule" if rng.chance(0.3) else "service-api")] * together
        at += rng.between(1, 9)
    others = ("service-api", "service-api", "web-app", "installed-app", "installed-app")
    machines = ("webhook", "plugin", "mcp", "openapi")
    while len(found) < count:
        at = rng.spread(6.5 * 3600, 19.5 * 3600)
        for _ in range(rng.between(1, 4)):
            who = rng.pick(machines if rng.chance(0.15) else others)
            found.append((at, who))
            at += rng.spread(0.0, 25.0)
    return sorted(found, reverse=True)


def _version(start: float, stamp: float) -> str:
    """Return the release of the app a run was of: a week ago it was another."""
    if stamp < start - 3.5 * _DAY:
        return "2026-10-18 14:02:51.087214"
    return "2026-11-01 08:30:12.345678"


def _inputs(
    rng: SeededRandom, run_id: str, by: AppPerson, *, night: bool
) -> dict[str, Any]:
    feed = rng.pick(FEEDS)
    inputs: dict[str, Any] = {
        "feed": feed,
        "url": f"https://feeds.example.com/v2/{feed}",
        "regions": [rng.pick(REGIONS), rng.pick(REGIONS)],
    }
    if not night:
        inputs["question"] = rng.pick(QUESTIONS)
    return {
        **inputs,
        "sys.files": [],
        "sys.user_id": by.id if by.is_account else by.name,
        "sys.app_id": "4f1c2f0e-6a51-4e0b-9a3f-0d5b6f0f7a21",
        "sys.workflow_id": "b7e2f8a1-3c4d-4e6f-8890-abcdef123456",
        "sys.workflow_run_id": run_id,
    }


def _outputs(rng: SeededRandom, final: str) -> dict[str, Any] | None:
    if final not in ("succeeded", "partial-succeeded"):
        return None
    return {
        "rows": rng.between(900, 60_000),
        "report": "".join(SUMMARY[: rng.between(5, len(SUMMARY))]),
        "regions": {"大阪": 4, "São Paulo": 9},
    }


def _node_id(word: str) -> str:
    place = [name for name, _, _ in NODES].index(word)
    return str(1_730_455_812_345 + place * 7_919)


class _Steps:
    """Makes the executions of a run's nodes, up to where it goes wrong."""

    def __init__(self, rng: SeededRandom, run: AppRun, mishap: Mishap | None) -> None:
        self._rng = rng
        self._run = run
        self._mishap = mishap
        self._feed = rng.pick(FEEDS)
        self._made = 0

    def _step(self, word: str, begins: float, seconds: float) -> AppStep:
        self._made += 1
        kind, title = _NODES[word]
        step_id = make_id(self._rng.below(1 << 32), self._rng.below(1 << 32))
        plain = AppStep(step_id, _node_id(word), kind, title, begins, seconds)
        return replace(plain, **self._filling(word))

    def _filling(self, word: str) -> dict[str, Any]:
        """Return what a node reads and makes."""
        feed = self._feed
        if word == "fetch":
            request = (
                f"GET /v2/{feed} HTTP/1.1\r\nAuthorization: Bearer feed-secret-1\r\n"
            )
            return {
                "inputs": {"url": f"https://feeds.example.com/v2/{feed}"},
                "outputs": {"status_code": 200, "body": f'[{{"feed": "{feed}"}}]'},
                "process": {"request": request},
            }
        if word == "summarise":
            return {
                "inputs": {"prompts": "Summarise the night for the morning call."},
                "outputs": {"text": "".join(SUMMARY), "finish_reason": "stop"},
                "chunks": SUMMARY,
            }
        if word == "parse":
            return {"outputs": {"rows": self._rng.between(900, 60_000)}}
        if word == "regions":
            return {"rounds": 3, "outputs": {"output": list(REGIONS[:3])}}
        return {}

    def usual(self) -> Iterator[AppStep]:
        """Yield one of each node; in a run without an end, the summary has none."""
        whole = self._run.seconds if self._run.seconds < FOREVER else 60.0
        at = 0.0
        for word, share in _SHARES.items():
            step = self._step(word, at, share * whole)
            if word == "summarise" and self._run.seconds == FOREVER:
                yield replace(step, seconds=FOREVER)
                return
            if self._mishap is not None and self._mishap.node == word:
                fails = self._run.final == "failed"
                step = self._broken(step, whole - at if fails else step.seconds)
                if fails:
                    yield step
                    return
            yield step
            at = step.ends

    def _broken(self, step: AppStep, seconds: float) -> AppStep:
        assert self._mishap is not None  # noqa: S101
        return replace(
            step,
            seconds=seconds,
            status="failed" if self._run.final == "failed" else "exception",
            error=self._mishap.error.removeprefix("Run failed: "),
            retries=2 if step.kind == "http-request" else 0,
            outputs={},
            chunks=step.chunks[:6],
        )

    def long(self) -> Iterator[AppStep]:
        """Yield a summary of each region after the other, as it is written."""
        yield self._step("start", 0.0, 0.1)
        yield self._step("fetch", 0.1, 2.4)
        yield self._step("parse", 2.5, 1.2)
        whole = self._run.seconds
        each = 34.0
        rounds = int((whole - 10.0) / each)
        around = self._step("regions", 3.7, rounds * each)
        yield replace(around, rounds=rounds)
        for place in range(rounds):
            step = self._step("summarise", 3.7 + place * each, each - 1.0)
            title = f"{step.title} {REGIONS[place % len(REGIONS)]}"
            yield replace(step, title=title, within=around.id)
        yield self._step("agent", 3.7 + rounds * each, 3.0)
        yield self._step("report", 6.7 + rounds * each, 1.0)
        yield self._step("end", 7.7 + rounds * each, 0.1)
