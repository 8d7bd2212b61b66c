"""Live streams of the demo app: who may have one, and what it says in what order."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import httpx

from chronotui.demo.clock import SECOND, DemoClock
from chronotui.demo.dify_events import EventHabits
from chronotui.demo.dify_runs import FOREVER, AppPerson, AppRow, AppRun, AppStep
from chronotui.demo.faults import Faults

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chronotui.demo.dify_server import DifyDemo
    from tests.conftest import MakeDify

NOW = 1_795_200_000
RUN = "9a51c0de-0000-4000-8000-000000000001"

ASK_ALL = {"include_state_snapshot": "true", "continue_on_pause": "true"}


def step(name: str, begins: float, seconds: float, **more: Any) -> AppStep:
    return AppStep(
        name,
        f"17{name}",
        more.pop("kind", "code"),
        name.title(),
        begins,
        seconds,
        **more,
    )


def served(
    make_dify: MakeDify, run: AppRun, kind: str = "service-api", **options: Any
) -> DifyDemo:
    person = AppPerson("p1", kind, "nightly-etl", "m@example.com")
    row = AppRow("row", run.begins, run, person)
    options.setdefault("clock", DemoClock(start_ns=NOW * SECOND, speed=0))
    return make_dify(rows=[row], **options)


@contextmanager
def stream(
    server: DifyDemo, run: str = RUN, **query: str
) -> Iterator[Iterator[dict[str, Any]]]:
    """Yields the events of a stream as they come, pings left out."""
    with httpx.stream(
        "GET",
        f"{server.url}/workflow/{run}/events",
        params={"user": "nightly-etl", **query},
        headers={"Authorization": f"Bearer {server.key}"},
        timeout=30,
    ) as answer:
        assert answer.status_code == 200
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        yield _events(answer.iter_lines())


def _events(lines: Iterator[str]) -> Iterator[dict[str, Any]]:
    for line in lines:
        if line.startswith("data: "):
            yield json.loads(line.removeprefix("data: "))
        else:
            assert line in ("", "event: ping", ": a comment")


def told(events: Iterator[dict[str, Any]], count: int) -> list[tuple[str, str]]:
    """Return name and title, or text, of the next events."""
    found = []
    for _ in range(count):
        event = next(events)
        data = event.get("data", {})
        found.append((event["event"], data.get("title") or data.get("text") or ""))
    return found


def test_a_run_that_has_ended_says_so_alone(make_dify: MakeDify) -> None:
    run = AppRun(RUN, NOW - 10.0, 4.0, "stopped", outputs={"a": 1}, tokens=3)
    with stream(served(make_dify, run), **ASK_ALL) as events:
        (end,) = list(events)
    assert end["event"] == "workflow_finished"
    assert end["workflow_run_id"] == RUN
    assert end["data"]["status"] == "stopped"
    assert end["data"]["created_by"] == {"id": "p1", "user": "nightly-etl"}


def test_a_snapshot_then_what_happens_then_the_end(make_dify: MakeDify) -> None:
    run = AppRun(
        RUN,
        NOW - 10.0,
        30.0,
        outputs={"rows": 1},
        steps=(
            step("fetch", 0.0, 4.0, outputs={"status": 200}, error="seen live alone"),
            step("parse", 4.0, 8.0, outputs={"rows": 1}, process={"request": "GET"}),
            step(
                "sum", 12.0, 6.0, kind="llm", chunks=("Hel", "lo 北"), replacement="Hi"
            ),
        ),
    )
    server = served(make_dify, run)
    with stream(server, **ASK_ALL) as events:
        assert told(events, 1) == [("workflow_started", "")]
        past = [next(events) for _ in range(3)]
        assert [event["event"] for event in past] == [
            "node_started",
            "node_finished",
            "node_started",
        ]
        data = past[1]["data"]
        assert (data["status"], data["index"]) == ("succeeded", 1)
        assert data["inputs"] is data["outputs"] is data["error"] is None
        assert past[2]["data"]["index"] == 2
        server.clock.advance(2.0)
        live = next(events)
        assert live["data"]["outputs"] == {"rows": 1}
        assert live["data"]["process_data"] == {"request": "GET"}
        assert live["data"]["outputs_truncated"] is False
        assert live["data"]["index"] == 1
        assert told(events, 2) == [("text_chunk", "Hel"), ("node_started", "Sum")]
        server.clock.advance(8.0)
        assert told(events, 3) == [
            ("text_chunk", "lo 北"),
            ("text_replace", "Hi"),
            ("node_finished", "Sum"),
        ]
        server.clock.advance(30.0)
        assert told(events, 1) == [("workflow_finished", "")]
        assert list(events) == []
    assert server.load.most["events"] == 1


def test_a_run_stopped_while_it_is_watched_fails_live(make_dify: MakeDify) -> None:
    run = AppRun(RUN, NOW - 10.0, FOREVER)
    server = served(make_dify, run)
    with stream(server, **ASK_ALL) as events:
        assert told(events, 1) == [("workflow_started", "")]
        run.end(server.world.now, "stopped")
        server.world.touch()
        (end,) = list(events)
    assert (end["event"], end["data"]["status"]) == ("workflow_finished", "failed")
    with stream(server, **ASK_ALL) as events:
        assert next(events)["data"]["status"] == "stopped"


def paused_run() -> AppRun:
    form = step("ask", 5.0, FOREVER, kind="human-input", form_token="secret-form")
    return AppRun(
        RUN,
        NOW - 20.0,
        FOREVER,
        steps=(step("fetch", 0.0, 4.0), form),
        pause=(5.5, FOREVER),
    )


def test_a_run_that_waits_for_people_tells_of_its_form(make_dify: MakeDify) -> None:
    run = paused_run()
    server = served(make_dify, run)
    with stream(server, **ASK_ALL) as events:
        past = [next(events) for _ in range(7)]
        names = [event["event"] for event in past]
        assert names[-3:] == [
            "node_finished",
            "human_input_required",
            "workflow_paused",
        ]
        assert past[4]["data"]["status"] == "paused"
        assert past[5]["data"]["form_token"] == "secret-form"
        assert past[6]["data"]["reasons"][0]["form_token"] == "secret-form"
        server.clock.advance(1.0)
        run.resume(server.world.now)
        server.clock.advance(0.5)
        assert told(events, 1) == [("human_input_form_filled", "")]
        again = next(events)
        assert again["event"] == "workflow_started"
        assert again["data"]["reason"] == "resumption"
        assert told(events, 1) == [("node_started", "Ask")]
    detail = httpx.get(
        f"{server.url}/workflows/run/{RUN}",
        headers={"Authorization": f"Bearer {server.key}"},
    )
    assert detail.json()["status"] == "running"


def test_a_pause_ends_the_stream_of_who_does_not_go_through_it(
    make_dify: MakeDify,
) -> None:
    run = paused_run()
    run.begins = NOW - 1.0
    server = served(make_dify, run)
    with stream(server, include_state_snapshot="true") as events:
        assert told(events, 2)[-1] == ("node_started", "Fetch")
        server.clock.advance(60.0)
        assert [event["event"] for event in events][-1] == "workflow_paused"


def tire(server: DifyDemo) -> None:
    """Let open streams close, that have nothing to say."""
    server.habits.idle_seconds = 0.1
    server.world.touch()


def test_a_stream_may_never_be_told_the_end(make_dify: MakeDify) -> None:
    run = AppRun(RUN, NOW - 1.0, 2.0)
    server = served(make_dify, run, habits=EventHabits(hangs=True))
    with stream(server, **ASK_ALL) as events:
        assert told(events, 1) == [("workflow_started", "")]
        server.clock.advance(5.0)
        tire(server)
        assert list(events) == []


def test_a_stream_through_pauses_without_a_snapshot_goes_on_after_the_end(
    make_dify: MakeDify,
) -> None:
    server = served(make_dify, AppRun(RUN, NOW - 1.0, 2.0))
    with stream(server, continue_on_pause="true") as events:
        server.clock.advance(5.0)
        assert told(events, 1) == [("workflow_finished", "")]
        server.habits.ping_seconds = 0.05
        tire(server)
        assert list(events) == []


def test_a_run_that_publishes_nothing_gives_its_snapshot_then_pings(
    make_dify: MakeDify,
) -> None:
    run = AppRun(RUN, NOW - 1.0, 2.0, steps=(step("fetch", 0.0, 1.5),), streaming=False)
    server = served(make_dify, run)
    with stream(server, **ASK_ALL) as events:
        assert told(events, 2)[-1] == ("node_started", "Fetch")
        server.clock.advance(9.0)
        tire(server)
        assert list(events) == []


def test_streams_that_are_open_at_once_are_counted(make_dify: MakeDify) -> None:
    server = served(make_dify, AppRun(RUN, NOW - 1.0, FOREVER))
    for _ in range(2):
        with stream(server, **ASK_ALL) as events:
            assert told(events, 1) == [("workflow_started", "")]
    assert server.load.most["events"] == 1
    with stream(server, **ASK_ALL) as events, stream(server, **ASK_ALL) as more:
        assert told(events, 1) == told(more, 1)
        assert server.load.open("events") == 2
    assert server.load.most["events"] == 2
    assert server.requests.count("events") == 4


def test_a_replayed_stream_says_everything_twice(make_dify: MakeDify) -> None:
    run = AppRun(RUN, NOW - 5.0, FOREVER, steps=(step("fetch", 0.0, 1.5),))
    server = served(make_dify, run, habits=EventHabits(replays=True))
    with stream(server, **ASK_ALL) as events:
        once = [("workflow_started", ""), ("node_started", "Fetch")]
        once += [("node_finished", "Fetch")]
        assert told(events, 6) == once * 2


def test_rounds_retries_agents_and_what_nobody_knows(make_dify: MakeDify) -> None:
    around = step("each", 0.5, 9.0, kind="iteration", rounds=2)
    inner = step("inner", 1.0, 2.0, within="each", retries=1, error="503")
    run = AppRun(
        RUN,
        NOW + 1.0,
        20.0,
        steps=(around, inner, step("agent", 10.0, 2.0, kind="agent")),
        extras=(
            (12.5, {"event": "hologram", "data": {"text": "?"}}),
            (13.0, b": a comment\n\n"),
            (14.0, {"event": "error", "status": 400, "message": "no quota"}),
            (15.0, {"event": "text_chunk", "data": {"text": "x" * 300_000}}),
        ),
    )
    server = served(make_dify, run)
    server.clock.advance(1.0)
    with stream(server, **ASK_ALL) as events:
        assert told(events, 1) == [("workflow_started", "")]
        server.clock.advance(30.0)
        found = list(events)
    names = [event["event"] for event in found]
    assert names.count("iteration_next") == 2
    assert {"iteration_started", "iteration_completed", "node_retry"} <= set(names)
    assert {"agent_log", "hologram", "error"} <= set(names)
    assert len(found[-2]["data"]["text"]) == 300_000
    assert names[-1] == "workflow_finished"
    started = [event for event in found if event["event"] == "node_started"]
    assert [event["data"]["iteration_id"] for event in started[-2:]] == ["17each", None]


def test_letters_may_be_split_by_chunks(make_dify: MakeDify) -> None:
    run = AppRun(RUN, NOW - 10.0, 4.0, outputs={"text": "北米 ✅ São"})
    server = served(make_dify, run, faults=Faults(split_bytes=(1, 1)))
    with stream(server, **ASK_ALL) as events:
        assert next(events)["data"]["outputs"] == {"text": "北米 ✅ São"}


def test_only_the_user_who_started_a_run_may_watch_it(make_dify: MakeDify) -> None:
    server = served(make_dify, AppRun(RUN, NOW - 10.0, FOREVER))

    def ask(**query: str) -> httpx.Response:
        return httpx.get(
            f"{server.url}/workflow/{RUN}/events",
            params=query,
            headers={"Authorization": f"Bearer {server.key}"},
        )

    assert ask().status_code == 400
    assert ask().json()["message"] == "Arg user must be provided."
    assert server.load.people_made == []
    answer = ask(user="somebody-else")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert ask(user="somebody-else").status_code == 404
    assert server.load.people_made == ["somebody-else"]
    assert server.load.people_changed == []


def test_asking_for_a_visitors_run_makes_them_a_user_of_the_api(
    make_dify: MakeDify,
) -> None:
    run = AppRun(RUN, NOW - 10.0, FOREVER)
    server = served(make_dify, run, kind="browser")
    with stream(server, **ASK_ALL) as events:
        assert told(events, 1) == [("workflow_started", "")]
    assert server.load.people_changed == ["nightly-etl"]
    rows = httpx.get(
        f"{server.url}/workflows/logs",
        headers={"Authorization": f"Bearer {server.key}"},
    ).json()["data"]
    assert rows[0]["created_by_end_user"]["type"] == "service-api"


def test_nobody_may_watch_the_run_of_an_account(make_dify: MakeDify) -> None:
    server = served(make_dify, AppRun(RUN, NOW - 10.0, FOREVER), kind="account")
    answer = httpx.get(
        f"{server.url}/workflow/{RUN}/events",
        params={"user": "nightly-etl"},
        headers={"Authorization": f"Bearer {server.key}"},
    )
    assert answer.status_code == 404


def test_there_are_no_streams_before_1_14(make_dify: MakeDify) -> None:
    run = AppRun(RUN, NOW - 10.0, FOREVER)
    server = served(make_dify, run, version="1.13.0")
    answer = httpx.get(
        f"{server.url}/workflow/{RUN}/events",
        params={"user": "nightly-etl"},
        headers={"Authorization": f"Bearer {server.key}"},
    )
    assert answer.status_code == 404
    assert answer.headers["Content-Type"].startswith("text/html")
