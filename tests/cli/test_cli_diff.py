"""`diff` against a real server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from chronotui.cli import output
from chronotui.demo.scripts import Script, ScriptLine
from chronotui.log.suspects import MOST_SUSPECTS
from tests.engine.failing_jobs import failures

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chronotui.demo.scripts import ScriptedJob
    from chronotui.demo.server import DemoServer
    from chronotui.model import LogLine
    from tests.engine.failing_jobs import Failure

    from .conftest import Command

ROUTINE = [f"row {number}" for number in range(300)]


def job_with(
    demo: DemoServer,
    lines: Sequence[ScriptLine | str],
    *,
    begun: int,
    outcome: str = "COMPLETED",
) -> ScriptedJob:
    """A job that began so many seconds ago, and has ended long since."""
    script = Script(lines, starts_in=-begun, rate=100, ends_after=1, outcome=outcome)
    return demo.world.add_job(script)


def scripted(lines: Sequence[LogLine]) -> list[ScriptLine]:
    return [ScriptLine(line.message, line.stream) for line in lines]


@pytest.mark.parametrize("failure", failures()[:3], ids=lambda failure: failure.name)
def test_the_cause_is_among_the_first_rows(
    signed_up: Command, demo: DemoServer, failure: Failure
) -> None:
    job_with(demo, scripted(failure.good), begun=9000)
    failed = job_with(demo, scripted(failure.failed), begun=4000, outcome="FAILED")
    ended = signed_up("diff", "scripted", failed.id)
    assert ended.code == 0
    heading, *rows = ended.out.splitlines()
    assert heading.split() == ["CHANGE", "LINES", "BEFORE", "FIRST", "STREAM", "LINE"]
    (cause,) = failure.causes
    row = next(row for row in rows[:MOST_SUSPECTS] if f" 1:{cause} " in row)
    assert row.split()[:4] == ["suspect", "1", "0", f"1:{cause}"]
    assert row.endswith(failure.failed[cause].message)


def test_without_another_the_newest_completed_one_before_it_is_taken(
    signed_up: Command, demo: DemoServer
) -> None:
    job_with(demo, [*ROUTINE, "oldest"], begun=9000)
    good = job_with(demo, [*ROUTINE, "good"], begun=8000)
    job_with(demo, [*ROUTINE, "bad"], begun=7000, outcome="FAILED")
    job = job_with(demo, [*ROUTINE, "now"], begun=6000, outcome="FAILED")
    job_with(demo, [*ROUTINE, "later"], begun=5000)
    ended = signed_up("diff", "scripted", job.id, "-o", "json")
    assert good.id in ended.err
    assert [(each["change"], each["message"]) for each in ended.json] == [
        ("new", "now"),
        ("gone", "good"),
    ]
    assert ended.json[0] == {
        "change": "new",
        "suspect": True,
        "lines": 1,
        "lines_before": 0,
        "first": "1:300",
        "attempt": 1,
        "sequence_num": 300,
        "stream": "stdout",
        "message": "now",
        "values_before": "",
        "kind": "now",
    }


def test_another_can_be_named_and_logs_may_say_the_same(
    signed_up: Command, demo: DemoServer
) -> None:
    one, other = (job_with(demo, ROUTINE, begun=n) for n in (9000, 8000))
    ended = signed_up("diff", "scripted", one.id, other.id)
    assert (ended.code, ended.out) == (0, "")
    assert "say the same" in ended.err
    assert signed_up("diff", "scripted", one.id, other.id, "-o", "json").json == []


def test_a_log_that_is_not_whole_is_exit_6(
    signed_up: Command, demo: DemoServer
) -> None:
    job_with(demo, ROUTINE, begun=9000)
    lost = ScriptLine("lost", retained=None)
    job = job_with(demo, [*ROUTINE, lost, "after"], begun=8000, outcome="FAILED")
    ended = signed_up("diff", "scripted", job.id)
    assert ended.code == 6
    assert f"{job.id}: 301 lines compared, 1 missing." in ended.err
    assert ended.out.splitlines()[1].endswith("after")


def test_where_none_completed_before_it_that_is_said(
    signed_up: Command, demo: DemoServer
) -> None:
    job = job_with(demo, ROUTINE, begun=9000)
    ended = signed_up("diff", "scripted", job.id)
    assert (ended.code, ended.out) == (4, "")
    assert "No job of scripted completed before this one." in ended.err


def test_a_long_list_is_cut_and_that_is_said(
    signed_up: Command, demo: DemoServer
) -> None:
    words = [f"{one}{other}" for one in "abcdefgh" for other in "ghijklmnop"]
    job_with(demo, ROUTINE, begun=9000)
    job = job_with(demo, [*ROUTINE, *words], begun=8000)
    ended = signed_up("diff", "scripted", job.id)
    assert len(ended.out.splitlines()) == 51
    assert "the first 50 differences of 80" in ended.err
    assert len(signed_up("diff", "scripted", job.id, "-o", "json").json) == 80
    assert (
        len(signed_up("diff", "scripted", job.id, "--limit", "7").out.split("\n")) == 9
    )


def test_text_of_the_server_is_harmless_on_a_terminal(
    signed_up: Command, demo: DemoServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    job_with(demo, ROUTINE, begun=9000)
    job = job_with(demo, [*ROUTINE, "\x1b]0;owned\x07 \x1b[2J[red]x"], begun=8000)
    monkeypatch.setattr(output, "is_terminal", lambda _stream: True)
    shown = signed_up("diff", "scripted", job.id).out
    assert "owned" in shown
    assert "\x07" not in shown
    assert "\x1b]" not in shown
    assert "\x1b[2J" not in shown
