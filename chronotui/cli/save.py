"""The verb `save`: a job's log as a whole file."""

from __future__ import annotations

import asyncio
import contextlib
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from chronotui.cli import output as terminal
from chronotui.errors import UsageError

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable

    from chronotui.cli.invocation import Invocation
    from chronotui.engine.save import Save
    from chronotui.engine.save_request import SaveRequest, SaveResult
    from chronotui.sources.protocol import Source

_PROGRESS_SECONDS: Final = 0.25


def save(invocation: Invocation) -> int:
    """Save a job's log; the path of the file is what standard output gets.

    Raises:
        UsageError: The path is standard output.
    """
    if invocation.options.path == "-":
        raise UsageError(
            "A log is saved into a file.", next_step="chronotui logs prints it."
        )

    async def work(client: Source) -> SaveResult:
        from chronotui.engine.save import Save
        from chronotui.engine.timing import WatchSettings

        watch = WatchSettings(
            poll_seconds=invocation.profile.poll_seconds,
            may_sign_in=False,
            waits=False,
        )
        task = Save(client, await _request(invocation, client), watch=watch)
        progress = asyncio.create_task(_show_progress(task, invocation.output.say))
        try:
            return await task.run()
        except asyncio.CancelledError:
            await _end(progress)
            invocation.output.say(f"chronotui: {task.error or 'cancelled.'}")
            if task.part is not None and task.is_recording:
                invocation.output.say(f"  {command_that_goes_on(invocation.options)}")
            raise
        finally:
            await _end(progress)

    result = invocation.with_client(work)
    invocation.output.write(f"{result.path}\n")
    invocation.output.flush()
    for words in (result.sentence(), *result.notes):
        invocation.output.say(f"chronotui: {words}")
    return result.exit_code


async def _end(progress: asyncio.Task[None]) -> None:
    progress.cancel()
    await asyncio.gather(progress, return_exceptions=True)


def command_that_goes_on(options: Namespace) -> str:
    """Return the command that goes on with a recording: the same but for --force."""
    words = ["chronotui"]
    for name in ("config", "profile", "url"):
        if value := getattr(options, name):
            words += [f"--{name}", value]
    words += ["save", options.workflow, options.job]
    if options.path:
        words += ["-O", options.path]
    words += ["--format", options.format]
    if options.stream:
        words += ["--stream", options.stream]
    return shlex.join(words)


async def _request(invocation: Invocation, client: Source) -> SaveRequest:
    from chronotui.engine.resolve import resolve_job, resolve_workflow
    from chronotui.engine.save_request import SaveRequest
    from chronotui.log.formats import save_format

    options = invocation.options
    ask = invocation.retries.ask
    workflow = await ask(lambda: resolve_workflow(client, options.workflow))
    job = await ask(lambda: resolve_job(client, workflow, options.job))
    configured = invocation.profile.save_dir or invocation.config.ui.save_dir
    return SaveRequest(
        workflow_id=workflow.id,
        job_id=job.id,
        format=save_format(options.format),
        path=_path(options.path),
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


def _path(text: str | None) -> Path | None:
    return Path(text).expanduser() if text else None


async def _show_progress(task: Save, say: Callable[[str], None]) -> None:
    """Keep one line of standard error up to date; off a terminal, say what is new."""
    if not terminal.shows_progress(sys.stderr):
        said = ""
        while True:
            await asyncio.sleep(_PROGRESS_SECONDS)
            if task.progress.said not in {"", said}:
                said = task.progress.said
                say(f"chronotui: {said}")
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
    from chronotui.engine.save_request import count_of_lines, size_text

    now = task.progress
    said = f"; {now.said}" if now.said else ""
    return (
        f"{now.phase}: {size_text(now.bytes)}, {count_of_lines(now.lines)}, "
        f"{size_text(now.bytes_per_second)}/s, {now.elapsed_seconds:.0f} s"
        f"{', server away' if now.away else ''}{said}"
    )
