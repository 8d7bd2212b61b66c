"""What of a job is worth telling: alerts held against what is read, and told once.

Whoever reads jobs and lines shows them here; nothing is asked for. An event, such as
the end of a job, has one name however many alerts wait for it, and is told once, over
desks, commands and starts: see `AlertBook`.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from chronotui.engine.sweep import made_at
from chronotui.log.pattern import (
    LINE_SECONDS,
    BadPattern,
    LineMatcher,
    compile_pattern,
    searched_message,
)
from chronotui.model import JobStatus
from chronotui.storage.alert_book import Alert, AlertKind
from chronotui.text import clean, plural, printable_line
from chronotui.times import age, human_duration

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from chronotui.log.pattern import Pattern
    from chronotui.model import Job, LogLine
    from chronotui.storage.alert_book import AlertBook
    from chronotui.tree.stall import Stall

SHORT_ID: Final = 8

AGO_SECONDS: Final = 90.0
"""From so long ago on it is said how long ago a job ended."""

LATE_LINES: Final = 120.0
"""So long after its end a job's last lines are looked at: a list of them grows for a
minute (WIRE.md "Logs")."""

MOST_AT_ONCE: Final = 5
"""So many events of one alert are told one by one; of more the last one sums up."""

MANY_LINES: Final = 100
"""Of so many lines in a row the first and the last tell whether any can be new."""

LINE_SHOWN: Final = 200
"""Characters of a line that are told in a sentence."""


class AlertNotice(NamedTuple):
    """One event that is told.

    Attributes:
        event: Its name, the same wherever it is noticed.
        workflow: The workflow's name, not cleaned.
        short_id: The job's id as it is shown.
        sentence: What happened, cleaned.
        line: The line that matched, not cleaned; None for other events.
    """

    event: str
    alert: Alert
    workflow: str
    job: Job
    short_id: str
    sentence: str
    line: LogLine | None = None

    @property
    def is_bad(self) -> bool:
        """Whether it tells of something that is not as it should be."""
        return self.alert.kind is AlertKind.STALL or self.job.status == JobStatus.FAILED

    def headline(self) -> str:
        """Return it in a few words, cleaned, for a title."""
        status = str(self.job.status)
        what = {AlertKind.PATTERN: "matched", AlertKind.STALL: "stalled"}
        who = subject(self.workflow, self.job, self.short_id)
        return f"{who} {what.get(self.alert.kind, status)}"


def subject(workflow: str, job: Job, short_id: str) -> str:
    """Return a job and its workflow by name, cleaned."""
    return clean(f"{workflow or job.workflow_id} {short_id}")


def beginning_of(job: Job) -> str:
    """Return what a job is called where no list cuts ids as short as can be."""
    return job.shown_id[:SHORT_ID]


def end_event(job: Job) -> str:
    """Return the name of a job's end, whoever waits for it."""
    return f"ended:{job.id}"


def end_sentence(workflow: str, job: Job, short_id: str, now: float) -> str:
    """Return how a job ended, and how long ago where that is not now."""
    words = f"{subject(workflow, job, short_id)} {clean(str(job.status))}"
    seconds, ago = job.duration(), job.seconds_since_end(now)
    if seconds is not None:
        words += f" after {human_duration(seconds)}"
    if (job.attempts or 1) > 1:
        words += f", {job.attempts} attempts"
    if ago is not None and ago >= AGO_SECONDS:
        words += f", {age(ago)} ago"
    return f"{words}."


@lru_cache(maxsize=64)
def matcher(pattern: str) -> LineMatcher | None:
    """Return what tells whether a line matches; None for what is no expression."""
    try:
        return LineMatcher(compile_pattern(pattern))
    except BadPattern:
        return None


def may_match(pattern: Pattern, lines: Sequence[LogLine]) -> bool:
    """Whether any of some lines may match an expression, looked at all at once.

    That takes a tenth of the time of one after the other.
    """
    many = None if pattern.words else pattern.for_many_lines
    if many is None or len(lines) < MANY_LINES // 10:
        return True
    text = "\n".join([searched_message(line.message) for line in lines])
    if text.count("\n") >= len(lines):
        return True  # a message has some of its own
    try:
        return many.search(text, timeout=LINE_SECONDS) is not None
    except TimeoutError:
        return True


def is_about(alert: Alert, job: Job) -> bool:
    """Whether an alert waits for what becomes of a job: it was not over by then."""
    if not alert.concerns(job.workflow_id, job.id):
        return False
    if alert.job_id or job.id in alert.open_ids:
        return True
    return made_at(job).timestamp() > alert.after


def is_new_line(alert: Alert, job: Job, line: LogLine) -> bool:
    """Whether a line of a job it is about was not there when an alert was set."""
    if alert.job_id and alert.place is not None:
        return line[:2] > alert.place
    if not alert.job_id and job.id not in alert.open_ids:
        return True
    if line.time_ns is None:
        return not line.retained
    return line.time_ns / 1e9 > alert.set_at


class AlertRules:
    """Holds what is read against the alerts that stand.

    Args:
        book: The alerts, and what was told.
        wall: Seconds since the epoch.
        short_id: Cuts a job's id as it is shown.

    Attributes:
        alerts: Those that stand.
        flagged: The ids of jobs, and of workflows of which every run, they are about.
        pending: Events that were noticed and not claimed yet.
    """

    def __init__(
        self,
        book: AlertBook,
        wall: Callable[[], float],
        short_id: Callable[[Job], str] = beginning_of,
    ) -> None:
        self._book = book
        self._wall = wall
        self._short_id = short_id
        self._seen_events: set[str] = set()
        self._ended_at: dict[str, float] = {}
        self._of_no_alert: set[str] = set()
        self._by_workflow: dict[str, list[Alert]] = {}
        self.alerts: tuple[Alert, ...] = ()
        self.flagged: frozenset[str] = frozenset()
        self.pending: list[AlertNotice] = []

    def reread(self) -> bool:
        """Take over which alerts stand; tell whether others do than before."""
        alerts = self._book.standing()
        if alerts == self.alerts:
            return False
        self.alerts = alerts
        self.flagged = frozenset(each.job_id or each.workflow_id for each in alerts)
        self._of_no_alert.clear()
        self._by_workflow = {}
        for alert in alerts:
            self._by_workflow.setdefault(alert.workflow_id, []).append(alert)
        return True

    def about(self, job: Job, *kinds: AlertKind) -> Iterator[Alert]:
        """Yield the alerts of some kinds that are about a job."""
        for alert in self._by_workflow.get(job.workflow_id, ()):
            if alert.kind in kinds and is_about(alert, job):
                yield alert

    # what is read

    def see_job(self, job: Job, workflow: str) -> None:
        """Take a job as it was read."""
        if not job.has_ended or job.id in self._of_no_alert:
            return
        self._ended_at.setdefault(job.id, self._wall())
        event = end_event(job)
        if event in self._seen_events:
            return
        kinds = [AlertKind.END]
        if job.status == JobStatus.FAILED:
            kinds.append(AlertKind.FAILURE)
        for alert in self.about(job, *kinds):
            short_id = self._short_id(job)
            sentence = end_sentence(workflow, job, short_id, self._wall())
            self._notice(AlertNotice(event, alert, workflow, job, short_id, sentence))
            return
        self._of_no_alert.add(job.id)

    def see_lines(self, job: Job, workflow: str, lines: Sequence[LogLine]) -> None:
        """Take lines of a job, in any order; the first that matches is told."""
        for alert in self.about(job, AlertKind.PATTERN):
            event = f"line:{job.id}:{alert.pattern}"
            matches = matcher(alert.pattern)
            if event in self._seen_events or matches is None:
                continue
            if len(lines) > MANY_LINES and not any(
                is_new_line(alert, job, end) for end in (lines[0], lines[-1])
            ):
                continue
            if not may_match(matches.pattern, lines):
                continue
            for line in sorted(lines, key=_place):
                if is_new_line(alert, job, line) and matches(line.message):
                    short_id = self._short_id(job)
                    said = _said(subject(workflow, job, short_id), line)
                    self._notice(
                        AlertNotice(event, alert, workflow, job, short_id, said, line)
                    )
                    break

    def see_stall(self, job: Job, workflow: str, stall: Stall, place: str) -> None:
        """Take it that a job has stalled behind a line, by the line's place."""
        event = f"stall:{job.id}:{place}"
        if event in self._seen_events:
            return
        for alert in self.about(job, AlertKind.STALL):
            short_id = self._short_id(job)
            who = subject(workflow, job, short_id)
            words = f"{who} has stalled: {stall.words()}."
            self._notice(AlertNotice(event, alert, workflow, job, short_id, words))
            return

    def see_gone(self, alert: Alert) -> None:
        """Take it that the server has an alert's job no more."""
        self._book.remove([alert])

    def _notice(self, notice: AlertNotice) -> None:
        self._seen_events.add(notice.event)
        if not self._book.was_told(notice.event):
            self.pending.append(notice)

    # telling

    def take_pending(self) -> list[AlertNotice]:
        """Return the pending events, which are whoever takes them from now on."""
        pending, self.pending = self.pending, []
        return pending

    def claimed(self, pending: Sequence[AlertNotice]) -> list[AlertNotice]:
        """Return the events that nobody else told; may wait for the disk."""
        mine = self._book.claim(each.event for each in pending)
        return gathered([each for each in pending if each.event in mine])

    def spent(self, jobs: Mapping[str, Job]) -> list[Alert]:
        """Return the alerts of one job that have nothing more to tell.

        Args:
            jobs: The jobs by id, as far as they were read.
        """
        return [
            alert
            for alert in self.alerts
            if self._is_spent(alert, jobs.get(alert.job_id))
        ]

    def _is_spent(self, alert: Alert, job: Job | None) -> bool:
        if not alert.job_id or job is None:
            return False
        event = f"line:{job.id}:{alert.pattern}"
        if alert.kind is AlertKind.PATTERN and event in self._seen_events:
            return True
        if not job.has_ended:
            return False
        if alert.kind is not AlertKind.PATTERN:
            return True
        ended = self._ended_at.setdefault(job.id, self._wall())
        return self._wall() - ended >= LATE_LINES


def _place(line: LogLine) -> tuple[int, int]:
    return line[:2]


def _said(who: str, line: LogLine) -> str:
    said = printable_line(line.message)
    if len(said) > LINE_SHOWN:
        said = f"{said[: LINE_SHOWN - 1]}…"
    return f"{who}: {said}"


def gathered(notices: Sequence[AlertNotice]) -> list[AlertNotice]:
    """Return notices as they are told: of many events of one alert one sums up."""
    by_alert: dict[tuple[str, ...], list[AlertNotice]] = {}
    for notice in notices:
        by_alert.setdefault(notice.alert.key, []).append(notice)
    return [each for some in by_alert.values() for each in _summed_up(some)]


def _summed_up(notices: list[AlertNotice]) -> Iterable[AlertNotice]:
    if len(notices) <= MOST_AT_ONCE:
        return notices
    worst_first = sorted(notices, key=lambda each: not each.is_bad)
    told, rest = worst_first[: MOST_AT_ONCE - 1], worst_first[MOST_AT_ONCE - 1 :]
    bad = sum(each.is_bad for each in rest)
    name = clean(rest[0].workflow or rest[0].job.workflow_id)
    words = f"{name}: {plural(len(rest), 'more event')}"
    words += f", {bad:,} of them bad." if bad else "."
    return [*told, rest[0]._replace(sentence=words)]


def new_alert(
    kind: AlertKind,
    workflow: str,
    *,
    job: Job | None = None,
    workflow_id: str = "",
    pattern: str = "",
    known: Iterable[Job] | None = None,
    place: tuple[int, int] | None = None,
    now: float,
) -> Alert:
    """Return an alert as it is set now.

    Args:
        job: The one it is about; None for every run.
        known: What is known of the workflow's jobs, None while nothing was read.
        place: The newest line of the job, where its log is open.
    """
    jobs = None if known is None or job is not None else list(known)
    after = now
    if jobs is not None:
        after = max((made_at(each).timestamp() for each in jobs), default=0.0)
    return Alert(
        kind,
        workflow_id if job is None else job.workflow_id,
        workflow,
        job_id="" if job is None else job.id,
        shown_id="" if job is None else job.shown_id,
        pattern=pattern,
        set_at=now,
        after=after,
        open_ids=tuple(
            dict.fromkeys(each.id for each in jobs or () if not each.has_ended)
        ),
        place=place,
    )
