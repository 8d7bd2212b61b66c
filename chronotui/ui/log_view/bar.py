"""The line under a log that says what is filtered and searched, and how far."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from chronotui.core.text import clean
from chronotui.ui.log_view.wording import percent, plural

if TYPE_CHECKING:
    from chronotui.core.log import Rows, Search
    from chronotui.ui.log_view.messages import Tone
    from chronotui.ui.log_view.open_log import OpenLog

GAP: Final = "   "


class BarPart(NamedTuple):
    """A piece of the line; later ones give way first when room is short."""

    text: str
    tone: Tone = "text"


def bar_parts(opened: OpenLog, *, more: bool) -> list[BarPart]:
    """Return what stands under a log; nothing when all of it is shown.

    Args:
        opened: The log.
        more: Whether lines may exist that are not loaded.
    """
    return [*_filter_parts(opened), *_search_parts(opened, more=more)]


def search_words(opened: OpenLog) -> str:
    """Return what stands beside a search while it is typed."""
    search = opened.search
    if search is None:
        return ""
    done, total = search.progress
    progress = f"  {percent(done, total)} read" if done < total else ""
    return _count_part(opened).text + progress


def filter_words(opened: OpenLog) -> str:
    """Return what stands beside a filter while it is typed."""
    if opened.filters.tried is None:
        return ""
    done, total = opened.rows.progress
    shown = opened.rows.line_count
    if done < total:
        return f"{shown:,} lines so far, {percent(done, total)} read"
    if not shown:
        return f"no line matches, of {total:,}"
    return f"{plural(shown, 'line')} of {total:,}"


def _filter_parts(opened: OpenLog) -> list[BarPart]:
    filters = opened.filters
    if not filters:
        return []
    words = clean(str(filters))
    if filters.suspended:
        return [BarPart(f"{words}  lifted, esc puts it back", "caution")]
    done, total = opened.rows.progress
    count = f"{plural(opened.rows.line_count, 'line')} of {len(opened.store):,}"
    if done < total:
        count += f", {percent(done, total)} read"
    return [BarPart(words, "caution"), BarPart(count), *_slow_part(opened.rows)]


def _search_parts(opened: OpenLog, *, more: bool) -> list[BarPart]:
    search = opened.search
    if search is None:
        return []
    parts = [BarPart(f"/{clean(opened.search_text)}"), _count_part(opened)]
    done, total = search.progress
    if done < total:
        parts.append(BarPart(f"{percent(done, total)} read", "caution"))
    elif more:
        parts.append(BarPart("in what is loaded", "caution"))
    return [*parts, *_slow_part(search), BarPart("n N")]


def _slow_part(reader: Rows | Search) -> list[BarPart]:
    slow = reader.too_slow
    words = f"{plural(slow, 'line')} took too long"
    return [BarPart(words, "alarm")] if slow else []


def _count_part(opened: OpenLog) -> BarPart:
    """Return how many lines match; a plus says that it is still being counted."""
    search = opened.search
    count = search.count if search else 0
    more = "+" if search is not None and not search.complete else ""
    if search is None or not count:
        return BarPart("no match yet" if more else "no match", "caution")
    row = opened.reading.current
    if not search.is_match(row):
        return BarPart(f"{count:,}{more} matches" if count > 1 or more else "1 match")
    return BarPart(f"{search.rank(row) + 1:,}{more} of {count:,}{more}")
