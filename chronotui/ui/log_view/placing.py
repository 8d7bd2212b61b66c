"""Where the reader is, in the words of the status line."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from chronotui.core.log import LineRow
from chronotui.ui.log_view.messages import Place
from chronotui.ui.log_view.stamps import offset_name, wall_time

if TYPE_CHECKING:
    from datetime import tzinfo

    from chronotui.ui.log_view.open_log import OpenLog


def place_of(opened: OpenLog, zone: tzinfo | None) -> Place:
    """Return where the reader of a log is."""
    row = opened.current_row
    line = row.line if isinstance(row, LineRow) else None
    reading = opened.reading
    filters = str(opened.filters)
    if filters and opened.filters.suspended:
        filters += "  (in context)"
    return Place(
        following=reading.following,
        number=max(opened.number_of(line), 0) if line else 0,
        attempt=line.attempt if line and opened.has_tries else 0,
        shown=len(opened.rows),
        new=new_lines(opened),
        zone=zone_name(zone, line.time_ns if line else None),
        filters=filters,
        search=opened.search_text,
        line=line,
    )


def new_lines(opened: OpenLog) -> int:
    """Return how many lines below were not on the screen yet; notices do not count."""
    rows, reading = opened.rows, opened.reading
    if reading.following:
        return 0
    seen = rows.visible.ordinal(*rows.place_from(reading.unseen_from()))
    return rows.line_count - seen


def zone_name(zone: tzinfo | None, time_ns: int | None) -> str:
    """Return ``UTC+2`` for the zone at a time; without one, at the epoch's winter."""
    if zone is UTC:
        return "UTC"
    try:
        return offset_name(wall_time(time_ns or 0, zone))
    except ValueError:
        return offset_name(datetime.fromtimestamp(0, tz=UTC).astimezone(zone))
