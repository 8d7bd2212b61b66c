"""What a program takes of a processor."""

from __future__ import annotations

import time
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.benchmarks.pty_program import Program


def processor_seconds(pid: int) -> float:
    """Return the processor time of a process and its children so far."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return sum(map(_of_one, [pid, *map(int, children.split())]))


def _of_one(pid: int) -> float:
    """Return the time of all threads of a process, also of those that ended."""
    # CPUCLOCK_SCHED of a process, as clock_getcpuclockid(3) makes it: nanoseconds,
    # where /proc/PID/stat counts hundredths of a second.
    return time.clock_gettime((~pid << 3) | 2)


class Window(NamedTuple):
    """What a program did in a while; ``share`` is of one processor."""

    share: float
    bytes_a_second: float
    frames_a_second: float


def measured(program: Program, work: Callable[[], object]) -> Window:
    """Return what a program took while something was done with it."""
    written, frames = program.written, program.frames
    used, begun = program.processor_seconds, perf_counter()
    work()
    took = perf_counter() - begun
    return Window(
        (program.processor_seconds - used) / took,
        (program.written - written) / took,
        (program.frames - frames) / took,
    )
