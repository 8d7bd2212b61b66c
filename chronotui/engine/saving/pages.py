"""A file built from the retained pages where the raw download cannot serve."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from chronotui.core.log import LogStore
from chronotui.core.paging import CursorTrail
from chronotui.engine.retained import RetainedLog
from chronotui.engine.retry import Retries
from chronotui.engine.saving.lines import LineWriter
from chronotui.engine.saving.progress import SavePhase
from chronotui.engine.selection import LineSelection
from chronotui.errors import UnreadableAnswerError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from chronotui.engine.saving.work import Work
    from chronotui.model import Job, LogLine, SearchPage

_BUDGET_BYTES: Final = 32 << 20
_BATCH_LINES: Final = 1000


async def build_from_pages(work: Work, job: Job) -> None:
    """Write the retained log, read page by page, in the request's format.

    Stream and query are honoured here whatever the raw download knows of them.

    Raises:
        ChronotuiError: The pages cannot be read, or the disk fails.
    """
    await work.drop_part()
    work.held, work.unverified = "as the retained log has them", ""
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
        timing=work.watch.timing,
        tell=work.notes.append,
        spool=work.spool,
    )
    async for batch in log.batches():
        await writer.write(batch)
    work.missing_lines = log.missing
    work.sealed = not log.exit_code or bool(log.missing)


async def found_lines(work: Work) -> AsyncIterator[list[LogLine]]:
    """Yield the hits of the request's query and stream, in the log's order.

    The search lists newest first: the hits are gathered before the first is
    yielded, past a small budget in the spool file.

    Raises:
        UnreadableAnswerError: The server hands out the same page for ever.
        ChronotuiError: The search cannot be read.
    """
    request = work.request
    retries = Retries(timing=work.watch.timing)
    store = LogStore(budget_bytes=_BUDGET_BYTES, overflow=work.spool)
    cursor: str | None = None

    async def found() -> SearchPage:
        return await work.client.search_logs(
            request.workflow_id,
            request.job_id,
            query=request.query,
            stream=request.stream,
            cursor=cursor,
        )

    try:
        trail = CursorTrail()
        while True:
            page = await retries.ask(found)
            wanted = [x for x in page.lines if request.stream in {None, x.stream}]
            added = store.add(wanted)
            work.meter.lines = len(store)
            cursor = trail.follow(page.cursor, progress=bool(added.new))
            if cursor is None:
                break
        if trail.looped:
            raise UnreadableAnswerError(
                "The server's search repeats the same page without end.",
                next_step="Save without the query, or search for other words.",
            )
        work.meter.lines = 0
        for start in range(0, len(store), _BATCH_LINES):
            yield store.lines(start, start + _BATCH_LINES)
    finally:
        store.close()
