"""``logs``: the retained log as it stands, oldest first, whichever way it is got."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from chronotui.demo import Dialect
from chronotui.demo.failure import Failure
from chronotui.demo.faults import Faults
from chronotui.demo.script import Script, ScriptLine
from chronotui.engine import retained as retained_module
from chronotui.engine.retained import RetainedLog
from chronotui.engine.selection import LineSelection
from chronotui.errors import IncompleteError, NotFoundError, ServerError
from chronotui.model import STDERR
from tests.engine.conftest import (
    Readers,
    Spoiled,
    ends_early,
    printed_lines,
    true_lines,
)

if TYPE_CHECKING:
    from chronotui.demo import DemoServer
    from chronotui.demo.script import ScriptedJob
    from tests.conftest import MakeDemo

KEPT = {"retained": 0.0}


def ended(demo: DemoServer, lines: int = 450, *, running: bool = False) -> ScriptedJob:
    """A job of long ago with two attempts, shared numbers and both streams."""
    script: list[ScriptLine] = []
    for attempt in (1, 2):
        for n in range(lines // 2):
            stream = STDERR if n % 4 == 0 else "stdout"
            after = 2.0 if attempt == 2 and not n else 0.001
            script.append(
                ScriptLine(
                    f"{attempt}.{n}", stream, attempt=attempt, after=after, retained=0.0
                )
            )
            if n % 20 == 0:
                script.append(
                    ScriptLine("other", with_previous=True, after=0.0, retained=0.0)
                )
    return demo.world.add_job(
        Script(script, starts_in=-600, ends_after=None if running else 1.0)
    )


def by_number(lines: list[tuple[int, int, str, str]]) -> list[tuple[int, ...]]:
    return [line[:2] for line in lines]


@pytest.mark.parametrize("dialect", Dialect)
@pytest.mark.parametrize("running", [False, True], ids=["ended", "running"])
async def test_every_line_comes_once_and_in_order(
    make_demo: MakeDemo, readers: Readers, dialect: Dialect, running: bool
) -> None:
    demo = make_demo(dialect=dialect)
    made = ended(demo, running=running)
    log = await readers.retained(demo, made)
    assert await printed_lines(log) == true_lines(demo, made)
    assert log.printed == len(true_lines(demo, made))
    assert (log.missing, log.exit_code) == (0, 0)
    one_download = dialect is Dialect.CURRENT and not running
    assert (demo.requests.count("logs") == 1) == one_download


async def test_lines_are_let_go_of_as_they_are_printed(
    demo: DemoServer, readers: Readers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retained_module, "FORGET_LINES", 300)
    monkeypatch.setattr(retained_module, "HELD_BACK", 50)
    made = ended(demo, 2000)
    log = await readers.retained(demo, made)
    assert await printed_lines(log) == true_lines(demo, made)
    assert log.missing == 0


@pytest.mark.parametrize("dialect", Dialect)
async def test_tail_since_attempt_stream_and_grep(
    make_demo: MakeDemo, readers: Readers, dialect: Dialect
) -> None:
    demo = make_demo(dialect=dialect)
    made = ended(demo)
    truth = true_lines(demo, made)
    second = [line for line in truth if line[0] == 2]
    times = {
        (line.attempt, line.sequence_num): line.time_ns
        for line in demo.world.truth(made.id)
    }
    since = times[2, second[100][1]] // 10**6 * 10**6
    cases = [
        (LineSelection(tail=7), truth[-7:]),
        (LineSelection(tail=0), []),
        (LineSelection(tail=10**6), truth),
        (LineSelection(attempt=2), second),
        (LineSelection(attempt=1), [line for line in truth if line[0] == 1]),
        (LineSelection(attempt=3), []),
        (LineSelection(stream=STDERR), [line for line in truth if line[2] == STDERR]),
        (
            LineSelection(stream=STDERR, tail=3),
            [line for line in truth if line[2] == STDERR][-3:],
        ),
        (
            LineSelection(grep=lambda message: "1.1" in message, tail=4),
            [line for line in truth if "1.1" in line[3]][-4:],
        ),
        (
            LineSelection(since_ns=since),
            [line for line in truth if times[line[:2]] >= since],
        ),
    ]
    for selection, wanted in cases:
        log = await readers.retained(demo, made, selection=selection)
        assert await printed_lines(log) == wanted, selection
        assert log.missing == 0, selection


async def test_a_tail_reads_just_what_is_needed(
    demo: DemoServer, readers: Readers
) -> None:
    made = ended(demo, 2000)
    log = await readers.retained(demo, made, selection=LineSelection(tail=150))
    assert len(await printed_lines(log)) == 150
    # Every other line of a page is of the first attempt, and no part of the tail.
    assert demo.requests.count("logs") == 3


@pytest.mark.parametrize("dialect", Dialect)
async def test_lines_never_retained_are_missing(
    make_demo: MakeDemo, readers: Readers, dialect: Dialect
) -> None:
    demo = make_demo(dialect=dialect)
    made = demo.world.add_job(
        Script(
            [
                ScriptLine(f"{n}", retained=None if n in (3, 4, 40) else 0.0)
                for n in range(60)
            ],
            starts_in=-600,
            ends_after=0.0,
        )
    )
    log = await readers.retained(demo, made)
    assert len(await printed_lines(log)) == 57
    assert (log.missing, log.exit_code) == (3, 6)
    tail = await readers.retained(demo, made, selection=LineSelection(tail=30))
    assert len(await printed_lines(tail)) == 30
    assert tail.missing == 1


@pytest.mark.parametrize(
    "faults",
    [
        Faults(retention_lag=(0, 0), raw_fails_after=9000),
        Faults(retention_lag=(0, 0), raw_cut_after=9000),
    ],
    ids=["trailer", "cut"],
)
async def test_a_download_that_fails_is_completed_from_the_pages(
    make_demo: MakeDemo, readers: Readers, faults: Faults
) -> None:
    demo = make_demo(faults=faults)
    made = ended(demo)
    log = await readers.retained(demo, made)
    assert await printed_lines(log) == true_lines(demo, made)
    assert log.exit_code == 0
    assert demo.requests.count("logs") > 0


async def test_failing_pages_are_tried_again(
    make_demo: MakeDemo, readers: Readers
) -> None:
    demo = make_demo(faults=Faults(retention_lag=(0, 0), fail_rate=0.3, seed=5))
    demo.faults.fail_on = frozenset({"logs", "raw"})
    made = ended(demo, running=True)
    log = await readers.retained(demo, made)
    assert await printed_lines(log) == true_lines(demo, made)


async def test_a_server_that_only_fails_is_said(
    demo: DemoServer, readers: Readers
) -> None:
    made = ended(demo, running=True)
    demo.faults.fail_rate, demo.faults.fail_with = 1.0, (Failure.PLAIN_500,)
    demo.faults.fail_on = frozenset({"logs"})
    log = await readers.retained(demo, made)
    with pytest.raises(ServerError):
        await printed_lines(log)


async def test_a_download_that_breaks_off_for_good_is_incomplete(
    make_demo: MakeDemo, readers: Readers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retained_module, "HELD_BACK", 10)
    demo = make_demo(faults=Faults(retention_lag=(0, 0), raw_cut_after=60_000))
    made = ended(demo, 3000)
    demo.faults.fail_on = frozenset({"logs"})
    demo.faults.fail_rate, demo.faults.fail_with = 1.0, (Failure.PLAIN_500,)
    log = await readers.retained(demo, made)
    with pytest.raises(IncompleteError) as failed:
        await printed_lines(log)
    assert failed.value.exit_code == 6
    assert log.printed > 0


async def test_a_log_that_is_not_there_is_said(
    demo: DemoServer, readers: Readers
) -> None:
    made = ended(demo, running=True)
    log = await readers.retained(demo, made)
    demo.faults.fail_rate, demo.faults.fail_with = 1.0, (Failure.NOT_FOUND,)
    with pytest.raises(NotFoundError):
        await printed_lines(log)


async def test_circles_are_said_and_incomplete(
    make_demo: MakeDemo, readers: Readers
) -> None:
    demo = make_demo(faults=Faults(retention_lag=(0, 0), looping_cursors=True))
    made = ended(demo, running=True)
    log = await readers.retained(demo, made)
    await printed_lines(log)
    assert log.exit_code == 6
    assert any("circles" in words for words in readers.said)


async def test_a_download_that_ends_early_is_gone_on_with_by_pages(
    demo: DemoServer, readers: Readers
) -> None:
    """Nothing in it says so, as of one that a proxy cut at a line's end."""
    made = ended(demo)
    client = await readers.client(demo)
    job = await client.job(made.workflow_id, made.id)
    log = RetainedLog(Spoiled(client, ends_early), None, job)
    assert await printed_lines(log) == true_lines(demo, made)
    assert (log.missing, log.exit_code) == (0, 0)
    assert demo.requests.count("logs") == 3
