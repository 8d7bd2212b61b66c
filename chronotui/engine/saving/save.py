"""One save, from the question to the whole file under its name."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING, Final

from chronotui.engine.retry import Retries
from chronotui.engine.saving.download import save_ended
from chronotui.engine.saving.lines import save_lines
from chronotui.engine.saving.progress import SavePhase, SaveProgress
from chronotui.engine.saving.record import Recording
from chronotui.engine.saving.request import (
    SaveRequest,
    SaveResult,
    SaveScope,
    count_of_lines,
)
from chronotui.engine.saving.work import Work
from chronotui.errors import CancelledByUserError, ChronotuiError, own_fault
from chronotui.storage.atomic_file import AbandonedError
from chronotui.storage.target import home_relative

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from chronotui.api.chronoverse import Chronoverse
    from chronotui.core.log import Overflow
    from chronotui.engine.watch.settings import WatchSettings
    from chronotui.engine.watch.timing import WatchTiming
    from chronotui.model import Job

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
        client: Chronoverse,
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
