"""The client for a Chronoverse server; every method raises chronotui.errors alone.

What reads logs is imported with the first log: a desk's tree is there before.
"""

from __future__ import annotations

import json
import re
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import partial
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from chronotui.errors import (
    Answer,
    ChronotuiError,
    NotFoundError,
    NotSignedInError,
    OverloadedError,
    PageTooLargeError,
    UnreadableAnswerError,
    UsageError,
)
from chronotui.sources.address import check_secrets_may_travel, parse_address
from chronotui.sources.auth import Credentials, SignedIn, source_for
from chronotui.sources.http import Http, HttpRequest, routed
from chronotui.sources.protocol import (
    CHRONOVERSE,
    EVERYTHING,
    BearerAuth,
    NoAuth,
    SessionAuth,
    SessionCookies,
    TlsSettings,
)
from chronotui.sources.wire_errors import CHECK_URL, is_page, media_type, quote_words
from chronotui.sources.wire_json import (
    FilterSpellings,
    read_job,
    read_jobs,
    read_log_page,
    read_notifications,
    read_scheduled,
    read_search_page,
    read_totals,
    read_workflow,
    read_workflows,
)

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
    from contextlib import AbstractAsyncContextManager

    from chronotui.model import (
        Job,
        JobFilter,
        LiveEvent,
        LogPage,
        Notification,
        Page,
        RawFormat,
        SearchPage,
        Workflow,
        WorkflowTotals,
    )
    from chronotui.sources.download import RawDownload
    from chronotui.sources.http import WholeAnswer
    from chronotui.sources.protocol import Auth, Capabilities, RequestLog

_NO_CACHE: Final = {"Cache-Control": "no-cache"}


class Chronoverse:
    """One server, one sign-in. Belongs to one event loop, ``download`` apart."""

    def __init__(self, http: Http, auth: Auth) -> None:
        self.origin = http.address.origin
        self.capabilities: Capabilities = CHRONOVERSE.capabilities
        self._http = http
        self._auth = auth
        check = None if isinstance(auth, NoAuth) else self.check_server
        credentials = Credentials(source_for(auth, partial(log_in, http)), check)
        self._signed_in = SignedIn(http, credentials)
        self._url = http.address.url
        self._job_words = FilterSpellings()

    @property
    def requests(self) -> Counter[str]:
        """How many requests were sent, by kind."""
        return self._http.requests

    @property
    def clock_skew(self) -> float | None:
        """Seconds the server's clock is ahead of ours, to a second; None if unknown."""
        return self._http.clock_skew

    async def workflows(
        self,
        *,
        cursor: str | None = None,
        query: str | None = None,
        terminated: bool = False,
    ) -> Page[Workflow]:
        """List workflows, one page (WIRE.md "Workflows").

        A current server lists terminated ones among the living; only those asked for
        are given, so that a page may be short, or empty and lead on. ``terminated``
        asks for the terminated ones alone.
        """
        asked = "true" if terminated else None
        filters = {"cursor": cursor, "query": query, "terminated": asked}
        url = self._url("workflows", query=filters)
        listed = read_workflows(await self._read("workflows", url))
        kept = tuple(
            one for one in listed.items if (one.terminated_at is not None) == terminated
        )
        return replace(listed, items=kept, hidden=len(listed.items) - len(kept))

    async def workflow(self, workflow_id: str) -> Workflow:
        url = self._url("workflows", workflow_id)
        return read_workflow(await self._read("workflow", url))

    async def jobs(
        self,
        workflow_id: str,
        *,
        cursor: str | None = None,
        only: JobFilter = EVERYTHING,
    ) -> Page[Job]:
        """List a workflow's jobs, newest first, one page (WIRE.md "Jobs").

        A state the server spells differently is asked for in its spelling.

        Raises:
            RequestRefusedError: The server does not know the state (documented
                servers have no QUEUED), the trigger or the cursor.
        """

        async def page(word: str | None) -> Page[Job]:
            query = {"cursor": cursor, "status": word, "trigger": only.trigger}
            url = self._url("workflows", workflow_id, "jobs", query=query)
            return read_jobs(await self._read("jobs", url), workflow_id)

        if only.status is None:
            return await page(None)
        return await self._job_words.ask(only.status, page, first_page=not cursor)

    async def job(self, workflow_id: str, job_id: str) -> Job:
        """Read one job; its attempts and container are not told here."""
        url = self._url("workflows", workflow_id, "jobs", job_id)
        return read_job(await self._read("job", url), workflow_id)

    async def reread(self, job: Job) -> Job:
        return await self.job(job.workflow_id, job.id)

    async def log_page(
        self,
        workflow_id: str,
        job_id: str,
        *,
        cursor: str | None = None,
        fresh: bool = False,
    ) -> LogPage:
        """Read one page of retained lines, in the server's order.

        ``fresh`` asks past every cache, as each re-reading of the tail must.

        Raises:
            LogsUnavailableError: No log is kept (retention off, HEARTBEAT).
            PageTooLargeError: The server cannot send this page.
        """
        url = self._log_url(workflow_id, job_id, "logs", cursor=cursor)
        request = HttpRequest("log_page", url, headers=_NO_CACHE if fresh else {})
        return read_log_page(await self._read_lines(request))

    async def search_logs(
        self,
        workflow_id: str,
        job_id: str,
        *,
        query: str | None = None,
        stream: str | None = None,
        cursor: str | None = None,
    ) -> SearchPage:
        """Search the retained lines on the server (WIRE.md "Search").

        A hit need not contain the query. A cursor belongs to its filters.
        """
        filters = {"cursor": cursor, "stream": stream, "q": query}
        url = self._log_url(workflow_id, job_id, "logs", "search", **filters)
        return read_search_page(await self._read_lines(HttpRequest("search_logs", url)))

    def live(
        self, workflow_id: str, job_id: str
    ) -> AbstractAsyncContextManager[AsyncIterator[tuple[LiveEvent, ...]]]:
        """Subscribe to a job's lines; one tuple of events for each network read.

        The iterator ends when the server closes the stream in good order.
        """
        from chronotui.sources.live import open_live  # noqa: PLC0415

        url = self._log_url(workflow_id, job_id, "events")
        return open_live(self._signed_in, HttpRequest("live", url, is_stream=True))

    def download(
        self,
        workflow_id: str,
        job_id: str,
        *,
        format: RawFormat,  # noqa: A002  # the wire's own word
        stream: str | None = None,
        query: str | None = None,
    ) -> RawDownload:
        """Prepare the raw download of an ended job; use it as a context manager.

        Everything about it blocks: use it in a thread, while the client's event
        loop runs on, since that is where secrets are asked for and renewed.
        """
        from chronotui.sources.download import RawDownload  # noqa: PLC0415

        filters = {"format": format, "stream": stream, "q": query}
        url = self._log_url(workflow_id, job_id, "logs", "raw", **filters)
        lone_token = isinstance(self._auth, BearerAuth) and self._auth.session is None
        request = HttpRequest("download", url)
        return RawDownload(self._signed_in, request, needs_session=lone_token)

    def check_may_change(self) -> None:
        """See that there is a session of a login, without which nothing is changed.

        Raises:
            UsageError: The profile signs in otherwise.
        """
        if not isinstance(self._auth, SessionAuth):
            raise UsageError(
                "Changing things needs the session and csrf cookies of a login, which "
                "this profile's way to sign in does not give.",
                next_step='Sign in with e-mail and password: method = "session".',
            )

    async def schedule(self, workflow_id: str, key: str) -> str:
        """Run a workflow now and return the job's id, the same for the same key."""
        url = self._url("workflows", workflow_id, "jobs", "schedule")
        headers = {"Idempotency-Key": key}
        return read_scheduled(await self._change("schedule", "POST", url, headers))

    async def terminate(self, workflow_id: str) -> None:
        """Terminate a workflow; again is no error."""
        url = self._url("workflows", workflow_id)
        await self._change("terminate", "PATCH", url)

    async def mark_read(self, notification_ids: Sequence[str]) -> None:
        """Mark notifications as read; again is no error."""
        url = self._url("notifications")
        body = json.dumps({"ids": list(notification_ids)}).encode()
        headers = {"Content-Type": "application/json"}
        await self._change("mark_read", "PUT", url, headers, body)

    async def _change(
        self,
        kind: str,
        method: str,
        url: str,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
    ) -> bytes:
        self.check_may_change()
        request = HttpRequest(kind, url, method, headers or {}, content, changes=True)
        return await self._signed_in.change(request)

    async def notifications(self, *, cursor: str | None = None) -> Page[Notification]:
        """Read one page of what was not read yet, newest first."""
        url = self._url("notifications", query={"cursor": cursor})
        return read_notifications(await self._read("notifications", url))

    async def totals(self, workflow_id: str) -> WorkflowTotals | None:
        """Read what is counted of a workflow; None where nothing is yet."""
        url = self._url("analytics", workflow_id)
        try:
            return read_totals(await self._read("totals", url))
        except NotFoundError as error:
            if error.answer is None or not error.answer.is_plain:
                raise
            return None

    async def check_server(self) -> None:
        """See that this is a Chronoverse server, before it gets a secret.

        A password or token is easily sent to the wrong place (a port that another
        program has taken, a proxy's own page, a url without its prefix). Without
        credentials the list of workflows is refused in plain words (401), or is one
        where nobody has to sign in; whatever answers otherwise gets no secret.

        Raises:
            UnreadableAnswerError: It is another server.
            NotFoundError: There is nothing of Chronoverse at the url's path.
            ChronotuiError: It gave no answer that tells, such as a 503.
        """
        request = HttpRequest("server_check", self._url("workflows"))
        answer = await self._http.fetch(request)
        with routed(request):
            error = _objection(self._http, answer)
            if error is not None:
                error.answer = error.answer or _answer_of(answer)
                raise error

    async def sign_in(self) -> None:
        """Obtain fresh secrets, also after a refusal, and see that they are taken.

        Raises:
            NotSignedInError: They are not.
        """
        if not isinstance(self._auth, NoAuth):
            await self._signed_in.credentials.obtain_again()
        if not isinstance(self._auth, SessionAuth):
            # Documented servers have nothing made for this.
            await self.workflows()

    def allow_sign_in(self) -> None:
        """Let the next request sign in, although that was refused or declined."""
        self._signed_in.credentials.forgive()

    async def sign_out(self) -> None:
        """End the session on the server, where there is one, and forget the secrets.

        One that has ended already is no error.
        """
        credentials = self._signed_in.credentials
        url = self._url("auth", "logout")
        request = HttpRequest("logout", url, "POST", changes=True, renews=False)
        try:
            if isinstance(self._auth, SessionAuth) and credentials.held is not None:
                with suppress(NotSignedInError):
                    async with self._signed_in.exchange(request):
                        pass
        finally:
            credentials.forget()

    async def aclose(self) -> None:
        """Close every connection."""
        await self._signed_in.aclose()

    def _log_url(
        self, workflow_id: str, job_id: str, *rest: str, **query: str | None
    ) -> str:
        return self._url("workflows", workflow_id, "jobs", job_id, *rest, query=query)

    async def _read(self, kind: str, url: str) -> bytes:
        return await self._signed_in.read(HttpRequest(kind, url))

    async def _read_lines(self, request: HttpRequest) -> bytes:
        """Read a page of lines.

        Raises:
            PageTooLargeError: The server's own 429 without a wait (WIRE.md "Errors"):
                repeating it quickly would only make things worse.
        """
        try:
            return await self._signed_in.read(request)
        except OverloadedError as error:
            answer = error.answer
            if answer is None or answer.status != 429 or not answer.is_plain:
                raise
            if error.retry_after is not None:
                raise
            too_large = PageTooLargeError(
                "This page of the log is too large for the server to send (429).",
                next_step="The rest is read on; it is asked again in a minute.",
            )
            too_large.answer, too_large.route = answer, error.route
            raise too_large from error


def open_chronoverse(
    url: str,
    auth: Auth,
    *,
    timeout_seconds: float = 10.0,
    tls: TlsSettings | None = None,
    insecure: bool = False,
    log: RequestLog | None = None,
) -> Chronoverse:
    """Make a client; nothing is sent or asked before the first request.

    Args:
        url: The profile's URL; a path prefix is kept.
        auth: How to sign in.
        timeout_seconds: For connecting, and for each silence of an answer.
        tls: TLS settings.
        insecure: Allow secrets over plain http beyond loopback.
        log: Told of each exchange, secrets left out.

    Raises:
        ConfigError: The URL cannot be used, or secrets may not travel to it.
    """
    address = parse_address(url)
    if not isinstance(auth, NoAuth):
        check_secrets_may_travel(address, insecure=insecure)
    http = Http(address, tls or TlsSettings(), timeout_seconds=timeout_seconds, log=log)
    return Chronoverse(http, auth)


# The look at a server before it gets a secret.

_FOREIGN_SCHEMES: Final = re.compile(r"(?i)\b(basic|digest|negotiate|ntlm)\b")
"""Ways to sign in that Chronoverse does not know."""

_PASSING: Final = frozenset({408, 425, 429})
"""With 5xx, answers that tell of the moment and not of what kind of server it is."""

_CHECK_PLACE: Final = "Check the profile's url: host, port, a prefix such as /api?"
_KEPT_BACK: Final = "No secret was sent there."


def _objection(http: Http, answer: WholeAnswer) -> ChronotuiError | None:
    """Return why a server gets no secret, None if it may."""
    status, headers, body = answer
    page = is_page(headers, body)
    refusal = http.refusal(status, headers, body)
    if status == 407 or (page and http.proxy_may_answer):
        return http.web_page() if 200 <= status < 300 else refusal
    if status in _PASSING or (status >= 500 and status != 501):
        return refusal
    base = http.address.base
    if status in {404, 410} and not page:
        return NotFoundError(
            f"There is no Chronoverse at {base}: no list of workflows ({status}).",
            next_step=f"{_CHECK_PLACE} {_KEPT_BACK}",
        )
    seen = _foreign(answer, page=page)
    if not seen:
        return None
    return UnreadableAnswerError(
        f"What answers at {base} is not Chronoverse: {seen}.",
        next_step=f"{_CHECK_PLACE} {_KEPT_BACK}",
    )


def _foreign(answer: WholeAnswer, *, page: bool) -> str:
    """Return by what an answer shows another server, "" if it is Chronoverse's."""
    status, headers, body = answer
    challenge = _FOREIGN_SCHEMES.search(headers.get("www-authenticate", ""))
    if challenge is not None:
        return f"it asks for a sign-in of its own (HTTP {challenge[0].title()})"
    if page:
        return f"a web page came ({status})"
    if status == 401:
        plain = media_type(headers) == "text/plain"
        return "" if plain else f"it answers {status} in a form of its own"
    if 200 <= status < 300:
        return "" if _is_list(body) else "what came is no list of workflows"
    return f"it answers {status} when asked for its workflows"


def _is_list(body: bytes) -> bool:
    try:
        decoded = json.loads(body)
        read_workflows(body)
    except (ValueError, RecursionError, UnreadableAnswerError):
        return False
    return "workflows" in decoded


def _answer_of(answer: WholeAnswer) -> Answer:
    return Answer(answer.status, not is_page(answer.headers, answer.body))


# Exchanging e-mail and password for cookies.

_REFUSALS: Final = frozenset({400, 401, 403, 409, 422})
_LOGIN_WORDS: Final = ("login", "log in", "sign in", "user")


async def log_in(http: Http, email: str, password: str) -> SessionCookies:
    """Exchange e-mail and password for session cookies.

    Raises:
        NotSignedInError: The server does not take them.
        ChronotuiError: The exchange failed in another way.
    """
    url = http.address.url("auth", "login")
    body = json.dumps({"email": email, "password": password}).encode()
    headers = {"Content-Type": "application/json"}
    request = HttpRequest("login", url, "POST", headers, content=body)
    answer = await http.fetch(request)
    with routed(request):
        if not 200 <= answer.status < 300:
            raise _login_error(http, answer, email)
        if is_page(answer.headers, answer.body):
            raise http.web_page()
        set_cookies = answer.headers.get_list("set-cookie")
        cookies = read_session(set_cookies, datetime.now(UTC))
        if cookies is None:
            raise UnreadableAnswerError(
                "The server took the sign-in and gave no session.", next_step=CHECK_URL
            )
    return cookies


def _login_error(http: Http, answer: WholeAnswer, email: str) -> ChronotuiError:
    """Tell wrong credentials from a wrong path and from a failing server."""
    status, headers, body = answer
    page = is_page(headers, body)
    error = http.refusal(status, headers, body)
    if page and http.proxy_may_answer:
        return error
    if not page and (status in _REFUSALS or _is_unknown_user(answer)):
        said = quote_words(body)
        refused = f"The sign-in as {email} was refused ({status})"
        error = NotSignedInError(
            f"{refused}: “{said}”" if said else f"{refused}.",
            next_step="Check the profile's e-mail and password.",
        )
    elif status < 500 and (page or status in {404, 405, 410}):
        error = NotFoundError(
            f"There is no sign-in at {http.address.url('auth', 'login')} ({status}).",
            next_step="Check the profile's url (a prefix such as /api?), or choose "
            "another auth method.",
        )
    error.answer = _answer_of(answer)
    return error


def _is_unknown_user(answer: WholeAnswer) -> bool:
    """Whether a 404 is about the e-mail, as a current server's is, not the path."""
    if answer.status != 404 or media_type(answer.headers) != "text/plain":
        return False
    said = quote_words(answer.body).lower()
    return any(word in said for word in _LOGIN_WORDS)


def read_session(set_cookies: Iterable[str], now: datetime) -> SessionCookies | None:
    """Find ``session`` and ``csrf`` among Set-Cookie headers; None without a session.

    A cookie jar would drop them behind a port forward, where Domain and Secure do not
    match the URL in use.
    """
    values: dict[str, str] = {}
    expires_at: datetime | None = None
    for header in set_cookies:
        pair, *rest = header.split(";")
        name, _, value = (part.strip() for part in pair.partition("="))
        is_sendable = value and value.isascii() and value.isprintable()
        if name not in {"session", "csrf"} or not is_sendable:
            continue
        values[name] = value
        if name == "session":
            parted = (attribute.partition("=") for attribute in rest)
            attributes = {key.strip().lower(): said.strip() for key, _, said in parted}
            expires_at = _expiry(attributes, now)
    if "session" not in values:
        return None
    return SessionCookies(values["session"], values.get("csrf", ""), expires_at)


def _expiry(attributes: Mapping[str, str], now: datetime) -> datetime | None:
    try:
        if "max-age" in attributes:
            return now + timedelta(seconds=int(attributes["max-age"]))
        if "expires" in attributes:
            return parsedate_to_datetime(attributes["expires"]).astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    return None
