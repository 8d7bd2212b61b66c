"""Dialogs whose lists and inputs have no box of their own inside the dialog's."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
from rich.style import Style
from rich.text import Text
from textual.app import App
from textual.widgets import OptionList

from chronotui.model import LogLine, SearchPage
from chronotui.storage.settings import Config, Profile
from chronotui.ui.desk.server_search import ServerSearchScreen
from chronotui.ui.profiles import ProfilesScreen

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.screen import Screen


async def nothing(_query: str, _cursor: str | None) -> SearchPage:
    raise AssertionError("nobody asked for anything")


async def one_hit(_query: str, _cursor: str | None) -> SearchPage:
    return SearchPage((LogLine(1, 1, "stdout", None, "a needle"),), ((),))


def searching() -> Screen[Any]:
    return ServerSearchScreen(nothing)


def profiles() -> Screen[Any]:
    profiles = {"prod": Profile("prod", "https://h"), "b": Profile("b", "https://b")}
    return ProfilesScreen(Config(Path("/dev/null"), profiles=profiles), "prod")


def picture(app: App[None]) -> str:
    return app.export_screenshot().replace("&#160;", " ")


@pytest.mark.parametrize("make", [searching, profiles])
async def test_there_is_no_box_in_the_box(make: Callable[[], Screen[Any]]) -> None:
    app = App[None]()
    async with app.run_test(size=(60, 20)) as pilot:
        app.push_screen(make())
        await pilot.pause()
        assert "▔▔" not in picture(app)


@pytest.mark.parametrize("theme", ["textual-dark", "textual-light"])
async def test_the_time_of_a_hit_is_muted_and_readable(theme: str) -> None:
    app = App[None]()
    app.theme = theme
    async with app.run_test(size=(60, 20)) as pilot:
        screen = ServerSearchScreen(one_hit, "needle")
        app.push_screen(screen)
        await pilot.pause()
        await app.workers.wait_for_complete()
        label = screen.query_one(OptionList).get_option_at_index(0).prompt
        assert isinstance(label, Text)
        assert label.plain == "no time   a needle"
        style = label.spans[0].style
        assert isinstance(style, Style)
        assert style.color is not None
        muted = style.color.get_truecolor()
        assert 60 < sum(muted) / 3 < 200


async def two_pages(_query: str, cursor: str | None) -> SearchPage:
    numbers = (3, 2) if cursor is None else (1, 0)
    at = 1_700_000_000_123_000_000
    lines = tuple(LogLine(1, n, "stdout", at, f"needle {n}") for n in numbers)
    return SearchPage(lines, ((), ()), None if cursor else "more")


async def test_hits_are_turned_round_once_all_are_read() -> None:
    app = App[None]()
    async with app.run_test(size=(80, 20)) as pilot:
        screen = ServerSearchScreen(two_pages, "needle", zone=ZoneInfo("Asia/Kolkata"))
        app.push_screen(screen)
        await pilot.pause()
        await app.workers.wait_for_complete()
        listed = screen.query_one(OptionList)

        def hits() -> list[str]:
            return [str(option.prompt)[-1] for option in listed.options]

        assert str(listed.options[0].prompt) == "2023-11-15 03:43:20.123   needle 3"
        await pilot.press("o")
        await app.workers.wait_for_complete()
        await pilot.pause()
        assert hits() == ["0", "1", "2", "3"]
        assert "4 found, the oldest first" in picture(app)
        await pilot.press("o")
        await pilot.pause()
        assert hits() == ["3", "2", "1", "0"]


async def test_what_is_searched_on_the_server_is_seen_while_typed() -> None:
    app = App[None]()
    async with app.run_test(size=(60, 20)) as pilot:
        app.push_screen(searching())
        await pilot.pause()
        await pilot.press(*"needle")
        assert "needle" in picture(app)
