"""The save dialog: what is saved of a log, in which format, and where to.

And a save in words, which its screens and the list of saves show.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, ClassVar, Final

from msgspec import Struct, field
from msgspec.structs import replace
from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Button, Input, Static

from chronotui.engine.save_request import (
    SavePhase,
    SaveRequest,
    SaveScope,
    log_name,
    size_text,
)
from chronotui.log.formats import SAVE_FORMATS
from chronotui.log.marks import LineRow
from chronotui.storage.files import home_relative
from chronotui.text import clean, plural
from chronotui.times import human_duration
from chronotui.ui.dialogs import FIELD_MOVES, Dialog, RadioRow, field_row
from chronotui.ui.save_path import PathChoice

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from textual.app import ComposeResult

    from chronotui.engine.save import Save
    from chronotui.engine.save_request import PathPreview, SaveProgress
    from chronotui.model import Job, LogLine, Workflow
    from chronotui.ui.desk.log_side import ShownJob
    from chronotui.ui.desk.plan import DeskPlan
    from chronotui.ui.log.state import OpenLog

SIGNS: Final = {
    SavePhase.SAVED: "✓",
    SavePhase.UNVERIFIED: "?",
    SavePhase.FAILED: "✗",
    SavePhase.CANCELLED: "■",
}


def sign(progress: SaveProgress) -> str:
    return SIGNS.get(progress.phase, "●")


def amounts(progress: SaveProgress) -> str:
    """Return bytes, lines, rate and time: ``4.2 MB  31,402 lines  1.1 MB/s  0:04``."""
    parts = [size_text(progress.bytes), plural(progress.lines, progress.noun)]
    if not progress.phase.is_over:
        parts.append(f"{size_text(progress.bytes_per_second)}/s")
    parts.append(human_duration(progress.elapsed_seconds))
    return "  ".join(parts)


def share(progress: SaveProgress) -> str:
    """Return the part done: ``about 48 % of 65,000 lines``; "" if unknown."""
    if progress.fraction is None or progress.phase.is_over:
        return ""
    whole = plural(progress.total_lines or 0, progress.noun)
    return f"about {progress.fraction * 100:.0f} % of {whole}"


def bar(progress: SaveProgress, width: int) -> str:
    """Return a bar of ``width`` cells; "" when the total is not known."""
    if progress.fraction is None or width <= 0:
        return ""
    full = round(progress.fraction * width)
    return "━" * full + "─" * (width - full)


def path_of(save: Save) -> str:
    """Return a save's path, harmless, relative to home."""
    return clean(home_relative(save.path))


def outcome(save: Save) -> str:
    """Return how a save ended, with what is to be known about it; "" while it runs."""
    if save.result is not None:
        return " ".join((save.result.sentence(), *save.result.notes))
    return "" if save.error is None else str(save.error)


def resume_hint(save: Save) -> str:
    """Return where a recording that was stopped is, and the command that goes on."""
    request = save.request
    words = ["chronotui"]
    if request.profile:
        words += ["--profile", request.profile]
    words += ["save", request.workflow_id, request.job_id, "-O", str(save.path)]
    words += ["--format", str(request.format)]
    if request.stream:
        words += ["--stream", request.stream]
    return f"{save.error}\n  {shlex.join(words)}"


# What the dialog is opened on.

SLICE_ROWS: Final = 1000


class SaveSubject(Struct, frozen=True, kw_only=True):
    """A job's log, and which parts of it can be saved now.

    Attributes:
        short_id: The job's id as the tree shows it.
        profile: The name of the profile it is saved under.
        folder: Where the path begins: remembered, configured, or the current one.
        own_folder: The configured folder, which may be made if it is missing.
        known_lines: The log's line count, None if not known.
        parts: Scopes beside the whole log, with their lines in order. The call is
            made when the save begins, and again for a retry.
        scope: The one chosen at first.
    """

    job: Job
    folder: Path
    workflow: Workflow | None = None
    profile: str = ""
    short_id: str = ""
    own_folder: Path | None = None
    known_lines: int | None = None
    parts: Mapping[SaveScope, Callable[[], Iterable[LogLine]]] = field(
        default_factory=dict
    )
    scope: SaveScope = SaveScope.WHOLE

    @property
    def title(self) -> str:
        """The job's id for a title, harmless."""
        return clean(self.short_id or self.job.id)


def subject_of_job(
    job: Job, workflow: Workflow | None, plan: DeskPlan, short_id: str
) -> SaveSubject:
    """Return what can be saved of a job that is not opened: the whole log."""
    return SaveSubject(
        job=job,
        workflow=workflow,
        profile=plan.profile.name,
        short_id=short_id,
        folder=plan.save_folder,
        own_folder=plan.profile.save_dir or plan.ui.save_dir,
    )


def subject_of(
    shown: ShownJob, pane: str, plan: DeskPlan, short_id: str
) -> SaveSubject:
    state = shown.opened.log.state
    view = shown.views.get(pane)
    parts = dict(_parts(view)) if view is not None else {}
    subject = subject_of_job(state.job, shown.opened.workflow, plan, short_id)
    return replace(
        subject,
        known_lines=state.lines if state.at_start else None,
        parts=parts,
        scope=SaveScope.SELECTION if SaveScope.SELECTION in parts else SaveScope.WHOLE,
    )


def _parts(
    view: OpenLog,
) -> Iterator[tuple[SaveScope, Callable[[], Iterable[LogLine]]]]:
    if view.filters.value is not None:
        yield SaveScope.VIEW, lambda: _lines_of(view, 0, len(view.rows))
    if view.range_from is not None:
        picked = view.picked_rows()
        yield SaveScope.SELECTION, lambda: _lines_of(view, picked.start, picked.stop)
    if view.bookmarks:
        rows = [view.rows.locate(anchor) for anchor in view.bookmarks.values()]
        here = view.viewport.current
        low, high = sorted((min(rows, key=lambda row: abs(row - here)), here))
        yield SaveScope.TO_BOOKMARK, lambda: _lines_of(view, low, high + 1)


def _lines_of(view: OpenLog, start: int, stop: int) -> Iterator[LogLine]:
    """Yield the lines among some rows, reading them a slice at a time."""
    for first in range(start, stop, SLICE_ROWS):
        for row in view.rows.rows(first, min(first + SLICE_ROWS, stop)):
            if isinstance(row, LineRow):
                yield row.line


# The dialog.

FORMATS: Final = tuple((each, each.label) for each in SAVE_FORMATS)
STREAMS: Final = ((None, "both"), ("stdout", "stdout"), ("stderr", "stderr"))
ALL_LINES: Final = "all lines, or what the server's search finds"
RUNNING: Final = (
    "The job has not ended: it is recorded to its end, then checked against "
    "the server's own file."
)
RUNNING_QUERY: Final = (
    "The job has not ended: the server is asked for the query once it has."
)


SAVE_KEYS: Final[list[BindingType]] = [
    Binding("enter,ctrl+s", "save", "save", priority=True, id="save.save"),
    Binding("escape", "leave", "close", id="save.close"),
]
DIALOG_KEYS: Final = "enter saves · tab completes, moves on · esc closes"


def save_buttons() -> Horizontal:
    """Return the last row of a dialog that saves."""
    return Horizontal(
        Button("Save", variant="primary", compact=True, id="save"),
        Button("Cancel", compact=True, id="cancel"),
        id="buttons",
    )


class SaveDialog(Dialog[SaveRequest | None]):
    """Answers with what to save, None when it is left.

    Args:
        subject: The log and the parts of it that can be saved.
        path: The path filled in.
    """

    DEFAULT_CSS = """
    SaveDialog .row > Label { width: 9; }
    SaveDialog #note { padding-left: 9; color: $text-muted; }
    SaveDialog #buttons { margin-top: 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        *SAVE_KEYS,
        *FIELD_MOVES,
    ]

    def __init__(self, subject: SaveSubject, path: Path) -> None:
        super().__init__()
        self._subject = subject
        self._suggested = path

    def compose(self) -> ComposeResult:
        subject = self._subject
        scopes = [(scope, str(scope)) for scope in (SaveScope.WHOLE, *subject.parts)]
        self._scope = RadioRow(scopes, subject.scope, id="scope")
        self._format = RadioRow(FORMATS, FORMATS[0][0], id="format")
        self._stream = RadioRow(STREAMS, None, id="stream")
        self._query = Input(placeholder=ALL_LINES, compact=True, id="query")
        self._to = PathChoice(
            self._suggested,
            subject.folder,
            own_folder=subject.own_folder,
            file_name=lambda: log_name(subject.job.id, self._format.value.extension),
            recorded_job=lambda: self._recorded_job,
        )
        self._note = Static(id="note", markup=False)
        with Vertical(id="box") as box:
            box.border_title = Content(f"Save log of {subject.title}")
            box.border_subtitle = DIALOG_KEYS
            yield field_row("What", self._scope)
            yield field_row("Format", self._format)
            yield field_row("Stream", self._stream)
            yield field_row("Query", self._query)
            yield self._to
            yield self._note
            yield save_buttons()

    def on_mount(self) -> None:
        self._say_notes()

    @property
    def _recorded_job(self) -> str:
        """The job that would be recorded; "" where nothing would."""
        job = self._subject.job
        whole = self._scope.value is SaveScope.WHOLE and not job.status.is_terminal
        return job.id if whole and not self._query.value else ""

    @on(RadioRow.Changed)
    def _take_choice(self, event: RadioRow.Changed) -> None:
        event.stop()
        if event.row is self._format:
            self._follow_format()
        self._say_notes()

    def _follow_format(self) -> None:
        """Let the name's ending follow the format where it stated the last one."""
        stem, dot, ending = self._to.typed.rpartition(".")
        stated = dot and ending in {each.extension for each, _label in FORMATS}
        own = f"{stem}.{self._format.value.extension}"
        self._to.set_typed(own if stated else self._to.typed)

    @on(Input.Changed, "#path")
    def _follow_ending(self) -> None:
        """Let the format follow an ending that is typed, and be seen to."""
        ending = self._to.typed.rpartition(".")[2]
        fitting = [each for each, _label in FORMATS if each.extension == ending]
        if fitting and self._format.value not in fitting:
            self._format.show(fitting[0])

    @on(Input.Changed, "#query")
    def _say_notes(self) -> None:
        whole = self._scope.value is SaveScope.WHOLE
        self._query.disabled = not whole
        note = ""
        if whole and not self._subject.job.status.is_terminal:
            note = RUNNING_QUERY if self._query.value.strip() else RUNNING
        self._note.update(Content(note))
        self._note.display = bool(note)

    @on(Button.Pressed, "#save")
    async def action_save(self) -> None:
        """Answer with the request, if the path can be saved to."""
        if self.focused is not None and self.focused.id == "cancel":
            self.action_leave()
            return
        self._follow_ending()  # what was typed a moment ago may not have been told
        found = await self._to.chosen()
        if found is not None:
            self.dismiss(self._request(found))
        else:
            self.app.bell()

    def _request(self, found: PathPreview) -> SaveRequest:
        subject, scope = self._subject, self._scope.value
        query = self._query.value.strip()
        return SaveRequest(
            workflow_id=subject.job.workflow_id,
            job_id=subject.job.id,
            profile=subject.profile,
            format=self._format.value,
            path=found.path,
            folder=subject.folder,
            stream=self._stream.value,
            query=query or None if scope is SaveScope.WHOLE else None,
            scope=scope,
            lines=subject.parts.get(scope),
            overwrite=self._to.overwrites,
            make_folder=found.makes_folder,
            keep_part=True,
            known_lines=subject.known_lines,
            job=subject.job,
            workflow=subject.workflow,
        )
