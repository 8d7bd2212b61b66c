"""Every trouble that can be ordered happens, as ordered."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest

from chronotui.demo.faults import SPOILED, Failure, Faults
from chronotui.demo.scripts import Script, ScriptLine
from chronotui.demo.wire import HeldBackStream

if TYPE_CHECKING:
    from collections.abc import Callable

    from chronotui.demo.server import DemoServer
    from tests.conftest import MakeDemo
    from tests.demo.conftest import PlainClient

    ClientOf: TypeAlias = Callable[[DemoServer], PlainClient]
    Address: TypeAlias = Callable[..., str]

_NO_ANSWER = {Failure.RESET, Failure.SILENCE, Failure.CUT, Failure.UNANSWERED}


def ended(*lines: str, rate: float = 1000) -> Script:
    return Script(lines, rate=rate, starts_in=-3600, ends_after=0)


@pytest.mark.parametrize("failure", sorted(set(Failure) - _NO_ANSWER, key=str))
def test_a_failure_is_an_answer_that_says_its_kind(
    demo: DemoServer, client_of: ClientOf, failure: Failure
) -> None:
    demo.faults.retry_after = "7"
    demo.faults.fail_next(failure)
    client = client_of(demo)
    reply = client.get("/workflows")
    word = failure.name.rpartition("_")[2]
    if word.isdecimal():
        assert reply.status == int(word)
    assert (reply.header("Retry-After") == "7") == failure.name.startswith("WAIT")
    if failure.name.startswith("HTML") or failure is Failure.LOGIN_PAGE:
        assert reply.header("Content-Type").startswith("text/html")
    if failure in SPOILED:
        assert reply.status == 200
        assert reply.body
    assert client.get("/workflows").status == 200


@pytest.mark.parametrize(
    "failure", [Failure.TRUNCATED_JSON, Failure.MALFORMED_JSON, Failure.NOT_UTF8]
)
def test_broken_json_cannot_be_read(
    demo: DemoServer, client_of: ClientOf, failure: Failure
) -> None:
    demo.faults.fail_next(failure, "workflows")
    reply = client_of(demo).get("/workflows")
    with pytest.raises(ValueError, match=r"."):
        json.loads(reply.body.decode())


def test_fields_may_have_other_types(demo: DemoServer, client_of: ClientOf) -> None:
    demo.faults.fail_next(Failure.WRONG_FIELDS)
    row = client_of(demo).get("/workflows").json()["workflows"][0]
    assert isinstance(row["name"], list)
    assert isinstance(row["interval"], str)


def test_an_answer_may_break_off_be_reset_or_never_come(
    demo: DemoServer, client_of: ClientOf
) -> None:
    client = client_of(demo)
    demo.faults.fail_next(Failure.CUT)
    with pytest.raises(http.client.IncompleteRead):
        client.get("/workflows")
    demo.faults.fail_next(Failure.RESET)
    with pytest.raises(ConnectionResetError):
        client.get("/workflows")
    for failure in (Failure.SILENCE, Failure.UNANSWERED):
        demo.faults.fail_next(failure)
        connection = http.client.HTTPConnection("127.0.0.1", demo.port, timeout=1.0)
        connection.request("GET", "/workflows", headers=client.headers)
        with pytest.raises(TimeoutError):
            connection.getresponse()
        connection.close()
    # What is done without an answer counts as done.
    assert [r.status for r in demo.requests.all()] == [200, 0, 0, 200]


def test_a_failure_waits_for_its_endpoint(
    demo: DemoServer, client_of: ClientOf
) -> None:
    demo.faults.fail_next(Failure.PLAIN_500, "workflow", times=2)
    client = client_of(demo)
    path = f"/workflows/{demo.world.named('backup-db').id}"
    assert client.get("/workflows").status == 200
    assert [client.get(path).status for _ in range(3)] == [500, 500, 200]


def test_a_rate_of_failures_is_the_same_for_the_same_seed(
    make_demo: MakeDemo, client_of: ClientOf
) -> None:
    found: list[list[int]] = []
    for _ in range(2):
        faults = Faults(
            seed=5,
            fail_rate=0.4,
            fail_with=(Failure.PLAIN_500, Failure.HTML_502, Failure.TOO_MANY),
        )
        client = client_of(make_demo(faults=faults))
        found.append([client.get("/workflows").status for _ in range(40)])
    assert found[0] == found[1]
    assert 8 <= sum(status != 200 for status in found[0]) <= 24
    assert len(set(found[0])) == 4


def test_answers_take_their_time(make_demo: MakeDemo, client_of: ClientOf) -> None:
    client = client_of(make_demo(faults=Faults(latency=(0.1, 0.1))))
    start = time.monotonic()
    client.get("/workflows")
    assert time.monotonic() - start >= 0.1


def numbers(stream: Any, count: int) -> list[int]:
    return [json.loads(next(stream)[1]).get("sequence_num", 0) for _ in range(count)]


@pytest.mark.parametrize("kind", ["live_dropped", "live_doubled", "live_swapped"])
def test_live_lines_are_dropped_doubled_and_swapped(
    make_demo: MakeDemo, client_of: ClientOf, address: Address, kind: str
) -> None:
    faults = Faults(seed=3)
    setattr(faults, kind, 0.2)
    demo = make_demo(faults=faults)
    job = demo.world.add_job(Script(rate=0))
    stream = client_of(demo).events(address(job, "/events"))
    next(stream)
    lines = job.write(*map(str, range(200)))
    last = 10_000
    while True:
        (end,) = job.write(ScriptLine("end", sequence_num=last))
        if not faults.drops(end) and not faults.swaps(end):
            break
        last += 1
    found: list[int] = []
    while not found or found[-1] != last:
        found += numbers(stream, 1)
    found = [number for number in found if number < 10_000]
    stream.close()
    told = [line.sequence_num for line in lines]
    if kind == "live_dropped":
        assert found == [x.sequence_num for x in lines if not faults.drops(x)]
        assert 140 < len(found) < 180
    elif kind == "live_doubled":
        assert sorted(set(found)) == told
        assert 220 < len(found) < 260
    else:
        assert sorted(found) == told
        assert found != told


def test_a_frame_may_be_unreadable(
    make_demo: MakeDemo, client_of: ClientOf, address: Address
) -> None:
    demo = make_demo(faults=Faults(live_broken=1.0))
    job = demo.world.add_job()
    stream = client_of(demo).events(address(job, "/events"))
    next(stream)
    job.write("some words that are cut")
    with pytest.raises(ValueError, match=r"Unterminated|Expecting"):
        json.loads(next(stream)[1])
    stream.close()


@pytest.mark.parametrize("reset", [0.0, 1.0])
def test_a_stream_is_cut_in_mid_frame_by_time_and_by_bytes(
    make_demo: MakeDemo, client_of: ClientOf, address: Address, reset: float
) -> None:
    demo = make_demo(faults=Faults(cut_seconds=(0.05, 0.1), reset_rate=reset))
    job = demo.world.add_job()
    client, path = client_of(demo), address(job, "/events")
    broken = (http.client.IncompleteRead, ConnectionResetError)
    with pytest.raises(broken):
        list(client.events(path))
    demo.faults.cut_seconds = None
    demo.faults.cut_bytes = (70, 90)
    stream = client.events(path)
    next(stream)
    job.write("a line longer than what is left of the stream")
    with pytest.raises(broken):
        list(stream)


def test_a_stream_may_fall_silent_and_still_be_open(
    make_demo: MakeDemo, client_of: ClientOf, address: Address
) -> None:
    demo = make_demo(faults=Faults(silent_seconds=(0.05, 0.05)))
    job = demo.world.add_job()
    client = client_of(demo)
    stream = client.events(address(job, "/events"))
    next(stream)
    time.sleep(0.2)
    job.write("unheard")
    client.wait_at_most(0.5)
    with pytest.raises(TimeoutError):
        next(stream)


def test_a_stream_ends_with_its_session_if_ordered(
    make_demo: MakeDemo, client_of: ClientOf, address: Address
) -> None:
    demo = make_demo(faults=Faults(session_seconds=1.5, cut_with_session=True))
    job = demo.world.add_job()
    client = client_of(demo)
    with pytest.raises(http.client.IncompleteRead):
        list(client.events(address(job, "/events")))
    assert client.get(address(job)).status == 401


def test_frames_may_be_split_anywhere(
    make_demo: MakeDemo, client_of: ClientOf, address: Address
) -> None:
    demo = make_demo(faults=Faults(split_bytes=(1, 3)))
    job = demo.world.add_job()
    stream = client_of(demo).events(address(job, "/events"))
    next(stream)
    job.write("日本語 🚀")
    assert json.loads(next(stream)[1])["message"] == "日本語 🚀"
    stream.close()


def test_connections_are_dropped_by_hand(
    demo: DemoServer, client_of: ClientOf, address: Address
) -> None:
    job = demo.world.add_job()
    stream = client_of(demo).events(address(job, "/events"))
    next(stream)
    demo.drop_connections()
    with suppress(http.client.IncompleteRead):
        assert list(stream) == []


def test_the_retained_log_trails_and_may_lose_lines(
    make_demo: MakeDemo, client_of: ClientOf, address: Address
) -> None:
    demo = make_demo(faults=Faults(retention_lag=(1.5, 1.5), retained_lost=0.1))
    job = demo.world.add_job()
    written = job.write(*map(str, range(60)))
    at = time.monotonic()
    client, path = client_of(demo), address(job, "/logs")
    assert "logs" not in client.get(path).json()
    while "logs" not in client.get(path).json():
        assert time.monotonic() - at < 20
    assert time.monotonic() - at >= 1.49
    found = {row["message"] for row in client.walk(path, "logs")}
    kept = {line.message for line in written if not demo.faults.loses(line)}
    assert found == kept
    assert 40 < len(found) < 60


def test_one_line_may_never_be_retained(
    demo: DemoServer, client_of: ClientOf, address: Address
) -> None:
    lines: list[ScriptLine | str] = [
        "a",
        ScriptLine("b", retained=None),
        ScriptLine("c", retained=0),
    ]
    job = demo.world.add_job(Script(lines, starts_in=-60, ends_after=0))
    client = client_of(demo)
    rows = client.walk(address(job, "/logs"), "logs")
    assert [row["message"] for row in rows] == ["c", "a"]
    assert client.get(address(job, "/logs/raw")).text == "a\nc\n"
    assert [line.message for line in demo.world.truth(job.id)] == ["a", "b", "c"]


@pytest.mark.parametrize("documented", [False, True])
def test_pages_may_be_empty_and_lead_on(
    make_demo: MakeDemo, client_of: ClientOf, address: Address, documented: bool
) -> None:
    from chronotui.demo.routes import Dialect

    dialect = Dialect.DOCUMENTED if documented else Dialect.CURRENT
    demo = make_demo(faults=Faults(empty_pages=1.0), dialect=dialect)
    job = demo.world.add_job(ended(*map(str, range(250))))
    client, path = client_of(demo), address(job, "/logs")
    first = client.get(path).json()
    assert not first.get("logs")
    assert first["cursor"]
    rows = client.walk(path, "logs")
    found = [row["message"] for row in rows]
    assert found == [str(n) for n in sorted(range(250), reverse=not documented)]
    assert demo.requests.count("logs") == 7


def test_cursors_may_loop(
    make_demo: MakeDemo, client_of: ClientOf, address: Address
) -> None:
    demo = make_demo(faults=Faults(looping_cursors=True))
    job = demo.world.add_job(ended(*map(str, range(300))))
    client, path = client_of(demo), address(job, "/logs")
    first = client.get(path).json()["cursor"]
    assert client.get(path, cursor=first).json()["cursor"] == first


@pytest.mark.parametrize("form", ["txt", "json", "jsonl"])
@pytest.mark.parametrize("size", [1, 5_000, 700_000])
def test_a_download_may_fail_inside_with_a_trailer(
    make_demo: MakeDemo, client_of: ClientOf, address: Address, form: str, size: int
) -> None:
    demo = make_demo(lines=20_000, faults=Faults(raw_fails_after=size))
    job = demo.world.newest_job("ledger-replay")
    reply = client_of(demo).get(address(job, "/logs/raw"), format=form)
    assert reply.status == 200
    truth = [line.message for line in demo.world.truth(job.id)]
    if form == "txt":
        body, mark, reason = reply.text.partition(
            "\n--- ERROR: failed to fetch logs ---\n"
        )
        lines = body.splitlines()
        assert mark
        assert reason == "context deadline exceeded\n"
    elif form == "json":
        value = reply.json()
        assert value["error"]["error"] == "context deadline exceeded"
        lines = [row["message_raw"] for row in value["logs"]]
    else:
        *rows, last = [json.loads(line) for line in reply.text.splitlines()]
        assert last["error"] == "context deadline exceeded"
        lines = [row["message_raw"] for row in rows]
    assert lines == truth[: len(lines)]
    assert len(lines) < len(truth)


def test_a_download_may_break_off_or_crawl(
    make_demo: MakeDemo, client_of: ClientOf, address: Address
) -> None:
    demo = make_demo(lines=5_000, faults=Faults(raw_cut_after=100_000))
    path = address(demo.world.newest_job("ledger-replay"), "/logs/raw")
    client = client_of(demo)
    with pytest.raises(http.client.IncompleteRead):
        client.get(path)
    demo.faults.raw_cut_after = None
    demo.faults.bytes_per_second = 1_500_000
    start = time.monotonic()
    size = len(client.get(path).body)
    assert time.monotonic() - start > size / 1_500_000 * 0.8


def test_every_status_can_refuse_a_request(
    demo: DemoServer, client_of: ClientOf
) -> None:
    client = client_of(demo)
    for status in range(100, 600):
        demo.faults.refuse(status, route="workflows")
        if status >= 200:
            assert client.get("/workflows").status == status
            continue
        connection = socket.create_connection(("127.0.0.1", demo.port), timeout=20)
        with connection, connection.makefile("rb") as answer:
            connection.sendall(b"GET /workflows HTTP/1.1\r\nHost: x\r\n\r\n")
            assert answer.read().startswith(b"HTTP/1.1 %d " % status)
    assert client.get("/workflows").status == 200


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("text/plain; charset=utf-8", b"failed to get job logs\n"),
        ("application/json", b'{"error": "failed to get job logs"}'),
        ("text/html", b"<h1>404 Not Found</h1>"),
        ("", b""),
    ],
)
def test_a_refusal_has_the_usual_body_of_its_type(
    demo: DemoServer,
    client_of: ClientOf,
    address: Address,
    content_type: str,
    body: bytes,
) -> None:
    job = demo.world.add_job()
    demo.faults.refuse(404, content_type, route="logs", retry_after=3)
    client = client_of(demo)
    assert client.get(address(job)).status == 200
    reply = client.get(address(job, "/logs"))
    assert (reply.status, reply.header("Content-Type")) == (404, content_type)
    assert reply.header("Retry-After") == "3"
    assert body in reply.body
    assert bool(reply.body) == bool(body)


def test_refusals_last_until_the_server_relents(
    demo: DemoServer, client_of: ClientOf, address: Address
) -> None:
    job = demo.world.add_job()
    client = client_of(demo)
    demo.faults.refuse(503, route="job", times=-1, body="away")
    demo.faults.refuse(403, "text/html", route="events", times=2)
    assert [client.get(address(job)).text for _ in range(5)] == ["away"] * 5
    assert [client.get(address(job, "/events")).status for _ in range(2)] == [403, 403]
    assert next(client.events(address(job, "/events")))[0] == "connected"
    demo.faults.relent("events")
    assert client.get(address(job)).status == 503
    demo.faults.relent("job")
    assert client.get(address(job)).status == 200


def test_a_stream_may_be_held_back_in_lumps(
    demo: DemoServer, client_of: ClientOf, address: Address
) -> None:
    demo.faults.held_back = HeldBackStream(headers=False, frames=0.4)
    job = demo.world.add_job()
    began = time.monotonic()
    stream = client_of(demo).events(address(job, "/events"))
    assert next(stream)[0] == "connected"
    assert time.monotonic() - began >= 0.39
    job.write("a", "b")
    assert numbers(stream, 2) == [0, 1]
    assert time.monotonic() - began >= 0.79
    stream.close()


def test_the_headers_of_a_stream_may_wait_for_its_end(
    documented_demo: DemoServer, client_of: ClientOf, address: Address
) -> None:
    demo = documented_demo
    demo.faults.held_back = HeldBackStream(headers=True)
    job = demo.world.add_job()
    client, path = client_of(demo), address(job, "/events")
    with pytest.raises(TimeoutError):
        next(client.events(path, timeout=0.3))
    stream = client.events(path)

    def end() -> None:
        while demo.requests.count("events") < 2:
            time.sleep(0.01)
        job.end()

    thread = threading.Thread(target=end)
    thread.start()
    assert [kind for kind, _ in stream] == ["connected", "end"]
    thread.join()


@pytest.mark.parametrize("to_close", [False, True])
@pytest.mark.parametrize("form", ["txt", "json", "jsonl"])
def test_a_download_may_stop_short_with_a_proper_end(
    make_demo: MakeDemo,
    client_of: ClientOf,
    address: Address,
    form: str,
    to_close: bool,
) -> None:
    demo = make_demo(lines=5_000, faults=Faults(cut_clean=2_500, to_close=to_close))
    job = demo.world.newest_job("ledger-replay")
    reply = client_of(demo).get(address(job, "/logs/raw"), format=form)
    demo.faults.cut_clean = None
    whole = client_of(demo).get(address(job, "/logs/raw"), format=form)
    chunked = whole.header("Transfer-Encoding")
    assert chunked == ("" if to_close else "chunked")
    assert whole.body.startswith(reply.body)
    if form == "json":
        assert len(json.loads(reply.body + b"]}")["logs"]) == 2_500
    else:
        assert reply.body.count(b"\n") == 2_500
        assert reply.body.endswith(b"\n")


def test_a_peer_of_http_1_0_is_answered_in_its_way(
    demo: DemoServer, client_of: ClientOf, address: Address
) -> None:
    job = demo.world.add_job(ended("a", "b"))
    cookie = client_of(demo).headers["Cookie"]
    with socket.create_connection(("127.0.0.1", demo.port), timeout=20) as connection:
        path = address(job, "/logs/raw")
        asked = f"GET {path} HTTP/1.0\r\nCookie: {cookie}\r\n\r\n"
        connection.sendall(asked.encode())
        with connection.makefile("rb") as answer:
            head, _, body = answer.read().partition(b"\r\n\r\n")
    assert b"chunked" not in head.lower()
    assert body == b"a\nb\n"
