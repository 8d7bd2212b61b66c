"""The verb `grep`: a pattern in every retained run of a workflow."""

from __future__ import annotations

import asyncio
import json
from contextlib import aclosing
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from chronotui.cli.invocation import typed_time
from chronotui.errors import ChronotuiError, IncompleteError, UsageError
from chronotui.model import STDERR, JobFilter, JobStatus
from chronotui.text import clean, plural, printable_line
from chronotui.times import TimeTexts

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Sequence
    from datetime import datetime

    from chronotui.cli.invocation import Invocation
    from chronotui.cli.output import Output
    from chronotui.engine.across_runs import AcrossRuns, Depth, SearchedRun
    from chronotui.engine.since_when import Boundary
    from chronotui.log.chunks import Overflow
    from chronotui.log.pattern import Pattern
    from chronotui.model import Job, LogLine, Workflow
    from chronotui.sources.protocol import Source

INCOMPLETE: Final = 6
SHOWN_ID: Final = 8
"""Characters of an id on a terminal; a pipe gets it whole."""


class _Question(NamedTuple):
    """What is looked for, and in which runs."""

    pattern: Pattern
    only: JobFilter
    since: datetime | None


def grep(invocation: Invocation) -> int:
    """Print what matches in a workflow's runs, newest first, or since when it does."""
    options = invocation.options
    question = _Question(
        _pattern(options.pattern),
        JobFilter(JobStatus.parse(options.status) if options.status else None),
        typed_time("--since", options.since) if options.since is not None else None,
    )
    if options.since_when and (options.count or options.names):
        raise UsageError("--since-when gives no list: leave out -c and -l.")
    if options.count and options.names:
        raise UsageError("Ask for either -c or -l: -c names every run as well.")

    async def work(client: Source) -> int:
        from chronotui.engine.resolve import resolve_workflow

        ask = invocation.retries.ask
        workflow = await ask(lambda: resolve_workflow(client, options.workflow))
        do = _since_when if options.since_when else _search
        return await do(invocation, client, workflow, question)

    return invocation.with_client(work)


def _pattern(text: str) -> Pattern:
    from chronotui.log.pattern import compile_pattern

    return compile_pattern(text)


def _depth(options: Namespace) -> Depth:
    from chronotui.engine.across_runs import Depth

    if options.names:
        return Depth.FIRST
    return Depth.COUNT if options.count else Depth.LINES


async def _search(
    invocation: Invocation,
    client: Source,
    workflow: Workflow,
    question: _Question,
) -> int:
    from chronotui.engine.across_runs import AcrossRuns

    search = AcrossRuns(
        client,
        workflow,
        question.pattern,
        _depth(invocation.options),
        ask=invocation.retries.ask,
        only=question.only,
        since=question.since,
        spool=partial(_open_spool, invocation),
        tell=invocation.say,
    )
    summary = _Summary(invocation)
    printer = _printer(invocation)
    try:
        async with aclosing(search.found()) as found:
            async for run, lines in found:
                if lines:
                    printer.lines(run.job, lines)
                elif run.is_over:
                    printer.ended(run)
                    summary.take(run)
                invocation.output.flush()
    except asyncio.CancelledError:
        invocation.output.flush()
        invocation.say(f"stopped after {plural(search.ended, 'run')}.")
        raise
    except ChronotuiError as error:
        raise summary.cut_short(error) from error
    return summary.told(search)


class _Summary:
    """Says what could not be read, and what came of it all."""

    def __init__(self, invocation: Invocation) -> None:
        self._invocation = invocation
        self._lines = 0
        self._with_matches = 0
        self._too_slow = 0
        self._unread = 0
        self._empty = 0
        self._runs = 0

    def take(self, run: SearchedRun) -> None:
        self._runs += 1
        self._lines += run.matches
        self._with_matches += bool(run.matches)
        self._too_slow += run.too_slow
        self._empty += run.is_empty
        if run.problem:
            self._unread += 1
            name, why = clean(run.job.shown_id), clean(run.problem).rstrip(".")
            self._invocation.say(f"{name} was not read whole: {why}.")

    def cut_short(self, error: ChronotuiError) -> ChronotuiError:
        """Return the error that ended the search, told what came before it."""
        if self._runs - self._unread <= 0:
            return error
        read = plural(self._runs - self._unread, "run")
        return IncompleteError(
            f"{read} searched, others could not be: {error.sentence}",
            next_step="Try again.",
        )

    def told(self, search: AcrossRuns) -> int:
        """Say what is to be known at the end; return the exit code."""
        say, options = self._invocation.say, self._invocation.options
        if self._too_slow:
            lines = plural(self._too_slow, "line")
            say(f"the pattern took too long for {lines}, left out; try a simpler one.")
        if search.looped:
            say("the server's list of runs leads in circles; these came.")
        empty = f", {self._empty:,} with nothing retained" if self._empty else ""
        runs = f"{plural(self._runs, 'run')}{empty}"
        if not self._lines:
            say(f"nothing in {runs}.")
        elif self._invocation.output.is_terminal:
            found = "" if options.names else f"{plural(self._lines, 'line')} in "
            say(f"{found}{self._with_matches:,} of {runs}.")
        is_part = self._unread or self._too_slow or search.looped
        return INCOMPLETE if is_part else 0


# What is printed.


class _Printer(Protocol):
    def lines(self, job: Job, lines: Sequence[LogLine]) -> None:
        """Print lines of a run."""

    def ended(self, run: SearchedRun) -> None:
        """Print what is to be said of a run as a whole."""


def _printer(invocation: Invocation) -> _Printer:
    options, output = invocation.options, invocation.output
    as_json = options.output == "jsonl"
    if options.names or options.count:
        return _OfRuns(output, as_json=as_json, counts=options.count)
    return _JsonLines(output) if as_json else _TextLines(output)


def _shown(job: Job, output: Output) -> str:
    whole = clean(job.shown_id)
    return whole[:SHOWN_ID] if output.is_terminal else whole


_write_json: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def _write_objects(output: Output, *objects: dict[str, object]) -> None:
    lines = "".join([f"{_write_json(fields)}\n" for fields in objects])
    output.write_data(lines.encode(errors="surrogatepass"))


class _OfRuns:
    """A line for each run: how many match, or its name where any does."""

    def __init__(self, output: Output, *, as_json: bool, counts: bool) -> None:
        self._output = output
        self._as_json = as_json
        self._counts = counts

    def lines(self, job: Job, lines: Sequence[LogLine]) -> None:
        """Say nothing of single lines."""

    def ended(self, run: SearchedRun) -> None:
        job = run.job
        if not (self._counts or run.matches):
            return
        if self._as_json:
            fields: dict[str, object] = {
                "workflow_id": job.workflow_id,
                "job_id": job.id,
                "status": str(job.status),
            }
            if self._counts:
                fields["count"] = run.matches
            _write_objects(self._output, fields)
            return
        count = f" {run.matches}" if self._counts else ""
        self._output.write(f"{_shown(job, self._output)}{count}\n")


class _JsonLines:
    """An object for each line."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._times = TimeTexts()

    def lines(self, job: Job, lines: Sequence[LogLine]) -> None:
        stamps = self._times.of([line.time_ns for line in lines])
        objects: list[dict[str, object]] = [
            {
                "workflow_id": job.workflow_id,
                "job_id": job.id,
                "attempt": line.attempt,
                "sequence_num": line.sequence_num,
                "stream": line.stream,
                "timestamp": stamp,
                "message": line.message,
            }
            for line, stamp in zip(lines, stamps, strict=True)
        ]
        _write_objects(self._output, *objects)

    def ended(self, run: SearchedRun) -> None:
        """Say nothing of a run as a whole."""


class _TextLines:
    """The run, the place as ``--line`` takes it, and the message."""

    def __init__(self, output: Output) -> None:
        self._output = output

    def lines(self, job: Job, lines: Sequence[LogLine]) -> None:
        from chronotui.log.handoff import LinePlace

        shown, printed = _shown(job, self._output), self._printed
        place = LinePlace.of
        rows = [f"{shown} {place(line)} {printed(line)}\n" for line in lines]
        self._output.write("".join(rows))

    def _printed(self, line: LogLine) -> str:
        if not self._output.is_terminal:
            return line.message
        message = printable_line(line.message)
        if self._output.has_colour and line.stream == STDERR:
            return f"\x1b[31m{message}\x1b[0m"
        return message

    def ended(self, run: SearchedRun) -> None:
        """Say nothing of a run as a whole."""


# Since when.


async def _since_when(
    invocation: Invocation,
    client: Source,
    workflow: Workflow,
    question: _Question,
) -> int:
    from chronotui.engine.across_runs import Depth, RunList, RunLooker, RunSearcher
    from chronotui.engine.since_when import SinceWhen, in_words

    ask = invocation.retries.ask
    runs = RunList(client, workflow, ask=ask, only=question.only, since=question.since)
    searcher = RunSearcher(
        client,
        workflow,
        question.pattern,
        Depth.FIRST,
        ask=ask,
        spool=partial(_open_spool, invocation),
        tell=invocation.say,
    )
    looker = RunLooker(searcher)
    search = SinceWhen(runs.at, looker.look)
    try:
        await search.find()
    except asyncio.CancelledError:
        invocation.say(f"stopped. {in_words(search.boundary, _named)}")
        raise
    for run in looker.unread:
        invocation.say(f"{clean(run.job.shown_id)} could not be read: {run.problem}")
    found = search.boundary
    if invocation.options.output == "jsonl":
        _write_objects(invocation.output, _boundary(found))
    else:
        invocation.output.write(f"{in_words(found, _named)}\n")
    invocation.output.flush()
    return INCOMPLETE if looker.unread else 0


def _boundary(found: Boundary) -> dict[str, object]:
    def run(job: Job | None) -> dict[str, object] | None:
        return None if job is None else {"job_id": job.id, "started_at": _stamp(job)}

    return {
        "not_in": run(found.lacks),
        "in": run(found.has),
        "between_unread": found.unread,
        "between_not_looked_at": found.unlooked,
        "looked_at": found.looked,
    }


def _stamp(job: Job) -> str | None:
    started = job.started_at or job.created_at
    return None if started is None else started.isoformat().replace("+00:00", "Z")


def _named(job: Job) -> str:
    started = job.started_at or job.created_at
    if started is None:
        return clean(job.shown_id)
    stamp = f"{started.astimezone():%Y-%m-%d %H:%M:%S %Z}"
    return f"{clean(job.shown_id)} (started {stamp})"


def _open_spool(invocation: Invocation) -> Overflow:
    from chronotui.storage.files import SpoolFile

    return SpoolFile(invocation.config.ui.spool_dir)
