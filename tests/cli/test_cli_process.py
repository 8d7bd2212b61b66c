"""The real program: pipes that break, disks that fill, interrupts, terminals."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from chronotui.demo.routes import Dialect
from tests.terminal import Terminal

from .conftest import demo_config

if TYPE_CHECKING:
    from collections.abc import Callable

    from chronotui.demo.server import DemoServer
    from tests.conftest import MakeDemo

    from .conftest import Command

PROGRAM = [sys.executable, "-m", "chronotui"]
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX only")


def test_json_goes_through_a_pipe(signed_up: Command) -> None:
    ended = subprocess.run(
        [*PROGRAM, "workflows", "-o", "json"], capture_output=True, check=True
    )
    assert any("注文イベント" in one["name"] for one in json.loads(ended.stdout))
    assert ended.stderr == b""


def test_a_reader_who_leaves_is_no_error(signed_up: Command) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    ended = subprocess.run(
        [*PROGRAM, "workflows"], stdout=writer, stderr=subprocess.PIPE, check=False
    )
    os.close(writer)
    assert (ended.returncode, ended.stderr) == (141, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_behind_standard_output_is_exit_6(signed_up: Command) -> None:
    with Path("/dev/full").open("wb") as full:
        ended = subprocess.run(
            [*PROGRAM, "workflows"], stdout=full, stderr=subprocess.PIPE, check=False
        )
    assert ended.returncode == 6
    assert b"Standard output cannot be written: No space left" in ended.stderr
    assert b"Traceback" not in ended.stderr


def test_closed_standard_streams_are_no_traceback(signed_up: Command) -> None:
    command = " ".join([*PROGRAM, "workflows", ">&-", "2>&-"])
    ended = subprocess.run(["sh", "-c", command], capture_output=True, check=False)
    assert (ended.returncode, ended.stderr) == (6, b"")


@pytest.mark.parametrize(
    ("told", "code"),
    [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)],
)
def test_the_demo_serves_until_it_is_told_to_end(
    home: Path, told: signal.Signals, code: int
) -> None:
    with subprocess.Popen(
        [*PROGRAM, "demo", "--serve"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as server:
        assert server.stdout is not None
        url = server.stdout.readline().decode().strip()
        listed = subprocess.run(
            [*PROGRAM, "--url", url, "workflows"], capture_output=True, check=False
        )
        server.send_signal(told)
        _out, words = server.communicate(timeout=60)
    assert listed.returncode == 3
    assert server.returncode == code
    assert b"demo@example.com" in words
    assert b"Traceback" not in words


def test_a_demo_tells_the_sign_in_that_its_dialect_takes(make_demo: MakeDemo) -> None:
    current, documented = make_demo(), make_demo(dialect=Dialect.DOCUMENTED)
    assert current.greeting.endswith(f"{current.email} with {current.password}")
    assert documented.greeting.startswith(f"sign in with the token {documented.token};")
    cookie = documented.greeting.split()[-2]
    assert documented.service.accounts.sessions[cookie].ends_at


def test_the_demo_serves_an_app_and_tells_its_key(home: Path) -> None:
    argv = [*PROGRAM, "demo", "--serve", "--kind", "dify", "--server-version", "1.9.2"]
    with subprocess.Popen(
        argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as server:
        assert server.stdout is not None
        url = server.stdout.readline().decode().strip()
        answer = httpx.get(f"{url}/info")
        server.send_signal(signal.SIGINT)
        _out, words = server.communicate(timeout=60)
    assert (answer.status_code, answer.headers["X-Version"]) == (401, "1.9.2")
    assert server.returncode == 130
    assert b"serving; the key is app-" in words


def test_a_demo_takes_the_options_of_its_kind(run: Command) -> None:
    for argv in (
        ["--kind", "dify", "--dialect", "current"],
        ["--server-version", "1.9.2"],
    ):
        ended = run("demo", "--serve", *argv)
        assert ended.code == 2
        assert f"{argv[-2]} is not for a demo of this kind" in ended.err


def test_on_a_terminal_the_password_is_asked_for_and_not_shown(
    run: Command, demo: DemoServer, configure: Callable[[str], None]
) -> None:
    configure(demo_config(demo).replace(f'password = "{demo.password}"\n', ""))
    with Terminal(["-m", "chronotui", "workflows"], environment=os.environ) as screen:
        screen.until("Password of demo@example.com for demo")
        screen.press(demo.password, "enter")
        screen.until("nightly-report")
        assert demo.password not in screen.text


def test_a_table_fits_its_terminal(
    run: Command, demo: DemoServer, configure: Callable[[str], None]
) -> None:
    configure(demo_config(demo))
    argv = ["-m", "chronotui", "jobs", "nightly-report", "--limit", "4"]
    with Terminal(argv, environment=os.environ, columns=60) as screen:
        assert screen.wait() == 0
        lines = [line for line in screen.text.splitlines() if line.strip()]
    assert len(lines) == 5
    assert b"\x1b[" in bytes(screen.raw)


@pytest.mark.parametrize("key", ["escape", "ctrl+c"])
def test_the_first_start_on_a_terminal_is_a_form(run: Command, key: str) -> None:
    with Terminal(["-m", "chronotui"], environment=os.environ) as screen:
        screen.until("Welcome to chronotui")
        screen.until("Try the demo")
        screen.press(key)
        assert screen.wait() == 130
        assert "Traceback" not in screen.text
    assert not run.config.exists()
