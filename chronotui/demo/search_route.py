"""Search in a job's retained log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from chronotui.demo.catalog_routes import cursor_place
from chronotui.demo.cursor import encode_cursor
from chronotui.demo.dice import number_of, roll
from chronotui.demo.log_routes import fitting, page_text, readable_job, retained_entries
from chronotui.demo.search import Matcher, highlight
from chronotui.demo.service import RefusedError

if TYPE_CHECKING:
    from chronotui.demo.lines import Place, TrueLine
    from chronotui.demo.message import Answer
    from chronotui.demo.service import Call

_LOOKED_AT_ONCE: Final = 10_000


def search_logs(call: Call) -> Answer:
    """Answer ``GET …/logs/search``.

    A page may hold fewer hits than it has room for, or none, and still carry a
    cursor: only so many lines are looked at for one answer.
    """
    job = readable_job(call)
    stream = call.choice("stream", ("stdout", "stderr"))
    query = call.request.query.get("q", "")
    filters = number_of(f"{stream}\0{query}")
    cursor_at = cursor_place(call, (int, int, int, int, int))
    place: Place | None = None
    if cursor_at is not None:
        if cursor_at[4] != filters:
            raise RefusedError(400, "cursor belongs to another search")
        place = (cursor_at[0], cursor_at[1], cursor_at[2], cursor_at[3])
    matcher = Matcher(query) if query.strip() else None
    token = f"{roll(filters, number_of(job.id)):016x}" if matcher else ""
    hits: list[TrueLine] = []
    lines = job.log.newest(place, _LOOKED_AT_ONCE, call.now_ns)
    last: TrueLine | None = None
    for line in lines:
        if len(hits) >= call.service.log_page_size:
            break
        last = line
        if stream not in (None, line.stream):
            continue
        ranges = matcher.ranges(line.message) if matcher else []
        if ranges or matcher is None:
            marked = highlight(line.message, ranges, token)
            hits.append(line._replace(message=marked))
    looked_at_all = len(lines) < _LOOKED_AT_ONCE and (not lines or last is lines[-1])
    cursor = ""
    if last is not None and not looked_at_all:
        cursor = encode_cursor(*last.place(interleaved=job.log.interleaved), filters)
    entries = retained_entries(call, job, hits)
    return fitting(call, page_text(call, job, entries, cursor, token), "no-store")
