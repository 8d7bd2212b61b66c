"""Downloads that end well as HTTP goes and are not the whole log all the same."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

import pytest

from chronotui.engine.save import Save
from chronotui.engine.save_request import SaveRequest, SaveResult
from chronotui.engine.save_verify import COUNTED
from chronotui.errors import DownloadError, LogsUnavailableError, UnreadableAnswerError
from chronotui.log.formats import JSON, JSONL, TXT, TXT_TIME, SaveFormat
from chronotui.model import Job, JobStatus, Trigger
from chronotui.sources.chronoverse import open_chronoverse
from chronotui.sources.protocol import NoAuth

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from tests.engine.save.conftest import Bench

JOB: Final = Job("j", "w", JobStatus.COMPLETED, Trigger.MANUAL)
Route = tuple[str, bytes]


def entry(number: int) -> dict[str, object]:
    return {
        "timestamp": "2026-11-22T10:00:00Z",
        "sequence_num": number,
        "stream": "stdout",
        "event_id": f"log:j:stdout:{number}",
    }


def page(*numbers: int, cursor: str = "") -> Route:
    lines = [{**entry(n), "message": f"line {n}"} for n in numbers]
    return "application/json", json.dumps({"logs": lines, "cursor": cursor}).encode()


def jsonl(*numbers: int) -> Route:
    lines = [json.dumps({**entry(n), "message_raw": f"line {n}"}) for n in numbers]
    return "application/x-ndjson", "".join(f"{line}\n" for line in lines).encode()


@asynccontextmanager
async def server(route: Callable[[str], Route]) -> AsyncIterator[str]:
    """Answer each request by its target, up to the end of the connection."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        kind, body = route(head.split(b" ")[1].decode())
        start = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nConnection: close\r\n\r\n"
        writer.write(start.encode() + body)
        await writer.drain()
        writer.close()

    listener = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    finally:
        listener.close()
        await asyncio.sleep(0)


async def save(
    folder: Path,
    raw: Route | Mapping[str, Route],
    retained: Route,
    save_format: SaveFormat,
) -> SaveResult:
    def route(to: str) -> Route:
        if "/raw" not in to:
            return retained
        return raw[to.split("format=")[1]] if isinstance(raw, Mapping) else raw

    async with server(route) as url:
        client = open_chronoverse(url, NoAuth())
        asked = SaveRequest(
            workflow_id="w",
            job_id="j",
            job=JOB,
            path=folder / "a",
            format=save_format,
        )
        try:
            return await Save(client, asked).run()
        finally:
            await client.aclose()


TEXT: Final = ("text/plain", b"line 0\nline 1\nline 2\n")


@pytest.mark.parametrize("newest", [page(2, 1, 0), page(2, 1, cursor="x"), page(2)])
async def test_a_download_that_reaches_the_newest_line_is_whole(
    tmp_path: Path, newest: Route
) -> None:
    assert (await save(tmp_path, TEXT, newest, TXT)).lines == 3
    (tmp_path / "a").unlink()
    raw = jsonl(0, 1, 2)
    assert (await save(tmp_path, raw, newest, JSONL)).lines == 3


@pytest.mark.parametrize("newest", [page(3, 2, 1, 0), page(3, 2, cursor="x")])
@pytest.mark.parametrize("save_format", [TXT, JSONL])
async def test_a_download_that_does_not_is_short(
    tmp_path: Path, newest: Route, save_format: SaveFormat
) -> None:
    raw = TEXT if save_format is TXT else jsonl(0, 1, 2)
    with pytest.raises(DownloadError, match="has 3 of 4 lines") as caught:
        await save(tmp_path, raw, newest, save_format)
    assert caught.value.exit_code == 6
    assert not any(tmp_path.iterdir())  # noqa: ASYNC240


@pytest.mark.parametrize("save_format", [JSONL, TXT_TIME])
async def test_what_a_download_leaves_out_inside_is_taken_from_the_pages(
    tmp_path: Path, save_format: SaveFormat
) -> None:
    result = await save(tmp_path, jsonl(0, 1, 3), page(3, 2, 1, 0), save_format)
    assert (result.lines, result.exit_code) == (4, 0)
    assert "leaves out 1 line" in " ".join(result.notes)
    assert b"line 2" in (tmp_path / "a").read_bytes()


async def test_an_entry_that_a_job_prints_makes_up_for_no_line(tmp_path: Path) -> None:
    """What a server sends of it once more looks as a line does."""
    printed = [{**entry(n), "message_raw": "x"} for n in (1, 2)]
    texts = [
        {**entry(0), "message_raw": json.dumps(printed), "message_json": printed},
        {**entry(3), "message_raw": "line 3"},
    ]
    body = json.dumps({"id": "j", "logs": texts}, separators=(",", ":")).encode()
    raw = ("application/json", body)
    result = await save(tmp_path, raw, page(3, 2, 1, 0), JSON)
    assert (result.lines, result.exit_code) == (4, 0)
    assert "leaves out 2 lines" in " ".join(result.notes)
    (tmp_path / "a").unlink()
    result = await save(tmp_path, raw, page(3, 0), JSON)
    assert (result.lines, result.missing_lines, result.exit_code) == (2, 2, 6)


@pytest.mark.parametrize("save_format", [JSON, JSONL])
@pytest.mark.parametrize("is_entry", [True, False])
async def test_an_id_that_a_job_prints_makes_no_attempt(
    tmp_path: Path, save_format: SaveFormat, is_entry: bool
) -> None:
    """It is looked at closer, and found to be of no line."""
    later = "log:j:attempt:2:stdout:0"
    printed = {**entry(0), "event_id": later, "message_raw": "x"}
    told: dict[str, object] = {"message_raw": later}
    if is_entry:
        told = {"message_raw": json.dumps(printed), "message_json": printed}
    texts = [{**entry(0), **told}, {**entry(1), "message_raw": "line 1"}]
    whole = json.dumps({"id": "j", "logs": texts}, separators=(",", ":"))
    lines = "".join(f"{json.dumps(x, separators=(',', ':'))}\n" for x in texts)
    raw = {
        "json": ("application/json", whole.encode()),
        "jsonl": ("application/x-ndjson", lines.encode()),
    }
    result = await save(tmp_path, raw, page(1, 0), save_format)
    assert (result.lines, result.exit_code, result.notes) == (2, 0, ())
    assert result.held == COUNTED
    text = (tmp_path / "a").read_text()
    saved = json.loads(text)["logs"] if save_format is JSON else text
    assert saved == (texts if save_format is JSON else lines)


async def test_what_neither_has_is_missing(tmp_path: Path) -> None:
    result = await save(tmp_path, jsonl(0, 1, 3), page(3, 1, 0), JSONL)
    assert (result.lines, result.missing_lines, result.exit_code) == (3, 1, 6)
    assert (tmp_path / "a").read_bytes() == jsonl(0, 1, 3)[1]


async def test_one_that_reaches_further_is_whole(tmp_path: Path) -> None:
    assert (await save(tmp_path, TEXT, page(1, 0), TXT)).lines == 3


async def test_an_oldest_first_page_of_many_tells_nothing(tmp_path: Path) -> None:
    first = page(0, 1, cursor="more")
    assert (await save(tmp_path, TEXT, first, TXT)).lines == 3


@pytest.mark.parametrize(
    ("save_format", "raw"),
    [
        (JSONL, ("application/x-ndjson", jsonl(0, 1)[1][:-9])),
        (JSON, ("application/json", b'{"logs":[{"message_raw":"x"}')),
        (TXT_TIME, ("application/x-ndjson", jsonl(0, 1)[1][:-9])),
    ],
)
async def test_a_body_that_stops_in_the_middle_is_short(
    tmp_path: Path, save_format: SaveFormat, raw: Route
) -> None:
    with pytest.raises(DownloadError, match="short"):
        await save(tmp_path, raw, page(1, 0), save_format)
    assert not any(tmp_path.iterdir())  # noqa: ASYNC240


async def test_words_of_the_server_do_no_harm(tmp_path: Path) -> None:
    text = b"one\n\n--- ERROR: failed to fetch logs ---\n\x1b]0;owned\x07[/red]\n"
    with pytest.raises(DownloadError) as caught:
        await save(tmp_path, ("text/plain", text), page(1, 0), TXT)
    assert "\x1b" not in str(caught.value)
    assert "owned" in str(caught.value)


async def test_jsonl_that_is_no_json_is_said(tmp_path: Path) -> None:
    raw = ("application/x-ndjson", b"not json\n")
    with pytest.raises((UnreadableAnswerError, DownloadError)):
        await save(tmp_path, raw, page(1, 0), TXT_TIME)
    assert not any(tmp_path.iterdir())  # noqa: ASYNC240


async def test_a_heartbeat_has_no_log(bench: Bench) -> None:
    world = bench.demo.world
    workflow = next(w for w in world.workflows if w.plan.kind == "HEARTBEAT")
    job = next(
        job
        for job in workflow.jobs(world.clock.now_ns())
        if job.has_ended(world.clock.now_ns() - 600 * 10**9)
    )
    with pytest.raises(LogsUnavailableError):
        await bench.run(job)
    assert bench.names() == set()
