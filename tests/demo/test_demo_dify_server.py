"""Addresses, keys, headers, details and faults of the demo app's server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from chronotui.demo.clock import SECOND, DemoClock
from chronotui.demo.dify_runs import AppRow, AppRun
from chronotui.demo.faults import Failure
from chronotui.demo.kinds import DemoOptions, make_demo

if TYPE_CHECKING:
    from chronotui.demo.dify_server import DifyDemo
    from tests.conftest import MakeDify

NOW = 1_795_200_000
RUN = "9a51c0de-0000-4000-8000-000000000001"
NOBODY = "9a51c0de-0000-4000-8000-00000000ffff"


def ask(server: DifyDemo, path: str, **headers: str) -> httpx.Response:
    given = {"Authorization": f"Bearer {server.key}", **headers}
    return httpx.get(server.url + path, headers=given, timeout=30)


def one_run(**fields: Any) -> list[AppRow]:
    run = AppRun(RUN, NOW - 10.25, 4.81, **fields)
    return [AppRow("row", run.begins, run, None)]


def still() -> DemoClock:
    return DemoClock(start_ns=NOW * SECOND, speed=0)


@pytest.mark.parametrize(
    ("version", "fields"),
    [
        ("1.14.2", {"name", "description", "tags", "mode", "author_name"}),
        ("1.4.0", {"name", "description", "tags", "mode"}),
        ("1.3.1", {"name", "description", "tags"}),
    ],
)
def test_the_app_tells_its_name_and_since_1_4_its_mode(
    make_dify: MakeDify, version: str, fields: set[str]
) -> None:
    answer = ask(make_dify(version=version, rows=[]), "/info")
    assert set(answer.json()) == fields
    assert answer.json()["name"] == "Nightly ETL"
    assert answer.headers["X-Version"] == version
    assert answer.headers["X-Env"] == "PRODUCTION"


def test_every_answer_of_the_api_tells_the_version_unless_it_is_hidden(
    make_dify: MakeDify,
) -> None:
    server = make_dify(rows=[])
    for path in (
        "/info",
        "/",
        "/nowhere",
        "/workflows/logs?limit=0",
        "/workflows/run/x",
    ):
        assert ask(server, path).headers["X-Version"] == "1.14.2"
    other = make_dify(rows=[], x_version="9.9.9-rc1")
    assert ask(other, "/info").headers["X-Version"] == "9.9.9-rc1"
    hidden = make_dify(rows=[], x_version=None)
    assert "X-Version" not in ask(hidden, "/info").headers


@pytest.mark.parametrize(
    "path", ["/", "/info/", "/workflows/logs/", "/workflows/run/", "/chat", "/apps/1"]
)
def test_an_unknown_address_is_a_page(make_dify: MakeDify, path: str) -> None:
    answer = ask(make_dify(rows=[]), path)
    assert answer.status_code == 404
    assert answer.headers["Content-Type"].startswith("text/html")


@pytest.mark.parametrize("status", [200, 307, 404])
def test_outside_of_the_api_there_is_the_console(
    make_dify: MakeDify, status: int
) -> None:
    server = make_dify(rows=[], console_status=status)
    for path in ("/info", "/workflows/logs", "/"):
        answer = httpx.get(server.origin + path)
        assert answer.status_code == status
        assert answer.text.startswith("<!DOCTYPE html>")
        assert "X-Version" not in answer.headers


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("", "Authorization header must be provided and start with 'Bearer'"),
        ("Bearer", "Authorization header must be provided and start with 'Bearer'"),
        ("Basic abc", "Authorization scheme must be 'Bearer'"),
        ("Bearer dataset-abc", "Access token is invalid"),
    ],
)
def test_a_wrong_key_is_a_401(make_dify: MakeDify, header: str, words: str) -> None:
    for path in ("/info", "/workflows/logs", f"/workflows/run/{RUN}"):
        answer = ask(make_dify(rows=[]), path, Authorization=header)
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"] == 'Bearer realm="api"'
        fields = {"code": "unauthorized", "message": words, "status": 401}
        assert answer.json() == fields


def test_an_app_can_be_shut(make_dify: MakeDify) -> None:
    server = make_dify(rows=[])
    server.door.shut = "The app's API service has been disabled."
    answer = ask(server, "/info")
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    assert answer.json()["message"] == server.door.shut


def test_a_detail_is_written_as_the_newest_release_does(make_dify: MakeDify) -> None:
    rows = one_run(
        inputs={"url": "https://x", "sys.user_id": "北"}, outputs={"rows": 42}, tokens=9
    )
    found = ask(make_dify(clock=still(), rows=rows), f"/workflows/run/{RUN}")
    assert found.json() == {
        "id": RUN,
        "workflow_id": "b7e2f8a1-3c4d-4e6f-8890-abcdef123456",
        "status": "succeeded",
        "inputs": '{"url": "https://x", "sys.user_id": "\\u5317"}',
        "outputs": {"rows": 42},
        "error": None,
        "total_steps": 0,
        "total_tokens": 9,
        "created_at": NOW - 11,
        "finished_at": NOW - 6,
        "elapsed_time": 4.81,
    }


@pytest.mark.parametrize(
    ("version", "stored", "shown"),
    [
        ("1.14.2", {"a": 1}, {"a": 1}),
        ("1.14.2", [1], {}),
        ("1.14.2", None, {}),
        ("1.13.0", [1], [1]),
        ("1.13.0", "text", "text"),
        ("1.13.0", None, {}),
        ("1.9.2", {"a": "北"}, '{"a": "\\u5317"}'),
        ("1.9.2", None, None),
    ],
)
def test_outputs_take_the_form_of_the_release(
    make_dify: MakeDify, version: str, stored: object, shown: object
) -> None:
    rows = one_run(outputs=stored)
    server = make_dify(clock=still(), rows=rows, version=version)
    assert ask(server, f"/workflows/run/{RUN}").json()["outputs"] == shown


def test_times_were_words_before_1_2(make_dify: MakeDify) -> None:
    server = make_dify(clock=still(), rows=one_run(), version="1.1.3")
    found = ask(server, f"/workflows/run/{RUN}").json()
    assert found["created_at"] == "Fri, 20 Nov 2026 18:39:49 +0000"


@pytest.mark.parametrize(
    ("version", "status", "has"),
    [
        ("1.14.2", 404, {"message": "Workflow run not found."}),
        ("1.13.0", 500, {"code": "unknown"}),
        ("1.9.2", 200, {"id": None, "status": None, "total_steps": 0}),
    ],
)
def test_a_run_there_is_not(
    make_dify: MakeDify, version: str, status: int, has: dict[str, object]
) -> None:
    server = make_dify(rows=[], version=version)
    answer = ask(server, f"/workflows/run/{NOBODY}")
    assert answer.status_code == status
    assert has.items() <= answer.json().items()
    assert ask(server, "/workflows/run/nonsense").status_code == 500


def test_a_purged_run_keeps_its_row(make_dify: MakeDify) -> None:
    server = make_dify(clock=still(), rows=one_run())
    server.world.purge(RUN)
    assert ask(server, "/workflows/logs").json()["data"][0]["workflow_run"] is None
    assert ask(server, f"/workflows/run/{RUN}").status_code == 404


def test_whatever_would_change_something_is_noted(make_dify: MakeDify) -> None:
    server = make_dify(rows=[])
    headers = {"Authorization": f"Bearer {server.key}"}
    assert server.load.changes == []
    answer = httpx.post(f"{server.url}/workflows/run", headers=headers, json={})
    assert answer.status_code == 400
    assert httpx.post(f"{server.url}/info", headers=headers).status_code == 405
    changes = [("POST", "/v1/workflows/run"), ("POST", "/v1/info")]
    assert server.load.changes == changes


@pytest.mark.parametrize(
    ("failure", "status"), [(Failure.HTML_502, 502), (Failure.TOO_MANY, 429)]
)
def test_faults_befall_one_endpoint(
    make_dify: MakeDify, failure: Failure, status: int
) -> None:
    server = make_dify(rows=[])
    server.faults.fail_next(failure, "runs")
    assert ask(server, "/info").status_code == 200
    answer = ask(server, "/workflows/logs")
    assert answer.status_code == status
    assert "X-Version" not in answer.headers
    assert ask(server, "/workflows/logs").status_code == 200


def test_an_answer_may_break_off(make_dify: MakeDify) -> None:
    server = make_dify(rows=[])
    server.faults.fail_next(Failure.CUT, "runs")
    with pytest.raises(httpx.RemoteProtocolError):
        ask(server, "/workflows/logs")


def test_the_date_is_the_worlds(make_dify: MakeDify) -> None:
    answer = ask(make_dify(rows=[], clock=still()), "/info")
    assert answer.headers["Date"] == "Fri, 20 Nov 2026 18:40:00 GMT"


def test_each_kind_of_demo_takes_its_own_options() -> None:
    app = make_demo("dify", DemoOptions(version="1.9.2", lines=50))
    assert (app.kind, app.credentials().password) == ("dify", "")
    assert app.credentials().token in app.greeting
    server = make_demo("chronoverse", DemoOptions(dialect="documented"))
    assert server.credentials().token in server.greeting
    with pytest.raises(ValueError, match="--dialect"):
        make_demo("dify", DemoOptions(dialect="current"))
    with pytest.raises(ValueError, match="--server-version"):
        make_demo("chronoverse", DemoOptions(version="1.9.2"))
