"""Files built from the retained pages where the raw download cannot serve."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from chronotui.demo.scripts import ScriptLine
from chronotui.engine.save_request import SaveScope
from chronotui.errors import DownloadError, NotSignedInError, UsageError
from chronotui.log.formats import JSONL, SAVE_FORMATS, SaveFormat
from chronotui.model import LogLine

if TYPE_CHECKING:
    from chronotui.demo.server import DemoServer
    from tests.engine.save.conftest import Bench, OpenBench


@pytest.mark.parametrize("save_format", SAVE_FORMATS[1:])
async def test_a_server_that_knows_only_text(
    documented: Bench, save_format: SaveFormat
) -> None:
    job = documented.ended([f"line {n}" for n in range(250)])
    result = await documented.run(job, format=save_format)
    assert documented.messages(save_format) == [f"line {n}" for n in range(250)]
    assert result.lines == 250
    assert "built from the retained pages" in " ".join(result.notes)
    assert documented.names() == {"a"}


async def test_its_text_is_taken_as_it_is(documented: Bench) -> None:
    job = documented.ended(documented.mixed)
    result = await documented.run(job)
    assert documented.read() == documented.text(job)
    assert result.notes == ()


@pytest.mark.parametrize("save_format", SAVE_FORMATS)
async def test_it_ignores_the_stream_and_so_it_is_filtered_here(
    documented: Bench, save_format: SaveFormat
) -> None:
    lines = [ScriptLine(f"{n}", "stderr" if n % 3 else "stdout") for n in range(300)]
    job = documented.ended(lines)
    result = await documented.run(job, format=save_format, stream="stdout")
    expected = [f"{n}" for n in range(0, 300, 3)]
    assert documented.messages(save_format) == expected
    assert result.lines == 100
    assert "built from the retained pages" in " ".join(result.notes)


async def test_it_ignores_the_query_and_so_its_search_is_asked(
    documented: Bench,
) -> None:
    job = documented.ended(
        ["apple pie", ScriptLine("apple core", "stderr"), "pear"] * 60
    )
    result = await documented.run(job, query="apple", stream="stdout")
    assert documented.read() == b"apple pie\n" * 60
    assert result.lines == 60


async def test_a_canceled_job_that_has_no_download_there(documented: Bench) -> None:
    job = documented.ended(["one", "two"], outcome="CANCELED")
    result = await documented.run(job)
    assert documented.read() == b"one\ntwo\n"
    assert "refuses its own download" in result.notes[0]


@pytest.mark.parametrize("save_format", SAVE_FORMATS)
async def test_a_token_where_the_download_takes_only_a_session(
    documented_demo: DemoServer, open_bench: OpenBench, save_format: SaveFormat
) -> None:
    bench = open_bench(documented_demo, bearer=True)
    job = bench.ended([f"line {n}" for n in range(150)])
    result = await bench.run(job, format=save_format)
    assert bench.messages(save_format) == [f"line {n}" for n in range(150)]
    assert "session" in result.notes[0]


async def test_a_token_that_is_refused_everywhere(
    documented_demo: DemoServer, open_bench: OpenBench
) -> None:
    from chronotui.demo.faults import Failure

    bench = open_bench(documented_demo, bearer=True)
    job = bench.ended(["x"])
    bench.demo.faults.fail_next(Failure.UNAUTHORIZED, times=50)
    with pytest.raises(NotSignedInError):
        await bench.run(job)
    assert bench.names() == set()


async def test_the_trailers_words_where_only_pages_can_tell(documented: Bench) -> None:
    mark = "--- ERROR: failed to fetch logs ---"
    words = [*(f"line {n}" for n in range(230)), mark, "context deadline exceeded"]
    job = documented.ended(words)
    await documented.run(job)
    assert documented.read() == documented.text(job)
    documented.demo.faults.raw_fails_after = 400
    with pytest.raises(DownloadError):
        await documented.run(job, "b")
    assert documented.names() == {"a"}


async def test_retried_jobs_keep_their_tries_apart(documented: Bench) -> None:
    lines = [
        ScriptLine(f"{t} {n}", attempt=t, after=0.01)
        for t in (1, 2)
        for n in range(120)
    ]
    job = documented.ended(lines)
    result = await documented.run(job, format=JSONL)
    assert result.lines == 240
    found = documented.messages(JSONL)
    assert found == [f"{t} {n}" for t in (1, 2) for n in range(120)]


@pytest.mark.parametrize("save_format", SAVE_FORMATS)
async def test_lines_at_hand_are_saved_without_the_server(
    bench: Bench, save_format: SaveFormat
) -> None:
    lines = [
        LogLine(1, n, "stderr" if n % 2 else "stdout", n * 10**9, f"line {n}")
        for n in range(2500)
    ]
    job = bench.ended(["not these"])
    result = await bench.run(
        job,
        format=save_format,
        scope=SaveScope.VIEW,
        lines=lambda: iter(lines),
        stream="stderr",
    )
    expected = [f"line {n}" for n in range(1, 2500, 2)]
    assert bench.messages(save_format) == expected
    assert result.lines == 1250
    assert bench.client.requests.total() == 0


async def test_nothing_at_hand_is_not_saved(bench: Bench) -> None:
    job = bench.ended(["x"])
    with pytest.raises(UsageError, match="holds no line"):
        await bench.run(job, scope=SaveScope.SELECTION, lines=lambda: iter(()))
    assert bench.names() == set()
