"""One save, from the question to the whole file under its name.

The log of an ended job is the server's own download, or is built from the retained
pages; the log of a job that runs is recorded; a part of a log is written as it is at
hand.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from contextlib import aclosing
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Final, cast

from chronotui.engine.recording import Recording
from chronotui.engine.retry import Retries
from chronotui.engine.save_download import (
    EntryWriter,
    Fetch,
    FirstEntries,
    OtherFormatError,
    PlainWriter,
    Work,
    encoder_for,
)
from chronotui.engine.save_request import (
    SavePhase,
    SaveProgress,
    SaveRequest,
    SaveResult,
    SaveScope,
    size_text,
)
from chronotui.engine.save_verify import (
    AS_RETAINED,
    GROWING_SHARES,
    SLICE_LINES,
    ShortDownloadError,
    found_lines,
    retained_log,
    verify,
)
from chronotui.engine.timing import WatchSettings
from chronotui.errors import (
    CancelledByUserError,
    ChronotuiError,
    DownloadError,
    NotFoundError,
    NotSignedInError,
    PathRefusedError,
    RequestRefusedError,
    ServerError,
    UsageError,
    own_fault,
)
from chronotui.model import RawFormat
from chronotui.storage.files import AbandonedError, home_relative
from chronotui.text import clean, plural

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence
    from pathlib import Path

    from chronotui.engine.save_download import Fetched, Writer
    from chronotui.engine.save_request import Content
    from chronotui.engine.timing import WatchTiming
    from chronotui.log.chunks import Overflow
    from chronotui.model import Job, LogLine
    from chronotui.sources.protocol import RunSource, Source

_OUR_ERROR: Final = "Try again; this is an error in chronotui."


class Save:
    """Saves one job's log as asked; run it once.

    ``spool`` makes the overflow file for logs read page by page, by default in the
    temporary folder. ``watch`` says how a job is recorded, by default with nobody there
    to sign in.
    """

    def __init__(
        self,
        client: Source | RunSource,
        request: SaveRequest,
        *,
        spool: Callable[[], Overflow] | None = None,
        watch: WatchSettings | None = None,
    ) -> None:
        self.request = request
        self.result: SaveResult | None = None
        self.error: ChronotuiError | None = None
        self.part: Path | None = None
        """The unfinished file, if one was kept."""
        # A server without logs is asked for none: there the request has a content.
        self._work = Work(cast("Source", client), request, spool, watch)
        self._recording: Recording | None = None
        self._task: asyncio.Task[object] | None = None
        self._cancel_asked = False
        self._part_is_wanted = False

    @property
    def progress(self) -> SaveProgress:
        recording = self._recording
        away = recording is not None and not self.is_over and recording.is_away
        return self._work.meter.snapshot(away=away)

    @property
    def path(self) -> Path:
        """The final path as far as it is known."""
        part = self._work.part
        return part.path if part is not None else self._work.target_path()

    @property
    def is_over(self) -> bool:
        return self._work.meter.phase.is_over

    async def run(self) -> SaveResult:
        """Save, and return what was saved.

        Raises:
            PathRefusedError: The path is refused or the file exists (exit 2).
            RequestRefusedError: The server does not take the request (exit 2).
            AuthError: Not signed in or not allowed (exit 3).
            MissingError: No such job, or no log by policy (exit 4).
            ServerError: The server failed before anything came (exit 5).
            IncompleteError: Cut, trailed, short, lines missing, disk full (exit 6).
            CancelledByUserError: ``cancel`` was called (exit 130).
            asyncio.CancelledError: The task around it was cancelled.
        """
        self._task = asyncio.current_task()
        if self._cancel_asked and self._task is not None:
            self._task.cancel()
        try:
            self.result = await self._make()
        except (asyncio.CancelledError, AbandonedError, CancelledByUserError):
            stopped = self.is_recording and not self._work.drop_recording
            words = (
                "The recording was stopped." if stopped else "The save was cancelled."
            )
            cancelled = CancelledByUserError(words)
            await self._give_up(SavePhase.CANCELLED, cancelled)
            if not self._cancel_asked:
                raise
            if self._task is not None:
                self._task.uncancel()
            raise cancelled from None
        except ChronotuiError as error:
            await self._give_up(SavePhase.FAILED, error)
            raise
        except BaseException as fault:
            await self._give_up(
                SavePhase.FAILED, own_fault("in the save", fault, _OUR_ERROR)
            )
            raise
        finally:
            self._task = None
        return self.result

    @property
    def is_recording(self) -> bool:
        """Whether it records a job to its end, rather than read what is there."""
        return self._recording is not None and not self.request.query

    def stop(self) -> None:
        """Stop at once; ``run`` then raises CancelledByUserError.

        A recording is kept for the next one to go on with.
        """
        if self._cancel_asked:
            return
        self._cancel_asked = True
        if self._task is not None:
            self._task.cancel()

    def cancel(self) -> None:
        """Stop at once, and remove what was recorded."""
        self._work.drop_recording = True
        self.stop()

    def signed_in(self) -> None:
        """Let a recording go on after somebody has signed in."""
        if self._recording is not None:
            self._recording.signed_in()

    def keep_part(self) -> None:
        """Leave the unfinished file for good, whoever calls `drop_part`."""
        self._part_is_wanted = True

    def drop_part(self) -> None:
        if self.part is not None and not self._part_is_wanted:
            with contextlib.suppress(OSError):
                self.part.unlink(missing_ok=True)
            self.part = None

    async def _make(self) -> SaveResult:
        work = self._work
        await work.check_path()
        if self.request.content is not None:
            await _save_content(work, self.request.content(work.tell))
        elif self.request.scope is SaveScope.WHOLE:
            await self._save_whole()
        else:
            await _save_lines(work)
        part = await work.commit()
        verified = not work.unverified
        work.meter.end(SavePhase.SAVED if verified else SavePhase.UNVERIFIED)
        return SaveResult(
            part.path,
            part.size,
            work.meter.lines,
            tuple(work.notes),
            work.missing_lines,
            work.sealed,
            work.held,
            work.unverified,
            self.request.noun,
        )

    async def _save_whole(self) -> None:
        work = self._work
        job = await self._job()
        if not _stands_still(job, work.watch.timing) or await work.has_recording():
            self._recording = Recording(work, job)
            ended = await self._recording.run()
            if ended is None:
                return
            job = ended
        if work.recording is None:
            await _save_ended(work, job)
            return
        async with work.replacing_recording():
            work.meter.restart(SavePhase.STARTING)
            await _save_ended(work, job)

    async def _job(self) -> Job:
        """Return the job as it is now; as it was known where that is refused."""
        request = self.request
        if request.job is not None and request.job.status.is_terminal:
            return request.job
        try:
            return await Retries(self._work.tell, timing=self._work.watch.timing).ask(
                lambda: self._work.client.job(request.workflow_id, request.job_id)
            )
        except ChronotuiError:
            # Whoever records it asks again, for as long as it takes.
            if request.job is None:
                raise
            return request.job

    async def _give_up(self, phase: SavePhase, error: ChronotuiError) -> None:
        """End with an error, which says what is kept; whoever shows it waits for it."""
        work = self._work
        work.meter.end(phase)
        self._part_is_wanted = work.keep_anyway or work.recording is not None
        keep = self.request.keep_part or work.keep_anyway
        try:
            self.part = await work.end(keep=keep)
            self._say_what_is_kept(error)
        finally:
            self.error = error

    def _say_what_is_kept(self, error: ChronotuiError) -> None:
        if self.part is None:
            return
        work, goes_on = self._work, ""
        lines = work.meter.lines
        if work.recording is not None:
            lines = work.recording.recorded.lines
            goes_on = "" if work.keep_anyway else " The same save goes on with it."
        shown = home_relative(self.part)
        count = plural(lines, self.request.noun)
        kept = f"The unfinished file ({count}) is kept as {shown}."
        error.next_step = f"{kept}{goes_on} {error.next_step}".strip()


def _stands_still(job: Job, timing: WatchTiming) -> bool:
    """Whether a job ended so long ago that its log no longer grows."""
    age = job.seconds_since_end(time.time())
    return job.status.is_terminal and (age is None or age >= timing.settled_age)


# The log of an ended job: the raw download, or the retained pages.


async def _save_ended(work: Work, job: Job) -> None:
    """Write the log of an ended job.

    Raises:
        DownloadError: The download was cut, trailed or short, or the disk is full.
        ChronotuiError: The server's refusal, or the path's.
    """
    minute = work.watch.timing.end_limit
    notes = tuple(work.notes)
    for share in GROWING_SHARES:
        try:
            await _save_once(work, job)
        except ShortDownloadError:
            age = job.seconds_since_end(time.time())
            if age is None or age >= minute:
                raise
            await work.begin_again(notes)
            work.meter.restart(SavePhase.SETTLING)
            await asyncio.sleep(share * minute)
        else:
            return
    await _save_once(work, job)


async def _save_once(work: Work, job: Job) -> None:
    """Download byte for byte where that is the file that was asked for.

    Text of a stream, of a query or of a retried job is made from jsonl: there each
    line says which it is. What the server cannot give is built from the pages.
    """
    request = work.request
    served = request.format.served
    is_text = served is RawFormat.TXT
    try:
        if is_text and (request.is_filtered or await _is_retried(work, job)):
            served = None
        whole = None
        if served is not None:
            whole = await _download_plainly(work, job, served)
        if whole is None:
            whole = await _download_entries(work, job)
        if whole:
            return
    except OtherFormatError as other:
        what = str(request.format)
        if is_text:
            what = "filtered" if request.is_filtered else "attempt after attempt"
        work.notes.append(
            f"The server's own download gives nothing but the whole log as {other.sent}"
            f": this {what} file was built from the retained pages."
        )
    except (NotSignedInError, RequestRefusedError, NotFoundError) as refusal:
        words = clean(refusal.sentence).rstrip(".")
        work.notes.append(
            f"The server refuses its own download of this job ({words}): the file "
            "was built from the retained pages."
        )
    await _build_from_pages(work, job)


async def _is_retried(work: Work, job: Job) -> bool:
    """Tell whether a job was tried more than once: its text would not show it."""
    if job.attempts is not None and job.status.is_terminal:
        return job.attempts > 1
    first = FirstEntries()
    probe = Fetch(work, RawFormat.JSONL, first, filtered=False)
    try:
        await _asked(work, probe)
    except (OtherFormatError, ServerError):
        # The pages of such a server tell, or nothing does.
        return False
    return first.retried


async def _download_plainly(work: Work, job: Job, served: RawFormat) -> bool | None:
    """Write the body byte for byte; None if that mixes the attempts of a job.

    Else returns what `verify` does.
    """
    writer = PlainWriter(work, served)
    fetched = await _fetch(work, served, writer)
    if writer.interleaved:
        await work.drop_part()
        return None
    return await verify(work, job, fetched, {})


async def _download_entries(work: Work, job: Job) -> bool:
    """Make the file from the entries of a jsonl body, attempt after attempt."""
    writer = EntryWriter(work)
    try:
        fetched = await _fetch(work, RawFormat.JSONL, writer)
    finally:
        writer.close()
    attempts = writer.attempts
    if len(attempts) > 1:
        note = f"The job took {len(attempts)} attempts: the file has one after "
        if work.request.format.served is RawFormat.TXT:
            note += "the other, made from jsonl, for the server's own text mixes them."
        else:
            note += "the other, where the server's own mixes them."
        work.notes.append(note)
    return await verify(work, job, fetched, attempts)


async def _fetch(work: Work, raw_format: RawFormat, writer: Writer) -> Fetched:
    try:
        return await _asked(work, Fetch(work, raw_format, writer))
    except ServerError as broken:
        if work.part is None:
            raise
        meter = work.meter
        raise DownloadError(
            f"The download broke off after {size_text(meter.bytes)} "
            f"({plural(meter.lines, 'line')}): {broken.sentence}",
            next_step="Try again.",
        ) from broken


async def _asked(work: Work, fetch: Fetch) -> Fetched:
    """Run a download; one that does not begin is asked for again once or twice."""
    return await Retries(work.tell, timing=work.watch.timing).ask(fetch.run)


# A file made of lines: a view, a selection, or the retained pages.


async def _write_lines(
    work: Work, phase: SavePhase, batches: AsyncIterator[Sequence[LogLine]]
) -> None:
    """Write lines in the request's format, each batch in a worker thread.

    Raises:
        DownloadError: The disk is full or fails.
    """
    encoder = encoder_for(work.request)

    def put(data: bytes, lines: int = 0) -> None:
        if work.part is not None:
            work.part.write(data)
            work.meter.add(len(data), lines)

    def encode(lines: Sequence[LogLine]) -> None:
        put(encoder.lines(lines), len(lines))

    await work.in_thread(lambda: work.open_part().write(encoder.head()))
    work.meter.restart(phase)
    async for lines in batches:
        if lines:
            await work.in_thread(partial(encode, lines))
    await work.in_thread(lambda: put(encoder.tail()))


async def _save_lines(work: Work) -> None:
    """Write the request's own lines; the store is read in slices on this loop.

    Raises:
        UsageError: There is nothing to save.
        DownloadError: The disk is full or fails.
    """
    source = iter(work.request.lines() if work.request.lines is not None else ())
    stream = work.request.stream
    first = list(islice(source, SLICE_LINES))
    if not first:
        raise UsageError(
            f"There is nothing to save: the {work.request.scope} holds no line.",
            next_step="Choose the whole log, or change the filter.",
        )

    async def batches() -> AsyncIterator[list[LogLine]]:
        batch = first
        while batch:
            yield [line for line in batch if stream in {None, line.stream}]
            batch = list(islice(source, SLICE_LINES))

    await _write_lines(work, SavePhase.WRITING, batches())


async def _build_from_pages(work: Work, job: Job) -> None:
    """Write the retained log, read page by page, in the request's format.

    Stream and query are honoured here whatever the raw download knows of them.

    Raises:
        ChronotuiError: The pages cannot be read, or the disk fails.
    """
    await work.drop_part()
    work.held, work.unverified = AS_RETAINED, ""
    if work.request.query:
        await _write_lines(work, SavePhase.READING_PAGES, found_lines(work))
        return
    log = retained_log(work, job, tell=work.notes.append)
    await _write_lines(work, SavePhase.READING_PAGES, log.batches())
    work.missing_lines = log.missing
    work.sealed = not log.exit_code or bool(log.missing)


async def _save_content(work: Work, content: Content) -> None:
    """Write what is made elsewhere, each piece in a worker thread.

    Raises:
        ChronotuiError: It cannot be made, or the disk is full or fails.
    """

    def put(data: bytes, items: int) -> None:
        if work.part is not None:
            work.part.write(data)
            work.meter.add(len(data), items)

    await work.in_thread(work.open_part)
    work.meter.restart(SavePhase.WRITING)
    try:
        async with aclosing(content.pieces()) as pieces:
            async for data, items in pieces:
                work.meter.total_lines = content.total
                await work.in_thread(partial(put, data, items))
    except BaseException:
        with contextlib.suppress(AbandonedError, DownloadError):
            put(*content.rest())
        raise
    work.notes += content.notes
    work.missing_lines = content.missing


class Saves:
    """All saves of one desk, newest last: several side by side, each cancellable.

    ``spool`` and ``watch`` are those of `Save`; by default a recording waits for
    somebody to sign in, and for the call of ``signed_in`` then.
    """

    def __init__(
        self,
        client: Source | RunSource,
        *,
        spool: Callable[[], Overflow] | None = None,
        watch: WatchSettings | None = None,
    ) -> None:
        self._client = client
        self._spool = spool
        self._watch = watch or WatchSettings()
        self._tasks: dict[Save, asyncio.Task[None]] = {}
        self._listeners: list[Callable[[Save], None]] = []

    @property
    def all(self) -> tuple[Save, ...]:
        """Every save since the desk opened, oldest first."""
        return tuple(self._tasks)

    @property
    def recordings(self) -> tuple[Save, ...]:
        """The recordings that run."""
        return tuple(
            each for each in self._tasks if each.is_recording and not each.is_over
        )

    @property
    def running(self) -> tuple[Save, ...]:
        """The saves that are not over."""
        return tuple(save for save in self._tasks if not save.is_over)

    def subscribe(self, listener: Callable[[Save], None]) -> Callable[[], None]:
        """Call ``listener`` on the event loop when a save begins and when it is over.

        Returns:
            A call that ends the subscription.
        """
        self._listeners.append(listener)

        def unsubscribe() -> None:
            with contextlib.suppress(ValueError):
                self._listeners.remove(listener)

        return unsubscribe

    def start(self, request: SaveRequest) -> Save:
        """Begin a save and return it at once.

        Raises:
            PathRefusedError: Another running save writes to the same path.
        """
        save = Save(self._client, request, spool=self._spool, watch=self._watch)
        if any(other.path == save.path for other in self.running):
            raise PathRefusedError(
                f"Another save is writing {home_relative(save.path)} just now.",
                next_step="Choose another name, or wait for it.",
            )
        self._tasks[save] = asyncio.create_task(self._run(save))
        self._tell(save)
        return save

    async def _run(self, save: Save) -> None:
        # The save keeps its result or its error; the listeners show it.
        try:
            await save.run()
        except ChronotuiError:
            pass
        finally:
            self._tell(save)

    def signed_in(self) -> None:
        """Let recordings go on after somebody has signed in."""
        for save in self.running:
            save.signed_in()

    def forget(self, save: Save) -> None:
        """Drop a save that is over from the list."""
        if save.is_over:
            self._tasks.pop(save, None)

    async def close(self) -> None:
        """Stop what runs, clean up, and drop the parts nobody asked to keep.

        What recordings have so far is kept for the next ones to go on with.
        """
        for save in self.running:
            save.stop()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        for save in self._tasks:
            save.drop_part()

    def _tell(self, save: Save) -> None:
        for listener in tuple(self._listeners):
            listener(save)
