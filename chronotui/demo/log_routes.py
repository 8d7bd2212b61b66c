"""Retained logs, page by page."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from chronotui.demo.catalog_routes import cursor_place
from chronotui.demo.cursor import encode_cursor
from chronotui.demo.message import Answer, json_text
from chronotui.demo.service import RefusedError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chronotui.demo.lines import TrueLine
    from chronotui.demo.runs import DemoJob
    from chronotui.demo.service import Call

TWO_HOURS: Final = 7200
_OUTSIDE: Final = (0, 0, 0)
"""Before every line, for a cursor that leads to the first page."""
_SHARED: Final = f"public, max-age={TWO_HOURS}"


def readable_job(call: Call) -> DemoJob:
    """Return the job whose retained log is asked for.

    Raises:
        RefusedError: 404, or 412 where there are no logs by policy.
    """
    job = call.job()
    plan = call.workflow().plan
    if plan.kind == "HEARTBEAT":
        raise RefusedError(412, "logs are not available for HEARTBEAT workflows")
    if not plan.retention:
        raise RefusedError(412, "log retention is disabled for this workflow")
    return job


def page_text(
    call: Call,
    job: DemoJob,
    entries: Sequence[str],
    cursor: str,
    highlight_token: str = "",
) -> str:
    """Write a page of log lines as JSON; ``entries`` are JSON already."""
    current = call.service.dialect.is_current
    text = f'{{"id":"{job.id}","workflow_id":"{job.workflow_id}"'
    if entries or not current:
        text += f',"logs":[{",".join(entries)}]'
    if cursor or not current:
        text += f',"cursor":"{cursor}"'
    if highlight_token:
        text += f',"highlight_token":"{highlight_token}"'
    return text + "}"


def list_logs(call: Call) -> Answer:
    """Answer ``GET …/logs``: newest first, or oldest first where documented."""
    kept = _cached(call)
    if kept is not None:
        return kept
    job = readable_job(call)
    place = cursor_place(call, (int, int, int, int))
    position = (place[0], place[1], place[2]) if place else None
    size, current = call.service.log_page_size, call.service.dialect.is_current
    read = job.log.newest if current else job.log.oldest
    if position == _OUTSIDE:
        position = None
    lines = read(position, size + 1, call.now_ns)
    cursor = ""
    if len(lines) > size:
        lines.pop()
        cursor = encode_cursor(*lines[-1].position, 0)
    faults = call.service.faults
    if faults.leaves_empty(place):
        lines.clear()
        cursor = encode_cursor(*(position or _OUTSIDE), 1)
    if faults.looping_cursors and place:
        cursor = call.request.query["cursor"]
    text = page_text(call, job, retained_entries(call, job, lines), cursor)
    between = bool(place) and bool(cursor)
    if current:
        return json_text(text, cache=_SHARED if between else "no-store")
    answer = json_text(text, cache="no-store" if cursor else _SHARED)
    if not cursor:
        call.service.cached[_key(call)] = (time.monotonic(), answer)
    return answer


def retained_entries(call: Call, job: DemoJob, lines: Sequence[TrueLine]) -> list[str]:
    """Write lines as the retained log has them; those it lost are left out."""
    dialect, faults = call.service.dialect, call.service.faults
    return [
        dialect.line(job.id, line, retained=True)
        for line in lines
        if not faults.loses(line)
    ]


def _key(call: Call) -> str:
    return f"{call.request.path}?{call.request.query.get('cursor', '')}"


def _cached(call: Call) -> Answer | None:
    """Return the documented dialect's old answer unless a new one is asked for."""
    if "no-cache" in call.request.headers.get("cache-control", ""):
        return None
    at, answer = call.service.cached.get(_key(call), (0.0, None))
    return answer if time.monotonic() - at < TWO_HOURS else None
