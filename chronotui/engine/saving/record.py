"""Recording a job that has not ended: what exists, every line to the end, a check."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chronotui.engine.follow import Follow
from chronotui.engine.saving.check import ServerFile, UncheckableError, disagreement
from chronotui.engine.saving.download import save_ended
from chronotui.engine.saving.lines import LineWriter
from chronotui.engine.saving.notebook import Notebook
from chronotui.engine.saving.progress import SavePhase
from chronotui.engine.saving.request import count_of_lines
from chronotui.engine.selection import LineSelection

if TYPE_CHECKING:
    from chronotui.engine.follow import FollowResult
    from chronotui.engine.saving.comparison import Difference
    from chronotui.engine.saving.work import Work
    from chronotui.model import Job


class Recording:
    """One job recorded to its end.

    Args:
        work: The save.
        job: The job as last read.
    """

    def __init__(self, work: Work, job: Job) -> None:
        self._work = work
        self._job = job
        self._follow = Follow(
            work.client,
            work.request.workflow,
            job,
            selection=LineSelection(stream=work.request.stream),
            settings=work.watch,
            tell=self._tell,
            spool=work.spool,
        )

    def signed_in(self) -> None:
        """Go on after somebody has signed in."""
        self._follow.signed_in()

    def _tell(self, sentence: str) -> None:
        self._work.meter.said = sentence

    async def run(self) -> None:
        """Record until the log is sealed, then check it.

        Raises:
            DownloadError: The recording and the server's file differ, or the disk
                is full.
            ChronotuiError: The job cannot be watched.
        """
        if self._work.request.query:
            await self._wait_and_save()
            return
        notebook = Notebook(self._work.spool)
        try:
            await self._record(notebook)
            result = self._follow.result
            assert result is not None  # noqa: S101 - batches came to their end
            await self._check(notebook, result)
        finally:
            notebook.close()

    async def _wait_and_save(self) -> None:
        """Wait for the end: the server's search has the whole log only then."""
        self._work.meter.phase = self._phase()
        async for _lines in self._follow.batches():
            self._work.meter.phase = SavePhase.WAITING_FOR_END
        await save_ended(self._work, self._ended_job())

    async def _record(self, notebook: Notebook) -> None:
        writer = LineWriter(self._work, notebook.add)
        await writer.begin(self._phase())
        async for lines in self._follow.batches():
            if self._work.meter.phase is SavePhase.WAITING:
                self._work.meter.phase = SavePhase.RECORDING
            self._work.meter.said = ""
            await writer.write(lines)
        await writer.end()

    def _phase(self) -> SavePhase:
        if self._job.status.is_terminal:
            return SavePhase.SETTLING
        waiting = self._job.status.is_waiting
        return SavePhase.WAITING if waiting else SavePhase.RECORDING

    def _ended_job(self) -> Job:
        result = self._follow.result
        return self._job if result is None else result.job

    async def _check(self, notebook: Notebook, result: FollowResult) -> None:
        work = self._work
        work.missing_lines = result.missing
        work.sealed = result.verdict.sealed or bool(result.missing)
        server_file = ServerFile(work, notebook)
        try:
            found = await server_file.compare(work.watch.timing.end_limit)
        except UncheckableError as why:
            work.notes.append(
                f"{result.verdict.sentence()}; it could not be checked against the "
                f"server's own file: {why}."
            )
        else:
            await self._settle(found, server_file)
        finally:
            if not work.keep_anyway:
                await server_file.drop()

    async def _settle(self, found: Difference, server_file: ServerFile) -> None:
        work = self._work
        result = self._follow.result
        if found.is_none and result is not None:
            work.notes.append(
                f"{result.verdict.sentence()}; the server's own file has the same."
            )
            return
        if found.only_ours or found.out_of_order_at is not None:
            raise disagreement(work, found, server_file)
        work.notes.append(
            f"{count_of_lines(found.only_theirs)} came too late to be recorded in "
            "order: the file was made from the server's own instead."
        )
        work.missing_lines = max(0, work.missing_lines - found.only_theirs)
        await server_file.drop()
        await work.drop_part()
        await save_ended(work, self._ended_job())
