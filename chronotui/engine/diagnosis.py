"""What works between here and a profile's server, found out by asking it.

``try_profile`` is the short answer, for forms; ``diagnose`` looks at one thing after
the other, for ``chronotui doctor``: the live stream of a running job included, but no
events of a run, for which the server might change what it keeps.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import time
from contextlib import AsyncExitStack, aclosing
from functools import partial
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, cast

from msgspec import Struct, field

from chronotui.engine.client import open_server
from chronotui.errors import ChronotuiError, LogsUnavailableError, UnreachableError
from chronotui.model import (
    Connected,
    JobFilter,
    JobStatus,
    LiveLines,
    StreamFailed,
)
from chronotui.sources.address import parse_address, proxy_notes
from chronotui.sources.protocol import KINDS
from chronotui.text import clean, plural

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Mapping

    from chronotui.engine.client import AskSecret, SecretQuestion
    from chronotui.model import Job, LiveEvent, LogLine, Page, Workflow
    from chronotui.sources.protocol import RunSource, Source
    from chronotui.storage.settings import Profile
    from chronotui.storage.state import DiagnosticLog

MOST_SECONDS: Final = 10.0
"""How long a diagnosis takes at most, without the time somebody types a secret."""

RUNS_SECONDS: Final = 40.0
"""The same where a list of runs is read, which may take a server half a minute."""

FOLLOW_SECONDS: Final = 4.5
"""How long a stream is followed before it is judged."""

HEADER_SECONDS: Final = 3.0
"""A stream whose headers take longer, while pages are answered, is held back."""

FIRST_EVENT_SECONDS: Final = 1.0
"""The first event follows the headers at once, unless it is held back."""

PAGE_SECONDS: Final = 0.6
"""How often the newest page is read while a stream is followed."""

LEAST_SECONDS: Final = 3.0
"""How long a stream is followed at least, to see lines that come in lumps."""

LUMP_SECONDS: Final = 1.0
"""Lines whose ways differ by more in length have been held back on it."""

LATE_SECONDS: Final = 0.5
"""A stream that is so far behind the pages is held back; others are ahead of them."""

SKEW_SECONDS: Final = 2.0
"""From so much on two clocks differ; the server's ``Date`` has whole seconds."""

ZONE_SECONDS: Final = 60.0
"""A run stamped so far ahead of its server's own clock is stamped in another zone."""

SURE_SECONDS: Final = 1.5
"""A line stamped so long after the stream was opened was written after it."""

SEARCHED_WORKFLOWS: Final = 40
"""Workflows that are looked through for a running job."""

AT_ONCE: Final = 4
RUNNING: Final = JobFilter(status=JobStatus.RUNNING)


class CheckResult(NamedTuple):
    """One check and what it found; ``exit_code`` is that of its error, if any."""

    check: str
    result: Literal["ok", "warning", "FAILED"]
    found: str
    exit_code: int = 0


async def try_profile(
    profile: Profile, *, ask: AskSecret | None, log: DiagnosticLog | None = None
) -> str:
    """Ask the profile's server for its lists, and return a sentence about it.

    A session made on the way is kept, so that nothing asks again. A server that has
    nothing to show in its lists works, and why is said.

    Raises:
        ChronotuiError: It does not answer, or does not take the sign-in.
    """
    client = open_server(profile, ask=ask, log=log)
    try:
        begun = time.monotonic()
        page = await client.workflows()
        took = time.monotonic() - begun
        found = f"answers in {_ms(took)}, {_listed(client, page)}"
        if client.capabilities.runs:
            runs, _newest = await _runs(cast("RunSource", client), page.items[0])
            found += f", {runs.found}" if runs.result == "ok" else f". {runs.found}"
    finally:
        await client.aclose()
    return f"{profile.name}: {profile.url} {found.removesuffix('.')}."


async def diagnose(
    profile: Profile,
    *,
    ask: AskSecret | None,
    log: DiagnosticLog | None = None,
    environ: Mapping[str, str] = os.environ,
) -> list[CheckResult]:
    """Look at the way to a server, at the server, the sign-in, the clocks, the stream.

    Nothing is changed there, and what cannot be said is left out. The first failure
    ends it, for what follows would only repeat it.
    """
    findings: list[CheckResult] = []
    lists_runs = KINDS[profile.kind].capabilities.runs
    most = RUNS_SECONDS if lists_runs else MOST_SECONDS
    limit = asyncio.timeout(most)
    patient = None if ask is None else partial(_ask_off_the_clock, ask, limit)
    check = "server"
    try:
        notes = proxy_notes(parse_address(profile.url), environ)
        findings += [
            CheckResult(one.variable, "warning" if one.is_warning else "ok", one.said)
            for one in notes
        ]
        client = open_server(profile, ask=patient, log=log)
        async with AsyncExitStack() as stack:
            stack.push_async_callback(client.aclose)
            async with limit:
                findings.append(await _server(client, profile))
                check = "sign-in"
                page = await client.workflows()
                findings.append(_sign_in(client, page, profile))
                findings += _clock(client)
                check = "runs" if lists_runs else "stream"
                if lists_runs:
                    app = page.items[0]
                    findings += await _run_checks(cast("RunSource", client), app)
                else:
                    findings.append(await _stream(cast("Source", client)))
    except ChronotuiError as error:
        findings.append(CheckResult(check, "FAILED", str(error), error.exit_code))
    except TimeoutError:
        found = f"no answer within {most:.0f} s"
        findings.append(CheckResult(check, "FAILED", found, UnreachableError.exit_code))
    return findings


async def _ask_off_the_clock(
    ask: AskSecret, limit: asyncio.Timeout, question: SecretQuestion
) -> str:
    """Stop the clock of a diagnosis while somebody types a secret."""
    until, loop = limit.when(), asyncio.get_running_loop()
    if until is None:
        return await ask(question)
    left = until - loop.time()
    limit.reschedule(None)
    try:
        return await ask(question)
    finally:
        limit.reschedule(loop.time() + left)


async def _server(client: Source | RunSource, profile: Profile) -> CheckResult:
    begun = time.monotonic()
    await client.check_server()
    took = time.monotonic() - begun
    return CheckResult("server", "ok", f"{profile.url} answers in {_ms(took)}")


def _sign_in(
    client: Source | RunSource, page: Page[Workflow], profile: Profile
) -> CheckResult:
    auth = profile.auth
    how = "not needed" if auth.method == "none" else f"{auth.method} {auth.email}"
    return CheckResult("sign-in", "ok", f"{how.strip()}, {_listed(client, page)}")


def _listed(client: Source | RunSource, page: Page[Workflow]) -> str:
    """Say what the first list holds: workflows, or the one app there is."""
    if client.capabilities.runs:
        app = page.items[0]
        mode, *more = [clean(label) for label in app.labels] or [""]
        name = f"{clean(app.name)} ({mode})" if mode else clean(app.name)
        return ", ".join([name, *more])
    more_there = " on the first page" if page.cursor else ""
    return plural(len(page.items), "workflow") + more_there


def _clock(client: Source | RunSource) -> list[CheckResult]:
    """Compare the clocks, where the server says what time it is."""
    skew = client.clock_skew
    if skew is None:
        return []
    if abs(skew) <= SKEW_SECONDS:
        within = f"within {SKEW_SECONDS:.0f} s of the server's"
        return [CheckResult("clock", "ok", within)]
    way = "behind" if skew > 0 else "ahead of"
    found = (
        f"this machine is {abs(skew):,.0f} s {way} the server's clock: ages and "
        "running times are wrong by that much"
    )
    return [CheckResult("clock", "warning", found)]


async def _run_checks(client: RunSource, app: Workflow) -> list[CheckResult]:
    """Look at the newest runs: whether there are any, their times, their events."""
    runs, newest = await _runs(client, app)
    if not newest:
        return [runs]
    return [runs, *_zone(client, newest), _events(client, newest)]


async def _runs(
    client: RunSource, app: Workflow
) -> tuple[CheckResult, tuple[Job, ...]]:
    """Read the newest runs; what the list has to say about itself is a warning."""
    try:
        page = await client.jobs(app.id)
    except LogsUnavailableError as error:
        return CheckResult("runs", "warning", str(error)), ()
    count = len(page.items) if page.total is None else page.total
    found = plural(count, "run")
    if not page.notes:
        return CheckResult("runs", "ok", found), page.items
    notes = " ".join(clean(note) for note in page.notes)
    said = f"{found}; {notes}" if page.items else notes
    return CheckResult("runs", "warning", said), page.items


def _zone(client: RunSource, newest: tuple[Job, ...]) -> list[CheckResult]:
    """Name times that are ahead of what the server itself says the time is."""
    stamps = [job.created_at.timestamp() for job in newest if job.created_at]
    if client.clock_skew is None or not stamps:
        return []
    ahead = max(stamps) - time.time() - client.clock_skew
    if ahead <= ZONE_SECONDS:
        return []
    found = (
        f"the newest run begins {ahead:,.0f} s after the server's own time: its "
        "database may keep another time zone"
    )
    return [CheckResult("zone", "warning", found)]


def _events(client: RunSource, newest: tuple[Job, ...]) -> CheckResult:
    """Say whether the events of a run can be followed, without asking for any."""
    result: Literal["ok", "warning"] = "ok" if client.capabilities.follow else "warning"
    running = [job for job in newest if not job.has_ended]
    if not running:
        told = "nothing runs: nothing to follow"
        found = told if result == "ok" else "this server does not tell them"
        return CheckResult("events", result, found)
    reasons = [(job, client.why_not_attached(job)) for job in running]
    job, why = min(reasons, key=lambda reason: bool(reason[1]))
    said = f"cannot be followed: {clean(why)}" if why else "can be followed"
    return CheckResult("events", result, f"{clean(job.shown_id)[:8]} {said}")


async def _stream(client: Source) -> CheckResult:
    """Follow a running job for a moment."""
    async with aclosing(_running_jobs(client)) as found:
        async for workflow, job in found:
            watched = f"{clean(workflow.shown_name)} {clean(job.id)[:8]}: "
            trial = _StreamTrial(client, job)
            try:
                await trial.run()
            except LogsUnavailableError:
                continue
            except ChronotuiError as error:
                said = watched + str(error)
                return CheckResult("stream", "FAILED", said, error.exit_code)
            result, said = trial.verdict()
            return CheckResult("stream", result, watched + said)
    return CheckResult("stream", "ok", "no job with a log runs: nothing to follow")


async def _running_jobs(
    client: Source,
) -> AsyncGenerator[tuple[Workflow, Job], None]:
    """Find running jobs that may have a log, among the first workflows.

    Retried ones come last: their newest page may show the attempts before.
    """
    looked_at, cursor = 0, None
    retried: list[tuple[Workflow, Job]] = []
    while looked_at < SEARCHED_WORKFLOWS:
        page = await client.workflows(cursor=cursor)
        logged = [
            one
            for one in page.items
            if one.kind != "HEARTBEAT" and one.log_retention is not False
        ]
        for begin in range(0, len(logged), AT_ONCE):
            some = logged[begin : begin + AT_ONCE]
            pages = await asyncio.gather(
                *[client.jobs(one.id, only=RUNNING) for one in some]
            )
            for workflow, jobs in zip(some, pages, strict=True):
                for job in jobs.items:
                    if (job.attempts or 0) > 1:
                        retried.append((workflow, job))
                    else:
                        yield workflow, job
        looked_at += max(len(page.items), page.hidden, 1)
        cursor = page.cursor
        if cursor is None:
            break
    for found in retried:
        yield found


class _Seen(Struct):
    """When one line came, by our clock; None while it has not."""

    line: LogLine
    live: float | None = None
    retained: float | None = None


class _StreamTrial(Struct):
    """One stream and the newest page, followed side by side.

    Only lines that were on no page before the stream stood are looked at.
    """

    client: Source
    job: Job
    before: set[object] = field(default_factory=set)
    seen: dict[object, _Seen] = field(default_factory=dict)
    opened_at: float = 0.0
    page: float = 0.0
    headers: float | None = None
    connected: float | None = None
    said: str = ""

    async def run(self) -> None:
        """Follow both until they can be compared, or for a few seconds.

        Raises:
            ChronotuiError: The pages or the stream failed.
        """
        begun = time.monotonic()
        self.before = {_identity(line) for line in await self._page()}
        self.page = time.monotonic() - begun
        begun = time.monotonic()
        async with AsyncExitStack() as stack:
            opening = stack.enter_async_context(
                self.client.live(self.job.workflow_id, self.job.id)
            )
            try:
                async with asyncio.timeout(HEADER_SECONDS):
                    events = await opening
            except TimeoutError:
                await self._page()
                return
            self.opened_at = time.time()
            self.headers = time.monotonic() - begun
            listening = asyncio.create_task(self._listen(events, begun))
            try:
                await self._read_pages(listening)
            finally:
                listening.cancel()
                await asyncio.wait([listening])
            if not listening.cancelled():
                listening.result()

    async def _page(self) -> Iterable[LogLine]:
        where = (self.job.workflow_id, self.job.id)
        return (await self.client.log_page(*where, fresh=True)).lines

    async def _listen(
        self, events: AsyncIterator[tuple[LiveEvent, ...]], begun: float
    ) -> None:
        async for batch in events:
            now = time.monotonic()
            for event in batch:
                if isinstance(event, Connected) and self.connected is None:
                    self.connected = now - begun
                elif isinstance(event, StreamFailed):
                    self.said = event.reason
                elif isinstance(event, LiveLines):
                    for line in event.lines:
                        seen = self._of(line)
                        if seen is not None and seen.live is None:
                            seen.live = now

    async def _read_pages(self, listening: asyncio.Task[None]) -> None:
        until = time.monotonic() + FOLLOW_SECONDS
        while time.monotonic() < until and not listening.done():
            await asyncio.wait([listening], timeout=PAGE_SECONDS)
            for line in await self._page():
                seen = self._of(line)
                if seen is not None and seen.retained is None:
                    seen.retained = time.monotonic()
            is_long = time.monotonic() > until - FOLLOW_SECONDS + LEAST_SECONDS
            if is_long and self._lead is not None:
                return

    def _of(self, line: LogLine) -> _Seen | None:
        """Return the entry of a line, None for one written before."""
        identity = _identity(line)
        if identity in self.before:
            return None
        return self.seen.setdefault(identity, _Seen(line))

    def verdict(self) -> tuple[Literal["ok", "warning"], str]:
        """Say how the stream does beside the pages."""
        if self.said and self.headers is not None:
            error = f"then the server's error: “{clean(self.said)}”"
            return "warning", f"headers in {_ms(self.headers)}, {error}"
        held_back = self._held_back()
        if held_back:
            return "warning", (
                f"{held_back}; something between holds the stream back, such as a "
                "proxy that buffers answers"
            )
        return "ok", f"{self._times()}, {self._lines()}"

    def _held_back(self) -> str:
        """Return by what it shows that the stream is held back, "" if it is not."""
        if self.headers is None:
            limit = f"{HEADER_SECONDS:.0f} s"
            return f"its headers did not come within {limit} while pages are answered"
        trouble = self._slow_opening(self.headers) or self._late_lines()
        return trouble and f"{self._times()}, {trouble}"

    def _slow_opening(self, headers: float) -> str:
        if self.connected is None:
            return f"then nothing for {FOLLOW_SECONDS:.1f} s"
        if self.connected - headers > FIRST_EVENT_SECONDS:
            return "long after its headers"
        if headers > max(FIRST_EVENT_SECONDS, 10 * self.page):
            return f"while a page takes {_ms(self.page)}"
        return ""

    def _late_lines(self) -> str:
        lead, spread = self._lead, self._spread
        if lead is not None and lead < -LATE_SECONDS:
            return f"pages are {-lead:.1f} s ahead of the stream"
        if spread > LUMP_SECONDS:
            return f"lines come in lumps, up to {spread:.1f} s late"
        overdue = sum(map(self._is_overdue, self.seen.values()))
        if overdue and not self._live_count:
            lines = f"{plural(overdue, 'line')} written meanwhile did not come live"
            return f"pages are ahead of the stream: {lines}"
        return ""

    def _times(self) -> str:
        headers = f"headers in {_ms(self.headers or 0.0)}"
        if self.connected is None:
            return headers
        return f"{headers}, connected after {_ms(self.connected)}"

    def _lines(self) -> str:
        if not self._live_count:
            return f"no line was printed in {FOLLOW_SECONDS:.1f} s"
        lines = f"{plural(self._live_count, 'line')} live"
        lead = self._lead
        if lead is None:
            return f"{lines} in {FOLLOW_SECONDS:.1f} s"
        ahead = f"{lead:.1f} s ahead of" if lead > 0 else "as soon as on"
        return f"{lines}, {ahead} the pages"

    @property
    def _live_count(self) -> int:
        return sum(seen.live is not None for seen in self.seen.values())

    @property
    def _spread(self) -> float:
        """Seconds by which the latest live line took longer than the quickest."""
        delays = [
            seen.live - seen.line.time_ns / 1e9
            for seen in self.seen.values()
            if seen.live is not None and seen.line.time_ns is not None
        ]
        return max(delays) - min(delays) if delays else 0.0

    @property
    def _lead(self) -> float | None:
        """Seconds by which the stream is ahead of the pages, as a rule."""
        leads = [
            seen.retained - seen.live
            for seen in self.seen.values()
            if seen.live is not None and seen.retained is not None
        ]
        return statistics.median(leads) if leads else None

    def _is_overdue(self, seen: _Seen) -> bool:
        """Whether a line on a page was surely written after the stream stood."""
        if seen.live is not None or seen.line.time_ns is None:
            return False
        sure = self.opened_at + (self.client.clock_skew or 0.0) + SURE_SECONDS
        return seen.line.time_ns / 1e9 > sure


def _identity(line: LogLine) -> object:
    return line.event_id or (line.attempt, line.sequence_num, line.stream)


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:,.0f} ms"
