"""The events of a run: what is attached to, and every frame that may come."""

from __future__ import annotations

import asyncio
import json
import uuid
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chronotui.demo.clock import DemoClock
from chronotui.demo.dify_events import EventHabits
from chronotui.demo.dify_runs import FOREVER, AppPerson, AppRow, AppRun, AppStep
from chronotui.errors import (
    NotFoundError,
    UnreachableError,
    UnreadableAnswerError,
    UsageError,
)
from chronotui.model import JobStatus, NodeState, RunNote, RunPing, RunText
from chronotui.sources.dify import events as events_module
from chronotui.sources.dify.events import EventReader
from chronotui.sources.dify.wire import RunRow, read_job
from chronotui.sources.live import SseDecoder

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from chronotui.demo.dify_server import DifyDemo
    from chronotui.model import Job, RunEvent
    from chronotui.sources.dify.client import DifySource
    from tests.sources.conftest import Answer, MakePeer, Received
    from tests.sources.dify.conftest import MakeApp, OpenApp

NOW = 1_795_200_000


def frame(kind: str, data: object = None, **more: object) -> bytes:
    fields = {"event": kind, "task_id": "t1", "workflow_run_id": "r", **more}
    if data is not None:
        fields["data"] = data
    return b"data: " + json.dumps(fields, ensure_ascii=False).encode() + b"\n\n"


PING = b"event: ping\n\n"
NODE: dict[str, Any] = {
    "id": "ne1", "node_id": "17", "node_type": "llm", "title": "Summarise", "index": 2,
    "status": "failed", "inputs": None, "outputs": None, "error": None,
    "elapsed_time": 1.2, "created_at": NOW, "finished_at": NOW + 1,
    "iteration_id": None, "loop_id": None,
}  # fmt: skip


def read(*pieces: bytes) -> list[RunEvent]:
    decoder, reader = SseDecoder(), EventReader()
    found: list[RunEvent] = []
    for piece in pieces:
        found += reader.read(decoder.feed(piece))
    return found


def one(kind: str, data: object = None, **more: object) -> Any:
    (event,) = read(frame(kind, data, **more))
    return event


# Frames.


def test_a_bare_ping_says_that_the_stream_lives() -> None:
    assert read(PING, frame("ping"), b": comment\n\n") == [RunPing(), RunPing()]


def test_a_node_is_told_whole() -> None:
    node = one("node_finished", {**NODE, "error": "503", "outputs": {"a": 1}})
    assert (node.id, node.node_id, node.title, node.node_type, node.status) == (
        "ne1", "17", "Summarise", "llm", "failed",
    )  # fmt: skip
    assert (node.elapsed, node.error, node.is_snapshot) == (1.2, "503", False)
    assert (node.started_at.timestamp(), node.finished_at.timestamp()) == (NOW, NOW + 1)
    assert node.fields["outputs"] == {"a": 1}


def test_a_node_that_begins_runs() -> None:
    begun = {k: v for k, v in NODE.items() if k not in {"status", "elapsed_time"}}
    node = one("node_started", begun)
    assert (node.status, node.elapsed) == ("running", None)


@pytest.mark.parametrize("family", ["iteration", "loop"])
def test_turns_are_nodes_that_hold_nodes(family: str) -> None:
    whole = {"id": "n5", "node_id": "n5", "title": "Each", "created_at": NOW}
    begun, turn, done = read(
        frame(f"{family}_started", whole),
        frame(f"{family}_next", {**whole, "index": 2}),
        frame(f"{family}_completed", {**whole, "status": "succeeded", "steps": 3}),
    )
    assert [node.status for node in (begun, turn, done)] == [  # type: ignore[union-attr]
        "running", "running", "succeeded",
    ]  # fmt: skip
    assert isinstance(turn, NodeState)
    assert (turn.id, turn.node_type, turn.round) == ("n5", family, 2)
    inner = one(
        "node_started",
        {**NODE, f"{family}_id": "n5", "execution_metadata": {f"{family}_index": 1}},
    )
    assert (inner.parent_id, inner.round) == ("n5", 1)


def test_a_retry_counts() -> None:
    node = one("node_retry", {**NODE, "status": "retry", "retry_index": 2})
    assert (node.status, node.retries) == ("retry", 2)


def test_text_adds_up_until_it_is_replaced() -> None:
    assert read(
        frame("text_chunk", {"text": "Hel"}),
        frame("text_chunk", {"text": ""}),
        frame("text_replace", {"text": "Gone"}),
        frame("text_replace", {"text": ""}),
    ) == [
        RunText("Hel"),
        RunText("Gone", replaces=True),
        RunText("", replaces=True),
    ]


def test_the_end_is_told_and_its_state_is_not() -> None:
    note = one("workflow_finished", {"status": "failed", "outputs": {"a": 1},
               "total_tokens": 9, "finished_at": NOW})  # fmt: skip
    assert (note.is_over, note.is_error, note.text) == (
        True,
        False,
        "The run has ended.",
    )
    assert note.at.timestamp() == NOW
    assert note.fields["outputs"] == {"a": 1}


def test_an_error_is_told_in_the_servers_words() -> None:
    note = one("error", code="completion_request_error", status=400, message="boom")
    assert (note.is_error, note.is_over) == (True, False)
    assert note.text == "Dify reports an error: boom"
    assert one("error").text == "Dify reports an error: it does not say what"


@pytest.mark.parametrize(
    ("kind", "data", "words"),
    [
        ("workflow_started", {"reason": "initial"}, "The run began."),
        ("workflow_started", {"reason": "resumption"}, "The run goes on."),
        ("workflow_paused", {}, "it waits for a person"),
        ("human_input_required", {"node_title": "Approve"}, "A person is asked: App"),
        ("human_input_form_filled", {"node_title": "A"}, "The form was filled in: A."),
        ("human_input_form_timeout", {}, "Nobody filled in the form in time: a step."),
        ("form_filled", {}, "filled in"),
        ("agent_log", {"label": "ROUND 1", "status": "success"}, "ROUND 1 (success)"),
    ],
)
def test_notes_say_what_happens(kind: str, data: object, words: str) -> None:
    note = one(kind, data)
    assert isinstance(note, RunNote)
    assert note.kind == kind
    assert words in note.text


@pytest.mark.parametrize(
    "kind", ["tts_message", "tts_message_end", "reasoning_chunk", "of_tomorrow", ""]
)
def test_unknown_events_say_nothing(kind: str) -> None:
    assert read(frame(kind, {"text": "x"})) == []


@pytest.mark.parametrize("data", [b"{", b"[1]", b"5", b'"x"', b"[" * 500, b"\xff"])
def test_what_is_no_event_is_told_and_breaks_nothing(data: bytes) -> None:
    found = read(b"data: " + data + b"\n\n", frame("text_chunk", {"text": "a"}))
    assert [type(event) for event in found] == [RunNote, RunText]


FORM = {"form_id": "f", "node_title": "Approve", "form_token": "s3cr3t"}


def test_a_form_token_stands_nowhere() -> None:
    escaped = json.dumps(
        {"event": "workflow_paused", "data": {"reasons": [FORM]}}
    ).replace("form_token", "\\u0066orm_token")
    found = read(
        frame("human_input_required", FORM),
        frame("workflow_paused", {"reasons": [{"TYPE": "x", "deep": [[FORM]]}]}),
        frame("node_finished", {**NODE, "outputs": {"form": FORM}}),
        frame("human_input_required", {**FORM, "form_token": None}),
        b"data: " + escaped.encode() + b"\n\n",
    )
    assert len(found) == 5
    told = repr([(event, getattr(event, "fields", None)) for event in found])
    assert "s3cr3t" not in told
    assert "form_token" not in told


def flags(*pieces: bytes) -> list[bool]:
    return [e.is_snapshot for e in read(*pieces) if isinstance(e, NodeState)]


BEGUN = frame("workflow_started", {"id": "r"})
PAST = frame("node_finished", NODE)
LIVE = frame("node_finished", {**NODE, "inputs": {}})


def test_the_snapshot_is_told_from_what_happens() -> None:
    assert flags(PING, BEGUN, PAST, PAST) == [True, True]
    assert flags(PING, BEGUN, PAST, PING, PAST) == [True, False]
    assert flags(PING, BEGUN, PAST, LIVE, PAST) == [True, False, False]
    text = frame("text_chunk", {"text": "x"})
    assert flags(PING, BEGUN, text, PAST) == [False]
    assert flags(PING, BEGUN, PAST, BEGUN, PAST) == [True, False]


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=6), inner, max_size=3)
    ),
    max_leaves=5,
)


@given(
    kind=st.sampled_from(sorted(events_module._READERS)),
    data=st.dictionaries(
        st.sampled_from([*NODE, "text", "label", "reason", "node_title", "retry_index",
                         "execution_metadata"]), values),
    cuts=st.lists(st.integers(0, 400), max_size=6),
)  # fmt: skip
def test_any_fields_and_any_cuts_make_the_same_events(
    kind: str, data: dict[str, Any], cuts: list[int]
) -> None:
    whole = PING + frame(kind, {**data, "title": "大阪"}) + frame("error", message="é")
    places = sorted({min(cut, len(whole)) for cut in cuts} | {0, len(whole)})
    pieces = [whole[a:b] for a, b in pairwise(places)]
    assert repr(read(*pieces)) == repr(read(whole))


# Who may be attached to.


def job(**changes: Any) -> Job:
    fields: dict[str, Any] = {
        "id": "row",
        "created_at": NOW,
        "created_by_role": "end_user",
        "created_by_end_user": {"type": "service-api", "session_id": "nightly"},
        "workflow_run": {"id": str(uuid.uuid4()), "status": "running"},
    }
    return read_job(RunRow("row", NOW, {**fields, **changes}))


def user(kind: str, session: str | None = "s") -> dict[str, Any]:
    return {"created_by_end_user": {"type": kind, "session_id": session}}


@pytest.mark.parametrize(
    ("changes", "version", "why"),
    [
        ({}, "1.14.2", ""),
        ({}, "1.14.0", ""),
        ({}, "", ""),
        (user("service_api"), "1.14.2", ""),
        ({"workflow_run": {"id": "x", "status": "paused"}}, "1.14.2", ""),
        ({}, "1.13.0", "the server is 1.13.0, events need 1.14.0"),
        ({"workflow_run": None}, "1.14.2", "it has no run yet"),
        ({"workflow_run": {"id": "x", "status": "stopped"}}, "1.14.2",
         "it is not running"),
        ({"created_by_role": "account"}, "1.14.2", "it was run by an account"),
        (user("browser"), "1.14.2", "it was run by a web-app user"),
        (user("trigger"), "1.14.2", "it was run by a user of type trigger"),
        (user("\x1b[1m"), "1.14.2", "it was run by a user of type ␛[1m"),
        (user("service-api", None), "1.14.2", "the server does not say who runs it"),
        ({"created_by_end_user": None}, "1.14.2", "the server does not say who runs"),
        ({"created_by_role": None}, "1.14.2", "the server does not say who runs it"),
    ],
)  # fmt: skip
async def test_only_a_run_of_an_api_user_is_attached_to(
    *,
    make_app: MakeApp,
    open_app: OpenApp,
    changes: dict[str, Any],
    version: str,
    why: str,
) -> None:
    app = make_app(rows=[], x_version=version or None)
    source = open_app(app.url)
    await source.sign_in()
    said = source.why_not_attached(job(**changes))
    assert said.startswith(why) if why else not said
    if said:
        with pytest.raises(UsageError):
            async with source.events(job(**changes)):
                pass
        assert not app.requests.count("events")


# Over a socket.


def person(name: str = "nightly", kind: str = "service-api") -> AppPerson:
    return AppPerson(str(uuid.uuid4()), kind, name)


def step(number: int, begins: float, seconds: float, **more: Any) -> AppStep:
    values = {"n": number}
    return AppStep(
        f"e{number}",
        f"n{number}",
        "llm",
        f"Step {number}",
        begins,
        seconds,
        inputs=values,
        outputs=values,
        **more,
    )


def running(app_clock: DemoClock, **more: Any) -> AppRow:
    now = app_clock.now_ns() / 1e9
    steps = (step(1, 0, 1), step(2, 1, 60, chunks=("Hel", "lo 大阪")))
    run = AppRun(str(uuid.uuid4()), now - 5, 30.0, steps=steps, **more)
    return AppRow(str(uuid.uuid4()), now - 5, run, person())


async def attach(
    source: DifySource, until: Callable[[list[RunEvent]], bool]
) -> list[RunEvent]:
    """Collect events of the one run until enough came, or the stream closed."""
    (listed,) = (await source.jobs("app")).items
    seen: list[RunEvent] = []
    async with asyncio.timeout(30), source.events(listed) as arriving:
        async for batch in arriving:
            seen += batch
            if until(seen):
                break
    return seen


def app_with(make_app: MakeApp, **more: Any) -> tuple[DifyDemo, AppRow]:
    clock = DemoClock(start_ns=NOW * 10**9, speed=0.0)
    habits = more.pop("habits", EventHabits(ping_seconds=0.05))
    row = running(clock, **more)
    return make_app(rows=[row], clock=clock, habits=habits), row


def texts(seen: Sequence[RunEvent]) -> str:
    return "".join(event.text for event in seen if isinstance(event, RunText))


async def test_a_run_is_followed_from_its_snapshot_to_its_end(
    make_app: MakeApp, open_app: OpenApp
) -> None:
    app, row = app_with(make_app)
    source = open_app(app.url)
    clocked: list[int] = []

    def enough(seen: list[RunEvent]) -> bool:
        pings = sum(isinstance(event, RunPing) for event in seen)
        if pings > 1 and not clocked:
            clocked.append(1)
            app.clock.advance(40)
        return False

    seen = await attach(source, enough)
    nodes = [event for event in seen if isinstance(event, NodeState)]
    assert [(n.id, n.status) for n in nodes if n.is_snapshot] == [
        ("e1", "running"), ("e1", "succeeded"), ("e2", "running"),
    ]  # fmt: skip
    assert isinstance(seen[-1], RunNote)
    assert seen[-1].is_over
    assert (app.load.people_made, app.load.people_changed) == ([], [])
    assert row.run
    (request,) = app.requests.all("events")
    assert request.query["user"] == "nightly"
    assert request.query["include_state_snapshot"] == "true"
    assert request.query["continue_on_pause"] == "true"


async def test_a_stopped_run_is_told_by_its_detail(
    make_app: MakeApp, open_app: OpenApp
) -> None:
    app, _row = app_with(make_app, final="stopped")
    source = open_app(app.url)
    (listed,) = (await source.jobs("app")).items

    def enough(seen: list[RunEvent]) -> bool:
        if any(isinstance(event, NodeState) for event in seen):
            app.clock.advance(40)
        return any(isinstance(event, RunNote) and event.is_over for event in seen)

    seen = await attach(source, enough)
    assert isinstance(seen[-1], RunNote)
    assert seen[-1].fields["status"] == "failed"
    assert not seen[-1].is_error
    assert (await source.reread(listed)).status == JobStatus.CANCELED


async def test_a_stream_waits_for_the_one_before_it(
    make_app: MakeApp, open_app: OpenApp
) -> None:
    app, _ = app_with(make_app)
    source = open_app(app.url)
    (listed,) = (await source.jobs("app")).items
    second_open = asyncio.Event()

    async def second() -> None:
        async with source.events(listed):
            second_open.set()

    async with source.events(listed) as arriving:
        task = asyncio.create_task(second())
        pings = 0
        async for batch in arriving:
            pings += sum(isinstance(event, RunPing) for event in batch)
            if pings > 3:
                break
        assert not second_open.is_set()
        assert app.load.most["events"] == 1
    await asyncio.wait_for(task, 30)
    assert second_open.is_set()


async def test_a_silent_close_just_ends_the_events(
    make_app: MakeApp, open_app: OpenApp
) -> None:
    habits = EventHabits(ping_seconds=0.05, idle_seconds=0.3)
    app, _ = app_with(make_app, habits=habits, streaming=False)
    seen = await attach(open_app(app.url), lambda _: False)
    assert seen
    assert not any(isinstance(event, RunNote) and event.is_over for event in seen)


async def test_a_run_that_is_not_there_for_that_user_is_not_found(
    make_app: MakeApp, open_app: OpenApp
) -> None:
    app, row = app_with(make_app)
    source = open_app(app.url)
    (listed,) = (await source.jobs("app")).items
    app.world.remove(row.id)
    with pytest.raises(NotFoundError, match="Workflow run not found"):
        async with source.events(listed):
            pass


async def test_a_paused_run_never_shows_its_token(
    make_app: MakeApp, open_app: OpenApp
) -> None:
    clock = DemoClock(start_ns=NOW * 10**9, speed=0.0)
    form = AppStep("e9", "n9", "human-input", "Approve", 1, FOREVER, form_token="t0k3n")
    run = AppRun(str(uuid.uuid4()), NOW - 9, FOREVER, steps=(form,), pause=(2, FOREVER))
    app = make_app(rows=[AppRow("row-1", NOW - 9, run, person())], clock=clock)
    seen = await attach(
        open_app(app.url),
        lambda seen: any(
            isinstance(event, RunNote) and event.kind == "workflow_paused"
            for event in seen
        ),
    )
    assert "t0k3n" not in repr([getattr(event, "fields", event) for event in seen])
    states = [event.status for event in seen if isinstance(event, NodeState)]
    assert states == ["running", "paused"]


def stream_of(answer: Answer, pieces: Sequence[bytes], *, hangs: bool) -> Any:
    """Answer the check and then a stream in pieces, chunk by chunk."""

    async def script(request: Received, writer: asyncio.StreamWriter) -> bytes | None:
        if "authorization" not in request.headers:
            return answer(401, '{"code":"unauthorized"}')
        writer.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
            b"X-Version: 1.14.2\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        for piece in pieces:
            writer.write(b"%x\r\n%b\r\n" % (len(piece), piece))
            await writer.drain()
        if hangs:
            await asyncio.sleep(30)
        return b"0\r\n\r\n"

    return script


async def collected(source: DifySource) -> list[RunEvent]:
    seen: list[RunEvent] = []
    async with source.events(job()) as arriving:
        async for batch in arriving:
            seen += batch
    return seen


async def test_letters_split_over_chunks_come_whole(
    make_peer: MakePeer, open_app: OpenApp, answer: Answer
) -> None:
    whole = PING + frame("text_chunk", {"text": "大阪🌙"}) + frame("error", message="x")
    bytes_alone = [whole[at : at + 1] for at in range(len(whole))]
    peer = await make_peer(stream_of(answer, bytes_alone, hangs=False))
    seen = await collected(open_app(peer.url))
    assert texts(seen) == "大阪🌙"
    assert len(seen) == 3


async def test_a_huge_event_comes_whole_and_an_endless_one_is_refused(
    make_peer: MakePeer, open_app: OpenApp, answer: Answer
) -> None:
    huge = frame("text_chunk", {"text": "x" * 3_000_000})
    peer = await make_peer(stream_of(answer, [huge], hangs=False))
    assert len(texts(await collected(open_app(peer.url)))) == 3_000_000
    endless = [b"data: " + b"x" * (1 << 20)] * 18
    peer = await make_peer(stream_of(answer, endless, hangs=True))
    with pytest.raises(UnreadableAnswerError, match="does not end"):
        await collected(open_app(peer.url))


async def test_a_peer_without_pings_is_gone(
    *,
    make_peer: MakePeer,
    open_app: OpenApp,
    answer: Answer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(events_module, "SILENCE_SECONDS", 0.3)
    peer = await make_peer(stream_of(answer, [PING], hangs=True))
    with pytest.raises(UnreachableError, match="fell silent"):
        await collected(open_app(peer.url))


async def test_a_stream_that_never_begins_is_given_up(
    *,
    make_peer: MakePeer,
    open_app: OpenApp,
    answer: Answer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def script(request: Received, _writer: object) -> bytes:
        if "authorization" not in request.headers:
            return answer(401, '{"code":"unauthorized"}')
        await asyncio.sleep(30)
        return b""

    monkeypatch.setattr(events_module, "SILENCE_SECONDS", 0.3)
    peer = await make_peer(script)
    with pytest.raises(UnreachableError, match="fell silent"):
        await collected(open_app(peer.url))
