"""From a log's state to what the status line tells."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from chronotui.core.text import clean

if TYPE_CHECKING:
    from chronotui.engine.catalog import Catalog
    from chronotui.engine.watch.state import Connection, LogState
    from chronotui.ui.desk.status_text import Standing, Tone
    from chronotui.ui.log_view.messages import Place

TONES: Final[dict[str, Tone]] = {
    "LIVE": "good",
    "QUIET": "caution",
    "RECONNECTING": "caution",
    "CONNECTING": "caution",
    "WAITING": "caution",
    "OFFLINE": "alarm",
    "SIGN IN": "alarm",
    "ENDED": "muted",
}
SIGNS: Final = {
    "LIVE": "●",
    "QUIET": "◐",
    "RECONNECTING": "◐",
    "CONNECTING": "◌",
    "WAITING": "◌",
    "OFFLINE": "✗",
    "SIGN IN": "✗",
    "ENDED": "■",
}


def connection_words(connection: Connection, now: float) -> str:
    """Return the state with its sign, and why where that helps."""
    kind = str(connection.kind)
    words = f"{SIGNS.get(kind, '')} {connection.text(now)}".strip()
    if connection.reason and kind in {"RECONNECTING", "OFFLINE", "SIGN IN"}:
        words += f" · {clean(connection.reason)}"
    return words


def with_log(standing: Standing, state: LogState, now: float) -> Standing:
    """Return the standing with what the opened log says."""
    filling = ""
    if state.filling is not None:
        done, total = state.filling
        filling = f"reading {done:,}" + (f" of {total:,}" if total else "")
    return replace(
        standing,
        connection=connection_words(state.connection, now),
        connection_tone=TONES.get(str(state.connection.kind), "text"),
        lines=state.lines,
        older=bool(state.lines) and not state.at_start,
        missing=state.missing,
        fetching=state.fetching,
        sealed=state.verdict is not None and state.verdict.sealed,
        rate=state.rate,
        filling=filling,
    )


def of_catalog(standing: Standing, catalog: Catalog | None) -> Standing:
    """Return the standing of a desk that shows no log: how the lists are doing."""
    if catalog is None:
        return replace(standing, connection="◌ CONNECTING", connection_tone="caution")
    if catalog.problem is not None:
        words = f"{SIGNS['OFFLINE']} {clean(str(catalog.problem))}"
        return replace(standing, connection=words, connection_tone="alarm")
    if not catalog.answered:
        return replace(standing, connection="◌ CONNECTING", connection_tone="caution")
    return replace(standing, connection="● connected", connection_tone="good")


def with_place(standing: Standing, place: Place) -> Standing:
    """Return the standing with where the reader is."""
    return replace(
        standing,
        following=place.following,
        place=place.number,
        new=place.new,
        zone=place.zone,
        filters=place.filters,
    )
