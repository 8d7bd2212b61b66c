"""One save, from the question to the whole file under its name."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING, Final

from chronotui.engine.recording import Recording
from chronotui.engine.retry import Retries
from chronotui.engine.save_ended import save_ended
from chronotui.engine.save_request import (
    SavePhase,
    SaveProgress,
    SaveRequest,
    SaveResult,
    SaveScope,
    count_of_lines,
)
from chronotui.engine.save_work import Work, save_lines
from chronotui.engine.timing import WatchSettings
from chronotui.errors import (
    CancelledByUserError,
    ChronotuiError,
    PathRefusedError,
    own_fault,
)
from chronotui.storage.files import AbandonedError, home_relative

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from chronotui.engine.timing import WatchTiming
    from chronotui.log.chunks import Overflow
    from chronotui.model import Job
    from chronotui.sources.protocol import Source

_OUR_ERROR: Final = "Try again; this is an error in chronotui."


class Save:
    """Saves one job's log as asked; run it once.

    Args:
        client: The server; only used while the save runs.
        request: What to save and where.
        spool: Makes the overflow file for logs read page by page; None takes the
            temporary folder.
        watch: How a job is recorded; by default with nobody there to sign in.
    """

    def __init__(
        self,
        client: Source,
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
        self._work = Work(client, request, spool, watch)
        self._recording: Recording | None = None
        self._task: asyncio.Task[object] | None = None
        self._cancel_asked = False
        self._part_is_wanted = False

    @property
    def progress(self) -> SaveProgress:
        """How far it is, now."""
        meter, recording = self._work.meter, self._recording
        meter.away = recording is not None and not self.is_over and recording.is_away
        return meter.snapshot()

    @property
    def path(self) -> Path:
        """The final path as far as it is known."""
        part = self._work.part
        return part.path if part is not None else self._work.target_path()

    @property
    def is_over(self) -> bool:
        """Whether it is saved, failed or cancelled."""
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
        """Leave the unfinished file for good."""
        self._part_is_wanted = True

    def drop_part(self) -> None:
        """Remove the unfinished file, unless the user asked to keep it."""
        if self.part is not None and not self._part_is_wanted:
            with contextlib.suppress(OSError):
                self.part.unlink(missing_ok=True)
            self.part = None

    async def _make(self) -> SaveResult:
        work = self._work
        await work.check_path()
        if self.request.scope is SaveScope.WHOLE:
            await self._save_whole()
        else:
            await save_lines(work)
        part = await work.commit()
        verified = not work.unverified
        work.meter.end(SavePhase.SAVED if verified else SavePhase.UNVERIFIED)
        return SaveResult(
            part.path,
            part.size,
            work.meter.lines,
            work.meter.snapshot().elapsed_seconds,
            self.request.format,
            tuple(work.notes),
            work.missing_lines,
            work.sealed,
            work.held,
            work.unverified,
        )

    async def _save_whole(self) -> None:
        work = self._work
        job = await self._job()
        if _stands_still(job, work.watch.timing) and not await work.has_recording():
            await save_ended(work, job)
            return
        self._recording = Recording(work, job)
        await self._recording.run()

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
        kept = f"The unfinished file ({count_of_lines(lines)}) is kept as {shown}."
        error.next_step = f"{kept}{goes_on} {error.next_step}".strip()


def _stands_still(job: Job, timing: WatchTiming) -> bool:
    """Whether a job ended so long ago that its log no longer grows."""
    age = job.seconds_since_end(time.time())
    return job.status.is_terminal and (age is None or age >= timing.settled_age)


# All saves of one desk: several side by side, listed, each cancellable.


class Saves:
    """Starts saves and keeps them for the list, newest last.

    Args:
        client: The server; only used by the saves.
        spool: Makes the overflow file for logs read page by page; None takes the
            temporary folder.
        watch: How jobs are recorded; by default a recording waits for somebody to
            sign in, and for the call of ``signed_in`` then.
    """

    def __init__(
        self,
        client: Source,
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
        return tuple(save for save in self.running if save.is_recording)

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
