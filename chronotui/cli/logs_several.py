"""The verb `logs` of several jobs: merged by time, or run after run."""

from __future__ import annotations

import asyncio
import json
from contextlib import aclosing, suppress
from functools import partial
from typing import TYPE_CHECKING, Final

from chronotui.cli.alerting import FollowedEnds
from chronotui.cli.fleet import INCOMPLETE
from chronotui.cli.line_bytes import is_plain, line_printer
from chronotui.cli.logs import (
    NAMED_BY_STATE,
    line_selection,
    open_spool,
    print_one,
    tell_too_slow,
    watch_settings,
)
from chronotui.cli.output import cell_width
from chronotui.engine.across_runs import concerns_every_run
from chronotui.engine.ending import short_words
from chronotui.engine.follow import Follow
from chronotui.engine.merged_lines import MergedLines, PartLine
from chronotui.engine.pages import refuse_without_log
from chronotui.engine.resolve import resolve_job, resolve_workflow
from chronotui.engine.retained import RetainedLog
from chronotui.engine.sweep import JobFeed, JobOf, running_jobs
from chronotui.errors import ChronotuiError, NotFoundError, UsageError
from chronotui.log.merged import MOST_PARTS
from chronotui.model import JobFilter, JobStatus, WorkflowKind
from chronotui.text import clean, plural
from chronotui.tree.tags import NamedJob, tags_of

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable, Sequence

    from chronotui.cli.invocation import Invocation
    from chronotui.engine.retained import LineSelection
    from chronotui.engine.sweep import Unread
    from chronotui.model import LogLine, Workflow
    from chronotui.sources.protocol import Source

TAG_ID: Final = 6
"""Characters of the tag of a job that joins those of its workflow, at least."""

JOIN_POLLS: Final = 2
"""New runs are looked for every so many polls of a job."""

MOST_MERGED: Final = 20
"""Jobs that are read at a time."""


def logs_of_several(invocation: Invocation) -> int:
    """Print the logs of several jobs, or of the one that failed last."""
    options = invocation.options
    _check(options)
    selection = line_selection(options)

    async def work(client: Source) -> int:
        if options.last_failed:
            return await _print_failed(invocation, client, selection)
        try:
            if options.runs:
                return await _print_runs(invocation, client, selection)
            return await _print_merged(invocation, client, selection)
        finally:
            tell_too_slow(invocation, selection)

    return invocation.with_client(work)


def _check(options: Namespace) -> None:
    """Refuse what says nothing together."""
    asked = [name for name in NAMED_BY_STATE if getattr(options, name)]
    words = [f"--{name.replace('_', '-')}" for name in asked]
    if len(asked) > 1:
        raise UsageError(f"{' and '.join(words)} do not go together.")
    if asked and options.job is not None:
        raise UsageError(f"{words[0]} chooses the jobs: name none beside it.")
    if options.workflow is None and not options.running:
        raise UsageError(
            f"{words[0]} is of a workflow: chronotui logs W {words[0]}.",
            next_step="chronotui workflows lists them.",
        )
    if options.limit is not None and not options.runs:
        raise UsageError("--limit goes with --runs; --tail N prints the last N lines.")
    if options.runs and options.follow:
        raise UsageError(
            "--runs prints what there is, run after run, and follows none.",
            next_step="chronotui logs W --running -f follows all that run.",
        )


# Which jobs.


async def _workflow(invocation: Invocation, client: Source) -> Workflow:
    text = invocation.options.workflow
    return await invocation.retries.ask(lambda: resolve_workflow(client, text))


async def _merged_jobs(invocation: Invocation, client: Source) -> list[JobOf]:
    """Return the jobs that are to be merged, each once, as they were named."""
    options, ask = invocation.options, invocation.retries.ask
    if options.running:
        return await _running(invocation, client)
    workflow = await _workflow(invocation, client)
    found: dict[str, JobOf] = {}
    for text in (options.job, *options.more):
        job = await ask(partial(resolve_job, client, workflow, text))
        found[job.id] = JobOf(workflow, job)
    if len(found) > MOST_MERGED:
        raise UsageError(f"{MOST_MERGED} jobs at most are merged.")
    return list(found.values())


async def _running(invocation: Invocation, client: Source) -> list[JobOf]:
    """Return what runs, the oldest first; of very many the newest."""
    ask = invocation.retries.ask
    if invocation.options.workflow is not None:
        workflow = await _workflow(invocation, client)
        feed = JobFeed(client, workflow, ask, JobFilter(status=JobStatus.RUNNING))
        await feed.fill()
        found = [JobOf(workflow, job) for job in feed.jobs]
    else:
        unread = partial(_tell_unread, invocation)
        found = await running_jobs(client, ask, unread=unread)
        found = [of for of in found if of.workflow.kind != WorkflowKind.HEARTBEAT]
    if len(found) > MOST_MERGED:
        left = len(found) - MOST_MERGED
        invocation.say(f"the newest {MOST_MERGED} of those that run; {left} left out.")
    return found[:MOST_MERGED][::-1]


def _tell_unread(invocation: Invocation, unread: Unread) -> None:
    name = clean(unread.workflow.shown_name)
    invocation.say(f"{name} could not be read: {unread.error.sentence}")


# One, or one after the other.


async def _print_failed(
    invocation: Invocation, client: Source, selection: LineSelection
) -> int:
    workflow = await _workflow(invocation, client)
    failed = JobFilter(status=JobStatus.FAILED)
    feed = JobFeed(client, workflow, invocation.retries.ask, failed)
    await feed.fill()
    if not feed.jobs:
        raise NotFoundError(f"No job of {clean(workflow.shown_name)} has failed.")
    job = feed.jobs[0]
    invocation.say(f"job {clean(job.id)}.")
    return await print_one(invocation, client, workflow, job, selection)


async def _print_runs(
    invocation: Invocation, client: Source, selection: LineSelection
) -> int:
    """Print run after run, the oldest first."""
    workflow, limit = await _workflow(invocation, client), invocation.options.limit
    refuse_without_log(workflow)
    feed = JobFeed(client, workflow, invocation.retries.ask)
    while not feed.is_over and (limit is None or len(feed.jobs) < limit):
        await feed.read_page()
    jobs = [JobOf(workflow, job) for job in list(feed.jobs)[:limit][::-1]]
    printer = TaggedPrinter(invocation, jobs)
    codes = [0]
    for number, of in enumerate(jobs):
        log = _retained(invocation, client, of, printer.teller(number), selection)
        error = None
        try:
            async for lines in log.batches():
                printer.write_all([PartLine(number, line) for line in lines])
        except ChronotuiError as problem:
            if concerns_every_run(problem, workflow):
                raise
            error = problem
        codes.append(printer.tell(number, log, error))
    if feed.looped:
        invocation.say("the list of jobs leads in circles; these came.")
        codes.append(INCOMPLETE)
    invocation.say(f"{plural(len(jobs), 'job')}, {plural(printer.count, 'line')}.")
    return max(codes)


# Merged.


async def _print_merged(
    invocation: Invocation, client: Source, selection: LineSelection
) -> int:
    jobs = await _merged_jobs(invocation, client)
    if not jobs:
        invocation.say("no job runs.")
        return 0
    reading = MergedReading(invocation, client, jobs, selection)
    options, joining = invocation.options, None
    if options.follow and options.running and options.workflow is not None:
        joining = asyncio.create_task(reading.let_join(jobs[0].workflow))
    try:
        return await reading.print_all()
    finally:
        if joining is not None:
            joining.cancel()
            await asyncio.gather(joining, return_exceptions=True)


class MergedReading:
    """Several jobs being read and printed by time."""

    def __init__(
        self,
        invocation: Invocation,
        client: Source,
        jobs: list[JobOf],
        selection: LineSelection,
    ) -> None:
        self._invocation = invocation
        self._client = client
        self._jobs = jobs
        self._selection = selection
        self._printer = TaggedPrinter(invocation, jobs)
        self._follows = invocation.options.follow
        read = _follow if self._follows else _retained
        self._readers: list[RetainedLog | Follow] = [
            read(invocation, client, of, self._printer.teller(number), selection)
            for number, of in enumerate(jobs)
        ]
        spool = partial(open_spool, invocation)
        self._merged = MergedLines(self._readers, live=self._follows, spool=spool)
        named = zip(jobs, self._readers, strict=True)
        self._ends = FollowedEnds(invocation, named)

    async def print_all(self) -> int:
        """Print to the end of all of them; return the exit code."""
        printer, merged = self._printer, self._merged
        try:
            async with aclosing(merged.batches()) as batches:
                async for batch in batches:
                    printer.write_all(batch)
                    self._ends.look()
        except asyncio.CancelledError:
            if self._follows:
                for batch in merged.rest():
                    printer.write_all(batch)
            self._tell()
            await self._ends.finish(interrupted=True)
            raise
        code = self._tell()
        jobs, lines = plural(len(self._jobs), "job"), plural(printer.count, "line")
        self._invocation.say(f"{jobs}, {lines}.")
        await self._ends.finish()
        return code

    def _tell(self) -> int:
        """Say how each job was read; return the highest of their exit codes."""
        parts = zip(self._merged.parts, self._readers, strict=True)
        tell = self._printer.tell
        return max([tell(part.number, reader, part.error) for part, reader in parts])

    async def let_join(self, workflow: Workflow) -> None:
        """Follow new runs of a workflow as well, until cancelled."""
        seconds = JOIN_POLLS * self._invocation.profile.poll_seconds
        running = JobFilter(status=JobStatus.RUNNING)
        while True:
            await asyncio.sleep(seconds)
            with suppress(ChronotuiError):  # it is asked again
                page = await self._client.jobs(workflow.id, only=running)
                for job in reversed(page.items):
                    self._join(JobOf(workflow, job))

    def _join(self, of: JobOf) -> None:
        known = {each.job.id for each in self._jobs}
        left = sum(not part.is_done for part in self._merged.parts)
        if of.job.id in known or left >= MOST_MERGED or len(known) >= MOST_PARTS:
            return
        self._jobs.append(of)
        number = self._printer.join(of)
        tell = self._printer.teller(number)
        follow = _follow(self._invocation, self._client, of, tell, self._selection)
        self._readers.append(follow)
        self._merged.join(follow)
        self._ends.join(of, follow)
        tell("began, joined.")


def _retained(
    invocation: Invocation,
    client: Source,
    of: JobOf,
    tell: Callable[[str], None],
    selection: LineSelection,
) -> RetainedLog:
    spool = partial(open_spool, invocation)
    return RetainedLog(client, *of, selection=selection, tell=tell, spool=spool)


def _follow(
    invocation: Invocation,
    client: Source,
    of: JobOf,
    tell: Callable[[str], None],
    selection: LineSelection,
) -> Follow:
    return Follow(
        client,
        *of,
        selection=selection,
        settings=watch_settings(invocation),
        tell=tell,
        spool=partial(open_spool, invocation),
    )


# What is printed, and what is said.


class TaggedPrinter:
    """Prints lines with whose they are, and tells how each job's log was read.

    Attributes:
        count: Lines printed.
    """

    def __init__(self, invocation: Invocation, jobs: Sequence[JobOf]) -> None:
        options, output = invocation.options, invocation.output
        named = [NamedJob(of.workflow.shown_name, of.job.id) for of in jobs]
        self._say = invocation.say
        self._output = output
        self._tags = tags_of(named)
        self._is_text = options.output == "text"
        form, timestamps = options.output, options.timestamps
        self._encode = line_printer(form, output, timestamps=timestamps)
        self._is_plain = is_plain(form, output, timestamps=timestamps)
        self._heads = [_head(of) for of in jobs]
        self.count = 0
        width = max(map(cell_width, self._tags), default=0)
        gaps = [width - cell_width(tag) for tag in self._tags]
        if not output.is_terminal:
            gaps = [0] * len(gaps)
        self._prefixes = [
            f"{tag}{' ' * gap} " for tag, gap in zip(self._tags, gaps, strict=True)
        ]

    def join(self, of: JobOf) -> int:
        """Take one more job; return its number."""
        beginnings = (of.job.id[:cells] for cells in range(TAG_ID, len(of.job.id)))
        free = (each for each in beginnings if each not in self._tags)
        tag = clean(next(free, of.job.id))
        self._tags.append(tag)
        self._heads.append(_head(of))
        self._prefixes.append(f"{tag} ")
        return len(self._tags) - 1

    def write_all(self, batch: Sequence[PartLine]) -> None:
        """Print lines, each with whose it is."""
        self.count += len(batch)
        if self._is_plain:
            heads = self._prefixes
            rows = [f"{heads[number]}{line.message}\n" for number, line in batch]
            content = "".join(rows).encode(errors="surrogatepass")
        else:
            content = b"".join([self._bytes(*each) for each in batch])
        self._output.write_bytes(content)
        self._output.flush()

    def _bytes(self, number: int, line: LogLine) -> bytes:
        if not self._is_text:
            return self._heads[number] + self._encode(line)[1:]
        message = self._prefixes[number] + line.message
        return self._encode(line._replace(message=message))

    def teller(self, number: int) -> Callable[[str], None]:
        """Return what says sentences of one job."""
        return lambda words: self._say(f"{self._tags[number]}: {words}")

    def tell(
        self, number: int, reader: RetainedLog | Follow, error: ChronotuiError | None
    ) -> int:
        """Say what one job's log lacks, or how it ended; return its exit code."""
        tell = self.teller(number)
        if error is not None:
            tell(f"{error}")
            return error.exit_code
        if isinstance(reader, Follow):
            tell(reader.summary())
            return 0 if reader.result is None else reader.result.exit_code
        if reader.missing or reader.possible:
            tell(f"{short_words(reader.missing, reader.possible)}.")
        return reader.exit_code


def _head(of: JobOf) -> bytes:
    """Return how the object of each of a job's lines begins."""
    ids = {"workflow_id": of.job.workflow_id, "job_id": of.job.id}
    return f"{json.dumps(ids, separators=(',', ':'))[:-1]},".encode()
