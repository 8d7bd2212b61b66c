"""Retained logs, page by page."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from chronotui.demo.catalog_routes import cursor_place
from chronotui.demo.clock import SECOND
from chronotui.demo.cursor import encode_cursor
from chronotui.demo.lines import just_before
from chronotui.demo.message import Answer, json_text, plain
from chronotui.demo.service import RefusedError, words_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chronotui.demo.lines import TrueLine
    from chronotui.demo.runs import DemoJob
    from chronotui.demo.service import Call

TWO_HOURS: Final = 7200
_OUTSIDE: Final = (0, 0, 0, 0)
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
    if call.service.dialect.is_current:
        return _current_page(call)
    return _documented_page(call)


def _current_page(call: Call) -> Answer:
    """Answer as a current server: pages between are kept, whatever was asked for."""
    key, kept = _key(call), call.service.pages_read_ns
    read_ns = kept.get(key)
    keeps_ns = int(call.service.page_cache_seconds * SECOND)
    if read_ns is not None and call.now_ns - read_ns < keeps_ns:
        call = replace(call, now_ns=read_ns)
    text, cursor = _page(call)
    between = bool(call.request.query.get("cursor")) and bool(cursor)
    if between:
        kept[key] = call.now_ns
    return fitting(call, text, _SHARED if between else "no-store")


def _documented_page(call: Call) -> Answer:
    """Answer as documented: a whole listing is kept, unless a new one is asked for."""
    kept = _cached(call)
    if kept is not None:
        return kept
    text, cursor = _page(call)
    answer = json_text(text, cache="no-store" if cursor else _SHARED)
    if not cursor:
        call.service.cached[_key(call)] = (time.monotonic(), answer)
    return answer


def _page(call: Call) -> tuple[str, str]:
    """Write the page that is asked for; return its cursor, too.

    A cursor names the line that comes next.
    """
    job = readable_job(call)
    numbers = cursor_place(call, (int, int, int, int, int))
    place = (numbers[0], numbers[1], numbers[2], numbers[3]) if numbers else None
    if place == _OUTSIDE:
        place = None
    size, log = call.service.log_page_size, job.log
    read = log.newest if call.service.dialect.is_current else log.oldest
    lines = read(place, size + 1, call.now_ns)
    cursor = ""
    if len(lines) > size:
        following = lines.pop().place(interleaved=log.interleaved)
        cursor = encode_cursor(*just_before(following), 0)
    faults = call.service.faults
    if faults.leaves_empty(numbers):
        lines.clear()
        cursor = encode_cursor(*(place or _OUTSIDE), 1)
    if faults.looping_cursors and numbers:
        cursor = call.request.query["cursor"]
    return page_text(call, job, retained_entries(call, job, lines), cursor), cursor


def fitting(call: Call, text: str, cache: str) -> Answer:
    """Answer with a page, or refuse one that is too large (wire note "Errors").

    One that somebody asks for again too soon makes the server refuse everything for
    a while.
    """
    service = call.service
    limit = service.page_limit_bytes if service.dialect.is_current else None
    if limit is None or len(text.encode()) <= limit:
        return json_text(text, cache=cache)
    session = call.request.cookies.get("session", "")
    service.overload.strike(f"{session} {_key(call)}", call.now_ns)
    return plain(429, words_of("GET", "logs"))


def retained_entries(call: Call, job: DemoJob, lines: Sequence[TrueLine]) -> list[str]:
    """Write lines as the retained log has them; those it lost are left out."""
    dialect, faults = call.service.dialect, call.service.faults
    return [
        dialect.line(job.id, line, retained=True)
        for line in lines
        if not faults.loses(line)
    ]


def _key(call: Call) -> str:
    query = sorted(call.request.query.items())
    return f"{call.request.path}?{query}"


def _cached(call: Call) -> Answer | None:
    """Return the documented dialect's old answer unless a new one is asked for."""
    if "no-cache" in call.request.headers.get("cache-control", ""):
        return None
    at, answer = call.service.cached.get(_key(call), (0.0, None))
    return answer if time.monotonic() - at < TWO_HOURS else None
