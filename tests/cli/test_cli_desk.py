"""What the desk is opened with; the desk itself is tested in its own room."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from chronotui.cli import desk
from chronotui.ui import app, profiles
from chronotui.ui.profiles import DEMO

from .conftest import demo_config

if TYPE_CHECKING:
    from collections.abc import Callable

    from chronotui.demo.server import DemoServer
    from chronotui.storage.settings import Config, Profile

    from .conftest import Command


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Profile, dict[str, Any]]]:
    """Desks that were opened, on a terminal that is pretended."""
    desks: list[tuple[Profile, dict[str, Any]]] = []

    def run_desk(profile: Profile, config: Config, **more: object) -> int:
        desks.append((profile, {**more, "config": config}))
        return 0

    monkeypatch.setattr(desk, "has_screen", lambda: True)
    monkeypatch.setattr(app, "run_desk", run_desk)
    return desks


def test_without_a_command_the_desk_opens_where_it_is_told(
    signed_up: Command, demo: DemoServer, opened: list[tuple[Profile, dict[str, Any]]]
) -> None:
    assert signed_up("--workflow", "etl", "--job", "3f").code == 0
    ((profile, more),) = opened
    assert profile.url == demo.url
    assert (more["workflow"], more["job"]) == ("etl", "3f")


def test_a_server_named_by_its_url_needs_no_profile(
    run: Command, opened: list[tuple[Profile, dict[str, Any]]]
) -> None:
    assert run("--url", "http://localhost:8080/").code == 0
    assert opened[0][0].url == "http://localhost:8080"
    assert opened[0][0].auth.method == "none"


def test_the_demo_opens_on_its_own_server(
    run: Command, opened: list[tuple[Profile, dict[str, Any]]]
) -> None:
    assert run("demo", "--workflow", "etl-orders", "--lines", "10").code == 0
    ((profile, more),) = opened
    assert profile.name == "demo"
    assert profile.url.startswith("http://127.0.0.1:")
    assert (more["workflow"], more["demo"]) == ("etl-orders", True)


def test_the_demo_is_shown_as_it_is_configured(
    run: Command,
    configure: Callable[[str], None],
    opened: list[tuple[Profile, dict[str, Any]]],
) -> None:
    configure('[ui]\ntheme = "textual-light"\n[keys]\n"log.follow" = "f12"\n')
    assert run("demo", "--lines", "10").code == 0
    config: Config = opened[0][1]["config"]
    assert config.ui.theme == "textual-light"
    assert config.keys == {"log.follow": "f12"}


def test_the_first_start_makes_a_profile_and_opens_it(
    run: Command,
    demo: DemoServer,
    configure: Callable[[str], None],
    opened: list[tuple[Profile, dict[str, Any]]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def form(_path: object) -> str:
        configure(demo_config(demo))
        return "demo"

    monkeypatch.setattr(profiles, "run_first_run", form)
    assert run().code == 0
    assert opened[0][0].url == demo.url
    assert run().code == 0
    assert len(opened) == 2


def test_the_first_start_may_lead_into_the_demo_or_nowhere(
    run: Command,
    opened: list[tuple[Profile, dict[str, Any]]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(profiles, "run_first_run", lambda _path: DEMO)
    assert run().code == 0
    assert opened[0][0].name == "demo"
    monkeypatch.setattr(profiles, "run_first_run", lambda _path: None)
    assert run().code == 130
    assert len(opened) == 1
    assert not run.config.exists()
