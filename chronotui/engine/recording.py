"""Recording a job that has not ended: what exists, every line to the end, a check."""

from __future__ import annotations

import asyncio
import contextlib
from contextlib import aclosing
from time import monotonic
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from chronotui.engine.connection import ConnectionKind
from chronotui.engine.follow import Follow
from chronotui.engine.recording_check import (
    DigestSpool,
    HeldLinesOfPart,
    ServerFile,
    UncheckableError,
    holds_all,
)
from chronotui.engine.retained import LineSelection
from chronotui.engine.save_download import encoder_for
from chronotui.engine.save_request import SavePhase, in_thread
from chronotui.engine.save_verify import AS_RETAINED
from chronotui.errors import DownloadError
from chronotui.storage.files import home_relative
from chronotui.text import plural

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from chronotui.engine.ending import Verdict
    from chronotui.engine.follow import FollowResult
    from chronotui.engine.recording_check import Difference
    from chronotui.engine.save_download import Work
    from chronotui.model import Job, LogLine
    from chronotui.storage.recording_part import RecordingPart

AWAY: Final = frozenset(
    {ConnectionKind.RECONNECTING, ConnectionKind.OFFLINE, ConnectionKind.SIGN_IN}
)
"""The states of a connection in which a recording gets nothing."""

AS_SERVED: Final = "as the server's own file has them"

MARK_SECONDS: Final = 1.0
"""How far apart the part is made durable and its state written at most."""

MARK_SHARE: Final = 20
"""A disk that takes long for it is left alone so many times as long."""


class _OtherLinesError(Exception):
    """The part holds lines the server's log has not, or lacks some before its end."""


class Recording:
    """One job recorded to its end, from its beginning or on from an earlier part.

    A recording that goes on reads the log from its first line as a new one does,
    and passes over what the part holds. It costs no more requests than a new one,
    every line of the part is held against the retained log, and a line that came
    late before the part's end is noticed; reading from the part's end on would see
    none of that, nor know which attempt the lines on a page are of.
    """

    def __init__(self, work: Work, job: Job) -> None:
        self._work = work
        self._job = job
        self._follow = self._new_follow()
        self._left: list[Path] = []
        """Parts of this recording that were left, for the log holds other lines."""

    def _new_follow(self) -> Follow:
        work = self._work
        return Follow(
            work.client,
            work.request.workflow,
            self._job,
            selection=LineSelection(stream=work.request.stream),
            settings=work.watch,
            tell=work.tell,
            spool=work.spool,
        )

    def signed_in(self) -> None:
        self._follow.signed_in()

    @property
    def is_away(self) -> bool:
        return self._follow.connection.kind in AWAY

    async def run(self) -> Job | None:
        """Record until the log is sealed, then check it.

        Returns:
            None, or the ended job where its file is to be made as any ended job's.

        Raises:
            PathRefusedError: The part that is there cannot be gone on with.
            DownloadError: The recording and the server's file differ, or the disk
                is full.
            ChronotuiError: The job cannot be watched.
        """
        if self._work.request.query:
            await self._wait()
            return self._ended_job()
        while True:
            digests = DigestSpool(self._work.spool)
            try:
                await self._record(digests)
                result = self._follow.result
                assert result is not None  # noqa: S101 - batches came to their end
                recorded = await self._check(digests, result)
            except _OtherLinesError:
                await self._begin_anew()
            else:
                return None if recorded else self._ended_job()
            finally:
                digests.close()

    async def _wait(self) -> None:
        """Wait for the end: the server's search has the whole log only then."""
        self._work.meter.phase = self._phase()
        async for _lines in self._follow.batches():
            self._work.meter.phase = SavePhase.WAITING_FOR_END

    async def _record(self, digests: DigestSpool) -> None:
        writer = _PartWriter(self._work, digests)
        await writer.begin(self._phase())
        marking = asyncio.create_task(writer.mark_often())
        try:
            async with aclosing(self._follow.batches()) as batches:
                async for lines in batches:
                    if self._work.meter.phase is SavePhase.WAITING:
                        self._work.meter.phase = SavePhase.RECORDING
                    self._work.meter.said = ""
                    await writer.write(lines)
            await writer.end()
        finally:
            marking.cancel()

    async def _begin_anew(self) -> None:
        part = self._work.recording
        assert part is not None  # noqa: S101 - it was gone on with
        await in_thread(part.begin_anew, part.abandon)
        self._left.append(part.set_aside[-1])
        self._follow = self._new_follow()

    def _phase(self) -> SavePhase:
        if self._job.status.is_terminal:
            return SavePhase.SETTLING
        waiting = self._job.status.is_waiting
        return SavePhase.WAITING if waiting else SavePhase.RECORDING

    def _ended_job(self) -> Job:
        result = self._follow.result
        return self._job if result is None else result.job

    async def _check(self, digests: DigestSpool, result: FollowResult) -> bool:
        """Hold the recording against the server's file; False if that is the better.

        Raises:
            DownloadError: They differ; both are kept.
        """
        work = self._work
        work.missing_lines = result.missing
        work.sealed = result.verdict.sealed or bool(result.missing)
        await in_thread(lambda: self._drop_what_is_held(digests))
        if work.recording is not None and work.recording.set_aside:
            names = map(home_relative, work.recording.set_aside)
            work.notes.append(f"An earlier part was left as {', '.join(names)}.")
        server_file = ServerFile(work, digests)
        try:
            found = await server_file.compare(work.watch.timing.end_limit)
        except UncheckableError as why:
            # The ledger has counted the retained pages to their end, or says why not.
            if work.sealed:
                work.held = AS_RETAINED
            else:
                work.unverified = str(why)
            work.notes.append(
                f"{result.verdict.sentence()}; not verified against the server's own "
                f"file, because {why}."
            )
            return True
        else:
            return self._settle(found, server_file, result.verdict)
        finally:
            if not work.keep_anyway:
                await server_file.drop()

    def _drop_what_is_held(self, digests: DigestSpool) -> None:
        """Remove parts that were left and have no line this recording has not."""
        recording, form = self._work.recording, self._work.request.format
        for path in self._left:
            if recording is not None and holds_all(digests, path, form):
                path.unlink(missing_ok=True)
                recording.set_aside.remove(path)
        self._left.clear()

    def _settle(
        self, found: Difference, server_file: ServerFile, verdict: Verdict
    ) -> bool:
        work = self._work
        if found.is_none:
            # The file holds every line the server has; pages may hide some.
            verdict = replace(
                verdict, sealed=not work.missing_lines, possible=0, note=""
            )
            work.sealed, work.held = True, AS_SERVED
            work.notes.append(
                f"{verdict.sentence()}; the server's own file has the same."
            )
            return True
        if found.only_ours or found.out_of_order_at is not None:
            work.keep_anyway = True
            kept = server_file.keep()
            beside = "" if kept is None else f" The server's is {kept.name}."
            raise DownloadError(
                f"The recording and the server's own file differ: {found.sentence()}.",
                next_step=f"Both are kept, neither under the final name.{beside}",
            )
        work.notes.append(
            f"{plural(found.only_theirs, 'line')} came too late to be recorded in "
            "order: the file was made from the server's own instead."
        )
        work.missing_lines = max(0, work.missing_lines - found.only_theirs)
        return False


class _PartWriter:
    """Writes what the part lacks, and remembers everything it holds."""

    def __init__(self, work: Work, digests: DigestSpool) -> None:
        self._work = work
        self._digests = digests
        self._encoder = encoder_for(work.request)
        self._held: HeldLinesOfPart | None = None

    async def begin(self, phase: SavePhase) -> None:
        """Open the part, or go on with the one that is there."""
        part = await self._work.in_thread(self._begin)
        self._work.meter.restart(phase, part.size, part.recorded.lines)

    def _begin(self) -> RecordingPart:
        part = self._work.recording or self._work.open_recording()
        recorded = part.recorded
        if recorded.lines:
            self._encoder.go_on()
            self._held = HeldLinesOfPart(recorded)
        elif not part.size:
            part.append(self._encoder.head(), recorded)
        return part

    async def write(self, lines: Sequence[LogLine]) -> None:
        """Append the lines the part lacks; they come in the log's order.

        Raises:
            _OtherLinesError: The lines before them are not those of the part.
            DownloadError: The disk is full or fails.
        """
        await self._work.in_thread(lambda: self._put(lines))

    def _put(self, lines: Sequence[LogLine]) -> None:
        if self._held is not None:
            held: list[LogLine] = []
            lacked: list[LogLine] = []
            for line in lines:
                (held if self._held.holds(line) else lacked).append(line)
            self._digests.add(held)
            lines = lacked
            if lines:
                self._compare()
        part = self._work.recording
        if not lines or part is None:
            return
        data = self._encoder.lines(lines)
        self._digests.add(lines)
        part.append(data, self._digests.tally.recorded())
        self._work.meter.add(len(data), len(lines))

    def _compare(self) -> None:
        """Hold the part against the lines read again, once they are past its end."""
        part, self._held = self._work.recording, None
        if part is not None and not self._digests.tally.agrees(part.recorded):
            raise _OtherLinesError

    async def end(self) -> None:
        """Write what stands after the last line.

        It does not count as written: who goes on with the part cuts it off again.
        """
        await self._work.in_thread(self._end)

    def _end(self) -> None:
        if self._held is not None:
            self._compare()
        part, tail = self._work.recording, self._encoder.tail()
        if part is not None:
            part.write(tail)
            part.flush()
            self._work.meter.add(len(tail), 0)

    async def mark_often(self) -> None:
        """Make durable what was written, again and again."""
        pause = MARK_SECONDS
        while True:
            await asyncio.sleep(pause)
            part = self._work.recording
            if part is None or not part.is_behind:
                continue
            began = monotonic()
            # A full disk is said by the next line that has no room.
            with contextlib.suppress(DownloadError):
                await in_thread(part.mark)
            pause = max(MARK_SECONDS, MARK_SHARE * (monotonic() - began))
