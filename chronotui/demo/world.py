"""The demo world: workflows, jobs and logs, all functions of a seed and a clock."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from chronotui.demo.cast import MILLION, demo_workflows
from chronotui.demo.clock import SECOND, Clock
from chronotui.demo.dice import number_of, roll
from chronotui.demo.faults import Faults
from chronotui.demo.runs import Course, DemoJob, WorkflowPlan
from chronotui.demo.script import Script, ScriptedJob
from chronotui.demo.workflow import DemoWorkflow, Surroundings, make_id

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chronotui.demo.lines import TrueLine


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
        clock: Clock | None = None,
        faults: Faults | None = None,
        first_number: int = 0,
        lines: int = MILLION,
        plans: Sequence[WorkflowPlan] | None = None,
        interleaved: bool = True,
    ) -> None:
        self.seed = seed
        self.clock = clock or Clock()
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
