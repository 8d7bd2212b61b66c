"""The verbs of one job's log: `logs` prints it, `save` makes it a file."""

from __future__ import annotations

import asyncio
import contextlib
import shlex
import sys
from contextlib import aclosing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from chronotui.cli.invocation import typed_time
from chronotui.cli.line_bytes import is_plain, line_printer, slice_printer
from chronotui.cli.output import say, shows_progress
from chronotui.errors import UsageError

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import AsyncGenerator, AsyncIterator, Callable

    from chronotui.cli.invocation import Invocation
    from chronotui.engine.retained import LineSelection, RetainedLog
    from chronotui.engine.save import Save
    from chronotui.engine.save_request import SaveRequest, SaveResult
    from chronotui.engine.timing import WatchSettings
    from chronotui.log.chunks import Overflow
    from chronotui.log.pattern import LineMatcher
    from chronotui.model import Job, LogLine, Workflow
    from chronotui.sources.protocol import RunSource, Source

_PROGRESS_SECONDS: Final = 0.25

NAMED_BY_STATE: Final = ("last_failed", "running", "runs")
"""Options that choose the jobs."""


def are_several(options: Namespace) -> bool:
    """Whether other jobs are asked for than one by its id."""
    return bool(options.more) or any(getattr(options, name) for name in NAMED_BY_STATE)


def logs(invocation: Invocation) -> int:
    """Print a job's log in order, as it stands or to its end."""
    selection = line_selection(invocation.options)
    check_named(invocation.options)
    if invocation.options.limit is not None:
        raise UsageError("--limit goes with --runs; --tail N prints the last N lines.")

    async def work(client: Source) -> int:
        workflow, job = await named_job(invocation, client)
        return await print_one(invocation, client, workflow, job, selection)

    return invocation.with_client(work)


async def print_one(
    invocation: Invocation,
    client: Source,
    workflow: Workflow,
    job: Job,
    selection: LineSelection,
) -> int:
    """Print the log of one job, as the options say; return the exit code."""
    read = follow_job if invocation.options.follow else _retained
    try:
        return await read(invocation, client, workflow, job, selection)
    finally:
        tell_too_slow(invocation, selection)


def check_named(options: Namespace) -> None:
    """Refuse a workflow named without its job."""
    if options.job is None:
        raise UsageError(
            f"A job is named by its workflow and its id: chronotui {options.verb} W J.",
            next_step=f"chronotui jobs {shlex.quote(options.workflow)} lists them.",
        )


async def named_job(invocation: Invocation, client: Source) -> tuple[Workflow, Job]:
    from chronotui.engine.resolve import resolve_job, resolve_workflow

    ask, options = invocation.retries.ask, invocation.options
    workflow = await ask(lambda: resolve_workflow(client, options.workflow))
    job = await ask(lambda: resolve_job(client, workflow, options.job))
    return workflow, job


def line_selection(options: Namespace) -> LineSelection:
    from chronotui.engine.retained import LineSelection

    return LineSelection(
        stream=options.stream,
        grep=_grep(options.grep) if options.grep else None,
        since_ns=_since_ns(options.since) if options.since is not None else None,
        tail=options.tail,
        attempt=options.attempt,
    )


def _grep(text: str) -> LineMatcher:
    from chronotui.log.pattern import BadPattern, LineMatcher, compile_pattern

    try:
        return LineMatcher(compile_pattern(text))
    except BadPattern as error:
        raise UsageError(f"--grep: {error}") from None


def tell_too_slow(invocation: Invocation, selection: LineSelection) -> None:
    from chronotui.log.pattern import LineMatcher

    grep = selection.grep
    count = grep.too_slow if isinstance(grep, LineMatcher) else 0
    if count:
        lines = "1 line is" if count == 1 else f"{count:,} lines are"
        invocation.say(
            f"{lines} left out: --grep took too long there; try a simpler expression."
        )


def _since_ns(text: str) -> int:
    from datetime import UTC, datetime

    when = typed_time("--since", text)
    since = when.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    seconds = since.days * 86400 + since.seconds
    return seconds * 1_000_000_000 + since.microseconds * 1000


async def _retained(
    invocation: Invocation,
    client: Source,
    workflow: Workflow,
    job: Job,
    selection: LineSelection,
) -> int:
    from chronotui.engine.retained import RetainedLog

    log = RetainedLog(
        client,
        workflow,
        job,
        selection=selection,
        tell=invocation.say,
        spool=partial(open_spool, invocation),
    )
    async with aclosing(_printed(invocation, log)) as pieces:
        async for content in pieces:
            invocation.output.write_bytes(content)
            invocation.output.flush()
    if log.missing or log.possible:
        lacking = f"{log.missing:,} missing" if log.missing else ""
        perhaps = f"{log.possible:,} possibly missing" if log.possible else ""
        words = ", ".join(filter(None, (lacking, perhaps)))
        invocation.say(f"{log.printed:,} lines printed, {words}.")
    elif not log.printed:
        invocation.say(_why_nothing(job, selection))
    return log.exit_code


async def _printed(
    invocation: Invocation, log: RetainedLog
) -> AsyncGenerator[bytes, None]:
    output, options = invocation.output, invocation.options
    form, timestamps = options.output, options.timestamps
    if is_plain(form, output, timestamps=timestamps):
        async with aclosing(log.text()) as pieces:
            async for text in pieces:
                yield text
        return
    new_encoder = partial(slice_printer, form, output, timestamps=timestamps)
    async with aclosing(log.encoded(new_encoder)) as pieces:
        async for content in pieces:
            yield content


async def follow_job(
    invocation: Invocation,
    client: Source,
    workflow: Workflow,
    job: Job,
    selection: LineSelection,
) -> int:
    """Print a job's log until it ends; return the exit code that tells how."""
    from chronotui.engine.follow import Follow

    follow = Follow(
        client,
        workflow,
        job,
        selection=selection,
        settings=watch_settings(invocation),
        tell=invocation.say,
        spool=partial(open_spool, invocation),
    )
    try:
        await _print(invocation, follow.batches())
    except asyncio.CancelledError:
        invocation.output.flush()
        invocation.say(follow.summary())
        raise
    invocation.say(follow.summary())
    if follow.result is None:
        return 0
    if not job.has_ended:
        from chronotui.cli.alerting import tell_end

        await tell_end(invocation, workflow, follow.result.job)
    return follow.result.exit_code


async def _print(invocation: Invocation, batches: AsyncIterator[list[LogLine]]) -> None:
    output, options = invocation.output, invocation.options
    encode = line_printer(options.output, output, timestamps=options.timestamps)
    async for batch in batches:
        output.write_bytes(b"".join(map(encode, batch)))
        output.flush()


def _why_nothing(job: Job, selection: LineSelection) -> str:
    from chronotui.engine.retained import LineSelection

    if selection != LineSelection():
        return "no line is among those asked for."
    if job.status.is_waiting:
        return "the job has not started yet; --follow waits for it."
    return "the job printed nothing." if job.status.is_terminal else "no line yet."


def open_spool(invocation: Invocation) -> Overflow:
    from chronotui.storage.files import SpoolFile

    return SpoolFile(invocation.config.ui.spool_dir)


def watch_settings(invocation: Invocation) -> WatchSettings:
    """Return how a job is watched where nobody can be asked to sign in again."""
    from chronotui.engine.timing import WatchSettings

    seconds = invocation.profile.poll_seconds
    return WatchSettings(poll_seconds=seconds, may_sign_in=False, waits=False)


def save(invocation: Invocation) -> int:
    """Save a job's log; the path of the file is what standard output gets."""
    check_named(invocation.options)

    async def work(client: Source) -> SaveResult:
        request = _request(invocation, *await named_job(invocation, client))
        return await saved(invocation, client, request)

    return tell_saved(invocation, invocation.with_client(work))


async def saved(
    invocation: Invocation, client: Source | RunSource, request: SaveRequest
) -> SaveResult:
    """Save as asked and show how far it is; a save that was cancelled is said so."""
    from chronotui.engine.save import Save

    task = Save(client, request, watch=watch_settings(invocation))
    progress = asyncio.create_task(_show_progress(task, invocation.say))
    try:
        return await task.run()
    except asyncio.CancelledError:
        await _end(progress)
        invocation.say(f"{task.error or 'cancelled.'}")
        if task.part is not None and task.is_recording:
            say(f"  {_command_that_goes_on(invocation.options)}")
        raise
    finally:
        await _end(progress)


def tell_saved(invocation: Invocation, result: SaveResult) -> int:
    """Print the path of a file that was saved, and say what is to be known of it."""
    invocation.output.write(f"{result.path}\n")
    invocation.output.flush()
    for words in (result.sentence(), *result.notes):
        invocation.say(words)
    return result.exit_code


async def _end(progress: asyncio.Task[None]) -> None:
    progress.cancel()
    await asyncio.gather(progress, return_exceptions=True)


def _command_that_goes_on(options: Namespace) -> str:
    """Return the command that goes on with a recording: the same but for --force."""
    words = ["chronotui"]
    for name in ("config", "profile", "url"):
        if value := getattr(options, name):
            words += [f"--{name}", value]
    words += ["save", options.workflow, options.job]
    if options.path:
        words += ["-O", options.path]
    if options.format:
        words += ["--format", options.format]
    if options.stream:
        words += ["--stream", options.stream]
    return shlex.join(words)


def _request(invocation: Invocation, workflow: Workflow, job: Job) -> SaveRequest:
    from chronotui.engine.save_request import SaveRequest
    from chronotui.log.formats import SAVE_FORMATS, save_format

    options = invocation.options
    configured = invocation.profile.save_dir or invocation.config.ui.save_dir
    return SaveRequest(
        workflow_id=workflow.id,
        job_id=job.id,
        format=save_format(options.format) if options.format else SAVE_FORMATS[0],
        path=Path(options.path).expanduser() if options.path else None,
        folder=configured or Path(),
        stream=options.stream,
        query=options.query,
        overwrite=options.force,
        anew=options.force,
        profile=invocation.profile.name,
        make_folder=configured is not None and not options.path,
        keep_part=options.keep_part,
        job=job,
        workflow=workflow,
    )


async def _show_progress(task: Save, tell: Callable[[str], None]) -> None:
    """Keep one line of standard error up to date; off a terminal, say what is new."""
    if not shows_progress(sys.stderr):
        said = ""
        while True:
            await asyncio.sleep(_PROGRESS_SECONDS)
            if task.progress.said not in {"", said}:
                said = task.progress.said
                tell(said)
    try:
        while True:
            await asyncio.sleep(_PROGRESS_SECONDS)
            sys.stderr.write(f"\r\x1b[K{_progress_text(task)}")
            sys.stderr.flush()
    finally:
        with contextlib.suppress(OSError):
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


def _progress_text(task: Save) -> str:
    from chronotui.engine.save_request import size_text
    from chronotui.text import plural

    now = task.progress
    said = f"; {now.said}" if now.said else ""
    return (
        f"{now.phase}: {size_text(now.bytes)}, {plural(now.lines, now.noun)}, "
        f"{size_text(now.bytes_per_second)}/s, {now.elapsed_seconds:.0f} s"
        f"{', server away' if now.away else ''}{said}"
    )
