"""One raw download, read in a worker thread straight into what takes it.

Bytes never pass through the event loop: at hundreds of megabytes a second that hop
would be the limit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from chronotui.storage.atomic_file import AbandonedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from chronotui.api.chronoverse import Chronoverse
    from chronotui.api.download import RawDownload
    from chronotui.engine.saving.request import SaveRequest
    from chronotui.model import RawFormat


class OtherFormatError(Exception):
    """The server answered in another encoding than it was asked for."""

    def __init__(self, sent: RawFormat) -> None:
        super().__init__(sent)
        self.sent = sent


class EnoughError(Exception):
    """What takes a body needs no more of it."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """A body that ended as HTTP wants it; ``tail`` is its end as the server sent it.

    ``size`` is its length. One that was broken off is not ``complete``.
    """

    raw_format: RawFormat
    tail: bytes
    size: int = 0
    complete: bool = True


class Writer(Protocol):
    """Takes a body in pieces."""

    def take(self, piece: bytes) -> None:
        """Take the next bytes of the body.

        Raises:
            EnoughError: No more are needed.
        """

    def finish(self) -> bytes:
        """Take over what is left; returns the end of the body."""


class Fetch:
    """A raw download.

    Args:
        client: The server.
        request: Which job and filters.
        raw_format: The encoding to ask for.
        begin: Called in the thread with the server's file name once it answered in
            that encoding; gives what takes the body.
        filtered: Whether stream and query of the request count.
    """

    def __init__(
        self,
        client: Chronoverse,
        request: SaveRequest,
        raw_format: RawFormat,
        begin: Callable[[str | None], Writer],
        *,
        filtered: bool = True,
    ) -> None:
        self._client = client
        self._request = request
        self._wanted = raw_format
        self._begin = begin
        self._filtered = filtered
        self._download: RawDownload | None = None
        self._stopped = False

    def stop(self) -> None:
        """Break it off, from any thread; returns at once."""
        self._stopped = True
        if self._download is not None:
            self._download.abort()

    def run(self) -> Fetched:
        """Download to the end of the body; blocks.

        Raises:
            OtherFormatError: The server knows only another encoding; ``begin`` was
                not called.
            AbandonedError: ``stop`` was called.
            ChronotuiError: As the client raises them, or from the disk.
        """
        request = self._request
        with self._client.download(
            request.workflow_id,
            request.job_id,
            format=self._wanted,
            stream=request.stream if self._filtered else None,
            query=request.query if self._filtered else None,
        ) as download:
            self._download = download
            self._check()
            if download.format is not self._wanted:
                download.abort()
                raise OtherFormatError(download.format)
            return self._read(download, self._begin(download.file_name))

    def _read(self, download: RawDownload, writer: Writer) -> Fetched:
        size = 0
        try:
            for piece in download.chunks():
                self._check()
                writer.take(piece)
                size += len(piece)
        except EnoughError:
            download.abort()
            return Fetched(self._wanted, b"", size, complete=False)
        self._check()
        return Fetched(self._wanted, writer.finish(), size)

    def _check(self) -> None:
        if self._stopped:
            raise AbandonedError
