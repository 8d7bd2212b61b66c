"""The workflows of the demo world."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from chronotui.demo.clock import MILLISECOND, SECOND
from chronotui.demo.phrases.strange import HOSTILE_NAME
from chronotui.demo.runs import Course, WorkflowPlan

if TYPE_CHECKING:
    from collections.abc import Sequence

MILLION: Final = 1_000_000
BULK_LINES: Final = 4_400_000

_WEEK: Final = 10080


def demo_workflows(lines: int = MILLION) -> Sequence[WorkflowPlan]:
    """Return the plans, in the order a server lists them.

    Args:
        lines: Length of the long log.
    """
    return (*_watched(), *_finished(lines), *_unusual())


def _watched() -> tuple[WorkflowPlan, ...]:
    return (
        WorkflowPlan(
            slug="nightly-report",
            name="nightly-report",
            text="report",
            image="registry.example.com/reports:4.11",
            interval=60,
            history=60,
            age=764,
            step_ns=SECOND // 6,
            seconds=(90, 940),
            failing=0.3,
            courses={
                0: Course(outcome="FAILED", seconds=930, attempts=2),
                -1: Course(outcome="FAILED", seconds=130, attempts=3),
                -2: Course(outcome="COMPLETED", trigger="MANUAL", seconds=927),
            },
        ),
        WorkflowPlan(
            slug="etl-orders",
            name="etl-orders",
            text="etl",
            image="registry.example.com/etl:2026.11",
            interval=5,
            history=96,
            age=70,
            step_ns=SECOND // 12,
            seconds=(60, 240),
            courses={
                0: Course(outcome="COMPLETED", trigger="AUTOMATIC", seconds=175),
                1: Course(outcome="COMPLETED", seconds=100, attempts=2),
            },
        ),
        WorkflowPlan(
            slug="image-build",
            name="image-build",
            text="build",
            image="registry.example.com/builder:29",
            interval=20,
            history=24,
            age=45,
            step_ns=SECOND // 20,
            seconds=(30, 240),
            failing=0.2,
            canceled=0.1,
            courses={0: Course(outcome="COMPLETED", trigger="MANUAL", seconds=120)},
        ),
        WorkflowPlan(
            slug="event-consumer",
            name="event-consumer 注文イベント",
            text="consumer",
            image="registry.example.com/consumer:7",
            interval=_WEEK,
            history=4,
            age=3 * 3600,
            step_ns=SECOND // 4,
            seconds=(3000, 9000),
            courses={0: Course(endless=True, trigger="AUTOMATIC")},
        ),
        WorkflowPlan(
            slug="cleanup-tmp",
            name="cleanup-tmp",
            text="sweep",
            image="busybox:1.37",
            interval=10,
            history=40,
            age=20,
            step_ns=SECOND,
            seconds=(5, 60),
            courses={
                0: Course(outcome="COMPLETED", seconds=40, wait=60, pending=2),
                -1: Course(outcome="COMPLETED", seconds=4, lines=0),
            },
        ),
    )


def _finished(lines: int) -> tuple[WorkflowPlan, ...]:
    return (
        WorkflowPlan(
            slug="backup-db",
            name="backup-db",
            text="backup",
            image="postgres:17",
            interval=1440,
            history=30,
            age=9 * 3600,
            step_ns=SECOND // 10,
            seconds=(120, 900),
            canceled=0.15,
            courses={0: Course(outcome="CANCELED", trigger="MANUAL", seconds=300)},
        ),
        WorkflowPlan(
            slug="ledger-replay",
            name="ledger-replay",
            text="ledger",
            image="registry.example.com/ledger:1.0",
            interval=_WEEK,
            history=3,
            age=30 * 3600,
            seconds=(60, 600),
            courses={
                0: Course(
                    outcome="COMPLETED",
                    trigger="MANUAL",
                    lines=lines,
                    step_ns=MILLISECOND,
                )
            },
        ),
        WorkflowPlan(
            slug="bulk-export",
            name="bulk-export",
            text="access",
            image="registry.example.com/exporter:3",
            interval=_WEEK,
            history=2,
            age=50 * 3600,
            seconds=(60, 600),
            courses={
                0: Course(
                    outcome="COMPLETED",
                    trigger="AUTOMATIC",
                    lines=BULK_LINES,
                    step_ns=MILLISECOND,
                )
            },
        ),
        WorkflowPlan(
            slug="queue-sweeper",
            name="queue-sweeper",
            text="sweep",
            image="registry.example.com/sweeper:12",
            interval=1,
            history=10_000,
            age=30,
            step_ns=SECOND // 2,
            seconds=(3, 20),
            failing=0.01,
            canceled=0.002,
        ),
    )


def _unusual() -> tuple[WorkflowPlan, ...]:
    return (
        WorkflowPlan(
            slug="heartbeat-api",
            name="heartbeat-api",
            text="sweep",
            kind="HEARTBEAT",
            interval=5,
            history=288,
            age=100,
            seconds=(0.2, 2),
            failing=0.03,
            retention=False,
        ),
        WorkflowPlan(
            slug="heartbeat-db",
            name="heartbeat-db",
            text="sweep",
            kind="HEARTBEAT",
            interval=10,
            history=144,
            age=400,
            seconds=(0.2, 2),
            retention=False,
        ),
        WorkflowPlan(
            slug="vault-rotate",
            name="vault-rotate",
            text="sweep",
            image="registry.example.com/vault-rotate:5",
            interval=720,
            history=20,
            age=4000,
            retention=False,
        ),
        WorkflowPlan(
            slug="hostile",
            name=HOSTILE_NAME,
            text="hostile",
            image="registry.example.com/[bold]deploy[/]:latest",
            interval=240,
            history=12,
            age=1500,
            step_ns=SECOND // 5,
            failing=0.4,
        ),
        WorkflowPlan(
            slug="thumbnails",
            name="thumbnails-v2",
            text="build",
            image="registry.example.com/thumbnails:2.0-rc1",
            interval=45,
            history=0,
            age=0,
            build_status="STARTED",
            created_days=0,
        ),
        WorkflowPlan(
            slug="legacy-sync",
            name="legacy-sync",
            text="etl",
            image="registry.example.com/sync:0.9",
            interval=120,
            history=30,
            age=6000,
            failing=0.5,
            terminated_hours=1.5,
            created_days=400,
        ),
    )
