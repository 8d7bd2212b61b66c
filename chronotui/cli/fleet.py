"""The verbs `jobs` and `board`, which go over all workflows."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

from chronotui.cli.invocation import typed_time
from chronotui.cli.lists import JOB_COLUMNS, TABLE_ROWS, jobs_of_one, json_array
from chronotui.cli.output import (
    Column,
    columns,
    cut_to_cells,
    shows_progress,
    table_lines,
)
from chronotui.model import JobFilter, JobStatus, Trigger
from chronotui.text import clean, plural
from chronotui.times import human_duration, usual_duration

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from chronotui.cli.invocation import Invocation
    from chronotui.engine.fleet import Fleet
    from chronotui.engine.sweep import JobOf, Overview, Sweep
    from chronotui.errors import ChronotuiError
    from chronotui.model import Job
    from chronotui.sources.protocol import Source

SAID_EVERY: Final = 5.0
"""Seconds after which it is said again how far a sweep is."""

DRAWN_EVERY: Final = 1.0
"""Seconds between two drawings of a board that is watched."""

FIRST_LOOK: Final = 0.1
"""Seconds until it is looked again while nothing was answered yet."""

LATELY: Final = timedelta(hours=24)
"""What failed within this has failed lately, unless --since says otherwise."""

SIGN_IN_LASTS: Final = 60.0
"""A refused sign-in that stood so long ends a board that is watched."""

INCOMPLETE: Final = 6


# `jobs`.


def jobs(invocation: Invocation) -> int:
    """List the jobs of a workflow, or of all, newest first."""
    options = invocation.options
    if options.workflow is not None:
        return jobs_of_one(invocation)
    only = JobFilter(
        JobStatus.parse(options.status) if options.status else None,
        Trigger.parse(options.trigger) if options.trigger else None,
    )
    is_table = options.output == "table"
    limit = TABLE_ROWS if options.limit is None and is_table else options.limit

    async def work(client: Source) -> int:
        from chronotui.engine.sweep import Overview

        overview = Overview(client, invocation.retries.ask)
        has_more = False
        async with _Told(invocation, overview.sweep):
            if limit is None:
                found = await overview.every_job(only)
            else:
                found, has_more = await overview.newest_jobs(limit, only)
        _check_any_read(overview)
        if is_table:
            invocation.output.write_table(_OF_JOBS, found)
        else:
            invocation.output.write(json_array([_object(one) for one in found]))
        invocation.output.flush()
        if not found:
            invocation.say(f"no jobs: {_read_words(overview)}.")
        elif has_more and options.limit is None:
            invocation.say(
                f"the first {plural(len(found), 'job')}; there are more: "
                "--limit N shows N of them, -o json all."
            )
        return _exit_code(invocation, overview)

    return invocation.with_client(work)


# `board`.


def board(invocation: Invocation) -> int:
    """Show what runs and what failed lately, over all workflows."""
    options = invocation.options
    since = typed_time("--since", options.since) if options.since is not None else None
    if options.watch:
        return invocation.with_client(lambda client: _watch(invocation, client, since))
    return invocation.with_client(lambda client: _show(invocation, client, since))


class BoardRow(NamedTuple):
    """A job on the board; ``usual`` is what its workflow's good runs take."""

    of: JobOf
    usual: float | None

    @property
    def job(self) -> Job:
        return self.of.job


async def _show(invocation: Invocation, client: Source, since: datetime | None) -> int:
    from chronotui.engine.sweep import Overview

    now = datetime.now(UTC)
    overview = Overview(client, invocation.retries.ask)
    async with _Told(invocation, overview.sweep):
        running, failed = await overview.running_and_failed(since or now - LATELY, now)
    _check_any_read(overview)
    rows = [
        BoardRow(one, overview.usual.get(one.workflow.id))
        for one in [*running, *failed]
    ]
    if invocation.options.output == "json":
        invocation.output.write(json_array([_object(row.of) for row in rows]))
    else:
        invocation.output.write_table(_BOARD, rows)
    invocation.output.flush()
    span = "since then" if since else "within 24 h"
    if not rows:
        words = _read_words(overview)
        invocation.say(f"nothing runs and nothing failed {span}: {words}.")
    return _exit_code(invocation, overview)


class _Told:
    """Says now and then how far a sweep is that takes long."""

    def __init__(self, invocation: Invocation, sweep: Sweep) -> None:
        self._invocation = invocation
        self._sweep = sweep
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> None:
        self._task = asyncio.create_task(self._tell())

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _tell(self) -> None:
        while True:
            await asyncio.sleep(SAID_EVERY)
            sweep = self._sweep
            if sweep.total == sweep.done:
                continue
            of = "" if sweep.total is None else f" of {sweep.total:,}"
            self._invocation.say(f"{sweep.done:,}{of} workflows read; it goes on.")


def _check_any_read(overview: Overview) -> None:
    """Raise what the first workflow was refused with, where each of them was."""
    sweep = overview.sweep
    if sweep.unread and len(sweep.unread) == len(sweep.workflows):
        raise sweep.unread[0].error


def _read_words(overview: Overview) -> str:
    """Say of how many workflows something is known."""
    sweep = overview.sweep
    read = plural(len(sweep.workflows) - len(sweep.unread), "workflow")
    return f"{read} could be read" if sweep.unread else read


def _exit_code(invocation: Invocation, overview: Overview) -> int:
    """Say what could not be read, and return what that makes of the exit code."""
    sweep = overview.sweep
    for unread in sweep.unread:
        name = clean(unread.workflow.shown_name)
        invocation.say(f"{name} could not be read: {unread.error.sentence}")
    for workflow in overview.looped:
        name = clean(workflow.shown_name)
        invocation.say(f"the list of {name} leads in circles; these jobs came.")
    if sweep.looped:
        invocation.say("the server's list of workflows leads in circles.")
    is_whole = not (sweep.unread or sweep.looped or overview.looped)
    return 0 if is_whole else INCOMPLETE


# `board --watch`.


async def _watch(invocation: Invocation, client: Source, since: datetime | None) -> int:
    """Go on within the budget until interrupted."""
    from chronotui.cli.alerting import BoardAlerts
    from chronotui.engine.fleet import Fleet, FleetSettings
    from chronotui.engine.timing import set_within

    profile = invocation.profile
    settings = FleetSettings(
        requests_per_minute=profile.requests_per_minute,
        poll_seconds=profile.poll_seconds,
    )
    fleet = Fleet(client, settings=settings)
    is_drawn = invocation.options.output != "json" and shows_progress(sys.stdout)
    # A drawing has the trouble in its heading, and no words may stand in its way.
    teller = Teller((lambda _: None) if is_drawn else invocation.say)
    view = (Drawing if is_drawn else ChangedJobs)(invocation, fleet)
    alerts = BoardAlerts(invocation, fleet)
    changed = asyncio.Event()
    fleet.subscribe(changed.set)
    task = asyncio.create_task(fleet.run())
    task.add_done_callback(lambda _: changed.set())
    try:
        while not task.done():
            changed.clear()
            now = asyncio.get_running_loop().time()
            teller.heed(fleet.problem, now, answered=bool(fleet.workflows))
            running, failed = board_jobs(fleet, since)
            if fleet.workflows or fleet.problem:
                view.show(running, failed)
                alerts.look([row.of for row in running], [row.of for row in failed])
            await asyncio.sleep(DRAWN_EVERY if fleet.workflows else FIRST_LOOK)
            await set_within(changed, SAID_EVERY)
        await task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await alerts.finish()
    return 0


def board_jobs(
    fleet: Fleet, since: datetime | None
) -> tuple[list[BoardRow], list[BoardRow]]:
    """Return what runs and what failed lately as far as read, newest first."""
    from chronotui.engine.sweep import JobOf, failed_since, newest_first

    running: list[JobOf] = []
    failed: list[JobOf] = []
    for workflow_id in fleet.workflows:
        workflow = fleet.workflow(workflow_id)
        if workflow is None:
            continue
        for job in fleet.jobs(workflow_id):
            if job.status == JobStatus.RUNNING:
                running.append(JobOf(workflow, job))
            elif failed_since(job, since) if since else fleet.has_failed_lately(job):
                failed.append(JobOf(workflow, job))

    def rows(jobs: list[JobOf]) -> list[BoardRow]:
        return [
            BoardRow(one, fleet.usual_seconds(one.workflow.id))
            for one in newest_first(jobs)
        ]

    return rows(running), rows(failed)


class Teller:
    """Says each trouble once; one that only a person could end ends the watch."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._said = ""
        self._refused_at: float | None = None

    def heed(
        self, problem: ChronotuiError | None, now: float, *, answered: bool = True
    ) -> None:
        """Take what stands between us and the server now.

        Args:
            answered: Whether anything ever was.

        Raises:
            NotSignedInError: Nobody can sign in, from the start or for long.
        """
        from chronotui.errors import NotSignedInError, WebPageError

        if not isinstance(problem, NotSignedInError) or isinstance(
            problem, WebPageError
        ):
            self._refused_at = None
            self._tell(problem)
            return
        self._refused_at = now if self._refused_at is None else self._refused_at
        if not answered or now - self._refused_at >= SIGN_IN_LASTS:
            raise problem
        self._tell(problem)

    def _tell(self, problem: ChronotuiError | None) -> None:
        sentence = "" if problem is None else problem.sentence
        if sentence and sentence != self._said:
            self._say(f"{sentence.rstrip('.')}; asked again.")
        self._said = sentence


class ChangedJobs:
    """Writes a line of JSON for each job that comes to the board or changes there.

    One that ran there is written once more with its end, however it ended.
    """

    def __init__(self, invocation: Invocation, fleet: Fleet) -> None:
        self._output = invocation.output
        self._fleet = fleet
        self._written: dict[str, object] = {}
        self._running: dict[str, JobOf] = {}

    def show(self, running: Sequence[BoardRow], failed: Sequence[BoardRow]) -> None:
        for row in [*running, *failed]:
            self._write(row.of)
        before, self._running = self._running, {one.job.id: one.of for one in running}
        for job_id in before.keys() - self._running.keys():
            self._write_end(before[job_id])
        self._output.flush()

    def _write_end(self, before: JobOf) -> None:
        for job in self._fleet.jobs(before.workflow.id):
            if job.id == before.job.id:
                self._write(before._replace(job=job))

    def _write(self, one: JobOf) -> None:
        state = (one.job.status, one.job.attempts, one.job.completed_at)
        if self._written.get(one.job.id) != state:
            self._written[one.job.id] = state
            self._output.write(f"{json.dumps(_object(one), ensure_ascii=False)}\n")


class Drawing:
    """Draws the table again in its place on a terminal, as far as it has lines."""

    def __init__(self, invocation: Invocation, fleet: Fleet) -> None:
        self._output = invocation.output
        self._profile = invocation.profile.name
        self._fleet = fleet
        self._height = 0

    def show(self, running: Sequence[BoardRow], failed: Sequence[BoardRow]) -> None:
        width, lines = _screen()
        rows = [*running, *failed]
        shown = rows[: max(1, lines - 4)]
        table = table_lines(_BOARD, shown, width=width, colour=self._output.has_colour)
        heading = self._heading(len(running), len(failed))
        text = [cut_to_cells(heading, width), *table]
        if len(shown) < len(rows):
            text.append(
                f"and {len(rows) - len(shown):,} more, for which there is no room"
            )
        up = f"\x1b[{self._height}A" if self._height else ""
        body = "".join([f"{line}\x1b[K\n" for line in text])
        self._output.write(f"{up}\r{body}\x1b[J")
        self._output.flush()
        self._height = len(text)

    def _heading(self, running: int, failed: int) -> str:
        fleet = self._fleet
        read, total = fleet.progress
        of = "" if total is None else f" of {total:,}"
        ages = [fleet.age(each) for each in fleet.workflows]
        oldest = max((age for age in ages if age is not None), default=None)
        least = [
            "" if fleet.knows_all(status) else "≥ "
            for status in (JobStatus.RUNNING, JobStatus.FAILED)
        ]
        parts = [
            clean(self._profile),
            f"{least[0]}{running:,} running",
            f"{least[1]}{failed:,} failed lately",
            f"{read:,}{of} workflows read",
        ]
        if oldest is not None:
            parts.append(f"oldest {human_duration(oldest)} ago")
        most = fleet.settings.requests_per_minute
        parts.append(f"{fleet.requests_last_minute} of {most:g} requests/min")
        if fleet.problem is not None:
            parts.insert(1, clean(fleet.problem.sentence))
        return "   ".join(parts)


def _screen() -> tuple[int, int]:
    """The columns and lines of the terminal that standard output is."""
    return columns(sys.stdout), os.get_terminal_size(sys.stdout.fileno()).lines or 24


# Cells.


def _object(one: JobOf) -> dict[str, object]:
    """A job as the server gave it, and its workflow's name."""
    workflow = one.workflow
    told = {"workflow_id": workflow.id, **one.job.fields}
    return {**told, "workflow_name": workflow.name}


def _workflow(one: JobOf) -> str:
    return one.workflow.shown_name


def _of_job(column: Column) -> Column:
    """A column of jobs in a table of jobs with their workflows."""
    return column._replace(cell=lambda one: column.cell(one.job))


def _took(row: BoardRow) -> str:
    seconds = row.job.duration(datetime.now(UTC))
    return "" if seconds is None else human_duration(seconds)


def _usual(row: BoardRow) -> str:
    return "" if row.usual is None else usual_duration(row.usual)


_OF_JOBS: Final = (
    Column("WORKFLOW", _workflow, least=12),
    *[_of_job(column) for column in JOB_COLUMNS],
)
_BOARD: Final = (
    _of_job(JOB_COLUMNS[1]),
    Column("WORKFLOW", lambda row: _workflow(row.of), least=12),
    _of_job(JOB_COLUMNS[0]),
    *[_of_job(column) for column in JOB_COLUMNS[2:5]],
    Column("TOOK", _took, right=True),
    Column("USUAL", _usual, drop=4, right=True),
)
