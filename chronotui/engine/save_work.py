"""What the ways of making a file share: the request, the part, the counts."""

from __future__ import annotations

import asyncio
import threading
from contextlib import asynccontextmanager
from itertools import islice
from typing import TYPE_CHECKING, Final

from chronotui.engine.retained import LineSelection, RetainedLog
from chronotui.engine.retry import Retries
from chronotui.engine.save_paths import log_name
from chronotui.engine.save_request import GRACE_SECONDS, Meter, SavePhase, in_thread
from chronotui.engine.timing import WatchSettings
from chronotui.errors import UnreadableAnswerError, UsageError
from chronotui.log.formats import LineEncoder
from chronotui.log.store import LogStore
from chronotui.paging import CursorTrail
from chronotui.storage.files import (
    AbandonedError,
    PartFile,
    SpoolFile,
    Target,
    look,
    opening_problem,
    refuse,
    spool_dir,
)
from chronotui.storage.recording_part import RecordingOf, RecordingPart, recording_to

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence
    from pathlib import Path

    from chronotui.engine.save_request import SaveRequest
    from chronotui.log.chunks import Overflow
    from chronotui.model import Job, LogLine, SearchPage
    from chronotui.sources.protocol import Source

KEEP_SECONDS: Final = 2.0
"""How long a disk may take to keep a part; what was durable before is kept anyway."""


def _temporary_spool() -> Overflow:
    return SpoolFile(spool_dir(None))


class Work:
    """One save under way.

    ``notes`` gathers the sentences for the result, ``missing_lines`` counts lines
    known to exist that the server no longer has. ``sealed`` is False when a recording
    cannot be vouched for. ``held`` says what the file was held against, ``unverified``
    why it could not be. ``part`` is the unfinished file once there is one;
    ``keep_anyway`` leaves it whatever the request says. ``recording`` is the part of
    a recording: it is kept for the next one unless ``drop_recording`` says otherwise.
    """

    def __init__(
        self,
        client: Source,
        request: SaveRequest,
        spool: Callable[[], Overflow] | None = None,
        watch: WatchSettings | None = None,
    ) -> None:
        self.client = client
        self.request = request
        self.spool = spool or _temporary_spool
        self.watch = watch or WatchSettings(may_sign_in=False, waits=False)
        self.meter = Meter(request.known_lines)
        self.notes: list[str] = []
        self.missing_lines = 0
        self.sealed = True
        self.held = ""
        self.unverified = ""
        self.keep_anyway = False
        self.drop_recording = False
        self.part: PartFile | None = None
        self.recording: RecordingPart | None = None
        self._lock = threading.Lock()
        self._over = False

    def tell(self, sentence: str) -> None:
        """Let whoever looks at the progress know what goes on."""
        self.meter.said = sentence

    def target_path(self, hint: str | None = None) -> Path:
        """Return the final path; ``hint`` is the server's file name."""
        request = self.request
        if request.path is not None:
            return request.path.expanduser()
        name = log_name(request.job_id, request.format.extension, hint=hint)
        return request.folder.expanduser() / name

    async def check_path(self) -> None:
        """Refuse a path that cannot work before anything is asked of the server.

        Raises:
            PathRefusedError: It exists and may not be replaced, or cannot be made.
        """
        await in_thread(self._check_path, lambda: None)

    def _check_path(self) -> None:
        request, path = self.request, self.target_path()
        target = look(path)
        if target is Target.NEW or (target is Target.NO_FOLDER and request.make_folder):
            return
        if target.replaceable and (request.overwrite or request.path is None):
            # Without a path the server's own name decides, known with its answer.
            return
        refuse(path, target)

    def open_part(self, hint: str | None = None) -> PartFile:
        """Begin the file; called in a worker thread.

        Raises:
            PathRefusedError: The path cannot be used.
            DownloadError: The disk is full.
            AbandonedError: The save is over already.
        """
        path = self._path_in_folder(hint)
        part = PartFile(path, overwrite=self.request.overwrite)
        self._take(part)
        return part

    def open_recording(self) -> RecordingPart:
        """Begin a recording, or go on with its part; called in a worker thread.

        Raises:
            PathRefusedError: The path cannot be used, or the part that is there.
            DownloadError: The disk is full.
            AbandonedError: The save is over already.
        """
        request = self.request
        part = RecordingPart(
            self._path_in_folder(),
            self._recording_of(),
            overwrite=request.overwrite,
            anew=request.anew,
        )
        self._take(part)
        return part

    def _recording_of(self) -> RecordingOf:
        request = self.request
        return RecordingOf(
            profile=request.profile,
            origin=self.client.origin,
            workflow_id=request.workflow_id,
            job_id=request.job_id,
            format=str(request.format),
            stream=request.stream,
        )

    async def has_recording(self) -> bool:
        """Whether a recording of this very job to this name was begun earlier."""
        if self.request.query:
            return False
        path = self.target_path()
        found = await in_thread(lambda: recording_to(path), lambda: None)
        return found is not None and not self._recording_of().difference(found[0])

    def _path_in_folder(self, hint: str | None = None) -> Path:
        path = self.target_path(hint)
        if self.request.make_folder:
            try:
                path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            except OSError as problem:
                raise opening_problem(problem, path) from problem
        return path

    def _take(self, part: PartFile) -> None:
        """Work with a part from now on; close it if the save is over by now."""
        with self._lock:
            if not self._over:
                self.part = part
                if isinstance(part, RecordingPart):
                    self.recording = part
                return
        if isinstance(part, RecordingPart):
            part.keep()
        else:
            part.discard()
        raise AbandonedError

    @asynccontextmanager
    async def replacing_recording(self) -> AsyncIterator[None]:
        """Have the file made in another way, and the recording kept until it is."""
        recorded, self.part = self.part, None
        try:
            yield
        except BaseException:
            await self.drop_part()
            self.part = recorded
            raise

    async def drop_part(self) -> None:
        """Remove what was written: the file will be made in another way."""
        part, self.part = self.part, None
        if part is not None:
            await in_thread(part.discard, part.abandon)

    async def begin_again(self, notes: Sequence[str]) -> None:
        """Remove what was written, and what was found of it.

        Args:
            notes: Those that go for the next try, too.
        """
        await self.drop_part()
        self.notes[:] = notes
        self.missing_lines, self.sealed = 0, True
        self.held = self.unverified = ""

    async def commit(self) -> PartFile:
        """Finish the file under its name.

        Raises:
            ChronotuiError: As from `PartFile.commit`.
        """
        part = self.part
        assert part is not None  # noqa: S101 (every way of making a file opens one)
        self.meter.phase = SavePhase.FINISHING
        try:
            await in_thread(part.commit, part.abandon)
        except asyncio.CancelledError:
            if not part.committed:
                raise
        recording = self.recording
        if recording is not None and recording is not part:
            await in_thread(recording.discard, lambda: None)
        return part

    async def end(self, *, keep: bool) -> Path | None:
        """Close an unfinished part; return where it is if it was kept.

        A disk that hangs does not hold the caller.
        """
        with self._lock:
            self._over = True
            part, recording = self.part, self.recording
        replaces = part is not None and recording not in {None, part}
        if replaces and part is not None and not part.committed:
            # What was to take the recording's place is not whole.
            await self.drop_part()
            part = recording
        if part is None or part.committed:
            return None
        part.abandon()
        kept, close = self._ending_of(part, keep=keep)
        closing = asyncio.ensure_future(in_thread(close, lambda: None))
        patience = KEEP_SECONDS if kept else GRACE_SECONDS
        await asyncio.wait({closing}, timeout=patience)
        return part.part_path if kept else None

    def _ending_of(
        self, part: PartFile, *, keep: bool
    ) -> tuple[bool, Callable[[], object]]:
        """Return whether a part is kept, and what closes it."""
        if not isinstance(part, RecordingPart):
            kept = keep and part.size > 0
            return kept, part.keep if kept else part.discard
        if self.drop_recording or not part.recorded.lines:
            return False, part.discard
        # What was compared to its end and differs is nothing to go on with.
        return True, part.retire if self.keep_anyway else part.keep


# Saving lines that are at hand: a filtered view, a selection, bookmark to here.

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


# A file built from the retained pages where the raw download cannot serve.

_BUDGET_BYTES: Final = 32 << 20
_BATCH_LINES: Final = 1000


async def build_from_pages(work: Work, job: Job) -> None:
    """Write the retained log, read page by page, in the request's format.

    Stream and query are honoured here whatever the raw download knows of them.

    Raises:
        ChronotuiError: The pages cannot be read, or the disk fails.
    """
    await work.drop_part()
    work.held, work.unverified = "as the retained log has them", ""
    writer = LineWriter(work)
    await writer.begin(SavePhase.READING_PAGES)
    if work.request.query:
        async for batch in found_lines(work):
            await writer.write(batch)
    else:
        await _write_retained(work, job, writer)
    await writer.end()


async def _write_retained(work: Work, job: Job, writer: LineWriter) -> None:
    request = work.request
    log = RetainedLog(
        work.client,
        request.workflow,
        job,
        selection=LineSelection(stream=request.stream),
        timing=work.watch.timing,
        tell=work.notes.append,
        spool=work.spool,
    )
    async for batch in log.batches():
        await writer.write(batch)
    work.missing_lines = log.missing
    work.sealed = not log.exit_code or bool(log.missing)


async def found_lines(work: Work) -> AsyncIterator[list[LogLine]]:
    """Yield the hits of the request's query and stream, in the log's order.

    The search lists newest first: the hits are gathered before the first is
    yielded, past a small budget in the spool file.

    Raises:
        UnreadableAnswerError: The server hands out the same page for ever.
        ChronotuiError: The search cannot be read.
    """
    request = work.request
    retries = Retries(timing=work.watch.timing)
    store = LogStore(budget_bytes=_BUDGET_BYTES, overflow=work.spool)
    cursor: str | None = None

    async def found() -> SearchPage:
        return await work.client.search_logs(
            request.workflow_id,
            request.job_id,
            query=request.query,
            stream=request.stream,
            cursor=cursor,
        )

    try:
        trail = CursorTrail()
        while True:
            page = await retries.ask(found)
            wanted = [x for x in page.lines if request.stream in {None, x.stream}]
            added = store.add(wanted)
            work.meter.lines = len(store)
            cursor = trail.follow(page.cursor, progress=bool(added.new))
            if cursor is None:
                break
        if trail.looped:
            raise UnreadableAnswerError(
                "The server's search repeats the same page without end.",
                next_step="Save without the query, or search for other words.",
            )
        work.meter.lines = 0
        for start in range(0, len(store), _BATCH_LINES):
            yield store.lines(start, start + _BATCH_LINES)
    finally:
        store.close()
