"""The verbs `logs` and `save`: of a run of an app, which is named by its id alone.

Where the profile in use is that of a server with jobs, `cli.logs` does the work.
"""

from __future__ import annotations

from collections import deque
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING, Final

from chronotui.cli import logs as job_logs
from chronotui.cli.line_bytes import line_printer
from chronotui.cli.logs import (
    line_selection,
    saved,
    tell_saved,
    tell_too_slow,
    watch_settings,
)
from chronotui.errors import UsageError
from chronotui.model import STDERR, STDOUT, LogLine
from chronotui.text import clean

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable, Iterable

    from chronotui.cli.invocation import Invocation
    from chronotui.engine.retained import LineSelection
    from chronotui.engine.save_request import SaveResult
    from chronotui.model import Job, Workflow
    from chronotui.runs.events import RunRecord
    from chronotui.runs.formats import RunFormat, SavedRun
    from chronotui.sources.protocol import RunSource

_FIRST_ATTEMPT: Final = 1
"""A run is one attempt, whatever its nodes try again."""


def check_alone(options: Namespace, *unsuited: str) -> None:
    """Refuse what a run does not take.

    Raises:
        UsageError: A job is named beside it, or an option that a run has no use for.
    """
    if options.job is not None:
        raise UsageError(
            "A run of an app is named by its id alone: "
            f"chronotui {options.verb} {clean(options.job)}."
        )
    for name in unsuited:
        if getattr(options, name) is not None:
            raise UsageError(f"--{name} says nothing for a run of an app.")


async def named_run(invocation: Invocation, client: RunSource) -> tuple[Workflow, Job]:
    from chronotui.engine.resolve import resolve_run, the_app

    ask = invocation.retries.ask
    app = await ask(lambda: the_app(client))
    job = await ask(lambda: resolve_run(client, app, invocation.options.workflow))
    return app, job


def logs(invocation: Invocation) -> int:
    """Print the events of a run as they can be seen now, or follow them to its end."""
    options = invocation.options
    several = job_logs.are_several(options)
    if not invocation.has_runs and not several:
        return job_logs.logs(invocation)
    if not invocation.has_runs:
        from chronotui.cli.logs_several import logs_of_several

        return logs_of_several(invocation)
    if several:
        raise UsageError("Of an app, the log of one run at a time is printed.")
    selection = line_selection(options)
    check_alone(options, "attempt")
    if options.follow and options.tail is not None:
        raise UsageError(
            "--tail does not go with --follow here: nobody knows how many events a "
            "run will have told."
        )

    async def work(client: RunSource) -> int:
        app, job = await named_run(invocation, client)
        try:
            if options.follow:
                return await _follow(invocation, client, app, job, selection)
            return await _observe(invocation, client, job, selection)
        finally:
            tell_too_slow(invocation, selection)

    return invocation.with_runs(work)


async def _follow(
    invocation: Invocation,
    client: RunSource,
    app: Workflow,
    job: Job,
    selection: LineSelection,
) -> int:
    from chronotui.engine.run_follow import RunFollow

    follow = RunFollow(
        client, job, tell=invocation.say, settings=watch_settings(invocation)
    )
    write = _writer(invocation)
    async with aclosing(follow.lines()) as batches:
        async for lines in batches:
            write(line for line in lines if selection.prints(line))
    if follow.job.has_ended and not job.has_ended:
        from chronotui.cli.alerting import tell_end

        await tell_end(invocation, app, follow.job)
    return follow.exit_code


async def _observe(
    invocation: Invocation, client: RunSource, job: Job, selection: LineSelection
) -> int:
    from chronotui.engine.run_follow import observe_run

    seen = await observe_run(client, job, settings=watch_settings(invocation))
    lines = deque(filter(selection.prints, _lines(seen.record)), selection.tail)
    _writer(invocation)(lines)
    for words in seen.record.unseen:
        invocation.say(f"{clean(words)}.")
    if not lines:
        invocation.say(_why_nothing(seen.job, selection))
    return 0


def _why_nothing(job: Job, selection: LineSelection) -> str:
    from chronotui.engine.retained import LineSelection

    if selection != LineSelection():
        return "no line is among those asked for."
    if not job.run_id:
        return "the server lists this run and keeps nothing of it, or not yet."
    if not job.has_ended:
        return "the run goes on; --follow waits for its end."
    return "the run left neither outputs nor an error."


def _lines(record: RunRecord) -> Iterable[LogLine]:
    for number, line in enumerate(record.lines(), 1):
        stream = STDERR if line.is_error else STDOUT
        yield LogLine(_FIRST_ATTEMPT, number, stream, line.time_ns, line.text)


def _writer(invocation: Invocation) -> Callable[[Iterable[LogLine]], None]:
    output, options = invocation.output, invocation.options
    encode = line_printer(options.output, output, timestamps=options.timestamps)

    def write(lines: Iterable[LogLine]) -> None:
        output.write_bytes(b"".join(map(encode, lines)))
        output.flush()

    return write


def save(invocation: Invocation) -> int:
    """Save a run; one that goes on is followed to its end first."""
    if invocation.options.path in {"", "-"}:
        raise UsageError(
            "A log is saved into a file that has a name.",
            next_step="chronotui logs prints it.",
        )
    if not invocation.has_runs:
        return job_logs.save(invocation)
    check_alone(invocation.options, "stream", "query")
    form = _form(invocation.options)

    async def work(client: RunSource) -> SaveResult:
        from chronotui.cli.runs import destination
        from chronotui.engine.run_follow import RunFollow
        from chronotui.engine.save_runs import run_request
        from chronotui.runs.formats import SavedRun

        app, job = await named_run(invocation, client)
        begun: list[RunFollow] = []

        async def seen(tell: Callable[[str], None]) -> SavedRun:
            follow = RunFollow(
                client,
                job,
                tell=tell,
                tells_unseen=False,
                settings=watch_settings(invocation),
            )
            begun[:] = [follow]
            async with aclosing(follow.lines()) as batches:
                async for _ in batches:
                    pass
            return as_it_is(follow)

        def as_it_is(follow: RunFollow) -> SavedRun:
            return SavedRun(
                client.origin, client.version, app.name, follow.job, follow.record
            )

        def so_far() -> SavedRun | None:
            return as_it_is(begun[0]) if begun else None

        to = destination(invocation)
        request = run_request(seen, job, app, form, to, so_far=so_far)
        return await saved(invocation, client, request)

    return tell_saved(invocation, invocation.with_runs(work))


def lnav(invocation: Invocation) -> int:
    """Print how lnav is to read our JSON lines."""
    from chronotui.log.lnav import lnav_format

    invocation.output.write(lnav_format())
    return 0


def _form(options: Namespace) -> RunFormat:
    """Return the format of the file: as named, else as the path ends."""
    from chronotui.runs.formats import RUN_FORMATS

    named = {form.name: form for form in RUN_FORMATS}
    if options.format:
        if options.format in named:
            return named[options.format]
        raise UsageError(
            f"A run is saved as {' or '.join(named)}, not as {options.format}."
        )
    ending = Path(options.path or "").suffix[1:].lower()
    by_ending = {form.extension: form for form in RUN_FORMATS}
    return by_ending.get(ending, RUN_FORMATS[0])
