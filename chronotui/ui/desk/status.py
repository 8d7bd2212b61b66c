"""The status line, and the sentences said for a while in the place of the keys.

A fact on the line is read from `DeskStatus` and put into words by `parts_of`.
"""

from __future__ import annotations

import time
from asyncio import get_running_loop
from time import monotonic
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal, NamedTuple, Protocol

from msgspec import Struct
from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from textual.content import Content
from textual.widgets import Static

from chronotui.errors import (
    NotSignedInError,
    RequestRefusedError,
    ServerError,
    UnreachableError,
    WebPageError,
)
from chronotui.text import clean, plural
from chronotui.times import next_try_words, wall_clock
from chronotui.ui.standing import stands
from chronotui.ui.term.driver import OwnRow

if TYPE_CHECKING:
    from asyncio import TimerHandle
    from collections.abc import Callable, Iterator, Sequence
    from datetime import tzinfo

    from textual.geometry import Size
    from textual.screen import Screen
    from textual.timer import Timer

    from chronotui.engine.catalog import Catalog
    from chronotui.engine.connection import Connection
    from chronotui.engine.job_log import LogState, Observed
    from chronotui.engine.save_request import SaveProgress
    from chronotui.errors import ChronotuiError
    from chronotui.ui.log import ViewportPlace

Tone = Literal["text", "muted", "good", "caution", "alarm"]
SEPARATOR: Final = "  "
LEAST_REASON: Final = 12
"""Cells below which the beginning of a reason is worth nothing."""
TELLING_REASON: Final = 28
"""Cells in which it says most; the reader's place and the profile stay beside it."""

LOOKS: Final[dict[str, tuple[str, Tone]]] = {
    "LIVE": ("●", "good"),
    "QUIET": ("◐", "caution"),
    "RECONNECTING": ("◐", "caution"),
    "CONNECTING": ("◌", "caution"),
    "WAITING": ("◌", "caution"),
    "OFFLINE": ("✗", "alarm"),
    "SIGN IN": ("✗", "alarm"),
    "ENDED": ("■", "muted"),
}
"""The sign and the colour of a connection's states."""
TROUBLED: Final = frozenset({"RECONNECTING", "OFFLINE", "SIGN IN"})
"""Those that are worth a reason."""


class DeskStatus(Struct, frozen=True):
    """What the line tells of, read at one moment.

    Attributes:
        profile: The profile's name.
        catalog: The lists; None before there is a connection.
        refusal: Why there will be none.
        log: The shown log; None on Details, where the lists are told of instead.
        now: The log's clock.
        zone: The zone of clock times; None is the machine's own.
        place: Where its reader is.
        recordings: How far the recordings that run are.
        recorded_id: The short id of the job that is recorded, if it is only one.
        downloads: How far the other saves are that run.
        is_asking: Whether a secret is asked for, which everything waits for.
    """

    profile: str
    catalog: Catalog | None = None
    refusal: ChronotuiError | None = None
    log: LogState | None = None
    now: float = 0.0
    zone: tzinfo | None = None
    place: ViewportPlace | None = None
    recordings: Sequence[SaveProgress] = ()
    recorded_id: str = ""
    downloads: Sequence[SaveProgress] = ()
    is_asking: bool = False

    @property
    def problem(self) -> ChronotuiError | None:
        """What stands between the desk and its lists."""
        return self.refusal if self.catalog is None else self.catalog.problem

    @property
    def reason(self) -> str:
        """Why the connection is as it is, cleaned; "" where all is well."""
        if self.is_asking:
            return ""
        if self.log is not None:
            connection = self.log.connection
            why = connection.why(self.now, self.zone)
            return clean(why) if is_troubled(connection) else ""
        return "" if self.problem is None else clean(str(self.problem))

    def trouble(self, url: str) -> str:
        """Return what stands over the details: the state of the lists at ``url``."""
        if self.is_asking:
            return "Waiting for you to sign in."
        if self.problem is not None:
            return with_next_key(self.problem)
        if self.catalog is None or not self.catalog.answered:
            return f"Connecting to {url} …"
        return ""


class StatusPart(NamedTuple):
    """A piece of the line.

    Attributes:
        text: Its words.
        tone: How they are coloured.
        rank: 0 for what is never dropped; higher ones are dropped first.
        brief: What it says where something of rank 1 would not fit beside it.
        short: What it says where room is short; "" is ``text``.
    """

    text: str
    tone: Tone = "text"
    rank: int = 0
    brief: str = ""
    short: str = ""


def parts_of(status: DeskStatus) -> list[StatusPart]:
    """Return the pieces in reading order, but for the reason."""
    log, place = status.log, status.place
    parts = [StatusPart(status.profile, "muted", 2), _of_server(status)]
    if log is not None:
        parts += _place(log, place) if log.lines and place is not None else ()
        parts += _lines(log)
    if status.recordings:
        parts.append(_recordings(status.recordings, status.recorded_id))
    if status.downloads:
        parts.append(_downloads(status.downloads))
    if log is not None:
        parts += _progress(log)
    if place is not None:
        parts.append(StatusPart(place.filters, "caution", 2))
        if place.left:
            parts.append(StatusPart(f"from column {place.left + 1:,} (h)", "muted", 3))
        parts.append(StatusPart(place.zone, "muted", 5))
    return [part for part in parts if part.text]


def _progress(log: LogState) -> Iterator[StatusPart]:
    if log.rate >= 0.5:
        yield StatusPart(f"{log.rate:,.0f}/s", "muted", 4)
    if log.filling is not None:
        done, total = log.filling
        of_all = f" of {total:,}" if total else ""
        yield StatusPart(f"reading {done:,}{of_all}", "text", 1)


def _of_server(status: DeskStatus) -> StatusPart:
    if status.is_asking:
        return StatusPart("◌ SIGN IN", "caution")
    if status.log is None:
        return _of_lists(status)
    return _of_connection(status.log.connection, status.now, status.zone)


def _of_lists(status: DeskStatus) -> StatusPart:
    catalog, problem = status.catalog, status.problem
    if problem is not None:
        state = state_of(problem)
        words = f"✗ {state}"
        wait = None if catalog is None else catalog.seconds_to_next()
        when = ""
        if wait is not None and state != "SIGN IN":
            when = _when(problem, wait, status.zone)
        return StatusPart(words + when, "alarm", short=words)
    if catalog is None or not catalog.answered:
        return StatusPart("◌ CONNECTING", "caution")
    return StatusPart("● connected", "good")


def _when(problem: ChronotuiError, wait: float, zone: tzinfo | None) -> str:
    """Return when lists are asked again: by the clock where the server said so."""
    if problem.retry_after is None or wait <= 0:
        return f", {next_try_words(wait)}"
    return f", at {wall_clock(time.time() + wait, zone)} as the server asked"


def _needs_sign_in(problem: ChronotuiError) -> bool:
    return isinstance(problem, NotSignedInError) and not isinstance(
        problem, WebPageError
    )


def state_of(problem: ChronotuiError) -> str:
    """Return the state of a connection that a problem stands in the way of."""
    if _needs_sign_in(problem):
        return "SIGN IN"
    return "OFFLINE" if isinstance(problem, UnreachableError) else "FAILING"


def with_next_key(problem: ChronotuiError) -> str:
    """Return an error for the desk, with the key that helps."""
    if _needs_sign_in(problem):
        return f"{problem.sentence} r signs in again, P opens the profiles."
    if isinstance(problem, RequestRefusedError):
        return str(problem)  # asking again will not help
    if problem.answer is not None or isinstance(problem, ServerError):
        return f"{problem} It is asked again by itself; r asks now."
    return f"{problem} P opens the profiles."


def is_troubled(connection: Connection) -> bool:
    return str(connection.kind) in TROUBLED or connection.is_troubled


def _of_connection(
    connection: Connection, now: float, zone: tzinfo | None
) -> StatusPart:
    """Return the state of a log's connection; trouble beside a good one is a caution.

    Its shorter words keep what a reader waits for or has to press: the clock time of
    a wait that the server asked for, and the key where nothing is asked any more.
    """
    kind = str(connection.kind)
    words, short = connection.text(now, zone), kind
    if kind == "ENDED" and is_troubled(connection) and not connection.subject:
        words = short = "ENDED, r asks again"
    elif connection.asked_until is not None and not connection.is_asking(now):
        short = f"{kind}, at {wall_clock(connection.asked_until, zone)}"
    sign, tone = LOOKS[kind]
    if connection.is_troubled and tone != "alarm":
        tone = "caution"
    return StatusPart(f"{sign} {words}", tone, short=f"{sign} {short}")


def _place(log: LogState, place: ViewportPlace) -> Iterator[StatusPart]:
    if place.following:
        if not log.job.has_ended:
            yield StatusPart("following", "good", 1)
        elif log.observed is None:
            yield StatusPart("at the end", "muted", 1)
        return
    if place.number is not None:
        line = f"line {place.number:,}"
        of_attempt = f" of attempt {place.attempt}" if place.attempt else ""
        yield StatusPart(line + of_attempt, "text", 1, short=line)
    if place.new:
        yield StatusPart(f"▼ {place.new:,} new (G)", "caution", 1)


def _lines(log: LogState) -> Iterator[StatusPart]:
    """Say how many lines there are and how many are known to be missing.

    Of a run that is how many events were seen, and what was not.
    """
    if log.observed is not None:
        yield _observed(log.observed, has_ended=log.job.has_ended)
        if log.observed.events and log.observed.unseen:
            yield StatusPart("not all", "caution", short="not all")
        return
    words = plural(log.lines, "line")
    if log.lines and not log.at_start:
        newest = "first and newest" if log.split else "newest"
        yield StatusPart(f"{newest} {words}", short=f"{log.lines:,}+ lines")
    else:
        yield StatusPart(words)
    yield from _lacking(log)


def _lacking(log: LogState) -> Iterator[StatusPart]:
    """Say what is missing, and what comes of it or which key tells."""
    possible = 0 if log.verdict is None else log.verdict.possible
    if log.missing:
        words = f"{log.missing:,} missing"
        more = ", fetching" if log.fetching else ""
        if log.fetching and log.awaited:
            more = ", not retained yet"
        yield StatusPart(words + more, "alarm", short=words)
    elif possible:
        words = f"{possible:,} possibly"
        yield StatusPart(f"{words} missing", "alarm", short=words)
        if not log.at_start:
            yield StatusPart("g loads all and tells", "muted", 3)
    elif log.verdict is not None and log.verdict.sealed:
        yield StatusPart("sealed ✓ 0 missing", "good", short="✓ 0 missing")
    else:
        yield StatusPart("0 missing", "muted")


def _observed(observed: Observed, *, has_ended: bool) -> StatusPart:
    """Say how much of a run was seen; the log's first row says what was not."""
    if has_ended and not observed.events:
        return StatusPart("no log of its steps is kept", "muted", short="no steps kept")
    return StatusPart(plural(observed.events, "event") + " seen")


def _recordings(recordings: Sequence[SaveProgress], recorded_id: str) -> StatusPart:
    """Say that something is recorded; the last of what is never left out."""
    away = any(progress.away for progress in recordings)
    count = sum(progress.lines for progress in recordings)
    short = f"{'◐' if away else '●'} rec"
    words = f"{short} {clean(recorded_id)}".rstrip()
    if len(recordings) > 1:
        words = f"{short[0]} {len(recordings)} recordings"
    lines = plural(count, "line")
    return StatusPart(
        f"{words} {lines}" + (", server away" if away else ""),
        "caution" if away else "good",
        brief=f"{short} {count:,}" + (" away" if away else ""),
        short=short,
    )


def _downloads(saves: Sequence[SaveProgress]) -> StatusPart:
    """Say that something is saved behind the desk, and how far that is."""
    shares = [save.fraction for save in saves if save.fraction is not None]
    words = "↓ saving" if len(saves) == 1 else f"↓ {len(saves)} saves"
    done = ""
    if shares and len(shares) == len(saves):
        done = f" {sum(shares) / len(shares):.0%}"
    return StatusPart(words + done, "good", 1, brief=f"↓{done}")


def fitted(status: DeskStatus, width: int) -> list[StatusPart]:
    """Return the pieces that ``width`` cells, less one at each end, have room for.

    The connection, the lines and the missing ones stand at any usual width. A reason
    takes the room of what matters less than it, and is cut where that is not enough.
    """
    parts, reason, width = parts_of(status), status.reason, max(width - 2, 0)
    kept = _with_reason(parts, reason, width)
    if status.recordings and not set(_ranked(parts, 1)) <= set(kept):
        parts = [part._replace(text=part.brief or part.text) for part in parts]
        kept = _with_reason(parts, reason, width)
    return kept


def _with_reason(parts: list[StatusPart], reason: str, width: int) -> list[StatusPart]:
    if not reason:
        return fit(parts, width)
    room = width - cell_len(reason) - len(SEPARATOR)
    whole = fit(parts, room) if room > 0 else []
    if _width(whole) <= room and _ranked(whole, 1) == _ranked(parts, 1) and whole:
        return [*whole, StatusPart(reason)]
    for rank in (2, 1, 0):
        kept = fit(_ranked(parts, rank), width)
        room = width - _width(kept) - len(SEPARATOR)
        if room >= TELLING_REASON:
            break
    if room < LEAST_REASON:
        return kept
    if cell_len(reason) > room:
        reason = set_cell_size(reason, room - 1).rstrip() + "…"
    return [*kept, StatusPart(reason)]


def _ranked(parts: list[StatusPart], rank: int) -> list[StatusPart]:
    return [part for part in parts if part.rank <= rank]


def fit(parts: list[StatusPart], width: int) -> list[StatusPart]:
    """Shorten, then drop, the parts that matter least, until it fits."""
    kept = list(parts)
    while kept and _width(kept) > width:
        worst = max(range(len(kept)), key=lambda i: (kept[i].rank, i))
        part = kept[worst]
        if part.rank == 0:
            return _shortened(kept, width)
        if part.short:
            kept[worst] = part._replace(text=part.short, short="")
        else:
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


class StatusLine(OwnRow):
    """Profile, connection, place, lines and missing lines, rate: always true."""

    DEFAULT_CSS = """
    StatusLine {
        height: 1; background: $panel;
        & > .status-line--text { color: $text; }
        & > .status-line--muted { color: $text-muted; }
        & > .status-line--good { color: $text-success; }
        & > .status-line--caution { color: $text-warning; }
        & > .status-line--alarm { color: $text-error; text-style: bold; }
    }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "status-line--text",
        "status-line--muted",
        "status-line--good",
        "status-line--caution",
        "status-line--alarm",
    }

    def __init__(self) -> None:
        super().__init__()
        self._status = DeskStatus("")
        self._shown: list[StatusPart] = []
        self._shown_for = 0

    def show(self, status: DeskStatus) -> None:
        """Tell how things stand, in the frame of what changed it."""
        self._status, self._shown_for = status, self.size.width
        shown = fitted(status, self.size.width)
        if shown != self._shown:
            self._shown = shown
            self.repaint()

    def pieces(self, width: int) -> Iterator[Segment]:
        if width != self._shown_for:
            self._shown, self._shown_for = fitted(self._status, width), width
        before = " "
        for part in self._shown:
            yield Segment(before)
            yield Segment(part.text, self.tone(f"status-line--{part.tone}"))
            before = SEPARATOR


STATUS_DELAY: Final = 0.15
"""Seconds the line waits to be painted in one frame with the log's lines."""

CLOCK_SECONDS: Final = 0.95
"""Clocks that were shown so lately need not be shown for themselves."""

FOLLOWING_SECONDS: Final = 0.1
"""How often it counts on while a followed log floods: faster nobody reads."""


class StatusTimer:
    """When the status is shown anew: at once, or with the frame of the log's lines."""

    def __init__(self, show: Callable[[], None]) -> None:
        self._show = show
        self._due: TimerHandle | None = None
        self._shown_at = 0.0
        self._followed = False

    def tick(self) -> None:
        """Let the clocks on the line go on, unless it was shown a moment ago."""
        if monotonic() - self._shown_at >= CLOCK_SECONDS:
            self.now()

    def now(self) -> None:
        self.stop()
        self._shown_at = monotonic()
        self._show()

    def soon(self) -> None:
        if self._due is None:
            self._due = get_running_loop().call_later(STATUS_DELAY, self.now)

    def moved(self, *, following: bool) -> None:
        """Tell where the reader is now, in the frame that shows it."""
        follows_on = self._followed and following
        self._followed = following
        if follows_on and monotonic() < self._shown_at + FOLLOWING_SECONDS:
            self.soon()
        else:
            self.now()

    def stop(self) -> None:
        if self._due is not None:
            self._due.cancel()
            self._due = None


LEAST_SIZE: Final = (60, 20)
TOO_SMALL: Final = "Too small: {}×{} is the least.".format(*LEAST_SIZE)
NOTICE_SECONDS: Final = 6.0
FOR_GOOD: Final = 86_400.0
"""Seconds a sentence stands that only another one replaces."""


def is_too_small(size: Size) -> bool:
    return size.width < LEAST_SIZE[0] or size.height < LEAST_SIZE[1]


class Say(Protocol):
    """Says a sentence on the desk for a while; "" takes the last one away."""

    def __call__(self, sentence: str, *, seconds: float = NOTICE_SECONDS) -> None: ...


class StatusMessage(Static):
    """A sentence in the place of the keys; the status line below stays true.

    One too long for a row stands over the last rows of the log, for a while. When
    nothing is said, it says that the terminal is too small, if it is.
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

    def __init__(self) -> None:
        super().__init__()
        self._sentence = self._words = ""
        self._until: Timer | None = None

    def say(self, sentence: str, seconds: float = NOTICE_SECONDS) -> None:
        """Say a sentence, cleaned here, for some seconds."""
        if self._until is not None:
            self._until.stop()
            self._until = None
        if sentence:
            self._until = self.set_timer(seconds, self._unsay)
        self._sentence = sentence
        self.show()

    def _unsay(self) -> None:
        self.say("")

    def show(self) -> None:
        """Stand where the screen, of another size perhaps, has room for the words."""
        size = self.app.size
        words = clean(self._sentence or (TOO_SMALL if is_too_small(size) else ""))
        self.set_class(not self._sentence, "-lasting")
        self.set_class(bool(words), "-said")
        self.set_class(cell_len(words) > size.width - 2, "-long")
        if words != self._words:
            self._words = words
            self.update(Content(words))


class SentencePlace:
    """Where a screen says sentences; what says them is mounted at the first need."""

    def __init__(self, screen: Screen[Any]) -> None:
        self._screen = screen
        self._message: StatusMessage | None = None

    def say(self, sentence: str, seconds: float = NOTICE_SECONDS) -> None:
        """Show a sentence over the line of keys for a while; "" takes it away."""
        if stands(self._screen) and (sentence or self._message is not None):
            self._mounted().say(sentence, seconds)

    def fit(self) -> None:
        """Take over a new size of the screen, and say so where it is too small."""
        if self._message is not None or is_too_small(self._screen.size):
            self._mounted().show()

    def _mounted(self) -> StatusMessage:
        if self._message is None:
            self._message = StatusMessage()
            self._screen.mount(self._message)
        return self._message
