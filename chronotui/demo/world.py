"""The workflows of the demo world."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final

from chronotui.demo.clock import MILLISECOND, SECOND, DemoClock, number_of, roll
from chronotui.demo.faults import Faults
from chronotui.demo.phrases import HOSTILE_NAME
from chronotui.demo.scripts import Script, ScriptedJob
from chronotui.demo.workflow import (
    Course,
    DemoJob,
    DemoWorkflow,
    Surroundings,
    WorkflowPlan,
    make_id,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chronotui.demo.lines import TrueLine

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


# The demo world: workflows, jobs and logs, all functions of a seed and a clock.


class World:
    """Everything a demo server can tell, and the truth about it for tests.

    Args:
        seed: Worlds of one seed and one start are the same.
        clock: The time of the world.
        faults: Decide how far the retained logs trail.
        first_number: Number of a first line: 0, or 1 in the documented dialect.
        lines: Length of the long log.
        plans: The workflows there are; the demo's own if None.
        interleaved: Whether retained logs are listed without regard to attempts, as
            by a current server.
    """

    def __init__(
        self,
        *,
        seed: int = 1,
        clock: DemoClock | None = None,
        faults: Faults | None = None,
        first_number: int = 0,
        lines: int = MILLION,
        plans: Sequence[WorkflowPlan] | None = None,
        interleaved: bool = True,
    ) -> None:
        self.seed = seed
        self.clock = clock or DemoClock()
        self.faults = faults or Faults()
        self.first_number = first_number
        self.interleaved = interleaved
        self._lock = threading.RLock()
        self._made = 0
        self._scheduled: dict[tuple[str, str], str] = {}
        self._workflows: dict[str, DemoWorkflow] = {}
        for plan in demo_workflows(lines) if plans is None else plans:
            self.add_workflow(plan)

    @property
    def workflows(self) -> tuple[DemoWorkflow, ...]:
        """The workflows in the order a server lists them."""
        return tuple(self._workflows.values())

    def add_workflow(self, plan: WorkflowPlan) -> DemoWorkflow:
        """Make a workflow; one with the same slug is replaced."""
        around = Surroundings(
            self.seed,
            self.clock.start_ns,
            self.first_number,
            self._lag_ns,
            self.interleaved,
        )
        workflow = DemoWorkflow(plan, around)
        with self._lock:
            self._workflows = {**self._workflows, workflow.id: workflow}
        return workflow

    def _lag_ns(self, job: int) -> int:
        return self.faults.lag_ns(job)

    def remove_workflow(self, workflow_id: str) -> None:
        """Forget a workflow."""
        with self._lock:
            kept = dict(self._workflows)
            kept.pop(workflow_id, None)
            self._workflows = kept

    def workflow(self, workflow_id: str) -> DemoWorkflow | None:
        """Return the workflow with this id."""
        return self._workflows.get(workflow_id)

    def named(self, name: str) -> DemoWorkflow:
        """Return the workflow with this slug or name.

        Raises:
            KeyError: If there is none.
        """
        for workflow in self.workflows:
            if name in (workflow.plan.slug, workflow.plan.name):
                return workflow
        raise KeyError(name)

    def job(self, job_id: str) -> DemoJob | None:
        """Return the job with this id, whatever its workflow."""
        now_ns = self.clock.now_ns()
        found = (workflow.find(job_id, now_ns) for workflow in self.workflows)
        return next((job for job in found if job is not None), None)

    def newest_job(self, name: str, place: int = 0) -> DemoJob:
        """Return a job of the workflow with this slug or name, the newest by default.

        Raises:
            KeyError: If there is no such workflow.
            IndexError: If it has not that many jobs.
        """
        for number, job in enumerate(self.named(name).jobs(self.clock.now_ns())):
            if number == place:
                return job
        raise IndexError(place)

    def add_job(
        self, script: Script | None = None, *, workflow: DemoWorkflow | None = None
    ) -> ScriptedJob:
        """Make a job that does what ``script`` and the caller say.

        Args:
            script: Its lines and end; without one it runs, silent, until told.
            workflow: Where it belongs; the workflow ``scripted`` if None, which is
                made when first needed.
        """
        with self._lock:
            owner = workflow or self._scripted_workflow()
            self._made += 1
            job_id = make_id(roll(self.seed, 7, self._made), self.seed, self._made, 7)
            job = ScriptedJob(
                job_id,
                owner.id,
                script or Script(),
                clock=self.clock,
                faults=self.faults,
                first_number=self.first_number,
                interleaved=self.interleaved,
            )
            owner.add(job)
        return job

    def _scripted_workflow(self) -> DemoWorkflow:
        try:
            return self.named("scripted")
        except KeyError:
            return self.add_workflow(
                WorkflowPlan("scripted", "scripted", "sweep", 10080, 0, 0)
            )

    def schedule(self, workflow: DemoWorkflow, key: str) -> str:
        """Run a workflow once, now, and return the job's id.

        Args:
            workflow: What to run.
            key: The request's idempotency key; the same one gives the same job.
        """
        with self._lock:
            known = self._scheduled.get((workflow.id, key))
            if known is not None:
                return known
            number = 1 << 31 | number_of(key)
            course = Course(trigger="MANUAL", seconds=30)
            at_ns = self.clock.now_ns() + 2 * SECOND
            job = workflow.make(number, at_ns - at_ns % SECOND, course)
            workflow.add(job)
            self._scheduled[workflow.id, key] = job.id
            return job.id

    def truth(self, job_id: str, *, until_now: bool = False) -> list[TrueLine]:
        """Return every line a job truly has, in the log's order.

        Args:
            job_id: Whose lines.
            until_now: Leave out what a script has yet to write.

        Raises:
            KeyError: If there is no such job.
        """
        job = self.job(job_id)
        if job is None:
            raise KeyError(job_id)
        now_ns = self.clock.now_ns()
        far = isinstance(job, ScriptedJob) and not until_now
        return list(job.log.truth(1 << 62 if far else now_ns))

    log = truth
