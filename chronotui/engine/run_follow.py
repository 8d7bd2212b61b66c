"""A run's events as on a pipe: each line once, never changed after it was given.

A step is given once it has ended, a line of the run's text once it is complete, a note
at once; at the end comes what has not ended, then the run's error and its outputs.
"""

from __future__ import annotations

import asyncio
from itertools import islice
from operator import attrgetter
from typing import TYPE_CHECKING, Final

from chronotui.engine.follow import ConnectionNotices
from chronotui.engine.run_log import line_of
from chronotui.engine.run_watch import RunWatch
from chronotui.engine.timing import Clock, WatchSettings
from chronotui.model import JobStatus
from chronotui.runs.entries import RunStep

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterable

    from chronotui.model import Job, LogLine
    from chronotui.runs.entries import EventLine, Note
    from chronotui.runs.events import RunRecord
    from chronotui.sources.protocol import RunEventSource

PATIENCE_SECONDS: Final = 5.0
"""An outage is worth a sentence after so long."""

PAUSE_SECONDS: Final = 1.0
"""A snapshot is told at once, so it has ended when nothing comes for so long."""


class FinalLines:
    """What of a record will not change any more, each line once.

    Args:
        tell: Takes one sentence, for standard error.
    """

    def __init__(self, record: RunRecord, tell: Callable[[str], None]) -> None:
        self._record = record
        self._tell = tell
        self._arrived = 0
        self._waiting: list[RunStep | Note] = []
        self._text_given = 0
        self._text_hash = 0
        self._replaced = 0
        self._count = 0

    def take(self, *, is_over: bool = False) -> list[LogLine]:
        """Return the lines that have become final; all that are left at the end."""
        record = self._record
        found: list[EventLine] = []
        waiting, self._waiting = self._waiting + record.arrived[self._arrived :], []
        self._arrived = len(record.arrived)
        for entry in waiting:
            if isinstance(entry, RunStep) and not (entry.has_ended or is_over):
                self._waiting.append(entry)
            else:
                found += record.lines_of(entry)
        found.sort(key=attrgetter("place"))
        found += self._text(is_over=is_over)
        if is_over:
            found += record.end_lines
        first, self._count = self._count + 1, self._count + len(found)
        return [
            line_of(line)._replace(sequence_num=number)
            for number, line in enumerate(found, first)
        ]

    def _text(self, *, is_over: bool) -> list[EventLine]:
        block = self._record.text
        if block.replaced != self._replaced:
            self._replaced = block.replaced
            self._begin_anew()
        stop = len(block) if is_over else block.whole_lines
        if self._text_given >= stop:
            return []
        start, self._text_given = max(self._text_given, block.first), stop
        lines = list(islice(self._record.text_lines(start), stop - start))
        self._text_hash = _hash_of(lines, self._text_hash)
        return lines

    def _begin_anew(self) -> None:
        """Give the text from its beginning, unless it begins with what was given.

        A stream that was opened anew may tell all of it again, the replacing too.
        """
        given = self._text_given
        if given and given <= self._record.text.whole_lines:
            again = islice(self._record.text_lines(), given)
            if _hash_of(again) == self._text_hash:
                return
        if given:
            self._tell("the run has replaced its text; it follows anew.")
        self._text_given = self._text_hash = 0


def _hash_of(lines: Iterable[EventLine], start: int = 0) -> int:
    """Return what tells texts line by line apart, going on from that of others."""
    for line in lines:
        start = hash((start, line.text))
    return start


class RunFollow:
    """Follows one run from what can still be told of it to its end.

    Args:
        tell: Takes sentences for standard error: of the connection, and of what was
            not seen.
        tells_unseen: False where somebody else says what was not seen.

    Attributes:
        watch: What reads the run; its ``job`` is the run as last read.
    """

    def __init__(
        self,
        client: RunEventSource,
        job: Job,
        *,
        tell: Callable[[str], None],
        tells_unseen: bool = True,
        settings: WatchSettings | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._tells_unseen = tells_unseen
        settings = settings or WatchSettings(may_sign_in=False, waits=False)
        self._clock = clock or Clock()
        self._tell = tell
        self._news = asyncio.Event()
        self._tick = settings.timing.tick
        self.watch = RunWatch(
            client, job, settings=settings, clock=self._clock, changed=self._news.set
        )
        self._final = FinalLines(self.record, tell)
        self._notices = ConnectionNotices(tell, PATIENCE_SECONDS)
        self._said_why = ""
        self._said_stale = False

    @property
    def job(self) -> Job:
        """The run as last read."""
        return self.watch.job

    @property
    def record(self) -> RunRecord:
        """What was seen of it."""
        return self.watch.record

    @property
    def exit_code(self) -> int:
        """0 for COMPLETED, also if some steps failed; 1 for any other end.

        That not all was seen is no failure: a server tells nobody what was before.
        """
        good = {JobStatus.COMPLETED, JobStatus.PARTIAL}
        return 0 if self.job.status in good or not self.job.has_ended else 1

    async def lines(self) -> AsyncGenerator[list[LogLine], None]:
        """Yield lines as they become final, until the run has ended.

        Raises:
            ChronotuiError: The run cannot be watched.
        """
        watching = asyncio.create_task(self.watch.run())
        watching.add_done_callback(lambda _: self._news.set())
        try:
            while not watching.done():
                await self._news.wait()
                self._news.clear()
                self._say()
                if lines := self._final.take(is_over=False):
                    yield lines
                if not watching.done():
                    await asyncio.sleep(self._tick)
            watching.result()
            if lines := self._final.take(is_over=True):
                yield lines
            self._say_end()
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)

    def _say(self) -> None:
        watch = self.watch
        ending = "ended" if watch.job.has_ended else ""
        connection = watch.connectivity.connection(watch.job, ending)
        self._notices.update(connection, self._clock.monotonic())
        if watch.stale and not self._said_stale:
            self._said_stale = True
            self._tell(f"{watch.stale}.")
        why = watch.why_polled
        if why and why != self._said_why:
            asked = f"; its state is asked every {watch.poll_seconds:.0f} s"
            words = why if self._said_why else f"{why}{asked}"
            self._said_why = why
            is_refused = not watch.stream.is_blind
            self._tell(f"{'its events cannot be followed: ' * is_refused}{words}.")

    def _say_end(self) -> None:
        if self.job.status == JobStatus.PARTIAL:
            self._tell("the run succeeded in part: steps failed, or were tried again.")
        for sentence in self.record.unseen if self._tells_unseen else ():
            self._tell(f"{sentence}.")


async def observe_run(
    client: RunEventSource,
    job: Job,
    *,
    settings: WatchSettings | None = None,
    pause: float = PAUSE_SECONDS,
    clock: Clock | None = None,
) -> RunWatch:
    """Read a run once: its state, and what its stream tells at once.

    Args:
        pause: The stream is left when it says nothing for so many seconds.

    Returns:
        Its ``job`` as read, and its ``record``.

    Raises:
        ChronotuiError: It cannot be read.
    """
    settings = settings or WatchSettings(may_sign_in=False, waits=False)
    clock = clock or Clock()
    watch = RunWatch(client, job, settings=settings, clock=clock, changed=lambda: None)
    await watch.reread()
    if watch.stream.wanted.is_set():
        await watch.stream.listen_once(pause)
    return watch
