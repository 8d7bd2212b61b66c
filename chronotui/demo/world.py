"""The demo's workflows, how their runs go, and the world they make up.

Everything is a function of a seed and a clock: a workflow's scheduled jobs are found
by number, time or id, and made when they are asked for.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from functools import cached_property
from heapq import merge
from itertools import islice
from typing import TYPE_CHECKING, Final

from chronotui.demo.clock import (
    MILLISECOND,
    SECOND,
    DemoClock,
    SeededRandom,
    make_id,
    number_of,
    roll,
)
from chronotui.demo.failures import FAILURES
from chronotui.demo.faults import Faults
from chronotui.demo.lines import Chapter, DemoJob, GeneratedLog
from chronotui.demo.phrases import (
    ENDINGS,
    HOSTILE_NAME,
    OPENING,
    Phrase,
    phrasebook,
)
from chronotui.demo.scripts import Script, ScriptedJob

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from chronotui.demo.lines import TrueLine

_MILLION: Final = 1_000_000
_BULK_LINES: Final = 4_400_000

_WEEK: Final = 10080
_MINUTE: Final = 60 * SECOND
_RETRY_PAUSE: Final = 5 * SECOND
_WORD: Final = 0xFFFFFFFF
_STEP: Final = 0x9E3779B1
_BACK: Final = pow(_STEP, -1, 1 << 32)


@dataclass(frozen=True)
class Course:
    """What is special about one run; None leaves it to chance.

    Attributes:
        seconds: How long it runs, all attempts together.
        attempts: How often it is tried.
        wait: Seconds it stays QUEUED.
        pending: Seconds it stays PENDING.
        step_ns: Nanoseconds from line to line.
        lines: Lines of the last attempt, whatever the seconds say.
        endless: It never ends; with ``lines``, it falls silent after these.
    """

    outcome: str | None = None
    trigger: str | None = None
    seconds: float | None = None
    attempts: int | None = None
    wait: float = 2.0
    pending: float = 1.0
    step_ns: int | None = None
    lines: int | None = None
    endless: bool = False


@dataclass(frozen=True)
class WorkflowPlan:
    """A generated workflow.

    Attributes:
        slug: A word of our own; the seed of its ids, and its name if that is "".
        text: The kind of phrases its jobs print.
        image: What its containers run.
        interval: Minutes from one scheduled run to the next.
        history: Runs there are when the world begins.
        age: Seconds since the newest of those was scheduled.
        seconds: Shortest and longest run.
        step_ns: Nanoseconds from line to line.
        failing: Share of runs that fail, 0 to 1.
        canceled: Share of runs that are cancelled.
        failure: How it fails, of `FAILURES`; "" for a failure that says little.
        allowed_failures: In a row, after which a server terminates a workflow.
        last_place: The run, by its place, after whose end the server terminates it.
        courses: Special runs by their place: 0 is the newest at the beginning, -1
            the one before, 1 the next to come.
        created_days: Days since the workflow was made.
        terminated_hours: Hours since it was terminated; None if it was not.
    """

    slug: str
    text: str
    interval: int
    history: int
    age: float
    name: str = ""
    image: str = ""
    kind: str = "CONTAINER"
    seconds: tuple[float, float] = (20.0, 300.0)
    step_ns: int = SECOND // 4
    failing: float = 0.05
    canceled: float = 0.02
    failure: str = ""
    allowed_failures: int = 5
    last_place: int | None = None
    retention: bool = True
    build_status: str = "COMPLETED"
    courses: Mapping[int, Course] = field(default_factory=dict)
    created_days: int = 40
    terminated_hours: float | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", self.name or self.slug)


class DemoWorkflow:
    """A workflow, its scheduled jobs computed, its added ones kept."""

    def __init__(self, plan: WorkflowPlan, world: World) -> None:
        self.plan = plan
        self._world = world
        self._salt = roll(world.seed, number_of(plan.slug))
        self.id = make_id(roll(self._salt, 1), self._salt)
        start = world.clock.start_ns - world.clock.start_ns % SECOND
        self.created_ns = start - (plan.created_days * 1440 + 7) * _MINUTE
        self._interval_ns = plan.interval * _MINUTE
        newest = start - int(plan.age * SECOND)
        self._first_ns = newest - (plan.history - 1) * self._interval_ns
        self._terminated_ns: int | None = None
        if plan.terminated_hours is not None:
            self._terminated_ns = start - int(plan.terminated_hours * 3600) * SECOND
        self._jobs: dict[int, DemoJob] = {}
        self._added: list[DemoJob] = []

    @property
    def terminated_ns(self) -> int | None:
        """When it was terminated, by a user or after too many failures, if it was."""
        if self._terminated_ns is None and self.gives_up_ns is not None:
            is_over = self._world.clock.now_ns() >= self.gives_up_ns
            return self.gives_up_ns if is_over else None
        return self._terminated_ns

    @terminated_ns.setter
    def terminated_ns(self, at_ns: int | None) -> None:
        self._terminated_ns = at_ns

    @cached_property
    def gives_up_ns(self) -> int | None:
        """When the server will terminate it, or has, for its failures."""
        if self.plan.last_place is None:
            return None
        job = self.scheduled(self.plan.last_place + self.plan.history - 1)
        return None if job.completed_ns is None else job.completed_ns + SECOND

    def add(self, job: DemoJob) -> None:
        taken = {other.created_ns for other in self._added}
        while job.created_ns in taken:
            job.created_ns += 1
        self._added = sorted([*self._added, job], key=lambda one: one.created_ns)

    def jobs(self, now_ns: int, before_ns: int | None = None) -> Iterator[DemoJob]:
        """Return the jobs there are, or were made before a time, newest first."""
        limit = now_ns + 1 if before_ns is None else before_ns
        added = [job for job in reversed(self._added) if job.created_ns < limit]
        scheduled = map(self.scheduled, range(self._count(limit) - 1, -1, -1))
        return merge(scheduled, added, key=lambda job: -job.created_ns)

    def find(self, job_id: str, now_ns: int) -> DemoJob | None:
        """Return the job with this id if it exists by now."""
        for job in self._added:
            if job.id == job_id:
                return job if job.created_ns <= now_ns else None
        try:
            first = int(job_id[:8], 16)
        except ValueError:
            return None
        number = (first - self._salt) * _BACK & _WORD
        if number >= self._count(now_ns + 1):
            return None
        job = self.scheduled(number)
        return job if job.id == job_id else None

    def count(self, now_ns: int) -> int:
        """Return how many jobs there are."""
        added = sum(job.created_ns <= now_ns for job in self._added)
        return added + self._count(now_ns + 1)

    def failures(self, now_ns: int) -> int:
        count = 0
        for job in self.jobs(now_ns):
            status = job.status(now_ns)
            if status == "FAILED":
                count += 1
            elif status == "COMPLETED" or count > 99:
                break
        return count

    def terminate(self, now_ns: int) -> None:
        """Schedule no more, and cancel what has not ended (a server takes a while)."""
        if self.terminated_ns is None:
            self.terminated_ns = now_ns
            for job in islice(self.jobs(now_ns), 100):
                if not job.has_ended(now_ns):
                    job.cancel(now_ns + SECOND)

    def _count(self, before_ns: int) -> int:
        """Return how many scheduled jobs were made before a moment."""
        if self.terminated_ns is not None:
            before_ns = min(before_ns, self.terminated_ns)
        passed = before_ns + 3 * SECOND - 1 - self._first_ns
        return max(0, passed // self._interval_ns + 1)

    def scheduled(self, number: int) -> DemoJob:
        job = self._jobs.get(number)
        if job is None:
            course = self.plan.courses.get(number - self.plan.history + 1, Course())
            at_ns = self._first_ns + number * self._interval_ns
            job = self._jobs[number] = self.make(number, at_ns, course)
        return job

    def make(self, number: int, scheduled_ns: int, course: Course) -> DemoJob:
        """Make a job; chance decides what ``course`` leaves open."""
        plan = self.plan
        rng = SeededRandom(self._salt, number)
        job_id = make_id(self._salt + number * _STEP, self._salt, number)
        outcome = course.outcome or _outcome(plan, rng)
        trigger = course.trigger or ("MANUAL" if rng.chance(0.15) else "AUTOMATIC")
        attempts = course.attempts or (
            rng.between(1, 3) if outcome == "FAILED" and rng.chance(0.3) else 1
        )
        queued_ns = scheduled_ns + int(course.pending * SECOND)
        first_ns = queued_ns + int(course.wait * SECOND)
        seconds = course.seconds or rng.spread(*plan.seconds)
        each_ns = max(SECOND // 10, int(seconds * SECOND / attempts) - _RETRY_PAUSE)
        if attempts == 1:
            each_ns = int(seconds * SECOND)
        starts = tuple(
            first_ns + turn * (each_ns + _RETRY_PAUSE) for turn in range(attempts)
        )
        step_ns = course.step_ns or plan.step_ns
        if course.lines is not None:
            each_ns = max(each_ns, course.lines * step_ns)
        completed_ns = None if course.endless else starts[-1] + each_ns + SECOND // 3

        def make_log() -> GeneratedLog:
            chapters = self._chapters(number, course, starts, each_ns, outcome)
            return GeneratedLog(
                chapters,
                lambda: self._world.faults.lag_ns(self._salt),
                interleaved=self._world.interleaved,
            )

        return DemoJob(
            job_id,
            self.id,
            scheduled_ns=scheduled_ns,
            queued_ns=queued_ns,
            attempt_starts_ns=starts,
            completed_ns=completed_ns,
            trigger=trigger,
            outcome=outcome,
            make_log=make_log,
        )

    def _chapters(
        self,
        number: int,
        course: Course,
        starts: tuple[int, ...],
        each_ns: int,
        outcome: str,
    ) -> tuple[Chapter, ...]:
        plan = self.plan
        if plan.kind == "HEARTBEAT":
            return ()
        step_ns = course.step_ns or plan.step_ns
        book = phrasebook(plan.text, self._world.seed)
        chapters = []
        for turn, start_ns in enumerate(starts):
            last = turn == len(starts) - 1
            lines = None if course.endless and last else each_ns // step_ns
            if last and course.lines is not None:
                lines = course.lines
            ending = self._ending(number, outcome if last else "FAILED", turn)
            if course.endless and last:
                ending = ()
            framed = lines is None or lines >= len(OPENING) + len(ending)
            chapters.append(
                Chapter(
                    turn + 1,
                    start_ns,
                    step_ns,
                    lines,
                    book,
                    OPENING if framed else (),
                    ending if framed and lines is not None else (),
                    self._world.first_number,
                )
            )
        return tuple(chapters)

    def _ending(self, number: int, outcome: str, turn: int) -> tuple[Phrase, ...]:
        """Return what an attempt prints last."""
        if outcome != "FAILED" or not self.plan.failure:
            return ENDINGS[outcome]
        rng = SeededRandom(self._salt, number, turn, 1)
        return tuple(FAILURES[self.plan.failure](rng))


def _outcome(plan: WorkflowPlan, rng: SeededRandom) -> str:
    luck = rng.spread(0, 1)
    if luck < plan.failing:
        return "FAILED"
    return "CANCELED" if luck < plan.failing + plan.canceled else "COMPLETED"


class World:
    """Everything a demo server can tell, and the truth about it for tests.

    Args:
        seed: Worlds of one seed and one start are the same.
        faults: Decide how far the retained logs trail.
        first_number: Number of a first line: 0, or 1 in the documented dialect.
        lines: Length of the long log; a million if None.
        plans: The workflows there are; the demo's own if None.
        interleaved: Whether retained logs are listed without regard to attempts, as
            by a current server.

    Attributes:
        preference: What the user is notified of: ALERTS, ALL or NONE.
        read_notices: Ids of notifications that were marked as read.
    """

    def __init__(
        self,
        *,
        seed: int = 1,
        clock: DemoClock | None = None,
        faults: Faults | None = None,
        first_number: int = 0,
        lines: int | None = None,
        plans: Sequence[WorkflowPlan] | None = None,
        interleaved: bool = True,
    ) -> None:
        self.seed = seed
        self.clock = clock or DemoClock()
        self.faults = faults or Faults()
        self.first_number = first_number
        self.interleaved = interleaved
        self.preference = "ALERTS"
        self.read_notices: set[str] = set()
        self._lock = threading.RLock()
        self._made = 0
        self._scheduled: dict[tuple[str, str], str] = {}
        self._workflows: dict[str, DemoWorkflow] = {}
        for plan in demo_workflows(lines) if plans is None else plans:
            self.add_workflow(plan)

    @property
    def workflows(self) -> tuple[DemoWorkflow, ...]:
        return tuple(self._workflows.values())

    def add_workflow(self, plan: WorkflowPlan) -> DemoWorkflow:
        """Make a workflow; one with the same slug is replaced."""
        workflow = DemoWorkflow(plan, self)
        with self._lock:
            self._workflows = {**self._workflows, workflow.id: workflow}
        return workflow

    def workflow(self, workflow_id: str) -> DemoWorkflow | None:
        return self._workflows.get(workflow_id)

    def named(self, name: str) -> DemoWorkflow:
        """Return the workflow with this slug or name."""
        for workflow in self.workflows:
            if name in (workflow.plan.slug, workflow.plan.name):
                return workflow
        raise KeyError(name)

    def job(self, job_id: str) -> DemoJob | None:
        now_ns = self.clock.now_ns()
        found = (workflow.find(job_id, now_ns) for workflow in self.workflows)
        return next((job for job in found if job is not None), None)

    def newest_job(self, name: str, place: int = 0) -> DemoJob:
        """Return a job of the workflow with this name, counted from the newest."""
        jobs = self.named(name).jobs(self.clock.now_ns())
        return list(islice(jobs, place + 1))[place]

    def add_job(
        self, script: Script | None = None, *, workflow: DemoWorkflow | None = None
    ) -> ScriptedJob:
        """Make a job that does what ``script`` and the caller say.

        Without a script it runs, silent, until told; without a workflow it belongs to
        the one named ``scripted``, which is made when first needed.
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
            return self.add_workflow(WorkflowPlan("scripted", "sweep", _WEEK, 0, 0))

    def schedule(self, workflow: DemoWorkflow, key: str) -> str:
        """Run a workflow now; return the job's id, always the same for one key."""
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

        ``until_now`` leaves out what a script has yet to write.
        """
        job = self.job(job_id)
        if job is None:
            raise KeyError(job_id)
        now_ns = self.clock.now_ns()
        far = isinstance(job, ScriptedJob) and not until_now
        return list(job.log.truth(1 << 62 if far else now_ns))


def demo_workflows(lines: int | None) -> Sequence[WorkflowPlan]:
    """Return the plans in the order a server lists them."""
    long = _MILLION if lines is None else lines
    return (*_watched(), *_finished(long), *_unusual())


def _watched() -> tuple[WorkflowPlan, ...]:
    return (
        WorkflowPlan(
            slug="nightly-report",
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
                    lines=_BULK_LINES,
                    step_ns=MILLISECOND,
                )
            },
        ),
        WorkflowPlan(
            slug="queue-sweeper",
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
