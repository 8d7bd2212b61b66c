"""Jobs that print exactly what a test says, when it says it."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from chronotui.demo.clock import SECOND
from chronotui.demo.dice import number_of, roll
from chronotui.demo.lines import TrueLine
from chronotui.demo.numbering import Contention, Counter
from chronotui.demo.runs import DemoJob
from chronotui.demo.scripted_log import Entry, ScriptedLog
from chronotui.model import STDERR, STDOUT

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from chronotui.demo.clock import Clock
    from chronotui.demo.faults import Faults


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
            streams (wire note "Messages"); None for no such limit.
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

    Args:
        job_id: Its id.
        workflow_id: Its workflow's.
        script: What it does by itself.
        clock: The world's.
        faults: Decide how late the retained log is, at the time of writing.
        first_number: The number an attempt begins with.
        interleaved: Whether the server lists lines without regard to attempts.
    """

    log: ScriptedLog

    def __init__(
        self,
        job_id: str,
        workflow_id: str,
        script: Script,
        *,
        clock: Clock,
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
            todo = _script_line(line)
            after = todo.after if todo.after is not None else pause if number else 0.0
            at_ns += int(after * SECOND)
            entries += self._entries(todo, at_ns)
        self.log.add(entries)
        if script.ends_after is not None:
            self.completed_ns = at_ns + int(script.ends_after * SECOND)

    def start(self) -> None:
        """Begin the first attempt now."""
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
        """End the job now.

        Args:
            outcome: COMPLETED, FAILED or CANCELED; the script's if None.
        """
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
            todo = [
                ScriptLine(line) if isinstance(line, str) else line for line in lines
            ]
            entries = [
                entry
                for line in todo
                for entry in self._entries(
                    line, now_ns + int((line.after or 0) * SECOND)
                )
            ]
            self.log.add(entries)
        return [entry.line for entry in entries]

    def write_shared(self, stderr: str, stdout: str) -> list[TrueLine]:
        """Write a line of each stream under one number; the next one is skipped."""
        return self.write(
            ScriptLine(stderr, STDERR), ScriptLine(stdout, STDOUT, with_previous=True)
        )

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
        yield Entry(line, live_ns, self._retained_ns(todo, line))

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


def _script_line(line: ScriptLine | str) -> ScriptLine:
    return ScriptLine(line) if isinstance(line, str) else line
