"""Pages, streams and downloads of a log agree with the truth."""

from __future__ import annotations

import json
import time
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest

from chronotui.demo.clock import DemoClock
from chronotui.demo.faults import Faults
from chronotui.demo.lines import downward
from chronotui.demo.routes import Dialect
from chronotui.demo.scripts import Script, ScriptLine

if TYPE_CHECKING:
    from collections.abc import Callable

    from chronotui.demo.lines import TrueLine
    from chronotui.demo.server import DemoServer
    from tests.conftest import MakeDemo
    from tests.demo.conftest import PlainClient

    ClientOf: TypeAlias = Callable[[DemoServer], PlainClient]
    Address: TypeAlias = Callable[..., str]


def as_rows(job_id: str, lines: list[TrueLine]) -> list[tuple[str, str, int, str]]:
    return [
        (line.event_id(job_id), line.message, line.sequence_num, line.stream)
        for line in lines
    ]


def oldest_first(truth: list[TrueLine]) -> list[TrueLine]:
    """Return lines as a current server lists them: without regard to attempts."""
    return sorted(truth, key=lambda line: line.place(interleaved=True))


def newest_first(truth: list[TrueLine]) -> list[TrueLine]:
    return sorted(truth, key=lambda line: downward(line.place(interleaved=True)))


def read_rows(rows: list[dict[str, Any]]) -> list[tuple[str, str, int, str]]:
    return [
        (r["event_id"], r["message"], r.get("sequence_num", 0), r["stream"])
        for r in rows
    ]


@pytest.mark.parametrize("name", ["nightly-report", "image-build", "hostile"])
def test_the_pages_of_an_ended_job_are_its_lines_newest_first(
    demo: DemoServer, client_of: ClientOf, address: Address, name: str
) -> None:
    job = demo.world.newest_job(name, 1)
    rows = client_of(demo).walk(address(job, "/logs"), "logs")
    truth = demo.world.truth(job.id)
    assert truth
    assert read_rows(rows) == as_rows(job.id, newest_first(truth))


def test_the_first_line_has_no_number_and_the_last_page_no_cursor(
    demo: DemoServer, client_of: ClientOf, address: Address
) -> None:
    job = demo.world.newest_job("image-build", 1)
    client = client_of(demo)
    rows = client.walk(address(job, "/logs"), "logs")
    assert "sequence_num" not in rows[-1]
    assert rows[0]["timestamp"].endswith("Z")
    assert len(rows[0]["timestamp"]) <= len("2026-03-03T10:00:05.123Z")


def test_documented_pages_are_oldest_first_from_one_without_event_ids(
    documented_demo: DemoServer, client_of: ClientOf, address: Address
) -> None:
    job = documented_demo.world.newest_job("image-build", 1)
    rows = client_of(documented_demo).walk(address(job, "/logs"), "logs")
    truth = documented_demo.world.truth(job.id)
    assert [r["message"] for r in rows] == [line.message for line in truth]
    assert rows[0]["sequence_num"] == 1
    assert set(rows[0]) == {"timestamp", "message", "sequence_num", "stream"}


def test_a_complete_documented_listing_is_cached_unless_told_otherwise(
    documented_demo: DemoServer, client_of: ClientOf, address: Address
) -> None:
    job = documented_demo.world.add_job(Script(["one"]))
    client, path = client_of(documented_demo), address(job, "/logs")
    fresh = {"Cache-Control": "no-cache"}

    def count(headers: dict[str, str] | None = None) -> int:
        return len(client.ask("GET", path, headers=headers).json()["logs"])

    wait_until(lambda: count(fresh) == 1)
    job.write(ScriptLine("two", retained=0.0))
    assert count() == 1
    assert count(fresh) == 2
    assert count() == 2


@pytest.mark.parametrize("name", ["heartbeat-api", "vault-rotate"])
def test_logs_that_are_not_kept_are_a_412_and_fail_inside_a_download(
    demo: DemoServer, client_of: ClientOf, address: Address, name: str
) -> None:
    job = demo.world.newest_job(name, 1)
    client = client_of(demo)
    assert client.get(address(job, "/logs")).status == 412
    assert client.get(address(job, "/logs/search"), q="x").status == 412
    raw = client.get(address(job, "/logs/raw"), format="jsonl")
    assert raw.status == 200
    assert set(json.loads(raw.text.splitlines()[-1])) == {"error", "message"}


@pytest.mark.parametrize("form", ["txt", "json", "jsonl"])
@pytest.mark.parametrize("name", ["nightly-report", "ledger-replay", "hostile"])
def test_a_download_is_the_truth_in_each_format(
    make_demo: MakeDemo, client_of: ClientOf, address: Address, form: str, name: str
) -> None:
    demo = make_demo(lines=3456)
    job = demo.world.newest_job(name, 0 if name == "ledger-replay" else 1)
    reply = client_of(demo).get(address(job, "/logs/raw"), format=form)
    truth = oldest_first(demo.world.truth(job.id))
    assert f'filename="{job.id}-logs.{form}"' in reply.header("Content-Disposition")
    assert reply.header("Content-Length") == ""
    if form == "txt":
        assert reply.text == "".join(f"{line.message}\n" for line in truth)
        return
    if form == "json":
        rows = reply.json()["logs"]
        assert reply.json()["filters"] == {"q": "", "stream": "all"}
    else:
        rows = [json.loads(line) for line in reply.text.split("\n")[:-1]]
    pages = client_of(demo).walk(address(job, "/logs"), "logs")
    stamps = {page["event_id"]: page["timestamp"] for page in pages}
    assert [row["message_raw"] for row in rows] == [line.message for line in truth]
    assert [row["event_id"] for row in rows] == [x.event_id(job.id) for x in truth]
    assert {row["event_id"]: row["timestamp"] for row in rows} == stamps
    assert [row["sequence_num"] for row in rows] == [x.sequence_num for x in truth]
    for row in rows:
        if "message_json" in row:
            assert row["message_json"] == json.loads(row["message_raw"])


@pytest.mark.parametrize("form", ["txt", "json", "jsonl"])
def test_a_download_of_one_stream_leaves_the_other_out(
    make_demo: MakeDemo, client_of: ClientOf, address: Address, form: str
) -> None:
    demo = make_demo(lines=2500)
    job = demo.world.newest_job("ledger-replay")
    reply = client_of(demo).get(address(job, "/logs/raw"), format=form, stream="stderr")
    truth = [x.message for x in demo.world.truth(job.id) if x.stream == "stderr"]
    assert truth
    if form == "txt":
        assert reply.text.splitlines() == truth
    elif form == "json":
        assert [row["message_raw"] for row in reply.json()["logs"]] == truth
    else:
        rows = [json.loads(line) for line in reply.text.splitlines()]
        assert [row["message_raw"] for row in rows] == truth


def test_the_documented_download_takes_the_cookie_alone_and_knows_no_query(
    documented_demo: DemoServer, client_of: ClientOf, address: Address
) -> None:
    client = client_of(documented_demo)
    job = documented_demo.world.newest_job("image-build", 1)
    path = address(job, "/logs/raw")
    plain = client.get(path, format="jsonl", stream="stderr")
    assert plain.header("Content-Type").startswith("text/plain")
    truth = documented_demo.world.truth(job.id)
    assert plain.text == "".join(f"{line.message}\n" for line in truth)
    token_only = {"Cookie": ""}
    assert client.ask("GET", path, headers=token_only).status == 401
    assert client.ask("GET", address(job), headers=token_only).status == 200
    assert client.ask("GET", address(job), headers={"Authorization": ""}).status == 401


def test_only_ended_jobs_are_downloaded(
    demo: DemoServer, documented_demo: DemoServer, client_of: ClientOf, address: Address
) -> None:
    statuses = {}
    for server in (demo, documented_demo):
        running = server.world.newest_job("etl-orders")
        canceled = server.world.newest_job("backup-db")
        statuses[server.dialect.value] = [
            client_of(server).get(address(job, "/logs/raw")).status
            for job in (running, canceled)
        ]
    assert statuses == {"current": [400, 200], "documented": [400, 400]}


def test_search_finds_words_with_a_wrong_letter_and_marks_them(
    demo: DemoServer, client_of: ClientOf, address: Address
) -> None:
    job = demo.world.add_job(
        Script(["all is well", "ERROR: timeout of worker", "", "worker-12 Timeout"])
    )
    client = client_of(demo)
    wait_until(lambda: len(client.walk(address(job, "/logs"), "logs")) == 4)
    page = client.get(address(job, "/logs/search"), q="timeout wrker").json()
    token = page["highlight_token"]
    start, end = f"__CV_HL_START_{token}__", f"__CV_HL_END_{token}__"
    assert [row["message"] for row in page["logs"]] == [
        f"{start}worker{end}-12 {start}Timeout{end}",
        f"ERROR: {start}timeout{end} of {start}worker{end}",
    ]
    assert "logs" not in client.get(address(job, "/logs/search"), q="absent").json()


def test_a_search_is_walked_and_its_cursor_stays_its_own(
    make_demo: MakeDemo, client_of: ClientOf, address: Address
) -> None:
    demo = make_demo(lines=45_000)
    job = demo.world.newest_job("ledger-replay")
    client, path = client_of(demo), address(job, "/logs/search")
    rows = client.walk(path, "logs", stream="stderr")
    truth = [x for x in demo.world.truth(job.id) if x.stream == "stderr"]
    assert len(rows) == len(truth) > 500
    assert rows[0]["message"] == truth[-1].message
    cursor = client.get(path, stream="stderr").json()["cursor"]
    assert client.get(path, stream="stdout", cursor=cursor).status == 400


def test_a_live_stream_has_what_is_written_after_it_began(
    demo: DemoServer, client_of: ClientOf, address: Address
) -> None:
    job = demo.world.add_job()
    job.write("before")
    stream = client_of(demo).events(address(job, "/events"))
    assert next(stream) == ("connected", '{"status":"connected"}')
    (late,) = job.write("after")
    name, data = next(stream)
    row = json.loads(data)
    assert name == "log"
    assert row["message"] == "after"
    assert row["event_id"] == late.event_id(job.id)
    assert row["sequence_num"] == 1
    stream.close()


def test_a_documented_stream_says_end_and_closes(
    documented_demo: DemoServer, client_of: ClientOf, address: Address
) -> None:
    job = documented_demo.world.add_job()
    stream = client_of(documented_demo).events(address(job, "/events"))
    next(stream)
    job.write("one", "two")
    job.end("FAILED")
    rest = list(stream)
    assert [json.loads(data).get("message") for _, data in rest] == ["one", "two", None]
    assert rest[-1] == ("end", '{"status":"stream_ended"}')


def test_a_current_stream_stays_open_after_the_end(
    demo: DemoServer, client_of: ClientOf, address: Address
) -> None:
    job = demo.world.add_job()
    client = client_of(demo)
    stream = client.events(address(job, "/events"))
    next(stream)
    job.write("last")
    job.end()
    assert json.loads(next(stream)[1])["message"] == "last"
    client.wait_at_most(0.4)
    with pytest.raises(TimeoutError):
        next(stream)


@pytest.mark.parametrize("name", ["backup-db", "heartbeat-api", "vault-rotate"])
def test_what_cannot_be_streamed_is_said_inside_a_200(
    demo: DemoServer, client_of: ClientOf, address: Address, name: str
) -> None:
    job = demo.world.newest_job(name)
    found = list(client_of(demo).events(address(job, "/events")))
    assert [event for event, _ in found] == ["connected", "error"]
    assert not found[1][1].startswith("{")


@pytest.mark.parametrize("documented", [False, True])
def test_a_stream_of_nothing_there_is_says_so_inside_a_200(
    make_demo: MakeDemo, client_of: ClientOf, documented: bool
) -> None:
    demo = make_demo(dialect=Dialect.DOCUMENTED if documented else Dialect.CURRENT)
    job = demo.world.newest_job("backup-db")
    for path in (f"{job.workflow_id}/jobs/{job.workflow_id}", "no-id/jobs/no-id"):
        found = list(client_of(demo).events(f"/workflows/{path}/events"))
        events = [event for event, _ in found]
        assert events == (["error"] if documented else ["connected", "error"])


def test_a_running_job_really_writes_and_its_pages_catch_up(
    make_demo: MakeDemo, client_of: ClientOf, address: Address
) -> None:
    demo = make_demo(clock=DemoClock(speed=0))
    job = demo.world.newest_job("image-build")
    client = client_of(demo)
    stream = client.events(address(job, "/events"))
    next(stream)
    demo.world.clock.advance(3)
    live = [json.loads(next(stream)[1]) for _ in range(50)]
    pages = client.walk(address(job, "/logs"), "logs")
    retained = {row["event_id"]: row for row in pages}
    known = [row for row in live if row["event_id"] in retained]
    assert len(known) >= 40
    for row in known:
        assert row["message"] == retained[row["event_id"]]["message"]
        kept = retained[row["event_id"]]["timestamp"]
        assert milliseconds(row["timestamp"]) == milliseconds(kept)
    demo.world.clock.advance(120)
    assert client.get(address(job)).json()["status"] == "COMPLETED"
    stream.close()


def test_two_lines_may_share_a_number_and_the_next_is_skipped(
    demo: DemoServer, client_of: ClientOf, address: Address
) -> None:
    job = demo.world.add_job()
    job.write("zero")
    job.write(ScriptLine("err", "stderr"), ScriptLine("out", with_previous=True))
    job.write("three")
    job.retry()
    job.write("again zero")
    truth = demo.world.truth(job.id)
    assert [(x.attempt, x.sequence_num, x.stream) for x in truth] == [
        (1, 0, "stdout"),
        (1, 1, "stderr"),
        (1, 1, "stdout"),
        (1, 3, "stdout"),
        (2, 0, "stdout"),
    ]
    client = client_of(demo)
    wait_until(lambda: len(client.walk(address(job, "/logs"), "logs")) == 5)
    rows = client.walk(address(job, "/logs"), "logs")
    assert read_rows(rows) == as_rows(job.id, newest_first(truth))
    assert [row["event_id"].removeprefix(f"log:{job.id}:") for row in rows] == [
        "stdout:3",
        "stderr:1",
        "stdout:1",
        "attempt:2:stdout:0",
        "stdout:0",
    ]


@pytest.mark.parametrize("form", ["txt", "jsonl"])
def test_the_tries_of_a_job_stand_side_by_side_but_where_documented(
    make_demo: MakeDemo, client_of: ClientOf, address: Address, form: str
) -> None:
    lines = [
        ScriptLine(f"{attempt}/{number}", attempt=attempt)
        for attempt in (1, 2, 3)
        for number in range(4 - attempt)
    ]
    script = Script(lines, starts_in=-3600, ends_after=0)
    demo = make_demo(log_page_size=2)
    job = demo.world.add_job(script)
    client = client_of(demo)
    raw = client.get(address(job, "/logs/raw"), format=form).text.splitlines()
    if form == "jsonl":
        raw = [json.loads(line)["message_raw"] for line in raw]
    assert raw == ["2/0", "3/0", "1/0", "2/1", "1/1", "1/2"]
    for path in (address(job, "/logs"), address(job, "/logs/search")):
        pages = [row["message"] for row in client.walk(path, "logs")]
        assert pages == ["1/2", "2/1", "1/1", "2/0", "3/0", "1/0"]
    documented = make_demo(dialect=Dialect.DOCUMENTED, log_page_size=2)
    job = documented.world.add_job(script)
    client = client_of(documented)
    plain = client.get(address(job, "/logs/raw")).text.splitlines()
    pages = [row["message"] for row in client.walk(address(job, "/logs"), "logs")]
    assert plain == pages == [line.message for line in lines]


def test_pages_between_are_kept_whatever_is_asked(
    make_demo: MakeDemo, client_of: ClientOf, address: Address
) -> None:
    clock = DemoClock(speed=0)
    demo = make_demo(
        clock=clock, log_page_size=2, faults=Faults(retention_lag=(0.0, 0.0))
    )
    job = demo.world.add_job(Script(["1/0", "1/1", "1/2", "1/3", "1/4"]))
    client, path = client_of(demo), address(job, "/logs")
    fresh = {"Cache-Control": "no-cache"}

    def page(cursor: str | None) -> list[str]:
        query = {} if cursor is None else {"cursor": cursor}
        reply = client.ask("GET", path, query, headers=fresh).json()
        cursors.append(reply.get("cursor", ""))
        return [row["message"] for row in reply["logs"]]

    cursors: list[str] = []
    assert [page(None), page(cursors[0]), page(cursors[1])] == [
        ["1/4", "1/3"],
        ["1/2", "1/1"],
        ["1/0"],
    ]
    job.retry()
    clock.advance(5)
    job.write("2/0", "2/1", "2/2", "2/3", "2/4", "2/5")
    assert page(None) == ["2/5", "2/4"]
    assert page(cursors[0]) == ["1/2", "1/1"]
    assert page(cursors[1]) == ["1/0"]
    clock.advance(1800)
    assert page(cursors[0]) == ["1/2", "2/1"]


def test_a_page_that_is_too_large_is_refused_and_pressing_makes_it_worse(
    make_demo: MakeDemo, client_of: ClientOf, address: Address
) -> None:
    clock = DemoClock(speed=0)
    demo = make_demo(
        clock=clock,
        log_page_size=2,
        page_limit_bytes=2_000,
        faults=Faults(retention_lag=(0.0, 0.0)),
    )
    job = demo.world.add_job(Script(["a", "b" * 3_000, "c", "d"]))
    client, path = client_of(demo), address(job, "/logs")
    first = client.get(path).json()
    assert [row["message"] for row in first["logs"]] == ["d", "c"]
    for _ in range(2):
        reply = client.get(path, cursor=first["cursor"])
        assert (reply.status, reply.text) == (429, "failed to get job logs\n")
        assert reply.header("Retry-After") == ""
        assert client.get(path).status == 200
        clock.advance(61)
    assert client.get(path, cursor=first["cursor"]).status == 429
    clock.advance(59)
    assert client.get(path, cursor=first["cursor"]).status == 429
    replies = [
        client.get(place) for place in (path, address(job), address(job, "/logs/raw"))
    ]
    assert [reply.status for reply in replies] == [500] * 3
    assert {reply.header("Content-Type") for reply in replies} == {
        "text/plain; charset=utf-8"
    }
    assert [event for event, _ in client.events(address(job, "/events"))] == ["error"]
    assert client.get("/workflows").status == 200
    clock.advance(31)
    assert client.get(path).status == 200


@pytest.mark.parametrize("form", ["txt", "jsonl"])
def test_a_download_fails_inside_at_a_page_that_is_too_large(
    make_demo: MakeDemo, client_of: ClientOf, address: Address, form: str
) -> None:
    demo = make_demo(log_page_size=2, page_limit_bytes=2_000)
    lines = ["a", "b", "c", "d" * 3_000, "e"]
    job = demo.world.add_job(Script(lines, starts_in=-3600, ends_after=0))
    reply = client_of(demo).get(address(job, "/logs/raw"), format=form)
    assert reply.status == 200
    if form == "txt":
        assert reply.text.startswith("a\nb\n\n--- ERROR: failed to fetch logs ---\n")
    else:
        rows = [json.loads(line) for line in reply.text.splitlines()]
        assert [row.get("message_raw") for row in rows] == ["a", "b", None]
        assert "larger than max" in rows[-1]["error"]


def test_a_failure_says_no_more_than_its_route(
    demo: DemoServer, client_of: ClientOf, address: Address
) -> None:
    job = demo.world.newest_job("heartbeat-api", 1)
    client = client_of(demo)
    found = {
        client.get(address(job, "/logs")).text: 412,
        client.get(f"/workflows/{job.workflow_id}/jobs/none").text: 404,
        client.get("/workflows/none").text: 404,
    }
    assert list(found) == [
        "failed to get job logs\n",
        "failed to get job\n",
        "failed to get workflow\n",
    ]


def test_a_failed_column_store_is_a_404_on_pages_alone(
    demo: DemoServer, client_of: ClientOf, address: Address
) -> None:
    job = demo.world.add_job()
    client = client_of(demo)
    demo.faults.refuse(404, route="logs", times=3)
    replies = [client.get(address(job, "/logs")) for _ in range(4)]
    assert [reply.status for reply in replies] == [404, 404, 404, 200]
    assert replies[0].text == "failed to get job logs\n"
    demo.faults.refuse(404, route="logs")
    assert client.get(address(job)).status == 200


def milliseconds(text: str) -> int:
    moment = datetime.fromisoformat(text)
    return int(moment.timestamp()) * 1000 + moment.microsecond // 1000


def wait_until(true: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.01)


def test_a_message_nested_without_end_is_downloaded_as_text(
    demo: DemoServer, client_of: ClientOf, address: Address
) -> None:
    deep = "[" * 20_000 + "]" * 20_000
    job = demo.world.add_job(Script([deep, "end"], starts_in=-600, ends_after=1.0))
    reply = client_of(demo).get(address(job, "/logs/raw"), format="jsonl")
    rows = [json.loads(line) for line in reply.text.split("\n")[:-1]]
    assert [row["message_raw"] for row in rows] == [deep, "end"]
