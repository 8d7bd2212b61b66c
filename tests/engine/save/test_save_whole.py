"""Downloads that end properly although they broke off, of every kind of log.

As behind a proxy that ends a cut answer as if it were whole, or that lets its end be
the end of the connection (WIRE.md "Proxies").
"""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING, Final

import pytest
from msgspec.structs import replace

from chronotui.demo.scripts import Script, ScriptLine
from chronotui.engine.save import Save
from chronotui.engine.save_request import SavePhase
from chronotui.engine.timing import WatchSettings, WatchTiming
from chronotui.errors import ChronotuiError, DownloadError, IncompleteError
from chronotui.log.formats import JSON, JSONL, SAVE_FORMATS, TXT, TXT_TIME, SaveFormat
from chronotui.model import STDERR, STDOUT
from chronotui.storage.files import home_relative
from tests.engine.conftest import until

if TYPE_CHECKING:
    from chronotui.demo.scripts import ScriptedJob
    from chronotui.engine.save_request import SaveResult
    from tests.engine.save.conftest import Bench

FAST: Final = WatchSettings(may_sign_in=False, timing=WatchTiming().scaled(0.02))

LINES: Final = 450


def _unique(n: int) -> str:
    return f"line {n}"


def _heartbeat(n: int) -> str:
    return f"line {n}" if n < 100 else "heartbeat ok"


def _several(n: int) -> str:
    return f"first {n}\nsecond\nthird" if n % 20 == 0 else f"line {n}"


def _both(n: int) -> str:
    return "one\ntwo" if n < 150 else "heartbeat ok"


def _entries(n: int) -> str:
    """What a server sends once more as a value, where it looks as lines of it do."""
    printed = {
        "timestamp": "2026-11-22T10:00:00Z",
        "sequence_num": LINES,
        "stream": STDOUT,
        "event_id": f"log:j:stdout:{LINES}",
        "message_raw": f"line {n}",
    }
    shown = ["as usual", printed, [printed, printed], {"logs": [printed]}][n % 4]
    return json.dumps(shown, separators=(",", ":"))


KINDS: Final = {
    "unique": _unique,
    "heartbeat": _heartbeat,
    "several": _several,
    "both": _both,
    "entries": _entries,
}

FORMATS: Final = SAVE_FORMATS


def made(bench: Bench, kind: str, lines: int = LINES) -> ScriptedJob:
    message = KINDS[kind]
    return bench.ended(
        [
            ScriptLine(message(n), STDERR if n % 3 == 0 else STDOUT, retained=0.0)
            for n in range(lines)
        ]
    )


def truth(
    bench: Bench, job: ScriptedJob, save_format: SaveFormat, stream: str | None = None
) -> list[str]:
    found = [
        line.message
        for line in bench.demo.world.truth(job.id)
        if stream in {None, line.stream}
    ]
    if save_format in {JSON, JSONL}:
        return found
    return [part for message in found for part in message.split("\n")]


async def saved(
    bench: Bench, job: ScriptedJob, name: str = "a", **asked: object
) -> SaveResult:
    save = bench.save(job, name, **asked)
    save._work.watch = FAST
    return await save.run()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("save_format", FORMATS)
@pytest.mark.parametrize("stream", [None, STDERR])
async def test_a_whole_file_is_whole(
    bench: Bench, kind: str, save_format: SaveFormat, stream: str | None
) -> None:
    job = made(bench, kind)
    expected = truth(bench, job, save_format, stream)
    for name, to_close in (("a", False), ("b", True)):
        bench.demo.faults.to_close = to_close
        result = await saved(bench, job, name, format=save_format, stream=stream)
        assert (result.exit_code, result.unverified, result.missing_lines) == (0, "", 0)
        assert "counted against the retained log" in result.sentence()
        if save_format is not TXT_TIME:
            assert bench.messages(save_format, name) == expected


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("save_format", FORMATS)
@pytest.mark.parametrize("stream", [None, STDERR])
async def test_a_short_one_is_never_called_so(
    bench: Bench, kind: str, save_format: SaveFormat, stream: str | None
) -> None:
    """Of one log of each kind; test_wholeness.py judges any log, cut anywhere."""
    job = made(bench, kind)
    of_it = sum(line.stream == STDERR for line in bench.demo.world.truth(job.id))
    for cut in (0, 1, 100, 149, 300, 449):
        bench.demo.faults.cut_clean = cut if stream is None else cut * of_it // LINES
        with pytest.raises(DownloadError, match="is short") as caught:
            await saved(bench, job, format=save_format, stream=stream)
        said = caught.value
        assert said.exit_code == 6
        assert said.next_step
        if stream is None or save_format is not JSON:
            assert f" {LINES}" in said.sentence or " of " in said.sentence
        assert bench.names() == set()


@pytest.mark.parametrize("save_format", [TXT, JSONL])
async def test_it_says_how_many_lines_of_how_many(
    bench: Bench, save_format: SaveFormat
) -> None:
    job = made(bench, "heartbeat", 1000)
    bench.demo.faults.cut_clean = 300
    with pytest.raises(DownloadError, match="has 300 of 1,000 lines"):
        await saved(bench, job, format=save_format)
    of_it = sum(line.stream == STDERR for line in bench.demo.world.truth(job.id))
    with pytest.raises(DownloadError, match=f"has 300 of {of_it} lines"):
        await saved(bench, job, format=save_format, stream=STDERR)


@pytest.mark.parametrize("save_format", FORMATS)
async def test_what_a_query_finds_is_counted_too(
    bench: Bench, save_format: SaveFormat
) -> None:
    job = bench.ended(
        [ScriptLine(f"{'apple' if n % 2 else 'pear'} {n}") for n in range(600)]
    )
    result = await saved(bench, job, format=save_format, query="apple")
    assert (result.lines, result.exit_code, result.unverified) == (300, 0, "")
    bench.demo.faults.cut_clean = 120
    with pytest.raises(DownloadError, match="is short"):
        await saved(bench, job, "b", format=save_format, query="apple")
    assert bench.names() == {"a"}


@pytest.mark.parametrize("kind", KINDS)
async def test_a_documented_server_that_is_cut(documented: Bench, kind: str) -> None:
    job = made(documented, kind)
    result = await saved(documented, job)
    assert (result.exit_code, result.unverified) == (0, "")
    assert documented.read() == documented.text(job)
    for cut in (0, 1, 100, 300, 449):
        documented.demo.faults.cut_clean = cut
        with pytest.raises(DownloadError, match="is short"):
            await saved(documented, job, "b")
        assert documented.names() == {"a"}


@pytest.mark.parametrize("save_format", FORMATS)
async def test_a_documented_server_without_a_search(
    documented: Bench, save_format: SaveFormat
) -> None:
    job = made(documented, "both")
    documented.demo.faults.refuse(404, route="search", times=-1)
    result = await saved(documented, job, format=save_format)
    assert (result.exit_code, result.unverified) == (0, "")
    if save_format is TXT:
        documented.demo.faults.cut_clean = 300
        with pytest.raises(DownloadError, match="of 600 lines"):
            await saved(documented, job, "b")


@pytest.mark.parametrize("save_format", FORMATS)
@pytest.mark.parametrize("current", [True, False])
async def test_nothing_to_compare_with_is_said_and_never_called_saved(
    bench: Bench, documented: Bench, save_format: SaveFormat, current: bool
) -> None:
    on = bench if current else documented
    if not current and save_format is not TXT:
        return
    job = made(on, "unique", 150)
    on.demo.faults.refuse(403, route="logs", times=-1)
    on.demo.faults.refuse(403, route="search", times=-1)
    result = await saved(on, job, format=save_format)
    assert result.exit_code == 0
    assert "not verified: " in result.sentence()
    assert "saved" not in result.sentence().lower().replace(
        home_relative(result.path), ""
    )


async def test_its_state_is_not_called_so_either(bench: Bench) -> None:
    job = made(bench, "unique", 150)
    for route in ("logs", "search"):
        bench.demo.faults.refuse(403, route=route, times=-1)
    save = bench.save(job)
    await save.run()
    assert save.progress.phase == "written, not verified"
    assert save.is_over
    assert save.progress.fraction == 1.0


async def test_the_search_tells_where_the_pages_are_refused(bench: Bench) -> None:
    job = made(bench, "unique")
    bench.demo.faults.refuse(403, route="logs", times=-1)
    result = await saved(bench, job)
    assert "counted against" in result.sentence()
    bench.demo.faults.cut_clean = 200
    with pytest.raises(DownloadError, match="has 200 of 450 lines"):
        await saved(bench, job, "b")


async def test_lines_the_server_lost_are_missing_and_the_file_is_whole(
    bench: Bench,
) -> None:
    lines = [
        ScriptLine(f"line {n}", retained=None if n in {3, 200} else 0.0)
        for n in range(300)
    ]
    job = bench.ended(lines)
    for number, save_format in enumerate(FORMATS):
        result = await saved(bench, job, f"{number}", format=save_format)
        assert (result.lines, result.missing_lines, result.exit_code) == (298, 2, 6)
        assert "2 lines missing from the server's log" in result.sentence()


async def test_a_log_that_still_grows_is_asked_for_again(bench: Bench) -> None:
    """The pages have the end of a log that has just ended before the download has."""
    script = Script(
        [ScriptLine(f"line {n}", retained=0.0) for n in range(200)],
        starts_in=-30.0,
        ends_after=5.0,
    )
    job = bench.demo.world.add_job(script)
    bench.demo.faults.cut_clean = 150
    save = bench.save(job)
    # Ended long ago for a recording, just now for the download.
    timing = replace(WatchTiming(), settled_age=0.0)
    save._work.watch = WatchSettings(may_sign_in=False, timing=timing)

    async def relent() -> None:
        await until(lambda: bench.demo.requests.count("raw") >= 4, 60.0)
        bench.demo.faults.cut_clean = None

    waiting = asyncio.create_task(relent())
    result = await save.run()
    await waiting
    assert (result.lines, result.exit_code) == (200, 0)


async def test_what_a_short_try_lacked_is_not_said_of_a_whole_one(
    documented: Bench,
) -> None:
    """A line in the middle and the last ones are retained only after it."""
    lines = [
        ScriptLine(
            "heartbeat ok" if n < 400 else f"line {n}",
            after=0.0,
            retained=27.0 if n == 200 or n >= 400 else 0.0,
        )
        for n in range(410)
    ]
    bench = documented
    job = bench.demo.world.add_job(Script(lines, starts_in=-25.0, ends_after=5.0))
    bench.demo.faults.cut_clean = 300
    save = bench.save(job)
    timing = replace(WatchTiming(), settled_age=0.0)
    save._work.watch = WatchSettings(may_sign_in=False, timing=timing)
    running = asyncio.create_task(save.run())
    await until(lambda: save.progress.phase is SavePhase.SETTLING)
    retained_ns = bench.demo.world.truth(job.id)[200].time_ns + 27 * 10**9
    await until(lambda: time.time_ns() > retained_ns)
    bench.demo.faults.cut_clean = None
    result = await running
    assert (result.lines, result.missing_lines, result.exit_code) == (410, 0, 0)


class TestRetried:
    """A job that was tried again, its attempts mixed in the server's own files."""

    def made(self, bench: Bench, first: int = 300, second: int = 200) -> ScriptedJob:
        lines = [
            ScriptLine(
                f"{attempt} {n}",
                STDERR if n % 3 == 0 else STDOUT,
                attempt=attempt,
                after=2.0 if attempt == 2 and not n else 0.001,
                retained=0.0,
            )
            for attempt, count in ((1, first), (2, second))
            for n in range(count)
        ]
        return bench.ended(lines)

    @pytest.mark.parametrize("save_format", FORMATS)
    @pytest.mark.parametrize("stream", [None, STDERR])
    async def test_its_file_has_one_attempt_after_the_other(
        self, bench: Bench, save_format: SaveFormat, stream: str | None
    ) -> None:
        job = self.made(bench)
        result = await saved(bench, job, format=save_format, stream=stream)
        expected = truth(bench, job, save_format, stream)
        assert (result.lines, result.exit_code) == (len(expected), 0)
        assert bench.messages(save_format) == expected
        assert "took 2 attempts" in " ".join(result.notes)

    @pytest.mark.parametrize("save_format", FORMATS)
    @pytest.mark.parametrize("cut", [1, 250, 499])
    async def test_a_cut_one_is_short(
        self, bench: Bench, save_format: SaveFormat, cut: int
    ) -> None:
        job = self.made(bench)
        bench.demo.faults.cut_clean = cut
        with pytest.raises(DownloadError, match="is short"):
            await saved(bench, job, format=save_format)
        assert bench.names() == set()

    @pytest.mark.parametrize("save_format", FORMATS)
    async def test_only_pages_are_there(
        self, bench: Bench, save_format: SaveFormat
    ) -> None:
        job = self.made(bench)
        bench.demo.faults.refuse(400, route="raw", times=-1)
        save = bench.save(job, format=save_format)
        timing = replace(FAST.timing, pages_kept=WatchTiming().pages_kept)
        save._work.watch = replace(FAST, timing=timing)
        result = await save.run()
        assert (result.lines, result.exit_code) == (500, 6)
        notes = " ".join(result.notes)
        assert "refuses its own download" in notes
        assert "30 minutes" in notes

    @pytest.mark.parametrize("save_format", FORMATS)
    async def test_a_list_may_have_told_of_it(
        self, bench: Bench, save_format: SaveFormat
    ) -> None:
        job = self.made(bench)
        listed = (await bench.client.jobs(job.workflow_id)).items
        known = next(one for one in listed if one.id == job.id)
        assert known.attempts == 2
        request = bench.request(job, format=save_format)
        result = await Save(bench.client, replace(request, job=known)).run()
        assert (result.lines, result.exit_code) == (500, 0)
        assert bench.demo.requests.count("raw") <= 2

    @pytest.mark.parametrize("save_format", FORMATS)
    async def test_a_documented_server_tells_no_attempts(
        self, documented: Bench, save_format: SaveFormat
    ) -> None:
        job = self.made(documented)
        result = await saved(documented, job, format=save_format)
        assert (result.lines, result.exit_code, result.unverified) == (500, 0, "")
        assert documented.messages(save_format) == truth(documented, job, save_format)
        if save_format is TXT:
            for cut in (1, 250, 300, 499):
                documented.demo.faults.cut_clean = cut
                with pytest.raises(DownloadError, match="is short"):
                    await saved(documented, job, "b")

    async def test_json_keeps_the_servers_entries(self, bench: Bench) -> None:
        job = self.made(bench)
        await saved(bench, job, "a", format=JSON)
        await saved(bench, job, "b", format=JSONL)
        entries = json.loads(bench.read("a"))["logs"]
        lines = [json.loads(line) for line in bench.read("b").splitlines()]
        assert entries == lines
        ids = [x.event_id(job.id) for x in bench.demo.world.truth(job.id)]
        assert [entry["event_id"] for entry in entries] == ids


@pytest.mark.parametrize("save_format", FORMATS)
async def test_a_page_too_large_is_no_hindrance(
    bench: Bench, save_format: SaveFormat
) -> None:
    """The search tells the newest lines, too; the page is asked for once."""
    job = made(bench, "unique")
    bench.demo.faults.refuse(429, route="logs", times=-1)
    result = await saved(bench, job, format=save_format)
    assert "counted against" in result.sentence()
    assert bench.demo.requests.count("logs") == 1
    bench.demo.faults.cut_clean = 300
    with pytest.raises(DownloadError, match="is short"):
        await saved(bench, job, "b", format=save_format)


@pytest.mark.parametrize("route", ["raw", "logs"])
@pytest.mark.parametrize(("status", "wait"), [(503, None), (429, "0"), (500, None)])
async def test_a_server_that_fails_once_is_asked_again(
    bench: Bench, route: str, status: int, wait: str | None
) -> None:
    job = made(bench, "unique")
    bench.demo.faults.refuse(status, route=route, retry_after=wait)
    result = await saved(bench, job)
    assert (result.lines, result.unverified) == (LINES, "")


async def test_one_that_fails_on_and_on_is_said(bench: Bench) -> None:
    job = made(bench, "unique")
    bench.demo.faults.refuse(503, route="raw", times=-1)
    with pytest.raises(ChronotuiError) as caught:
        await saved(bench, job)
    assert not isinstance(caught.value, IncompleteError)
    assert caught.value.exit_code == 5
    assert bench.demo.requests.count("raw") <= 6
