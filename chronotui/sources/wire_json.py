"""JSON answers read tolerantly (WIRE.md "JSON habits"): null and "" are absent.

Pages and batches of log lines are decoded by msgspec in one call; what has another
shape than servers write is read field by field.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Final, TypeAlias, TypeVar

import msgspec
from msgspec.structs import astuple

from chronotui.errors import RequestRefusedError, UnreadableAnswerError
from chronotui.model import (
    BuildStatus,
    Job,
    JobStatus,
    LogLine,
    LogPage,
    Notification,
    Page,
    SearchPage,
    Trigger,
    Workflow,
    WorkflowKind,
    WorkflowTotals,
)
from chronotui.times import parse_time

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

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
    if is_nested_beyond(decoded, DEEPEST):
        raise unreadable(what, "it is nested too deeply")
    return decoded


def is_nested_beyond(value: object, levels: int) -> bool:
    """Whether a decoded value has more levels than these."""
    layer = [value] if isinstance(value, dict | list) else []
    for _ in range(levels):
        layer = [
            inner
            for outer in layer
            for inner in (outer.values() if type(outer) is dict else outer)
            if type(inner) is dict or type(inner) is list
        ]
        if not layer:
            return False
    return bool(layer)


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
        next_step="Try again; if it stays, the url may be that of another server.",
    )


# Times of the wire: RFC 3339 with 0 to 9 fraction digits (WIRE.md "JSON habits").

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_YEAR: Final = "1900"
_LAST_YEAR: Final = "2199"
"""Years well within what 64 bits of nanoseconds hold."""
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
    if text is None:
        return None
    if isinstance(text, str) and _is_usual(text):
        try:  # suppress() would take five times as long as the reading
            return datetime.fromisoformat(text)
        except ValueError:
            pass
    nanoseconds = time_ns(text)
    if nanoseconds is None:
        return None
    return _EPOCH + timedelta(microseconds=nanoseconds // 1000)


def _is_usual(text: str) -> bool:
    """Whether a text is written as servers write times, in a year that has ones."""
    return (
        len(text) >= 20
        and text[4] == text[7] == "-"
        and text[10] == "T"
        and text[13] == text[16] == ":"
        and text[-1] == "Z"
        and text[-2] != "."
        and _FIRST_YEAR <= text[:4] <= _LAST_YEAR
    )


def _first_of_its_second(text: str) -> int | None:
    parsed = parse_time(text)
    if parsed is not None and text[-1] == "Z" and text[19:20] in {".", "Z"}:
        if len(_seconds) >= _SECONDS_KEPT:
            _seconds.clear()
        _seconds[text[:19]] = parsed // 1_000_000_000 * 1_000_000_000
    return parsed


# Workflows and jobs (WIRE.md "Workflows", "Jobs"); what is broken is unreadable().

UNSAID: Final = "UNKNOWN"
"""Stands for a state, kind or trigger the server left out."""


def read_workflow(body: bytes) -> Workflow:
    return _workflow(read_object(body, "the workflow"))


def read_workflows(body: bytes) -> Page[Workflow]:
    answer = read_object(body, "the workflow list")
    items = objects(answer, "workflows", "the workflow list")
    return Page(tuple(_workflow(item) for item in items), read_cursor(answer))


def read_job(body: bytes, workflow_id: str) -> Job:
    """Decode one job; ``workflow_id`` stands in when the answer has none."""
    return _job(read_object(body, "the job"), workflow_id)


def read_jobs(body: bytes, workflow_id: str) -> Page[Job]:
    answer = read_object(body, "the job list")
    items = objects(answer, "jobs", "the job list")
    return Page(tuple(_job(item, workflow_id) for item in items), read_cursor(answer))


def read_scheduled(body: bytes) -> str:
    """Return the id of the job that will run."""
    return _id(read_object(body, "the new job"), "the new job")


def read_notifications(body: bytes) -> Page[Notification]:
    answer = read_object(body, "the notifications")
    items = objects(answer, "notifications", "the notifications")
    return Page(tuple(map(_notification, items)), read_cursor(answer))


def _notification(fields: Object) -> Notification:
    payload = fields.get("payload")
    try:
        told = loads(payload.encode()) if isinstance(payload, str) else payload
    except ValueError:
        told = {"message": payload}
    told = told if isinstance(told, dict) else {}
    return Notification(
        id=_id(fields, "a notification"),
        kind=text(fields, "kind"),
        title=text(told, "title"),
        message=text(told, "message"),
        entity_id=text(told, "entity_id"),
        action_url=text(told, "action_url"),
        created_at=moment(fields.get("created_at")),
    )


def read_totals(body: bytes) -> WorkflowTotals:
    answer = read_object(body, "the totals")
    names = ("total_jobs", "total_joblogs", "total_job_execution_duration")
    return WorkflowTotals(*(integer(answer, name) or 0 for name in names))


def read_cursor(answer: Mapping[str, object]) -> str | None:
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


# Log lines out of JSON, one by one or a whole batch in one call.

_SOURCES_KEPT: Final = 1024
_MOST: Final = 2**63 - 1


class _Entry(msgspec.Struct, gc=False):
    """A log object as servers write it; any other shape takes the tolerant way."""

    event_id: str = ""
    timestamp: str = ""
    sequence_num: Annotated[int, msgspec.Meta(ge=0, le=_MOST)] = 0
    stream: str = ""
    message: str = ""


class _Page(msgspec.Struct):
    logs: list[_Entry] = []
    cursor: str = ""
    highlight_token: str = ""


_PAGE: Final = msgspec.json.Decoder(_Page)
_BATCH: Final = msgspec.json.Decoder(list[_Entry])
_ONE: Final = msgspec.json.Decoder(_Entry)


def read_log_page(body: bytes) -> LogPage:
    """Decode a page of retained lines, order as sent."""
    page = _read_page(body, "the log page")
    return LogPage(_lines(page.logs, retained=True), page.cursor or None)


def read_search_page(body: bytes) -> SearchPage:
    """Decode a page of search hits, the marks turned into ranges."""
    page = _read_page(body, "the log search")
    found = _lines(page.logs, retained=True)
    split = [split_marks(line.message, page.highlight_token) for line in found]
    lines = tuple(
        line._replace(message=message)
        for line, (message, _) in zip(found, split, strict=True)
    )
    ranges = tuple(ranges for _, ranges in split)
    return SearchPage(lines, ranges, page.cursor or None)


def read_live_lines(batch: Sequence[bytes]) -> tuple[tuple[LogLine, ...], int]:
    """Decode the data of frames that arrived together, in one call if all are whole.

    Returns:
        The lines in order of arrival, and how many frames could not be read.
    """
    try:
        entries = _BATCH.decode(b"[" + b",".join(batch) + b"]")
    except (ValueError, RecursionError):
        return _read_one_by_one(batch)
    if len(entries) != len(batch):
        return _read_one_by_one(batch)
    return _lines(entries, retained=False), 0


def attempt_of(event_id: str) -> int:
    """Return the attempt an event id tells, 0 when it tells none.

    ``log:<job>:<stream>:<n>`` is the first, ``log:<job>:attempt:<k>:<stream>:<n>``
    is number k (WIRE.md "Logs"). Few sources write many lines.
    """
    return _attempt_of_source(event_id.rpartition(":")[0])


@lru_cache(_SOURCES_KEPT)
def _attempt_of_source(source: str) -> int:
    parts = source.split(":")
    if len(parts) < 3 or parts[0] != "log":
        return 0
    if parts[-3:-2] == ["attempt"] and len(parts) >= 5:
        number = parts[-2]
        return int(number[:9]) if number.isascii() and number.isdigit() else 0
    return 1


def _lines(entries: Sequence[_Entry], *, retained: bool) -> tuple[LogLine, ...]:
    """Make lines; each costs about what its JSON cost to decode, so it is kept flat.

    Structs are unpacked in one call, and lines are made past the constructor of
    NamedTuple, which only calls ``tuple.__new__`` itself.
    """
    new = tuple.__new__
    return tuple(
        [
            new(
                LogLine,
                (attempt_of(source), number, stream, time_ns(time), said, source,
                 retained),
            )
            for source, time, number, stream, said in map(astuple, entries)
        ]
    )  # fmt: skip


def _read_page(body: bytes, what: str) -> _Page:
    try:
        return _PAGE.decode(body)
    except (ValueError, RecursionError):
        pass
    answer = read_object(body, what)
    try:
        entries = [_tolerant(entry) for entry in objects(answer, "logs", what)]
    except ValueError as error:
        raise unreadable(what, str(error)) from None
    return _Page(entries, text(answer, "cursor"), text(answer, "highlight_token"))


def _read_one_by_one(batch: Sequence[bytes]) -> tuple[tuple[LogLine, ...], int]:
    entries: list[_Entry] = []
    for data in batch:
        try:
            entries.append(_read_one(data))
        except ValueError:
            continue
    return _lines(entries, retained=False), len(batch) - len(entries)


def _read_one(data: bytes) -> _Entry:
    try:
        return _ONE.decode(data)
    except (ValueError, RecursionError):
        return _tolerant(loads(data))


def _tolerant(entry: object) -> _Entry:
    """Read a log object whose unimportant fields may be of any shape.

    Raises:
        ValueError: Its message or its number cannot be told.
    """
    if not isinstance(entry, dict):
        raise ValueError("a log line is no object")  # noqa: TRY004
    message = entry.get("message")
    if message is not None and not isinstance(message, str):
        raise ValueError("a message is no text")
    number = integer(entry, "sequence_num")
    if number is None and entry.get("sequence_num") not in (None, ""):
        raise ValueError("a sequence number is no number")
    if number is not None and not 0 <= number <= _MOST:
        raise ValueError("a sequence number is out of range")
    return _Entry(
        text(entry, "event_id"),
        text(entry, "timestamp"),
        number or 0,
        text(entry, "stream"),
        message or "",
    )


# Filter words that servers spell differently (WIRE.md "Jobs").

Answer = TypeVar("Answer")

_OTHER_SPELLINGS: Final = {"CANCELED": ("CANCELLED",)}


class FilterSpellings:
    """Remembers which spelling of a filter word this server takes."""

    def __init__(self) -> None:
        self._settled: dict[str, str] = {}

    async def ask(
        self, word: str, send: Callable[[str], Awaitable[Answer]], *, first_page: bool
    ) -> Answer:
        """Send a request that filters by a word, in the spelling the server takes.

        ``first_page`` says that a refusal can only be about the word: no cursor.

        Raises:
            RequestRefusedError: The server knows the word in no spelling, or refuses
                something else.
        """
        settled = self._settled.get(word)
        if settled is not None:
            return await send(settled)
        refusals: list[RequestRefusedError] = []
        for spelling in (word, *_OTHER_SPELLINGS.get(word, ())):
            try:
                answer = await send(spelling)
            except RequestRefusedError as error:
                refusals.append(error)
            else:
                self._settled[word] = spelling
                return answer
        if not first_page:
            raise refusals[0]
        raise RequestRefusedError(
            f"This server does not filter by {word}. {refusals[0].sentence}",
            next_step="Choose another state, or list all and look for it.",
        ) from refusals[0]
