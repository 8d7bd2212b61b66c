"""Jobs that print exactly what a test says, when it says it."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chronotui.demo.clock import SECOND
from chronotui.demo.dice import number_of
from chronotui.demo.lines import TrueLine
from chronotui.demo.runs import DemoJob
from chronotui.demo.scripted_log import Entry, ScriptedLog
from chronotui.model import STDERR, STDOUT

if TYPE_CHECKING:
    from collections.abc import Sequence

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
            other stream; the next number is skipped.
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
    """

    lines: Sequence[ScriptLine | str] = ()
    rate: float = 0.0
    starts_in: float | None = 0.0
    ends_after: float | None = None
    outcome: str = "COMPLETED"
    trigger: str = "MANUAL"


class ScriptedJob(DemoJob):
    """A job driven by a script and by hand; its methods may be called in any thread.

    Args:
        job_id: Its id.
        workflow_id: Its workflow's.
        script: What it does by itself.
        clock: The world's.
        faults: Decide how late the retained log is, at the time of writing.
        first_number: The number an attempt begins with.
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
            make_log=ScriptedLog,
        )
        self._clock = clock
        self._faults = faults
        self._seed = number_of(job_id)
        self._first_number = first_number
        self._attempt = 1
        self._next_number = first_number
        self._lock = threading.RLock()
        self._play(script, start_ns)

    def _play(self, script: Script, at_ns: int) -> None:
        pause = 1.0 / script.rate if script.rate > 0 else 0.0
        entries = []
        for number, line in enumerate(script.lines):
            todo = _script_line(line)
            after = todo.after if todo.after is not None else pause if number else 0.0
            at_ns += int(after * SECOND)
            entries.append(self._entry(todo, at_ns))
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
        """Write lines now and return them as they truly are."""
        with self._lock:
            now_ns = self._clock.now_ns()
            todo = [
                ScriptLine(line) if isinstance(line, str) else line for line in lines
            ]
            entries = [
                self._entry(line, now_ns + int((line.after or 0) * SECOND))
                for line in todo
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
        self._next_number = self._first_number
        while len(self.attempt_starts_ns) < attempt:
            self.attempt_starts_ns = (*self.attempt_starts_ns, at_ns)

    def _entry(self, todo: ScriptLine, at_ns: int) -> Entry:
        """Give a line its number, its attempt and its moments."""
        if todo.attempt is not None and todo.attempt != self._attempt:
            self._begin_attempt(todo.attempt, at_ns)
        number = self._number(todo)
        line = TrueLine(self._attempt, number, todo.stream, at_ns, todo.message)
        live_ns = None if todo.live is None else at_ns + int(todo.live * SECOND)
        return Entry(line.position, line, live_ns, self._retained_ns(todo, line))

    def _number(self, todo: ScriptLine) -> int:
        """Take the next free number, or the one that is asked for."""
        if todo.sequence_num is not None:
            self._next_number = max(self._next_number, todo.sequence_num + 1)
            return todo.sequence_num
        self._next_number += 1
        return self._next_number - (2 if todo.with_previous else 1)

    def _retained_ns(self, todo: ScriptLine, line: TrueLine) -> int | None:
        if todo.retained is None:
            return None
        if todo.retained >= 0:
            return line.time_ns + int(todo.retained * SECOND)
        batch = line.time_ns // (SECOND // 4)
        return line.time_ns + self._faults.lag_ns(self._seed, batch)


def _script_line(line: ScriptLine | str) -> ScriptLine:
    return ScriptLine(line) if isinstance(line, str) else line
