"""Cancelling saves, and several side by side."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import TYPE_CHECKING

import pytest

from chronotui.engine import save as save_module
from chronotui.engine.save import Save, Saves
from chronotui.engine.save_request import SavePhase
from chronotui.errors import CancelledByUserError, DownloadError, PathRefusedError
from chronotui.log.formats import TXT, TXT_TIME, SaveFormat
from tests.engine.conftest import until

if TYPE_CHECKING:
    from tests.engine.save.conftest import Bench


def save_threads() -> list[threading.Thread]:
    return [x for x in threading.enumerate() if x.name == "chronotui-save"]


@pytest.mark.parametrize("save_format", [TXT, TXT_TIME])
async def test_a_download_stops_at_once(bench: Bench, save_format: SaveFormat) -> None:
    job = bench.ended(["x" * 1000] * 2000)
    bench.demo.faults.bytes_per_second = 50_000
    save = bench.save(job, format=save_format)
    running = asyncio.create_task(save.run())
    await until(lambda: save.progress.bytes > 0)
    began = time.monotonic()
    save.cancel()
    with pytest.raises(CancelledByUserError) as caught:
        await running
    # The whole of it takes 40 s.
    assert time.monotonic() - began < 10.0
    await until(lambda: not save_threads())
    assert caught.value.exit_code == 130
    assert save.progress.phase is SavePhase.CANCELLED
    assert bench.names() == set()


async def test_a_server_that_says_nothing_is_left_at_once(bench: Bench) -> None:
    job = bench.ended(["x"])
    bench.demo.faults.latency = (30.0, 30.0)
    save = bench.save(job)
    running = asyncio.create_task(save.run())
    await until(lambda: bench.client.requests.total() > 0)
    began = time.monotonic()
    save.cancel()
    with pytest.raises(CancelledByUserError):
        await running
    assert time.monotonic() - began < 10.0
    assert bench.names() == set()


async def test_the_part_of_a_cancelled_save_is_kept_when_asked(bench: Bench) -> None:
    job = bench.ended(["x" * 1000] * 2000)
    bench.demo.faults.bytes_per_second = 50_000
    save = bench.save(job, keep_part=True)
    running = asyncio.create_task(save.run())
    await until(lambda: save.progress.bytes > 0)
    save.cancel()
    with pytest.raises(CancelledByUserError, match=r"is kept as .*a\.part"):
        await running
    assert bench.names() == {"a.part"}
    assert bench.text(job).startswith(bench.read("a.part"))


async def test_cancelled_before_it_began(bench: Bench) -> None:
    save = bench.save(bench.ended(["x"]))
    save.cancel()
    with pytest.raises(CancelledByUserError):
        await save.run()
    assert bench.names() == set()


async def test_the_task_around_it_is_cancelled(bench: Bench) -> None:
    job = bench.ended(["x" * 1000] * 2000)
    bench.demo.faults.bytes_per_second = 50_000
    save = bench.save(job)
    running = asyncio.create_task(save.run())
    await until(lambda: save.progress.bytes > 0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert bench.names() == set()


async def test_many_side_by_side_are_listed_and_whole(bench: Bench) -> None:
    jobs = [bench.ended([f"{n} {m}" for m in range(500)]) for n in range(12)]
    bench.demo.faults.bytes_per_second = 40_000
    saves = Saves(bench.client)
    told: list[Save] = []
    saves.subscribe(told.append)
    begun = [
        saves.start(bench.request(job, f"{number}")) for number, job in enumerate(jobs)
    ]
    assert saves.running == tuple(begun)
    await until(lambda: all(save.progress.bytes for save in begun))
    begun[3].cancel()
    await until(lambda: not saves.running)
    await saves.close()
    for number, job in enumerate(jobs):
        if number != 3:
            assert bench.read(f"{number}") == bench.text(job)
    assert len(bench.names()) == 11
    assert isinstance(begun[3].error, CancelledByUserError)
    assert saves.all == tuple(begun)
    assert len(told) == 2 * len(begun)


async def test_two_saves_never_share_a_path(bench: Bench) -> None:
    job = bench.ended(["x" * 1000] * 200)
    bench.demo.faults.bytes_per_second = 20_000
    saves = Saves(bench.client)
    saves.start(bench.request(job))
    with pytest.raises(PathRefusedError, match="Another save"):
        saves.start(bench.request(job))
    await saves.close()
    assert bench.names() == set()


async def test_closing_drops_the_parts_nobody_asked_for(bench: Bench) -> None:
    job = bench.ended([f"line {n}" for n in range(500)])
    bench.demo.faults.raw_cut_after = 2000
    saves = Saves(bench.client)
    wanted = saves.start(bench.request(job, "wanted", keep_part=True))
    other = saves.start(bench.request(job, "other", keep_part=True))
    await until(lambda: not saves.running)
    await until(lambda: wanted.error is not None and other.error is not None)
    assert bench.names() == {"wanted.part", "other.part"}
    wanted.keep_part()
    await saves.close()
    assert bench.names() == {"wanted.part"}
    saves.forget(wanted)
    assert saves.all == (other,)


async def test_progress_says_how_far_it_is(bench: Bench) -> None:
    job = bench.ended(["x" * 99] * 1000)
    bench.demo.faults.bytes_per_second = 100_000
    save = bench.save(job, known_lines=1000)
    running = asyncio.create_task(save.run())
    seen = []
    while not running.done():
        seen.append(save.progress)
        await asyncio.sleep(0.02)
    await running
    fractions = [now.fraction for now in seen]
    assert None not in fractions
    assert fractions == sorted(fractions)  # type: ignore[type-var]
    assert any(0.2 < (fraction or 0) < 0.8 for fraction in fractions)
    assert any(now.bytes_per_second > 20_000 for now in seen)
    assert SavePhase.DOWNLOADING in {now.phase for now in seen}
    assert save.progress.fraction == 1.0
    assert save.progress.lines == 1000


async def test_a_full_disk_in_the_middle(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    import errno
    import os

    def full(_descriptor: int, _data: object) -> int:
        raise OSError(errno.ENOSPC, "")

    monkeypatch.setattr(os, "write", full)
    save = bench.save(bench.ended(["x" * 1000] * 2000))
    with pytest.raises(DownloadError, match="full") as caught:
        await save.run()
    assert caught.value.exit_code == 6
    assert bench.names() == set()


async def test_an_error_nobody_foresaw_ends_a_save_with_words(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(save_module, "verify", fail)
    saves = Saves(bench.client)
    told: list[tuple[bool, str]] = []
    saves.subscribe(lambda save: told.append((save.is_over, str(save.error))))
    save = saves.start(bench.request(bench.ended(["x"])))
    await until(lambda: len(told) == 2)
    over, words = told[-1]
    assert over
    assert "chronotui failed in the save (ZeroDivisionError)." in words
    assert save.progress.phase is SavePhase.FAILED
    assert bench.names() == set()
    await saves.close()
