"""The events of a run as they arrive (WIRE.md "Dify: events").

A stream begins with a ping and, for a run that goes on, with a snapshot: what is past,
told again in the words of the live events but without inputs, outputs and errors.
Nothing on the wire parts the two. An event is taken for part of the snapshot while
nothing came yet that a snapshot never holds: text, a turn, a log, a node's inputs or
outputs, a second beginning, or a ping after the first event.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Final

from chronotui.errors import UnreachableError
from chronotui.model import NodeState, RunNote, RunPing, RunText
from chronotui.sources.dify.wire import read_time
from chronotui.sources.http import routed
from chronotui.sources.live import SseDecoder, open_stream
from chronotui.sources.wire_json import (
    DEEPEST,
    integer,
    is_nested_beyond,
    loads,
    text,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Mapping

    from chronotui.model import RunEvent
    from chronotui.sources.auth import SignedIn
    from chronotui.sources.http import Http, HttpRequest
    from chronotui.sources.live import Frame, ReadAhead

SILENCE_SECONDS: Final = 35.0
"""A server pings every 10 s: one that is silent for so long is gone."""

_SECRET: Final = "form_token"  # noqa: S105  # a key's name
"""Lets whoever holds it answer a form in a person's name."""


@asynccontextmanager
async def open_events(
    signed_in: SignedIn, request: HttpRequest
) -> AsyncIterator[AsyncIterator[tuple[RunEvent, ...]]]:
    """Attach; the block gets one tuple of events for each network read.

    The iterator ends when the server closes the stream, and raises when the connection
    breaks or nothing, not even a ping, comes for ``SILENCE_SECONDS``.

    Raises:
        ChronotuiError: It cannot be opened.
    """
    async with AsyncExitStack() as stack:
        stack.enter_context(routed(request))
        opening = open_stream(signed_in, request)
        try:
            async with asyncio.timeout(SILENCE_SECONDS):
                reader = await stack.enter_async_context(opening)
        except TimeoutError:
            raise _gone(signed_in.http) from None
        yield _Arriving(reader, signed_in.http)


def _gone(http: Http) -> UnreachableError:
    return UnreachableError(
        f"The events of {http.address.host} fell silent.",
        next_step="It is asked again; a proxy on the way may hold events back.",
    )


class _Arriving:
    """What arrives; no generator, which a cancelled wait would end."""

    def __init__(self, reader: ReadAhead, http: Http) -> None:
        self._reader = reader
        self._http = http
        self._decoder = SseDecoder()
        self._events = EventReader()

    def __aiter__(self) -> _Arriving:
        return self

    async def __anext__(self) -> tuple[RunEvent, ...]:
        while received := await self._take():
            events = self._events.read(self._decoder.feed(received))
            if events:
                return events
        raise StopAsyncIteration

    async def _take(self) -> bytes:
        try:
            async with asyncio.timeout(SILENCE_SECONDS):
                return await self._reader.take()
        except TimeoutError:
            raise _gone(self._http) from None


class EventReader:
    """Reads the frames of one stream, in order."""

    def __init__(self) -> None:
        self._is_replay = True
        self._has_begun = False

    def read(self, frames: Iterable[Frame]) -> tuple[RunEvent, ...]:
        """Turn frames into events; what is unknown says nothing."""
        found = (self._read_one(frame) for frame in frames)
        return tuple(event for event in found if event is not None)

    def _read_one(self, frame: Frame) -> RunEvent | None:
        if not frame.data.strip():
            if frame.event != "ping":
                return None
            self._is_replay = self._is_replay and not self._has_begun
            return RunPing()
        fields = _decoded(frame.data)
        if fields is None:
            return RunNote("unreadable", "An event could not be read.")
        kind = text(fields, "event")
        if kind == "ping":
            return RunPing()
        data = fields.get("data")
        told = data if data and isinstance(data, dict) else fields
        self._note_phase(kind, told)
        reader = _READERS.get(kind)
        return None if reader is None else reader(kind, told, self._is_replay)

    def _note_phase(self, kind: str, told: Mapping[str, object]) -> None:
        """Tell the snapshot from what happens now."""
        is_second = kind == "workflow_started" and self._has_begun
        if kind not in _REPLAYED or is_second or _holds_values(kind, told):
            self._is_replay = False
        self._has_begun = True


_REPLAYED: Final = frozenset(
    {
        "workflow_started",
        "workflow_paused",
        "workflow_finished",
        "node_started",
        "node_finished",
        "human_input_required",
    }
)
"""The kinds of events a snapshot is made of."""


def _holds_values(kind: str, told: Mapping[str, object]) -> bool:
    names = ("inputs", "outputs", "process_data")
    is_node = kind.startswith("node_")
    return is_node and any(told.get(name) is not None for name in names)


def _decoded(data: bytes) -> dict[str, object] | None:
    """Decode an event without its form tokens; None for what is no event."""
    try:
        fields = loads(data)
    except ValueError:
        return None
    if not isinstance(fields, dict) or is_nested_beyond(fields, DEEPEST):
        return None
    if _SECRET.encode() in data.lower() or b"\\u" in data:
        _forget_tokens(fields)
    return fields


def _forget_tokens(value: object) -> None:
    """Take form tokens out of a value, wherever they stand."""
    if isinstance(value, dict):
        for name in [key for key in value if str(key).lower() == _SECRET]:
            del value[name]
    inner = value.values() if isinstance(value, dict) else value
    if isinstance(value, dict | list):
        for each in inner:  # type: ignore[attr-defined]
            _forget_tokens(each)


# Each kind of event.


def _node(kind: str, told: Mapping[str, object], is_replay: bool) -> RunEvent | None:
    """Read a node's state; iterations and loops are nodes that go in turns."""
    found = text(told, "id") or text(told, "node_id")
    if not found:
        return None
    family, _, word = kind.rpartition("_")
    turn = integer(told, "index") if word == "next" else _turn(told)
    return NodeState(
        id=found,
        title=text(told, "title") or text(told, "node_id"),
        node_type=text(told, "node_type") or ("" if family == "node" else family),
        node_id=text(told, "node_id"),
        status=text(told, "status") or _STATUS_OF.get(word, "running"),
        started_at=read_time(told.get("created_at")),
        finished_at=read_time(told.get("finished_at")),
        elapsed=_seconds(told.get("elapsed_time")),
        error=text(told, "error"),
        parent_id=text(told, "iteration_id") or text(told, "loop_id"),
        round=turn,
        retries=integer(told, "retry_index") or 0,
        is_snapshot=is_replay,
        fields=told,
    )


_STATUS_OF: Final = {"finished": "succeeded", "completed": "succeeded"}
"""States of kinds of events that do not tell one."""


def _turn(told: Mapping[str, object]) -> int | None:
    """Return which turn of its iteration or loop a node runs in."""
    places = (told, told.get("execution_metadata"))
    for place in places:
        if isinstance(place, dict):
            for name in ("iteration_index", "loop_index"):
                turn = integer(place, name)
                if turn is not None:
                    return turn
    return None


def _seconds(value: object) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number else None  # type: ignore[arg-type]


def _text(kind: str, told: Mapping[str, object], _is_replay: bool) -> RunEvent | None:
    said = text(told, "text")
    replaces = kind == "text_replace"
    return RunText(said, replaces) if said or replaces else None


def _began(kind: str, told: Mapping[str, object], _is_replay: bool) -> RunEvent:
    resumed = text(told, "reason") == "resumption"
    words = "The run goes on." if resumed else "The run began."
    return RunNote(kind, words, read_time(told.get("created_at")), fields=told)


def _paused(kind: str, told: Mapping[str, object], _is_replay: bool) -> RunEvent:
    return RunNote(kind, "The run is paused: it waits for a person.", fields=told)


def _over(kind: str, told: Mapping[str, object], _is_replay: bool) -> RunEvent:
    """Read the end; a stopped run's is told as failed, so its state is not taken."""
    return RunNote(
        kind,
        "The run has ended.",
        read_time(told.get("finished_at")),
        is_over=True,
        fields=told,
    )


def _form(kind: str, told: Mapping[str, object], _is_replay: bool) -> RunEvent:
    title = text(told, "node_title") or text(told, "node_id") or "a step"
    words = {
        "human_input_required": f"A person is asked: {title}.",
        "human_input_form_filled": f"The form was filled in: {title}.",
        "human_input_form_timeout": f"Nobody filled in the form in time: {title}.",
    }[_FORMS[kind]]
    return RunNote(kind, words, fields=told)


_FORMS: Final = {
    "human_input_required": "human_input_required",
    "human_input_form_filled": "human_input_form_filled",
    "human_input_form_timeout": "human_input_form_timeout",
    "form_filled": "human_input_form_filled",
    "form_timeout": "human_input_form_timeout",
}


def _agent(kind: str, told: Mapping[str, object], _is_replay: bool) -> RunEvent:
    label = text(told, "label") or "step"
    status, error = text(told, "status"), text(told, "error")
    words = f"Agent: {label}" + (f" ({status})" if status else "")
    words += f": {error}" if error else ""
    return RunNote(kind, words, is_error=bool(error), fields=told)


def _error(kind: str, told: Mapping[str, object], _is_replay: bool) -> RunEvent:
    said = text(told, "message") or text(told, "code") or "it does not say what"
    return RunNote(kind, f"Dify reports an error: {said}", is_error=True, fields=told)


_READERS: Final[
    dict[str, Callable[[str, Mapping[str, object], bool], RunEvent | None]]
] = {
    "workflow_started": _began,
    "workflow_paused": _paused,
    "workflow_finished": _over,
    **dict.fromkeys(("node_started", "node_finished", "node_retry"), _node),
    **dict.fromkeys(
        (
            f"{family}_{word}"
            for family in ("iteration", "loop")
            for word in ("started", "next", "completed")
        ),
        _node,
    ),
    **dict.fromkeys(("text_chunk", "text_replace"), _text),
    "agent_log": _agent,
    **dict.fromkeys(_FORMS, _form),
    "error": _error,
}
"""Reasoning and speech are no part of the answer, and are left out."""
