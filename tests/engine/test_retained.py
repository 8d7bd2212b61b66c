"""``logs``: the retained log as it stands, oldest first, whichever way it is got."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import pytest

from chronotui.demo.faults import MIXED, Failure, Faults
from chronotui.demo.routes import Dialect
from chronotui.demo.scripts import Script, ScriptLine
from chronotui.engine import retained as retained_module
from chronotui.engine.retained import LineSelection, RetainedLog
from chronotui.engine.timing import Clock
from chronotui.errors import (
    AuthError,
    IncompleteError,
    MissingError,
    NotFoundError,
    ServerError,
)
from chronotui.model import STDERR
from tests.engine.conftest import (
    TIMING,
    Readers,
    Spoiled,
    ends_early,
    printed_lines,
    true_lines,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from chronotui.demo.scripts import ScriptedJob
    from chronotui.demo.server import DemoServer
    from chronotui.model import LogPage
    from chronotui.sources.chronoverse import Chronoverse
    from tests.conftest import MakeDemo


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
    lines = [ScriptLine(f"{n}", retained=0.0) for n in range(2000)]
    made = demo.world.add_job(Script(lines, starts_in=-600, ends_after=1.0))
    log = await readers.retained(demo, made, selection=LineSelection(tail=150))
    assert len(await printed_lines(log)) == 150
    assert demo.requests.count("logs") == 2


async def test_a_tail_of_a_retried_job_is_of_its_last_attempt(
    demo: DemoServer, readers: Readers
) -> None:
    """Although its numbers are far below those of the newest page."""
    lines = [ScriptLine(f"1.{n}", retained=0.0) for n in range(900)]
    lines += [
        ScriptLine(f"2.{n}", attempt=2, after=2.0 if not n else 0.0, retained=0.0)
        for n in range(50)
    ]
    made = demo.world.add_job(Script(lines, starts_in=-600, ends_after=1.0))
    log = await readers.retained(demo, made, selection=LineSelection(tail=20))
    assert await printed_lines(log) == true_lines(demo, made)[-20:]
    assert log.exit_code == 0


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
    # A 429 without a wait means that the page is too large: never asked again soon.
    demo.faults.fail_with = tuple(x for x in MIXED if x is not Failure.TOO_MANY)
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
    assert demo.requests.count("logs") <= 4


def single(demo: DemoServer, count: int = 950, *, ended: bool = True) -> ScriptedJob:
    """A job of one attempt whose last lines are all the same."""
    lines = [
        ScriptLine(
            f"line {n}" if n < count // 2 else "heartbeat ok",
            STDERR if n % 3 == 0 else "stdout",
            retained=0.0,
        )
        for n in range(count)
    ]
    return demo.world.add_job(
        Script(lines, starts_in=-600, ends_after=1.0 if ended else None)
    )


@pytest.mark.parametrize("retried", [False, True])
@pytest.mark.parametrize("cut", [0, 1, 199, 200, 700, 949])
@pytest.mark.parametrize("to_close", [False, True])
async def test_a_download_that_was_cut_cleanly_is_gone_on_with_by_pages(
    demo: DemoServer, readers: Readers, cut: int, retried: bool, to_close: bool
) -> None:
    made = ended(demo, 900) if retried else single(demo)
    demo.faults.cut_clean, demo.faults.to_close = cut, to_close
    log = await readers.retained(demo, made)
    assert await printed_lines(log) == true_lines(demo, made)
    assert (log.missing, log.exit_code) == (0, 0)


@pytest.mark.parametrize("retried", [False, True])
@pytest.mark.parametrize("held_back", [10, 500])
async def test_what_a_download_leaves_out_inside_is_read_from_the_pages(
    demo: DemoServer,
    readers: Readers,
    monkeypatch: pytest.MonkeyPatch,
    retried: bool,
    held_back: int,
) -> None:
    monkeypatch.setattr(retained_module, "HELD_BACK", held_back)
    made = ended(demo, 900) if retried else single(demo)
    client = await readers.client(demo)
    job = await client.job(made.workflow_id, made.id)

    def gapped(lines: list[bytes]) -> list[bytes]:
        return [*lines[:300], *lines[310:500], *lines[501:]]

    log = RetainedLog(
        Spoiled(client, gapped), None, job, timing=TIMING, tell=readers.said.append
    )
    assert await printed_lines(log) == true_lines(demo, made)
    assert (log.missing, log.exit_code) == (0, 0)


async def test_lines_that_neither_has_are_missing_once(
    demo: DemoServer, readers: Readers
) -> None:
    lines = [
        ScriptLine(f"{n}", retained=None if n in {40, 300} else 0.0) for n in range(400)
    ]
    made = demo.world.add_job(Script(lines, starts_in=-600, ends_after=1.0))
    demo.faults.cut_clean = 200
    log = await readers.retained(demo, made)
    assert len(await printed_lines(log)) == 398
    assert (log.missing, log.exit_code) == (2, 6)


async def test_pages_that_are_refused_leave_a_download_not_verified(
    demo: DemoServer, readers: Readers
) -> None:
    made = single(demo)
    demo.faults.refuse(403, route="logs", times=-1)
    log = await readers.retained(demo, made)
    assert await printed_lines(log) == true_lines(demo, made)
    assert log.exit_code == 0
    assert "not verified" in " ".join(readers.said)


class Tripped:
    """A client whose server refuses pages of the log after some."""

    def __init__(self, client: Chronoverse, trip: Callable[[], None], pages: int):
        self._client, self._trip, self._left = client, trip, pages

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    async def log_page(self, *where: str, **options: Any) -> LogPage:
        if not self._left:
            self._trip()
        self._left -= 1
        return await self._client.log_page(*where, **options)


REFUSALS = [
    (404, "text/plain; charset=utf-8"),
    (403, "text/html"),
    (200, "text/html"),
    (412, "text/plain; charset=utf-8"),
    (405, "text/plain; charset=utf-8"),
    (502, "text/html"),
]


@pytest.mark.parametrize(("status", "content_type"), REFUSALS)
@pytest.mark.parametrize("dialect", Dialect)
async def test_a_refusal_in_the_middle_of_a_log_passes(
    make_demo: MakeDemo,
    readers: Readers,
    status: int,
    content_type: str,
    dialect: Dialect,
) -> None:
    demo = make_demo(dialect=dialect)
    made = single(demo, ended=False)
    client = await readers.client(demo)
    job = await client.job(made.workflow_id, made.id)

    def trip() -> None:
        demo.faults.refuse(status, content_type, route="logs", times=2)

    log = RetainedLog(Tripped(client, trip, 3), None, job, timing=TIMING)
    assert await printed_lines(log) == true_lines(demo, made)
    assert log.exit_code == 0


@pytest.mark.parametrize(("status", "content_type"), REFUSALS)
async def test_one_that_does_not_leaves_what_was_read(
    demo: DemoServer, readers: Readers, status: int, content_type: str
) -> None:
    made = single(demo, ended=False)
    client = await readers.client(demo)
    job = await client.job(made.workflow_id, made.id)

    def trip() -> None:
        demo.faults.refuse(status, content_type, route="logs", times=-1)

    log = RetainedLog(Tripped(client, trip, 3), None, job, timing=TIMING)
    lines: list[str] = []

    async def read() -> None:
        async for batch in log.batches():
            lines.extend(line.message for line in batch)

    with pytest.raises(IncompleteError) as caught:
        await read()
    assert lines == [line[3] for line in true_lines(demo, made)[-300:]]
    assert "300 lines were printed" in caught.value.sentence


@pytest.mark.parametrize("state", ["just ended", "ended long ago", "running"])
async def test_pages_that_may_be_old_are_no_proof_of_a_retried_log(
    demo: DemoServer, readers: Readers, state: str
) -> None:
    """The server keeps pages for half an hour, and its download is refused."""
    made = demo.world.add_job(
        Script([ScriptLine(f"1.{n}", retained=0.0) for n in range(250)], starts_in=-300)
    )
    made.retry()
    made.write(*[ScriptLine(f"2.{n}", retained=0.0) for n in range(20)])
    if state != "running":
        made.end()
    demo.faults.refuse(403, route="raw", times=-1)
    late = TIMING.pages_kept + 1 if state == "ended long ago" else 0.0
    clock = Clock(wall=lambda: time.time() + late)
    log = await readers.retained(demo, made, clock=clock)
    assert len(await printed_lines(log)) == 270
    assert log.exit_code == (6 if state == "just ended" else 0)
    warned = any("may be lacking" in words for words in readers.said)
    assert warned == (state != "ended long ago")


async def test_a_message_nested_without_end_is_printed_as_any_other(
    demo: DemoServer, readers: Readers
) -> None:
    made = single(demo)

    def nest(lines: list[bytes]) -> list[bytes]:
        deep = b',"message_json":' + b"[" * 2000 + b"]" * 2000 + b"}\n"
        return [line.rstrip()[:-1] + deep for line in lines]

    client = Spoiled(await readers.client(demo), nest)
    job = await client.job(made.workflow_id, made.id)
    log = RetainedLog(client, None, job, timing=TIMING, tell=readers.said.append)
    async with asyncio.timeout(20):
        assert await printed_lines(log) == true_lines(demo, made)
    assert log.exit_code == 0
    assert demo.requests.count("logs") <= 1


async def test_an_error_nobody_foresaw_ends_a_download_and_is_raised(
    demo: DemoServer, readers: Readers
) -> None:
    made = single(demo)

    def break_off(lines: list[bytes]) -> Iterator[bytes]:
        yield from lines[:100]
        raise ZeroDivisionError

    client = Spoiled(await readers.client(demo), break_off)
    job = await client.job(made.workflow_id, made.id)
    log = RetainedLog(client, None, job, timing=TIMING, tell=readers.said.append)
    with pytest.raises(ZeroDivisionError):
        async with asyncio.timeout(20):
            await printed_lines(log)


@pytest.mark.parametrize("status", [404, 403, 412])
async def test_a_first_refusal_is_believed_at_once(
    demo: DemoServer, readers: Readers, status: int
) -> None:
    made = single(demo, ended=False)
    demo.faults.refuse(status, route="logs", times=-1)
    log = await readers.retained(demo, made)
    with pytest.raises((MissingError, AuthError)):
        await printed_lines(log)
    assert demo.requests.count("logs") == 1


async def test_a_page_too_large_is_named_and_not_asked_for_again(
    demo: DemoServer, readers: Readers
) -> None:
    made = single(demo, ended=False)
    client = await readers.client(demo)
    job = await client.job(made.workflow_id, made.id)

    def trip() -> None:
        demo.faults.refuse(429, route="logs", times=1)

    log = RetainedLog(
        Tripped(client, trip, 3), None, job, timing=TIMING, tell=readers.said.append
    )
    assert len(await printed_lines(log)) == 300
    assert log.exit_code == 6
    assert log.missing == 650
    assert "too large for the server" in " ".join(readers.said)
    assert demo.requests.count("logs") == 4


async def test_the_download_has_what_a_page_too_large_has(
    demo: DemoServer, readers: Readers
) -> None:
    made = single(demo)
    demo.faults.refuse(429, route="logs", times=-1)
    log = await readers.retained(demo, made, selection=LineSelection(tail=300))
    assert await printed_lines(log) == true_lines(demo, made)[-300:]
    assert demo.requests.count("logs") <= 2
