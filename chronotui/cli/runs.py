"""The verb `runs`, which lists the runs of an app, and makes files of the list."""

from __future__ import annotations

import time
from contextlib import aclosing
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Final

from chronotui.cli.invocation import typed_time
from chronotui.cli.lists import STATUS_STYLES, TABLE_ROWS
from chronotui.cli.output import Cell, Column
from chronotui.errors import IncompleteError, UsageError
from chronotui.model import JobFilter, JobStatus

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import AsyncGenerator, Mapping, Sequence

    from chronotui.cli.invocation import Invocation
    from chronotui.engine.save_request import SaveResult
    from chronotui.engine.save_runs import Destination, RunWalk
    from chronotui.model import Job
    from chronotui.runs.formats import ListFormat
    from chronotui.sources.protocol import RunSource

_TABLE: Final = "table"
_SAID_AFTER: Final = 5.0
"""Seconds without a run after which it is said how far a list is."""
_STATUS_WORDS: Final = {
    "SUCCEEDED": JobStatus.COMPLETED,
    "STOPPED": JobStatus.CANCELED,
    "PARTIAL-SUCCEEDED": JobStatus.PARTIAL,
    "PAUSED": JobStatus.PAUSED,
    "UNKNOWN": JobStatus.UNKNOWN,
}
"""What servers with runs call states, beside the names they have here."""
_STATES: Final = frozenset(
    {*_STATUS_WORDS.values(), JobStatus.RUNNING, JobStatus.FAILED}
)


def runs(invocation: Invocation) -> int:
    """List the runs of an app, newest first; standard output or a file gets them."""
    options = invocation.options
    options.path = None if options.path == "-" else options.path
    only, form = _filter(options), _form(options)
    if form is not None and options.path:
        return _save(invocation, only, form)
    return invocation.with_runs(lambda client: _print(invocation, client, only, form))


def _filter(options: Namespace) -> JobFilter:
    if options.user and options.account:
        raise UsageError(
            "A run is by an end user or by an account: --user and --account exclude "
            "each other."
        )
    word = options.status or ""
    status = _STATUS_WORDS.get(word.upper()) or JobStatus.parse(word)
    return JobFilter(
        status=status if word else None,
        keyword=options.keyword or "",
        since=typed_time("--since", options.since)
        if options.since is not None
        else None,
        until=typed_time("--until", options.until)
        if options.until is not None
        else None,
        user=options.user or "",
        account=options.account or "",
    )


def _form(options: Namespace) -> ListFormat | None:
    """Return the format of the list, None for a table; a file's ending tells one."""
    from chronotui.runs.formats import LIST_FORMATS, list_format

    name = options.output
    if options.path:
        names = {form.extension: form.name for form in LIST_FORMATS}
        name = name or names.get(Path(options.path).suffix[1:].lower())
        if name in {None, _TABLE}:
            raise UsageError(
                "A table is not saved to a file.",
                next_step=f"Choose -o {', -o '.join(names.values())}.",
            )
    return None if name in {None, _TABLE} else list_format(name)


async def _print(
    invocation: Invocation, client: RunSource, only: JobFilter, form: ListFormat | None
) -> int:
    from chronotui.engine.resolve import the_app
    from chronotui.engine.save_runs import RunWalk

    limit = invocation.options.limit
    if form is None and limit is None:
        limit = TABLE_ROWS
    app = await invocation.retries.ask(lambda: the_app(client))
    walk = RunWalk(client, app, only, limit=limit, retries=invocation.retries)
    if form is None:
        await _write_table(invocation, walk)
    else:
        await _write_list(invocation, walk, form)
    _tell(invocation, walk)
    if not walk.count and only.status is not None and only.status not in _STATES:
        known = ", ".join(sorted(_STATES - {JobStatus.UNKNOWN}))
        invocation.say(f"{only.status} is no state known here; known are {known}.")
    return walk.exit_code


async def _write_table(invocation: Invocation, walk: RunWalk) -> None:
    """Write what came as one table, also of a list that breaks off."""
    rows: list[Job] = []
    try:
        async with aclosing(_pages(invocation, walk)) as pages:
            async for page in pages:
                rows += page
    except IncompleteError:
        invocation.output.write_table(_COLUMNS, rows)
        raise
    invocation.output.write_table(_COLUMNS, rows)
    invocation.output.flush()


async def _write_list(invocation: Invocation, walk: RunWalk, form: ListFormat) -> None:
    """Write each page as it comes; a list that breaks off lacks its end."""
    from chronotui.runs.formats import ListEncoder

    output, encoder = invocation.output, ListEncoder(form)
    async with aclosing(_pages(invocation, walk)) as pages:
        async for page in pages:
            output.write_data(encoder.rows(page))
            output.flush()
    output.write_data(encoder.end())
    output.flush()


async def _pages(
    invocation: Invocation, walk: RunWalk
) -> AsyncGenerator[Sequence[Job], None]:
    """Yield the pages of a walk; say how far it is where none fits for long."""
    said = time.monotonic()
    async with aclosing(walk.pages()) as pages:
        async for page in pages:
            yield page
            now = time.monotonic()
            if page:
                said = now
            elif now - said >= _SAID_AFTER:
                said = now
                of = f" of {walk.total:,}" if walk.total else ""
                looked = walk.count + walk.hidden
                invocation.say(f"{looked:,}{of} runs looked through; it goes on.")


def _tell(invocation: Invocation, walk: RunWalk) -> None:
    """Say what is to be known of the list beside its rows."""
    for remark in walk.remarks():
        invocation.say(remark)
    if walk.hidden:
        more = "more " if walk.count else ""
        invocation.say(f"{walk.hidden:,} {more}runs were looked through: none fits.")
    if not walk.count and not walk.missing:
        invocation.say("no runs.")
    elif walk.has_more and invocation.options.limit is None:
        # What is picked out here is not what the server counts.
        of = f" of {walk.total:,}" if walk.total and not walk.hidden else ""
        may_be = "may be" if walk.hidden or walk.total is None else "are"
        invocation.say(
            f"the first {walk.count}{of} runs; there {may_be} more: "
            "--limit N shows N of them, -o json all."
        )


def _save(invocation: Invocation, only: JobFilter, form: ListFormat) -> int:
    from chronotui.cli.logs import saved, tell_saved

    async def work(client: RunSource) -> SaveResult:
        from chronotui.engine.resolve import the_app
        from chronotui.engine.save_runs import list_request

        app = await invocation.retries.ask(lambda: the_app(client))
        limit, to = invocation.options.limit, destination(invocation)
        request = list_request(client, app, only, form, to, limit=limit)
        return await saved(invocation, client, request)

    return tell_saved(invocation, invocation.with_runs(work))


def destination(invocation: Invocation) -> Destination:
    """Return where the options of a verb want a file."""
    from chronotui.engine.save_runs import Destination

    options = invocation.options
    configured = invocation.profile.save_dir or invocation.config.ui.save_dir
    return Destination(
        path=Path(options.path).expanduser() if options.path else None,
        folder=configured or Path(),
        overwrite=options.force,
        make_folder=configured is not None and not options.path,
        profile=invocation.profile.name,
    )


# The table.


def _object(job: Job, name: str) -> Mapping[str, object]:
    value = job.fields.get(name)
    return value if isinstance(value, dict) else {}


def _started(job: Job) -> str:
    at = job.created_at
    return f"{at:%Y-%m-%d %H:%M:%S}" if at else ""


def _status(job: Job) -> Cell:
    return Cell(job.status, STATUS_STYLES.get(job.status, ""))


def _elapsed(job: Job) -> str:
    """Return how long it took as the server counts; of one that runs, until now."""
    from datetime import UTC, datetime

    from chronotui.times import human_duration

    told = _object(job, "workflow_run").get("elapsed_time")
    seconds = float(told) if isinstance(told, int | float) and told > 0 else None
    if seconds is None:
        seconds = job.duration(datetime.now(UTC))
    if seconds is None:
        return ""
    return f"{seconds:.1f} s" if seconds < 60 else human_duration(seconds)


def _tokens(job: Job) -> str:
    told = _object(job, "workflow_run").get("total_tokens")
    return f"{told}" if told else ""


def _first_line(job: Job) -> str:
    return job.error.strip().partition("\n")[0]


_COLUMNS: Final = (
    Column("STARTED (UTC)", _started, drop=6),
    Column("STATUS", _status),
    Column("ELAPSED", _elapsed, drop=5, right=True),
    Column("RUN", attrgetter("shown_id"), least=13),
    Column("BY", attrgetter("by"), least=8, drop=4),
    Column("FROM", attrgetter("origin"), drop=2),
    Column("TOKENS", _tokens, drop=1, right=True),
    Column("ERROR", _first_line, least=30, drop=3),
)
