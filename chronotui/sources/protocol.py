"""What the rest of the program knows of a server of logs, whatever its kind.

`Source` is what a desk, a watch, a save and a command ask; `KINDS` is the registry of
the kinds of servers, each with what it can do and where it is opened. A new kind is
its own module and a line here, its name in `chronotui.SIGN_IN_METHODS`. Nothing here
imports httpx: a kind's module is loaded when a server of it is opened.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from importlib import import_module
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol, TypeAlias

from msgspec import Struct

from chronotui import SIGN_IN_METHODS
from chronotui.errors import UsageError
from chronotui.model import Confidential, JobFilter, RawFormat

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence
    from contextlib import AbstractAsyncContextManager, AbstractContextManager
    from datetime import datetime
    from pathlib import Path

    from chronotui.model import (
        Job,
        LiveEvent,
        LogPage,
        Notification,
        Page,
        RunEvent,
        SearchPage,
        Workflow,
        WorkflowTotals,
    )

# What a source is asked. Every call raises ChronotuiErrors alone.


EVERYTHING: Final = JobFilter()


class ListSource(Protocol):
    """Lists workflows and their jobs, or an app and its runs."""

    async def workflows(
        self,
        *,
        cursor: str | None = None,
        query: str | None = None,
        terminated: bool = False,
    ) -> Page[Workflow]: ...

    async def workflow(self, workflow_id: str) -> Workflow: ...

    async def jobs(
        self,
        workflow_id: str,
        *,
        cursor: str | None = None,
        only: JobFilter = EVERYTHING,
    ) -> Page[Job]:
        """Return one page of a workflow's jobs, newest first.

        What the server cannot narrow is narrowed by the source: such a page may be
        short, or empty and lead on.
        """

    async def job(self, workflow_id: str, job_id: str) -> Job:
        """Read one job, or run, by the id that people see."""

    async def reread(self, job: Job) -> Job:
        """Read a listed job again, alone."""

    def allow_sign_in(self) -> None:
        """Let the next request sign in, although that was refused before."""


class RawAnswer(Protocol):
    """A raw download under way; read in a thread.

    ``format`` is what the server really sends, whatever it was asked for;
    ``file_name`` is what it calls the file.
    """

    @property
    def format(self) -> RawFormat: ...

    @property
    def file_name(self) -> str | None: ...

    def chunks(self) -> Iterator[bytes]: ...

    def abort(self) -> None:
        """End the download; callable from any thread, returns at once."""


class LogSource(Protocol):
    """Reads the logs of jobs."""

    async def job(self, workflow_id: str, job_id: str) -> Job: ...

    async def log_page(
        self,
        workflow_id: str,
        job_id: str,
        *,
        cursor: str | None = None,
        fresh: bool = False,
    ) -> LogPage:
        """Read one page of retained lines; ``fresh`` bypasses caches."""

    async def search_logs(
        self,
        workflow_id: str,
        job_id: str,
        *,
        query: str | None = None,
        stream: str | None = None,
        cursor: str | None = None,
    ) -> SearchPage:
        """Read one page of the server's own search."""

    def live(
        self, workflow_id: str, job_id: str
    ) -> AbstractAsyncContextManager[AsyncIterator[tuple[LiveEvent, ...]]]:
        """Subscribe; one tuple of events for each read from the network."""

    def download(
        self,
        workflow_id: str,
        job_id: str,
        *,
        format: RawFormat,  # noqa: A002
        stream: str | None = None,
        query: str | None = None,
    ) -> AbstractContextManager[RawAnswer]:
        """Open the raw download; blocking, for a worker thread."""


class ActionSource(ListSource, Protocol):
    """Runs jobs, terminates workflows, and tells what its user has to know."""

    def check_may_change(self) -> None:
        """Raise a UsageError where the way to sign in allows no change."""

    async def schedule(self, workflow_id: str, key: str) -> str:
        """Run a workflow now, once for each key; return the job's id."""

    async def terminate(self, workflow_id: str) -> None:
        """Let a workflow run no more, and cancel its jobs by and by."""

    async def mark_read(self, notification_ids: Sequence[str]) -> None:
        """Mark notifications as read; again is no error."""

    async def notifications(self, *, cursor: str | None = None) -> Page[Notification]:
        """Return one page of what was not read yet, of all workflows, newest first."""

    async def totals(self, workflow_id: str) -> WorkflowTotals | None:
        """Return what is counted of a workflow, None where nothing is yet."""


class RunListSource(ListSource, Protocol):
    """Lists an app's runs, where that costs the server much."""

    async def jobs(
        self,
        workflow_id: str,
        *,
        cursor: str | None = None,
        only: JobFilter = EVERYTHING,
        many: bool = False,
    ) -> Page[Job]:
        """Return one page, newest first; ``many`` asks for as large ones as there are.

        A run is given once, whatever happens to the list while it is walked.
        """

    async def newer(
        self, workflow_id: str, since: datetime, *, only: JobFilter = EVERYTHING
    ) -> Page[Job]:
        """Return the runs from some seconds before a time on, newest first.

        Overlaps what is known, so that a row that was written late is not lost. The
        cursor leads on to older ones, as of `jobs`.
        """


class RunEventSource(Protocol):
    """Reads what goes on in the runs of an app."""

    async def reread(self, job: Job) -> Job:
        """Read a listed run alone, with its inputs and outputs (``fields["detail"]``).

        The state told here is the true one, whatever a stream of events said.
        """

    def why_not_attached(self, job: Job) -> str:
        """Return why nobody can follow the events of a run; "" where one can.

        Asking for them otherwise could change data on the server.
        """

    def events(
        self, job: Job
    ) -> AbstractAsyncContextManager[AsyncIterator[tuple[RunEvent, ...]]]:
        """Attach to a run; what happened so far is told first, as a snapshot.

        One stream at a time: a second one waits for the first to be closed. The
        iterator ends when the server closes the stream, which says nothing about the
        run. Raises a UsageError where `why_not_attached` says why.
        """


class Server(Protocol):
    """One server, one sign-in; belongs to one event loop."""

    @property
    def capabilities(self) -> Capabilities:
        """What this server can do: at most what its kind can."""

    @property
    def origin(self) -> str:
        """Scheme, host and port; secrets go nowhere else."""

    @property
    def clock_skew(self) -> float | None:
        """Seconds the server's clock is ahead of ours, to a second; None if unknown."""

    async def check_server(self) -> None:
        """See that the server is of its kind, without sending a secret."""

    async def sign_in(self) -> None:
        """Obtain fresh secrets, also after a refusal, and see that they are taken."""

    async def sign_out(self) -> None:
        """End the session on the server, where there is one, and forget the secrets."""

    async def aclose(self) -> None: ...


class Source(ActionSource, LogSource, Server, Protocol):
    """A server with jobs and their logs; ``download`` may be used in other threads."""


class RunSource(RunListSource, RunEventSource, Server, Protocol):
    """A server with the runs of one app; `workflows` lists that app alone."""

    @property
    def version(self) -> str:
        """The server's version as it tells it with each answer; "" while unknown."""


# How a profile signs in and connects, and what is told of each exchange. Secrets come
# from callables, asked only when needed, so that a password command, a keyring or a
# dialog can stand behind them. No secret appears in a ``repr``.

SecretSource: TypeAlias = Callable[[], Awaitable[str]]
"""Gives a secret; may run a command or ask. Raises a ChronotuiError if it cannot."""


class SessionCookies(Confidential, frozen=True):
    """A login's answer, the values as the server wrote them; ``csrf`` may be ""."""

    session: str
    csrf: str = ""
    expires_at: datetime | None = None


def _forget(_cookies: SessionCookies | None) -> None:
    """Keep nothing."""


class SessionAuth(Confidential, frozen=True):
    """Sign in with e-mail and password, then with the session's cookies.

    Attributes:
        password: Asked at each login.
        saved: Cookies of an earlier session, tried first.
        on_session: Called with each new session's cookies, and with None when they
            are refused or given back, so that they can be kept or removed.
    """

    email: str
    password: SecretSource
    saved: SessionCookies | None = None
    on_session: Callable[[SessionCookies | None], None] = _forget


class BearerAuth(Confidential, frozen=True):
    """Sign in with a token; ``session`` is the cookie for the raw download.

    Documented servers take only the cookie there (WIRE.md "Raw download").
    """

    token: SecretSource
    session: SecretSource | None = None


class CookieAuth(Confidential, frozen=True):
    """Sign in with a session cookie taken from elsewhere."""

    session: SecretSource


class NoAuth(Struct, frozen=True):
    """Send no secrets."""


Auth: TypeAlias = SessionAuth | BearerAuth | CookieAuth | NoAuth


class TlsSettings(Struct, frozen=True):
    """The profile's TLS keys; paths may begin with ``~``."""

    ca_file: str | Path | None = None
    client_cert: str | Path | None = None
    client_key: str | Path | None = None
    verify: bool = True


class RequestEntry(Struct, frozen=True):
    """One exchange with the server, fit for a log file.

    Attributes:
        kind: What it was for, such as ``jobs``, ``log_page`` or ``login``.
        url: The whole URL; secrets never stand in one.
        status: The answer's status, None when none came.
        seconds: From sending until the answer's head or the failure.
        problem: Class of the error, "" when there was none.
    """

    kind: str
    method: str
    url: str
    status: int | None
    seconds: float
    problem: str = ""


RequestLog: TypeAlias = Callable[[RequestEntry], None]


# The kinds of servers.


class Capabilities(Struct, frozen=True):
    """What a server of some kind can do.

    Attributes:
        jobs: It has workflows and their jobs, which make a tree.
        runs: It has the runs of one app, which make a list.
        pages: A retained log is read by pages.
        follow: Lines can be read as they are written.
        search: It searches retained logs itself.
        raw_formats: Encodings of the raw download; none without one.
        actions: Jobs can be run and workflows terminated.
    """

    jobs: bool = False
    runs: bool = False
    pages: bool = False
    follow: bool = False
    search: bool = False
    raw_formats: tuple[RawFormat, ...] = ()
    actions: bool = False


class OpenSource(Protocol):
    """Makes the client of one server; nothing is sent or asked yet.

    Raises a ConfigError when the URL cannot be used, or secrets may not travel to it.
    """

    def __call__(
        self,
        url: str,
        auth: Auth,
        *,
        timeout_seconds: float = ...,
        tls: TlsSettings | None = None,
        insecure: bool = False,
        log: RequestLog | None = None,
    ) -> Source | RunSource: ...


class Nouns(NamedTuple):
    """What is listed, in the words of a kind's users."""

    item: str
    items: str
    group: str
    groups: str


class SourceKind(Struct, frozen=True):
    """A kind of server, as the profile file names it.

    Attributes:
        label: Its name for people.
        unit: What one profile of it points at, for people.
        nouns: What it lists.
        url_example: What a profile's URL looks like.
        opener: ``module:function`` of an `OpenSource`; "" for a kind that is announced
            and cannot be opened yet.
    """

    name: str
    label: str
    unit: str
    nouns: Nouns
    url_example: str
    capabilities: Capabilities
    opener: str = ""

    @property
    def methods(self) -> tuple[str, ...]:
        """The ways to sign in it takes, the usual one first."""
        return SIGN_IN_METHODS[self.name]

    def check(self, profile: str, needs: str = "") -> None:
        """Refuse a profile whose server cannot be opened, or lacks a capability.

        Raises:
            UsageError: In a sentence that names the profile and the kind.
        """
        if not self.opener:
            why = "which this version does not speak"
        elif needs and not getattr(self.capabilities, needs):
            why = f"which has no {needs.replace('_', ' ')}"
        else:
            return
        able = [
            kind.label
            for kind in KINDS.values()
            if kind.opener and (not needs or getattr(kind.capabilities, needs))
        ]
        step = f"Choose a {' or '.join(able)} profile with --profile." if able else ""
        if self.opener:
            # What is listed is the name of the verb that lists it.
            items = self.nouns.items
            step = f"chronotui {items} lists its {items}. {step}".rstrip()
        raise UsageError(
            f"Profile {profile} is a {self.label} one, {why}.", next_step=step
        )

    def load_opener(self) -> OpenSource:
        """Load what opens a server of this kind."""
        module, _, function = self.opener.partition(":")
        opened: OpenSource = getattr(import_module(module), function)
        return opened


CHRONOVERSE: Final = SourceKind(
    "chronoverse",
    "Chronoverse",
    "Chronoverse server",
    Nouns("job", "jobs", "workflow", "workflows"),
    "https://chrono.example.com/api",
    Capabilities(
        jobs=True,
        pages=True,
        follow=True,
        search=True,
        raw_formats=(RawFormat.TXT, RawFormat.JSON, RawFormat.JSONL),
        actions=True,
    ),
    "chronotui.sources.chronoverse:open_chronoverse",
)
DIFY: Final = SourceKind(
    "dify",
    "Dify",
    "Dify app",
    Nouns("run", "runs", "app", "apps"),
    "https://api.dify.ai/v1 or https://HOST/v1",
    Capabilities(runs=True, follow=True),
    "chronotui.sources.dify.client:open_dify",
)
KINDS: Final = {kind.name: kind for kind in (CHRONOVERSE, DIFY)}
