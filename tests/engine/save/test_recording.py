"""Recording a running job to its end, and checking it."""

from __future__ import annotations

import asyncio
import errno
from typing import TYPE_CHECKING, Final

import pytest
from msgspec.structs import replace

from chronotui.demo.scripts import Script, ScriptLine
from chronotui.engine.save import Save
from chronotui.engine.save_request import SavePhase, SaveResult
from chronotui.engine.timing import WatchSettings, WatchTiming
from chronotui.errors import CancelledByUserError, DownloadError
from chronotui.log.formats import JSONL, SAVE_FORMATS, SaveFormat
from chronotui.storage.files import PartFile
from tests.engine.conftest import until

if TYPE_CHECKING:
    from chronotui.demo.scripts import ScriptedJob
    from chronotui.storage.files import SpoolFile
    from tests.engine.save.conftest import Bench

TIMING: Final = replace(WatchTiming().scaled(0.03), end_limit=0.6)
WATCH: Final = WatchSettings(poll_seconds=0.1, may_sign_in=False, timing=TIMING)


def record(bench: Bench, job: ScriptedJob, name: str = "a", **asked: object) -> Save:
    return Save(bench.client, bench.request(job, name, **asked), watch=WATCH)


@pytest.mark.parametrize("save_format", SAVE_FORMATS)
async def test_what_exists_then_every_line_to_the_end(
    bench: Bench, save_format: SaveFormat
) -> None:
    job = bench.demo.world.add_job(Script([f"before {n}" for n in range(250)]))
    save = record(bench, job, format=save_format)
    running = asyncio.create_task(save.run())
    await until(lambda: save.progress.lines >= 250)
    assert save.progress.phase is SavePhase.RECORDING
    assert bench.names() == {"a.part", "a.part.state"}
    job.write(*(f"live {n}" for n in range(50)), ScriptLine("oops", "stderr"))
    job.write(
        ScriptLine("shared err", "stderr"), ScriptLine("shared out", with_previous=True)
    )
    await until(lambda: save.progress.lines >= 303)
    assert bench.read("a.part").count(b"live 49") == 1, "the part grows as it goes"
    job.end()
    result = await running
    truth = bench.truth(job)
    assert bench.messages(save_format) == truth
    assert result.lines == len(truth)
    assert result.exit_code == 0
    assert "0 missing; the server's own file has the same" in result.notes[-1]
    assert result.sentence().endswith("a, as the server's own file has them.")
    assert bench.names() == {"a"}


async def test_the_documented_dialect_is_checked_by_its_text(documented: Bench) -> None:
    job = documented.demo.world.add_job(Script([f"before {n}" for n in range(120)]))
    save = record(documented, job, format=JSONL)
    running = asyncio.create_task(save.run())
    await until(lambda: save.progress.lines >= 120)
    job.write("two\nlines", "last")
    job.end()
    result = await running
    assert result.lines == 122
    assert "the server's own file has the same" in result.notes[-1]
    assert documented.names() == {"a"}


async def test_cuts_and_drops_lose_nothing(bench: Bench) -> None:
    faults = bench.demo.faults
    faults.live_dropped, faults.live_doubled, faults.live_swapped = 0.1, 0.1, 0.1
    faults.cut_bytes = (2_000, 8_000)
    job = bench.demo.world.add_job(
        Script([f"line {n} é" for n in range(800)], rate=1000.0, ends_after=0.1)
    )
    result = await record(bench, job).run()
    assert bench.read() == bench.text(job)
    assert result.exit_code == 0


async def test_one_stream_alone(bench: Bench) -> None:
    job = bench.demo.world.add_job(Script(["a", ScriptLine("b", "stderr")] * 20))
    save = record(bench, job, stream="stderr")
    running = asyncio.create_task(save.run())
    await until(lambda: save.progress.lines >= 20)
    job.end()
    result = await running
    assert bench.read() == b"b\n" * 20
    assert "has the same" in result.notes[-1]


async def test_a_query_waits_for_the_end(bench: Bench) -> None:
    job = bench.demo.world.add_job(Script(["apple", "pear"] * 20))
    save = record(bench, job, query="apple")
    running = asyncio.create_task(save.run())
    await until(lambda: save.progress.phase is SavePhase.WAITING_FOR_END)
    job.end()
    result = await running
    assert bench.read() == b"apple\n" * 20
    assert result.lines == 20


async def test_a_job_that_has_not_started_is_waited_for(bench: Bench) -> None:
    job = bench.demo.world.add_job(Script(["one"], starts_in=None))
    save = record(bench, job)
    running = asyncio.create_task(save.run())
    await until(lambda: save.progress.phase is SavePhase.WAITING)
    job.start()
    job.write("two")
    await until(lambda: save.progress.lines > 0)
    job.end()
    await running
    assert b"two\n" in bench.read()


async def test_a_job_that_ended_just_now_is_waited_out(bench: Bench) -> None:
    bench.demo.faults.retention_lag = (0.05, 0.05)
    job = bench.demo.world.add_job(Script([f"line {n}" for n in range(300)]))
    job.end()
    result = await record(bench, job).run()
    assert bench.read() == bench.text(job)
    assert result.lines == 300


async def test_a_line_the_server_lost_is_said(bench: Bench) -> None:
    job = bench.demo.world.add_job(Script(["one"]))
    save = record(bench, job)
    running = asyncio.create_task(save.run())
    await until(lambda: save.progress.lines >= 1)
    job.write(ScriptLine("nobody gets this", live=None, retained=None), "three")
    job.end()
    result = await running
    assert bench.read() == b"one\nthree\n"
    assert result.missing_lines == 1
    assert result.exit_code == 6
    assert "1 line missing" in result.sentence()


async def test_a_line_only_the_recording_has_is_a_disagreement(bench: Bench) -> None:
    job = bench.demo.world.add_job(Script(["one"]))
    save = record(bench, job)
    running = asyncio.create_task(save.run())
    await until(lambda: save.progress.lines >= 1)
    job.write(ScriptLine("never retained", retained=None), "three")
    await until(lambda: save.progress.lines >= 3)
    job.end()
    with pytest.raises(DownloadError, match="only in the recording") as caught:
        await running
    assert "number 1" in caught.value.sentence
    assert caught.value.exit_code == 6
    assert bench.names() == {"a.part", "a.server.part"}
    assert bench.read("a.part") == b"one\nnever retained\nthree\n"
    assert b"never retained" not in bench.read("a.server.part")
    save.drop_part()
    assert bench.names() == {"a.part", "a.server.part"}, "both are kept"


async def test_only_cancelling_removes_what_was_recorded(bench: Bench) -> None:
    job = bench.demo.world.add_job(Script([f"line {n}" for n in range(50)]))
    for leave, left in (
        (Save.cancel, set[str]()),
        (Save.stop, {"a.part", "a.part.state"}),
    ):
        save = record(bench, job)
        running = asyncio.create_task(save.run())
        await until(lambda save=save: save.progress.lines >= 50)  # type: ignore[misc]
        leave(save)
        with pytest.raises(CancelledByUserError):
            await running
        save.drop_part()
        assert bench.names() == left
    assert bench.read("a.part") == bench.text(job)
    assert "goes on with it" in str(save.error)


async def test_a_line_too_late_for_the_order_is_taken_from_the_servers_file(
    bench: Bench,
) -> None:
    job = bench.demo.world.add_job(Script(["one"]))
    quick = replace(WATCH, timing=replace(WATCH.timing, line_wait=0.2))
    save = Save(bench.client, bench.request(job), watch=quick)
    running = asyncio.create_task(save.run())
    await until(lambda: save.progress.lines >= 1)
    job.write(ScriptLine("late", live=None, retained=0.6), "three")
    await until(lambda: save.progress.lines >= 2)
    await until(lambda: "too late" in save.progress.said)
    job.end()
    result = await running
    assert bench.read() == b"one\nlate\nthree\n"
    assert (result.lines, result.missing_lines, result.exit_code) == (3, 0, 0)
    assert result.bytes == len(bench.read())
    assert "1 line came too late" in result.notes[-1]
    assert bench.names() == {"a"}


async def test_a_file_made_anew_that_cannot_be_finished_leaves_the_recording(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = bench.demo.world.add_job(Script([f"line {n}" for n in range(100)]))
    quick = replace(WATCH, timing=replace(WATCH.timing, line_wait=0.2))
    save = Save(bench.client, bench.request(job), watch=quick)
    running = asyncio.create_task(save.run())
    await until(lambda: save.progress.lines >= 100)
    job.write(ScriptLine("late", live=None, retained=0.6), "after")
    await until(lambda: save.progress.lines >= 101)
    await until(lambda: "too late" in save.progress.said)
    commit = PartFile.commit

    def fails(part: PartFile) -> None:
        raise DownloadError("The disk is full.")

    monkeypatch.setattr(PartFile, "commit", fails)
    job.end()
    with pytest.raises(DownloadError, match="disk is full"):
        await running
    assert bench.names() == {"a.part", "a.part.state"}
    monkeypatch.setattr(PartFile, "commit", commit)
    result = await record(bench, job).run()
    assert bench.read() == bench.text(job)
    assert (result.lines, result.exit_code) == (102, 0)
    assert bench.names() == {"a"}


async def test_a_spool_that_cannot_be_made_is_said(bench: Bench) -> None:
    def full() -> SpoolFile:
        raise OSError(errno.ENOSPC, "")

    job = bench.demo.world.add_job(Script(["one"]))
    save = Save(bench.client, bench.request(job), spool=full, watch=WATCH)
    with pytest.raises(DownloadError, match="spool file cannot be used"):
        await save.run()
    assert bench.names() == set()


async def test_sessions_that_end_cost_nothing(bench: Bench) -> None:
    bench.demo.faults.session_seconds = 0.3
    bench.demo.faults.cut_with_session = True
    lines = [f"line {n}" for n in range(150)]
    job = bench.demo.world.add_job(Script(lines, rate=120.0, ends_after=0.1))
    result = await record(bench, job).run()
    assert bench.read() == bench.text(job)
    assert result.exit_code == 0


async def ended_recording(bench: Bench, **asked: object) -> SaveResult:
    """Record a job of 50 lines to its end."""
    job = bench.demo.world.add_job(Script([f"line {n}" for n in range(50)]))
    save = record(bench, job, **asked)  # type: ignore[arg-type]
    running = asyncio.create_task(save.run())
    await until(lambda: save.progress.lines >= 50)
    job.end()
    return await running


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 429, 500, 502, 503])
@pytest.mark.parametrize("kind", ["text/plain; charset=utf-8", "text/html"])
async def test_a_comparison_that_is_refused_is_asked_for_again(
    bench: Bench, status: int, kind: str
) -> None:
    bench.demo.faults.refuse(status, kind, route="raw", times=2)
    result = await ended_recording(bench)
    assert result.exit_code == 0
    assert "the server's own file has the same" in result.notes[-1]
    assert bench.names() == {"a"}


@pytest.mark.parametrize("status", [403, 404, 503])
async def test_a_comparison_that_is_refused_for_good_is_not_verified(
    bench: Bench, status: int
) -> None:
    bench.demo.faults.refuse(status, route="raw", times=-1)
    result = await ended_recording(bench)
    assert result.sentence().endswith("as the retained log has them.")
    assert result.lines == 50
    assert "not verified against the server's own file, because " in result.notes[-1]
    assert bench.names() == {"a"}


async def test_a_file_cut_off_on_the_way_is_asked_for_again(bench: Bench) -> None:
    bench.demo.faults.cut_clean = 20
    running = asyncio.create_task(ended_recording(bench))
    await until(lambda: bench.demo.requests.count("raw") >= 1)
    bench.demo.faults.cut_clean = None
    result = await running
    assert "the server's own file has the same" in result.notes[-1]


async def test_a_file_always_cut_off_on_the_way_is_no_disagreement(
    bench: Bench,
) -> None:
    bench.demo.faults.cut_clean = 20
    result = await ended_recording(bench)
    assert result.lines == 50
    assert "stops 30 lines before the end of the retained pages" in result.notes[-1]
    assert result.exit_code == 0
    assert bench.names() == {"a"}
