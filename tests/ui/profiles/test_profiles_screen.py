"""Profiles are added, changed, tried, chosen and removed inside the desk."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from textual.app import App
from textual.widgets import Input, OptionList, Static

from chronotui.storage.config import load_config
from chronotui.ui.desk.board import BoardScreen
from chronotui.ui.dialogs import RadioRow
from chronotui.ui.profiles import ProfileForm, ProfilesScreen
from tests.ui.conftest import until
from tests.ui.desk.scenes import desk_on, press, still_server, until_shown

if TYPE_CHECKING:
    from pathlib import Path

    from chronotui.demo.server import DemoServer
    from chronotui.storage.settings import Config

SECRET = "not-for-eyes"


@pytest.fixture(autouse=True)
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture
def path(tmp_path: Path, demo: DemoServer) -> Path:
    """A configuration with a working profile and one that holds its secret."""
    file = tmp_path / "config.toml"
    file.write_text(
        f"""# ours
default_profile = "works"
[profiles.works]
url = "{demo.url}"
poll_seconds = 2.0   # gently
auth = {{ method = "session", email = "{demo.email}", password_env = "PW" }}

[profiles.holds]
url = "http://127.0.0.1:1"
[profiles.holds.auth]
method = "bearer"
token = "{SECRET}"
""",
        encoding="utf-8",
    )
    file.chmod(0o600)
    return file


@pytest.fixture(autouse=True)
def password(monkeypatch: pytest.MonkeyPatch, demo: DemoServer) -> None:
    monkeypatch.setenv("PW", demo.password)


class Host(App[None]):
    """The list of profiles, and what it told."""

    def __init__(self, path: Path, current: str = "works") -> None:
        super().__init__()
        self._path, self._current = path, current
        self.answers: list[str | None] = []
        self.configs: list[Config] = []

    def on_mount(self) -> None:
        config = load_config(self._path)
        screen = ProfilesScreen(config, self._current, changed=self.configs.append)
        self.push_screen(screen, self.answers.append)


def told(app: Host) -> str:
    return str(app.screen.query_one("#told", Static).render())


def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


def fill(app: Host, **values: str) -> ProfileForm:
    form = app.screen
    assert isinstance(form, ProfileForm)
    for name, value in values.items():
        form.query_one(f"#{name}", Input).value = value
    return form


def in_list(app: Host) -> bool:
    return isinstance(app.screen, ProfilesScreen)


async def test_a_profile_is_added_once_it_works(path: Path, demo: DemoServer) -> None:
    app = Host(path)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("a")
        fill(app, name="new", url=demo.url, email=demo.email, command="printenv PW")
        await pilot.press("ctrl+s")
        await until(pilot, lambda: in_list(app) and "new was added" in told(app))
        await pilot.press("enter")
    assert app.answers == ["new"]
    text = text_of(path)
    assert text.startswith("# ours")
    assert app.configs[-1].profiles["new"].auth.password_command == "printenv PW"
    assert app.configs[-1].default_profile == "works"


async def test_editing_keeps_what_the_form_does_not_show(
    path: Path, demo: DemoServer
) -> None:
    app = Host(path)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("e")
        form = fill(app, url=demo.url + "/")
        assert form.query_one("#name", Input).disabled
        assert "the variable PW" in form.query_one("#command", Input).placeholder
        await pilot.press("ctrl+s")
        await until(pilot, lambda: in_list(app) and "enter connects anew" in told(app))
    profile = load_config(path).profiles["works"]
    assert (profile.url, profile.poll_seconds) == (demo.url, 2.0)
    assert profile.auth.password_env == "PW"
    assert "# gently" in text_of(path)


async def test_an_untried_change_is_saved_when_asked_for(path: Path) -> None:
    app = Host(path)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("j", "e")
        fill(app, url="http://127.0.0.1:2")
        await pilot.press("ctrl+s")
        await until(pilot, lambda: "refused the connection" in told(app))
        assert load_config(path).profiles["holds"].url == "http://127.0.0.1:1"
        assert "ctrl+o" in told(app)
        await pilot.press("ctrl+o")
        await until(pilot, lambda: in_list(app))
    profile = load_config(path).profiles["holds"]
    assert profile.url == "http://127.0.0.1:2"
    assert profile.auth.token is not None
    assert profile.auth.token.reveal() == SECRET


async def test_a_secret_is_never_shown_and_what_is_dropped_is_said(path: Path) -> None:
    app = Host(path)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("j", "e")
        form = fill(app)
        assert "stands in the file" in form.query_one("#command", Input).placeholder
        assert SECRET not in app.export_screenshot()
        form.query_one("#method", RadioRow).place = 3
        await until(pilot, lambda: "takes out token" in told(app))
        form.query_one("#method", RadioRow).place = 1
        await until(pilot, lambda: "takes out" not in told(app))
        fill(app, command="pass show t")
        await until(pilot, lambda: "takes out token" in told(app))
        await pilot.press("ctrl+o")
        await until(pilot, lambda: in_list(app))
    auth = load_config(path).profiles["holds"].auth
    assert (auth.token, auth.token_command) == (None, "pass show t")


async def test_another_kind_takes_its_own_way_to_sign_in(path: Path) -> None:
    app = Host(path)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("e")
        form = fill(app)
        form.query_one("#kind", RadioRow).place = 1
        await until(pilot, lambda: "takes out password_env" in told(app))
        assert form.query_one("#method", RadioRow).value == "bearer"
        await pilot.press("ctrl+o")
        await until(pilot, lambda: in_list(app))
    profile = load_config(path).profiles["works"]
    assert (profile.kind, profile.auth.method) == ("dify", "bearer")
    assert profile.auth.password_env == ""


async def test_comments_stay_whatever_the_layout(path: Path) -> None:
    text = "# mine\nprofiles.a = { url = 'http://127.0.0.1:1' }\n"
    write(path, text)
    app = Host(path, "a")
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("e")
        fill(app, url="http://127.0.0.1:2").query_one("#method", RadioRow).place = 2
        await pilot.press("ctrl+o")
        await until(pilot, lambda: in_list(app))
    assert load_config(path).profiles["a"].url == "http://127.0.0.1:2"
    assert text_of(path).startswith("# mine\n")


@pytest.mark.parametrize(
    ("keys", "words"), [(("t",), "answers in"), (("j", "t"), "refused the connection")]
)
async def test_a_connection_is_tried(
    path: Path, keys: tuple[str, ...], words: str
) -> None:
    app = Host(path)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press(*keys)
        await until(pilot, lambda: words in told(app))
        assert SECRET not in told(app)


async def test_removing_asks_first(path: Path) -> None:
    app = Host(path)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("d", "n")
        await until(pilot, lambda: in_list(app))
        assert "works" in load_config(path).profiles
        await pilot.press("d", "enter")
        await until(pilot, lambda: in_list(app))
        assert "works" in load_config(path).profiles
        await pilot.press("d", "y")
        await until(pilot, lambda: in_list(app) and "was removed" in told(app))
    assert list(load_config(path).profiles) == ["holds"]
    assert app.configs[-1].default_profile is None
    assert "# ours" in text_of(path)


async def test_kinds_are_told_where_there_are_several(path: Path) -> None:
    def rows(app: Host) -> list[str]:
        listed = app.screen.query_one(OptionList)
        prompts = (listed.get_option_at_index(row).prompt for row in range(2))
        return [str(prompt).rstrip() for prompt in prompts]

    app = Host(path)
    async with app.run_test(size=(80, 24)):
        assert not any(row.endswith("Chronoverse") for row in rows(app))
    write(
        path, text_of(path).replace("[profiles.holds]", "[profiles.holds]\nkind='dify'")
    )
    app = Host(path)
    async with app.run_test(size=(80, 24)):
        works, holds = rows(app)
        assert works.endswith("  Chronoverse")
        assert holds.endswith("  Dify")


async def test_another_profile_becomes_the_default(path: Path) -> None:
    app = Host(path)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("j", "u")
        assert "holds is the default" in told(app)
    assert load_config(path).default_profile == "holds"


async def test_the_desk_goes_to_a_profile_that_was_just_added(
    tmp_path: Path, demo: DemoServer
) -> None:
    file = tmp_path / "config.toml"
    with still_server() as server:
        app = desk_on(server)
        app.config = load_config(file)
        async with app.run_test(size=(80, 24)) as pilot:
            await until_shown(pilot, "nightly-report")
            await press(pilot, "B")
            await until(pilot, lambda: isinstance(app.screen, BoardScreen))
            await press(pilot, "P")
            await until_shown(pilot, "no profiles yet")
            await press(pilot, "a")
            form = app.screen
            for name, value in {"name": "new", "url": demo.url}.items():
                form.query_one(f"#{name}", Input).value = value
            form.query_one("#email", Input).value = demo.email
            form.query_one("#command", Input).value = "printenv PW"
            await press(pilot, "ctrl+s")
            await until_shown(pilot, "new was added")
            before = app.desk
            await press(pilot, "enter")
            await until_shown(pilot, " new  ● connected")
            assert app.desk is not before
            assert not before.is_attached
