"""Watching for what alerts wait for, with as little asked as that takes.

The state of jobs comes from the fleet and from what the desk has open, for nothing. A
line that matches, or a job that stalls, takes the job's lines: those of an opened log
come by themselves, another job is listened to, `MOST_STREAMS` at a time.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Final, NamedTuple, cast

from chronotui.engine.alert_questions import AlertQuestions
from chronotui.engine.alerts import AlertRules, matcher
from chronotui.engine.job_log import JobLog
from chronotui.engine.timing import Clock, Listeners, set_within
from chronotui.model import JobStatus
from chronotui.storage.alert_book import AlertKind
from chronotui.text import plural
from chronotui.tree.stall import why_unjudged

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Sequence

    from chronotui.engine.alerts import AlertNotice
    from chronotui.engine.session import Session
    from chronotui.model import Job, LogLine
    from chronotui.sources.protocol import Source
    from chronotui.storage.alert_book import Alert, AlertBook
    from chronotui.tree.short_ids import Named

MOST_STREAMS: Final = 4
"""Jobs that are listened to for alerts at a time, of the streams there are."""

LOOK_EVERY: Final = 5.0
"""Seconds between two looks while nothing changes: silence is no change."""

CALM: Final = 0.5
"""Seconds between two looks while much changes."""

TICK: Final = 0.1

TOLD_KEPT: Final = 3

LEAST_SKEW: Final = 3.0
"""Seconds from which on clocks are taken to differ: it is known to a second or two."""

LINES_BACK: Final = 1_000
"""Lines that an opened log holds already which are looked at for a pattern."""


class Standing(NamedTuple):
    """An alert that stands, and how it is watched for, or why not, in words."""

    alert: Alert
    words: str


class ToldAlert(NamedTuple):
    """What was told here, and when, in seconds since the epoch."""

    at: float
    sentence: str


async def nothing_more() -> None:
    """Wait for nothing."""


class AlertWatch:
    """Looks at what is read, and tells what alerts wait for.

    Belongs to one event loop; everything but ``run`` returns at once.

    Args:
        session: Where jobs and lines come from.
        book: The alerts, and what was told.
        deliver: Tells events to people.
        parting: Waits a moment for what tells them, when the session is closed.

    Attributes:
        told: What was told last, the newest at the end.
    """

    def __init__(
        self,
        session: Session,
        book: AlertBook,
        deliver: Callable[[Sequence[AlertNotice]], None],
        *,
        parting: Callable[[], Awaitable[None]] = nothing_more,
        clock: Clock | None = None,
    ) -> None:
        self._session = session
        self._book = book
        self._deliver = deliver
        self.parting = parting
        self._clock = clock = clock or Clock()
        self._rules = AlertRules(book, clock.wall, self.short_id)
        self._wake = asyncio.Event()
        self._listeners = Listeners(TICK)
        self._questions: AlertQuestions | None = None
        if session.fleet is not None:
            client = cast("Source", session.client)
            self._questions = AlertQuestions(
                client, session.fleet, clock, self._wake.set
            )
        self._known: dict[str, Job] = {}
        self._logs: dict[str, tuple[JobLog, Callable[[], None]]] = {}
        self._heard: dict[str, Job] = {}
        self.told: deque[ToldAlert] = deque(maxlen=TOLD_KEPT)
        self._rules.reread()

    # what stands

    @property
    def flagged(self) -> frozenset[str]:
        """The ids of jobs, and of workflows of which every run, an alert is about."""
        return self._rules.flagged

    @property
    def problem(self) -> str:
        """Why alerts are not kept for the next start; "" for nothing."""
        return self._book.problem

    def subscribe(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call ``listener`` after other alerts stand; return what ends that."""
        return self._listeners.add(listener)

    def add(self, alert: Alert) -> bool:
        """Set an alert; False where it stands already, or there are too many."""
        was_added = self._book.add(alert)
        self._changed()
        return was_added

    def remove(self, alert: Alert) -> None:
        self._book.remove([alert])
        self._changed()

    def standing(self) -> list[Standing]:
        """Return the alerts that stand, the oldest first, and how they are watched."""
        return [Standing(each, self._how(each)) for each in self._rules.alerts]

    def server_now(self) -> float:
        """Return the time by the server's clock, where that is known to be another."""
        skew = self._session.client.clock_skew or 0.0
        return self._clock.wall() + (skew if abs(skew) >= LEAST_SKEW else 0.0)

    def known_jobs(self, workflow_id: str) -> list[Job] | None:
        """Return what was read of a workflow's jobs; None while nothing was."""
        jobs, fleet = list(self._jobs(workflow_id)), self._session.fleet
        was_read = fleet is not None and fleet.age(workflow_id) is not None
        return jobs if jobs or was_read else None

    def newest(self, job: Job) -> Job:
        """Return a job as it was read last, its end where anybody knows it."""
        readings = [each for each in self._jobs(job.workflow_id) if each.id == job.id]
        ended = (each for each in readings if each.has_ended)
        return next(ended, readings[0] if readings else job)

    def _how(self, alert: Alert) -> str:
        if alert.kind is AlertKind.PATTERN and matcher(alert.pattern) is None:
            return "its pattern cannot be read"
        if not alert.reads_lines:
            return ""
        running = [job for job in self._running() if self._is_about(alert, job)]
        if not running:
            return "listens when it runs"
        if not any(job.id in self._listened for job in running):
            return f"waits: {plural(MOST_STREAMS, 'job')} are listened to at a time"
        if alert.kind is AlertKind.PATTERN:
            return "listens"
        return self._how_judged(running[0]) or "listens"

    def _is_about(self, alert: Alert, job: Job) -> bool:
        return alert in self._rules.about(job, alert.kind)

    def _how_judged(self, job: Job) -> str:
        newest, questions = self._session.newest_lines, self._questions
        tail = None if newest is None else newest.of(job.id)
        if questions is None or tail is None:
            return ""
        past = questions.past_of(job.workflow_id)
        return why_unjudged(tail.pauses, past, took=0.0)

    def short_id(self, named: Named) -> str:
        """Return the id of a job, or of an alert's, as the tree shows it."""
        return self._session.catalog.tree.short_id(named)

    # what goes on

    async def run(self) -> None:
        """Watch until cancelled."""
        session = self._session
        ends = [session.catalog.subscribe(self._wake.set)]
        if session.fleet is not None:
            ends.append(session.fleet.subscribe(self._wake.set))
        if session.newest_lines is not None:
            ends.append(session.newest_lines.lines_arrived(self._lines_arrived))
        try:
            while True:
                self._wake.clear()
                self._look()
                await self._tell()
                self._book.remove(self._rules.spent(self._known))
                self._reread()
                await asyncio.sleep(CALM)
                await set_within(self._wake, LOOK_EVERY)
        finally:
            for end in [*ends, *(detach for _, detach in self._logs.values())]:
                end()
            if self._questions is not None:
                self._questions.close()

    async def _tell(self) -> None:
        """Tell what was noticed and nobody else has told."""
        pending = self._rules.take_pending()
        if not pending:
            return
        notices = await asyncio.to_thread(self._rules.claimed, pending)
        now = self._clock.wall()
        self.told += [ToldAlert(now, each.sentence) for each in notices]
        self._deliver(notices)

    def _changed(self) -> None:
        self._reread()
        self._wake.set()

    def _reread(self) -> None:
        """Take over which alerts stand by now."""
        if self._rules.reread():
            self._listeners.notify()

    def _look(self) -> None:
        """Hold all that is known against the alerts; ask for what is missing."""
        self._reread()
        self._gather()
        self._attach_logs()
        for job in self._known.values():
            self._rules.see_job(job, self._name(job))
        self._listen()
        self._judge()
        if self._questions is not None:
            self._ask(self._questions)

    # jobs

    def _gather(self) -> None:
        """Take one reading of each job of the alerts' workflows: its end, if known."""
        self._known = {}
        for workflow_id in dict.fromkeys(a.workflow_id for a in self._rules.alerts):
            for job in self._jobs(workflow_id):
                known = self._known.get(job.id)
                if known is None or (job.has_ended and not known.has_ended):
                    self._known[job.id] = job

    def _jobs(self, workflow_id: str) -> Iterator[Job]:
        """Yield the readings there are of a workflow's jobs; one may come twice."""
        session = self._session
        if session.fleet is not None:
            yield from session.fleet.jobs(workflow_id)
        branch = session.catalog.tree.branch(workflow_id)
        yield from () if branch is None else branch.jobs
        opened = [each.log.state.job for each in session.opened]
        alone = () if self._questions is None else self._questions.alone.values()
        for job in (*opened, *alone):
            if job.workflow_id == workflow_id:
                yield job

    def _name(self, job: Job) -> str:
        fleet = self._session.fleet
        workflow = None if fleet is None else fleet.workflow(job.workflow_id)
        branch = self._session.catalog.tree.branch(job.workflow_id)
        if workflow is None and branch is not None:
            workflow = branch.workflow
        if workflow is not None:
            return workflow.shown_name
        alerts = self._rules.alerts
        named = (a.workflow for a in alerts if a.workflow_id == job.workflow_id)
        return next(named, "")

    def _running(self) -> list[Job]:
        """Return the running jobs whose lines alerts wait for, most wanted first."""
        wanted = []
        for job in self._known.values():
            if job.status == JobStatus.RUNNING:
                about = list(self._rules.about(job, AlertKind.PATTERN, AlertKind.STALL))
                if about:
                    wanted.append((not any(each.job_id for each in about), job))
        return [job for _, job in sorted(wanted, key=lambda each: each[0])]

    # lines

    @property
    def _listened(self) -> set[str]:
        return {job.id for job in self._running()[:MOST_STREAMS]}

    def _listen(self) -> None:
        chosen = self._running()[:MOST_STREAMS]
        self._heard |= {job.id: job for job in chosen}
        if self._session.newest_lines is not None:
            self._session.newest_lines.want(chosen, by="alerts")

    def _attach_logs(self) -> None:
        """Take the lines of the opened logs that patterns are looked for in."""
        wanted: dict[str, JobLog] = {}
        for opened in self._session.opened:
            log, job = opened.log, opened.log.state.job
            if not isinstance(log, JobLog) or not opened.is_watched:
                continue
            if any(self._rules.about(job, AlertKind.PATTERN)):
                wanted[job.id] = log
        for job_id, (log, detach) in list(self._logs.items()):
            if wanted.get(job_id) is not log:
                del self._logs[job_id]
                detach()
        for job_id, log in wanted.items():
            if job_id not in self._logs:
                self._attach(job_id, log)

    def _attach(self, job_id: str, log: JobLog) -> None:
        def entered(lines: Sequence[LogLine]) -> None:
            self._lines_arrived(log.state.job, lines)

        self._logs[job_id] = (log, log.lines_entered(entered))
        count = len(log.store)
        entered(log.store.lines(max(count - LINES_BACK, 0), count))

    def _lines_arrived(self, job: Job, lines: Sequence[LogLine]) -> None:
        self._rules.see_lines(job, self._name(job), lines)
        if self._rules.pending:
            self._wake.set()

    # stalls

    def _judge(self) -> None:
        newest, questions = self._session.newest_lines, self._questions
        if newest is None or questions is None:
            return
        for job in self._running()[:MOST_STREAMS]:
            if not any(self._rules.about(job, AlertKind.STALL)):
                continue
            questions.learn_past(job.workflow_id)
            past = questions.past_of(job.workflow_id)
            stall = newest.stall_of(job, past.usual, past.silent)
            tail = newest.of(job.id)
            if stall is not None and tail is not None:
                line = tail.line
                place = "start" if line is None else f"{line.attempt}:{line[1]}"
                self._rules.see_stall(job, self._name(job), stall, place)

    # what is asked

    def _ask(self, questions: AlertQuestions) -> None:
        for alert in self._rules.alerts:
            known = self._known.get(alert.job_id)
            if alert.job_id and not (known is not None and known.has_ended):
                questions.look_for(alert, self._rules.see_gone)
        for job_id in list(self._heard):
            job = self._known.get(job_id)
            if job is None or job.has_ended:
                del self._heard[job_id]
            if job is None or not job.has_ended or job_id in self._logs:
                continue
            if any(self._rules.about(job, AlertKind.PATTERN)):
                questions.read_end(job, self._lines_arrived)
