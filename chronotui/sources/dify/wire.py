"""Dify's JSON as values of the model (WIRE.md "Dify: rows", "Dify: details").

Whatever a release leaves out, writes as null or writes in another shape breaks
nothing; the server's own objects stay whole in ``fields``.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias
from uuid import UUID

import msgspec
from msgspec.structs import replace

from chronotui.model import Job, JobStatus, Trigger, Workflow, WorkflowKind
from chronotui.sources.dify.refusals import unreadable
from chronotui.sources.wire_errors import read_date
from chronotui.sources.wire_json import (
    DEEPEST,
    UNSAID,
    flag,
    integer,
    is_nested_beyond,
    loads,
    moment,
    objects,
    text,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

Object: TypeAlias = "dict[str, object]"

APP_ID: Final = "app"
"""The one app of a profile; the API has no id for it."""

DETAIL: Final = "detail"
"""The key of a job's ``fields`` that holds what was told of the run alone."""

_STATUSES: Final = {
    "running": JobStatus.RUNNING,
    "succeeded": JobStatus.COMPLETED,
    "failed": JobStatus.FAILED,
    "stopped": JobStatus.CANCELED,
    "paused": JobStatus.PAUSED,
    "partial-succeeded": JobStatus.PARTIAL,
}
STATUS_WORDS: Final = {status: word for word, status in _STATUSES.items()}

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_SECOND: Final = 253_402_300_799
"""The last second of the year 9999, beyond which there are no dates."""


def read_status(word: str) -> JobStatus:
    """Return the state of a run; what nobody knows stays as the server wrote it."""
    known = _STATUSES.get(word)
    return known or (JobStatus(word) if word else JobStatus.UNKNOWN)


def read_time(value: object) -> datetime | None:
    """Read a time: unix seconds, RFC 822 (before 1.2.0) or RFC 3339."""
    if isinstance(value, int | float):
        return _from_seconds(value)
    if not isinstance(value, str) or not value:
        return None
    if value.isascii() and value.isdigit():
        return _from_seconds(int(value[:12]))
    return moment(value) or read_date(value)


@lru_cache(maxsize=512)
def _from_seconds(seconds: float) -> datetime | None:
    if isinstance(seconds, bool) or not 0 < seconds <= _LAST_SECOND:
        return None
    return _EPOCH + timedelta(seconds=seconds)


def is_run_id(typed: str) -> bool:
    """Whether a text has the form of a run's id: servers fail (500) for any other."""
    try:
        return str(UUID(typed)) == typed.lower()
    except ValueError:
        return False


# The list.


class RunRow(NamedTuple):
    """A row of the list: what identifies and places it, and the server's object.

    ``second`` is 0 where the server does not say when it was written.
    """

    id: str
    second: int
    fields: Object


class RowPage(NamedTuple):
    """An answer of the list, rows in the server's order.

    ``has_more`` and ``total`` are None where the server does not say.
    """

    rows: list[RunRow]
    total: int | None
    has_more: bool | None

    def leads_on(self, number: int, limit: int) -> bool:
        """Whether rows follow this page, the server's ``number`` of a size."""
        if self.has_more is not None:
            return self.has_more and bool(self.rows)
        if self.total is not None:
            return self.total > number * limit
        return bool(self.rows)


_OBJECTS_A_ROW: Final = 3
"""The row, its run and who started it."""


def read_rows(body: bytes) -> RowPage:
    """Decode a page of the list.

    Raises:
        UnreadableAnswerError: It is no list of rows with ids, or is cut.
    """
    answer = _flat_object(body, "the list of runs")
    if "data" not in answer:
        raise unreadable("the list of runs", "it has no rows")
    rows = [_row(item) for item in objects(answer, "data", "the list of runs")]
    return RowPage(rows, integer(answer, "total"), flag(answer, "has_more"))


def _flat_object(body: bytes, what: str) -> Object:
    """Decode an answer whose objects are few and flat, without walking through it.

    What holds more of them than rows can have is looked at for how deep it is.
    """
    try:
        decoded = msgspec.json.decode(body)
    except (ValueError, RecursionError):
        decoded = None
    if isinstance(decoded, dict):
        rows = decoded.get("data")
        count = len(rows) if isinstance(rows, list) else 0
        openings = body.count(b"{") + body.count(b"[")
        if openings <= _OBJECTS_A_ROW * count + DEEPEST:
            return decoded
    return _whole_object(body, what)


def _whole_object(body: bytes, what: str) -> Object:
    """Decode an object of any depth that can be shown.

    Raises:
        UnreadableAnswerError: It is none.
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


def _row(fields: Object) -> RunRow:
    found = text(fields, "id")
    if not found:
        raise unreadable("the list of runs", "a row has no id")
    at = read_time(fields.get("created_at"))
    return RunRow(found, 0 if at is None else int(at.timestamp()), fields)


def read_job(row: RunRow) -> Job:
    """Return a row as a job."""
    fields = row.fields
    run = _object(fields.get("workflow_run"))
    started_from = text(run, "triggered_from")
    created_at = read_time(fields.get("created_at"))
    return Job(
        id=row.id,
        workflow_id=APP_ID,
        status=read_status(text(run, "status")),
        trigger=_trigger(started_from),
        started_at=read_time(run.get("created_at")) or created_at,
        completed_at=read_time(run.get("finished_at")),
        created_at=created_at,
        run_id=text(run, "id"),
        by=_who(fields),
        origin=_where(text(fields, "created_from"), started_from),
        error=text(run, "error"),
        fields=fields,
    )


@lru_cache(maxsize=64)
def _trigger(word: str) -> Trigger:
    return Trigger(word or UNSAID)


_USUAL_TRIGGERS: Final = frozenset({"", "app", "app-run"})


def _where(created_from: str, triggered_from: str) -> str:
    """Return from where a run was started; runs of triggers say so in one of two."""
    return created_from if triggered_from in _USUAL_TRIGGERS else triggered_from


def _who(fields: Mapping[str, object]) -> str:
    user = _object(fields.get("created_by_end_user"))
    account = _object(fields.get("created_by_account"))
    return text(user, "session_id") or text(account, "email")


def account_of(fields: Mapping[str, object]) -> str:
    """Return the e-mail of the account that started a run, "" for anyone else."""
    return text(_object(fields.get("created_by_account")), "email")


class Starter(NamedTuple):
    """Who started a run, as far as events may be asked in that name."""

    role: str
    type: str
    session: str


def starter_of(job: Job) -> Starter:
    user = _object(job.fields.get("created_by_end_user"))
    kind = text(user, "type").replace("_", "-")
    role = text(job.fields, "created_by_role").replace("-", "_")
    return Starter(role, kind, text(user, "session_id"))


def odd_job(second: int, number: int, said: str) -> Job:
    """Stand in for a row the server cannot send; ``said`` is why."""
    at = read_time(second)
    return Job(
        id=f"unreadable-{second}-{number}",
        workflow_id=APP_ID,
        status=JobStatus.UNKNOWN,
        trigger=Trigger(UNSAID),
        created_at=at,
        error=said,
    )


def is_odd(job: Job) -> bool:
    """Whether a job stands in for a row that could not be read."""
    return not job.run_id and job.id.startswith("unreadable-")


# One run, and the app.


def read_detail(body: bytes) -> Object | None:
    """Decode a run's detail; None for the empty one older releases send for none.

    Raises:
        UnreadableAnswerError: It is no object, or is cut.
    """
    detail = _whole_object(body, "the run")
    return detail if text(detail, "id") else None


def with_detail(job: Job, detail: Object) -> Job:
    """Return a job with what the detail tells, which goes before the row."""
    fields = {**job.fields, DETAIL: detail}
    word = text(detail, "status")
    return replace(
        job,
        status=read_status(word) if word else job.status,
        run_id=text(detail, "id") or job.run_id,
        started_at=read_time(detail.get("created_at")) or job.started_at,
        completed_at=read_time(detail.get("finished_at")),
        error=text(detail, "error"),
        fields=fields,
    )


def job_of_detail(detail: Object) -> Job:
    """Return a run whose row is not known as a job."""
    run_id = text(detail, "id")
    job = Job(
        id=run_id,
        workflow_id=APP_ID,
        status=JobStatus.UNKNOWN,
        trigger=Trigger(UNSAID),
        created_at=read_time(detail.get("created_at")),
        run_id=run_id,
    )
    return with_detail(job, detail)


def read_info(body: bytes) -> Object:
    """Decode ``/info``.

    Raises:
        UnreadableAnswerError: It is no object with a name, or is cut.
    """
    info = _whole_object(body, "the app")
    if not text(info, "name") and not text(info, "mode"):
        raise unreadable("the app", "it has no name")
    return info


def read_app(info: Object, version: str) -> Workflow:
    """Return the app of a profile."""
    mode = text(info, "mode")
    server = f"dify {version}" if version else "dify"
    return Workflow(
        id=APP_ID,
        name=text(info, "name") or APP_ID,
        kind=WorkflowKind(mode or UNSAID),
        labels=(mode, server) if mode else (server,),
        fields=info,
    )


def mode_of(info: Object) -> str:
    return text(info, "mode")


def _object(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}
