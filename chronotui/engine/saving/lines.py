"""Saving lines that are at hand: a filtered view, a selection, bookmark to here."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Final

from chronotui.core.log_formats import LineEncoder
from chronotui.engine.saving.progress import SavePhase
from chronotui.engine.saving.threads import in_thread
from chronotui.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chronotui.engine.saving.work import Work
    from chronotui.model import LogLine

BATCH_LINES: Final = 1000
"""Lines taken from the store in one go: well under a frame's time."""


def encoder_for(work: Work) -> LineEncoder:
    """Return the encoder for a request's format."""
    request = work.request
    return LineEncoder(
        request.format,
        job_id=request.job_id,
        workflow_id=request.workflow_id,
        stream=request.stream,
        query=request.query,
    )


class LineWriter:
    """Encodes lines into the part, each batch in a worker thread."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._encoder = encoder_for(work)

    async def begin(self, phase: SavePhase) -> None:
        """Open the part and write what stands before the first line."""
        await in_thread(self._begin, self.stop)
        self._work.meter.restart(phase)

    def _begin(self) -> None:
        self._work.open_part().write(self._encoder.head())

    async def write(self, lines: Sequence[LogLine]) -> None:
        """Append lines in the order given.

        Raises:
            DownloadError: The disk is full or fails.
        """
        if lines:
            await in_thread(lambda: self._put(lines), self.stop)

    def _put(self, lines: Sequence[LogLine]) -> None:
        self._add(self._encoder.lines(lines), len(lines))

    def _add(self, data: bytes, lines: int) -> None:
        part = self._work.part
        if part is not None:
            part.write(data)
            self._work.meter.add(len(data), lines)

    async def end(self) -> None:
        """Write what stands after the last line."""
        await in_thread(lambda: self._add(self._encoder.tail(), 0), self.stop)

    def stop(self) -> None:
        """Make a write that goes on end soon."""
        if self._work.part is not None:
            self._work.part.abandon()


async def save_lines(work: Work) -> None:
    """Write the request's own lines; the store is read in slices on this loop.

    Raises:
        UsageError: There is nothing to save.
        DownloadError: The disk is full or fails.
    """
    source = iter(work.request.lines() if work.request.lines is not None else ())
    stream = work.request.stream
    first = list(islice(source, BATCH_LINES))
    if not first:
        raise UsageError(
            f"There is nothing to save: the {work.request.scope} holds no line.",
            next_step="Choose the whole log, or change the filter.",
        )
    writer = LineWriter(work)
    await writer.begin(SavePhase.WRITING)
    batch = first
    while batch:
        await writer.write([line for line in batch if stream in {None, line.stream}])
        batch = list(islice(source, BATCH_LINES))
    await writer.end()
