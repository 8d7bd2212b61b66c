"""Sign-in, addresses, compression and connections of the demo server."""

from __future__ import annotations

import gzip
import http.client
import json
import socket
import time
from typing import TYPE_CHECKING, TypeAlias

import pytest

from chronotui.demo.scripts import Script
from chronotui.demo.service import Dialect

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
    assert client.ask("POST", "/auth/validate").status == 400
    client.headers["Cookie"] += f"; csrf={set_['csrf'][0]}"
    assert client.ask("POST", "/auth/validate").status == 200
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


def test_an_account_can_be_made_once(demo: DemoServer, client_of: ClientOf) -> None:
    client = client_of(demo, sign_in=False)
    body = {"email": "new@example.com", "password": "long enough"}
    assert client.ask("POST", "/auth/register", body=body).status == 201
    assert client.ask("POST", "/auth/register", body=body).status == 409
    body = {"email": "other@example.com", "password": "short"}
    assert client.ask("POST", "/auth/register", body=body).status == 400


def test_a_session_ends_by_time_and_by_force(
    make_demo: MakeDemo, client_of: ClientOf
) -> None:
    demo = make_demo(session_seconds=0.3)
    client = client_of(demo)
    assert client.get("/workflows").status == 200
    deadline = time.monotonic() + 3
    while client.get("/workflows").status != 401:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    demo.faults.session_seconds = 60
    client = client_of(demo)
    assert client.get("/workflows").status == 200
    demo.end_sessions()
    assert client.get("/workflows").status == 401


def test_the_current_dialect_takes_no_token(
    demo: DemoServer, client_of: ClientOf
) -> None:
    client = client_of(demo, sign_in=False)
    client.headers["Authorization"] = f"Bearer {demo.token}"
    assert client.get("/workflows").status == 401


def test_changes_need_the_csrf_cookie_and_a_key(
    demo: DemoServer, client_of: ClientOf
) -> None:
    client = client_of(demo)
    workflow = demo.world.named("image-build")
    path = f"/workflows/{workflow.id}/jobs/schedule"
    key = {"Idempotency-Key": "k-1"}
    assert client.ask("POST", path).status == 400
    first = client.ask("POST", path, headers=key)
    again = client.ask("POST", path, headers=key)
    assert first.status == again.status == 201
    assert first.json() == again.json()
    job_id = first.json()["id"]
    job = client.get(f"/workflows/{workflow.id}/jobs/{job_id}").json()
    assert job["trigger"] == "MANUAL"
    no_csrf = {"Cookie": client.headers["Cookie"].partition(";")[0], **key}
    assert client.ask("POST", path, headers=no_csrf).status == 400


def test_a_workflow_is_terminated_before_it_is_deleted(
    demo: DemoServer, client_of: ClientOf
) -> None:
    client = client_of(demo)
    path = f"/workflows/{demo.world.named('backup-db').id}"
    assert client.ask("DELETE", path).status == 412
    assert client.ask("PATCH", path).status == 204
    assert client.ask("PATCH", path).status == 412
    assert client.get(path).json()["terminated_at"]
    assert client.ask("POST", f"{path}/jobs/schedule").status == 400
    key = {"Idempotency-Key": "k"}
    assert client.ask("POST", f"{path}/jobs/schedule", headers=key).status == 412
    assert client.ask("DELETE", path).status == 204
    assert client.get(path).status == 404


def test_the_prefix_is_part_of_every_address(
    make_demo: MakeDemo, client_of: ClientOf
) -> None:
    demo = make_demo(prefix="/api/")
    assert demo.url.endswith("/api")
    assert client_of(demo).get("/workflows").status == 200
    connection = http.client.HTTPConnection("127.0.0.1", demo.port, timeout=5)
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


def test_the_rest_of_the_api_answers(demo: DemoServer, client_of: ClientOf) -> None:
    client = client_of(demo)
    assert client.get("/users").json()["email"] == demo.email
    preference = {"notification_preference": "NONE"}
    assert client.ask("PUT", "/users", body=preference).status == 204
    rows = client.walk("/notifications", "notifications")
    assert json.loads(rows[0]["payload"])
    ids = {"ids": [rows[0]["id"]]}
    assert "read_at" not in rows[0]
    assert client.ask("PUT", "/notifications", body=ids).status == 204
    assert client.get("/notifications").json()["notifications"][0]["read_at"]
    totals = client.get("/analytics").json()
    assert totals["total_workflows"] == 15
    workflow = demo.world.named("image-build")
    one = client.get(f"/analytics/{workflow.id}").json()
    assert one["total_jobs"] == 24
    assert 0 < one["total_joblogs"] < totals["total_joblogs"]


def test_a_workflow_is_made_and_changed(demo: DemoServer, client_of: ClientOf) -> None:
    client = client_of(demo)
    wish = {
        "name": "new-one",
        "payload": "{}",
        "kind": "CONTAINER",
        "interval": 60,
        "max_consecutive_job_failures_allowed": 3,
        "log_retention": True,
    }
    key = {"Idempotency-Key": "make-1"}
    assert client.ask("POST", "/workflows", body=wish).status == 400
    made = client.ask("POST", "/workflows", body=wish, headers=key)
    assert made.status == 201
    again = client.ask("POST", "/workflows", body=wish, headers=key)
    assert again.json() == made.json()
    path = f"/workflows/{made.json()['id']}"
    assert client.get(path).json()["name"] == "new-one"
    change = {**wish, "name": "renamed"}
    assert client.ask("PUT", path, body=change, headers=key).status == 204
    assert client.get(path).json()["name"] == "renamed"
    wish["interval"] = 0
    assert client.ask("POST", "/workflows", body=wish, headers=key).status == 400


def test_a_connection_serves_many_requests_until_it_idles(
    make_demo: MakeDemo,
) -> None:
    demo = make_demo(idle_seconds=0.2)
    connection = http.client.HTTPConnection("127.0.0.1", demo.port, timeout=5)
    for _ in range(3):
        connection.request("GET", "/workflows")
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 401
    sock: socket.socket = connection.sock
    assert sock.recv(1) == b""
    connection.close()


def test_a_client_that_speaks_no_http_is_hung_up_on(demo: DemoServer) -> None:
    with socket.create_connection(("127.0.0.1", demo.port), timeout=5) as sock:
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
