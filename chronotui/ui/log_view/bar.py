"""The line under a log that says what is filtered and searched, and how far."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from chronotui.core.text import clean
from chronotui.ui.log_view.wording import plural

if TYPE_CHECKING:
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


def typing_words(opened: OpenLog) -> str:
    """Return what stands beside a search while it is typed."""
    search = opened.search
    if search is None:
        return ""
    done, total = search.progress
    progress = f"  {_percent(done, total)} read" if done < total else ""
    return _count_part(opened).text + progress


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
        count += f", {_percent(done, total)} read"
    return [BarPart(words, "caution"), BarPart(count)]


def _search_parts(opened: OpenLog, *, more: bool) -> list[BarPart]:
    search = opened.search
    if search is None:
        return []
    parts = [BarPart(f"/{clean(opened.search_text)}"), _count_part(opened)]
    done, total = search.progress
    if done < total:
        parts.append(BarPart(f"{_percent(done, total)} read", "caution"))
    elif more:
        parts.append(BarPart("in what is loaded", "caution"))
    if search.too_slow:
        words = f"{plural(search.too_slow, 'line')} took too long"
        parts.append(BarPart(words, "alarm"))
    return [*parts, BarPart("n N")]


def _count_part(opened: OpenLog) -> BarPart:
    search = opened.search
    count = search.count if search else 0
    if search is None or not count:
        return BarPart("no match", "caution")
    row = opened.reading.current
    if not search.is_match(row):
        return BarPart(f"{count:,} matches" if count > 1 else "1 match")
    return BarPart(f"{search.rank(row) + 1:,} of {count:,}")


def _percent(done: int, total: int) -> str:
    return f"{100 * done // max(total, 1)} %"
