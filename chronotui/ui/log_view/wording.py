"""Words for rows that are no lines, and for what a key did."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from chronotui.core.log import GapState

if TYPE_CHECKING:
    from chronotui.core.log import Gap

_AFTER: Final = {
    GapState.FETCHING: "not received, fetching",
    GapState.LOST: "not received, and not in the retained log",
    GapState.UNREAD: "not loaded",
}


def plural(count: int, word: str) -> str:
    """Return ``1 line``, ``2 lines``."""
    return f"{count:,} {word}" + ("" if count == 1 else "s")


def percent(done: int, total: int) -> str:
    """Return ``34 %``; never 100 before all is done."""
    return f"{100 * done // max(total, 1)} %"


def gap_text(gap: Gap) -> str:
    """Return the sentence of a row that stands for missing lines."""
    lines = plural(gap.count, "line") if gap.count else "lines"
    return f"⋯ {lines} {_AFTER.get(gap.state, 'not received')}"
