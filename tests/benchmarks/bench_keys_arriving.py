"""Keys while ten thousand lines a second arrive and the desk follows them.

Output never pauses then, so the end of a burst says nothing. The keys leave the tail
(k) and go back to it (G) by turns; the frame is there when the status line says so,
found by playing what was sent into an emulator afterwards. At rest it is the same.
"""

from __future__ import annotations

from pathlib import Path
from statistics import quantiles
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import TYPE_CHECKING, NamedTuple

from tests.benchmarks import programs
from tests.benchmarks.measure import Figure
from tests.benchmarks.screens import Replay

if TYPE_CHECKING:
    from tests.benchmarks.pty_program import Program

RATE = 10_000
BEFORE = 2_000
KEYS = 40
EVERY = 0.107
"""No multiple of a frame, so that keys come at all times between two."""

STATUS_ROW = -2
FOLLOWING = " following "


class Pressed(NamedTuple):
    """When a key was sent and whether the desk follows after it."""

    at: float
    follows: bool


def figures(runs: int = 5) -> list[Figure]:
    """Return the rows of the table that concern keys in a flood."""
    idle: list[float] = []
    busy: list[float] = []
    with TemporaryDirectory() as folder, programs.desk(Path(folder), BEFORE) as desk:
        desk.keep = True
        desk.resize()
        desk.settle()
        replay = Replay()
        for _ in range(runs):
            idle += answered(replay, desk, _presses(desk))
            desk.ask(f"prepare {RATE} {KEYS * EVERY + 1}")
            desk.tell("run")
            desk.pass_time(0.5)
            busy += answered(replay, desk, _presses(desk))
            assert float(desk.hear()) < 0.5, "the lines came late"
            desk.settle()
    made = []
    for share, place, goal in (("p50", 49, None), ("p99", 98, 3.0)):
        what = f"key to frame while {RATE:,} lines/s arrive, following, {share}"
        ours, theirs = (quantiles(taken, n=100)[place] for taken in (busy, idle))
        name = f"{what} of {len(busy)} keys"
        made.append(Figure(name, ours, theirs, goal, f"at rest, {share}"))
    return made


def _presses(desk: Program) -> list[Pressed]:
    """Leave the tail and go back to it by turns."""
    pressed = []
    for number in range(KEYS):
        follows = number % 2 == 1
        pressed.append(Pressed(perf_counter(), follows))
        desk.type(b"G" if follows else b"k")
        desk.pass_time(EVERY)
    return pressed


def answered(replay: Replay, desk: Program, pressed: list[Pressed]) -> list[float]:
    """Return the seconds from each key to the frame that shows what it did."""
    chunks, desk.chunks = desk.chunks, []
    found: list[float] = []
    waiting = iter(pressed)
    key = next(waiting, None)
    for came in replay.play(chunks):
        if key is None or came < key.at:
            continue
        if (FOLLOWING in replay.row(STATUS_ROW)) == key.follows:
            found.append(came - key.at)
            key = next(waiting, None)
    assert len(found) == len(pressed), "a key was never answered"
    return found
