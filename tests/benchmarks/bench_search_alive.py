"""The longest the event loop is held while a million lines are searched.

The search is typed as a person types it; the beat that watches the loop comes 500
times a second.
"""

from __future__ import annotations

from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from tests.benchmarks import programs
from tests.benchmarks.measure import Figure
from tests.benchmarks.screens import Replay

if TYPE_CHECKING:
    from tests.benchmarks.pty_program import Program

LINES = 1_000_000
FRAME_SECONDS = 1 / 30
SEARCHES = (
    ("text", "Timeout", f"{-(-LINES // 7):,}"),
    ("expression", "worker-1[0-9].*Timeout", "35,7"),
    ("text that no line has", "Absent", "no match"),
)
"""What is searched, as typed, and what the bar says of it in the end."""

SLASH, ENTER, ESCAPE = b"/", b"\r", b"\x1b"
BETWEEN_KEYS = 0.08
BAR_ROW = -3


def figures(runs: int = 5) -> list[Figure]:
    """Return the rows of the table that concern searching while the desk lives."""
    longest: dict[str, list[float]] = {name: [] for name, _, _ in SEARCHES}
    with TemporaryDirectory() as folder, programs.desk(Path(folder), LINES) as desk:
        desk.keep = True
        desk.resize()
        replay = Replay()
        for _ in range(runs):
            for name, typed, found in SEARCHES:
                longest[name].append(_search(replay, desk, typed, found))
    return [
        Figure(
            f"longest pause while {LINES:,} lines are searched: {name}",
            median(held),
            FRAME_SECONDS,
            1.0,
            "a frame at 30/s",
        )
        for name, held in longest.items()
    ]


def _search(replay: Replay, desk: Program, typed: str, found: str) -> float:
    """Search the whole log; return the longest the loop was held, in seconds."""
    desk.ask("watch")
    for key in (SLASH, *(character.encode() for character in typed), ENTER):
        desk.type(key)
        desk.pass_time(BETWEEN_KEYS)
    for _ in range(200):
        replay.play_all(desk.chunks)
        desk.chunks = []
        bar = replay.row(BAR_ROW)
        if typed in bar and found in bar and "read" not in bar:
            break
        desk.pass_time(0.1)
    else:
        raise AssertionError(f"{typed!r} was never searched: {bar!r}")
    held = float(desk.ask("held"))
    desk.type(ESCAPE)
    desk.pass_time(0.5)
    desk.type(b"G")
    desk.settle(0.2)
    return held
