"""A workflow of the demo world and its jobs, found by number, time or id."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from chronotui.demo.clock import SECOND
from chronotui.demo.dice import Dice, number_of, roll
from chronotui.demo.generated import Chapter, GeneratedLog
from chronotui.demo.phrases.kinds import ENDINGS, OPENING, phrasebook
from chronotui.demo.runs import Course, DemoJob, WorkflowPlan

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

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
        dice = Dice(self._salt, number)
        job_id = make_id(self._salt + number * _STEP, self._salt, number)
        outcome = course.outcome or _outcome(plan, dice)
        trigger = course.trigger or ("MANUAL" if dice.chance(0.15) else "AUTOMATIC")
        attempts = course.attempts or (
            dice.between(1, 3) if outcome == "FAILED" and dice.chance(0.3) else 1
        )
        queued_ns = scheduled_ns + int(course.pending * SECOND)
        first_ns = queued_ns + int(course.wait * SECOND)
        seconds = course.seconds or dice.spread(*plan.seconds)
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


def _outcome(plan: WorkflowPlan, dice: Dice) -> str:
    luck = dice.spread(0, 1)
    if luck < plan.failing:
        return "FAILED"
    return "CANCELED" if luck < plan.failing + plan.canceled else "COMPLETED"
