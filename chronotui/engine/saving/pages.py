"""A file built from the retained pages where the raw download cannot serve."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chronotui.engine.retained import RetainedLog
from chronotui.engine.saving.found import found_lines
from chronotui.engine.saving.lines import LineWriter
from chronotui.engine.saving.progress import SavePhase
from chronotui.engine.selection import LineSelection

if TYPE_CHECKING:
    from chronotui.engine.saving.work import Work
    from chronotui.model import Job


async def build_from_pages(work: Work, job: Job) -> None:
    """Write the retained log, read page by page, in the request's format.

    Stream and query are honoured here whatever the raw download knows of them.

    Raises:
        ChronotuiError: The pages cannot be read, or the disk fails.
    """
    await work.drop_part()
    writer = LineWriter(work)
    await writer.begin(SavePhase.READING_PAGES)
    if work.request.query:
        async for batch in found_lines(work):
            await writer.write(batch)
    else:
        await _write_retained(work, job, writer)
    await writer.end()


async def _write_retained(work: Work, job: Job, writer: LineWriter) -> None:
    request = work.request
    log = RetainedLog(
        work.client,
        request.workflow,
        job,
        selection=LineSelection(stream=request.stream),
        tell=work.notes.append,
        spool=work.spool,
    )
    async for batch in log.batches():
        await writer.write(batch)
    work.missing_lines = log.missing
