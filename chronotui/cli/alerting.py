"""Alerts of commands that go on: the end of a job that is followed, or that ran.

`logs --follow` and `board --watch` obey ``[alerts]`` as the desk does. Bell, title and
notification go to a terminal alone; what another desk or command has told is not told
again.
"""

from __future__ import annotations

import os
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from chronotui.cli.output import is_terminal
from chronotui.engine.alert_command import (
    PARTING_SECONDS,
    AlertCommand,
    variables_of,
    without_secrets,
)
from chronotui.engine.alerts import (
    AlertNotice,
    beginning_of,
    end_event,
    end_sentence,
    gathered,
    new_alert,
)
from chronotui.engine.follow import Follow
from chronotui.engine.sweep import JobOf
from chronotui.log.handoff import Origin
from chronotui.model import JobStatus
from chronotui.storage.alert_book import AlertBook, AlertKind
from chronotui.ui.term.notice import TerminalCall

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from chronotui.cli.invocation import Invocation
    from chronotui.engine.fleet import Fleet
    from chronotui.model import Job, Workflow

COMMAND_SECONDS: Final = 10.0
"""How long the command is waited for when there is nothing else to do."""

SKEW_SECONDS: Final = 60.0
"""What failed so long before the watch began, by the server's clock, may be news: the
clocks may differ."""


class EndAlerts:
    """Tells the ends of jobs on a terminal and by the command, each once."""

    def __init__(self, invocation: Invocation) -> None:
        config, profile = invocation.config, invocation.profile
        self._server = invocation.named_server
        self._has_runs = invocation.has_runs
        self._book = AlertBook.of(profile)
        self._command = AlertCommand(
            config.alerts.command,
            without_secrets(os.environ, [*config.profiles.values(), profile]),
            invocation.say,
        )
        self._call = TerminalCall(config.alerts, os.environ)
        terminals = [each for each in (sys.stderr, sys.stdout) if is_terminal(each)]
        self._terminal = terminals[0] if terminals else None

    def tell(self, ended: Iterable[JobOf]) -> None:
        """Tell that jobs have ended."""
        notices = [self._notice(each.workflow, each.job) for each in ended]
        mine = self._book.claim(each.event for each in notices)
        told = gathered([each for each in notices if each.event in mine])
        for notice in told:
            self._command.start(variables_of(notice, self._opens(notice.job)))
        if told:
            worst = next((each for each in told if each.is_bad), told[0])
            more = f" and {len(told) - 1} more" if len(told) > 1 else ""
            headline = f"{worst.headline()}{more}"
            self._write(self._call.call(headline, [each.sentence for each in told]))

    async def finish(self, seconds: float = COMMAND_SECONDS) -> None:
        """Wait for the command, and give the terminal its title back."""
        try:
            await self._command.finish(seconds)
        finally:
            self._write(self._call.restored())

    def _notice(self, workflow: Workflow, job: Job) -> AlertNotice:
        has_failed = job.status == JobStatus.FAILED
        kind = AlertKind.FAILURE if has_failed else AlertKind.END
        name = workflow.shown_name
        alert = new_alert(kind, name, workflow_id=workflow.id, now=time.time())
        short_id = beginning_of(job)
        sentence = end_sentence(name, job, short_id, time.time())
        return AlertNotice(end_event(job), alert, name, job, short_id, sentence)

    def _opens(self, job: Job) -> str:
        shown = job.shown_id
        workflow = "" if self._has_runs else job.workflow_id
        return Origin(workflow, shown, "", shown, self._server).command()

    def _write(self, written: str) -> None:
        if written and self._terminal is not None:
            # What the terminal's encoding lacks must not keep the bell from ringing.
            content = written.encode(self._terminal.encoding, "replace")
            with suppress(OSError, ValueError):
                self._terminal.flush()
                self._terminal.buffer.write(content)
                self._terminal.buffer.flush()


async def tell_end(invocation: Invocation, workflow: Workflow, job: Job) -> None:
    """Tell the end of a job that was followed to it."""
    alerts = EndAlerts(invocation)
    alerts.tell([JobOf(workflow, job)])
    await alerts.finish()


class FollowedEnds:
    """Tells the ends of several jobs that are followed, as they come."""

    def __init__(self, invocation: Invocation, jobs: Iterable[tuple[JobOf, object]]):
        self._alerts = EndAlerts(invocation)
        self._left = [
            (of, follow)
            for of, follow in jobs
            if isinstance(follow, Follow) and not of.job.has_ended
        ]

    def join(self, of: JobOf, follow: Follow) -> None:
        """Tell the end of one more job."""
        self._left.append((of, follow))

    def look(self) -> None:
        """Tell which have ended since."""
        over = [
            of._replace(job=follow.result.job)
            for of, follow in self._left
            if follow.result is not None
        ]
        if over:
            self._left = [each for each in self._left if each[1].result is None]
            self._alerts.tell(over)

    async def finish(self, *, interrupted: bool = False) -> None:
        """Tell the rest, and wait for the command, a moment where that is too long."""
        self.look()
        await self._alerts.finish(PARTING_SECONDS if interrupted else COMMAND_SECONDS)


class BoardAlerts:
    """Tells the ends of what ran on a board, and what failed since it is watched."""

    def __init__(self, invocation: Invocation, fleet: Fleet) -> None:
        self._alerts = EndAlerts(invocation)
        self._fleet = fleet
        self._since = time.time() - SKEW_SECONDS
        self._running: dict[str, JobOf] = {}
        self._known: set[str] = set()
        self._read: set[str] = set()

    def look(self, running: Sequence[JobOf], failed: Sequence[JobOf]) -> None:
        """Take the board as it is now."""
        ended = [each for each in failed if self._is_new(each)]
        before, self._running = self._running, {each.job.id: each for each in running}
        gone = before.keys() - self._running.keys()
        for each in map(before.__getitem__, gone):
            jobs = self._fleet.jobs(each.workflow.id)
            same = (job for job in jobs if job.id == each.job.id and job.has_ended)
            ended += [JobOf(each.workflow, job) for job in same]
        self._known.update(each.job.id for each in failed)
        fleet = self._fleet
        self._read = {each for each in fleet.workflows if fleet.age(each) is not None}
        if ended:
            self._alerts.tell({each.job.id: each for each in ended}.values())

    async def finish(self) -> None:
        await self._alerts.finish(PARTING_SECONDS)

    def _is_new(self, one: JobOf) -> bool:
        """Whether a job failed since: what is read first was over before."""
        if one.job.id in self._known or one.workflow.id not in self._read:
            return False
        at = one.job.completed_at or one.job.updated_at
        return at is not None and at.timestamp() >= self._since
