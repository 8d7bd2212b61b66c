"""From a log's state to what the status line tells."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from chronotui.core.text import clean
from chronotui.core.times import local_clock
from chronotui.errors import NotSignedInError, UnreachableError, WebPageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chronotui.engine.catalog import Catalog
    from chronotui.engine.saving import SaveProgress
    from chronotui.engine.watch.state import Connection, LogState
    from chronotui.errors import ChronotuiError
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

TROUBLED: Final = frozenset({"RECONNECTING", "OFFLINE", "SIGN IN"})
"""The states that are worth a reason."""


def connection_words(connection: Connection, now: float) -> tuple[str, str, str]:
    """Return the state with its sign, the same shorter, and why where that helps.

    The shorter one keeps what a reader waits for or has to press: the clock time of
    a wait that the server asked for, and the key where nothing is asked any more.
    """
    kind = str(connection.kind)
    sign = SIGNS.get(kind, "")
    words, short = connection.text(now), kind
    troubled = kind in TROUBLED or connection.is_troubled
    if kind == "ENDED" and troubled and not connection.subject:
        words = short = "ENDED, r asks again"
    elif words != kind and connection.asked_until is not None:
        short = f"{kind}, at {local_clock(connection.asked_until)}"
    reason = clean(connection.why(now)) if troubled else ""
    return f"{sign} {words}".strip(), f"{sign} {short}".strip(), reason


def tone_of(connection: Connection) -> Tone:
    """Return the colour of a state: trouble beside a good one is a caution."""
    tone = TONES.get(str(connection.kind), "text")
    return "caution" if connection.is_troubled and tone != "alarm" else tone


def with_log(standing: Standing, state: LogState, now: float) -> Standing:
    """Return the standing with what the opened log says."""
    filling = ""
    if state.filling is not None:
        done, total = state.filling
        filling = f"reading {done:,}" + (f" of {total:,}" if total else "")
    words, short, reason = connection_words(state.connection, now)
    return replace(
        standing,
        connection=words,
        connection_short=short,
        reason=reason,
        has_log=True,
        connection_tone=tone_of(state.connection),
        lines=state.lines,
        older=bool(state.lines) and not state.at_start,
        split=state.split,
        missing=state.missing,
        possible=0 if state.verdict is None else state.verdict.possible,
        fetching=state.fetching,
        sealed=state.verdict is not None and state.verdict.sealed,
        rate=state.rate,
        filling=filling,
    )


def of_catalog(
    standing: Standing, catalog: Catalog | None, refusal: ChronotuiError | None = None
) -> Standing:
    """Return the standing of a desk that shows no log: how the lists are doing.

    Args:
        standing: What is known beside that.
        catalog: The lists; None before there is a connection.
        refusal: Why there will be none.
    """
    problem = catalog.problem if catalog is not None else refusal
    if problem is not None:
        state = state_of(problem)
        wait = catalog.seconds_to_next() if catalog is not None else None
        when = "" if wait is None or state == "SIGN IN" else _when(problem, wait)
        return replace(
            standing,
            connection=f"{SIGNS['OFFLINE']} {state}{when}",
            connection_short=f"{SIGNS['OFFLINE']} {state}",
            connection_tone="alarm",
            reason=clean(str(problem)),
        )
    if catalog is None or not catalog.answered:
        return replace(standing, connection="◌ CONNECTING", connection_tone="caution")
    return replace(standing, connection="● connected", connection_tone="good")


def _when(problem: ChronotuiError, wait: float) -> str:
    """Return when lists are asked again: by the clock where the server said so."""
    if problem.retry_after is None:
        return f", in {wait:.0f} s"
    return f", at {local_clock(time.time() + wait)} as the server asked"


def state_of(problem: ChronotuiError) -> str:
    """Return the state of a connection that a problem stands in the way of."""
    if isinstance(problem, NotSignedInError) and not isinstance(problem, WebPageError):
        return "SIGN IN"
    return "OFFLINE" if isinstance(problem, UnreachableError) else "FAILING"


def with_place(standing: Standing, place: Place) -> Standing:
    """Return the standing with where the reader is."""
    return replace(
        standing,
        following=place.following,
        place=place.number,
        attempt=place.attempt,
        new=place.new,
        zone=place.zone,
        filters=place.filters,
    )


def with_recordings(
    standing: Standing, recordings: Sequence[SaveProgress], job: str = ""
) -> Standing:
    """Return the standing with the recordings that run.

    Args:
        standing: What is known beside them.
        recordings: How far they are.
        job: The short id of the one that is recorded, if it is one.
    """
    return replace(
        standing,
        recordings=len(recordings),
        recorded=sum(now.lines for now in recordings),
        recorded_id=clean(job),
        recording_away=any(now.away for now in recordings),
    )
