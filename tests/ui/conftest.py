"""How long the tests of the desk wait for it to rest, and for what they want."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
import textual._wait

from chronotui.ui.desk.status import NOTICE_SECONDS, StatusMessage

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.pilot import Pilot

# Textual calls a process idle that has slept for 20 ms, and asks at every key: half
# of the time these tests take. Half as long a rest says as much.
textual._wait.SLEEP_GRANULARITY = 1 / 100
textual._wait.SLEEP_IDLE = 1 / 1000


@pytest.fixture(autouse=True)
def _sentences_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave what is said for a while in sight until a busy machine has looked."""
    say = StatusMessage.say

    def stay(
        self: StatusMessage, sentence: str, seconds: float = NOTICE_SECONDS
    ) -> None:
        say(self, sentence, 10 * seconds)

    monkeypatch.setattr(StatusMessage, "say", stay)


async def until(pilot: Pilot[Any], holds: Callable[[], object]) -> None:
    """Let the app work until something holds.

    Raises:
        TimeoutError: It does not.
    """
    async with asyncio.timeout(60):
        while not holds():
            await pilot.pause(0.01)
