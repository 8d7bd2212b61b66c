"""The whole log of an ended job through one raw download, decoded line by line."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import CancelledError as FutureCancelledError
from typing import TYPE_CHECKING, Final

from chronotui.core.raw_entries import RawEntries
from chronotui.errors import ChronotuiError
from chronotui.model import RawFormat

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from chronotui.core.raw_entries import RawEntry
    from chronotui.engine.watch.source import LogSource, RawAnswer
    from chronotui.model import Job, LogLine

QUEUED_BATCHES: Final = 4
"""Decoded batches that may wait; then the download waits, and TCP with it."""

BATCH_BYTES: Final = 256 << 10
"""Bytes decoded at a time."""


class _Download:
    """Reads one download in a thread and hands its lines to the loop.

    ``None`` in the queue says that the rest has to come from elsewhere, an empty
    list that all is there.
    """

    def __init__(self, source: LogSource, job: Job) -> None:
        self._source = source
        self._job = job
        self._loop = asyncio.get_running_loop()
        self._answer: RawAnswer | None = None
        self._stopped = False
        self.queue: asyncio.Queue[list[LogLine] | None] = asyncio.Queue(QUEUED_BATCHES)

    def start(self) -> None:
        threading.Thread(target=self._run, name="raw download", daemon=True).start()

    def stop(self) -> None:
        """End the download; the thread follows by itself."""
        self._stopped = True
        if self._answer is not None:
            self._answer.abort()
        while not self.queue.empty():
            self.queue.get_nowait()

    def _run(self) -> None:
        whole = False
        try:
            with self._source.download(
                self._job.workflow_id, self._job.id, format=RawFormat.JSONL
            ) as answer:
                self._answer = answer
                whole = answer.format is RawFormat.JSONL and self._read(answer)
        except ChronotuiError:
            whole = False
        self._put([] if whole else None)

    def _read(self, answer: RawAnswer) -> bool:
        """Hand over every line; False when the body is not whole."""
        entries, pieces, size = RawEntries(), [], 0
        for chunk in answer.chunks():
            if self._stopped:
                return False
            pieces.append(chunk)
            size += len(chunk)
            if size >= BATCH_BYTES:
                if not self._hand_over(entries.feed(b"".join(pieces))):
                    return False
                pieces, size = [], 0
        if pieces and not self._hand_over(entries.feed(b"".join(pieces))):
            return False
        return self._hand_over(entries.finish())

    def _hand_over(self, found: list[RawEntry]) -> bool:
        """Queue lines; False at the server's failure trailer."""
        lines = [entry.line() for entry in found if entry.message_raw is not None]
        if lines and not self._put(lines):
            return False
        return len(lines) == len(found)

    def _put(self, lines: list[LogLine] | None) -> bool:
        if self._stopped:
            return False
        putting = self.queue.put(lines)
        try:
            asyncio.run_coroutine_threadsafe(putting, self._loop).result()
        except (RuntimeError, FutureCancelledError):
            putting.close()
            return False
        return True


async def raw_lines(source: LogSource, job: Job) -> AsyncIterator[list[LogLine] | None]:
    """Yield the lines of an ended job's raw download, oldest first, in batches.

    Yields ``None`` last when the download is not the whole log or is not to be had:
    the server answers in another format, refuses, breaks off or appends its failure
    (wire note "Raw download"). The lines before it are good.
    """
    download = _Download(source, job)
    download.start()
    try:
        while (lines := await download.queue.get()) is not None:
            if not lines:
                return
            yield lines
        yield None
    finally:
        download.stop()
