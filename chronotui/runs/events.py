"""What was seen of a run: its events in order, each once, and what was not seen.

Events come live, replayed, twice and late. Steps stand by the time they began, then
the text the run made, then how it ended; every line keeps its place for good, so that
a reader's does. Memory is bounded, and what does not fit is said.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from operator import attrgetter
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from msgspec import Struct

from chronotui.model import NodeState, RunNote, RunText
from chronotui.runs.entries import (
    INDENT,
    PAYLOADS,
    EventLine,
    Note,
    RunStep,
    TextBlock,
    lines_of,
    nanoseconds,
)
from chronotui.text import plural
from chronotui.times import format_time_ns, wall_clock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from datetime import datetime

    from chronotui.model import Job, RunEvent

_Entry: TypeAlias = RunStep | Note

MOST_ENTRIES: Final = 20_000
"""Steps and notes kept; those told of after them are counted."""

MOST_PAYLOADS: Final = 16 << 20
"""Characters of JSON kept of the larger fields of all steps together."""

MOST_OUTPUT_LINES: Final = 2_000
MOST_OUTPUT_TEXT: Final = 1 << 20
"""Lines and characters of the outputs that are shown; the details have them whole."""

ENTRY_LINES: Final = 1 << 12
"""Places of one entry's lines."""

APART: Final = 1 << 16
"""Places are so far apart, counted in entries, that others fit in between."""

TEXT_PLACE: Final = 1 << 60
END_PLACE: Final = 1 << 61
LAST_PLACE: Final = 1 << 62

LATE_SECONDS: Final = 2.0
"""Attached so long after a run's begin, something of it may have gone unseen."""

NAMED_ABSENCES: Final = 3

_AT: Final[Callable[[_Entry], int]] = attrgetter("at")


class RecordSpan(NamedTuple):
    """Lines that take the place of all from ``low`` up to, not with, ``high``."""

    low: int
    high: int
    lines: list[EventLine]


class Absence(Struct):
    """While no stream stood, in seconds since the epoch; ``until`` None: still."""

    since: float
    until: float | None = None

    def words(self) -> str:
        """Return from when to when, by the clock here."""
        until = self.since if self.until is None else self.until
        first, last = wall_clock(self.since), wall_clock(until)
        return f"at {first}" if first == last else f"from {first} to {last}"


class StreamCoverage:
    """When a stream of the run's events stood, and what follows from that."""

    def __init__(self) -> None:
        self._late: float | None = None
        self._attached = False
        self._away: list[Absence] = []
        self.why_not = ""

    def attached(self, now: float, began: float | None) -> bool:
        """Note a stream that was opened at a time; True for the first one.

        Args:
            began: When the run began; None where nobody knows.
        """
        if self._away:
            self._away[-1].until = now
        is_first = not self._attached
        if is_first and (began is None or now - began > LATE_SECONDS):
            self._late = now
        self._attached = True
        return is_first

    def detached(self, now: float) -> None:
        """Note that it is closed."""
        if self._attached and not (self._away and self._away[-1].until is None):
            self._away.append(Absence(now))

    def sentences(self, *, saw_live: bool) -> Iterator[str]:
        """Yield what may not have been seen for lack of a stream.

        Args:
            saw_live: Whether anything is told of the run as it happens; if not,
                nothing is lost while no stream stands.
        """
        if not self._attached:
            if self.why_not:
                yield f"its events cannot be followed: {self.why_not}"
            return
        if self._late is not None:
            yield (
                f"attached late: text before {wall_clock(self._late)} "
                "may not have been sent"
            )
        away = [one for one in self._away if one.until is not None] if saw_live else []
        for absence in away[:NAMED_ABSENCES]:
            yield f"the stream was away {absence.words()}"
        if len(away) > NAMED_ABSENCES:
            yield f"and {plural(len(away) - NAMED_ABSENCES, 'time')} more"


class RunRecord:
    """Keeps what was told of one run.

    Args:
        run_id: As people see it.

    Attributes:
        coverage: When a stream stood.
        saw_live: Whether anything was told as it happened.
        said_over: Whether the stream said that it has nothing more to say.
        arrived: The steps and the notes, in the order they were first told of.
    """

    def __init__(self, run_id: str) -> None:
        self.run_id = run_id
        self.coverage = StreamCoverage()
        self.saw_live = self.said_over = False
        self.arrived: list[RunStep | Note] = []
        self._body: list[_Entry] = []
        self._steps: dict[str, RunStep] = {}
        self._of_node: dict[str, RunStep] = {}
        self._notes: dict[object, Note] = {}
        self._silent: dict[object, RunNote] = {}
        self._text = TextBlock()
        self._text_first = 0
        self._end: list[EventLine] = []
        self._ended: Job | None = None
        self._payloads = self._blind = 0
        self._left_out = 0
        self._newest = 0
        self._turn = 0
        self._low = self._high = -1
        self._end_changed = False

    # what is told

    def attached(self, now: float, began: float | None) -> None:
        """Note that a stream was opened; see `StreamCoverage.attached`."""
        self.said_over = False
        self.coverage.attached(now, began)
        self._text.attached()

    def take(self, event: RunEvent, now: float | None = None) -> bool:
        """Take an event; False where it changes nothing that is shown.

        Args:
            now: When it came, in seconds since the epoch, for what has no time.
        """
        now_ns = None if now is None else int(now * 1e9)
        match event:
            case NodeState():
                self.saw_live = self.saw_live or not event.is_snapshot
                return self._take_step(event, now_ns)
            case RunText():
                self.saw_live = True
                if event.replaces:
                    self._text.replace(event.text, now_ns)
                else:
                    self._text.append(event.text, now_ns)
                return self._text.changed is not None
            case RunNote():
                return self._take_note(event, now_ns)
        return False

    def ended(self, job: Job) -> bool:
        """Take how a run ended, as it was read alone; False where that is known."""
        if self._ended == job:
            return False
        self._ended = job
        end_ns = nanoseconds(job.completed_at)
        texts = [(line, True) for line in _error_lines(job)]
        texts += [(line, False) for line in _output_lines(job)]
        lines = [
            EventLine(END_PLACE + index, end_ns, text, is_error)
            for index, (text, is_error) in enumerate(texts)
        ]
        if lines != self._end:
            self._end, self._end_changed = lines, True
        return self._end_changed

    def _take_step(self, told: NodeState, now_ns: int | None) -> bool:
        step = self._step_of(told)
        is_new = step is None
        if step is None:
            if not self._has_room():
                return False
            step = RunStep(self._at(told.started_at, now_ns), 0, told)
            self._steps[told.id] = step
            self._place(step)
        size, was_blind = step.size, not is_new and step.is_blind
        changed = step.take(told, MOST_PAYLOADS - self._payloads)
        self._payloads += step.size - size
        self._blind += step.is_blind - was_blind
        if told.node_id:
            self._of_node[told.node_id] = step
        if changed or is_new:
            self._mark(step)
        return changed or is_new

    def _step_of(self, told: NodeState) -> RunStep | None:
        """Return the step an event tells of.

        Rounds of an iteration or a loop may be told of by the id of its node.
        """
        known = self._steps.get(told.id)
        if known is not None or not told.node_id:
            return known
        of_node = self._of_node.get(told.node_id)
        if of_node is None or told.node_id not in {told.id, of_node.state.id}:
            return None
        self._steps[told.id] = of_node
        return of_node

    def _take_note(self, told: RunNote, now_ns: int | None) -> bool:
        self.said_over = self.said_over or told.is_over
        name = told.fields.get("id")
        is_of_run = told.kind.startswith("workflow_")
        key: object = (told.kind, name)
        if is_of_run or not name:
            key = (told.kind, told.at or self._turn, told.text)
        if told.is_over:
            self._silent[told.kind] = told
            return False
        known = self._notes.get(key)
        if known is not None:
            changed = (known.note.text, known.note.kind) != (told.text, told.kind)
            known.note = told
        else:
            if not self._has_room():
                return False
            self._turn += told.kind == "workflow_started"
            known = self._notes[key] = Note(self._at(told.at, now_ns), 0, told)
            self._place(known)
            changed = True
        if changed:
            self._mark(known)
        return changed

    def _has_room(self) -> bool:
        self._left_out += len(self._body) >= MOST_ENTRIES
        return len(self._body) < MOST_ENTRIES

    def _at(self, told: datetime | None, now_ns: int | None) -> int:
        """Return what an entry is ordered by: its time, else that of the newest."""
        at = nanoseconds(told)
        if at is None:
            at = self._newest or now_ns or 0
        self._newest = max(self._newest, at)
        return at

    # where it stands

    def _place(self, entry: _Entry) -> None:
        """Put an entry in by its time, after those of the same."""
        body = self._body
        index = bisect_right(body, entry.at, key=_AT)
        low = body[index - 1].place if index else 0
        high = body[index].place if index < len(body) else low + 2 * APART * ENTRY_LINES
        middle = (low + high) // 2 // ENTRY_LINES * ENTRY_LINES
        body.insert(index, entry)
        self.arrived.append(entry)
        entry.place = middle
        if not low < middle < high:
            for number, each in enumerate(body, 1):
                each.place = number * APART * ENTRY_LINES
            self._low, self._high = 0, TEXT_PLACE

    def _mark(self, entry: _Entry) -> None:
        """Note that the lines of an entry are others now."""
        low, high = entry.place, entry.place + ENTRY_LINES
        self._low = low if self._low < 0 else min(self._low, low)
        self._high = max(self._high, high)

    def take_changes(self) -> list[RecordSpan]:
        """Return the lines that are others than when this was last asked."""
        spans = []
        if self._low >= 0:
            spans.append(self._span_of_body(self._low, self._high))
            self._low = self._high = -1
        changed, first = self._text.changed, self._text.first
        if first > self._text_first:
            gone = RecordSpan(TEXT_PLACE + self._text_first, TEXT_PLACE + first, [])
            spans.append(gone)
        self._text_first = first
        if changed is not None:
            self._text.changed = None
            low = TEXT_PLACE + changed
            spans.append(RecordSpan(low, END_PLACE, list(self.text_lines(changed))))
        if self._end_changed:
            self._end_changed = False
            spans.append(RecordSpan(END_PLACE, LAST_PLACE, self._end))
        return spans

    def _span_of_body(self, low: int, high: int) -> RecordSpan:
        start = bisect_right(self._body, low - 1, key=attrgetter("place"))
        lines: list[EventLine] = []
        for entry in self._body[start:]:
            if entry.place >= high:
                break
            lines += self._entry_lines(entry)
        return RecordSpan(low, high, lines)

    def _entry_lines(self, entry: _Entry) -> Iterator[EventLine]:
        depth = self._depth(entry) if isinstance(entry, RunStep) else 0
        for index, text in enumerate(entry.texts(depth)):
            yield EventLine(entry.place + index, entry.at, text, entry.is_failure)

    def _depth(self, step: RunStep) -> int:
        depth, seen = 0, {step.state.node_id}
        parent = step.state.parent_id
        while parent and parent not in seen:
            seen.add(parent)
            depth += 1
            outer = self._of_node.get(parent) or self._steps.get(parent)
            parent = outer.state.parent_id if outer is not None else ""
        return depth

    def text_lines(self, start: int = 0) -> Iterator[EventLine]:
        """Yield the lines of its text that are kept, from a number on."""
        for number, line in self._text.lines(start):
            yield EventLine(TEXT_PLACE + number, line.time_ns, line.text)

    # what is known

    @property
    def events(self) -> int:
        """How many steps and notes, and a text if there is one."""
        return len(self._body) + bool(len(self._text))

    @property
    def steps(self) -> list[RunStep]:
        """The steps, in order."""
        return [each for each in self._body if isinstance(each, RunStep)]

    @property
    def notes(self) -> list[Note]:
        """The notes, in order."""
        return [each for each in self._body if isinstance(each, Note)]

    @property
    def text(self) -> TextBlock:
        """The text the run made."""
        return self._text

    def lines(self) -> Iterator[EventLine]:
        """Yield all lines, in order."""
        for entry in self._body:
            yield from self._entry_lines(entry)
        yield from self.text_lines()
        yield from self._end

    def lines_of(self, entry: _Entry) -> list[EventLine]:
        """Return the lines of one step or note."""
        return list(self._entry_lines(entry))

    @property
    def end_lines(self) -> list[EventLine]:
        """The error and the outputs, once the run has ended."""
        return self._end

    @property
    def unseen(self) -> tuple[str, ...]:
        """What was not seen of the run, in words without a mark at their end."""
        return tuple(self._unseen())

    def _unseen(self) -> Iterator[str]:
        missed = list(self.coverage.sentences(saw_live=self.saw_live))
        if not (self.events or missed) and self._ended is not None:
            yield "the server keeps no log of a run's steps once it has ended"
            return
        yield from missed
        if self._blind:
            verb = "is" if self._blind == 1 else "are"
            yield f"{plural(self._blind, 'step')} {verb} known by state only"
        if self._text.cut:
            yield f"the first {self._text.cut:,} characters of its text are not kept"
        if self._left_out:
            yield f"{plural(self._left_out, 'event')} beyond {MOST_ENTRIES:,} not kept"

    # what is saved

    def plain_text(self) -> Iterator[str]:
        """Yield all lines with their times in UTC, as a file has them."""
        for line in self.lines():
            if line.time_ns is None:
                yield line.text
            else:
                yield f"{format_time_ns(line.time_ns, 3)} {line.text}"

    def as_json(self) -> dict[str, object]:
        """Return all that was seen, under the server's names where it has one."""
        notes = [each.note for each in self.notes]
        return {
            "steps": [_step_json(step) for step in self.steps],
            "notes": [_note_json(note) for note in (*notes, *self._silent.values())],
            "text": self._text.text(),
            "not_seen": list(self.unseen),
        }


def _step_json(step: RunStep) -> dict[str, object]:
    state = step.state
    return {
        "id": state.id,
        "node_id": state.node_id,
        "node_type": state.node_type,
        "title": state.title,
        "status": state.status,
        "started_at": _stamp(nanoseconds(state.started_at)),
        "finished_at": _stamp(nanoseconds(state.finished_at)),
        "elapsed_time": state.elapsed,
        "error": state.error or None,
        "within": state.parent_id or None,
        "round": state.round,
        "retries": state.retries,
        "told": "live" if step.was_live else "by state",
        **{name: _open(step.fields.get(name)) for name in PAYLOADS},
    }


def _note_json(note: RunNote) -> dict[str, object]:
    at = _stamp(nanoseconds(note.at))
    return {"event": note.kind, "at": at, "text": note.text, **_data_of(note.fields)}


def _data_of(fields: Mapping[str, object]) -> dict[str, object]:
    return {"data": _open(fields)} if fields else {}


def _open(value: object) -> object:
    """Return a value without the tokens that let anybody answer a form."""
    if isinstance(value, dict):
        return {k: _open(v) for k, v in value.items() if k != "form_token"}
    if isinstance(value, list | tuple):
        return [_open(each) for each in value]
    return value


def _stamp(time_ns: int | None) -> str | None:
    return None if time_ns is None else format_time_ns(time_ns)


def _error_lines(job: Job) -> Iterable[str]:
    """Return the run's own error, as it was read alone."""
    if not job.error:
        return []
    first, *others = lines_of(job.error)
    return [f"✗ {first}", *(f"{INDENT}{line}" for line in others)]


def _output_lines(job: Job) -> list[str]:
    """Return its outputs, laid out; nothing where there are none."""
    detail = job.fields.get("detail")
    outputs = detail.get("outputs") if isinstance(detail, dict) else None
    if isinstance(outputs, str):
        outputs = _decoded(outputs)
    if outputs in (None, "", {}, []):
        return []
    text = outputs
    if not isinstance(outputs, str):
        text = json.dumps(outputs, ensure_ascii=False, indent=2, default=str)
    whole = str(text)
    lines = whole[:MOST_OUTPUT_TEXT].split("\n")
    if len(whole) > MOST_OUTPUT_TEXT:
        lines.append(f"… {len(whole) - MOST_OUTPUT_TEXT:,} more characters")
    if len(lines) > MOST_OUTPUT_LINES:
        rest = len(lines) - MOST_OUTPUT_LINES
        lines = [*lines[:MOST_OUTPUT_LINES], f"… {rest:,} more lines"]
    return ["Outputs", *(f"{INDENT}{line}" for line in lines)]


def _decoded(text: str) -> object:
    """Return what a text of JSON says, or the text where it is none."""
    if text[:1] not in {"{", "[", '"'} and text != "null":
        return text
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
