from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING

import pytest

from chronotui.cli import output as terminal
from chronotui.cli import profiles as login
from chronotui.cli.desk import demo_profile
from chronotui.cli.output import say
from chronotui.engine.client import open_client

from .conftest import demo_config

if TYPE_CHECKING:
    from collections.abc import Callable

    from chronotui.demo.server import DemoServer
    from chronotui.engine.client import SecretQuestion

    from .conftest import Command


class Screen(io.StringIO):
    """A stream that is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("variables", "colour"),
    [
        ({"TERM": "xterm"}, True),
        ({"TERM": "xterm", "NO_COLOR": "1"}, False),
        ({"TERM": "xterm", "NO_COLOR": ""}, True),
        ({"TERM": "dumb"}, False),
        ({"TERM": ""}, False),
    ],
)
def test_colour_is_for_terminals_that_want_it(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], colour: bool
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert terminal.shows_colour(Screen()) is colour
    assert not terminal.shows_colour(io.StringIO())


def test_a_terminal_gets_what_its_encoding_has(monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.BytesIO()
    stream = io.TextIOWrapper(written, "iso8859-1")
    monkeypatch.setattr(stream, "isatty", lambda: True)
    monkeypatch.setattr(sys, "stdout", stream)
    output = terminal.Output()
    output.write("é … x\n")
    output.flush()
    assert written.getvalue() == b"\xe9 ? x\n"


def test_what_is_no_character_goes_out_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, "utf-8"))
    output = terminal.Output()
    output.write("힣 é\n")
    output.write_bytes("\ud800 힣 \udc00\n".encode(errors="surrogatepass"))
    output.flush()
    assert written.getvalue().decode() == "힣 é\n\ufffd 힣 \ufffd\n"


def test_a_stream_that_is_closed_or_absent_is_no_terminal() -> None:
    closed = io.StringIO()
    closed.close()
    assert not terminal.is_terminal(closed)
    assert not terminal.is_terminal(None)
    assert terminal.columns(None) > 0


@pytest.mark.parametrize(
    ("named", "columns"), [("60", 60), ("0", 80), ("wide", 80), ("-1", 80)]
)
def test_the_width_is_the_environments_then_the_terminals(
    monkeypatch: pytest.MonkeyPatch, named: str, columns: int
) -> None:
    monkeypatch.setenv("COLUMNS", named)
    assert terminal.columns(Screen()) == columns


def test_words_for_people_never_fail_and_do_no_harm(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Latin(io.StringIO):
        encoding = "latin-1"

    stream = Latin()
    monkeypatch.setattr(sys, "stderr", stream)
    say("ü東\x1b[2J\nnext")
    assert stream.getvalue() == "ü\\u6771\\u241b[2J\nnext\n"
    stream.close()
    say("into nothing")
    monkeypatch.setattr(sys, "stderr", None)
    say("into nothing")


def test_a_value_may_be_the_name_of_a_command(
    signed_up: Command, demo: DemoServer
) -> None:
    ended = signed_up("--profile", "jobs", "workflows", "-o", "json")
    assert "no profile 'jobs'" in ended.err
    assert signed_up("jobs", "logs").code == 4


def test_a_profile_is_tried_at_another_address(
    signed_up: Command, documented_demo: DemoServer, demo: DemoServer
) -> None:
    demo.stop()
    assert signed_up("profile", "test", "demo").code == 5
    ended = signed_up("profile", "test", "demo", "--url", "http://127.0.0.1:1")
    assert "127.0.0.1:1 refused" in ended.err


def test_an_answer_that_was_right_goes_to_the_keyring_when_asked_for(
    run: Command,
    demo: DemoServer,
    configure: Callable[[str], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from chronotui.storage import secrets as keyring_store

    kept: list[str] = []
    plain = f'password = "{demo.password}"'
    configure(demo_config(demo).replace(plain, "password_keyring = true"))
    monkeypatch.setattr(keyring_store, "read_keyring", lambda _source: None)
    monkeypatch.setattr(
        keyring_store,
        "write_keyring",
        lambda source, secret: kept.append(f"{source.profile} {secret.reveal()}"),
    )

    async def answer(question: SecretQuestion) -> str:
        return demo.password if question.kind == "password" else ""

    monkeypatch.setattr(login, "ask_on_terminal", answer)
    monkeypatch.setattr(login, "may_ask", lambda: True)
    assert run("login").code == 0
    assert kept == [f"demo {demo.password}"]


@pytest.mark.parametrize("dialect", ["demo", "documented_demo"])
async def test_the_demos_own_profile_signs_in(
    request: pytest.FixtureRequest, dialect: str
) -> None:
    server: DemoServer = request.getfixturevalue(dialect)
    client = open_client(demo_profile(server), remember=False)
    try:
        assert (await client.workflows()).items
    finally:
        await client.aclose()
