"""Checking a finished recording against the server's own download."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from chronotui.core.file_names import shorten
from chronotui.core.log_formats import SaveFormat
from chronotui.core.text import clean
from chronotui.core.trailer import TAIL_BYTES, Ending, judge
from chronotui.engine.saving.comparison import (
    Comparison,
    Difference,
    EntryBody,
    TextBody,
)
from chronotui.engine.saving.fetch import Fetch, OtherFormatError
from chronotui.engine.saving.progress import SavePhase
from chronotui.engine.saving.request import count_of_lines
from chronotui.engine.saving.threads import in_thread
from chronotui.errors import (
    AuthError,
    ChronotuiError,
    DownloadError,
    DownloadNeedsSessionError,
    LogsUnavailableError,
    MissingError,
    ServerError,
    UnreadableAnswerError,
    UsageError,
)
from chronotui.model import RawFormat
from chronotui.storage.recording_part import CheckFile

if TYPE_CHECKING:
    from pathlib import Path

    from chronotui.engine.saving.fetch import Writer
    from chronotui.engine.saving.notebook import Notebook
    from chronotui.engine.saving.work import Work
    from chronotui.storage.atomic_file import PartFile

DELAYS: Final = (0.02, 0.04, 0.08, 0.16, 0.3, 0.4)
"""A file that is short or refused is asked for again after such shares of the minute
that a log can still grow after its end (design note, invariant 6)."""

_LASTING: Final = (DownloadNeedsSessionError, LogsUnavailableError)
"""Refusals that asking again does not change."""

_NAME_BYTES: Final = 235
_READ_BYTES: Final = 1 << 20


class _CutError(ServerError):
    """The download ended as HTTP wants it, and is not whole."""


class UncheckableError(Exception):
    """The server gives no file to check against; the text says why."""


class ServerFile:
    """The server's own file beside the recording, kept only if they differ."""

    def __init__(self, work: Work, notebook: Notebook) -> None:
        self._work = work
        self._notebook = notebook
        self._format = RawFormat.JSONL
        self._comparison: Comparison | None = None
        self.part: PartFile | None = None

    async def compare(self, growing_seconds: float) -> Difference:
        """Download and compare; again while it is refused, or lacks lines of ours.

        Args:
            growing_seconds: How long an ended job's log can grow.

        Raises:
            UncheckableError: There is no such file, or none that can be compared.
        """
        self._work.meter.phase = SavePhase.CHECKING
        for share in (*DELAYS, None):
            wait = 0.0
            try:
                found = await self._compare_once()
            except (ServerError, AuthError, MissingError, UsageError) as refusal:
                # One refusal may be a proxy's, or a server's that just restarts.
                words = clean(refusal.sentence).rstrip(".")
                if share is None or isinstance(refusal, _LASTING):
                    raise UncheckableError(words) from refusal
                self._work.meter.said = f"{words}. It is asked for again."
                wait = refusal.retry_after or 0.0
            else:
                if share is None or not found.only_ours:
                    break
                self._work.meter.said = "The server's own file is short of lines yet."
            wait = max(wait, (share or 0.0) * growing_seconds)
            await asyncio.sleep(min(wait, growing_seconds))
        if found.ends_early and await self._pages_go_on():
            raise UncheckableError(
                f"that stops {count_of_lines(found.only_ours)} before the end of the "
                "retained pages: something between cuts it off"
            )
        return found

    async def _pages_go_on(self) -> bool:
        """Whether the retained pages reach as far as the recording does."""
        request = self._work.request
        try:
            page = await self._work.client.log_page(
                request.workflow_id, request.job_id, fresh=True
            )
        except ChronotuiError:
            return False
        numbers = [line.sequence_num for line in page.lines]
        return max(numbers, default=-1) >= self._notebook.tally.highest

    async def _compare_once(self) -> Difference:
        await self.drop()
        try:
            return await self._downloaded()
        except OtherFormatError as other:
            if other.sent is not RawFormat.TXT or self._work.request.stream:
                raise UncheckableError(
                    "it knows neither jsonl nor one stream alone"
                ) from other
            self._format = other.sent
            return await self._compare_once()
        except DownloadError as full:
            # No room for the server's file beside the recording.
            raise UncheckableError(clean(full.sentence).rstrip(".")) from full

    async def _downloaded(self) -> Difference:
        fetch = Fetch(self._work.client, self._work.request, self._format, self._begin)
        fetched = await in_thread(fetch.run, fetch.stop)
        comparison = self._comparison
        assert comparison is not None  # noqa: S101 - begun with the answer
        if judge(self._format, fetched.tail).ending in {Ending.FAILED, Ending.SHORT}:
            raise _CutError("the download broke off again and again")
        return await in_thread(comparison.finish, lambda: None)

    def _begin(self, _hint: str | None) -> Writer:
        recording = self._work.recording
        assert recording is not None  # noqa: S101 - it is what is checked
        name = f"{shorten(recording.path.name, _NAME_BYTES)}.server"
        self.part = CheckFile(recording, name)
        by_text = self._format is RawFormat.TXT
        self._comparison = Comparison(self._notebook, by_text=by_text)
        body = TextBody if by_text else EntryBody
        return _Both(self.part, body(self._comparison))

    async def drop(self) -> None:
        """Remove the server's file."""
        part, self.part = self.part, None
        if part is not None:
            await in_thread(part.discard, part.abandon)

    def keep(self) -> PartFile | None:
        """Leave the server's file as a part beside the recording."""
        if self.part is not None:
            self.part.keep()
        return self.part


class _Both:
    """Writes a body and compares it."""

    def __init__(self, part: PartFile, body: Writer) -> None:
        self._part = part
        self._body = body

    def take(self, piece: bytes) -> None:
        """Take the next bytes."""
        self._part.write(piece)
        self._body.take(piece)

    def finish(self) -> bytes:
        """Return the end of the body."""
        self._body.finish()
        return self._part.tail(TAIL_BYTES)


def holds_all(notebook: Notebook, path: Path, save_format: SaveFormat) -> bool:
    """Whether a recording has every line of a file; False where it cannot be told."""
    if save_format not in {SaveFormat.TXT, SaveFormat.JSONL}:
        return False
    by_text = save_format is SaveFormat.TXT
    comparison = Comparison(notebook, by_text=by_text)
    body = TextBody(comparison) if by_text else EntryBody(comparison)
    try:
        with path.open("rb") as file:
            while piece := file.read(_READ_BYTES):
                body.take(piece)
    except (OSError, UnreadableAnswerError):
        return False
    body.finish()
    return not comparison.finish().only_theirs


def disagreement(
    work: Work, found: Difference, server_file: ServerFile
) -> DownloadError:
    """Return the error for two files that differ; both are kept."""
    kept = server_file.keep()
    beside = "" if kept is None else f" The server's is {kept.part_path.name}."
    work.keep_anyway = True
    return DownloadError(
        f"The recording and the server's own file differ: {found.sentence()}.",
        next_step=f"Both are kept, neither under the final name.{beside}",
    )
