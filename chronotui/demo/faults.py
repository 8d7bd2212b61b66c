"""What goes wrong on request, and how it looks on the wire.

Every switch may be turned while the server runs.
"""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field, replace
from enum import Enum
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from chronotui.demo.clock import SECOND, SeededRandom, fraction
from chronotui.demo.wire import (
    HTML,
    JSON,
    PLAIN,
    REASONS,
    DemoAnswer,
    HeldBackStream,
    StreamTrouble,
    plain,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from chronotui.demo.lines import TrueLine

Range: TypeAlias = tuple[float, float]
"""Least and most."""


class Failure(Enum):
    PLAIN_500 = "500 in plain text"
    HOSTILE_500 = "500 whose words attack the terminal"
    EMPTY_500 = "500 without a word"
    HTML_502 = "502 page of a proxy"
    PLAIN_503 = "503 in plain text"
    WAIT_503 = "503 with Retry-After"
    HTML_504 = "504 page of a proxy"
    TOO_MANY = "429"
    WAIT_429 = "429 with Retry-After"
    TIMEOUT_408 = "408 in plain text"
    UNAUTHORIZED = "401"
    FORBIDDEN = "403"
    NOT_FOUND = "404"
    LOGIN_PAGE = "200 with an HTML login page"
    WRONG_TYPE = "the answer under another content type"
    NO_TYPE = "the answer without a content type"
    TRUNCATED_JSON = "half of the JSON in a whole answer"
    MALFORMED_JSON = "JSON with a syntax error"
    WRONG_FIELDS = "JSON whose fields have other types"
    STRANGE_WORDS = "JSON with fields, states and kinds of the next release"
    NOT_UTF8 = "JSON with bytes that are no UTF-8"
    EMPTY_BODY = "200 with nothing in it"
    REDIRECT = "302 to a login page"
    CUT = "closed in the middle of the answer"
    RESET = "TCP reset"
    SILENCE = "never an answer"
    UNANSWERED = "done, and never an answer"


MIXED: Final = (
    Failure.PLAIN_500,
    Failure.HTML_502,
    Failure.PLAIN_503,
    Failure.HTML_504,
    Failure.TRUNCATED_JSON,
    Failure.MALFORMED_JSON,
    Failure.CUT,
    Failure.RESET,
)
"""Failures that pass by themselves and quickly.

A 429 without Retry-After is not among them: on a log page it is for ever.
"""


@dataclass
class Refusal:
    """An answer in the place of the true one; see ``Faults.refuse``."""

    status: int
    content_type: str
    route: str
    times: int
    body: str | bytes | None
    retry_after: str | float | None


@dataclass
class Faults:
    """The troubles of a demo server, none by default, the same for the same seed.

    Rates are shares from 0 to 1, times are seconds.

    Attributes:
        seed: Of every rate and range.
        retention_lag: Time until a line that was written is in the retained log
            (batched, 0.25 s to 2 s).
        retained_lost: Rate of lines the retained log never gets.
        live_dropped: Rate of lines the live stream leaves out.
        live_doubled: Rate of lines the live stream sends twice.
        live_swapped: Rate of lines the live stream sends after their successor.
        live_broken: Rate of lines whose live frame cannot be read.
        latency: Time before each answer.
        fail_rate: Rate of requests that fail.
        fail_with: The ways they fail.
        fail_on: Endpoints that fail; None for all but the sign-in.
        retry_after: What ``Retry-After`` says where it is sent.
        session_seconds: How long a new session lasts; None leaves it to the server.
        cut_with_session: Whether a live stream breaks off when its session ends.
        cut_seconds: Live streams break off, in mid-frame, after such a time.
        cut_bytes: Live streams break off after so many bytes.
        reset_rate: Rate of cuts that are TCP resets.
        silent_seconds: Live streams fall silent for good after such a time.
        split_bytes: Streamed answers come in HTTP chunks of such sizes.
        buffer_seconds: A proxy holds live frames but the first back for so long.
        held_back: A proxy holds the headers or the frames of new live streams back.
        to_close: Streamed answers are not chunked, their end is the end of the
            connection (WIRE.md "Proxies").
        bytes_per_second: Answers are no faster than this.
        looping_cursors: From the second page on, every list of log lines gives
            back the cursor it was asked with.
        empty_pages: Rate of pages that are empty and carry a cursor.
        raw_fails_after: Downloads fail inside after so many bytes, with a trailer.
        raw_cut_after: Downloads break off after so many bytes.
        cut_clean: Downloads stop after so many log lines, and what they are sent in
            ends properly (WIRE.md "Proxies").
    """

    seed: int = 0
    retention_lag: Range = (0.25, 1.0)
    retained_lost: float = 0.0
    live_dropped: float = 0.0
    live_doubled: float = 0.0
    live_swapped: float = 0.0
    live_broken: float = 0.0
    latency: Range = (0.0, 0.0)
    fail_rate: float = 0.0
    fail_with: tuple[Failure, ...] = MIXED
    fail_on: frozenset[str] | None = None
    retry_after: str = "1"
    session_seconds: float | None = None
    cut_with_session: bool = False
    cut_seconds: Range | None = None
    cut_bytes: tuple[int, int] | None = None
    reset_rate: float = 0.0
    silent_seconds: Range | None = None
    split_bytes: tuple[int, int] | None = None
    buffer_seconds: float = 0.0
    held_back: HeldBackStream | None = None
    to_close: bool = False
    bytes_per_second: float | None = None
    looping_cursors: bool = False
    empty_pages: float = 0.0
    raw_fails_after: int | None = None
    raw_cut_after: int | None = None
    cut_clean: int | None = None
    _next: list[tuple[str, Failure]] = field(default_factory=list, repr=False)
    _refusals: list[Refusal] = field(default_factory=list, repr=False)
    _lock: threading.Lock = field(
        default_factory=threading.Lock, repr=False, compare=False
    )

    def fail_next(self, failure: Failure, endpoint: str = "", times: int = 1) -> None:
        """Let the next requests of an endpoint fail, whatever the rate; any if ""."""
        with self._lock:
            self._next += [(endpoint, failure)] * times

    def refuse(
        self,
        status: int,
        content_type: str = PLAIN,
        route: str = "",
        times: int = 1,
        *,
        body: str | bytes | None = None,
        retry_after: str | float | None = None,
    ) -> None:
        """Answer the next requests like this, instead of truly.

        Refusals of a route are used up in the order they were asked for.

        Args:
            status: From 100 to 599. Those that have no body (204, 304) are sent
                without one; one below 200 is sent alone, and the connection ends.
            content_type: Sent as it is; "" for none.
            route: Only requests of this endpoint (``workflows``, ``job``, ``logs``,
                ``search``, ``raw``, ``events``, ``login`` …); any if "".
            times: How many; -1 for all until ``relent``.
            body: None for what such a status and type usually bring: a proxy's page,
                an object of JSON, the server's own words, or nothing.
            retry_after: Seconds or a date, None for no such header.
        """
        refusal = Refusal(status, content_type, route, times, body, retry_after)
        with self._lock:
            self._refusals.append(refusal)

    def relent(self, route: str = "") -> None:
        """Refuse a route's requests no more; all of them if ""."""
        with self._lock:
            self._refusals = [
                one for one in self._refusals if route not in ("", one.route)
            ]

    def refusal(self, endpoint: str) -> Refusal | None:
        """Return what a request is answered instead of truly, and use it up."""
        with self._lock:
            for place, one in enumerate(self._refusals):
                if one.route in ("", endpoint):
                    if one.times > 0:
                        one.times -= 1
                    if not one.times:
                        del self._refusals[place]
                    return one
        return None

    def failure(self, endpoint: str) -> Failure | None:
        """Decide how a request fails, None if it does not."""
        with self._lock:
            for place, (wanted, failure) in enumerate(self._next):
                if wanted in ("", endpoint):
                    del self._next[place]
                    return failure
        if self.fail_rate <= 0:
            return None
        exposed = endpoint != "login"
        if self.fail_on is not None:
            exposed = endpoint in self.fail_on
        if exposed and self._rng.chance(self.fail_rate):
            return self._rng.pick(self.fail_with)
        return None

    def wait_seconds(self) -> float:
        return self._spread(self.latency) or 0.0

    def trouble(self, endpoint: str) -> StreamTrouble:
        """Decide what happens to a streamed answer of ``events`` or ``raw``."""
        split = self._spread(self.split_bytes)
        common = StreamTrouble(
            split_bytes=None if split is None else max(1, int(split)),
            bytes_per_second=self.bytes_per_second,
            reset=self.reset_rate > 0 and self._rng.chance(self.reset_rate),
            to_close=self.to_close,
        )
        if endpoint != "events":
            return common._replace(cut_bytes=self.raw_cut_after)
        cut_bytes = self._spread(self.cut_bytes)
        return common._replace(
            cut_bytes=None if cut_bytes is None else int(cut_bytes),
            cut_seconds=self._spread(self.cut_seconds),
            silent_seconds=self._spread(self.silent_seconds),
            held_back=self.held_back or HeldBackStream(),
        )

    def _spread(self, between: Range | None) -> float | None:
        if between is None:
            return None
        low, high = between
        return low if low == high else self._rng.spread(low, high)

    @cached_property
    def _rng(self) -> SeededRandom:
        return SeededRandom(self.seed, 9)

    def lag_ns(self, *what: int) -> int:
        """Return how far the retained log trails for ``what``, in nanoseconds."""
        low, high = self.retention_lag
        return int((low + (high - low) * fraction(self.seed, 1, *what)) * SECOND)

    def leaves_empty(self, place: Sequence[int] | None) -> bool:
        """Tell whether the page at a cursor's place is empty.

        The last number of a place says whether the page before was empty: there is
        one empty page at a time.
        """
        if place is not None and place[-1]:
            return False
        return self.empty_pages > 0 and (
            fraction(self.seed, 7, *(place or ())) < self.empty_pages
        )

    @property
    def disturbs_live(self) -> bool:
        return bool(self.live_dropped or self.live_doubled or self.live_swapped)

    def loses(self, line: TrueLine) -> bool:
        return self._hits(self.retained_lost, 2, line)

    def drops(self, line: TrueLine) -> bool:
        return self._hits(self.live_dropped, 3, line)

    def doubles(self, line: TrueLine) -> bool:
        return self._hits(self.live_doubled, 4, line)

    def swaps(self, line: TrueLine) -> bool:
        return self._hits(self.live_swapped, 5, line)

    def breaks(self, line: TrueLine) -> bool:
        return self._hits(self.live_broken, 6, line)

    def _hits(self, rate: float, salt: int, line: TrueLine) -> bool:
        return rate > 0 and fraction(self.seed, salt, *line.position) < rate


_STATUSES: Final = {
    Failure.PLAIN_500: (500, "internal server error"),
    Failure.HOSTILE_500: (
        500,
        "broken \x1b[2J\x1b]0;owned\x07 [/red] \u202edne\u202c \x00 and so on",
    ),
    Failure.PLAIN_503: (503, "service unavailable"),
    Failure.WAIT_503: (503, "service unavailable"),
    Failure.TOO_MANY: (429, "too many requests"),
    Failure.WAIT_429: (429, "too many requests"),
    Failure.TIMEOUT_408: (408, "request timed out"),
    Failure.UNAUTHORIZED: (401, "invalid or expired session"),
    Failure.FORBIDDEN: (403, "you may not see this"),
    Failure.NOT_FOUND: (404, "resource not found"),
}

_WAITS: Final = {Failure.WAIT_503, Failure.WAIT_429}

_LOGIN: Final = """<!doctype html>
<html><head><title>Sign in - Example SSO</title></head>
<body><form method="post"><input name="user"><input type="password" name="pass">
<button>Sign in</button></form></body></html>
"""

_PAGE: Final = """<html>
<head><title>{status}</title></head>
<body>
<center><h1>{status}</h1></center>
<hr><center>nginx/1.27.2</center>
</body>
</html>
"""

_PAGES: Final = {
    Failure.HTML_502: (502, _PAGE.format(status="502 Bad Gateway")),
    Failure.HTML_504: (504, _PAGE.format(status="504 Gateway Time-out")),
    Failure.LOGIN_PAGE: (200, _LOGIN),
    Failure.EMPTY_BODY: (200, ""),
    Failure.EMPTY_500: (500, ""),
}


def replacement(failure: Failure, retry_after: str) -> DemoAnswer:
    """Return what is sent instead of the true answer.

    Raises:
        KeyError: For a failure that spoils the true answer, or gives none.
    """
    if failure in _PAGES:
        status, text = _PAGES[failure]
        return DemoAnswer(status, text.encode(), HTML if text else "")
    if failure is Failure.REDIRECT:
        return DemoAnswer(302, headers=[("Location", "/login")])
    answer = plain(*_STATUSES[failure])
    if failure in _WAITS:
        answer.headers.append(("Retry-After", retry_after))
    return answer


def refused(refusal: Refusal, words: str) -> DemoAnswer:
    body = refusal.body
    if body is None:
        body = _usual_body(refusal, words)
    if isinstance(body, str):
        body = body.encode()
    answer = DemoAnswer(refusal.status, body, refusal.content_type)
    if refusal.retry_after is not None:
        answer.headers.append(("Retry-After", str(refusal.retry_after)))
    return answer


def _usual_body(refusal: Refusal, words: str) -> str:
    kind = refusal.content_type.partition(";")[0]
    if not kind:
        return ""
    if kind == "text/html":
        said = f"{refusal.status} {REASONS.get(refusal.status, '')}".rstrip()
        return _PAGE.format(status=said)
    return json.dumps({"error": words}) if kind.endswith("json") else f"{words}\n"


def _changed(value: Any, change: Callable[[str, Any], Any]) -> Any:
    """Change the fields of an object, or of the objects in its lists."""
    if not isinstance(value, dict):
        return value
    lists = {
        name: [_changed(row, change) for row in rows]
        for name, rows in value.items()
        if isinstance(rows, list) and rows
    }
    if lists:
        return {**value, **lists}
    changed = {name: change(name, field) for name, field in value.items()}
    return {**changed, "release_ring": {"name": "next", "waves": [1, None]}}


def _of_other_type(name: str, value: Any) -> Any:
    del name
    return [42] if isinstance(value, str) else str(value)


def _of_next_release(name: str, value: Any) -> Any:
    return _NEXT_WORDS.get(name, value)


_NEXT_WORDS: Final = {
    "status": "PAUSED \x1b[31m",
    "trigger": "WEBHOOK",
    "kind": "WASM [red]",
    "build_status": "MIRRORED",
    "stream": "stdaux",
}


def _with_changes(answer: DemoAnswer, change: Callable[[str, Any], Any]) -> DemoAnswer:
    if answer.content_type != JSON:
        return answer
    changed = _changed(json.loads(answer.body), change)
    return replace(answer, body=json.dumps(changed).encode())


def _with_body(change: Callable[[bytes], bytes]) -> Callable[[DemoAnswer], DemoAnswer]:
    return lambda answer: replace(answer, body=change(answer.body))


SPOILED: Final[Mapping[Failure, Callable[[DemoAnswer], DemoAnswer]]] = {
    Failure.WRONG_TYPE: partial(replace, content_type="application/octet-stream"),
    Failure.NO_TYPE: partial(replace, content_type=""),
    Failure.TRUNCATED_JSON: _with_body(lambda body: body[: len(body) * 2 // 3]),
    Failure.MALFORMED_JSON: _with_body(lambda body: body.replace(b'":', b'";', 1)),
    Failure.NOT_UTF8: _with_body(lambda body: body.replace(b'":"', b'":"\xff\xfe', 1)),
    Failure.WRONG_FIELDS: partial(_with_changes, change=_of_other_type),
    Failure.STRANGE_WORDS: partial(_with_changes, change=_of_next_release),
}
"""Failures that spoil the true answer instead of replacing it; so does a cut."""
