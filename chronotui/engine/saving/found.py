"""The lines the server's own search finds, oldest first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from chronotui.core.log import LogStore
from chronotui.core.paging import CursorTrail
from chronotui.errors import UnreadableAnswerError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from chronotui.engine.saving.work import Work
    from chronotui.model import LogLine

_BUDGET_BYTES: Final = 32 << 20
_BATCH_LINES: Final = 1000


async def found_lines(work: Work) -> AsyncIterator[list[LogLine]]:
    """Yield the hits of the request's query and stream, in the log's order.

    The search lists newest first: the hits are gathered before the first is
    yielded, past a small budget in the spool file.

    Raises:
        UnreadableAnswerError: The server hands out the same page for ever.
        ChronotuiError: The search cannot be read.
    """
    request = work.request
    store = LogStore(budget_bytes=_BUDGET_BYTES, overflow=work.spool)
    try:
        trail = CursorTrail()
        cursor: str | None = None
        while True:
            page = await work.client.search_logs(
                request.workflow_id,
                request.job_id,
                query=request.query,
                stream=request.stream,
                cursor=cursor,
            )
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
