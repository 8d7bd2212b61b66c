"""The part of the client a log engine needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from contextlib import AbstractAsyncContextManager, AbstractContextManager

    from chronotui.model import Job, LiveEvent, LogPage, RawFormat, SearchPage


class RawAnswer(Protocol):
    """A raw download under way; read in a thread (wire note "Raw download")."""

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
    """A client that reads one server's logs; raises only ``chronotui.errors``."""

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
