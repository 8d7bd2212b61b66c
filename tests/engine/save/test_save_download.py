"""Saving the log of an ended job from its raw download."""

from __future__ import annotations

import json
import stat
from typing import TYPE_CHECKING, Final

import pytest

from chronotui.demo.faults import Failure
from chronotui.demo.scripts import ScriptLine
from chronotui.engine.save_request import SavePhase
from chronotui.errors import (
    ChronotuiError,
    DownloadError,
    LogsUnavailableError,
    NotFoundError,
    NotSignedInError,
    PathRefusedError,
    ServerError,
)
from chronotui.log.formats import JSON, JSONL, SAVE_FORMATS, TXT, TXT_TIME, SaveFormat

if TYPE_CHECKING:
    from tests.engine.save.conftest import Bench

MARK: Final = "--- ERROR: failed to fetch logs ---"
REASON: Final = "context deadline exceeded"


async def test_txt_is_the_servers_byte_for_byte(bench: Bench) -> None:
    job = bench.ended(bench.mixed)
    result = await bench.run(job, "a.txt")
    assert bench.read("a.txt") == bench.text(job)
    assert (result.lines, result.bytes) == (5, len(bench.text(job)))
    assert result.notes == ()
    assert result.exit_code == 0
    assert stat.S_IMODE(result.path.stat().st_mode) == 0o600
    assert bench.names() == {"a.txt"}


@pytest.mark.parametrize("save_format", [JSONL, JSON])
async def test_json_keeps_the_servers_shape(
    bench: Bench, save_format: SaveFormat
) -> None:
    job = bench.ended(bench.mixed)
    result = await bench.run(job, format=save_format)
    if save_format is JSON:
        entries = json.loads(bench.read())["logs"]
    else:
        entries = [json.loads(line) for line in bench.read().splitlines()]
    truth = bench.demo.world.truth(job.id)
    assert [entry["message_raw"] for entry in entries] == [t.message for t in truth]
    ids = [t.event_id(job.id) for t in truth]
    assert [entry["event_id"] for entry in entries] == ids
    assert entries[1]["message_json"] == {"level": "error", "n": 1}
    assert result.lines == len(truth)


async def test_text_with_time_and_stream(bench: Bench) -> None:
    job = bench.ended(["one", ScriptLine("two", "stderr", after=1.0)])
    await bench.run(job, format=TXT_TIME)
    lines = bench.read().decode().splitlines()
    assert [line.split(" ", 1)[1] for line in lines] == ["[stdout] one", "[stderr] two"]
    assert all(line.split(" ")[0].endswith("Z") for line in lines)


@pytest.mark.parametrize("save_format", SAVE_FORMATS)
async def test_stream_is_passed_through(bench: Bench, save_format: SaveFormat) -> None:
    job = bench.ended(bench.mixed)
    result = await bench.run(job, format=save_format, stream="stderr")
    assert result.lines == 2
    assert b"plain" not in bench.read()


async def test_query_is_passed_through(bench: Bench) -> None:
    job = bench.ended(["apple pie", "pear", "apple cake"])
    result = await bench.run(job, query="apple")
    assert bench.read() == b"apple pie\napple cake\n"
    assert result.lines == 2


async def test_an_empty_log_is_an_empty_file(bench: Bench) -> None:
    result = await bench.run(bench.ended([]))
    assert (result.lines, result.bytes) == (0, 0)
    assert bench.read() == b""


async def test_without_a_path_the_servers_name_is_taken(bench: Bench) -> None:
    job = bench.ended(["x"])
    result = await bench.run(
        job,
        None,
        folder=bench.folder / "new",
        make_folder=True,
        format=TXT_TIME,
    )
    assert result.path == bench.folder / "new" / f"{job.id}-logs.txt"


@pytest.mark.parametrize("save_format", SAVE_FORMATS)
@pytest.mark.parametrize("after", [0, 40, 4000])
async def test_a_failure_inside_leaves_no_whole_looking_file(
    bench: Bench, save_format: SaveFormat, after: int
) -> None:
    job = bench.ended([f"line {n}" for n in range(500)])
    bench.demo.faults.raw_fails_after = after
    with pytest.raises(DownloadError, match=REASON) as caught:
        await bench.run(job, format=save_format)
    assert caught.value.exit_code == 6
    assert bench.names() == set()


@pytest.mark.parametrize("save_format", SAVE_FORMATS)
async def test_a_cut_connection_leaves_no_whole_looking_file(
    bench: Bench, save_format: SaveFormat
) -> None:
    job = bench.ended([f"line {n}" for n in range(500)])
    bench.demo.faults.raw_cut_after = 2000
    with pytest.raises(DownloadError, match="broke off after") as caught:
        await bench.run(job, format=save_format)
    assert caught.value.exit_code == 6
    assert bench.names() == set()


async def test_the_part_is_kept_when_asked_and_another_try_leaves_it(
    bench: Bench,
) -> None:
    job = bench.ended([f"line {n}" for n in range(500)])
    bench.demo.faults.raw_cut_after = 2000
    save = bench.save(job, keep_part=True)
    with pytest.raises(DownloadError, match="is kept as") as caught:
        await save.run()
    assert save.error is caught.value
    assert save.part == bench.folder / "a.part"
    assert bench.text(job).startswith(bench.read("a.part"))
    assert save.progress.phase is SavePhase.FAILED
    bench.demo.faults.raw_cut_after = None
    await bench.run(job)
    assert bench.names() == {"a", "a.part"}
    save.drop_part()
    assert bench.names() == {"a"}


class TestTheTrailersWordsInALog:
    """A job may print what a failed download ends in."""

    WORDS = ("begin", MARK, REASON)

    async def test_are_log_lines_when_the_retained_log_has_them(
        self, bench: Bench
    ) -> None:
        job = bench.ended(self.WORDS)
        result = await bench.run(job)
        assert bench.read() == bench.text(job)
        assert result.lines == 3

    async def test_after_a_line_that_ends_in_an_empty_one(self, bench: Bench) -> None:
        job = bench.ended(["begin\n", *self.WORDS[1:]])
        await bench.run(job)
        assert bench.read() == bench.text(job)

    async def test_of_many_pages(self, bench: Bench) -> None:
        job = bench.ended([*(f"line {n}" for n in range(450)), *self.WORDS])
        await bench.run(job)
        assert bench.read() == bench.text(job)

    async def test_and_the_download_fails_right_there(self, bench: Bench) -> None:
        job = bench.ended([*self.WORDS, "after", "the", "words"])
        bench.demo.faults.raw_fails_after = len("\n".join(self.WORDS)) + 3
        with pytest.raises(DownloadError, match=REASON):
            await bench.run(job)
        assert bench.names() == set()

    async def test_and_the_failure_says_the_very_same(self, bench: Bench) -> None:
        job = bench.ended([*(f"line {n}" for n in range(450)), *self.WORDS])
        bench.demo.faults.raw_fails_after = 1000
        with pytest.raises(DownloadError):
            await bench.run(job)
        assert bench.names() == set()

    async def test_in_the_middle_of_the_log_alone(self, bench: Bench) -> None:
        job = bench.ended([*self.WORDS, *("x" * 100 for _ in range(400))])
        await bench.run(job)
        assert bench.read() == bench.text(job)


async def test_a_policy_that_keeps_no_log_is_said(bench: Bench) -> None:
    world = bench.demo.world
    kept_none = [
        job
        for workflow in world.workflows
        if not workflow.plan.retention and workflow.plan.kind == "CONTAINER"
        for job in workflow.jobs(world.clock.now_ns())
        if job.has_ended(world.clock.now_ns())
    ]
    with pytest.raises(LogsUnavailableError) as caught:
        await bench.run(kept_none[0])
    assert caught.value.exit_code == 4
    assert bench.names() == set()


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        (Failure.PLAIN_500, ServerError),
        (Failure.HTML_502, ServerError),
        (Failure.CUT, ChronotuiError),
        (Failure.RESET, ServerError),
        (Failure.LOGIN_PAGE, ChronotuiError),
    ],
)
async def test_a_failing_answer_is_a_sentence(
    bench: Bench, failure: Failure, kind: type[ChronotuiError]
) -> None:
    job = bench.ended(["x"] * 50)
    bench.demo.faults.fail_next(failure, times=50)
    with pytest.raises(kind):
        await bench.run(job)
    assert bench.names() == set()


async def test_an_unknown_job(bench: Bench) -> None:
    job = bench.ended(["x"])
    with pytest.raises(NotFoundError):
        await bench.run(job, job_id="00000000-0000-0000-0000-000000000000")


async def test_not_signed_in(bench: Bench) -> None:
    job = bench.ended(["x"])
    bench.demo.faults.fail_next(Failure.UNAUTHORIZED, times=50)
    with pytest.raises(NotSignedInError):
        await bench.run(job)
    assert bench.names() == set()


@pytest.mark.parametrize("name", ["there", "no/folder", "x" * 300])
async def test_a_refused_path_asks_nothing_of_the_server(
    bench: Bench, name: str
) -> None:
    job = bench.ended(["x"])
    (bench.folder / "there").write_text("mine")
    with pytest.raises(PathRefusedError):
        await bench.run(job, name)
    assert sum(bench.client.requests.values()) == 0
    assert bench.names() == {"there"}
    assert bench.read("there") == b"mine"


async def test_an_existing_file_is_replaced_when_asked(bench: Bench) -> None:
    job = bench.ended(["x"])
    (bench.folder / "a").write_text("old")
    await bench.run(job, overwrite=True)
    assert bench.read() == b"x\n"


@pytest.mark.parametrize("save_format", SAVE_FORMATS)
async def test_bytes_come_in_chunks_of_any_size(
    bench: Bench, save_format: SaveFormat
) -> None:
    job = bench.ended(bench.mixed[:3] * 40)
    bench.demo.faults.split_bytes = (1, 300)
    result = await bench.run(job, format=save_format)
    assert result.lines == 120
    if save_format is TXT:
        assert bench.read() == bench.text(job)
