"""A fleet of workflows: the demo's own, some in trouble, and many that go well."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice, product
from typing import TYPE_CHECKING, Final

from chronotui.demo.clock import MILLISECOND, SECOND, SeededRandom, number_of
from chronotui.demo.failures import FAILURES
from chronotui.demo.world import Course, WorkflowPlan, demo_workflows

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_FIRST: Final = ("nightly-report", "ledger-replay", "queue-sweeper", "etl-orders")
_SWEEPS: Final = 500

_INTERVALS: Final = (5, 10, 15, 30, 60, 60, 120, 360, 720, 1440)
_DAY: Final = 1440
_AREAS: Final = (
    "billing",
    "catalog",
    "search",
    "mail",
    "fraud",
    "stock",
    "shipping",
    "pricing",
    "reviews",
    "media",
    "identity",
    "returns",
    "loyalty",
    "partners",
    "metrics",
    "tax",
    "payroll",
    "support",
    "maps",
    "ads",
)
_TASKS: Final = (
    ("import", "etl"),
    ("export", "access"),
    ("reindex", "etl"),
    ("report", "report"),
    ("cleanup", "sweep"),
    ("backup", "backup"),
    ("sync", "etl"),
    ("digest", "report"),
    ("audit", "ledger"),
    ("rollup", "etl"),
    ("archive", "backup"),
    ("image", "build"),
    ("replay", "ledger"),
    ("prune", "sweep"),
    ("publish", "consumer"),
)
"""What is done, and the kind of phrases that tells of it."""
_REGIONS: Final = ("", "-eu", "-us", "-ap", "-sa", "-me")


def fleet_workflows(count: int, lines: int | None = None) -> tuple[WorkflowPlan, ...]:
    """Return ``count`` plans; those of which there is most to tell come first.

    300 of them have about 5,000 jobs when their world begins. ``lines`` is the length
    of the long log; a million if None.
    """
    return tuple(islice(_all(lines), count))


def _all(lines: int | None) -> Iterator[WorkflowPlan]:
    own = {plan.slug: plan for plan in demo_workflows(lines)}
    own["queue-sweeper"] = replace(own["queue-sweeper"], history=_SWEEPS)
    yield from (own.pop(slug) for slug in _FIRST)
    yield from _failing()
    yield from _troubled()
    yield from own.values()
    yield from _routine()


def _plan(
    slug: str,
    text: str,
    interval: int,
    age: float,
    courses: Mapping[int, Course],
    *,
    failure: str = "",
    history: int = 20,
    seconds: tuple[float, float] = (60, 180),
    allowed_failures: int = 5,
    last_place: int | None = None,
) -> WorkflowPlan:
    return WorkflowPlan(
        slug=slug,
        text=text,
        image=f"registry.example.com/{slug}:2026.11",
        interval=interval,
        history=history,
        age=age,
        seconds=seconds,
        failing=0,
        canceled=0,
        failure=failure,
        allowed_failures=allowed_failures,
        last_place=last_place,
        courses=courses,
    )


def _failing() -> Iterator[WorkflowPlan]:
    """Yield a workflow for each way to fail; the newest run of each has failed so."""
    failed = Course(outcome="FAILED", trigger="AUTOMATIC")
    once: Mapping[int, Course] = {0: failed}
    thrice = {0: failed, -1: failed, -2: failed}
    yield _plan("invoices-import", "etl", 15, 420, once, failure="bad row")
    yield _plan("checkout-totals", "consumer", 30, 900, once, failure="nil pointer")
    yield _plan("settlement-close", "ledger", 60, 1500, once, failure="caused by")
    yield _plan("page-render", "report", 20, 700, once, failure="rejected promise")
    yield _plan("segment-check", "backup", 120, 5000, once, failure="unwrapped error")
    yield _plan("parquet-compact", "etl", 180, 2400, once, failure="disk full")
    yield _plan("crm-sync", "etl", 10, 290, thrice, failure="connection refused")
    tried = {0: replace(failed, attempts=3, seconds=400)}
    yield _plan("feature-join", "etl", 360, 3600, tried, failure="killed for memory")
    yield _plan("payouts-send", "sweep", 60, 800, thrice, failure="expired certificate")
    yield _plan("shard-reindex", "etl", 240, 7000, once, failure="timed out")


def _troubled() -> Iterator[WorkflowPlan]:
    """Yield those that take too long, fall silent, are tried again or are given up."""
    yield _plan(
        "warehouse-refresh",
        "etl",
        60,
        560,
        {0: Course(outcome="COMPLETED", trigger="AUTOMATIC", seconds=1500)},
        seconds=(80, 110),
    )
    yield _plan(
        "mail-dispatch",
        "sweep",
        30,
        420,
        {
            0: Course(
                trigger="AUTOMATIC",
                endless=True,
                lines=95,
                step_ns=250 * MILLISECOND,
            )
        },
    )
    yield _plan(
        "orders-reconcile",
        "report",
        30,
        170,
        {
            0: Course(outcome="COMPLETED", attempts=3, seconds=330),
            -1: Course(outcome="COMPLETED", attempts=2, seconds=190),
        },
        failure="connection refused",
    )
    fails = Course(outcome="FAILED", trigger="AUTOMATIC", seconds=50)
    yield _plan(
        "partner-feed",
        "etl",
        2,
        20,
        {-1: fails, 0: fails, 1: fails},
        failure="expired certificate",
        allowed_failures=3,
        last_place=1,
    )
    yield _plan(
        "coupon-import",
        "etl",
        10,
        4000,
        {0: fails, -1: fails, -2: fails},
        failure="bad row",
        allowed_failures=3,
        last_place=0,
    )


def _routine() -> Iterator[WorkflowPlan]:
    """Yield workflows that mostly go well, without end; no two of a name."""
    taken = 0
    while True:
        stage = f"-{taken + 1}" if taken else ""
        for region, (task, text), area in product(_REGIONS, _TASKS, _AREAS):
            yield _usual(f"{area}-{task}{region}{stage}", text)
        taken += 1


def _usual(slug: str, text: str) -> WorkflowPlan:
    rng = SeededRandom(number_of(slug))
    interval = rng.pick(_INTERVALS)
    history = rng.between(5, 20)
    shortest = rng.between(8, 90)
    longest = min(shortest * rng.between(2, 5), interval * 30)
    return WorkflowPlan(
        slug=slug,
        text=text,
        image=f"registry.example.com/{slug}:{rng.between(1, 40)}",
        interval=interval,
        history=history,
        age=rng.below(interval * 60),
        seconds=(shortest, max(longest, shortest + 1)),
        step_ns=SECOND // rng.between(1, 6),
        failing=0.012,
        canceled=0.004,
        failure=rng.pick(sorted(FAILURES)),
        created_days=interval * history // _DAY + rng.between(1, 300),
    )
