"""Asking the user for a secret that no profile holds."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Final, TypeAlias

from chronotui.engine.catalog import Catalog, CatalogSettings
from chronotui.engine.connection import ConnectionKind
from chronotui.engine.job_log import JobLog
from chronotui.engine.save import Saves
from chronotui.engine.timing import WatchSettings, WatchTiming
from chronotui.errors import ChronotuiError, NotSignedInError, UsageError
from chronotui.sources.auth import (
    Auth,
    BearerAuth,
    CookieAuth,
    NoAuth,
    SessionAuth,
    SessionCookies,
)
from chronotui.sources.chronoverse import Chronoverse, open_chronoverse
from chronotui.sources.connections import TlsSettings
from chronotui.storage.files import SpoolFile, spool_dir, state_dir
from chronotui.storage.secrets import read_secret, secret_source
from chronotui.storage.settings import DIFY
from chronotui.storage.state import SavedSession, SessionFile

if TYPE_CHECKING:
    from pathlib import Path

    from chronotui.log.chunks import Overflow
    from chronotui.model import Job, Workflow
    from chronotui.sources.transport import RequestEntry
    from chronotui.storage.settings import Profile, UiSettings
    from chronotui.storage.state import DiagnosticLog


@dataclass(frozen=True, slots=True)
class SecretQuestion:
    """What is asked, for the words of a prompt or a dialog.

    Attributes:
        kind: "password", "token" or "session" (a session cookie's value).
        profile: Name of the profile.
        account: E-mail of the account, "" where there is none.
        url: The server the secret goes to, and to no other.
    """

    kind: str
    profile: str
    account: str
    url: str

    def sentence(self) -> str:
        """Return the question without a mark at its end."""
        what = {"session": "Session cookie"}.get(self.kind, self.kind.capitalize())
        account = f" of {self.account}" if self.account else ""
        return f"{what}{account} for {self.profile} ({self.url})"


AskSecret: TypeAlias = Callable[[SecretQuestion], Awaitable[str]]
"""Asks and returns the answer; raises NotSignedInError when the user declines."""


# The session a profile has kept between runs.


def session_file(profile: Profile, folder: Path | None = None) -> SessionFile:
    """Return the file of a profile's session; ``folder`` None is the state folder."""
    origin = f"{profile.auth.email} {profile.url}"
    return SessionFile(folder or state_dir(), profile.name, origin)


def kept_session(file: SessionFile) -> SavedSession | None:
    """Return the kept session, None when its own date says that it has ended."""
    kept = file.read()
    if kept is None or (kept.expires_at is not None and kept.expires_at <= time.time()):
        return None
    return kept


def has_session(profile: Profile, folder: Path | None = None) -> bool:
    """Whether a session of the profile is kept that may still be good."""
    return kept_session(session_file(profile, folder)) is not None


def forget_session(profile: Profile, folder: Path | None = None) -> bool:
    """Remove the profile's kept session; False when there was none."""
    return session_file(profile, folder).forget()


# From a profile to a client: sign-in, saved sessions, TLS, the diagnostic log.
#
# The one engine module that imports the api; import it where it is needed, for httpx
# is what a start has to wait for longest.


def open_client(
    profile: Profile,
    *,
    ask: AskSecret | None = None,
    folder: Path | None = None,
    log: DiagnosticLog | None = None,
    remember: bool = True,
) -> Chronoverse:
    """Make the client of a profile; nothing is sent yet.

    Args:
        profile: The server and how to sign in.
        ask: Asks for a secret the profile does not hold; None never asks.
        folder: Where sessions are kept; None is the state folder.
        log: Takes one line a request, secrets left out.
        remember: Whether sessions are kept between runs.

    Raises:
        UsageError: The profile is of a kind this client does not speak.
        ConfigError: Secrets would travel over plain http, or TLS files are wrong.
    """
    if profile.kind == DIFY:
        raise UsageError(
            f"Profile {profile.name} is a Dify one, which this version does not speak.",
            next_step="Choose a Chronoverse profile with --profile.",
        )
    secrets = _Secrets(profile, ask, log)
    file = session_file(profile, folder) if remember else None
    return open_chronoverse(
        profile.url,
        _auth(profile, secrets, file, log),
        timeout_seconds=profile.timeout_seconds,
        tls=TlsSettings(
            ca_file=profile.ca_file,
            client_cert=profile.client_cert,
            client_key=profile.client_key,
            verify=profile.verify,
        ),
        insecure=profile.insecure,
        log=_request_log(log),
    )


class _Secrets:
    """Gets a profile's secrets from where they are, or asks for them."""

    def __init__(
        self, profile: Profile, ask: AskSecret | None, log: DiagnosticLog | None
    ) -> None:
        self._profile = profile
        self._ask = ask
        self._log = log

    async def password(self) -> str:
        return await self._get("password")

    async def token(self) -> str:
        return await self._get("token")

    async def session(self) -> str:
        return await self._get("session")

    async def _get(self, kind: str) -> str:
        source = secret_source(self._profile, kind)
        if source.may_block:
            secret = await asyncio.to_thread(read_secret, source)
        else:
            secret = read_secret(source)
        text = await self._asked(kind) if secret is None else secret.reveal()
        if self._log is not None:
            self._log.hide(text)
        return text

    async def _asked(self, kind: str) -> str:
        profile = self._profile
        if self._ask is None:
            raise NotSignedInError(
                f"Profile {profile.name} holds no {kind}, and there is no terminal "
                "to ask on.",
                next_step=f"Run chronotui login --profile {profile.name} in a "
                f"terminal, or set {kind}_command in the profile.",
            )
        question = SecretQuestion(kind, profile.name, profile.auth.email, profile.url)
        return await self._ask(question)


def _auth(
    profile: Profile,
    secrets: _Secrets,
    file: SessionFile | None,
    log: DiagnosticLog | None,
) -> Auth:
    method = profile.auth.method
    if method == "none":
        return NoAuth()
    if method == "cookie":
        return CookieAuth(secrets.session)
    if method == "bearer":
        has_cookie = secret_source(profile, "session").is_given
        return BearerAuth(secrets.token, secrets.session if has_cookie else None)
    if file is None:
        return SessionAuth(profile.auth.email, secrets.password)
    keeper = _SessionKeeper(file, log)
    return SessionAuth(
        profile.auth.email, secrets.password, keeper.saved(), keeper.keep
    )


class _SessionKeeper:
    """Keeps the session of a client in its file."""

    def __init__(self, file: SessionFile, log: DiagnosticLog | None) -> None:
        self._file = file
        self._log = log

    def saved(self) -> SessionCookies | None:
        kept = kept_session(self._file)
        if kept is None:
            return None
        self._hide(kept.session, kept.csrf)
        at = kept.expires_at
        expires = None if at is None else datetime.fromtimestamp(at, UTC)
        return SessionCookies(kept.session, kept.csrf, expires)

    def keep(self, cookies: SessionCookies | None) -> None:
        if cookies is None:
            self._file.forget()
            return
        self._hide(cookies.session, cookies.csrf)
        expires = cookies.expires_at
        at = None if expires is None else expires.timestamp()
        try:
            self._file.save(SavedSession(cookies.session, cookies.csrf, at))
        except OSError as error:
            if self._log is not None:
                self._log.note(f"session not kept: {error.strerror}")

    def _hide(self, *secrets: str) -> None:
        if self._log is not None:
            for secret in secrets:
                self._log.hide(secret)


def _request_log(log: DiagnosticLog | None) -> _Entries | None:
    return None if log is None else _Entries(log)


class _Entries:
    """Writes one line a request."""

    def __init__(self, log: DiagnosticLog) -> None:
        self._log = log

    def __call__(self, entry: RequestEntry) -> None:
        answer = entry.status if entry.status is not None else entry.problem or "none"
        self._log.note(
            f"{entry.kind} {entry.method} {entry.url} -> {answer} "
            f"in {entry.seconds * 1000:.0f} ms"
        )


# One server as one desk sees it: its client, its tree and the opened jobs.

KEPT_JOBS: Final = 4
"""Opened jobs whose lines are kept; the longest left one is let go first."""


@dataclass(slots=True)
class OpenedJob:
    """A job whose log is on this desk.

    Attributes:
        workflow: Its workflow, as last listed; None when only the job is known.
        log: Its lines, state and paging.
        watching: The task that watches it; None while it is left.
        leaving: The task that watched it before, while it ends.
    """

    workflow: Workflow | None
    log: JobLog
    watching: asyncio.Task[None] | None = None
    leaving: asyncio.Task[None] | None = None


class Session:
    """The things that go on while a desk is connected; belongs to one event loop.

    Args:
        client: The server.
        tree: The catalog's settings.
        watch: How opened jobs are watched.
        memory_bytes: Log text kept in memory by all opened jobs together, before
            they move to spool files.
        spool: Opens a spool file.
    """

    def __init__(
        self,
        client: Chronoverse,
        *,
        tree: CatalogSettings,
        watch: WatchSettings,
        memory_bytes: int,
        spool: Callable[[], Overflow] | None = None,
    ) -> None:
        self.client = client
        self.catalog = Catalog(client, settings=tree)
        self.saves = Saves(client, spool=spool, watch=watch)
        self._watch_settings = watch
        self._memory_bytes = memory_bytes
        self._spool = spool
        self._opened: OrderedDict[str, OpenedJob] = OrderedDict()
        self._polling: asyncio.Task[None] | None = None
        self._asking = False

    def start(self) -> None:
        """Begin to read the tree, or begin again after a fault of ours."""
        if self._polling is None or self._polling.done():
            self._polling = asyncio.create_task(self.catalog.run())
            self._polling.add_done_callback(_look_at)

    def open(self, workflow: Workflow | None, job: Job) -> OpenedJob:
        """Open a job's log, or come back to it; it is watched from now on."""
        opened = self._opened.get(job.id)
        if opened is None:
            opened = OpenedJob(workflow, self._log_of(workflow, job))
            self._opened[job.id] = opened
        self._opened.move_to_end(job.id)
        self._let_go()
        self.resume(opened)
        return opened

    def resume(self, opened: OpenedJob) -> None:
        """Watch a job again, as after signing in; does nothing while it is watched."""
        if opened.watching is None or opened.watching.done():
            opened.watching = asyncio.create_task(self._watch(opened.log))
            opened.watching.add_done_callback(_look_at)

    def ask_now(self, opened: OpenedJob | None) -> None:
        """Ask the server now for whatever is waited for; watch anew what has ended.

        Args:
            opened: The job that is looked at.
        """
        self.start()
        self.catalog.refresh()
        if opened is None:
            return
        if opened.watching is None or opened.watching.done():
            self.resume(opened)
        else:
            opened.log.ask_now()

    def leave(self, opened: OpenedJob) -> None:
        """Close a job's stream; its lines stay."""
        if opened.watching is not None:
            opened.watching.cancel()
            opened.leaving, opened.watching = opened.watching, None

    def log_changed(self) -> None:
        """Have the tree ask for a sign-in when a log waits for one."""
        if self._waiting_logs() and self.catalog.signed_out is None:
            if not self._asking:
                self._asking = True
                self.catalog.refresh()
        else:
            self._asking = False

    def catalog_answered(self) -> None:
        """Let logs go on that wait for a sign-in, once the tree is let in again."""
        if self.catalog.signed_out is None and self.catalog.problem is None:
            for log in self._waiting_logs():
                log.signed_in()
            self.saves.signed_in()

    def _waiting_logs(self) -> list[JobLog]:
        logs = [opened.log for opened in self._opened.values() if opened.watching]
        return [
            log for log in logs if log.state.connection.kind is ConnectionKind.SIGN_IN
        ]

    async def close(self) -> None:
        """Stop everything and close the connections."""
        tasks = [opened.watching for opened in self._opened.values()]
        tasks += [opened.leaving for opened in self._opened.values()]
        running = [task for task in [*tasks, self._polling] if task is not None]
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await self.saves.close()
        for opened in self._opened.values():
            opened.log.store.close()
        self._opened.clear()
        await self.client.aclose()

    def _log_of(self, workflow: Workflow | None, job: Job) -> JobLog:
        from chronotui.log.store import LogStore  # noqa: PLC0415  # no log, no store

        budget = max(self._memory_bytes // KEPT_JOBS, 1 << 20)
        store = LogStore(budget_bytes=budget, overflow=self._spool)
        return JobLog(
            self.client, workflow, job, settings=self._watch_settings, store=store
        )

    def _let_go(self) -> None:
        """Close the longest left jobs beyond the kept ones."""
        for job_id, opened in list(self._opened.items())[:-KEPT_JOBS]:
            ends = opened.leaving is not None and not opened.leaving.done()
            if opened.watching is None and not ends:
                opened.log.store.close()
                del self._opened[job_id]

    @staticmethod
    async def _watch(log: JobLog) -> None:
        """Watch to the end; what goes wrong is in the log's state."""
        with suppress(ChronotuiError):
            await log.watch()


def _look_at(task: asyncio.Task[None]) -> None:
    """Take note of a fault: what it stopped says so itself."""
    if not task.cancelled():
        task.exception()


# From a profile to a session; imports the client, so import it late.

MEBIBYTE: Final = 1 << 20


async def open_session(
    profile: Profile,
    ui: UiSettings,
    *,
    ask: AskSecret | None,
    remember: bool = True,
    log: DiagnosticLog | None = None,
    timing: WatchTiming | None = None,
) -> Session:
    """Make a profile's session; the first request is sent when it starts.

    Args:
        profile: The server.
        ui: Memory budget and spool folder.
        ask: Asks the user for a secret the profile does not hold.
        remember: Whether the server's session is kept for the next start.
        log: Takes one line a request, secrets left out.
        timing: Delays of a watched log; None is the engine's own.

    Raises:
        UsageError: The profile cannot be used as it is.
    """
    client = await asyncio.to_thread(
        open_client, profile, ask=ask, remember=remember, log=log
    )
    return Session(
        client,
        tree=CatalogSettings(poll_seconds=profile.poll_seconds),
        watch=WatchSettings(
            poll_seconds=profile.poll_seconds, timing=timing or WatchTiming()
        ),
        memory_bytes=ui.memory_mb * MEBIBYTE,
        spool=partial(SpoolFile, spool_dir(ui.spool_dir)),
    )
