"""Jobs that print exactly what a test says, when it says it."""

from __future__ import annotations

import threading
from bisect import bisect_left, bisect_right, insort
from dataclasses import dataclass
from functools import partial
from itertools import islice
from operator import attrgetter
from typing import TYPE_CHECKING, Final, NamedTuple

from chronotui.demo.clock import SECOND, number_of, roll
from chronotui.demo.lines import (
    Contention,
    Counter,
    DemoJob,
    LiveBatch,
    LiveMark,
    TrueLine,
)
from chronotui.model import STDOUT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from chronotui.demo.clock import DemoClock
    from chronotui.demo.faults import Faults
    from chronotui.demo.lines import Place


_PLACE: Final = attrgetter("place")


class Entry(NamedTuple):
    """A line where the server lists it, with the moments it shows; None for never."""

    place: Place
    line: TrueLine
    live_ns: int | None
    retained_ns: int | None

    def numbered(self) -> tuple[int, int]:
        return self.place[:2]


class ScriptedLog:
    """Lines kept as they were written, with the moments they show.

    It may be written from any thread.
    """

    def __init__(self, *, interleaved: bool = False) -> None:
        self.interleaved = interleaved
        self._entries: list[Entry] = []
        self._live: list[tuple[int, int, TrueLine]] = []
        self._seen_ns = 0
        self._lock = threading.Lock()
        self._listeners: set[Callable[[], None]] = set()

    def add(self, entries: Sequence[Entry]) -> None:
        with self._lock:
            for entry in entries:
                if self._entries and self._entries[-1].place > entry.place:
                    insort(self._entries, entry, key=_PLACE)
                else:
                    self._entries.append(entry)
                if entry.live_ns is not None:
                    live_ns = max(entry.live_ns, self._seen_ns)
                    live = (live_ns, len(self._live), entry.line)
                    if self._live and self._live[-1] > live:
                        insort(self._live, live)
                    else:
                        self._live.append(live)
        self.wake()

    def wake(self) -> None:
        """Tell the listeners that something changed."""
        with self._lock:
            listeners = tuple(self._listeners)
        for listener in listeners:
            listener()

    def newest(self, after: Place | None, limit: int, now_ns: int) -> list[TrueLine]:
        with self._lock:
            return _visible(self._downward(after), limit, now_ns)

    def oldest(self, after: Place | None, limit: int, now_ns: int) -> list[TrueLine]:
        with self._lock:
            start = 0 if after is None else self._after(after)
            return _visible(islice(self._entries, start, None), limit, now_ns)

    def _downward(self, after: Place | None) -> Iterator[Entry]:
        """Yield what follows a place newest first: number by number, each rising."""
        end = len(self._entries)
        if after is not None:
            end = bisect_left(self._entries, after[:2], key=Entry.numbered)
            rest = bisect_right(self._entries, after[:2], key=Entry.numbered)
            yield from self._entries[self._after(after) : rest]
        while end:
            number = self._entries[end - 1].place[:2]
            start = end - 1
            while start and self._entries[start - 1].place[:2] == number:
                start -= 1
            yield from self._entries[start:end]
            end = start

    def _after(self, place: Place) -> int:
        return bisect_right(self._entries, place, key=_PLACE)

    def live_mark(self, now_ns: int) -> LiveMark:
        """Return where a subscription of this moment begins: (time, order written)."""
        with self._lock:
            self._seen_ns = max(self._seen_ns, now_ns)
            return (now_ns, len(self._live))

    def live_since(self, mark: LiveMark, limit: int, now_ns: int) -> LiveBatch:
        """Return the lines written after ``mark``, in the order they show."""
        with self._lock:
            self._seen_ns = max(self._seen_ns, now_ns)
            start = bisect_left(self._live, mark)
            end = bisect_right(self._live, now_ns, key=lambda live: live[0])
            due = self._live[start : max(start, min(end, start + limit))]
            stop = start + len(due)
            next_ns = self._live[stop][0] if stop < len(self._live) else None
            if due:
                mark = (due[-1][0], due[-1][1] + 1)
            return LiveBatch([line for _, _, line in due], mark, next_ns)

    def listen(self, listener: Callable[[], None]) -> Callable[[], None]:
        with self._lock:
            self._listeners.add(listener)

        def stop() -> None:
            with self._lock:
                self._listeners.discard(listener)

        return stop

    def truth(self, now_ns: int) -> Iterator[TrueLine]:
        with self._lock:
            lines = [entry.line for entry in self._entries]
        if self.interleaved:
            lines.sort(key=lambda line: line.position)
        return (line for line in lines if line.time_ns <= now_ns)

    def count(self, now_ns: int) -> int:
        return sum(1 for _ in self.truth(now_ns))

    def stop(self, at_ns: int) -> None:
        """Leave it to the test what comes after the end."""
        del at_ns
        self.wake()


def _visible(items: Iterable[Entry], limit: int, now_ns: int) -> list[TrueLine]:
    seen = (
        entry.line
        for entry in items
        if entry.retained_ns is not None and entry.retained_ns <= now_ns
    )
    return list(islice(seen, limit))


@dataclass(frozen=True)
class ScriptLine:
    """A line to come; what is left None follows from the lines before it.

    Attributes:
        message: Exact text.
        stream: ``stdout`` or ``stderr``.
        attempt: From 1; by default that of the line before.
        sequence_num: As on the wire; by default the next free one.
        after: Seconds after the line before; by default one over the rate.
        live: Seconds from writing to the live stream; None keeps it out.
        retained: Seconds from writing to the retained log; None keeps it out for
            ever, a negative number leaves it to ``Faults.retention_lag``.
        with_previous: It shares the number of the line before, which must be of the
            other stream; the next number is skipped. Not in a script with contention.
    """

    message: str
    stream: str = STDOUT
    attempt: int | None = None
    sequence_num: int | None = None
    after: float | None = None
    live: float | None = 0.0
    retained: float | None = -1.0
    with_previous: bool = False


@dataclass(frozen=True)
class Script:
    """A whole job.

    Attributes:
        lines: What it prints; plain texts go to stdout.
        rate: Lines a second; 0 writes all at the start.
        starts_in: Seconds until it starts, negative for the past; None waits for
            ``ScriptedJob.start``.
        ends_after: Seconds from the last line to the end; None waits for
            ``ScriptedJob.end``.
        outcome: COMPLETED, FAILED or CANCELED.
        trigger: AUTOMATIC or MANUAL.
        contention: How hard the writers of the two streams race for the numbers.
        line_limit: Bytes of a line that end what the server has of an attempt, both
            streams (WIRE.md "Logs"); None for no such limit.
    """

    lines: Sequence[ScriptLine | str] = ()
    rate: float = 0.0
    starts_in: float | None = 0.0
    ends_after: float | None = None
    outcome: str = "COMPLETED"
    trigger: str = "MANUAL"
    contention: Contention = Contention.NONE
    line_limit: int | None = 65_536


class ScriptedJob(DemoJob):
    """A job driven by a script and by hand; its methods may be called in any thread.

    ``faults`` decide how late the retained log is, at the time of writing.
    """

    log: ScriptedLog

    def __init__(
        self,
        job_id: str,
        workflow_id: str,
        script: Script,
        *,
        clock: DemoClock,
        faults: Faults,
        first_number: int,
        interleaved: bool = False,
    ) -> None:
        now_ns = clock.now_ns()
        starts_in = 0.0 if script.starts_in is None else script.starts_in
        start_ns = now_ns + int(starts_in * SECOND)
        super().__init__(
            job_id,
            workflow_id,
            scheduled_ns=min(start_ns, now_ns),
            queued_ns=min(start_ns, now_ns),
            attempt_starts_ns=() if script.starts_in is None else (start_ns,),
            completed_ns=None,
            trigger=script.trigger,
            outcome=script.outcome,
            make_log=partial(ScriptedLog, interleaved=interleaved),
        )
        self._clock = clock
        self._faults = faults
        self._seed = number_of(job_id)
        self._first_number = first_number
        self._contention = script.contention
        self._line_limit = script.line_limit
        self._attempt = 1
        self._number_attempt()
        self._lock = threading.RLock()
        self._play(script, start_ns)

    def _play(self, script: Script, at_ns: int) -> None:
        pause = 1.0 / script.rate if script.rate > 0 else 0.0
        entries: list[Entry] = []
        for number, line in enumerate(script.lines):
            todo = ScriptLine(line) if isinstance(line, str) else line
            after = todo.after if todo.after is not None else pause if number else 0.0
            at_ns += int(after * SECOND)
            entries += self._entries(todo, at_ns)
        self.log.add(entries)
        if script.ends_after is not None:
            self.completed_ns = at_ns + int(script.ends_after * SECOND)

    def start(self) -> None:
        with self._lock:
            if not self.attempt_starts_ns:
                self.attempt_starts_ns = (self._clock.now_ns(),)
        self.log.wake()

    def retry(self) -> None:
        """Begin the next attempt now; numbers start again at the base."""
        with self._lock:
            self._begin_attempt(self._attempt + 1, self._clock.now_ns())
        self.log.wake()

    def end(self, outcome: str | None = None) -> None:
        """End the job now, COMPLETED, FAILED or CANCELED; as the script if None."""
        with self._lock:
            self.outcome = outcome or self.outcome
            self.completed_ns = self._clock.now_ns()
        self.log.wake()

    def write(self, *lines: ScriptLine | str) -> list[TrueLine]:
        """Write lines now and return them as they truly are.

        Those that the server's limit on a line keeps out of the log are not returned.
        """
        with self._lock:
            now_ns = self._clock.now_ns()
            entries: list[Entry] = []
            for line in lines:
                todo = ScriptLine(line) if isinstance(line, str) else line
                at_ns = now_ns + int((todo.after or 0) * SECOND)
                entries += self._entries(todo, at_ns)
            self.log.add(entries)
        return [entry.line for entry in entries]

    def _begin_attempt(self, attempt: int, at_ns: int) -> None:
        self._attempt = attempt
        self._number_attempt()
        while len(self.attempt_starts_ns) < attempt:
            self.attempt_starts_ns = (*self.attempt_starts_ns, at_ns)

    def _number_attempt(self) -> None:
        seed = roll(self._seed, self._attempt)
        self._counter = Counter(self._first_number, self._contention, seed)
        self._broken = False

    def _entries(self, todo: ScriptLine, at_ns: int) -> Iterator[Entry]:
        """Give a line its number, its attempt and its moments, if it is logged."""
        if todo.attempt is not None and todo.attempt != self._attempt:
            self._begin_attempt(todo.attempt, at_ns)
        limit = self._line_limit
        if limit is not None and len(todo.message) > limit // 4:
            size = len(todo.message.encode(errors="surrogatepass"))
            self._broken = self._broken or size >= limit
        if self._broken:
            return
        number = self._number(todo)
        line = TrueLine(self._attempt, number, todo.stream, at_ns, todo.message)
        live_ns = None if todo.live is None else at_ns + int(todo.live * SECOND)
        place = line.place(interleaved=self.log.interleaved)
        yield Entry(place, line, live_ns, self._retained_ns(todo, line))

    def _number(self, todo: ScriptLine) -> int:
        """Take the next free number, or the one that is asked for."""
        if todo.sequence_num is not None:
            self._counter.skip_to(todo.sequence_num)
            return todo.sequence_num
        if todo.with_previous:
            return self._counter.share()
        return self._counter.take(todo.stream)

    def _retained_ns(self, todo: ScriptLine, line: TrueLine) -> int | None:
        if todo.retained is None:
            return None
        if todo.retained >= 0:
            return line.time_ns + int(todo.retained * SECOND)
        batch = line.time_ns // (SECOND // 4)
        return line.time_ns + self._faults.lag_ns(self._seed, batch)
