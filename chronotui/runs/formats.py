"""Runs as the bytes of a file or of a pipe: lists of them, and one with its events.

An entry of `LIST_FORMATS` or `RUN_FORMATS` is all there is to a format; the command
line, its completion, the dialog and whoever writes one ask it. Rows in JSON are the
server's own, whatever stands in them; what we say of a run has names of ours beside
them. Nothing is cleaned here, but for the cells of a spreadsheet.
"""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC
from functools import cache
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime

    from chronotui.model import Job

DETAIL: Final = "detail"
"""The field of a job that holds what the server told of the run alone."""


# A list of runs.


class ListFormat(Struct, frozen=True, kw_only=True, eq=False):
    """Everything that is known of one format of lists.

    Attributes:
        name: As the command line takes it.
        label: As the dialog offers it.
        says: What it is, in a help text.
        extension: The file name's ending, without the dot.
        encode: Makes the texts of runs.
        separator: Stands between rows, where ``ends_rows`` behind the last, too.
        head: What stands before the first row.
        tail: What stands after the last one.
    """

    name: str
    label: str
    says: str
    extension: str
    encode: Callable[[Iterable[Job]], list[bytes]]
    separator: bytes = b"\n"
    ends_rows: bool = True
    head: bytes = b""
    tail: bytes = b""

    def __str__(self) -> str:
        return self.name


def json_bytes(value: object) -> bytes:
    """Return a value on one line; what is no character stays an escape."""
    try:
        return _encoder()(value)
    except (UnicodeEncodeError, OverflowError, TypeError, RecursionError):
        return json.dumps(value, default=str).encode()


@cache
def _encoder() -> Callable[[object], bytes]:
    # Whoever only names the formats does not wait for it.
    import msgspec  # noqa: PLC0415

    return msgspec.json.Encoder().encode


def row_of(job: Job) -> Mapping[str, object]:
    """Return the server's row of a run, as the list had it."""
    fields = job.fields
    if DETAIL not in fields:
        return fields
    return {name: value for name, value in fields.items() if name != DETAIL}


def _rows_json(jobs: Iterable[Job]) -> list[bytes]:
    return [json_bytes(row_of(job)) for job in jobs]


CSV_COLUMNS: Final = (
    "id",
    "run_id",
    "status",
    "created_at",
    "finished_at",
    "elapsed_time",
    "total_tokens",
    "total_steps",
    "exceptions_count",
    "triggered_from",
    "created_from",
    "created_by_role",
    "session_id",
    "end_user_type",
    "account_email",
    "version",
    "error",
)
"""The heading of a table for spreadsheets; times are ISO 8601 in UTC, seconds plain."""

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for the beginning of a formula."""


def _rows_csv(jobs: Iterable[Job]) -> list[bytes]:
    return [_csv_line(_cells(job)) for job in jobs]


def _cells(job: Job) -> list[str]:
    row = row_of(job)
    run = _object(row.get("workflow_run"))
    user = _object(row.get("created_by_end_user"))
    account = _object(row.get("created_by_account"))
    return [
        _cell(job.id),
        _cell(job.run_id),
        _cell(run.get("status")),
        _stamp(job.created_at),
        _stamp(job.completed_at),
        *(_cell(run.get(name)) for name in CSV_COLUMNS[5:10]),
        _cell(row.get("created_from")),
        _cell(row.get("created_by_role")),
        _cell(user.get("session_id")),
        _cell(user.get("type")),
        _cell(account.get("email")),
        _cell(run.get("version")),
        _cell(run.get("error") or job.error),
    ]


def _object(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _cell(value: object) -> str:
    """Return a value as a cell, in which no spreadsheet finds a formula."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    text = value if isinstance(value, str) else json_bytes(value).decode()
    return f"'{text}" if text.startswith(_FORMULA) else text


def _stamp(at: datetime | None) -> str:
    return "" if at is None else f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _csv_line(cells: Sequence[str]) -> bytes:
    """Return a record of RFC 4180 without its line end."""
    line = io.StringIO()
    # With its usual line end the writer quotes a cell that holds half of one.
    csv.writer(line).writerow(cells)
    return line.getvalue().removesuffix("\r\n").encode(errors="replace")


CSV: Final = ListFormat(
    name="csv",
    label="csv",
    says="one record a run for spreadsheets",
    extension="csv",
    encode=_rows_csv,
    separator=b"\r\n",
    head=_csv_line(CSV_COLUMNS) + b"\r\n",
)
JSONL: Final = ListFormat(
    name="jsonl",
    label="jsonl",
    says="the server's row of each run on a line",
    extension="jsonl",
    encode=_rows_json,
)
JSON: Final = ListFormat(
    name="json",
    label="json",
    says="one array of the server's rows",
    extension="json",
    encode=_rows_json,
    separator=b",\n ",
    ends_rows=False,
    head=b"[",
    tail=b"]\n",
)

LIST_FORMATS: Final = (CSV, JSONL, JSON)
"""In the order they are offered; the first is the default."""


class ListEncoder:
    """Turns runs into the bytes of a list, batch after batch."""

    def __init__(self, form: ListFormat) -> None:
        self._format = form
        self._begun = False

    def rows(self, jobs: Iterable[Job]) -> bytes:
        """Return a batch, in the order given; what heads the list before the first.

        What stands in for a row is no row of the server's, and left out.
        """
        form = self._format
        texts = form.encode(job for job in jobs if job.fields)
        if not texts:
            return b""
        joined = form.separator.join(texts)
        if form.ends_rows:
            joined += form.separator
        elif self._begun:
            joined = form.separator + joined
        return self._head() + joined

    def end(self) -> bytes:
        """Return what ends the list, empty ones included."""
        return self._head() + self._format.tail

    def _head(self) -> bytes:
        head = b"" if self._begun else self._format.head
        self._begun = True
        return head


# One run, with what was seen of it.


class SeenEvents(Protocol):
    """What was observed of a run's events."""

    @property
    def events(self) -> int:
        """How many there were."""

    @property
    def unseen(self) -> Sequence[str]:
        """What was not observed, a sentence each."""

    def plain_text(self) -> Iterable[str]:
        """Return them as lines."""

    def as_json(self) -> object:
        """Return them fit for JSON, with what was not observed."""


class SavedRun(NamedTuple):
    """What a file says of one run.

    ``source`` is the server's origin, ``job`` the run with its detail, if that was had
    (``fields["detail"]``), ``seen`` what was observed of it.
    """

    source: str
    server_version: str
    app: str
    job: Job
    seen: SeenEvents | None = None

    @property
    def is_complete(self) -> bool:
        """Whether the run has ended, and its end is here."""
        return self.job.has_ended and DETAIL in self.job.fields

    @property
    def events(self) -> int:
        return 0 if self.seen is None else self.seen.events

    @property
    def unseen(self) -> Sequence[str]:
        return () if self.seen is None else self.seen.unseen


class RunFormat(Struct, frozen=True, kw_only=True, eq=False):
    """Everything that is known of one format of a single run.

    Attributes:
        name: As the command line takes it.
        label: As the dialog offers it.
        says: What it is, in a help text.
        extension: The file name's ending, without the dot.
        encode: Makes the whole file.
    """

    name: str
    label: str
    says: str
    extension: str
    encode: Callable[[SavedRun], bytes]

    def __str__(self) -> str:
        return self.name


def _run_json(saved: SavedRun) -> bytes:
    parts: dict[str, object] = {
        "source": saved.source,
        "server_version": saved.server_version,
        "row": dict(row_of(saved.job)),
        "detail": saved.job.fields.get(DETAIL),
        "events_seen": None if saved.seen is None else saved.seen.as_json(),
        "complete": saved.is_complete,
    }
    encoded = [b'"%s": %s' % (name.encode(), json_bytes(parts[name])) for name in parts]
    return b"{%s}\n" % b",\n ".join(encoded)


def _run_text(saved: SavedRun) -> bytes:
    job = saved.job
    began = _stamp(job.started_at or job.created_at) or "unknown"
    ended = _stamp(job.completed_at) or "not yet"
    head = [
        f"# Run {job.shown_id} of {saved.app or job.workflow_id} at {saved.source}",
        f"# {job.status}, started {began}, ended {ended}",
        "# The server keeps no log of a run: these are the events that were observed.",
        *(f"# Not seen: {words}" for words in saved.unseen),
    ]
    if not saved.is_complete:
        head.append("# Not complete: the run had not ended when this was written.")
    # A head is one line each, whatever a name holds.
    texts = [" ".join(line.split()) for line in head]
    texts += () if saved.seen is None else saved.seen.plain_text()
    return "".join(f"{text}\n" for text in texts).encode(errors="replace")


RUN_JSON: Final = RunFormat(
    name="json",
    label="this run as json",
    says="json with row, detail and the events seen",
    extension="json",
    encode=_run_json,
)
RUN_TXT: Final = RunFormat(
    name="txt",
    label="its events as text",
    says="the events seen as text",
    extension="txt",
    encode=_run_text,
)

RUN_FORMATS: Final = (RUN_JSON, RUN_TXT)
"""In the order they are offered; the first is the default."""


def list_format(name: str) -> ListFormat:
    """Return the format of lists of a name.

    Raises:
        KeyError: There is none.
    """
    return {each.name: each for each in LIST_FORMATS}[name]


def run_format(name: str) -> RunFormat:
    """Return the format of a single run of a name.

    Raises:
        KeyError: There is none.
    """
    return {each.name: each for each in RUN_FORMATS}[name]
