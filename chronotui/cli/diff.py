"""The verb `diff`: what a job's log says that the last good one did not."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Final

from chronotui.cli.lists import TABLE_ROWS
from chronotui.cli.output import Cell, Column
from chronotui.log.causes import Weight
from chronotui.log.differences import SUSPECT, Change
from chronotui.text import clean, plural, printable_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chronotui.cli.invocation import Invocation
    from chronotui.engine.diff import JobDiff
    from chronotui.log.chunks import Overflow
    from chronotui.log.differences import KindChange
    from chronotui.model import Job, LogLine
    from chronotui.sources.protocol import Source

_CHANGES: Final = {Change.NEW: "1", Change.GONE: "2"}
_WEIGHTS: Final = {
    Weight.RAISED: "31",
    Weight.ERROR: "31",
    Weight.WARNS: "33",
}
_SUSPECT_CODE: Final = "1"
"""SGR codes of changes and of lines."""


def _change(found: KindChange) -> Cell:
    if found.is_suspect:
        return Cell(SUSPECT, _SUSPECT_CODE)
    return Cell(found.change, _CHANGES.get(found.change, ""))


def _place(line: LogLine) -> str:
    return f"{line.attempt}:{line.sequence_num}"


def _line(found: KindChange) -> Cell:
    before = f"{printable_line(found.before)}: " if found.before else ""
    words = before + printable_line(found.line.message)
    return Cell(words, _WEIGHTS.get(found.weight, ""))


_COLUMNS: Final = (
    Column("CHANGE", _change),
    Column("LINES", lambda found: f"{found.lines:,}", right=True),
    Column("BEFORE", lambda found: f"{found.lines_before:,}", drop=1, right=True),
    Column("FIRST", lambda found: _place(found.line), right=True),
    Column("STREAM", lambda found: found.line.stream, drop=2),
    Column("LINE", _line, least=20),
)


def diff(invocation: Invocation) -> int:
    """Compare a job's log with another's, or with the last good one's before it."""
    options = invocation.options

    async def work(client: Source) -> JobDiff:
        from chronotui.engine.diff import diff_jobs
        from chronotui.engine.resolve import (
            last_completed_before,
            resolve_job,
            resolve_workflow,
        )

        ask = invocation.retries.ask
        workflow = await ask(lambda: resolve_workflow(client, options.workflow))
        job = await ask(lambda: resolve_job(client, workflow, options.job))
        if options.before:
            before = await ask(lambda: resolve_job(client, workflow, options.before))
        else:
            before = await ask(lambda: last_completed_before(client, workflow, job))
            invocation.say(f"compared with {_named(before)}.")
        return await diff_jobs(
            client,
            workflow,
            job,
            before,
            tell=invocation.say,
            spool=partial(_open_spool, invocation),
        )

    result = invocation.with_client(work)
    _print(invocation, result.found)
    return 0 if result.whole else 6


def _named(job: Job) -> str:
    started = ""
    if job.started_at is not None:
        started = f", started {job.started_at:%Y-%m-%d %H:%M:%S} UTC"
    return f"{clean(job.shown_id)} ({job.status}{started})"


def _print(invocation: Invocation, found: Sequence[KindChange]) -> None:
    output, limit = invocation.output, invocation.options.limit
    if invocation.options.output == "json":
        items = (json.dumps(_object(each)) for each in found[:limit])
        lines = ",\n ".join(items)
        output.write(f"[{lines}]\n")
        output.flush()
        return
    shown = found[: limit or TABLE_ROWS]
    if shown:
        output.write_table(_COLUMNS, shown)
    output.flush()
    if not found:
        invocation.say("the logs say the same, kind of line by kind of line.")
    elif len(shown) < len(found) and limit is None:
        invocation.say(
            f"the first {plural(len(shown), 'difference')} of {len(found):,}: "
            "--limit N shows N of them, -o json all."
        )


def _object(found: KindChange) -> dict[str, object]:
    line = found.line
    return {
        "change": found.change,
        "suspect": found.is_suspect,
        "lines": found.lines,
        "lines_before": found.lines_before,
        "first": _place(line),
        "attempt": line.attempt,
        "sequence_num": line.sequence_num,
        "stream": line.stream,
        "message": line.message,
        "values_before": found.before,
        "kind": found.kind,
    }


def _open_spool(invocation: Invocation) -> Overflow:
    from chronotui.storage.files import SpoolFile

    return SpoolFile(invocation.config.ui.spool_dir)
