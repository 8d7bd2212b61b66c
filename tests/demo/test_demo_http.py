"""Sign-in, addresses, compression and connections of the demo server."""

from __future__ import annotations

import gzip
import http.client
import json
import socket
import time
from typing import TYPE_CHECKING, TypeAlias

import pytest

from chronotui.demo.clock import DemoClock
from chronotui.demo.routes import Dialect
from chronotui.demo.scripts import Script

if TYPE_CHECKING:
    from collections.abc import Callable

    from chronotui.demo.server import DemoServer
    from tests.conftest import MakeDemo
    from tests.demo.conftest import PlainClient, Reply

    ClientOf: TypeAlias = Callable[..., PlainClient]
    Address: TypeAlias = Callable[..., str]


def login(client: PlainClient, demo: DemoServer, password: str = "") -> Reply:
    body = {"email": demo.email, "password": password or demo.password}
    return client.ask("POST", "/auth/login", body=body)


def cookies(reply: Reply) -> dict[str, tuple[str, str]]:
    """Return value and attributes of each cookie that is set."""
    found = {}
    for name, value in reply.headers:
        if name == "Set-Cookie":
            pair, _, attributes = value.partition("; ")
            key, _, word = pair.partition("=")
            found[key] = (word, attributes)
    return found


def test_a_login_sets_two_cookies_and_has_no_body(
    demo: DemoServer, client_of: ClientOf
) -> None:
    client = client_of(demo, sign_in=False)
    reply = login(client, demo)
    assert (reply.status, reply.body) == (201, b"")
    set_ = cookies(reply)
    assert set(set_) == {"session", "csrf"}
    assert "$" in set_["csrf"][0]
    for _, attributes in set_.values():
        assert attributes == "Path=/; Max-Age=7200; HttpOnly; SameSite=Strict"
    client.headers["Cookie"] = f"session={set_['session'][0]}"
    assert client.get("/workflows").status == 200
    assert client.ask("POST", "/auth/logout").status == 400
    client.headers["Cookie"] += f"; csrf={set_['csrf'][0]}"
    assert client.ask("POST", "/auth/logout").status == 204
    assert client.get("/workflows").status == 401


def test_a_server_that_believes_in_https_elsewhere_says_so_in_its_cookies(
    make_demo: MakeDemo, client_of: ClientOf
) -> None:
    demo = make_demo(public_url="https://chrono.example.com")
    reply = login(client_of(demo, sign_in=False), demo)
    _, attributes = cookies(reply)["session"]
    assert "Domain=chrono.example.com" in attributes
    assert "Secure" in attributes


@pytest.mark.parametrize(
    ("dialect", "wrong", "unknown"),
    [(Dialect.CURRENT, 400, 404), (Dialect.DOCUMENTED, 401, 401)],
)
def test_wrong_credentials_are_refused_in_plain_text(
    make_demo: MakeDemo,
    client_of: ClientOf,
    dialect: Dialect,
    wrong: int,
    unknown: int,
) -> None:
    demo = make_demo(dialect=dialect)
    client = client_of(demo, sign_in=False)
    nobody = {"email": "nobody@example.com", "password": demo.password}
    replies = (
        login(client, demo, "wrong"),
        client.ask("POST", "/auth/login", body=nobody),
    )
    assert [reply.status for reply in replies] == [wrong, unknown]
    for reply in replies:
        assert reply.header("Content-Type").startswith("text/plain")
        if dialect is Dialect.CURRENT:
            assert reply.text == "failed to login user\n"
    assert client.ask("POST", "/auth/login", body=[1]).status == 400
    assert client.get("/workflows").status == 401


def test_a_session_ends_by_time(demo: DemoServer, client_of: ClientOf) -> None:
    client = client_of(demo)
    assert client.get("/workflows").status == 200
    for session in demo.service.accounts.sessions.values():
        session.ends_at = time.monotonic()
    assert client.get("/workflows").status == 401
    demo.faults.session_seconds = 0
    assert client_of(demo).get("/workflows").status == 401
    demo.faults.session_seconds = 60
    assert client_of(demo).get("/workflows").status == 200


def test_the_current_dialect_takes_no_token(
    demo: DemoServer, client_of: ClientOf
) -> None:
    client = client_of(demo, sign_in=False)
    client.headers["Authorization"] = f"Bearer {demo.token}"
    assert client.get("/workflows").status == 401


def test_a_change_needs_both_cookies_and_a_run_a_key(
    demo: DemoServer, client_of: ClientOf
) -> None:
    client = client_of(demo)
    workflow = demo.world.named("image-build")
    path = f"/workflows/{workflow.id}/jobs/schedule"
    key = {"Idempotency-Key": "k-1"}
    session, csrf = client.headers["Cookie"].split("; ")
    for cookies, status, words in (
        (session, 400, "csrf token not found"),
        (csrf, 400, "session token not found"),
        (f"{session}; csrf=other", 400, "failed to verify csrf token"),
        (f"session=other; {csrf}", 400, "failed to verify csrf token"),
    ):
        reply = client.ask("POST", path, headers={"Cookie": cookies, **key})
        assert (reply.status, reply.text) == (status, f"{words}\n")
    assert client.ask("POST", path).status == 400
    assert client.ask("GET", path).status == 405
    unknown = client.ask("POST", "/workflows/none/jobs/schedule", headers=key)
    assert (unknown.status, unknown.text) == (500, "failed to schedule job\n")
    first = client.ask("POST", path, headers=key)
    again = client.ask("POST", path, headers=key)
    assert first.status == again.status == 201
    assert first.json() == again.json()
    job = client.get(f"/workflows/{workflow.id}/jobs/{first.json()['id']}").json()
    assert (job["status"], job["trigger"]) == ("PENDING", "MANUAL")
    for ended in demo.service.accounts.sessions.values():
        ended.ends_at = 0
    assert client.ask("POST", path, headers=key).status == 401


def test_a_terminated_workflow_runs_no_more_but_when_asked(
    make_demo: MakeDemo, client_of: ClientOf
) -> None:
    demo = make_demo(clock=DemoClock(speed=0))
    client, world = client_of(demo), demo.world
    path = f"/workflows/{world.named('event-consumer').id}"
    job = world.newest_job("event-consumer")
    for _ in range(2):
        assert client.ask("PATCH", path).status == 204
    assert client.get(path).json()["terminated_at"]
    world.clock.advance(60)
    lines = job.log.count(world.clock.now_ns())
    world.clock.advance(60)
    assert job.log.count(world.clock.now_ns()) == lines
    rows = client.get(f"{path}/jobs").json()["jobs"]
    assert rows[0]["id"] == job.id
    assert rows[0]["status"] == "CANCELED"
    assert client.get(f"{path}/jobs/{job.id}/logs/raw").text.count("\n") == lines
    key = {"Idempotency-Key": "k"}
    assert client.ask("POST", f"{path}/jobs/schedule", headers=key).status == 201
    assert client.ask("PATCH", "/workflows/none").status == 404


def test_the_prefix_is_part_of_every_address(
    make_demo: MakeDemo, client_of: ClientOf
) -> None:
    demo = make_demo(prefix="/api/")
    assert demo.url.endswith("/api")
    assert client_of(demo).get("/workflows").status == 200
    connection = http.client.HTTPConnection("127.0.0.1", demo.port, timeout=20)
    connection.request("GET", "/workflows")
    assert connection.getresponse().status == 404
    connection.close()


def test_json_is_compressed_when_asked_for(
    demo: DemoServer, client_of: ClientOf
) -> None:
    client = client_of(demo)
    plain = client.get("/workflows")
    packed = client.ask("GET", "/workflows", headers={"Accept-Encoding": "gzip"})
    assert plain.header("Content-Encoding") == ""
    assert packed.header("Content-Encoding") == "gzip"
    names = [row["id"] for row in plain.json()["workflows"]]
    rows = json.loads(gzip.decompress(packed.body))["workflows"]
    assert [row["id"] for row in rows] == names


def test_a_connection_serves_many_requests_until_it_idles(
    make_demo: MakeDemo,
) -> None:
    demo = make_demo(idle_seconds=1.0)
    connection = http.client.HTTPConnection("127.0.0.1", demo.port, timeout=20)
    for _ in range(3):
        connection.request("GET", "/workflows")
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 401
    sock: socket.socket = connection.sock
    assert sock.recv(1) == b""
    connection.close()


def test_a_client_that_speaks_no_http_is_hung_up_on(demo: DemoServer) -> None:
    with socket.create_connection(("127.0.0.1", demo.port), timeout=20) as sock:
        sock.sendall(b"\x16\x03\x01 hello\r\n\r\n")
        assert sock.recv(1) == b""


def test_a_restart_keeps_port_and_world(
    demo: DemoServer, client_of: ClientOf, address: Address
) -> None:
    job = demo.world.add_job(Script(["one"]))
    client, port = client_of(demo), demo.port
    demo.stop()
    with pytest.raises(ConnectionRefusedError):
        client.get(address(job))
    demo.start()
    assert demo.port == port
    assert client.get(address(job)).json()["id"] == job.id


def test_every_request_is_noted(demo: DemoServer, client_of: ClientOf) -> None:
    client = client_of(demo)
    client.get("/workflows", query="x")
    client.get("/nowhere")
    records = demo.requests.all()
    assert [(r.endpoint, r.status) for r in records] == [("workflows", 200), ("", 404)]
    assert records[0].query == {"query": "x"}
    assert records[0].at <= records[1].at
    assert demo.requests.count("workflows") == 1


def test_a_port_that_is_taken_is_an_error_at_the_start(
    demo: DemoServer, make_demo: MakeDemo
) -> None:
    with pytest.raises(OSError, match="address already in use"):
        make_demo(port=demo.port)
