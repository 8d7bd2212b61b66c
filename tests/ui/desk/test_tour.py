"""The lines over a demo's desk: seen until dismissed, and then never again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chronotui.demo.dify_server import DifyDemo
from chronotui.demo.server import DemoServer
from chronotui.ui.desk.tour import AWAY
from tests.terminal import Terminal, environment_for
from tests.ui.desk.scenes import desk_on, press, shown, still_server, until

if TYPE_CHECKING:
    from pathlib import Path

LINES = ("one thing to see", "another", "a third")


async def test_the_tour_stands_over_the_desk_until_it_is_dismissed() -> None:
    dismissed = []
    with still_server() as server:
        app = desk_on(server, tour=LINES, dismiss_tour=lambda: dismissed.append("away"))
        async with app.run_test(size=(80, 24)) as pilot:
            await until(pilot, lambda: "nightly-report" in shown(pilot))
            rows = shown(pilot).splitlines()
            assert [row.strip() for row in rows[:2]] == list(LINES[:2])
            assert rows[2].split() == ["a", "third", "esc:", "not", "again"]
            await pilot.resize_terminal(80, 19)
            await until(pilot, lambda: "a third" not in shown(pilot))
            await pilot.resize_terminal(60, 20)
            await until(pilot, lambda: "a third" in shown(pilot))
            await press(pilot, "tab", "escape")
            assert not dismissed
            await press(pilot, "escape")
            await until(pilot, lambda: "a third" not in shown(pilot))
    assert dismissed == ["away"]


def test_a_demo_of_all_or_of_a_fleet_has_a_tour() -> None:
    assert len(DemoServer().tour) == 3
    for tour in (DemoServer().tour, DifyDemo().tour):
        assert all(len(line) <= 58 for line in tour)
        assert len(tour[-1]) + len(AWAY) < 58
    assert DemoServer(fleet=30).tour == DemoServer().tour
    assert DemoServer(plans=()).tour == ()


def test_once_dismissed_the_tour_of_the_demo_stays_away(tmp_path: Path) -> None:
    environment = environment_for(tmp_path)
    command = ["-m", "chronotui", "demo"]
    with Terminal(command, environment=environment) as terminal:
        terminal.until("queue-sweeper runs every minute")
        terminal.until("connected")
        terminal.press("escape")
        terminal.until(lambda text: "runs every minute" not in text)
        terminal.press("q")
        assert terminal.wait() == 0
    with Terminal(command, environment=environment) as terminal:
        terminal.until("connected")
        assert "runs every minute" not in terminal.text
        terminal.press("q")
        assert terminal.wait() == 0
