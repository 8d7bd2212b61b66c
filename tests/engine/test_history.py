"""Reading on in an ended job's log: back, all at once, around a hit."""

from __future__ import annotations

import asyncio
import errno
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from chronotui.demo.faults import Faults
from chronotui.demo.routes import Dialect
from chronotui.demo.scripts import Script, ScriptLine
from chronotui.engine.job_log import JobLog
from chronotui.log.attempts import LineKey, key_of
from chronotui.log.store import LogStore
from chronotui.storage.files import SpoolFile
from tests.engine.conftest import (
    SETTINGS,
    Readers,
    Spoiled,
    ends_early,
    held_lines,
    true_lines,
    until,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from chronotui.demo.scripts import ScriptedJob
    from chronotui.demo.server import DemoServer
    from chronotui.log.chunks import Overflow
    from tests.conftest import MakeDemo


def ended(demo: DemoServer, lines: int = 950) -> ScriptedJob:
    return demo.world.add_job(
        Script(
            [
                ScriptLine("needle" if n == 42 else f"line {n}", retained=0.0)
                for n in range(lines)
            ],
            rate=1000,
            starts_in=-600,
            ends_after=1.0,
        )
    )


async def opened(readers: Readers, demo: DemoServer, made: ScriptedJob) -> JobLog:
    log = await readers.log(demo, made, tail=150)
    verdict = await log.watch()
    assert verdict.sealed
    return log


async def test_an_ended_job_opens_at_its_newest_lines(
    demo: DemoServer, readers: Readers
) -> None:
    made = ended(demo)
    log = await opened(readers, demo, made)
    assert held_lines(log) == true_lines(demo, made)[-200:]
    assert demo.requests.count("logs") == 2
    assert (log.state.at_start, log.state.at_end) == (False, True)
    assert [line[1] for line in (held_lines(log)[0], held_lines(log)[-1])] == [750, 949]
    bottom = log._watch.pages.coverage.bottom
    assert bottom is not None
    assert bottom[:2] == (1, 750)
    assert log.state.missing == 0
    assert [mark.kind for mark in log.store.marks.all()] == ["top", "trailer"]


async def test_the_verdict_says_what_it_is_of(
    demo: DemoServer, readers: Readers
) -> None:
    made = ended(demo)
    log = await opened(readers, demo, made)
    assert log.state.verdict is not None
    assert log.state.verdict.sentence() == "sealed ✓ newest 200 lines, 0 missing"
    await log.history.load_all()
    assert log.state.verdict.sentence() == "sealed ✓ 950 lines, 0 missing"


async def test_older_pages_come_until_the_start(
    demo: DemoServer, readers: Readers
) -> None:
    made = ended(demo)
    log = await opened(readers, demo, made)
    times = 0
    while await log.history.load_older():
        times += 1
    assert times == 7
    assert log.state.at_start
    assert held_lines(log) == true_lines(demo, made)
    await asyncio.sleep(0.05)
    assert [mark.kind for mark in log.store.marks.all()] == ["trailer"]


async def test_all_is_one_download_where_the_server_has_it(
    demo: DemoServer, readers: Readers
) -> None:
    made = ended(demo)
    log = await opened(readers, demo, made)
    told: list[tuple[int, int | None] | None] = []
    log.history._changed = lambda: told.append(log.history.loading)
    await log.history.load_all()
    assert held_lines(log) == true_lines(demo, made)
    assert log.state.at_start
    assert told[-2:] == [(950, 950), None]
    assert demo.requests.count("raw") == 1
    assert demo.requests.count("logs") == 2
    assert not await log.history.load_older()
    assert log.state.missing == 0


@pytest.mark.parametrize(
    "faults",
    [
        Faults(retention_lag=(0, 0), raw_fails_after=20_000),
        Faults(retention_lag=(0, 0), raw_cut_after=20_000),
    ],
    ids=["trailer", "cut"],
)
async def test_a_download_that_fails_leaves_it_to_the_pages(
    make_demo: MakeDemo, readers: Readers, faults: Faults
) -> None:
    demo = make_demo(faults=faults)
    made = ended(demo)
    log = await opened(readers, demo, made)
    await log.history.load_all()
    assert held_lines(log) == true_lines(demo, made)
    assert demo.requests.count("logs") > 2


def holds_a_login_page(lines: list[bytes]) -> list[bytes]:
    """In the middle, in one piece with a line before its line end."""
    half = len(lines) // 2
    page = b"<html>" + b" " * 200_000 + b"\n"
    broken = b"".join(lines[:half]) + page + lines[half + 1][:-1]
    return [broken, b"\n", *lines[half + 2 :]]


@pytest.mark.parametrize(
    "spoil",
    [ends_early, lambda _: (), holds_a_login_page],
    ids=["cut at a line end", "empty", "with a login page"],
)
@pytest.mark.parametrize("tail", [150, None], ids=["wanted later", "wanted at once"])
async def test_a_download_that_is_not_the_log_leaves_it_to_the_pages(
    demo: DemoServer,
    readers: Readers,
    spoil: Callable[[list[bytes]], Iterable[bytes]],
    tail: int | None,
) -> None:
    """Also where nothing in it says so, as of one that a proxy cut short."""
    made = ended(demo, 2000)
    client = await readers.client(demo)
    job = await client.job(made.workflow_id, made.id)
    settings = replace(SETTINGS, tail=tail)
    log = JobLog(Spoiled(client, spoil), None, job, settings=settings)
    assert (await log.watch()).sealed
    await log.history.load_all()
    assert demo.requests.count("raw") == 1
    assert held_lines(log) == true_lines(demo, made)
    assert log.state.at_start
    assert log.state.missing == 0


async def test_loading_all_can_be_stopped_and_what_came_stays(
    make_demo: MakeDemo, readers: Readers
) -> None:
    demo = make_demo(faults=Faults(retention_lag=(0, 0), bytes_per_second=50_000))
    made = ended(demo, 20_000)
    log = await opened(readers, demo, made)
    demo.faults.latency = (0.0, 0.0)
    loading = asyncio.create_task(log.history.load_all())
    await until(lambda: demo.requests.count("raw"))
    await asyncio.sleep(0.1)
    loading.cancel()
    await asyncio.wait([loading])
    assert loading.cancelled()
    assert log.state.filling is None
    assert not log.state.at_start
    assert len(log.store) >= 200


@pytest.mark.parametrize("then", ["download", "pages"])
async def test_what_a_stopped_download_left_out_is_a_row_and_can_be_loaded(
    make_demo: MakeDemo, readers: Readers, then: str
) -> None:
    demo = make_demo(faults=Faults(retention_lag=(0, 0), bytes_per_second=1_000_000))
    made = ended(demo, 20_000)
    log = await opened(readers, demo, made)
    loading = asyncio.create_task(log.history.load_all())
    await until(lambda: len(log.store) > 4000)
    loading.cancel()
    await asyncio.wait([loading])
    held = len(log.store)
    assert held < 20_000
    await until(lambda: [m.kind for m in log.store.marks.all()] == ["gap", "trailer"])
    gap = log.store.marks.all()[0].gap
    assert gap is not None
    assert (gap.state, gap.first, gap.count) == ("unread", held - 200, 20_000 - held)
    assert log.state.missing == 0
    verdict = log.state.verdict
    assert verdict is not None
    assert verdict.sentence() == f"sealed ✓ first and newest {held:,} lines, 0 missing"
    demo.faults.bytes_per_second = None
    if then == "download":
        await log.history.load_all()
    else:
        while await log.history.load_older():
            pass
    assert held_lines(log) == true_lines(demo, made)
    assert log.state.at_start
    assert log.state.missing == 0
    await until(lambda: [m.kind for m in log.store.marks.all()] == ["trailer"])


async def test_a_far_hit_is_loaded_from_the_beginning_and_not_much_more(
    demo: DemoServer, readers: Readers
) -> None:
    made = ended(demo, 60_000)
    log = await opened(readers, demo, made)
    page = await log.history.search("needle")
    while not page.lines:
        page = await log.history.search("needle", cursor=page.cursor)
    (hit,) = page.lines
    both = await asyncio.gather(
        *(log.history.load_around(key_of(hit)) for _ in range(2))
    )
    assert both == [True, True]
    assert demo.requests.count("raw") == 1
    assert 1000 < len(log.store) < 30_000
    near = log.store.line(3000)
    assert await log.history.load_around(key_of(near))
    assert demo.requests.count("raw") == 1
    far = key_of(near)._replace(sequence_num=59_000, event_id="log:x:stdout:59000")
    assert not await log.history.load_around(far)
    assert demo.requests.count("raw") == 1
    await log.history.load_all()
    assert held_lines(log) == true_lines(demo, made)


async def test_a_documented_log_is_read_whole_on_opening(
    documented_demo: DemoServer, readers: Readers
) -> None:
    made = ended(documented_demo)
    log = await readers.log(documented_demo, made, tail=150)
    seen: list[object] = []
    log.subscribe(lambda: seen.append(log.state.filling))
    assert (await log.watch()).sealed
    assert held_lines(log) == true_lines(documented_demo, made)
    assert (log.state.at_start, log.state.at_end) == (True, True)
    assert not await log.history.load_older()


async def test_what_an_oldest_first_reading_has_not_come_to_is_not_called_read(
    make_demo: MakeDemo, readers: Readers
) -> None:
    demo = make_demo(
        dialect=Dialect.DOCUMENTED,
        faults=Faults(retention_lag=(0, 0), latency=(0.01, 0.01)),
    )
    made = ended(demo, 3000)
    log = await readers.log(demo, made, tail=150)
    async with readers.watching(log) as watching:
        await until(lambda: log.state.lines)
        await log.history.load_all()
        assert log.state.at_end == (log.state.lines == 3000)
        assert (await watching).sealed
    assert held_lines(log) == true_lines(demo, made)


@pytest.mark.parametrize("lines", [950, 7000], ids=["by pages", "by one download"])
async def test_the_pages_around_a_search_hit_are_loaded(
    demo: DemoServer, readers: Readers, lines: int
) -> None:
    made = ended(demo, lines)
    log = await opened(readers, demo, made)
    found = await log.history.search("needle")
    hit = next(line for line in found.lines if line.message == "needle")
    assert log.store.find(key_of(hit)) is None
    assert await log.history.load_around(key_of(hit))
    assert log.store.find(key_of(hit)) is not None
    assert demo.requests.count("raw") == (1 if lines > 5000 else 0)


async def test_a_line_the_log_does_not_have_is_not_looked_for_for_ever(
    demo: DemoServer, readers: Readers
) -> None:
    made = ended(demo, 300)
    log = await opened(readers, demo, made)
    key = key_of(log.store.line(0))._replace(sequence_num=10**6)
    assert not await log.history.load_around(key)


@pytest.mark.parametrize("dialect", Dialect)
async def test_history_and_watch_share_one_log(
    make_demo: MakeDemo, readers: Readers, dialect: Dialect
) -> None:
    demo = make_demo(dialect=dialect)
    made = demo.world.add_job(
        Script(
            [ScriptLine(f"old {n}", retained=0.0) for n in range(500)], starts_in=-300
        )
    )
    log = await readers.log(demo, made, tail=100)
    async with readers.watching(log) as watching:
        await until(lambda: log.state.connection.kind == "LIVE")
        await until(lambda: log.state.lines >= 100)
        made.write("new")
        await asyncio.gather(
            log.history.load_older(), log.history.load_older(), log.history.load_all()
        )
        made.end()
        assert (await watching).sealed
    assert held_lines(log) == true_lines(demo, made)


async def test_a_long_ended_log_wanted_whole_is_one_download(
    demo: DemoServer, readers: Readers
) -> None:
    made = ended(demo, 2500)
    log = await readers.log(demo, made)
    assert (await log.watch()).sealed
    assert held_lines(log) == true_lines(demo, made)
    assert demo.requests.count("raw") == 1
    assert demo.requests.count("logs") == 5


async def test_what_was_not_read_in_yet_is_shown_as_such_not_as_missing(
    make_demo: MakeDemo, readers: Readers
) -> None:
    demo = make_demo(
        dialect=Dialect.DOCUMENTED, faults=Faults(retention_lag=(0, 0), latency=(0, 0))
    )
    made = demo.world.add_job(
        Script(
            [ScriptLine(f"old {n}", retained=0.0) for n in range(900)], starts_in=-300
        )
    )
    log = await readers.log(demo, made)
    seen: list[tuple[int, list[str]]] = []

    def note() -> None:
        gaps = [str(mark.gap.state) for mark in log.store.marks.all() if mark.gap]
        seen.append((log.state.missing, gaps))

    log.subscribe(note)
    demo.faults.latency = (0.06, 0.06)
    async with readers.watching(log):
        await until(lambda: log.state.connection.kind == "LIVE")
        made.write("live")
        await until(lambda: any(gaps for _, gaps in seen))
        await until(lambda: log.state.lines == 901)
    assert {missing for missing, _ in seen} == {0}
    assert {state for _, gaps in seen for state in gaps} == {"unread"}


async def test_a_log_uses_the_store_it_was_given(
    demo: DemoServer, readers: Readers
) -> None:
    """An empty store is a store: the budget and the spool are its own."""
    client = await readers.client(demo)
    made = ended(demo, 10)
    store = LogStore(budget_bytes=1)
    log = JobLog(client, None, await client.job(made.workflow_id, made.id), store=store)
    assert log.store is store


@pytest.mark.parametrize("held", [0, 150, 2000])
async def test_a_download_joins_what_is_held_at_either_end(
    make_demo: MakeDemo, readers: Readers, held: int
) -> None:
    """Blocks go past lines that were loaded before, and past those held already."""
    demo = make_demo(faults=Faults(retention_lag=(0, 0)))
    made = ended(demo, 9000)
    log = await readers.log(demo, made, tail=max(held, 1))
    await log.watch()
    await log.history.load_all()
    assert held_lines(log) == true_lines(demo, made)
    assert log.state.missing == 0
    client = await readers.client(demo)
    again = JobLog(client, None, log.state.job, store=log.store)
    await again.history.load_all()
    assert demo.requests.count("raw") == 2
    assert held_lines(log) == true_lines(demo, made)


class FullDisk:
    """A spool file whose disk is full."""

    def write(self, _content: bytes, /) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    def read(self, _offset: int, _size: int, /) -> bytes:
        raise AssertionError("nothing was written")

    def close(self) -> None:
        """Give back nothing."""


def _gone(folder: Path) -> SpoolFile:
    (folder / "file").touch()
    return SpoolFile(folder / "file" / "spool")


@pytest.mark.parametrize(
    ("spool", "reason"),
    [
        (lambda _: FullDisk(), "No space left on device"),
        (_gone, "Not a directory"),
    ],
    ids=["full", "gone"],
)
async def test_without_room_to_spool_it_is_said_and_nothing_is_lost(
    demo: DemoServer,
    readers: Readers,
    tmp_path: Path,
    spool: Callable[[Path], Overflow],
    reason: str,
) -> None:
    made = ended(demo, 9000)
    client = await readers.client(demo)
    store = LogStore(budget_bytes=10_000, overflow=lambda: spool(tmp_path))
    job = await client.job(made.workflow_id, made.id)
    log = JobLog(client, None, job, settings=SETTINGS, store=store)
    await log.watch()
    assert held_lines(log) == true_lines(demo, made)
    bottom = log.store.marks.all()[-1]
    assert (bottom.kind, reason in bottom.text) == ("bottom", True)
    assert bottom.text.endswith("memory is used instead.")


def retried(demo: DemoServer, first: int, second: int) -> ScriptedJob:
    """A job that was tried twice, its attempts mixed in what the server sends."""
    lines = [
        ScriptLine(
            f"{attempt}.{n}",
            attempt=attempt,
            after=2.0 if attempt == 2 and not n else 0.0,
            retained=0.0,
        )
        for attempt, count in ((1, first), (2, second))
        for n in range(count)
    ]
    return demo.world.add_job(Script(lines, starts_in=-600, ends_after=1.0))


@pytest.mark.parametrize("cut", [0, 1, 400, 899])
@pytest.mark.parametrize("attempts", [(900, 0), (600, 300), (100, 800)])
async def test_a_download_that_was_cut_cleanly_is_never_the_whole(
    make_demo: MakeDemo, readers: Readers, cut: int, attempts: tuple[int, int]
) -> None:
    demo = make_demo(faults=Faults(retention_lag=(0, 0), cut_clean=cut))
    made = retried(demo, *attempts)
    log = await readers.log(demo, made, tail=50)
    await log.watch()
    await log.history.load_all()
    assert held_lines(log) == true_lines(demo, made)
    assert log.state.missing == 0


@pytest.mark.parametrize("attempts", [(900, 0), (600, 300), (100, 800)])
async def test_what_a_download_leaves_out_inside_is_read_from_the_pages(
    demo: DemoServer, readers: Readers, attempts: tuple[int, int]
) -> None:
    made = retried(demo, *attempts)
    client = await readers.client(demo)
    job = await client.job(made.workflow_id, made.id)

    def gapped(lines: list[bytes]) -> list[bytes]:
        return [*lines[:300], *lines[310:500], *lines[501:]]

    settings = replace(SETTINGS, tail=50)
    log = JobLog(Spoiled(client, gapped), None, job, settings=settings)
    await log.watch()
    await log.history.load_all()
    assert held_lines(log) == true_lines(demo, made)
    assert log.state.missing == 0


@pytest.mark.parametrize("attempts", [(9000, 300), (300, 9000)])
@pytest.mark.parametrize("key", [(1, 100), (1, 250), (2, 100), (2, 250)])
async def test_a_far_line_of_a_retried_job_is_found(
    demo: DemoServer,
    readers: Readers,
    attempts: tuple[int, int],
    key: tuple[int, int],
) -> None:
    made = retried(demo, *attempts)
    log = await readers.log(demo, made, tail=50)
    await log.watch()
    await log.history.load_around(LineKey(*key, -1, ""))
    assert f"{key[0]}.{key[1]}" in {line[3] for line in held_lines(log)}


async def test_pages_are_loaded_back_to_a_line(
    demo: DemoServer, readers: Readers
) -> None:
    log = await opened(readers, demo, ended(demo))
    await log.history.load_back_to_line(1, 520)
    assert 400 <= log.store.line(0).sequence_num <= 520
    await log.history.load_back_to_line(1, -5)
    assert log.state.at_start


async def test_pages_are_loaded_back_to_a_time(
    demo: DemoServer, readers: Readers
) -> None:
    log = await opened(readers, demo, ended(demo))
    oldest, newest = (log.store.line(n).time_ns for n in (0, 199))
    assert oldest is not None
    assert newest is not None
    await log.history.load_back_to_time(oldest)
    assert len(log.store) == 200
    await log.history.load_back_to_time(oldest - (newest - oldest))
    assert 450 <= log.store.line(0).sequence_num <= 550
    assert demo.requests.count("raw") == 0
    await log.history.load_back_to_time(0)
    assert log.state.at_start


async def test_a_time_far_back_is_one_download(
    demo: DemoServer, readers: Readers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chronotui.engine.history.FAR_LINES", 300)
    log = await opened(readers, demo, ended(demo))
    oldest = log.store.line(0).time_ns
    assert oldest is not None
    await log.history.load_back_to_time(oldest - 500_000_000)
    assert demo.requests.count("raw") == 1
    assert len(log.store) == 950
