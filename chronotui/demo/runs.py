"""How the runs of a workflow go: when they start, how long they take, how they end."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from chronotui.demo.clock import SECOND

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from chronotui.demo.source import LogSource


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
        make_log: Callable[[], LogSource],
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
    def log(self) -> LogSource:
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
