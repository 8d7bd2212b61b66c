"""The demo app's own log: lifelike, with all there is to meet, the same for a seed."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from chronotui.demo.clock import SECOND, DemoClock
from chronotui.demo.dify_release import VERSIONS
from chronotui.demo.dify_server import DifyDemo

if TYPE_CHECKING:
    from chronotui.demo.dify_runs import AppRow
    from tests.conftest import MakeDify

NOW = 1_795_233_600
"""Noon of a Saturday."""


def still() -> DemoClock:
    return DemoClock(start_ns=NOW * SECOND, speed=0)


def rows_of(server: DifyDemo) -> list[AppRow]:
    return server.world.rows(server.release, server.world.now)


@pytest.fixture
def told() -> DifyDemo:
    """A server that does not listen: its world is all that is looked at."""
    return DifyDemo(clock=still())


def test_the_same_seed_and_time_make_the_same_log(told: DifyDemo) -> None:
    def known(server: DifyDemo) -> list[dict[str, Any]]:
        return [server.release.row(row, NOW) for row in rows_of(server)]

    assert known(told) == known(DifyDemo(clock=still()))
    assert known(told) != known(DifyDemo(clock=still(), seed=2))


@pytest.mark.parametrize("count", [0, 1, 60, 1200, 3000])
def test_the_log_is_as_long_as_was_asked_for(count: int) -> None:
    server = DifyDemo(clock=still(), count=count)
    rows = rows_of(server)
    assert len(rows) == count
    assert len({row.id for row in rows}) == count


def test_every_kind_of_run_is_in_it(told: DifyDemo) -> None:
    rows = rows_of(told)
    statuses = Counter(row.run and row.run.status(NOW) for row in rows)
    assert set(statuses) == {
        None,
        "running",
        "paused",
        "succeeded",
        "failed",
        "stopped",
        "partial-succeeded",
        "scheduled",
        "archived-cold",
    }
    assert statuses["running"] >= 5
    assert statuses["paused"] == 1
    assert {row.by and row.by.kind for row in rows} == {
        None,
        "service-api",
        "browser",
        "account",
        "trigger",
        "mcp",
        "openapi",
    }
    made = {row.created_from for row in rows}
    assert made == {"service-api", "web-app", "installed-app", "openapi"}
    triggers = {row.run.triggered_from for row in rows if row.run}
    assert triggers == {"app-run", "schedule", "webhook", "plugin"}


def test_seconds_are_shared_and_days_are_several(told: DifyDemo) -> None:
    rows = rows_of(told)
    seconds = Counter(row.created_at(told.release) for row in rows)
    assert max(seconds.values()) >= 5
    assert len({second // 86_400 for second in seconds}) >= 6


def test_what_must_be_read_with_care_is_in_it(told: DifyDemo) -> None:
    runs = [row.run for row in rows_of(told) if row.run]
    inputs = json.dumps([run.inputs for run in runs], ensure_ascii=False)
    errors = "\n".join(run.error or "" for run in runs)
    for awkward in ("请总结", "🤔", "\\u001b[31m", "[b]#4471[/b]"):
        assert awkward in inputs
    for kind in ("status code 503", "quota", "Traceback", "timed out", "Invalid JSON"):
        assert kind in errors
    assert "\x1b[2J" in errors
    assert any("山田" in row.by.name for row in rows_of(told) if row.by)


def test_one_row_in_the_middle_cannot_be_read(told: DifyDemo) -> None:
    places = [place for place, row in enumerate(rows_of(told)) if row.odd_word]
    assert len(places) == 1
    assert 400 < places[0] < 800


def test_what_runs_goes_on_and_new_runs_begin(told: DifyDemo) -> None:
    def running() -> set[str]:
        return {
            row.run.id
            for row in rows_of(told)
            if row.run and row.run.status(told.world.now) == "running"
        }

    before, count = running(), len(rows_of(told))
    told.clock.advance(60.0)
    assert before - running()
    assert running() - before
    assert count < len(rows_of(told)) < count + 5
    told.clock.advance(3600.0)
    stuck = before & running()
    assert len(stuck) == 1
    assert told.world.run(stuck.pop()).begins < NOW - 7200  # type: ignore[union-attr]


def test_a_running_run_of_the_api_can_be_watched_to_its_end(
    make_dify: MakeDify,
) -> None:
    server = make_dify(clock=still())
    row = rows_of(server)[-1]
    assert row.run is not None
    assert row.by is not None
    events: list[dict[str, Any]] = []
    with httpx.stream(
        "GET",
        f"{server.url}/workflow/{row.run.id}/events",
        params={"user": row.by.name, "include_state_snapshot": "true"},
        headers={"Authorization": f"Bearer {server.key}"},
        timeout=60,
    ) as answer:
        for line in answer.iter_lines():
            if line.startswith("data: "):
                events.append(json.loads(line.removeprefix("data: ")))
                if len(events) == 1:
                    server.clock.advance(100.0)
    names = [event["event"] for event in events]
    assert names[0] == "workflow_started"
    assert names[-1] == "workflow_finished"
    chunks = [e["data"]["text"] for e in events if e["event"] == "text_chunk"]
    assert "Overnight the orders feed " in "".join(chunks)
    first = names.index("text_chunk")
    assert events[first + 1]["data"]["title"] == "Summarise"


@pytest.mark.parametrize("version", VERSIONS)
def test_each_release_lists_the_whole_log_but_the_page_of_the_odd_row(
    make_dify: MakeDify, version: str
) -> None:
    server = make_dify(clock=still(), version=version)
    statuses: Counter[int] = Counter()
    with httpx.Client(headers={"Authorization": f"Bearer {server.key}"}) as client:
        for page in range(1, 13):
            query = {"limit": 100, "page": page}
            answer = client.get(f"{server.url}/workflows/logs", params=query)
            statuses[answer.status_code] += 1
    assert statuses == {200: 11, 400: 1}
