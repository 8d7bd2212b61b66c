"""The list of a demo app's runs: filters, totals, refusals, and an order with holes."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from chronotui.demo.clock import SECOND, DemoClock
from chronotui.demo.dify_list import read_time
from chronotui.demo.dify_runs import AppPerson, AppRow, AppRun
from chronotui.demo.dify_world import bulk_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from chronotui.demo.dify_server import DifyDemo
    from tests.conftest import MakeDify

NOW = 1_795_200_000


def still_clock() -> DemoClock:
    return DemoClock(start_ns=NOW * SECOND, speed=0)


@pytest.fixture
def ask() -> Iterator[Callable[..., httpx.Response]]:
    """Asks a server for its list; parameters as a dict, or as a raw query."""
    with closing(httpx.Client(timeout=30)) as client:

        def get(server: DifyDemo, query: object = None) -> httpx.Response:
            raw = f"?{query}" if isinstance(query, str) else ""
            return client.get(
                f"{server.url}/workflows/logs{raw}",
                params=query if isinstance(query, dict) else None,
                headers={"Authorization": f"Bearer {server.key}"},
            )

        yield get


def ids(page: dict[str, Any]) -> list[str]:
    return [row["id"] for row in page["data"]]


def row_of(name: str, stamp: float, by: AppPerson | None = None, **run: Any) -> AppRow:
    made = AppRun(f"00000000-0000-4000-8000-{name:>012}", stamp, 1.5, **run)
    return AppRow(f"row-{name}", stamp, made, by)


def test_a_row_is_written_as_the_newest_release_does(
    make_dify: MakeDify, ask: Callable[..., httpx.Response]
) -> None:
    robot = AppPerson("p1", "service-api", "nightly-etl")
    row = row_of("1", NOW - 10.0, robot, tokens=912, step_count=5)
    page = ask(make_dify(clock=still_clock(), rows=[row])).json()
    assert (page["page"], page["limit"], page["total"]) == (1, 20, 1)
    assert page["has_more"] is False
    assert page["data"] == [
        {
            "id": "row-1",
            "workflow_run": {
                "id": "00000000-0000-4000-8000-000000000001",
                "version": "2026-11-01 08:30:12.345678",
                "status": "succeeded",
                "error": None,
                "elapsed_time": 1.5,
                "total_tokens": 912,
                "total_steps": 5,
                "created_at": NOW - 10,
                "finished_at": NOW - 9,
                "exceptions_count": 0,
                "triggered_from": "app-run",
            },
            "created_from": "service-api",
            "created_by_role": "end_user",
            "created_by_account": None,
            "created_by_end_user": {
                "id": "p1",
                "type": "service-api",
                "is_anonymous": False,
                "session_id": "nightly-etl",
            },
            "created_at": NOW - 10,
            "details": None,
        }
    ]


@pytest.mark.parametrize(
    ("version", "absent"),
    [
        ("1.9.2", {"triggered_from"}),
        ("0.13.0", {"triggered_from", "exceptions_count"}),
    ],
)
def test_old_releases_know_fewer_fields(
    make_dify: MakeDify,
    ask: Callable[..., httpx.Response],
    version: str,
    absent: set[str],
) -> None:
    rows = bulk_rows(1, NOW - 10)
    new = ask(make_dify(clock=still_clock(), rows=rows)).json()["data"][0]
    old = ask(make_dify(clock=still_clock(), rows=rows, version=version))
    row = old.json()["data"][0]
    assert set(new["workflow_run"]) - set(row["workflow_run"]) == absent
    assert set(new) - set(row) == {"details"}


def test_a_running_row_is_all_zeros_and_missing_before_1_11(
    make_dify: MakeDify, ask: Callable[..., httpx.Response]
) -> None:
    rows = [row_of("1", NOW - 0.5, tokens=7, outputs={"a": 1})]
    run = ask(make_dify(clock=still_clock(), rows=rows)).json()["data"][0]
    assert run["created_at"] == NOW
    run = run["workflow_run"]
    assert run["status"] == "running"
    assert (run["elapsed_time"], run["total_tokens"], run["total_steps"]) == (0, 0, 0)
    assert run["finished_at"] is run["error"] is None
    clock = still_clock()
    old = make_dify(clock=clock, rows=rows, version="1.9.2")
    assert ask(old).json()["total"] == 0
    clock.advance(1.0)
    assert ask(old).json()["data"][0]["created_at"] == NOW + 1


def test_a_row_may_come_before_its_run(
    make_dify: MakeDify, ask: Callable[..., httpx.Response]
) -> None:
    row = row_of("1", NOW - 0.2)
    row.late = 0.8
    clock = still_clock()
    server = make_dify(clock=clock, rows=[row])
    assert ask(server).json()["data"][0]["workflow_run"] is None
    assert ask(server, {"keyword": "x"}).json()["total"] == 0
    clock.advance(1.0)
    assert ask(server).json()["data"][0]["workflow_run"]["status"] == "running"


def walk_by_page(
    get: Callable[[dict[str, int]], dict[str, Any]], limit: int
) -> set[str]:
    seen: set[str] = set()
    page = 1
    while True:
        answer = get({"page": page, "limit": limit})
        seen.update(ids(answer))
        if not answer["has_more"]:
            return seen
        page += 1


def walk_by_second(
    get: Callable[[dict[str, Any]], dict[str, Any]], limit: int
) -> set[str]:
    """Ask for page 1 up to the last second shown, and on where that did not move."""
    seen: set[str] = set()
    second, page = NOW + 10, 1
    while True:
        rows = get({"page": page, "limit": limit, "created_at__before": utc(second)})
        if not rows["data"]:
            return seen
        seen.update(ids(rows))
        last = min(row["created_at"] for row in rows["data"]) + 1
        second, page = (last, 1) if last < second else (second, page + 1)


def utc(second: float) -> str:
    return f"{datetime.fromtimestamp(second, UTC):%Y-%m-%dT%H:%M:%SZ}"


@pytest.mark.parametrize("limit", [3, 10, 20])
def test_a_walk_by_page_number_loses_rows_of_a_log_nobody_writes_to(
    make_dify: MakeDify, ask: Callable[..., httpx.Response], limit: int
) -> None:
    rows = bulk_rows(131, NOW - 5, per_second=7)
    server = make_dify(clock=still_clock(), rows=rows)
    seen = walk_by_page(lambda query: ask(server, query).json(), limit)
    assert 60 < len(seen) < 131


@pytest.mark.parametrize("limit", [7, 20, 50, 100])
def test_a_walk_by_second_finds_every_row(
    make_dify: MakeDify, ask: Callable[..., httpx.Response], limit: int
) -> None:
    rows = bulk_rows(131, NOW - 5, per_second=7)
    server = make_dify(clock=still_clock(), rows=rows)
    seen = walk_by_second(lambda query: ask(server, query).json(), limit)
    assert seen == {row.id for row in rows}


def test_the_same_page_is_the_same_again_and_newest_first(
    make_dify: MakeDify, ask: Callable[..., httpx.Response]
) -> None:
    rows = bulk_rows(60, NOW - 5, per_second=7)
    server = make_dify(clock=still_clock(), rows=rows)
    first = ask(server, {"limit": 30}).json()
    assert ask(server, {"limit": 30}).json() == first
    stamps = [row["created_at"] for row in first["data"]]
    assert stamps == sorted(stamps, reverse=True)


@pytest.mark.parametrize(
    ("query", "rows", "more"),
    [
        ("page=1&limit=20", 20, True),
        ("page=3&limit=20", 5, False),
        ("page=4&limit=20", 0, False),
        ("page=1&limit=45", 45, False),
    ],
)
def test_pages_may_be_short_or_empty_and_say_whether_there_is_more(
    make_dify: MakeDify,
    ask: Callable[..., httpx.Response],
    query: str,
    rows: int,
    more: bool,
) -> None:
    server = make_dify(clock=still_clock(), rows=bulk_rows(45, NOW - 5))
    answer = ask(server, query)
    assert answer.status_code == 200
    found = answer.json()
    assert (len(found["data"]), found["has_more"], found["total"]) == (rows, more, 45)


def test_a_row_can_be_logged_between_two_pages(
    make_dify: MakeDify, ask: Callable[..., httpx.Response]
) -> None:
    server = make_dify(clock=still_clock(), rows=bulk_rows(40, NOW - 5))
    new = row_of("9", NOW - 1.0)

    def log_one(asked: int) -> None:
        if asked == 2:
            server.world.add(new)

    server.lister.before_answer = log_one
    first = ask(server, {"limit": 20}).json()
    second = ask(server, {"limit": 20, "page": 2}).json()
    assert (first["total"], second["total"]) == (40, 41)
    assert ids(first)[-1] == ids(second)[0]


def test_both_ends_of_a_time_are_included(
    make_dify: MakeDify, ask: Callable[..., httpx.Response]
) -> None:
    server = make_dify(clock=still_clock(), rows=bulk_rows(10, NOW))
    times = {
        "created_at__after": utc(NOW - 6),
        "created_at__before": utc(NOW - 4),
    }
    found = ask(server, times).json()
    assert [row["created_at"] - NOW for row in found["data"]] == [-4, -5, -6]
    assert found["total"] == 3
    old = make_dify(clock=still_clock(), rows=bulk_rows(10, NOW - 60), version="1.0.0")
    assert ask(old, times).json()["total"] == 10


@pytest.fixture
def people() -> list[AppRow]:
    robot = AppPerson("p1", "service-api", "nightly-etl")
    guest = AppPerson("p2", "browser", "nightly-etl")
    boss = AppPerson("p3", "account", "Mira", "mira@example.com")
    purged = row_of("4", NOW - 40.0, robot)
    purged.run = None
    return [
        row_of("1", NOW - 10.0, robot, inputs={"q": "北米の注文"}, outputs={"n": 1}),
        row_of("2", NOW - 20.0, guest, final="failed", inputs={"q": "Late Parcels"}),
        row_of("3", NOW - 30.0, boss, final="stopped", outputs={"text": "nothing"}),
        purged,
        row_of("5", NOW - 50.0, None, final="partial-succeeded"),
    ]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"status": "succeeded"}, "1"),
        ({"status": "failed"}, "2"),
        ({"status": "stopped"}, "3"),
        ({"created_by_end_user_session_id": "nightly-etl"}, "124"),
        ({"created_by_end_user_session_id": "nightly"}, ""),
        ({"created_by_account": "mira@example.com"}, "3"),
        ({"keyword": "LATE parcels"}, "2"),
        ({"keyword": "nothing"}, "3"),
        ({"keyword": "ightly-e"}, "12"),
        ({"keyword": "mira"}, ""),
        ({"keyword": "nightly-etl" + "x" * 19 + "zzz"}, ""),
        ({"keyword": '"q": "Late Parcels"' + " " * 11 + "anything"}, ""),
        ({"keyword": "00000000-0000-4000-8000-000000000005"}, "5"),
        ({"keyword": "北米"}, ""),
        ({"keyword": "\\u5317\\u7c73"}, "1"),
        ({"nobody_knows": "this"}, "12345"),
        ({"keyword": ""}, "12345"),
    ],
)
def test_filters(
    make_dify: MakeDify,
    ask: Callable[..., httpx.Response],
    people: list[AppRow],
    query: dict[str, str],
    found: str,
) -> None:
    answer = ask(make_dify(clock=still_clock(), rows=people), query).json()
    assert [row["id"][-1] for row in answer["data"]] == list(found)
    assert answer["total"] == len(found)


def test_only_thirty_characters_of_a_keyword_count(
    make_dify: MakeDify, ask: Callable[..., httpx.Response]
) -> None:
    rows = [row_of("1", NOW - 10.0, inputs={"q": "a" * 30 + "b"})]
    server = make_dify(clock=still_clock(), rows=rows)
    assert ask(server, {"keyword": "a" * 30 + "never there"}).json()["total"] == 1


def test_letters_were_stored_as_they_are_before_1_11_3(
    make_dify: MakeDify, ask: Callable[..., httpx.Response], people: list[AppRow]
) -> None:
    server = make_dify(clock=still_clock(), rows=people, version="1.11.2")
    assert ask(server, {"keyword": "北米"}).json()["total"] == 1


def test_filters_an_old_server_does_not_know_are_ignored(
    make_dify: MakeDify, ask: Callable[..., httpx.Response], people: list[AppRow]
) -> None:
    server = make_dify(clock=still_clock(), rows=people, version="1.4.3")
    for query in (
        {"created_by_account": "nobody@example.com"},
        {"created_by_end_user_session_id": "nobody"},
    ):
        assert ask(server, query).json()["total"] == 5


def test_an_account_nobody_has_is_refused_since_1_9_2(
    make_dify: MakeDify, ask: Callable[..., httpx.Response], people: list[AppRow]
) -> None:
    query = {"created_by_account": "nobody@example.com"}
    new = ask(make_dify(clock=still_clock(), rows=people, version="1.9.2"), query)
    assert new.json() == {
        "code": "invalid_param",
        "message": "Account not found: nobody@example.com",
        "status": 400,
    }
    old = ask(make_dify(clock=still_clock(), rows=people, version="1.9.1"), query)
    assert (old.status_code, old.json()["total"]) == (200, 0)


def test_a_keyword_beside_a_session_is_a_500(
    make_dify: MakeDify, ask: Callable[..., httpx.Response]
) -> None:
    query = {"keyword": "x", "created_by_end_user_session_id": "y"}
    answer = ask(make_dify(rows=[]), query)
    assert answer.status_code == 500
    assert answer.json()["code"] == "unknown"


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=101",
        "limit=abc",
        "limit=",
        "page=0",
        "page=100000",
        "status=running",
        "status=",
    ],
)
def test_what_cannot_be_taken_is_refused_in_the_words_of_the_release(
    make_dify: MakeDify, ask: Callable[..., httpx.Response], query: str
) -> None:
    name = query.partition("=")[0]
    new = ask(make_dify(rows=[]), query)
    assert new.status_code == 400
    lines = new.json()["message"].split("\n")
    assert lines[:2] == ["1 validation error for WorkflowLogQuery", name]
    assert lines[2].startswith("  Input should be ")
    middle = ask(make_dify(rows=[], version="1.9.2"), query)
    assert middle.status_code == 400
    assert set(middle.json()) == {"errors", "message"}
    assert set(middle.json()["errors"]) == {name}
    old = ask(make_dify(rows=[], version="1.7.0"), query).json()
    assert (old["params"], old["status"]) == (name, 400)


def test_the_first_value_of_a_repeated_parameter_counts(
    make_dify: MakeDify, ask: Callable[..., httpx.Response]
) -> None:
    server = make_dify(rows=bulk_rows(9, NOW), clock=still_clock())
    assert len(ask(server, "limit=2&limit=abc").json()["data"]) == 2


@pytest.mark.parametrize(
    ("text", "second"),
    [
        ("2026", 1_767_225_600),
        ("2026-11", 1_793_491_200),
        ("2026-W48", 1_795_392_000),
        ("2026-11-20", 1_795_132_800),
        ("2026-11-20T10:00", 1_795_168_800),
        ("2026-11-20T10:00:00Z", 1_795_168_800),
        ("2026-11-20T18:00:00+08:00", 1_795_168_800),
        ("2026-11-20T10:00:00.500Z", 1_795_168_800.5),
    ],
)
def test_times_that_are_taken(text: str, second: float) -> None:
    assert read_time(text) == second


@pytest.mark.parametrize(
    "query", ["2026-11-20T18:00:00+08:00", "1795200000", "2026-1-1", "yesterday"]
)
def test_times_that_are_not(
    make_dify: MakeDify, ask: Callable[..., httpx.Response], query: str
) -> None:
    answer = ask(make_dify(rows=[]), f"created_at__after={query}")
    assert answer.status_code == 400
    assert answer.json()["code"] == "invalid_param"
    if "+" in query:
        assert answer.json()["message"] == "Unused components in ISO string"


def test_a_row_that_cannot_be_read_takes_its_page_along(
    make_dify: MakeDify, ask: Callable[..., httpx.Response]
) -> None:
    rows = bulk_rows(30, NOW - 5)
    rows[12].odd_word = "service_api_v0"
    server = make_dify(clock=still_clock(), rows=rows)
    answer = ask(server, {"limit": 20})
    assert answer.status_code == 400
    assert answer.json()["code"] == "invalid_param"
    words = "'service_api_v0' is not a valid EndUserType"
    assert answer.json()["message"] == words
    assert ask(server, {"limit": 12}).status_code == 200
    assert ask(server, {"limit": 10, "page": 2}).status_code == 400
    assert ask(server, {"limit": 10, "page": 3}).json()["total"] == 30


def test_a_row_can_be_taken_out_and_many_be_made_each_its_own_way(
    make_dify: MakeDify, ask: Callable[..., httpx.Response]
) -> None:
    def fail(place: int, row: AppRow) -> None:
        if place % 2 and row.run is not None:
            row.run.final = "failed"

    rows = bulk_rows(9, NOW - 5, make=fail)
    server = make_dify(clock=still_clock(), rows=rows)
    assert ask(server, {"status": "failed"}).json()["total"] == 4
    server.world.remove(rows[1].id)
    assert ask(server, {"status": "failed"}).json()["total"] == 3


def test_an_app_of_another_mode_has_an_empty_list(
    make_dify: MakeDify, ask: Callable[..., httpx.Response]
) -> None:
    rows = bulk_rows(3, NOW)
    chat = ask(make_dify(rows=rows, mode="advanced-chat"))
    assert (chat.status_code, chat.json()["total"]) == (200, 0)
    later = ask(make_dify(rows=rows, mode="chat", version="1.17.0"))
    assert (later.status_code, later.json()["code"]) == (400, "not_workflow_app")
