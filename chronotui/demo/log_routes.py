"""The routes of logs: retained pages, the server's own search, the live stream."""

from __future__ import annotations

import asyncio
import math
import re
import time
from dataclasses import replace
from functools import lru_cache
from os.path import commonprefix
from typing import TYPE_CHECKING, Final

from chronotui.demo.clock import SECOND, number_of, roll
from chronotui.demo.lines import just_before
from chronotui.demo.routes import (
    CONNECTED,
    EVENT_HEADERS,
    EVENT_STREAM,
    RefusedError,
    cursor_place,
    encode_cursor,
    refused_stream,
    route,
    words_of,
)
from chronotui.demo.wire import DemoAnswer, Streamed, json_text, plain

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator, Sequence

    from chronotui.demo.lines import DemoJob, Place, TrueLine
    from chronotui.demo.routes import Call

_TWO_HOURS: Final = 7200
_HALF_AN_HOUR_NS: Final = 1800 * SECOND
_OUTSIDE: Final = (0, 0, 0, 0)
"""Before every line, for a cursor that leads to the first page."""
_SHARED: Final = f"public, max-age={_TWO_HOURS}"
_WORD: Final = re.compile(r"\w+")
_TOLERANT_FROM: Final = 5
_LOOKED_AT_ONCE: Final = 10_000
_AT_ONCE: Final = 2000
_PAUSE: Final = 0.002
_ENDED: Final = b'event: end\ndata: {"status":"stream_ended"}\n\n'


def readable_job(call: Call) -> DemoJob:
    """Return the job whose retained log is asked for."""
    job = call.job()
    plan = call.workflow().plan
    if plan.kind == "HEARTBEAT":
        raise RefusedError(412, "logs are not available for HEARTBEAT workflows")
    if not plan.retention:
        raise RefusedError(412, "log retention is disabled for this workflow")
    return job


def page_text(
    call: Call,
    job: DemoJob,
    entries: Sequence[str],
    cursor: str,
    highlight_token: str = "",
) -> str:
    """Write a page of log lines as JSON; ``entries`` are JSON already."""
    current = call.service.dialect.is_current
    text = f'{{"id":"{job.id}","workflow_id":"{job.workflow_id}"'
    if entries or not current:
        text += f',"logs":[{",".join(entries)}]'
    if cursor or not current:
        text += f',"cursor":"{cursor}"'
    if highlight_token:
        text += f',"highlight_token":"{highlight_token}"'
    return text + "}"


@route("GET", "workflows/*/jobs/*/logs", "logs", "failed to get job logs")
def list_logs(call: Call) -> DemoAnswer:
    """Answer newest first, or oldest first where documented."""
    if call.service.dialect.is_current:
        return _current_page(call)
    return _documented_page(call)


def _current_page(call: Call) -> DemoAnswer:
    """Answer as a current server: pages between are kept, whatever was asked for."""
    key, kept = _key(call), call.service.pages_read_ns
    read_ns = kept.get(key)
    if read_ns is not None and call.now_ns - read_ns < _HALF_AN_HOUR_NS:
        call = replace(call, now_ns=read_ns)
    text, cursor = _page(call)
    between = bool(call.request.query.get("cursor")) and bool(cursor)
    if between:
        kept[key] = call.now_ns
    return fitting(call, text, _SHARED if between else "no-store")


def _documented_page(call: Call) -> DemoAnswer:
    """Answer as documented: a whole listing is kept, unless a new one is asked for."""
    key, cached = _key(call), call.service.cached
    at, kept = cached.get(key, (0.0, None))
    anew = "no-cache" in call.request.headers.get("cache-control", "")
    if kept is not None and not anew and time.monotonic() - at < _TWO_HOURS:
        return kept
    text, cursor = _page(call)
    answer = json_text(text, cache="no-store" if cursor else _SHARED)
    if not cursor:
        cached[key] = (time.monotonic(), answer)
    return answer


def _page(call: Call) -> tuple[str, str]:
    """Write the page that is asked for; return its cursor, too.

    A cursor names the line that comes next.
    """
    job = readable_job(call)
    asked = _line_cursor(call)
    place = asked[0] if asked and asked[0] != _OUTSIDE else None
    size, log = call.service.log_page_size, job.log
    read = log.newest if call.service.dialect.is_current else log.oldest
    lines = read(place, size + 1, call.now_ns)
    cursor = ""
    if len(lines) > size:
        following = lines.pop().place(interleaved=log.interleaved)
        cursor = encode_cursor(*just_before(following), 0)
    faults = call.service.faults
    if faults.leaves_empty((*asked[0], asked[1]) if asked else None):
        lines.clear()
        cursor = encode_cursor(*(place or _OUTSIDE), 1)
    if faults.looping_cursors and asked:
        cursor = call.request.query["cursor"]
    return page_text(call, job, retained_entries(call, job, lines), cursor), cursor


def fitting(call: Call, text: str, cache: str) -> DemoAnswer:
    """Answer with a page, or refuse one that is too large (WIRE.md "Errors").

    One that somebody asks for again too soon makes the server refuse everything for
    a while.
    """
    service = call.service
    limit = service.page_limit_bytes
    if limit is None or len(text.encode()) <= limit:
        return json_text(text, cache=cache)
    session = call.request.cookies.get("session", "")
    service.overload.strike(f"{session} {_key(call)}", call.now_ns)
    return plain(429, words_of("GET", "logs"))


def retained_entries(call: Call, job: DemoJob, lines: Sequence[TrueLine]) -> list[str]:
    """Write lines as the retained log has them; those it lost are left out."""
    dialect, faults = call.service.dialect, call.service.faults
    return [
        dialect.line(job.id, line, retained=True)
        for line in lines
        if not faults.loses(line)
    ]


def _key(call: Call) -> str:
    query = sorted(call.request.query.items())
    return f"{call.request.path}?{query}"


def _line_cursor(call: Call) -> tuple[Place, int] | None:
    """Return the place a cursor of a list of lines names, and its last number."""
    numbers = cursor_place(call, (int,) * 5)
    if numbers is None:
        return None
    attempt, number, rank, turn, last = numbers
    return (attempt, number, rank, turn), last


class TolerantMatcher:
    """Finds the words of a query in messages.

    Every word of the query must be found: as part of a word of the message, or, if
    it has five letters or more, with one of them wrong.
    """

    def __init__(self, query: str) -> None:
        self._words = tuple(word.casefold() for word in _WORD.findall(query))

    def matches(self, message: str) -> bool:
        text = message.casefold()
        missing = [word for word in self._words if word not in text]
        tokens = set(_WORD.findall(text)) if missing else ()
        return bool(self._words) and all(
            any(is_like(word, token) for token in tokens) for word in missing
        )

    def marked(self, message: str, token: str) -> str:
        """Wrap what was found in the marks of a token."""

        def mark(match: re.Match[str]) -> str:
            word = match.group()
            if not any(is_like(wanted, word.casefold()) for wanted in self._words):
                return word
            return f"__CV_HL_START_{token}__{word}__CV_HL_END_{token}__"

        return _WORD.sub(mark, message)


@lru_cache(maxsize=65536)
def is_like(wanted: str, word: str) -> bool:
    """Tell whether a message's word is what was wanted, one wrong letter allowed."""
    if wanted in word:
        return True
    if len(wanted) < _TOLERANT_FROM or abs(len(wanted) - len(word)) > 1:
        return False
    short, long = sorted((wanted, word), key=len)
    same = len(commonprefix([short, long]))  # noqa: RUF071 - letter by letter
    return short[same + (len(short) == len(long)) :] == long[same + 1 :]


@route("GET", "workflows/*/jobs/*/logs/search", "search", "failed to get job logs")
def search_logs(call: Call) -> DemoAnswer:
    """Answer with hits, newest first.

    A page may hold fewer hits than it has room for, or none, and still carry a
    cursor: only so many lines are looked at for one answer.
    """
    job = readable_job(call)
    stream = call.choice("stream", ("stdout", "stderr"))
    query = call.request.query.get("q", "")
    filters = number_of(f"{stream}\0{query}")
    place, of = _line_cursor(call) or (None, filters)
    if of != filters:
        raise RefusedError(400, "cursor belongs to another search")
    matcher = TolerantMatcher(query) if query.strip() else None
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
        if matcher is None:
            hits.append(line)
        elif matcher.matches(line.message):
            marked = matcher.marked(line.message, token)
            hits.append(line._replace(message=marked))
    looked_at_all = len(lines) < _LOOKED_AT_ONCE and (not lines or last is lines[-1])
    cursor = ""
    if last is not None and not looked_at_all:
        cursor = encode_cursor(*last.place(interleaved=job.log.interleaved), filters)
    entries = retained_entries(call, job, hits)
    return fitting(call, page_text(call, job, entries, cursor, token), "no-store")


@route("GET", "workflows/*/jobs/*/events", "events", "failed to stream job logs")
def stream_events(call: Call) -> Streamed:
    """Answer without replay, best effort, always 200 (WIRE.md "Live stream")."""
    job, reason = _streamable(call)
    if job is None:
        return refused_stream(reason, connected=call.service.dialect.is_current)
    pieces = Subscription(call, job).pieces()
    return Streamed(pieces, EVENT_STREAM, EVENT_HEADERS.copy())


def _streamable(call: Call) -> tuple[DemoJob | None, str]:
    workflow = call.service.world.workflow(call.ids[0])
    job = workflow.find(call.ids[1], call.now_ns) if workflow else None
    if workflow is None or job is None:
        return None, "job not found"
    if not workflow.plan.retention or workflow.plan.kind == "HEARTBEAT":
        return None, "log retention is disabled for this workflow"
    if job.status(call.now_ns) != "RUNNING":
        return None, "job is not running"
    return job, ""


class Subscription:
    def __init__(self, call: Call, job: DemoJob) -> None:
        self._job = job
        self._clock = call.service.world.clock
        self._dialect = call.service.dialect
        self._faults = call.service.faults
        self._mark = job.log.live_mark(call.now_ns)
        self._held: TrueLine | None = None

    async def pieces(self) -> AsyncGenerator[Sequence[bytes], None]:
        """Yield frames as lines are written; wakes only when there is something."""
        loop = asyncio.get_running_loop()
        woken = asyncio.Event()

        def wake() -> None:
            loop.call_soon_threadsafe(woken.set)

        stops = (self._job.log.listen(wake), self._clock.listen(wake))
        try:
            yield [CONNECTED]
            while True:
                woken.clear()
                frames, wait = self._due()
                if frames:
                    yield frames
                if wait is None:
                    break
                await _sleep(woken, wait)
            yield [_ENDED]
        finally:
            for stop in stops:
                stop()

    def _due(self) -> tuple[list[bytes], float | None]:
        """Return the frames due and the seconds to wait; None at the end.

        A current server never ends the stream; a documented one says ``end`` once
        the job has ended and its last line was sent.
        """
        now_ns = self._clock.now_ns()
        batch = self._job.log.live_since(self._mark, _AT_ONCE, now_ns)
        self._mark = batch.mark
        lines = list(self._disturbed(batch.lines))
        ends_ns = None if self._dialect.is_current else self._job.completed_ns
        if ends_ns is not None and now_ns >= ends_ns and not batch.lines:
            lines += [self._held] if self._held else []
            return self._frames(lines), None
        waits = [at for at in (batch.next_ns, ends_ns) if at is not None]
        wait = self._clock.seconds_until(min(waits)) if waits else math.inf
        return self._frames(lines), max(wait, _PAUSE, self._faults.buffer_seconds)

    def _frames(self, lines: Sequence[TrueLine]) -> list[bytes]:
        job_id, write = self._job.id, self._dialect.line
        frames = [
            f"event: log\ndata: {write(job_id, line, retained=False)}\n\n".encode()
            for line in lines
        ]
        if self._faults.live_broken > 0:
            return [
                frame[: len(frame) // 2] + b"\n\n"
                if self._faults.breaks(line)
                else frame
                for line, frame in zip(lines, frames, strict=True)
            ]
        return frames

    def _disturbed(self, lines: Sequence[TrueLine]) -> Iterator[TrueLine]:
        faults = self._faults
        if not faults.disturbs_live and self._held is None:
            yield from lines
            return
        for line in lines:
            if faults.drops(line):
                continue
            if self._held is None and faults.swaps(line):
                self._held = line
                continue
            yield line
            if faults.doubles(line):
                yield line
            if self._held is not None:
                yield self._held
                self._held = None


async def _sleep(woken: asyncio.Event, seconds: float) -> None:
    """Wait until woken, or for so long; without a timer if that is for ever."""
    if math.isinf(seconds):
        await woken.wait()
        return
    timer = asyncio.get_running_loop().call_later(seconds, woken.set)
    try:
        await woken.wait()
    finally:
        timer.cancel()
