from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from textual.widgets import Input, Static

from chronotui.demo.dify_server import DifyDemo
from chronotui.errors import ConfigError
from chronotui.storage.config import load_config
from chronotui.ui.dialogs import RadioRow, SecretDialog
from chronotui.ui.profiles import DEMO, FirstRunApp, ProfileDraft, ProfileForm
from tests.ui.conftest import until

if TYPE_CHECKING:
    from pathlib import Path

    from chronotui.demo.server import DemoServer


@pytest.fixture(autouse=True)
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


def fill(app: FirstRunApp, **values: str) -> ProfileForm:
    form = app.screen
    assert isinstance(form, ProfileForm)
    for name, value in values.items():
        form.query_one(f"#{name}", Input).value = value
    return form


def told(form: ProfileForm) -> str:
    return str(form.query_one("#told", Static).render())


async def test_a_server_that_takes_the_sign_in_becomes_the_default_profile(
    tmp_path: Path, demo: DemoServer
) -> None:
    path = tmp_path / "new" / "config.toml"
    app = FirstRunApp(path)
    async with app.run_test() as pilot:
        await pilot.pause()
        fill(app, url=demo.url, email=demo.email)
        await pilot.press("ctrl+s")
        await until(pilot, lambda: isinstance(app.screen, SecretDialog))
        app.screen.query_one(Input).value = demo.password
        await pilot.press("enter")
        await until(pilot, lambda: app.return_value is not None)
    assert app.return_value == "local"
    config = load_config(path)
    assert config.default_profile == "local"
    assert config.profiles["local"].auth.email == demo.email
    assert demo.password not in path.read_text()


async def test_what_does_not_work_is_said_and_not_saved(
    tmp_path: Path, demo: DemoServer
) -> None:
    path = tmp_path / "config.toml"
    app = FirstRunApp(path)
    async with app.run_test() as pilot:
        await pilot.pause()
        form = fill(app, name="no name", url="https://h", email="a@b.c")
        await pilot.press("ctrl+s")
        await until(pilot, lambda: "The name must be" in told(form))
        fill(app, name="prod", url="nonsense")
        await pilot.press("ctrl+s")
        await until(pilot, lambda: "The URL must begin with http" in told(form))
        fill(app, url=demo.url, email="")
        await pilot.press("ctrl+s")
        await until(pilot, lambda: "e-mail of the account is missing" in told(form))
        fill(app, url="http://127.0.0.1:1", email="a@b.c", command="echo x")
        await pilot.press("ctrl+s")
        await until(pilot, lambda: "refused the connection" in told(form))
        assert form.query_one("#told").has_class("-problem")
    assert not path.exists()


async def test_the_fields_follow_the_way_to_sign_in(tmp_path: Path) -> None:
    app = FirstRunApp(tmp_path / "config.toml")
    async with app.run_test(size=(60, 20)) as pilot:
        await pilot.pause()
        form = fill(app)
        form.query_one("#method", RadioRow).focus()
        await pilot.press("right")
        assert not form.query_one("#row-email").display
        assert form.query_one("#row-command").display
        await pilot.press("left", "left")
        assert not form.query_one("#row-command").display


async def test_the_form_asks_in_the_words_of_the_kind(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    app = FirstRunApp(path)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        form = fill(app, name="etl")
        url, method = form.query_one("#url", Input), form.query_one("#method", RadioRow)
        welcome = form.query_one("#welcome", Static)
        assert "chrono.example.com/api" in url.placeholder
        form.query_one("#kind", RadioRow).focus()
        await pilot.press("right")
        assert "Where is your Dify app?" in str(welcome.render())
        assert url.placeholder == "https://api.dify.ai/v1 or https://HOST/v1"
        assert method.value == "bearer"
        assert not form.query_one("#row-email").display
        method.focus()
        await pilot.press("right", "right")
        assert method.value == "bearer"
        fill(app, url="https://dify.test", command="pass show dify/etl")
        await pilot.press("ctrl+o")
        await until(pilot, lambda: app.return_value is not None)
    profile = load_config(path).profiles["etl"]
    assert (profile.kind, profile.auth.method) == ("dify", "bearer")
    assert profile.auth.token_command == "pass show dify/etl"


async def test_an_app_is_tried_before_it_is_saved(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    app = FirstRunApp(path)
    with DifyDemo(rows=()) as server:
        async with app.run_test(size=(80, 24)) as pilot:
            await pilot.pause()
            form = fill(app, url=f"{server.origin}/console", command="echo app-wrong")
            form.query_one("#kind", RadioRow).place = 1
            await pilot.press("ctrl+s")
            await until(pilot, lambda: "forgot /v1?" in told(form))
            fill(app, url=server.origin)
            await pilot.press("ctrl+s")
            await until(pilot, lambda: "Access token is invalid" in told(form))
            assert not path.exists()
            fill(app, command=f"echo {server.key}")
            await pilot.press("ctrl+s")
            await until(pilot, lambda: app.return_value is not None)
    assert load_config(path).profiles["local"].kind == "dify"


async def test_a_way_to_sign_in_that_both_kinds_take_stays_chosen(
    tmp_path: Path,
) -> None:
    app = FirstRunApp(tmp_path / "config.toml")
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        form = fill(app)
        method = form.query_one("#method", RadioRow)
        form.query_one("#kind", RadioRow).focus()
        await pilot.press("right", "left")
        assert method.value == "bearer"
        welcome = form.query_one("#welcome", Static)
        assert "Where is your Chronoverse server?" in str(welcome.render())


NAMES = {
    "": "prod",
    "https://chrono.example.com/api": "chrono",
    "https://api.dify.ai/v1": "dify",
    "http://10.0.0.7:8080": "prod",
    "http://[::1]:8080": "local",
    "nonsense": "prod",
}


async def test_the_name_follows_the_address_until_it_is_typed(tmp_path: Path) -> None:
    app = FirstRunApp(tmp_path / "config.toml")
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        form = fill(app)
        await until(pilot, lambda: app.focused is form.query_one("#url"))
        for url, name in NAMES.items():
            fill(app, url=url)
            await pilot.pause()
            assert form.query_one("#name", Input).value == name
        fill(app, name="mine")
        fill(app, url="https://other.example.com")
        await pilot.pause()
        assert form.query_one("#name", Input).value == "mine"


async def test_secrets_over_plain_http_are_asked_about_where_it_matters(
    tmp_path: Path,
) -> None:
    path = tmp_path / "config.toml"
    app = FirstRunApp(path)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        form = fill(app, url="https://chrono.lan", email="a@b.c")
        await pilot.pause()
        row = form.query_one("#row-insecure")
        assert not row.display
        fill(app, url="http://chrono.lan")
        await until(pilot, lambda: row.display)
        await pilot.press("ctrl+s")
        await until(pilot, lambda: "not sent over plain http" in told(form))
        form.query_one("#insecure", RadioRow).focus()
        await pilot.press("right", "ctrl+o")
        await until(pilot, lambda: app.return_value is not None)
    assert load_config(path).profiles["chrono"].insecure


@pytest.mark.parametrize(("press", "answer"), [("#demo", DEMO), ("#cancel", None)])
async def test_the_demo_and_leaving_are_at_hand(
    tmp_path: Path, press: str, answer: str | None
) -> None:
    app = FirstRunApp(tmp_path / "config.toml")
    async with app.run_test() as pilot:
        await pilot.pause()
        await pilot.click(press)
        await pilot.pause()
    assert app.return_value == answer
    assert not (tmp_path / "config.toml").exists()


async def test_enter_goes_from_field_to_field(tmp_path: Path) -> None:
    app = FirstRunApp(tmp_path / "config.toml")
    async with app.run_test() as pilot:
        await pilot.pause()
        await pilot.press("enter")
        await until(pilot, lambda: app.focused is app.screen.query_one("#method"))
        await pilot.press("enter", *"me@local")
        assert app.screen.query_one("#email", Input).value == "me@local"
        assert app.screen.query_one("#method", RadioRow).value == "session"


def test_a_draft_keeps_what_stands_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text("# mine\n[profiles.a]\nurl = 'http://h'\n")
    draft = ProfileDraft("b", "dify", "https://x/", "bearer", "ignored", "pass show x")
    edit, profile = draft.prepare(path)
    assert edit.text.startswith('default_profile = "b"\n')
    assert "# mine" in edit.text
    assert profile.auth.token_command == "pass show x"
    assert (profile.kind, profile.url) == ("dify", "https://x")
    with pytest.raises(ConfigError, match="profile a already"):
        ProfileDraft("a", "chronoverse", "http://h", "none").prepare(path)
