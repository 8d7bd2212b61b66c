"""A recording that was stopped, and the next one that goes on with it."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import stat
from typing import TYPE_CHECKING, Final

import pytest
from msgspec.structs import replace

from chronotui.demo.scripts import Script, ScriptLine
from chronotui.engine.save import Save, Saves
from chronotui.engine.save_request import SavePhase, SaveResult
from chronotui.errors import CancelledByUserError, DownloadError, PathRefusedError
from chronotui.log.formats import JSON, JSONL, SAVE_FORMATS, TXT, SaveFormat
from tests.engine.conftest import until
from tests.engine.save.test_recording import TIMING, WATCH, record

if TYPE_CHECKING:
    from collections.abc import Callable

    from chronotui.demo.scripts import ScriptedJob
    from tests.engine.save.conftest import Bench

PART: Final = {"a.part", "a.part.state"}


async def stopped(
    bench: Bench, job: ScriptedJob, lines: int, **asked: object
) -> CancelledByUserError:
    """Record so many lines, then stop."""
    save = record(bench, job, **asked)  # type: ignore[arg-type]
    running = asyncio.create_task(save.run())
    await until(lambda: save.progress.lines >= lines)
    save.stop()
    with pytest.raises(CancelledByUserError) as caught:
        await running
    return caught.value


async def went_on(bench: Bench, job: ScriptedJob, **asked: object) -> SaveResult:
    """Record to the end of the job, which ends once that has begun."""
    save = record(bench, job, **asked)  # type: ignore[arg-type]
    running = asyncio.create_task(save.run())
    await until(lambda: save.progress.phase is not SavePhase.STARTING)
    job.write("the last line")
    job.end()
    return await running


async def is_retained(bench: Bench, job: ScriptedJob, message: str) -> None:
    """Wait until a line is in the retained log."""
    async with asyncio.timeout(30):
        while True:
            page = await bench.client.log_page(job.workflow_id, job.id, fresh=True)
            if message in {line.message for line in page.lines}:
                return
            await asyncio.sleep(0.02)


def state_of(bench: Bench) -> dict[str, object]:
    state: dict[str, object] = json.loads(bench.read("a.part.state"))
    return state


@pytest.mark.parametrize("save_format", SAVE_FORMATS)
async def test_every_line_once_in_every_format(
    bench: Bench, save_format: SaveFormat
) -> None:
    job = bench.demo.world.add_job(Script([f"before {n}" for n in range(120)]))
    why = await stopped(bench, job, 120, format=save_format)
    assert bench.names() == PART
    assert "120 lines) is kept" in why.next_step
    job.write(*(f"while away {n}" for n in range(30)), ScriptLine("oops", "stderr"))
    await stopped(bench, job, 151, format=save_format)
    job.write("once more away")
    result = await went_on(bench, job, format=save_format)
    assert bench.messages(save_format) == bench.truth(job)
    assert result.lines == 153
    assert result.exit_code == 0
    assert "the server's own file has the same" in result.notes[-1]
    assert bench.names() == {"a"}


@pytest.mark.parametrize("save_format", [TXT, JSON])
async def test_the_documented_dialect(
    documented: Bench, save_format: SaveFormat
) -> None:
    job = documented.demo.world.add_job(Script([f"before {n}" for n in range(120)]))
    await stopped(documented, job, 120, format=save_format)
    job.write("while away")
    result = await went_on(documented, job, format=save_format)
    assert documented.messages(save_format) == documented.truth(job)
    assert (result.exit_code, result.lines) == (0, 122)


async def test_the_state_says_whose_part_it_is_and_no_secret(bench: Bench) -> None:
    job = bench.demo.world.add_job(Script(["one", ScriptLine("two", "stderr")]))
    await stopped(bench, job, 2, profile="prod", format=JSONL)
    state = state_of(bench)
    assert state["of"] == {
        "profile": "prod",
        "origin": bench.client.origin,
        "workflow_id": job.workflow_id,
        "job_id": job.id,
        "format": "jsonl",
        "stream": None,
    }
    recorded = state["recorded"]
    assert isinstance(recorded, dict)
    assert {name: recorded[name] for name in ("lines", "attempts", "attempt")} == {
        "lines": 2,
        "attempts": 1,
        "attempt": 1,
    }
    assert (recorded["sequence_num"], recorded["stream"]) == (1, "stderr")
    assert recorded["event_id"] == f"log:{job.id}:stderr:1"
    assert state["size"] == len(bench.read("a.part"))
    mode = (bench.folder / "a.part.state").stat().st_mode
    assert stat.S_IMODE(mode) == 0o600
    for session in bench.demo.open_session():
        assert session not in bench.read("a.part.state").decode()


async def test_what_is_behind_the_state_is_cut_off_and_fetched_again(
    bench: Bench,
) -> None:
    job = bench.demo.world.add_job(Script([f"line {n}" for n in range(20)]))
    await stopped(bench, job, 20)
    with (bench.folder / "a.part").open("ab") as part:
        part.write(b"line 20\nline 2")
    job.write("line 20", "line 21")
    await went_on(bench, job)
    assert bench.read() == bench.text(job)


@pytest.mark.parametrize(
    ("asked", "named"),
    [
        ({"profile": "other"}, "under the profile prod"),
        ({"format": JSONL}, "as txt"),
        ({"stream": "stderr"}, "of both streams"),
    ],
)
async def test_the_part_of_another_recording_is_refused(
    bench: Bench, asked: dict[str, object], named: str
) -> None:
    job = bench.demo.world.add_job(Script(["one"]))
    await stopped(bench, job, 1, profile="prod")
    left = bench.read("a.part"), bench.read("a.part.state")
    with pytest.raises(PathRefusedError, match=named) as caught:
        await record(bench, job, **{"profile": "prod", **asked}).run()  # type: ignore[arg-type]
    assert caught.value.exit_code == 2
    assert left == (bench.read("a.part"), bench.read("a.part.state"))


async def test_the_part_of_another_job_is_refused_and_named(bench: Bench) -> None:
    job = bench.demo.world.add_job(Script(["one"]))
    other = bench.demo.world.add_job(Script(["two"]))
    await stopped(bench, job, 1)
    with pytest.raises(PathRefusedError, match=f"of job {job.id}"):
        await record(bench, other).run()
    assert bench.read("a.part") == b"one\n"


async def test_a_second_writer_is_refused(bench: Bench) -> None:
    job = bench.demo.world.add_job(Script(["one"]))
    save = record(bench, job)
    running = asyncio.create_task(save.run())
    await until(lambda: save.progress.lines >= 1)
    for anew in (False, True):
        with pytest.raises(PathRefusedError, match="being recorded just now") as caught:
            await record(bench, job, anew=anew).run()
        assert caught.value.exit_code == 2
    job.end()
    await running
    assert bench.read() == b"one\n"


def spoil_nothing(bench: Bench) -> None:
    (bench.folder / "a.part").unlink()


def spoil_short(bench: Bench) -> None:
    os.truncate(bench.folder / "a.part", 5)


def spoil_bytes(bench: Bench) -> None:
    path = bench.folder / "a.part"
    path.write_bytes(path.read_bytes().replace(b"1", b"7", 1))


def spoil_state(bench: Bench) -> None:
    (bench.folder / "a.part.state").write_bytes(b"\x00 no state")


def spoil_number(bench: Bench) -> None:
    state = state_of(bench)
    state["size"] = -3
    (bench.folder / "a.part.state").write_text(json.dumps(state))


def spoil_kind(bench: Bench) -> None:
    (bench.folder / "a.part.state").unlink()
    (bench.folder / "a.part.state").mkdir()


@pytest.mark.parametrize(
    ("spoil", "named"),
    [
        (spoil_nothing, "is gone"),
        (spoil_short, "shorter than its state says: 5 of"),
        (spoil_bytes, "it was changed"),
        (spoil_state, "cannot be read"),
        (spoil_number, "cannot be read"),
        (spoil_kind, "cannot be read"),
    ],
)
async def test_damage_is_said_and_begun_anew_only_when_asked(
    bench: Bench, spoil: Callable[[Bench], None], named: str
) -> None:
    job = bench.demo.world.add_job(Script([f"line {n}" for n in range(20)]))
    await stopped(bench, job, 20)
    spoil(bench)
    left = bench.names()
    with pytest.raises(PathRefusedError, match=named) as caught:
        await record(bench, job).run()
    assert caught.value.exit_code == 2
    assert "--force" in caught.value.next_step
    assert bench.names() == left
    if spoil is spoil_kind:
        return
    await went_on(bench, job, anew=True)
    assert bench.read() == bench.text(job)
    assert bench.names() == ({"a"} if spoil is spoil_nothing else {"a", "a.2.part"})


async def test_a_part_of_something_else_is_never_touched(bench: Bench) -> None:
    (bench.folder / "a.part").write_bytes(b"a download somebody kept")
    job = bench.demo.world.add_job(Script(["one"]))
    await stopped(bench, job, 1)
    assert bench.names() == {"a.part", "a.2.part", "a.2.part.state"}
    await went_on(bench, job)
    assert bench.read() == bench.text(job)
    assert bench.names() == {"a", "a.part"}
    assert bench.read("a.part") == b"a download somebody kept"


@pytest.mark.parametrize("save_format", SAVE_FORMATS)
async def test_a_line_that_came_late_before_the_parts_end(
    bench: Bench, save_format: SaveFormat
) -> None:
    quick = replace(WATCH, timing=replace(TIMING, line_wait=0.2))
    job = bench.demo.world.add_job(Script(["one"]))
    job.write(ScriptLine("late", live=None, retained=1.0), "three")
    request = bench.request(job, format=save_format)
    save = Save(bench.client, request, watch=quick)
    running = asyncio.create_task(save.run())
    await until(lambda: save.progress.lines >= 2)
    assert b"late" not in bench.read("a.part")
    save.stop()
    await asyncio.wait([running])
    assert isinstance(running.exception(), CancelledByUserError)
    await is_retained(bench, job, "late")
    result = await went_on(bench, job, format=save_format)
    assert bench.messages(save_format) == ["one", "late", "three", "the last line"]
    assert (result.exit_code, result.lines) == (0, 4)
    # What can be seen to be in the file is not left beside it.
    if save_format in {TXT, JSONL}:
        assert bench.names() == {"a"}
    else:
        assert bench.names() == {"a", "a.2.part"}
        assert "a.2.part" in result.notes[0]


async def test_a_line_the_server_lost_stays_in_the_part_that_is_left(
    bench: Bench,
) -> None:
    job = bench.demo.world.add_job(Script(["one"]))
    save = record(bench, job)
    running = asyncio.create_task(save.run())
    await until(lambda: save.progress.lines >= 1)
    job.write(ScriptLine("never retained", retained=None), "three")
    await until(lambda: save.progress.lines >= 3)
    save.stop()
    await asyncio.wait([running])
    assert isinstance(running.exception(), CancelledByUserError)
    result = await went_on(bench, job)
    assert (result.exit_code, result.missing_lines) == (6, 1)
    assert bench.read() == b"one\nthree\nthe last line\n"
    assert bench.read("a.2.part") == b"one\nnever retained\nthree\n"


async def test_the_job_ended_long_ago(bench: Bench) -> None:
    job = bench.demo.world.add_job(Script([f"line {n}" for n in range(20)]))
    await stopped(bench, job, 20)
    job.write("more")
    job.end()
    await is_retained(bench, job, "more")
    long_ago = replace(WATCH, timing=replace(TIMING, settled_age=0.0))
    result = await Save(bench.client, bench.request(job), watch=long_ago).run()
    assert bench.read() == bench.text(job)
    assert result.exit_code == 0
    assert bench.names() == {"a"}


async def test_closing_the_desk_keeps_what_was_recorded(bench: Bench) -> None:
    job = bench.demo.world.add_job(Script([f"line {n}" for n in range(20)]))
    saves = Saves(bench.client, watch=WATCH)
    save = saves.start(bench.request(job, keep_part=True))
    await until(lambda: save.progress.lines >= 20)
    assert saves.recordings == (save,)
    await saves.close()
    assert bench.names() == PART
    with (bench.folder / "a.part").open("rb") as part:
        fcntl.flock(part, fcntl.LOCK_EX | fcntl.LOCK_NB)
    await went_on(bench, job)
    assert bench.read() == bench.text(job)


async def test_a_full_disk_keeps_the_part_and_goes_on_when_there_is_room(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = bench.demo.world.add_job(Script([f"line {n}" for n in range(20)]))
    save = record(bench, job)
    running = asyncio.create_task(save.run())
    await until(lambda: save.progress.lines >= 20)
    write = os.write
    room = [5]

    def fills_up(file: int, data: bytes) -> int:
        if not room:
            raise OSError(28, "")
        return write(file, bytes(data)[: room.pop()])

    monkeypatch.setattr(os, "write", fills_up)
    job.write("does not fit")
    with pytest.raises(DownloadError, match="is full") as caught:
        await running
    monkeypatch.undo()
    assert caught.value.exit_code == 6
    assert "(20 lines) is kept" in caught.value.next_step
    assert "goes on with it" in caught.value.next_step
    await went_on(bench, job)
    assert bench.read() == bench.text(job)
    assert bench.names() == {"a"}
