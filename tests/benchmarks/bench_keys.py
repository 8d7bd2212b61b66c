"""Keys in a long log: bytes on the wire and how soon the picture stands.

Ours is the whole desk with the log on the full screen, so that both programs draw
a title, a status line and 36 to 37 rows of log. A key is sent on its own, 0.1 s
after the one before; held down, keys come 30 a second.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from tests.benchmarks import programs, texts
from tests.benchmarks.measure import Figure

if TYPE_CHECKING:
    from tests.benchmarks.pty_program import Program, Response

LINES = 1_000_000
SINGLY = 0.1
HELD = 1 / 30
LINE_KEYS, PAGE_KEYS = 30, 15
TO_THE_EDGE = 45
"""Lines down until the window scrolls with each one."""

DOWN, PAGE = b"j", b" "


class Reader:
    """Presses keys in one program and keeps what each of them caused."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self.taken: dict[tuple[bytes, float], list[Response]] = {}
        program.press(b"g", every=1.0)
        for _ in range(TO_THE_EDGE):
            program.press(DOWN, every=HELD)

    def press(self, key: bytes, times: int, every: float) -> None:
        """Press a key so many times."""
        self._program.settle(0.2)
        pressed = [self._program.press(key, every=every) for _ in range(times)]
        self.taken.setdefault((key, every), []).extend(pressed)

    def written(self, key: bytes) -> float:
        """Return the bytes a key costs, the median."""
        return median(response.written for response in self.taken[key, SINGLY])

    def seconds(self, key: bytes, every: float = SINGLY) -> tuple[float, float]:
        """Return p50 and p99 of the time from key to frame."""
        hundredths = quantiles((r.seconds for r in self.taken[key, every]), n=100)
        return hundredths[49], hundredths[98]


def round_of(readers: list[Reader]) -> None:
    """Press all kinds of keys in each program in turn."""
    for reader in readers:
        reader.press(DOWN, LINE_KEYS, SINGLY)
    for reader in readers:
        reader.press(PAGE, PAGE_KEYS, SINGLY)
    for reader in readers:
        reader.press(DOWN, LINE_KEYS, HELD)


def figures(runs: int = 5) -> list[Figure]:
    """Return the rows of the table that concern keys in a million lines."""
    with TemporaryDirectory() as name, ExitStack() as running:
        folder = Path(name)
        path = texts.write(folder / "job.log", LINES)
        started = (
            programs.desk(folder, LINES),
            programs.reference(folder, path, LINES),
        )
        ours, theirs = (Reader(running.enter_context(each)) for each in started)
        for _ in range(runs):
            round_of([ours, theirs])
        made = [*_written(ours, theirs), *_times(ours, theirs)]
        if programs.LESS is not None:
            less = Reader(running.enter_context(programs.less(folder, path)))
            round_of([less])
            made += [
                replace(row, name=f"{row.name}: less", goal=None)
                for row in _written(less, theirs)
            ]
    return made


def _written(ours: Reader, theirs: Reader) -> list[Figure]:
    return [
        Figure(
            f"{name}, bytes on the wire",
            ours.written(key),
            theirs.written(key),
            programs.goal(limit),
            programs.reference_name(),
            "B",
        )
        for name, key, limit in (("line down", DOWN, 0.9), ("page down", PAGE, 1.0))
    ]


def _times(ours: Reader, theirs: Reader) -> list[Figure]:
    made = []
    for name, key, every, goals in (
        ("line down", DOWN, SINGLY, (programs.goal(1.8), programs.goal(1.5))),
        ("page down", PAGE, SINGLY, (programs.goal(2.0), programs.goal(2.5))),
        ("line down held, 30/s", DOWN, HELD, (None, None)),
    ):
        count = len(ours.taken[key, every])
        for share, mine, other, goal in zip(
            ("p50", "p99"),
            ours.seconds(key, every),
            theirs.seconds(key, every),
            goals,
            strict=True,
        ):
            what = f"{name} to frame, {LINES:,} lines, {share} of {count} keys"
            against = programs.reference_name()
            made.append(Figure(what, mine, other, goal, against))
    return made
