"""What the engine asks of a server's client; all of it raises only `ChronotuiError`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from contextlib import AbstractAsyncContextManager, AbstractContextManager

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


class ListClient(Protocol):
    """A client that lists one server's workflows and jobs."""

    async def workflows(
        self,
        *,
        cursor: str | None = None,
        query: str | None = None,
        terminated: bool = False,
    ) -> Page[Workflow]:
        """Read one page of workflows, terminated ones or living ones."""
        ...

    async def workflow(self, workflow_id: str) -> Workflow: ...

    async def jobs(
        self,
        workflow_id: str,
        *,
        cursor: str | None = None,
        status: JobStatus | None = None,
        trigger: Trigger | None = None,
    ) -> Page[Job]:
        """Read one page of a workflow's jobs, newest first."""
        ...

    async def job(self, workflow_id: str, job_id: str) -> Job: ...

    def allow_sign_in(self) -> None:
        """Let the next request sign in, although that was refused before."""
        ...


class RawAnswer(Protocol):
    """A raw download under way; read in a thread (WIRE.md "Raw download")."""

    @property
    def format(self) -> RawFormat:
        """What the server really sends, from its Content-Type."""
        ...

    def chunks(self) -> Iterator[bytes]:
        """Yield the body as it arrives."""
        ...

    def abort(self) -> None:
        """End the download; callable from any thread, returns at once."""
        ...


class LogClient(Protocol):
    """A client that reads one server's logs."""

    async def job(self, workflow_id: str, job_id: str) -> Job:
        """Read one job."""
        ...

    async def log_page(
        self,
        workflow_id: str,
        job_id: str,
        *,
        cursor: str | None = None,
        fresh: bool = False,
    ) -> LogPage:
        """Read one page of retained lines; ``fresh`` bypasses caches."""
        ...

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
        ...

    def live(
        self, workflow_id: str, job_id: str
    ) -> AbstractAsyncContextManager[AsyncIterator[tuple[LiveEvent, ...]]]:
        """Subscribe; one tuple of events for each read from the network."""
        ...

    def download(
        self,
        workflow_id: str,
        job_id: str,
        *,
        format: RawFormat,  # noqa: A002
    ) -> AbstractContextManager[RawAnswer]:
        """Open the raw download; blocking, for a worker thread."""
        ...
