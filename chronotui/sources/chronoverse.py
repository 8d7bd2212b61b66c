"""The client for a Chronoverse server; every method raises chronotui.errors alone.

What reads logs is imported with the first log: a desk's tree is there before.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from chronotui.errors import OverloadedError, PageTooLargeError
from chronotui.sources.address import check_secrets_may_travel, parse_address
from chronotui.sources.auth import SignedIn, check_server
from chronotui.sources.http import Ask, Http
from chronotui.sources.protocol import (
    CHRONOVERSE,
    BearerAuth,
    NoAuth,
    SessionAuth,
    TlsSettings,
)
from chronotui.sources.wire_json import (
    FilterSpellings,
    read_job,
    read_jobs,
    read_log_page,
    read_search_page,
    read_workflow,
    read_workflows,
)

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import AsyncIterator
    from contextlib import AbstractAsyncContextManager

    from chronotui.model import (
        Job,
        JobStatus,
        LiveEvent,
        LogPage,
        Page,
        RawFormat,
        SearchPage,
        Trigger,
        Workflow,
    )
    from chronotui.sources.download import RawDownload
    from chronotui.sources.protocol import Auth, Capabilities, RequestLog

_NO_CACHE: Final = {"Cache-Control": "no-cache"}


class Chronoverse:
    """One server, one sign-in. Belongs to one event loop, ``download`` apart."""

    def __init__(self, http: Http, auth: Auth) -> None:
        self.origin = http.address.origin
        self.capabilities: Capabilities = CHRONOVERSE.capabilities
        self._http = http
        self._auth = auth
        self._signed_in = SignedIn(http, auth)
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
        status: JobStatus | None = None,
        trigger: Trigger | None = None,
    ) -> Page[Job]:
        """List a workflow's jobs, newest first, one page (WIRE.md "Jobs").

        A state the server spells differently is asked for in its spelling.

        Raises:
            RequestRefusedError: The server does not know the state (documented
                servers have no QUEUED), the trigger or the cursor.
        """

        async def page(word: str | None) -> Page[Job]:
            query = {"cursor": cursor, "status": word, "trigger": trigger}
            url = self._url("workflows", workflow_id, "jobs", query=query)
            return read_jobs(await self._read("jobs", url), workflow_id)

        if status is None:
            return await page(None)
        return await self._job_words.ask(status, page, first_page=not cursor)

    async def job(self, workflow_id: str, job_id: str) -> Job:
        """Read one job; its attempts and container are not told here."""
        url = self._url("workflows", workflow_id, "jobs", job_id)
        return read_job(await self._read("job", url), workflow_id)

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
        ask = Ask("log_page", url, headers=_NO_CACHE if fresh else {})
        return read_log_page(await self._read_lines(ask))

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
        return read_search_page(await self._read_lines(Ask("search_logs", url)))

    def live(
        self, workflow_id: str, job_id: str
    ) -> AbstractAsyncContextManager[AsyncIterator[tuple[LiveEvent, ...]]]:
        """Subscribe to a job's lines; one tuple of events for each network read.

        The iterator ends when the server closes the stream in good order.
        """
        from chronotui.sources.live import open_live  # noqa: PLC0415

        url = self._log_url(workflow_id, job_id, "events")
        return open_live(self._signed_in, Ask("live", url, is_stream=True))

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
        ask = Ask("download", url)
        return RawDownload(self._signed_in, ask, needs_session=lone_token)

    async def check_server(self) -> None:
        """See that this is a Chronoverse server, without sending a secret.

        Raises:
            UnreadableAnswerError: It is another server.
            NotFoundError: There is nothing of Chronoverse at the url's path.
            ChronotuiError: It gave no answer that tells.
        """
        await check_server(self._http)

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
        """End the session on the server, where there is one, and forget the secrets."""
        try:
            if isinstance(self._auth, SessionAuth):
                await self._signed_in.log_out()
        finally:
            self._signed_in.credentials.forget()

    async def aclose(self) -> None:
        """Close every connection."""
        await self._signed_in.aclose()

    def _log_url(
        self, workflow_id: str, job_id: str, *rest: str, **query: str | None
    ) -> str:
        return self._url("workflows", workflow_id, "jobs", job_id, *rest, query=query)

    async def _read(self, kind: str, url: str) -> bytes:
        return await self._signed_in.read(Ask(kind, url))

    async def _read_lines(self, ask: Ask) -> bytes:
        """Read a page of lines.

        Raises:
            PageTooLargeError: The server's own 429 without a wait (WIRE.md "Errors"):
                repeating it quickly would only make things worse.
        """
        try:
            return await self._signed_in.read(ask)
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
