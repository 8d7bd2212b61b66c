"""Four things one wants at 3 a.m., by as few keys as were promised.

The keys are pressed in the real program, beginning with ``chronotui demo``. A typed
word counts as one key; between keys nothing is done but to look at the screen.
"""

from __future__ import annotations

import json
import re
from base64 import b64decode
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

import pytest

from chronotui.demo.world import World
from tests.terminal import Terminal, environment_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Seen: TypeAlias = str | Callable[[str], bool]

pytestmark = pytest.mark.timeout(300)

SECONDS: Final = 120.0
"""How long the screen may take to show what a key has asked for."""


class Step(NamedTuple):
    """A key, or a typed word, and what it brings on the screen before the next."""

    key: str
    brings: Seen


def play(terminal: Terminal, *steps: Step, most: int) -> None:
    assert len(steps) <= most
    terminal.until("connected", seconds=SECONDS)
    terminal.until("nightly-report", seconds=SECONDS)
    for step in steps:
        terminal.press(step.key)
        terminal.until(step.brings, seconds=SECONDS)


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    """The demo's desk in a terminal."""
    command, environment = ["-m", "chronotui", "demo"], environment_for(tmp_path)
    with Terminal(command, environment=environment, folder=tmp_path) as opened:
        yield opened


def pasted(terminal: Terminal) -> str:
    """Return what was sent to the terminal for its clipboard last."""
    found = re.findall(rb"\x1b\]52;c;([A-Za-z0-9+/=]+)(?:\x07|\x1b\\)", terminal.raw)
    return b64decode(found[-1]).decode()


def test_the_last_error_of_a_failing_job_is_pasted_with_its_context(
    terminal: Terminal,
) -> None:
    play(
        terminal,
        Step("enter", "2:05"),  # nightly-report unfolds, its jobs are there
        Step("j", "RUNNING"),
        Step("j", "FAILED"),
        Step("c", lambda text: "Card of" in text and "reading" not in text),
        Step("y", "Sent the card"),
        most=5,
    )
    card = pasted(terminal)
    assert "nightly-report" in card
    assert "FAILED" in card
    assert "Traceback (most recent call last):" in card
    assert "RuntimeError: gave up after 5 tries, see above" in card
    assert "--workflow" in card.splitlines()[-1]


def test_the_report_of_last_night_is_saved_as_jsonl_to_a_path(
    terminal: Terminal, tmp_path: Path
) -> None:
    path = tmp_path / "report.jsonl"
    play(
        terminal,
        Step("enter", "2:05"),
        Step("j", "RUNNING"),
        Step("j", "FAILED"),
        Step("s", "new file"),  # what is highlighted, without opening it
        Step("\x15", "-logs.txt  (new file)"),  # ^u empties the path
        Step(str(path), "new file"),
        Step("enter", "Saved"),
        most=12,
    )
    lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    assert len(lines) > 100
    assert {"sequence_num", "stream", "timestamp", "message_raw"} <= lines[0].keys()


def test_three_running_jobs_are_watched(terminal: Terminal) -> None:
    def all_live(text: str) -> bool:
        heading = text.lstrip().splitlines()[0]
        told = ("event", "etl", "night", "image")
        lines = [line.split()[1] for line in text.splitlines() if " " in line.strip()]
        return (
            re.match(r"[3-9] jobs merged by time", heading) is not None
            and "● LIVE" in text
            and sum(tag in lines for tag in told) >= 3
        )

    play(terminal, Step("M", all_live), most=4)


def test_the_first_timeout_of_the_million_line_job_is_open(terminal: Terminal) -> None:
    world = World()
    log = world.newest_job("ledger-replay").log
    lines = log.oldest(None, 5000, world.clock.now_ns())
    first = next(line for line in lines if "timeout" in line.message)
    play(
        terminal,
        Step("/", "▸ ledger-replay"),
        Step("ledger", lambda text: "/ ledger" in text and "▸ image" not in text),
        Step("enter", lambda text: "▸ ledger-replay" in text and "⏎ open" in text),
        Step("R", "Across runs  ledger-replay"),
        Step("timeout", "find timeout"),
        Step("enter", first.message),
        Step("enter", lambda text: f"line {first.sequence_num:,} " in text),
        most=8,
    )
    text = terminal.until(first.message, seconds=SECONDS)
    assert "COMPLETED" in text
    assert text.count("timeout after") == 1
