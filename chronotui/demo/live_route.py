"""The live stream: server-sent events without replay, best effort."""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING, Final

from chronotui.demo.message import Streamed
from chronotui.demo.service import (
    CONNECTED,
    EVENT_HEADERS,
    EVENT_STREAM,
    refused_stream,
)

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator, Sequence

    from chronotui.demo.faults import Faults
    from chronotui.demo.lines import TrueLine
    from chronotui.demo.runs import DemoJob
    from chronotui.demo.service import Call

_AT_ONCE: Final = 2000
_PAUSE: Final = 0.002

ENDED: Final = b'event: end\ndata: {"status":"stream_ended"}\n\n'


def stream_events(call: Call) -> Streamed:
    """Answer ``GET …/events``; always 200 (wire note "Live")."""
    job, reason = _streamable(call)
    if job is None:
        return refused_stream(reason, connected=call.service.dialect.is_current)
    pieces = LiveStream(call, job).pieces()
    return Streamed(pieces, EVENT_STREAM, EVENT_HEADERS.copy())


def _streamable(call: Call) -> tuple[DemoJob | None, str]:
    workflow = call.world.workflow(call.ids[0])
    job = workflow.find(call.ids[1], call.now_ns) if workflow else None
    if workflow is None or job is None:
        return None, "job not found"
    if not workflow.plan.retention or workflow.plan.kind == "HEARTBEAT":
        return None, "log retention is disabled for this workflow"
    if job.status(call.now_ns) != "RUNNING":
        return None, "job is not running"
    return job, ""


class LiveStream:
    """One subscription to a job's lines."""

    def __init__(self, call: Call, job: DemoJob) -> None:
        self._job = job
        self._clock = call.world.clock
        self._dialect = call.service.dialect
        self._faults = call.service.faults
        self._mark = job.log.live_mark(call.now_ns)
        self._held: TrueLine | None = None

    async def pieces(self) -> AsyncGenerator[Sequence[bytes], None]:
        """Yield frames as lines are written; wakes only when there is something."""
        loop = asyncio.get_running_loop()
        stirred = asyncio.Event()

        def stir() -> None:
            loop.call_soon_threadsafe(stirred.set)

        stops = (self._job.log.listen(stir), self._clock.listen(stir))
        try:
            yield [CONNECTED]
            while True:
                stirred.clear()
                frames, wait = self._due()
                if frames:
                    yield frames
                if wait is None:
                    break
                await _sleep(stirred, wait)
            yield [ENDED]
        finally:
            for stop in stops:
                stop()

    def _due(self) -> tuple[list[bytes], float | None]:
        """Return the frames due and the seconds to wait; None at the end.

        A current server never ends the stream; a documented one says ``end`` once
        the job has ended and its last line was sent.
        """
        now_ns = self._clock.now_ns()
        batch = self._job.log.live_since(self._mark, _AT_ONCE, now_ns)
        self._mark = batch.mark
        lines = list(self._disturbed(batch.lines))
        ends_ns = None if self._dialect.is_current else self._job.completed_ns
        if ends_ns is not None and now_ns >= ends_ns and not batch.lines:
            lines += [self._held] if self._held else []
            return self._frames(lines), None
        waits = [at for at in (batch.next_ns, ends_ns) if at is not None]
        wait = self._clock.seconds_until(min(waits)) if waits else math.inf
        return self._frames(lines), max(wait, _PAUSE, self._faults.buffer_seconds)

    def _frames(self, lines: Sequence[TrueLine]) -> list[bytes]:
        job_id, write = self._job.id, self._dialect.line
        frames = [
            f"event: log\ndata: {write(job_id, line, retained=False)}\n\n".encode()
            for line in lines
        ]
        if self._faults.live_broken > 0:
            return [
                frame[: len(frame) // 2] + b"\n\n"
                if self._faults.breaks(line)
                else frame
                for line, frame in zip(lines, frames, strict=True)
            ]
        return frames

    def _disturbed(self, lines: Sequence[TrueLine]) -> Iterator[TrueLine]:
        """Drop, double and swap lines as the faults say."""
        faults: Faults = self._faults
        if not faults.disturbs_live and self._held is None:
            yield from lines
            return
        for line in lines:
            if faults.drops(line):
                continue
            if self._held is None and faults.swaps(line):
                self._held = line
                continue
            yield line
            if faults.doubles(line):
                yield line
            if self._held is not None:
                yield self._held
                self._held = None


async def _sleep(stirred: asyncio.Event, seconds: float) -> None:
    """Wait until stirred, or for so long; without a timer if that is for ever."""
    if math.isinf(seconds):
        await stirred.wait()
        return
    timer = asyncio.get_running_loop().call_later(seconds, stirred.set)
    try:
        await stirred.wait()
    finally:
        timer.cancel()
