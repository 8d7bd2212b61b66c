"""What the details say of a run: in short, its error, what went in and came out.

The list tells the first at once; the rest stands there once the run was read alone
(``Job.fields["detail"]``). Long values are folded, so that one of a megabyte costs
what is shown of it.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from chronotui.text import clean
from chronotui.times import elapsed_text, human_duration
from chronotui.tree.run_row import elapsed_seconds, is_stale
from chronotui.ui.desk.detail_rows import GAP, DetailRow, value_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime, tzinfo

    from chronotui.model import Job, Workflow

FOLDED_LINES: Final = 60
FOLDED_CHARACTERS: Final = 2_000
"""Of one line, and what is shown of a value whose lines nobody asked for."""
SHORT_VALUE: Final = 48
"""Characters of JSON that stand beside their name."""
SYSTEM: Final = "sys."
"""How the names of inputs begin that the server adds."""
NOT_READ: Final = "Inputs and outputs are being read …"
NO_RUN: Final = (
    "The list has a row and no run for it: it is being written, or was purged."
)


class Unfolded(NamedTuple):
    """What was asked for beyond what stands there at first.

    ``all`` is every line of long values and the system's inputs, ``raw`` the server's
    own objects.
    """

    all: bool = False
    raw: bool = False


class RunSummary(NamedTuple):
    """A run as read: the job, and the server's objects of it.

    ``row`` is that of the list, ``run`` the run in it, ``detail`` the run read alone;
    the last two are empty where the server did not tell.
    """

    job: Job
    row: Mapping[str, object]
    run: Mapping[str, object]
    detail: Mapping[str, object]

    @classmethod
    def of(cls, job: Job) -> RunSummary:
        fields = job.fields
        run, detail = fields.get("workflow_run"), fields.get("detail")
        return cls(job, fields, _object(run), _object(detail))

    @property
    def server_word(self) -> str:
        """The state in the server's word; of two readings that of the later."""
        words = (_word(self.detail.get("status")), _word(self.run.get("status")))
        later = (word for word in words if word not in {"", "running", "paused"})
        return next(later, words[0] or words[1])

    def number(self, name: str) -> float | None:
        """Return a number of the run; None where it is not told, or told at the end.

        A run that goes on is said to have 0 of everything.
        """
        value = _figure(self.detail.get(name)) if self.detail else None
        value = value or _figure(self.run.get(name)) or value
        return value if value or self.job.has_ended else None

    def elapsed(self, now: datetime) -> float | None:
        """Return the seconds it took by the server's count, else by the clock."""
        told = None
        if self.job.status != "RUNNING":
            told = self.number("elapsed_time")
        return elapsed_seconds(self.job, now) if told is None else told

    def took(self, now: datetime) -> str:
        """Say how long it took, or has been running; "" where nobody can say."""
        seconds = self.elapsed(now)
        if seconds is None:
            return ""
        is_running = self.job.status == "RUNNING"
        return human_duration(seconds) if is_running else elapsed_text(seconds)


NOTHING_TOLD: Final[Mapping[str, object]] = {}


def _object(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else NOTHING_TOLD


def _figure(value: object) -> float | None:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return value if is_number else None  # type: ignore[return-value]


def _word(value: object) -> str:
    return value if isinstance(value, str) else ""


def run_rows(
    job: Job,
    *,
    now: datetime,
    zone: tzinfo | None,
    unfolded: Unfolded,
    unread: str = "",
) -> list[DetailRow]:
    """Return the rows of a run, all clean.

    Args:
        job: The run, from the list or read alone.
        now: The time a running one is told against, aware.
        zone: What its times are told in; None is the zone here.
        unfolded: What is shown beyond the usual.
        unread: Why it could not be read alone; "" where nothing is known of that.
    """
    summary = RunSummary.of(job)
    rows = [DetailRow("title", "Run"), *_summary(summary, now, zone)]
    if not job.run_id and not job.error:
        rows.append(DetailRow("note", NO_RUN))
    if error := job.error or _word(summary.detail.get("error")):
        lines, is_cut = _cut(error.splitlines(), unfolded)
        rows += [GAP, DetailRow("title", "Error")]
        rows += [DetailRow("error", line) for line in lines]
        rows += _more(is_cut)
    if summary.detail:
        rows += [GAP, DetailRow("title", "Inputs")]
        rows += _inputs(summary.detail.get("inputs"), unfolded)
        rows += [GAP, DetailRow("title", "Outputs")]
        rows += _value(_decoded(summary.detail.get("outputs")), unfolded)
    elif job.run_id:
        why = f"Inputs and outputs could not be read. {clean(unread)}"
        rows += [GAP, DetailRow("note", why if unread else NOT_READ)]
    return [*rows, *_raw(job, unfolded)]


def _summary(
    summary: RunSummary, now: datetime, zone: tzinfo | None
) -> Iterator[DetailRow]:
    job, word = summary.job, clean(summary.server_word)
    status = clean(str(job.status))
    is_own = not word or word.upper() == status.upper()
    yield DetailRow("field", "status", status if is_own else f"{status} ({word})")
    yield DetailRow("field", "run id", clean(job.run_id) or "–")
    yield DetailRow("field", "row id", clean(job.id))
    yield DetailRow("field", "started by", _who(summary))
    yield DetailRow("field", "from", _where(summary))
    yield DetailRow("field", "version", value_text(summary.run.get("version")))
    for label, at in (
        ("started", job.started_at or job.created_at),
        ("finished", job.completed_at),
    ):
        yield DetailRow("field", label, moment_text(at, zone))
    took = summary.took(now) or "–"
    stale = ", may have died: servers end a run after 20 minutes"
    yield DetailRow("field", "elapsed", took + (stale if is_stale(job, now) else ""))
    for label, name in (
        ("tokens", "total_tokens"),
        ("steps", "total_steps"),
        ("exceptions", "exceptions_count"),
    ):
        number = summary.number(name)
        yield DetailRow("field", label, "–" if number is None else f"{number:,}")


def moment_text(at: datetime | None, zone: tzinfo | None) -> str:
    """Return a time to the second with the name of its zone."""
    return "–" if at is None else f"{at.astimezone(zone):%Y-%m-%d %H:%M:%S %Z}"


def _who(summary: RunSummary) -> str:
    user = _object(summary.row.get("created_by_end_user"))
    role = _word(summary.row.get("created_by_role")).replace("_", " ")
    kinds = [role, _word(user.get("type")).replace("_", "-")]
    words = ", ".join(clean(kind) for kind in kinds if kind)
    who = clean(summary.job.by)
    if not who:
        return f"not told ({words})" if words else "–"
    return f"{who} ({words})" if words else who


def _where(summary: RunSummary) -> str:
    places = (summary.row.get("created_from"), summary.run.get("triggered_from"))
    words = [clean(place) for place in places if isinstance(place, str) and place]
    return ", ".join(words) or clean(summary.job.origin) or "–"


def app_rows(app: Workflow) -> list[DetailRow]:
    """Return the rows of an app: what it says of itself, and of its server."""
    told = {"name": app.name, **app.fields}
    rows = [DetailRow("title", "App")]
    rows += [
        DetailRow("field", clean(name).replace("_", " "), value_text(value))
        for name, value in told.items()
    ]
    known = {value for value in told.values() if isinstance(value, str)}
    labels = [clean(label) for label in app.labels if label not in known]
    if labels:
        rows.append(DetailRow("field", "server", " · ".join(labels)))
    return rows


# Inputs, outputs, and the server's own objects.


@lru_cache(maxsize=4)
def _parsed(text: str) -> object:
    """Read JSON; text that is none is itself."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _decoded(value: object) -> object:
    """Read a value that servers of some versions give as JSON in a string."""
    parsed = _parsed(value) if isinstance(value, str) else value
    return parsed if isinstance(parsed, dict | list) else value


def _inputs(value: object, unfolded: Unfolded) -> Iterator[DetailRow]:
    """Yield the inputs; those that the server adds in one row, unless asked for."""
    inputs = _decoded(value)
    if not isinstance(inputs, dict):
        yield from _value(inputs, unfolded)
        return
    own = {k: v for k, v in inputs.items() if not k.startswith(SYSTEM)}
    added = {k: v for k, v in inputs.items() if k.startswith(SYSTEM)}
    yield from _value(own, unfolded)
    if added and unfolded.all:
        yield from _members(added, unfolded)
    elif added:
        fields = f"{len(added)} field{'' if len(added) == 1 else 's'}"
        yield DetailRow("field", f"{SYSTEM}*", f"{fields}, x shows them")


def _value(value: object, unfolded: Unfolded) -> Iterator[DetailRow]:
    if value is None or value == "":
        yield DetailRow("note", "None.")
    elif value in ({}, []):
        yield DetailRow("note", f"Nothing: {value}")
    elif isinstance(value, dict):
        yield from _members(value, unfolded)
    else:
        yield from _block(value, unfolded)


def _members(value: Mapping[str, object], unfolded: Unfolded) -> Iterator[DetailRow]:
    """Yield each member: beside its name what is one line, else below it."""
    for place, (name, member) in enumerate(value.items()):
        if place >= FOLDED_LINES and not unfolded.all:
            yield from _more(True)
            return
        short = _one_line(member)
        yield DetailRow("field", clean(name), "" if short is None else short)
        if short is None:
            yield from _block(member, unfolded, indent="  ")


def _one_line(value: object) -> str | None:
    """Return a value that needs no rows of its own, None where it does."""
    if isinstance(value, str):
        is_long = len(value) > FOLDED_CHARACTERS or len(value.splitlines()) > 1
        return None if is_long else value_text(value)
    if value is None:
        return value_text(value)
    if not isinstance(value, dict | list):
        return clean(json.dumps(value, default=str))
    pieces: list[str] = []
    length = 0
    try:
        for piece in json.JSONEncoder(ensure_ascii=False).iterencode(value):
            length += len(piece)
            if length > SHORT_VALUE:
                return None
            pieces.append(piece)
    except RecursionError:
        return None
    return clean("".join(pieces))


def _block(
    value: object, unfolded: Unfolded, *, indent: str = ""
) -> Iterator[DetailRow]:
    """Yield a value in rows of its own: text by its lines, all else as JSON."""
    is_text = isinstance(value, str)
    lines = value.splitlines() if isinstance(value, str) else _json_lines(value)
    shown, is_cut = _cut(lines, unfolded)
    for line in shown:
        yield DetailRow("prose" if is_text else "text", indent + line)
    yield from _more(is_cut)


def _json_lines(value: object) -> Iterator[str]:
    """Yield the lines of a value as indented JSON, as they are made."""
    line: list[str] = []
    encoder = json.JSONEncoder(indent=2, ensure_ascii=False, default=str)
    try:
        for piece in encoder.iterencode(value):
            *whole, rest = piece.split("\n")
            for part in whole:
                yield "".join((*line, part))
                line.clear()
            line.append(rest)
    except RecursionError:
        line.append("… nested too deep to be shown")
    yield "".join(line)


def _cut(lines: Iterable[str], unfolded: Unfolded) -> tuple[Sequence[str], bool]:
    """Return the lines that are shown, clean, and whether there is more."""
    if unfolded.all:
        return [clean(line) for line in lines], False
    shown: list[str] = []
    for line in lines:
        if len(shown) == FOLDED_LINES:
            return shown, True
        if len(line) > FOLDED_CHARACTERS:
            return [*shown, clean(line[:FOLDED_CHARACTERS]) + "…"], True
        shown.append(clean(line))
    return shown, False


def _more(is_cut: bool) -> Iterator[DetailRow]:
    if is_cut:
        yield DetailRow("note", "… there is more, x shows all of it")


def _raw(job: Job, unfolded: Unfolded) -> Iterator[DetailRow]:
    yield GAP
    yield DetailRow("title", "Raw JSON")
    if not unfolded.raw:
        yield DetailRow("note", "p shows it.")
        return
    for line in _json_lines(dict(job.fields)):
        yield DetailRow("text", clean(line))
