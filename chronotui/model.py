"""What every layer speaks in: workflows, jobs, lines of a log and pages of them."""

from __future__ import annotations

from enum import StrEnum
from operator import attrgetter
from typing import (
    TYPE_CHECKING,
    ClassVar,
    Final,
    Generic,
    NamedTuple,
    Self,
    TypeAlias,
    TypeVar,
)

from msgspec import Struct, field

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


class OpenEnum(str):
    """A word from a known set, or the server's own word kept as it is.

    Subclasses list what they know in ``KNOWN`` and spellings that mean the same
    in ``ALIASES``. An unknown word is a value like any other: it can be shown,
    compared and sent back (WIRE.md, "JSON habits": unknown enum values must not
    break anything).
    """

    __slots__ = ()

    KNOWN: ClassVar[tuple[str, ...]] = ()
    ALIASES: ClassVar[dict[str, str]] = {}

    @classmethod
    def parse(cls, word: str) -> Self:
        """Read a server's or a user's word, in any case and any known spelling."""
        upper = word.strip().upper()
        canonical = cls.ALIASES.get(upper, upper)
        return cls(canonical if canonical in cls.KNOWN else word)


Item = TypeVar("Item")


class ServerObject(Struct, frozen=True, eq=False):
    """A value that keeps the server's object beside what we read of it, in ``fields``.

    Two are equal where what was read is: ``fields`` does not count.
    """

    _read: ClassVar[attrgetter[object]]

    def __init_subclass__(cls) -> None:
        names = [name for name in cls.__annotations__ if name != "fields"]
        cls._read = attrgetter(*names)

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other):
            return NotImplemented
        return self._read(self) == self._read(other)

    def __hash__(self) -> int:
        return hash(self._read(self))


class Confidential(Struct, frozen=True):
    """A value with secrets in it: what it holds stands in no print and no traceback."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}(•••)"


class Page(Struct, Generic[Item], frozen=True):
    """Items in the server's order; ``cursor`` leads on, None ends the list.

    ``hidden`` counts items the server sent that were not asked for and are left out.
    ``total`` is how many the server says there are under its filters, None if it does
    not. ``notes`` are sentences about what the page could not hold or was not asked;
    ``missing`` counts items that are there and could not be had, those that something
    stands in for left aside. Without ``has_log`` the server keeps no such list, for the
    reason the notes tell.
    """

    items: tuple[Item, ...]
    cursor: str | None = None
    hidden: int = 0
    total: int | None = None
    notes: tuple[str, ...] = ()
    missing: int = 0
    has_log: bool = True

    @property
    def brought_any(self) -> bool:
        """Whether the server sent anything, hidden or not: the list goes on."""
        return bool(self.items) or self.hidden > 0


class WorkflowKind(OpenEnum):
    __slots__ = ()

    HEARTBEAT: ClassVar[WorkflowKind]
    CONTAINER: ClassVar[WorkflowKind]

    KNOWN = ("HEARTBEAT", "CONTAINER")


class BuildStatus(OpenEnum):
    __slots__ = ()

    QUEUED: ClassVar[BuildStatus]
    STARTED: ClassVar[BuildStatus]
    COMPLETED: ClassVar[BuildStatus]
    FAILED: ClassVar[BuildStatus]
    CANCELED: ClassVar[BuildStatus]

    KNOWN = ("QUEUED", "STARTED", "COMPLETED", "FAILED", "CANCELED")
    ALIASES: ClassVar[dict[str, str]] = {"CANCELLED": "CANCELED"}


for _kind in WorkflowKind.KNOWN:
    setattr(WorkflowKind, _kind, WorkflowKind(_kind))
for _status in BuildStatus.KNOWN:
    setattr(BuildStatus, _status, BuildStatus(_status))


class Workflow(ServerObject, frozen=True):
    """A workflow as listed, or as read alone (then with its generation).

    An app whose runs are listed is one, too. ``labels`` are what its row says beside
    the name, the most important first. ``payload`` is the server's text, usually JSON.
    ``log_retention`` is None when the server did not say; a current server leaves it
    out for False, so only an answer about logs (412) settles it. ``fields`` holds the
    server's object as decoded, under its own names. Times are aware, in UTC.
    """

    id: str
    name: str
    kind: WorkflowKind
    payload: str = ""
    build_status: BuildStatus | None = None
    interval_minutes: int | None = None
    consecutive_failures: int = 0
    max_consecutive_failures: int | None = None
    log_retention: bool | None = None
    generation: int | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    terminated_at: datetime | None = None
    labels: tuple[str, ...] = ()
    fields: Mapping[str, object] = field(default_factory=dict)

    @property
    def shown_name(self) -> str:
        """What people see of it: its name, or its id where that is blank."""
        return self.name if self.name.strip() else self.id


class JobStatus(OpenEnum):
    """State of a job; CANCELED and CANCELLED are one state (WIRE.md, "Jobs").

    Runs of an app know three more: waiting for a person, ended with some branches
    failed, and not told (the row is there and its run is not).
    """

    __slots__ = ()

    PAUSED: ClassVar[JobStatus]
    PARTIAL: ClassVar[JobStatus]
    UNKNOWN: ClassVar[JobStatus]

    PENDING: ClassVar[JobStatus]
    QUEUED: ClassVar[JobStatus]
    RUNNING: ClassVar[JobStatus]
    COMPLETED: ClassVar[JobStatus]
    FAILED: ClassVar[JobStatus]
    CANCELED: ClassVar[JobStatus]

    KNOWN = ("PENDING", "QUEUED", "RUNNING", "COMPLETED", "FAILED", "CANCELED")
    ALIASES: ClassVar[dict[str, str]] = {"CANCELLED": "CANCELED"}

    @property
    def is_terminal(self) -> bool:
        return str(self) in _TERMINAL

    @property
    def is_waiting(self) -> bool:
        return str(self) in {"PENDING", "QUEUED"}


_TERMINAL: Final = frozenset({"COMPLETED", "FAILED", "CANCELED", "PARTIAL-SUCCEEDED"})
for _name in JobStatus.KNOWN:
    setattr(JobStatus, _name, JobStatus(_name))
JobStatus.PAUSED = JobStatus("PAUSED")
JobStatus.PARTIAL = JobStatus("PARTIAL-SUCCEEDED")
JobStatus.UNKNOWN = JobStatus("UNKNOWN")


class Trigger(OpenEnum):
    __slots__ = ()

    AUTOMATIC: ClassVar[Trigger]
    MANUAL: ClassVar[Trigger]

    KNOWN = ("AUTOMATIC", "MANUAL")


for _name in Trigger.KNOWN:
    setattr(Trigger, _name, Trigger(_name))


class Job(ServerObject, frozen=True):
    """A job as listed, or as read alone (then without attempts and container).

    Times are aware, in UTC. ``attempts`` is None when the server did not say.
    ``fields`` holds the server's object as decoded, under its own names.

    The run of an app is one, too: ``id`` is then that of the row that lists it, and
    ``run_id`` that of the run, "" while the row has none. ``by`` is who started it (an
    end user's session id or an account's e-mail), ``origin`` from where, ``error`` its
    own words; "" where the server does not say. A run without ``fields`` stands in for
    a row that the server cannot send; ``error`` says why.
    """

    id: str
    workflow_id: str
    status: JobStatus
    trigger: Trigger
    container_id: str | None = None
    attempts: int | None = None
    scheduled_at: datetime | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    run_id: str = ""
    by: str = ""
    origin: str = ""
    error: str = ""
    fields: Mapping[str, object] = field(default_factory=dict)

    @property
    def shown_id(self) -> str:
        """The id that people see and type."""
        return self.run_id or self.id

    @property
    def has_ended(self) -> bool:
        """Whether nothing will change any more, as far as can be told.

        A state nobody knows is taken at its end's word.
        """
        status = str(self.status)
        if status in _TERMINAL:
            return True
        known = status in JobStatus.KNOWN or status in {"PAUSED", "UNKNOWN"}
        return not known and self.completed_at is not None

    def duration(self, now: datetime | None = None) -> float | None:
        """Return the seconds it ran, or has been running; None where nobody can say.

        A job that runs is measured up to ``now`` alone: its end, if it has one, is
        that of an attempt before.
        """
        end = now if self.status == "RUNNING" else self.completed_at
        if self.started_at is None or end is None:
            return None
        return max((end - self.started_at).total_seconds(), 0.0)

    def seconds_since_end(self, now: float) -> float | None:
        """Return how long ago it ended, None when the server did not say."""
        ended_at = self.completed_at or self.updated_at
        return None if ended_at is None else now - ended_at.timestamp()


class JobFilter(NamedTuple):
    """What a list of jobs or runs is narrowed by, whoever applies it.

    ``status`` and ``trigger`` are the server's own filters of jobs. The others are for
    the runs of an app: ``keyword`` is looked up in inputs and outputs by the server
    alone; ``since`` and ``until`` are aware and inclusive; ``user`` is an end user's
    session id and ``account`` an account's e-mail, both exact.
    """

    status: JobStatus | None = None
    trigger: Trigger | None = None
    keyword: str = ""
    since: datetime | None = None
    until: datetime | None = None
    user: str = ""
    account: str = ""

    def accepts(self, job: Job) -> bool:
        """Whether a job fits, but for the keyword, which only the server can tell."""
        if self.status is not None and job.status != self.status:
            return False
        if self.trigger is not None and job.trigger != self.trigger:
            return False
        by = self.user or self.account
        if by and job.by != by:
            return False
        at = job.created_at
        if self.since is not None and (at is None or at < self.since):
            return False
        return self.until is None or (at is not None and at <= self.until)


STDOUT: Final = "stdout"
STDERR: Final = "stderr"


class LogLine(NamedTuple):
    """One line as the server gave it; the message is exact and never cleaned here.

    ``attempt`` counts from 1; 0 says the server did not tell (no ``event_id``).
    ``time_ns`` is nanoseconds since the epoch, UTC; None when absent or unreadable.
    ``event_id`` is "" where the server has none. ``stream`` is the server's word.
    ``retained`` tells a line of the retained log from a live one; retained fields
    win over live ones (DESIGN.md, invariant 1).
    """

    attempt: int
    sequence_num: int
    stream: str
    time_ns: int | None
    message: str
    event_id: str = ""
    retained: bool = True


class LogPage(Struct, frozen=True):
    """One page of retained lines, in the order the server sent them.

    ``cursor`` leads to the next page; None ends the list. An empty page may carry
    a cursor.
    """

    lines: tuple[LogLine, ...]
    cursor: str | None = None


class SearchPage(Struct, frozen=True):
    """One page of the server's own search, newest first.

    ``lines`` carry clean messages (highlight marks removed); ``highlights[i]`` are
    the (start, end) character ranges the server marked in ``lines[i].message``.
    """

    lines: tuple[LogLine, ...]
    highlights: tuple[tuple[tuple[int, int], ...], ...]
    cursor: str | None = None


class Notification(Struct, frozen=True):
    """What a server tells its user of a workflow or a job, unread; texts as they came.

    ``entity_id`` is that of the job, or of the workflow, it is about.
    """

    id: str
    kind: str
    title: str = ""
    message: str = ""
    entity_id: str = ""
    action_url: str = ""
    created_at: datetime | None = None

    def is_about(self, workflow_id: str) -> bool:
        """Whether it is about a workflow or one of its jobs."""
        place = f"/workflows/{workflow_id}/"
        return self.entity_id == workflow_id or place in f"{self.action_url}/"


class WorkflowTotals(NamedTuple):
    """What a server has counted of a workflow: jobs, lines, seconds they ran."""

    jobs: int = 0
    lines: int = 0
    seconds: int = 0


class RawFormat(StrEnum):
    TXT = "txt"
    JSON = "json"
    JSONL = "jsonl"


class Connected(Struct, frozen=True):
    """The subscription stands; only lines written from now on will arrive."""


class LiveLines(Struct, frozen=True):
    """Lines that arrived together, in arrival order, with ``retained`` False.

    ``unreadable`` counts frames of this batch that could not be decoded.
    """

    lines: tuple[LogLine, ...]
    unreadable: int = 0


class StreamEnded(Struct, frozen=True):
    """The server said the stream is over."""


class StreamFailed(Struct, frozen=True):
    reason: str


LiveEvent: TypeAlias = Connected | LiveLines | StreamEnded | StreamFailed
"""What a live stream says, one value an event or a batch."""


# What the event stream of an app's run says (WIRE.md "Dify: events").


class NodeState(ServerObject, frozen=True):
    """A node of a run as one event tells it; the last one told of an id is true.

    ``id`` is that of this execution, ``node_id`` that of the node in the graph.
    ``status`` is the server's word (``running`` at its start). Times are aware, in
    UTC; ``elapsed`` is seconds. ``parent_id`` is the iteration or loop it runs in, ""
    for none, ``round`` which turn of that. ``retries`` counts from 1. ``fields`` is
    the event's data as decoded; a form token never stands in it. ``is_snapshot`` tells
    one that was replayed from one told as it happened.
    """

    id: str
    title: str
    node_type: str = ""
    node_id: str = ""
    status: str = "running"
    started_at: datetime | None = None
    finished_at: datetime | None = None
    elapsed: float | None = None
    error: str = ""
    parent_id: str = ""
    round: int | None = None
    retries: int = 0
    is_snapshot: bool = False
    fields: Mapping[str, object] = field(default_factory=dict)


class RunText(Struct, frozen=True):
    """Text of a run's answer as it is made; ``replaces`` all that came before it."""

    text: str
    replaces: bool = False


class RunNote(ServerObject, frozen=True):
    """What an event says in words: the run began, paused, ended, an agent's log.

    ``kind`` is the server's event (``workflow_paused``), ``text`` a sentence of ours,
    the server's words in it as they came. ``is_error`` tells what went wrong;
    ``is_over`` that the stream has nothing more to say.
    """

    kind: str
    text: str
    at: datetime | None = None
    is_error: bool = False
    is_over: bool = False
    fields: Mapping[str, object] = field(default_factory=dict)


class RunPing(Struct, frozen=True):
    """The stream is alive and has nothing to say."""


RunEvent: TypeAlias = NodeState | RunText | RunNote | RunPing
"""What a stream of a run's events says, one value an event."""
