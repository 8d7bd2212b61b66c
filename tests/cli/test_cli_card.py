"""`card` and `--line` on the command line, against the demo servers."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import pytest

from chronotui.cli.parser import parse
from chronotui.demo.dify_server import DifyDemo
from chronotui.demo.scripts import Script, ScriptLine
from chronotui.model import STDERR

from .conftest import demo_config

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from chronotui.demo.scripts import ScriptedJob
    from chronotui.demo.server import DemoServer

    from .conftest import Command

TRACEBACK = (
    "Traceback (most recent call last):",
    '  File "load.py", line 88, in <module>',
    "ValueError: bad row 31977 ```",
)
ROUTINE = tuple(f"Loading batch {number}" for number in range(60))


def add_job(
    demo: DemoServer,
    *more: ScriptLine,
    ago: int,
    outcome: str = "FAILED",
    rate: int = 10,
) -> ScriptedJob:
    """A job that ended long ago."""
    lines: list[ScriptLine | str] = [*ROUTINE, *more]
    script = Script(lines, starts_in=-ago, rate=rate, ends_after=1, outcome=outcome)
    return demo.world.add_job(script)


def traceback() -> list[ScriptLine]:
    return [ScriptLine(text, stream=STDERR) for text in TRACEBACK]


@pytest.mark.parametrize("dialect", ["demo", "documented_demo"])
def test_a_failed_job_is_told_with_what_is_new(
    run: Command,
    configure: Callable[[str], None],
    request: pytest.FixtureRequest,
    dialect: str,
) -> None:
    demo: DemoServer = request.getfixturevalue(dialect)
    configure(demo_config(demo))
    good = add_job(demo, ago=9000, outcome="COMPLETED")
    job = add_job(demo, *traceback(), ago=6000)
    ended = run("card", "scripted", job.id)
    assert (ended.code, ended.err) == (0, "")
    heading, *_ = ended.out.splitlines()
    assert heading.startswith(f"**`scripted` `{job.id}` FAILED** after 0:07 (usually")
    block = "\n".join(TRACEBACK)
    assert f"{block}\n````\n" in ended.out
    assert f"New against the last good run, `{good.id}`:\n\n````\n" in ended.out
    assert "1× ValueError: bad row # ```" in ended.out
    assert "Log: whole, 63 lines, 0 missing." in ended.out
    truth = demo.world.truth(job.id)[60]
    last = ended.out.splitlines()[-1]
    words = shlex.split(last.removeprefix("Open: `").removesuffix("`"))
    options = parse(words[1:])
    assert options.job == job.id
    assert options.line == f"1:{truth.sequence_num}:stderr"


def test_a_job_that_goes_on_is_told_by_its_newest_lines(
    signed_up: Command, demo: DemoServer
) -> None:
    script = Script([*ROUTINE, *traceback()], starts_in=-300, rate=10)
    job = demo.world.add_job(script)
    ended = signed_up("card", "scripted", job.id)
    assert ended.code == 0
    assert "RUNNING** for 5:0" in ended.out
    assert "Log: the job goes on; newest 63 lines, 0 missing" in ended.out
    assert "New against" not in ended.out


def test_a_log_that_lacks_lines_is_not_whole(
    signed_up: Command, demo: DemoServer
) -> None:
    lost = ScriptLine("lost", retained=None)
    job = add_job(demo, lost, ScriptLine("after"), ago=6000)
    ended = signed_up("card", "scripted", job.id)
    assert ended.code == 6
    assert "Log: not whole: 61 lines, 1 missing" in ended.out


def test_without_a_log_the_card_says_why(signed_up: Command, demo: DemoServer) -> None:
    jobs = signed_up("jobs", "heartbeat-api", "-o", "json", "--limit", "1").json
    ended = signed_up("card", "heartbeat-api", jobs[0]["id"])
    assert ended.code == 4
    assert ended.out.startswith("**`heartbeat-api` `")
    assert "Log: none: " in ended.out
    assert "--line" not in ended.out


def test_the_command_names_the_profile_where_another_is_the_default(
    run: Command, configure: Callable[[str], None], demo: DemoServer
) -> None:
    other = '[profiles.other]\nurl = "http://localhost:1"\n'
    configure(f'default_profile = "other"\n{demo_config(demo)}{other}')
    job = add_job(demo, *traceback(), ago=6000)
    out = run("--profile", "demo", "card", "scripted", job.id).out
    assert "Open: `chronotui --profile demo --workflow " in out
    assert demo.password not in out


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["--line", "3:1"], "--line needs --workflow and --job"),
        (["--workflow", "w", "--line", "3:1"], "--line needs --workflow and --job"),
        (["--workflow", "w", "--job", "j", "--line", "x"], "names no line"),
        (["card", "scripted"], "A job is named by its workflow and its id"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    signed_up: Command, argv: list[str], words: str
) -> None:
    ended = signed_up(*argv)
    assert ended.code == 2
    assert words in ended.err


@pytest.fixture
def app(configure: Callable[[str], None]) -> Iterator[DifyDemo]:
    with DifyDemo() as demo:
        configure(
            f'[profiles.etl]\nkind = "dify"\nurl = "{demo.url}"\n'
            f'[profiles.etl.auth]\nmethod = "bearer"\ntoken = "{demo.key}"\n'
        )
        yield demo


def test_a_run_is_told_with_its_error_and_what_was_not_seen(
    app: DifyDemo, run: Command
) -> None:
    rows = run("runs", "--status", "failed", "--limit", "1", "-o", "json").json
    failed = rows[0]["workflow_run"]
    ended = run("card", failed["id"])
    assert (ended.code, ended.err) == (0, "")
    assert f"run `{failed['id']}` FAILED** after " in ended.out
    first, *_ = failed["error"].splitlines()
    assert f"Error:\n\n```\n{first}" in ended.out
    assert "Not seen: the server keeps no log of a run's steps" in ended.out
    assert ended.out.endswith(f"Open: `chronotui --job {failed['id']}`\n")
    assert app.key not in ended.out
    refused = run("card", failed["id"], "x")
    assert refused.code == 2
    line = run("--job", failed["id"], "--line", "1:1")
    assert line.code == 2
    assert "no lasting numbers" in line.err


def test_a_failed_node_that_was_seen_is_told(app: DifyDemo, run: Command) -> None:
    rows = run("runs", "--status", "running", "--limit", "1", "-o", "json").json
    ended = run("card", rows[0]["workflow_run"]["id"])
    assert "RUNNING** for " in ended.out
