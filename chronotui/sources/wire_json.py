"""JSON answers read tolerantly (WIRE.md "JSON habits"): null and "" are absent."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, TypeAlias, TypeVar

import msgspec

from chronotui.errors import RequestRefusedError, UnreadableAnswerError
from chronotui.model import (
    BuildStatus,
    Job,
    JobStatus,
    Page,
    Trigger,
    Workflow,
    WorkflowKind,
)
from chronotui.times import parse_time

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

Object: TypeAlias = "dict[str, object]"

DEEPEST: Final = 64
"""Levels an answer may be nested: what is read just within the limit of the parser
cannot be compared or shown, for which the stack is deeper."""


def loads(body: bytes) -> object:
    """Decode JSON; lone surrogates survive, bytes that are not UTF-8 become U+FFFD.

    Raises:
        ValueError: It is no JSON, is cut, or is nested without end.
    """
    try:
        return msgspec.json.decode(body)
    except (ValueError, RecursionError):
        pass
    try:
        return json.loads(body.decode("utf-8", "replace"))
    except RecursionError:
        raise ValueError("nested too deeply") from None


def read_object(body: bytes, what: str) -> Object:
    """Decode an answer that must be an object.

    Raises:
        UnreadableAnswerError: It is something else, or nested beyond ``DEEPEST``;
            ``what`` names it.
    """
    try:
        decoded = loads(body)
    except ValueError:
        raise unreadable(what, "no JSON, or cut short") from None
    if not isinstance(decoded, dict):
        raise unreadable(what, "no JSON object")
    if _is_nested_beyond(decoded, DEEPEST):
        raise unreadable(what, "it is nested too deeply")
    return decoded


def _is_nested_beyond(value: object, levels: int) -> bool:
    if isinstance(value, dict):
        inner = list(value.values())
    elif isinstance(value, list):
        inner = value
    else:
        return False
    return not levels or any(_is_nested_beyond(each, levels - 1) for each in inner)


def objects(answer: Object, key: str, what: str) -> list[Object]:
    """Return a list of objects; absent and null are the empty list.

    Raises:
        UnreadableAnswerError: It is no list, or holds something else.
    """
    items = answer.get(key)
    if items is None or items == "":
        return []
    if not isinstance(items, list):
        raise unreadable(what, f"{key} is no list")
    if not all(isinstance(item, dict) for item in items):
        raise unreadable(what, f"{key} holds something that is no object")
    return items


def text(fields: Mapping[str, object], key: str) -> str:
    """Return a text field; "" when absent, null or of another shape."""
    value = fields.get(key)
    if isinstance(value, str):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return ""


def integer(fields: Mapping[str, object], key: str) -> int | None:
    """Return a whole number, also one written as text or as 3.0; None otherwise."""
    value = fields.get(key)
    if isinstance(value, bool):
        return None
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str) and value.isascii() and value.isdigit():
        return int(value[:18])
    return value if isinstance(value, int) else None


def flag(fields: Mapping[str, object], key: str) -> bool | None:
    """Return a truth value, also one written as text; None otherwise."""
    value = fields.get(key)
    if isinstance(value, str):
        return {"true": True, "false": False}.get(value.lower())
    return value if isinstance(value, bool) else None


def unreadable(what: str, why: str) -> UnreadableAnswerError:
    """Return the error for an answer that is not what the contract says."""
    return UnreadableAnswerError(
        f"The answer for {what} cannot be read: {why}.",
        next_step="Try again; if it stays, the url may not be a Chronoverse server's.",
    )


# Times of the wire: RFC 3339 with 0 to 9 fraction digits (WIRE.md "JSON habits").

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SCALE: Final = [int("1" + "0" * (9 - digits)) for digits in range(10)]
_SECONDS_KEPT: Final = 4096

_seconds: dict[str, int] = {}
"""Seconds met before, as text to nanoseconds: lines of one second share their work."""

_MILLISECONDS: Final = {f".{n:03}Z": n * 1_000_000 for n in range(1000)}
"""Endings of retained times, which have three digits on most servers."""


def time_ns(text: object) -> int | None:
    """Return nanoseconds since the epoch, None for what is no time."""
    if not isinstance(text, str):
        return None
    whole = _seconds.get(text[:19])
    if whole is None:
        return _first_of_its_second(text)
    ending = _MILLISECONDS.get(text[19:])
    if ending is not None:
        return whole + ending
    digits = text[20:-1]
    is_fraction = len(digits) < 10 and digits.isdecimal() and text.isascii()
    if is_fraction and text[19] == "." and text[-1] == "Z":
        return whole + int(digits) * _SCALE[len(digits)]
    return parse_time(text)


def moment(text: object) -> datetime | None:
    """Return an aware time in UTC, to the microsecond; None for what is no time."""
    nanoseconds = time_ns(text)
    if nanoseconds is None:
        return None
    return _EPOCH + timedelta(microseconds=nanoseconds // 1000)


def _first_of_its_second(text: str) -> int | None:
    parsed = parse_time(text)
    if parsed is not None and text[-1] == "Z" and text[19:20] in {".", "Z"}:
        if len(_seconds) >= _SECONDS_KEPT:
            _seconds.clear()
        _seconds[text[:19]] = parsed // 1_000_000_000 * 1_000_000_000
    return parsed


# Workflows and jobs out of the server's objects (WIRE.md "Workflows", "Jobs").

UNSAID = "UNKNOWN"
"""Stands for a state, kind or trigger the server left out."""


def read_workflow(body: bytes) -> Workflow:
    """Decode one workflow.

    Raises:
        UnreadableAnswerError: It is no object, or has no id.
    """
    return _workflow(read_object(body, "the workflow"))


def read_workflows(body: bytes) -> Page[Workflow]:
    """Decode a page of the workflow list.

    Raises:
        UnreadableAnswerError: The page, or an entry of it, is broken.
    """
    answer = read_object(body, "the workflow list")
    items = objects(answer, "workflows", "the workflow list")
    return Page(tuple(_workflow(item) for item in items), read_cursor(answer))


def read_job(body: bytes, workflow_id: str) -> Job:
    """Decode one job; ``workflow_id`` stands in when the answer has none.

    Raises:
        UnreadableAnswerError: It is no object, or has no id.
    """
    return _job(read_object(body, "the job"), workflow_id)


def read_jobs(body: bytes, workflow_id: str) -> Page[Job]:
    """Decode a page of the job list.

    Raises:
        UnreadableAnswerError: The page, or an entry of it, is broken.
    """
    answer = read_object(body, "the job list")
    items = objects(answer, "jobs", "the job list")
    return Page(tuple(_job(item, workflow_id) for item in items), read_cursor(answer))


def read_cursor(answer: Mapping[str, object]) -> str | None:
    """Return the cursor to the next page, None at the end."""
    return text(answer, "cursor") or None


def _workflow(fields: Object) -> Workflow:
    build_status = text(fields, "build_status")
    return Workflow(
        id=_id(fields, "a workflow"),
        name=text(fields, "name"),
        kind=WorkflowKind.parse(text(fields, "kind") or UNSAID),
        payload=_payload(fields.get("payload")),
        build_status=BuildStatus.parse(build_status) if build_status else None,
        interval_minutes=integer(fields, "interval"),
        consecutive_failures=integer(fields, "consecutive_job_failures_count") or 0,
        max_consecutive_failures=integer(
            fields, "max_consecutive_job_failures_allowed"
        ),
        log_retention=flag(fields, "log_retention"),
        generation=integer(fields, "generation"),
        created_at=moment(fields.get("created_at")),
        updated_at=moment(fields.get("updated_at")),
        terminated_at=moment(fields.get("terminated_at")),
        fields=fields,
    )


def _job(fields: Object, workflow_id: str) -> Job:
    return Job(
        id=_id(fields, "a job"),
        workflow_id=text(fields, "workflow_id") or workflow_id,
        status=JobStatus.parse(text(fields, "status") or UNSAID),
        trigger=Trigger.parse(text(fields, "trigger") or UNSAID),
        container_id=text(fields, "container_id") or None,
        attempts=integer(fields, "attempts"),
        scheduled_at=moment(fields.get("scheduled_at")),
        started_at=moment(fields.get("started_at")),
        completed_at=moment(fields.get("completed_at")),
        created_at=moment(fields.get("created_at")),
        updated_at=moment(fields.get("updated_at")),
        fields=fields,
    )


def _id(fields: Object, what: str) -> str:
    found = text(fields, "id")
    if not found:
        raise unreadable(what, "it has no id")
    return found


def _payload(value: object) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    return json.dumps(value, ensure_ascii=False)


# The server's search marks, taken out of messages (WIRE.md "Search").

Ranges: TypeAlias = tuple[tuple[int, int], ...]


def split_marks(message: str, token: str) -> tuple[str, Ranges]:
    """Take the marks of one answer's token out of a message.

    Marks of another token are part of the message: a container may print anything.
    An end without a start is dropped, a start without an end reaches to the end of
    the message, a start inside a range changes nothing.

    Returns:
        The message without marks, and the marked (start, end) character ranges.
    """
    if not token:
        return message, ()
    start_mark, end_mark = f"__CV_HL_START_{token}__", f"__CV_HL_END_{token}__"
    if start_mark not in message and end_mark not in message:
        return message, ()
    kept: list[str] = []
    ranges: list[tuple[int, int]] = []
    length = 0
    opened: int | None = None
    for index, piece in enumerate(message.split(start_mark)):
        if index and opened is None:
            opened = length
        for ended, part in enumerate(piece.split(end_mark)):
            if ended and opened is not None:
                ranges.append((opened, length))
                opened = None
            kept.append(part)
            length += len(part)
    if opened is not None:
        ranges.append((opened, length))
    return "".join(kept), tuple(pair for pair in ranges if pair[0] < pair[1])


# Filter words that servers spell differently (WIRE.md "Jobs").

Answer = TypeVar("Answer")

_OTHER_SPELLINGS: Final = {"CANCELED": "CANCELLED"}


class Spellings:
    """Remembers which spelling of a filter word this server takes."""

    def __init__(self) -> None:
        self._settled: dict[str, str] = {}

    async def ask(
        self, word: str, send: Callable[[str], Awaitable[Answer]], *, first_page: bool
    ) -> Answer:
        """Send a request that filters by a word, in the spelling the server takes.

        Args:
            word: Our spelling of the word.
            send: Sends the request with the spelling it is given.
            first_page: Whether a refusal can only be about the word (no cursor).

        Raises:
            RequestRefusedError: The server knows the word in no spelling, or refuses
                something else.
        """
        settled = self._settled.get(word)
        if settled is not None:
            return await send(settled)
        refusal: RequestRefusedError | None = None
        for spelling in (word, _OTHER_SPELLINGS.get(word)):
            if spelling is None:
                continue
            try:
                answer = await send(spelling)
            except RequestRefusedError as error:
                refusal = refusal or error
                continue
            self._settled[word] = spelling
            return answer
        assert refusal is not None  # noqa: S101  # the first spelling was refused
        if first_page:
            raise RequestRefusedError(
                f"This server does not filter by {word}. {refusal.sentence}",
                next_step="Choose another state, or list all and look for it.",
            ) from refusal
        raise refusal
