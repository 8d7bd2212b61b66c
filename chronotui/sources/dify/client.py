"""The client for one Dify app; every method raises chronotui.errors alone.

It only ever reads: a key may start and stop runs, and nothing here does. Lists cost the
server much, so one is asked for at a time; a default server has room for ten
connections, so one stream of events is open at a time.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from chronotui.errors import (
    Answer,
    ChronotuiError,
    FailedAnswerError,
    LogsUnavailableError,
    NotFoundError,
    NotSignedInError,
    UsageError,
)
from chronotui.model import JobStatus, Page
from chronotui.sources.address import check_secrets_may_travel, parse_address
from chronotui.sources.auth import Credentials, Secrets, SignedIn, source_for
from chronotui.sources.dify.query import Release, RunPlan, plan, wire_time
from chronotui.sources.dify.refusals import (
    NO_LOGS,
    WORDS,
    objection,
    with_default_path,
)
from chronotui.sources.dify.second import MOST_ROWS, read_second
from chronotui.sources.dify.walk import Place, WalkStep, read_place, step
from chronotui.sources.dify.wire import (
    APP_ID,
    is_odd,
    is_run_id,
    job_of_detail,
    mode_of,
    odd_job,
    read_app,
    read_detail,
    read_info,
    read_job,
    read_rows,
    read_time,
    starter_of,
    with_detail,
)
from chronotui.sources.http import Http, HttpRequest, routed
from chronotui.sources.protocol import (
    DIFY,
    EVERYTHING,
    BearerAuth,
    NoAuth,
    TlsSettings,
)
from chronotui.text import clean

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import AsyncIterator, Mapping
    from contextlib import AbstractAsyncContextManager
    from datetime import datetime

    from chronotui.model import Job, JobFilter, RunEvent, Workflow
    from chronotui.sources.dify.wire import Object, RowPage, Starter
    from chronotui.sources.protocol import (
        Auth,
        Capabilities,
        RequestLog,
        SecretSource,
        SessionCookies,
    )

ROWS: Final = 50
"""Rows asked for where people look; each costs the server its whole run."""

LIST_PATIENCE: Final = 30.0
"""Seconds a list may take: a keyword is looked up without an index."""

NOT_SEARCHED: Final = (
    "The text is looked up in inputs, outputs and session ids: errors are not searched."
)

OVERLAP_SECONDS: Final = 30
"""How far a look at what is new goes back: a row may be written late."""

_MOST_STEPS: Final = 20
"""Steps of a walk that bring nothing before an empty page leads on."""

_SECONDS_AHEAD: Final = 60
"""A row may lie half a second in the server's future; one so far ahead is told."""


class DifySource:
    """One app of one server. Belongs to one event loop."""

    def __init__(self, http: Http, auth: Auth) -> None:
        self.origin = http.address.origin
        self._http = http
        http.heard = self._hear
        self._auth = auth
        check = None if isinstance(auth, NoAuth) else self.check_server
        credentials = Credentials(source_for(auth, _no_login), check)
        self._signed_in = SignedIn(http, credentials)
        self._url = http.address.url
        self._release = Release("")
        self._mode: str | None = None
        self._listing = asyncio.Lock()
        self._streaming = asyncio.Lock()

    @property
    def capabilities(self) -> Capabilities:
        """What this server can do: releases before 1.14 have no events."""
        return replace(DIFY.capabilities, follow=self._release.has_events)

    @property
    def version(self) -> str:
        return self._release.words

    @property
    def requests(self) -> Counter[str]:
        """How many requests were sent, by kind."""
        return self._http.requests

    @property
    def clock_skew(self) -> float | None:
        """Seconds the server's clock is ahead of ours, to a second; None if unknown."""
        return self._http.clock_skew

    def _hear(self, headers: Mapping[str, str]) -> None:
        """Take note of the version that each answer of the server carries."""
        version = clean(headers.get("x-version", ""))[:40].strip()
        if version and version != self._release.words:
            self._release = Release(version)

    # The app.

    async def workflows(
        self,
        *,
        cursor: str | None = None,
        query: str | None = None,
        terminated: bool = False,
    ) -> Page[Workflow]:
        """List the one app a key is for."""
        if cursor or terminated:
            return Page(())
        app = await self.workflow(APP_ID)
        is_wanted = not query or query.casefold() in app.name.casefold()
        return Page((app,) if is_wanted else ())

    async def workflow(self, workflow_id: str) -> Workflow:
        if workflow_id != APP_ID:
            raise NotFoundError(
                f"There is no app {clean(workflow_id)} here.",
                next_step="A profile shows one app: that of its key.",
            )
        info = read_info(await self._read(HttpRequest("app", self._url("info"))))
        self._mode = mode_of(info)
        return read_app(info, self.version)

    # The list of runs.

    async def jobs(
        self,
        workflow_id: str,  # noqa: ARG002  # there is one app
        *,
        cursor: str | None = None,
        only: JobFilter = EVERYTHING,
        many: bool = False,
    ) -> Page[Job]:
        """List runs, newest first, one page (WIRE.md "Dify: paging").

        An app of another type has none, which its page says.

        Raises:
            RequestRefusedError: The server does not know the account, or the cursor
                is none of this list.
        """
        query = await self._plan(only)
        place = read_place(cursor) if cursor else self._beginning(query)
        return await self._page(query, place, many=many, is_first=not cursor)

    async def newer(
        self,
        workflow_id: str,  # noqa: ARG002  # there is one app
        since: datetime,
        *,
        only: JobFilter = EVERYTHING,
    ) -> Page[Job]:
        query = await self._plan(only)
        place = self._beginning(query)
        after = int(since.timestamp()) - OVERLAP_SECONDS
        place = replace(place, after=max(after, place.after or after))
        found = await self._page(query, place, many=False, is_first=True)
        return replace(found, total=None, notes=())

    async def _plan(self, only: JobFilter) -> RunPlan:
        """Part a filter, once the look at the server has told its version."""
        if not self._release.is_known:
            await self._signed_in.credentials.current()
        return plan(only, self._release)

    def _beginning(self, query: RunPlan) -> Place:
        page = 0 if self._release.filters_times else 1
        return Place(query.before, query.after, page=page)

    async def _page(
        self, query: RunPlan, place: Place, *, many: bool, is_first: bool
    ) -> Page[Job]:
        limit = MOST_ROWS if many else ROWS
        notes = list(query.notes) if is_first else []
        if is_first and place.page:
            notes.append(self._counted_note())
        try:
            found = await self._steps(query, place, limit)
            if is_first and found.is_empty:
                found = await self._respelled(query, place, limit, found)
            if is_first and found.is_empty and await self._is_other_type():
                return await self._no_logs(found.total)
            if is_first and found.is_empty and query.only.keyword:
                notes.append(NOT_SEARCHED)
        except LogsUnavailableError:
            return await self._no_logs()
        return self._filled(query, found, notes, is_first=is_first)

    async def _steps(self, query: RunPlan, place: Place, limit: int) -> WalkStep:
        """Walk on until something comes, the list ends, or it takes too long."""
        ask = _RowRequests(self, query, place.form)
        found = await step(ask, place, limit)
        for _ in range(_MOST_STEPS):
            if found.rows or found.odd or found.missing or found.place is None:
                break
            found = await step(ask, found.place, limit)
        return found

    async def _respelled(
        self, query: RunPlan, place: Place, limit: int, found: WalkStep
    ) -> WalkStep:
        """Look for what was not found in the keyword's other spellings."""
        for form in range(1, len(query.keywords)):
            found = await self._steps(query, replace(place, form=form), limit)
            if not found.is_empty:
                break
        return found

    async def _is_other_type(self) -> bool:
        """Whether the app is known to be of a type that has no runs."""
        if self._mode is None:
            with suppress(ChronotuiError):
                await self.workflow(APP_ID)
        return self._mode not in {None, "", "workflow"}

    async def _no_logs(self, total: int | None = None) -> Page[Job]:
        await self._is_other_type()
        mode = f" ({clean(self._mode)})" if self._mode else ""
        note = f"{NO_LOGS}{mode}: only apps of type workflow write them."
        return Page((), total=total, notes=(note,), has_log=False)

    def _filled(
        self, query: RunPlan, found: WalkStep, notes: list[str], *, is_first: bool
    ) -> Page[Job]:
        if found.ignores_times:
            notes.append(self._counted_note("gave runs of no time or of other times"))
        if is_first and found.rows and self._is_ahead(found.rows[0].second):
            notes.append(
                "The newest run is later than the server's own clock: times of runs "
                "may be off."
            )
        if found.missing:
            notes.append(
                f"{found.missing:,} runs of one second could not be fetched: the "
                "server shows them in no stable order."
            )
        jobs = [read_job(row) for row in found.rows]
        kept = [job for job in jobs if query.accepts(job)]
        hidden = len(jobs) - len(kept)
        if found.odd:
            kept += [odd_job(*one) for one in found.odd]
            kept.sort(key=_written, reverse=True)
        cursor = None if found.place is None else found.place.cursor()
        return Page(
            tuple(kept),
            cursor,
            hidden,
            found.total,
            tuple(notes),
            found.missing,
        )

    def _is_ahead(self, second: int) -> bool:
        """Whether a row lies in the future of the server that gave it."""
        skew = self.clock_skew
        return skew is not None and second > time.time() + skew + _SECONDS_AHEAD

    def _counted_note(self, why: str = "does not filter by time") -> str:
        who = f"Dify {self.version}" if self.version else "This server"
        return (
            f"{who} {why}, so the list is read by page number: "
            "runs of one second may be missing."
        )

    # One run.

    async def job(
        self,
        workflow_id: str,  # noqa: ARG002  # there is one app
        job_id: str,
    ) -> Job:
        """Read a run by its id, with its inputs and outputs.

        Raises:
            NotFoundError: There is none, or the text is no run's id.
        """
        if not is_run_id(job_id):
            raise NotFoundError(
                f"“{clean(job_id)[:80]}” is no run id.",
                next_step="A run id has 36 characters, such as "
                "9a51c0de-0000-4000-8000-000000000000.",
            )
        run_id = job_id.lower()
        detail = await self._detail(run_id)
        row = await self._row_of(run_id, detail)
        return job_of_detail(detail) if row is None else with_detail(row, detail)

    async def reread(self, job: Job) -> Job:
        if is_odd(job):
            return job
        if not job.run_id:
            job = await self._row_again(job)
            if not job.run_id:
                return job
        return with_detail(job, await self._detail(job.run_id))

    async def _detail(self, run_id: str) -> Object:
        request = HttpRequest("run", self._url("workflows", "run", run_id))
        answer: Answer | None = Answer(200, is_plain=True)
        try:
            detail = read_detail(await self._read(request))
        except (NotFoundError, FailedAnswerError) as error:
            answer = error.answer
            is_own = answer is not None and answer.is_plain
            tells = isinstance(error, NotFoundError)
            if not (is_own and (tells or self._release.fails_for_unknown_runs)):
                raise
            detail = None
        if detail is None:
            missing = NotFoundError(
                f"Dify has no run {run_id} in this app.",
                next_step="It is that of another key's app, or was cleaned up.",
            )
            missing.route, missing.answer = request.kind, answer
            raise missing
        return detail

    async def _row_of(self, run_id: str, detail: Object) -> Job | None:
        """Look up the row of a run, which tells who started it.

        It was written within a second or two of the run. Only where it is not there,
        the id is looked up as a keyword: that has no index and may take long.
        """
        name = "finished_at" if self._release.logs_at_the_end else "created_at"
        at = read_time(detail.get(name))
        windows: list[tuple[str, int | None, int | None]] = [(run_id, None, None)]
        if at is not None and self._release.filters_times:
            second = int(at.timestamp())
            windows.insert(0, ("", second - 1, second + 2))
        for keyword, after, before in windows:
            query = plan(EVERYTHING._replace(keyword=keyword), self._release)
            with suppress(ChronotuiError):
                page = await _RowRequests(self, query, 0)(after, before, 1, ROWS)
                found = [
                    job for job in map(read_job, page.rows) if job.run_id == run_id
                ]
                if found:
                    return found[0]
        return None

    async def _row_again(self, job: Job) -> Job:
        """Read a row again whose run was not there: it may have been early."""
        if job.created_at is None or not self._release.filters_times:
            return job
        ask = _RowRequests(self, plan(EVERYTHING, self._release), 0)
        found = await read_second(ask, int(job.created_at.timestamp()))
        row = found.rows.get(job.id)
        return job if row is None else read_job(row)

    # What happens in a run.

    def why_not_attached(self, job: Job) -> str:
        if not job.run_id:
            return "it has no run yet"
        if job.status not in {JobStatus.RUNNING, JobStatus.PAUSED}:
            return "it is not running"
        if not self._release.has_events:
            return f"the server is {self.version}, events need 1.14.0"
        return self._why_not_in_the_name(starter_of(job))

    def _why_not_in_the_name(self, starter: Starter) -> str:
        """Return why events cannot be asked for by whoever started a run.

        Servers create users they do not know, and make web-app users into others.
        """
        if starter.role == "account":
            return "it was run by an account"
        if starter.role != "end_user" or not starter.session:
            return "the server does not say who runs it"
        if starter.type == "browser":
            return "it was run by a web-app user"
        if starter.type != "service-api":
            return f"it was run by a user of type {clean(starter.type) or 'unknown'}"
        return ""

    def events(
        self, job: Job
    ) -> AbstractAsyncContextManager[AsyncIterator[tuple[RunEvent, ...]]]:
        return self._attached(job)

    @asynccontextmanager
    async def _attached(
        self, job: Job
    ) -> AsyncIterator[AsyncIterator[tuple[RunEvent, ...]]]:
        from chronotui.sources.dify.events import open_events  # noqa: PLC0415

        async with self._streaming:
            why = self.why_not_attached(job)
            if why:
                raise UsageError(f"Nobody can follow the events of this run: {why}.")
            url = self._url(
                "workflow",
                job.run_id,
                "events",
                query={
                    "user": starter_of(job).session,
                    "include_state_snapshot": "true",
                    "continue_on_pause": "true",
                },
            )
            request = HttpRequest("events", url, is_stream=True)
            async with open_events(self._signed_in, request) as arriving:
                yield arriving

    # The server.

    async def check_server(self) -> None:
        """See that this is the base of a Dify API, before it gets the key.

        Raises:
            UnreadableAnswerError: It is something else, such as the console's pages.
            ChronotuiError: It gave no answer that tells, such as a 503.
        """
        request = HttpRequest("server_check", self._url("info"))
        answer = await self._http.fetch(request)
        with routed(request):
            error = objection(self._http, answer)
            if error is not None:
                raise error

    async def sign_in(self) -> None:
        """Take the key anew, and see that the server takes it.

        Raises:
            NotSignedInError: It does not.
        """
        if not isinstance(self._auth, NoAuth):
            await self._signed_in.credentials.obtain_again()
        await self.workflow(APP_ID)

    def allow_sign_in(self) -> None:
        self._signed_in.credentials.forgive()

    async def sign_out(self) -> None:
        """Forget the key; the server knows no sessions."""
        self._signed_in.credentials.forget()

    async def aclose(self) -> None:
        """Close every connection."""
        await self._signed_in.aclose()

    async def list_rows(self, query: Mapping[str, str]) -> RowPage:
        """Ask for a page of the list, when nobody else does."""
        url = self._url("workflows", "logs", query=query)
        async with self._listing:
            request = HttpRequest("runs", url, patience=LIST_PATIENCE)
            body = await self._read(request)
        with routed(request):
            return read_rows(body)

    async def _read(self, request: HttpRequest) -> bytes:
        """Read an answer; a refused key is asked for once more, it may be a new one."""
        request = replace(request, renews=False)
        try:
            return await self._signed_in.read(request)
        except NotSignedInError as refusal:
            answer = refusal.answer
            if answer is None or answer.status != 401 or not answer.is_plain:
                raise
            refused = self._signed_in.credentials.held or Secrets()
            try:
                await self._signed_in.credentials.renew(refused)
            except NotSignedInError:
                raise refusal from None
        return await self._signed_in.read(request)


def _written(job: Job) -> float:
    return 0.0 if job.created_at is None else job.created_at.timestamp()


class _RowRequests:
    """Asks for rows as one query wants them."""

    def __init__(self, source: DifySource, query: RunPlan, form: int) -> None:
        self._source = source
        self._query = query
        self._keyword = query.keywords[min(form, len(query.keywords) - 1)]

    @property
    def splits_by_status(self) -> bool:
        return "status" not in self._query.asked

    async def __call__(
        self,
        after: int | None,
        before: int | None,
        page: int,
        limit: int,
        *,
        status: str = "",
    ) -> RowPage:
        asked = {"page": str(page), "limit": str(limit), **self._query.asked}
        if self._keyword:
            asked["keyword"] = self._keyword
        if after is not None:
            asked["created_at__after"] = wire_time(after)
        if before is not None:
            asked["created_at__before"] = wire_time(before)
        if status:
            asked["status"] = status
        return await self._source.list_rows(asked)


def open_dify(
    url: str,
    auth: Auth,
    *,
    timeout_seconds: float = 10.0,
    tls: TlsSettings | None = None,
    insecure: bool = False,
    log: RequestLog | None = None,
) -> DifySource:
    """Make a client; nothing is sent or asked before the first request.

    Args:
        url: The base of the Service API; without a path ``/v1`` is meant.
        auth: How to sign in: with the app's API key.
        timeout_seconds: For connecting, and for each silence of an answer; a list may
            take longer.
        tls: TLS settings.
        insecure: Allow the key over plain http beyond loopback.
        log: Told of each exchange, the key left out.

    Raises:
        ConfigError: The URL cannot be used, or the key may not travel to it.
    """
    address = parse_address(url)
    address = replace(address, base=with_default_path(address))
    if not isinstance(auth, NoAuth):
        check_secrets_may_travel(address, insecure=insecure)
    if isinstance(auth, BearerAuth):
        auth = BearerAuth(_app_key(auth.token))
    http = Http(
        address,
        tls or TlsSettings(),
        timeout_seconds=timeout_seconds,
        log=log,
        words=WORDS,
    )
    return DifySource(http, auth)


def _app_key(key: SecretSource) -> SecretSource:
    """Hold back what is plainly another kind of key."""

    async def checked() -> str:
        given = (await key()).strip()
        if given.startswith("dataset-"):
            raise NotSignedInError(
                "The profile's key is that of a knowledge base, not of an app.",
                next_step="Make a key of the app, in Dify under API access: app-….",
            )
        return given

    return checked


async def _no_login(_email: str, _password: str) -> SessionCookies:
    raise NotSignedInError(
        "Dify's API takes no e-mail and password.",
        next_step='Set method = "bearer" and the app\'s key in the profile.',
    )
