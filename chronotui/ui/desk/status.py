"""What is said for a while, over the line of keys."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, Final, Literal, NamedTuple

from rich.cells import cell_len, set_cell_size
from rich.text import Text
from textual.content import Content
from textual.reactive import reactive
from textual.widgets import Static

from chronotui.errors import NotSignedInError, UnreachableError, WebPageError
from chronotui.text import clean
from chronotui.times import local_clock
from chronotui.ui.term.driver import OwnRow

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chronotui.engine.catalog import Catalog
    from chronotui.engine.log_state import Connection, LogState
    from chronotui.engine.save_request import SaveProgress
    from chronotui.errors import ChronotuiError
    from chronotui.ui.log import ViewportPlace


class StatusMessage(Static):
    """A sentence in the place of the keys; the status line below stays true.

    One too long for a row stands over the last rows of the log, for a while.
    """

    DEFAULT_CSS = """
    StatusMessage {
        dock: bottom; layer: notice; height: auto; max-height: 4; padding: 0 1;
        background: $panel; color: $text; text-style: bold;
        display: none;
    }
    StatusMessage.-said { display: block; }
    StatusMessage.-long { margin-bottom: 2; }
    StatusMessage.-lasting { margin-bottom: 0; max-height: 1; text-wrap: nowrap; }
    """

    sentence = ""

    def say(self, sentence: str, *, lasts: bool = False) -> None:
        """Show a sentence; "" takes it away.

        Args:
            sentence: The words; cleaned here.
            lasts: Whether it stands for long: it keeps to the one row then.
        """
        self.set_class(lasts, "-lasting")
        if sentence != self.sentence:
            self.sentence = sentence
            self.update(Content(clean(sentence)))
            self.set_class(bool(sentence), "-said")
            self.fit(self.app.size.width)

    def fit(self, width: int) -> None:
        """Stand where a screen of ``width`` cells has room for the sentence."""
        self.set_class(cell_len(clean(self.sentence)) > width - 2, "-long")


# The words of the status line, from plain values; no widget in sight.

Tone = Literal["text", "muted", "good", "caution", "alarm"]
SEPARATOR: Final = "  "
LEAST_REASON: Final = 12
"""Cells below which the beginning of a reason is worth nothing."""
TELLING_REASON: Final = 28
"""Cells in which it says most; the reader's place and the profile stay beside it."""


class StatusPart(NamedTuple):
    """A piece of the line.

    Attributes:
        text: Its words.
        tone: How they are coloured.
        rank: 0 for what is never dropped; higher ones are dropped first.
        short: What rank 0 says where room is short, and rank 1 nothing; "" is ``text``.
    """

    text: str
    tone: Tone = "text"
    rank: int = 0
    short: str = ""


@dataclass(frozen=True, slots=True)
class DeskStatus:
    """What the status line tells.

    ``place`` is the line number under the eye, from 1; 0 when nothing is shown.
    ``attempt`` is the try it is counted in, 0 in a log of one try.
    ``new`` counts lines below the view while reading; ``rate`` is lines a second.
    ``older`` says that there may be lines before those that are loaded, ``split``
    that they lie between the first ones and the newest. ``possible`` counts lines of
    a sealed log that may be missing.
    ``connection_short`` is the connection's state alone, ``reason`` why it is so.
    ``recordings`` run, of the job ``recorded_id`` where it is one, and hold
    ``recorded`` lines together; ``recording_away`` says that the server is out of
    reach for one of them.
    """

    profile: str = ""
    connection: str = ""
    connection_short: str = ""
    connection_tone: Tone = "muted"
    reason: str = ""
    has_log: bool = False
    following: bool = False
    place: int = 0
    attempt: int = 0
    lines: int = 0
    older: bool = False
    split: bool = False
    new: int = 0
    missing: int = 0
    possible: int = 0
    fetching: bool = False
    sealed: bool = False
    rate: float = 0.0
    filling: str = ""
    filters: str = ""
    zone: str = ""
    recordings: int = 0
    recorded: int = 0
    recorded_id: str = ""
    recording_away: bool = False


def parts_of(status: DeskStatus, *, brief: bool = False) -> list[StatusPart]:
    """Return the pieces in reading order, but for the reason.

    Args:
        status: What is told.
        brief: Whether recordings are told in few words.
    """
    parts = [StatusPart(status.profile, "muted", 2)]
    if status.connection:
        short = status.connection_short
        parts.append(
            StatusPart(status.connection, status.connection_tone, 0, short=short)
        )
    parts += _place(status)
    parts += _truth(status)
    parts += _recordings(status, brief=brief)
    if status.rate >= 0.5:
        parts.append(StatusPart(f"{status.rate:,.0f}/s", "muted", 4))
    if status.filling:
        parts.append(StatusPart(status.filling, "text", 1))
    if status.filters:
        parts.append(StatusPart(status.filters, "caution", 2))
    if status.zone:
        parts.append(StatusPart(status.zone, "muted", 5))
    return [part for part in parts if part.text]


def fitted(status: DeskStatus, width: int) -> list[StatusPart]:
    """Return the pieces that ``width`` cells have room for.

    The connection, the lines and the missing ones stand at any usual width. A reason
    takes the room of what matters less than it, and is cut where that is not enough.
    """
    kept = _fitted(status, parts := parts_of(status), width)
    if status.recordings and not set(_ranked(parts, 1)) <= set(kept):
        kept = _fitted(status, parts_of(status, brief=True), width)
    return kept


def _fitted(
    status: DeskStatus, parts: list[StatusPart], width: int
) -> list[StatusPart]:
    if not status.reason:
        return fit(parts, width)
    room = width - cell_len(status.reason) - len(SEPARATOR)
    whole = fit(parts, room) if room > 0 else []
    if _width(whole) <= room and _ranked(whole, 1) == _ranked(parts, 1) and whole:
        return [*whole, StatusPart(status.reason)]
    for rank in (2, 1, 0):
        kept = fit(_ranked(parts, rank), width)
        room = width - _width(kept) - len(SEPARATOR)
        if room >= TELLING_REASON:
            break
    if room < LEAST_REASON:
        return kept
    words = status.reason
    if cell_len(words) > room:
        words = set_cell_size(words, room - 1).rstrip() + "…"
    return [*kept, StatusPart(words)]


def _ranked(parts: list[StatusPart], rank: int) -> list[StatusPart]:
    return [part for part in parts if part.rank <= rank]


def _place(status: DeskStatus) -> list[StatusPart]:
    if not status.lines:
        return []
    if status.following:
        return [StatusPart("following", "good", 1)]
    words = f"line {status.place:,}" if status.place else ""
    if words and status.attempt:
        words += f" of attempt {status.attempt}"
    parts = [StatusPart(words, "text", 1)]
    if status.new:
        parts.append(StatusPart(f"▼ {status.new:,} new (G)", "caution", 1))
    return parts


def _truth(status: DeskStatus) -> list[StatusPart]:
    """Say how many lines there are and how many are known to be missing."""
    if not (status.has_log or status.lines or status.missing):
        return []
    count = f"{status.lines:,}"
    words = "1 line" if status.lines == 1 else f"{count} lines"
    if status.older:
        words = f"first and newest {words}" if status.split else f"newest {words}"
        parts = [StatusPart(words, "text", 0, short=f"{count}+ lines")]
    else:
        parts = [StatusPart(words, "text", 0)]
    if status.missing:
        words = f"{status.missing:,} missing"
        whole = f"{words}, fetching" if status.fetching else words
        parts.append(StatusPart(whole, "alarm", 0, short=words))
    elif status.possible:
        words = f"{status.possible:,} possibly"
        parts.append(StatusPart(f"{words} missing", "alarm", 0, short=words))
    elif status.sealed:
        parts.append(StatusPart("sealed ✓ 0 missing", "good", 0, short="✓ 0 missing"))
    else:
        parts.append(StatusPart("0 missing", "muted", 0))
    return parts


def _recordings(status: DeskStatus, *, brief: bool) -> list[StatusPart]:
    """Say that something is recorded; the last of what is never left out."""
    if not status.recordings:
        return []
    away = status.recording_away
    tone: Tone = "caution" if away else "good"
    sign = "◐" if away else "●"
    what = f"rec {status.recorded_id}".strip()
    if status.recordings > 1:
        what = f"{status.recordings} recordings"
    short = f"{sign} rec"
    lines = "1 line" if status.recorded == 1 else f"{status.recorded:,} lines"
    words = f"{sign} {what} {lines}" + (", server away" if away else "")
    if brief:
        words = f"{short} {status.recorded:,}" + (" away" if away else "")
    return [StatusPart(words, tone, 0, short=short)]


def fit(parts: list[StatusPart], width: int) -> list[StatusPart]:
    """Drop the parts that matter least, then shorten the rest, until it fits."""
    kept = list(parts)
    while kept and _width(kept) > width:
        worst = max(range(len(kept)), key=lambda i: (kept[i].rank, i))
        if kept[worst].rank == 0:
            return _shortened(kept, width)
        kept.pop(worst)
    return kept


def _shortened(parts: list[StatusPart], width: int) -> list[StatusPart]:
    """Say the parts shorter, from the first on; drop them from the last on."""
    kept = list(parts)
    for at, part in enumerate(kept):
        if _width(kept) > width and part.short:
            kept[at] = part._replace(text=part.short)
    while len(kept) > 1 and _width(kept) > width:
        kept.pop()
    return kept


def _width(parts: list[StatusPart]) -> int:
    return sum(cell_len(p.text) for p in parts) + len(SEPARATOR) * (len(parts) - 1)


# The line that is always true.


class StatusLine(OwnRow):
    """Profile, connection, place, lines and missing lines, rate."""

    DEFAULT_CSS = """
    StatusLine { height: 1; background: $panel; }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "status-line--text",
        "status-line--muted",
        "status-line--good",
        "status-line--caution",
        "status-line--alarm",
    }

    status: reactive[DeskStatus] = reactive(DeskStatus(), repaint=False)

    def watch_status(self) -> None:
        """Show it in the frame of what changed it."""
        self.repaint()

    def line(self, width: int) -> Text:
        """Return the parts that fit."""
        line = Text(" ", no_wrap=True, end="")
        for number, part in enumerate(fitted(self.status, max(width - 2, 0))):
            if number:
                line.append(SEPARATOR)
            line.append(part.text, self.tone(f"status-line--{part.tone}"))
        return line


# From a log's state to what the status line tells.

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


def with_log(status: DeskStatus, state: LogState, now: float) -> DeskStatus:
    """Return the standing with what the opened log says."""
    filling = ""
    if state.filling is not None:
        done, total = state.filling
        filling = f"reading {done:,}" + (f" of {total:,}" if total else "")
    words, short, reason = connection_words(state.connection, now)
    return replace(
        status,
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
    status: DeskStatus, catalog: Catalog | None, refusal: ChronotuiError | None = None
) -> DeskStatus:
    """Return the standing of a desk that shows no log: how the lists are doing.

    Args:
        status: What is known beside that.
        catalog: The lists; None before there is a connection.
        refusal: Why there will be none.
    """
    problem = catalog.problem if catalog is not None else refusal
    if problem is not None:
        state = state_of(problem)
        wait = catalog.seconds_to_next() if catalog is not None else None
        when = "" if wait is None or state == "SIGN IN" else _when(problem, wait)
        return replace(
            status,
            connection=f"{SIGNS['OFFLINE']} {state}{when}",
            connection_short=f"{SIGNS['OFFLINE']} {state}",
            connection_tone="alarm",
            reason=clean(str(problem)),
        )
    if catalog is None or not catalog.answered:
        return replace(status, connection="◌ CONNECTING", connection_tone="caution")
    return replace(status, connection="● connected", connection_tone="good")


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


def with_place(status: DeskStatus, place: ViewportPlace) -> DeskStatus:
    """Return the standing with where the reader is."""
    return replace(
        status,
        following=place.following,
        place=place.number,
        attempt=place.attempt,
        new=place.new,
        zone=place.zone,
        filters=place.filters,
    )


def with_recordings(
    status: DeskStatus, recordings: Sequence[SaveProgress], job: str = ""
) -> DeskStatus:
    """Return the standing with the recordings that run.

    Args:
        status: What is known beside them.
        recordings: How far they are.
        job: The short id of the one that is recorded, if it is one.
    """
    return replace(
        status,
        recordings=len(recordings),
        recorded=sum(now.lines for now in recordings),
        recorded_id=clean(job),
        recording_away=any(now.away for now in recordings),
    )
