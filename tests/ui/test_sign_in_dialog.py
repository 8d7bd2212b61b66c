from __future__ import annotations

import asyncio

import pytest
from msgspec.structs import replace
from textual.app import App, ComposeResult
from textual.widgets import Input

from chronotui.engine.client import SecretQuestion
from chronotui.errors import NotSignedInError
from chronotui.ui.app import TypedAhead
from chronotui.ui.dialogs import SecretDialog, ask_in_dialog
from tests.ui.conftest import until

QUESTION = SecretQuestion("password", "prod", "a@b.c", "https://h/api")


class Asking(App[None]):
    """Asks from a task of its own, as the engine does."""

    def __init__(self) -> None:
        super().__init__()
        self.asking: asyncio.Task[str] | None = None

    def on_mount(self) -> None:
        self.asking = asyncio.create_task(ask_in_dialog(self, QUESTION))


async def test_the_answer_is_what_was_typed_and_is_not_shown() -> None:
    app = Asking()
    async with app.run_test() as pilot:
        await pilot.pause()
        assert isinstance(app.screen, SecretDialog)
        assert app.screen.query_one(Input).password
        await pilot.press("enter")
        assert isinstance(app.screen, SecretDialog)
        await pilot.press(*"hunter2", "enter")
        assert app.asking is not None
        assert await app.asking == "hunter2"
        assert not isinstance(app.screen, SecretDialog)


async def test_it_waits_for_a_hand_that_types() -> None:
    class Typing(TypedAhead[None]):
        def compose(self) -> ComposeResult:
            yield Input(id="filter")

    app = Typing()
    async with app.run_test() as pilot:
        app.query_one("#filter", Input).focus()
        await pilot.press("a")
        app.key_at += 3600  # a long way from resting
        asking = asyncio.create_task(ask_in_dialog(app, QUESTION))
        await pilot.press("b")
        assert app.query_one("#filter", Input).value == "ab"
        app.key_at = 0.0
        await until(pilot, lambda: isinstance(app.screen, SecretDialog))
        await pilot.press("x", "enter")
        assert await asking == "x"


@pytest.mark.parametrize("way", ["escape", "#cancel"])
async def test_declining_is_not_signed_in(way: str) -> None:
    app = Asking()
    async with app.run_test() as pilot:
        await pilot.pause()
        if way.startswith("#"):
            await pilot.click(way)
        else:
            await pilot.press(way)
        assert app.asking is not None
        with pytest.raises(NotSignedInError, match="No password was given for prod"):
            await app.asking


async def test_why_it_is_asked_again_and_what_becomes_of_it_is_said() -> None:
    class Again(App[None]):
        def on_mount(self) -> None:
            asked = replace(QUESTION, kind="token", is_again=True)
            self.asking = asyncio.create_task(ask_in_dialog(self, asked))

    app = Again()
    async with app.run_test(size=(80, 20)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, SecretDialog))
        picture = app.export_screenshot().replace("&#160;", " ")
        assert "The server does not take the one given before." in picture
        assert "It is sent to this server only, and not kept." in picture
        app.asking.cancel()


async def test_a_cancelled_question_takes_its_dialog_away() -> None:
    app = Asking()
    async with app.run_test() as pilot:
        await pilot.pause()
        assert app.asking is not None
        app.asking.cancel()
        await asyncio.wait([app.asking])
        await pilot.pause()
        assert not isinstance(app.screen, SecretDialog)


async def test_hostile_words_are_shown_harmlessly() -> None:
    class Hostile(App[None]):
        def on_mount(self) -> None:
            self.push_screen(SecretDialog("Password [/] of \x1b[2J [red]x"))

    app = Hostile()
    async with app.run_test(size=(60, 20)) as pilot:
        await pilot.pause()
        picture = app.export_screenshot()
    assert "[/]" in picture
    assert "\x1b" not in picture
