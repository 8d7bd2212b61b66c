"""How the runs of a workflow go: when they start, how long they take, how they end."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Final, NamedTuple

from chronotui.demo.clock import SECOND, SeededRandom, number_of, roll
from chronotui.demo.lines import Chapter, GeneratedLog
from chronotui.demo.phrases import ENDINGS, OPENING, phrasebook

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from chronotui.demo.lines import DemoLog


class JobState(NamedTuple):
    """A job as it stands at one moment; times in world nanoseconds, None if not yet.

    ``status`` is in the current server's spelling.
    """

    id: str
    workflow_id: str
    container_id: str | None
    status: str
    trigger: str
    attempts: int
    created_ns: int
    scheduled_ns: int
    started_ns: int | None
    completed_ns: int | None
    updated_ns: int


class DemoJob:
    """A job whose course is known from the start, or changed by a test.

    Attributes:
        queued_ns: When it leaves PENDING.
        attempt_starts_ns: When each attempt begins; the first ends QUEUED.
        completed_ns: When it ends; None for never.
        outcome: The state it ends in, in the current server's spelling.
    """

    def __init__(
        self,
        job_id: str,
        workflow_id: str,
        *,
        scheduled_ns: int,
        queued_ns: int,
        attempt_starts_ns: tuple[int, ...],
        completed_ns: int | None,
        trigger: str,
        outcome: str,
        make_log: Callable[[], DemoLog],
    ) -> None:
        self.id = job_id
        self.workflow_id = workflow_id
        self.trigger = trigger
        self.outcome = outcome
        self.created_ns = scheduled_ns - 3 * SECOND
        self.scheduled_ns = scheduled_ns
        self.queued_ns = queued_ns
        self.attempt_starts_ns = attempt_starts_ns
        self.completed_ns = completed_ns
        self._make_log = make_log

    @cached_property
    def log(self) -> DemoLog:
        """What the job prints."""
        return self._make_log()

    def attempts(self, now_ns: int) -> int:
        """Return how many attempts have begun."""
        return sum(start <= now_ns for start in self.attempt_starts_ns)

    def status(self, now_ns: int) -> str:
        """Return the state at a moment."""
        if self.completed_ns is not None and now_ns >= self.completed_ns:
            return self.outcome
        if self.attempts(now_ns):
            return "RUNNING"
        return "QUEUED" if now_ns >= self.queued_ns else "PENDING"

    def has_ended(self, now_ns: int) -> bool:
        """Tell whether the job is over."""
        return self.completed_ns is not None and now_ns >= self.completed_ns

    def state(self, now_ns: int) -> JobState:
        """Return everything a server says about the job at a moment."""
        attempts = self.attempts(now_ns)
        changes = (self.queued_ns, *self.attempt_starts_ns, self.completed_ns or 0)
        return JobState(
            self.id,
            self.workflow_id,
            f"{self.id[:8]}{self.id[9:13]}" if attempts else None,
            self.status(now_ns),
            self.trigger,
            attempts,
            self.created_ns,
            self.scheduled_ns,
            self.attempt_starts_ns[0] if attempts else None,
            self.completed_ns if self.has_ended(now_ns) else None,
            max((at for at in changes if at <= now_ns), default=self.created_ns),
        )


@dataclass(frozen=True)
class Course:
    """What is special about one run; None leaves it to the dice.

    Attributes:
        seconds: How long it runs, all attempts together.
        attempts: How often it is tried.
        wait: Seconds it stays QUEUED.
        pending: Seconds it stays PENDING.
        step_ns: Nanoseconds from line to line.
        lines: Lines of the last attempt, whatever the seconds say.
        endless: It never ends.
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
        slug: A word of our own; the seed of its ids.
        text: The kind of phrases its jobs print.
        image: What its containers run.
        payload: JSON; made of the image, or of an address, if "".
        interval: Minutes from one scheduled run to the next.
        history: Runs there are when the world begins.
        age: Seconds since the newest of those was scheduled.
        seconds: Shortest and longest run.
        step_ns: Nanoseconds from line to line.
        failing: Share of runs that fail, 0 to 1.
        canceled: Share of runs that are cancelled.
        courses: Special runs by their place: 0 is the newest at the beginning, -1
            the one before, 1 the next to come.
        created_days: Days since the workflow was made.
        terminated_hours: Hours since it was terminated; None if it was not.
    """

    slug: str
    name: str
    text: str
    interval: int
    history: int
    age: float
    image: str = ""
    kind: str = "CONTAINER"
    payload: str = ""
    seconds: tuple[float, float] = (20.0, 300.0)
    step_ns: int = SECOND // 4
    failing: float = 0.05
    canceled: float = 0.02
    retention: bool = True
    build_status: str = "COMPLETED"
    courses: Mapping[int, Course] = field(default_factory=dict)
    created_days: int = 40
    terminated_hours: float | None = None


# A workflow of the demo world and its jobs, found by number, time or id.

_MINUTE: Final = 60 * SECOND
_RETRY_PAUSE: Final = 5 * SECOND
_WORD: Final = 0xFFFFFFFF
_STEP: Final = 0x9E3779B1
_BACK: Final = pow(_STEP, -1, 1 << 32)


def make_id(first: int, *seed: int) -> str:
    """Return a UUID whose first eight digits are ``first``."""
    high, low = roll(*seed, 1), roll(*seed, 2)
    return (
        f"{first & _WORD:08x}-{high & 0xFFFF:04x}-4{high >> 16 & 0xFFF:03x}-"
        f"{0x8000 | low & 0x3FFF:04x}-{low >> 16 & 0xFFFFFFFFFFFF:012x}"
    )


class Surroundings(NamedTuple):
    """What a workflow's jobs share with the world around them.

    ``lag_ns`` says how far the retained log of a job (given as a number) trails,
    ``interleaved`` whether it is listed without regard to attempts.
    """

    seed: int
    start_ns: int
    first_number: int
    lag_ns: Callable[[int], int]
    interleaved: bool


class DemoWorkflow:
    """A workflow, its scheduled jobs computed, its added ones kept.

    Attributes:
        plan: What it is; may be replaced by one that is scheduled alike.
        generation: How often it was changed, counted from 1.
        terminated_ns: When it was terminated, None if it was not.
    """

    def __init__(self, plan: WorkflowPlan, around: Surroundings) -> None:
        self.plan = plan
        self._around = around
        self._number = number_of(plan.slug)
        self._salt = roll(around.seed, self._number)
        self.id = make_id(roll(self._salt, 1), self._salt)
        start = around.start_ns - around.start_ns % SECOND
        self.created_ns = start - (plan.created_days * 1440 + 7) * _MINUTE
        self._interval_ns = plan.interval * _MINUTE
        newest = start - int(plan.age * SECOND)
        self._first_ns = newest - (plan.history - 1) * self._interval_ns
        self.generation = 1
        self.terminated_ns: int | None = None
        if plan.terminated_hours is not None:
            self.terminated_ns = start - int(plan.terminated_hours * 3600) * SECOND
        self._jobs: dict[int, DemoJob] = {}
        self._added: list[DemoJob] = []

    def add(self, job: DemoJob) -> None:
        """Take a job that no schedule made."""
        taken = {other.created_ns for other in self._added}
        while job.created_ns in taken:
            job.created_ns += 1
        self._added = sorted([*self._added, job], key=lambda one: one.created_ns)

    def jobs(self, now_ns: int, before_ns: int | None = None) -> Iterator[DemoJob]:
        """Yield the jobs there are, newest first.

        Args:
            now_ns: The moment.
            before_ns: Only those made before this time.
        """
        limit = now_ns + 1 if before_ns is None else before_ns
        added = [job for job in self._added if job.created_ns < limit]
        number = self._count(limit)
        while added or number:
            scheduled = self.scheduled(number - 1) if number else None
            if added and (
                scheduled is None or added[-1].created_ns > scheduled.created_ns
            ):
                yield added.pop()
            elif scheduled is not None:
                number -= 1
                yield scheduled

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

    def failures(self, now_ns: int) -> int:
        """Return how many of the last jobs failed in a row."""
        count = 0
        for job in self.jobs(now_ns):
            status = job.status(now_ns)
            if status == "FAILED":
                count += 1
            elif status == "COMPLETED" or count > 99:
                break
        return count

    def _count(self, before_ns: int) -> int:
        """Return how many scheduled jobs were made before a moment."""
        if self.terminated_ns is not None:
            before_ns = min(before_ns, self.terminated_ns)
        passed = before_ns + 3 * SECOND - 1 - self._first_ns
        return max(0, passed // self._interval_ns + 1)

    def scheduled(self, number: int) -> DemoJob:
        """Return the scheduled job with this number, counted from 0."""
        job = self._jobs.get(number)
        if job is None:
            course = self.plan.courses.get(number - self.plan.history + 1, Course())
            at_ns = self._first_ns + number * self._interval_ns
            job = self._jobs[number] = self.make(number, at_ns, course)
        return job

    def make(self, number: int, scheduled_ns: int, course: Course) -> DemoJob:
        """Make a job; the dice decide what ``course`` leaves open."""
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
            chapters = self._chapters(course, starts, each_ns, outcome)
            return GeneratedLog(
                chapters,
                lambda: self._around.lag_ns(self._salt),
                interleaved=self._around.interleaved,
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
        self, course: Course, starts: tuple[int, ...], each_ns: int, outcome: str
    ) -> tuple[Chapter, ...]:
        """Write the attempts of a job; a HEARTBEAT prints nothing."""
        plan = self.plan
        if plan.kind == "HEARTBEAT":
            return ()
        step_ns = course.step_ns or plan.step_ns
        book = phrasebook(plan.text, self._around.seed)
        chapters = []
        for turn, start_ns in enumerate(starts):
            last = turn == len(starts) - 1
            lines = None if course.endless and last else each_ns // step_ns
            if last and course.lines is not None:
                lines = course.lines
            ending = ENDINGS[outcome if last else "FAILED"]
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
                    self._around.first_number,
                )
            )
        return tuple(chapters)


def _outcome(plan: WorkflowPlan, rng: SeededRandom) -> str:
    luck = rng.spread(0, 1)
    if luck < plan.failing:
        return "FAILED"
    return "CANCELED" if luck < plan.failing + plan.canceled else "COMPLETED"
