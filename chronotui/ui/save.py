"""The save dialog: what is saved of a log, in which format, and where to.

And a save in words, which its screens and the list of saves show.
"""

from __future__ import annotations

import asyncio
import shlex
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Final

from textual import on, work
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.suggester import Suggester
from textual.widgets import Button, Input, Static

from chronotui.engine.save_paths import (
    completed,
    completions,
    log_name,
    preview,
    shown,
)
from chronotui.engine.save_request import (
    SavePhase,
    SaveRequest,
    SaveScope,
    count_of_lines,
    size_text,
)
from chronotui.log.formats import SaveFormat
from chronotui.log.marks import LineRow
from chronotui.text import clean
from chronotui.times import human_duration
from chronotui.ui.dialogs import FIELD_MOVES, Dialog, RadioRow, field_row

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from textual.app import ComposeResult

    from chronotui.engine.save import Save
    from chronotui.engine.save_paths import PathPreview
    from chronotui.engine.save_request import SaveProgress
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
    parts = [size_text(progress.bytes), count_of_lines(progress.lines)]
    if not progress.phase.is_over:
        parts.append(f"{size_text(progress.bytes_per_second)}/s")
    parts.append(human_duration(progress.elapsed_seconds))
    return "  ".join(parts)


def share(progress: SaveProgress) -> str:
    """Return the part done: ``about 48 % of 65,000 lines``; "" if unknown."""
    if progress.fraction is None or progress.phase.is_over:
        return ""
    whole = count_of_lines(progress.total_lines or 0)
    return f"about {progress.fraction * 100:.0f} % of {whole}"


def bar(progress: SaveProgress, width: int) -> str:
    """Return a bar of ``width`` cells; "" when the total is not known."""
    if progress.fraction is None or width <= 0:
        return ""
    full = round(progress.fraction * width)
    return "━" * full + "─" * (width - full)


def path_of(save: Save) -> str:
    """Return a save's path, harmless, relative to home."""
    return clean(shown(save.path))


def outcome(save: Save) -> str:
    """Return how a save ended, with what is to be known about it; "" while it runs."""
    if save.result is not None:
        return " ".join((save.result.sentence(), *save.result.notes))
    return "" if save.error is None else str(save.error)


def kept(save: Save) -> str:
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


@dataclass(frozen=True, slots=True, kw_only=True)
class SaveSubject:
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


def subject_of(
    shown: ShownJob, pane: str, plan: DeskPlan, short_id: str
) -> SaveSubject:
    """Return what can be saved of the opened job just now."""
    state = shown.opened.log.state
    view = shown.views.get(pane)
    parts = dict(_parts(view)) if view is not None else {}
    return SaveSubject(
        job=state.job,
        workflow=shown.opened.workflow,
        profile=plan.profile_name,
        short_id=short_id,
        folder=plan.save_folder,
        own_folder=plan.profile.save_dir or plan.ui.save_dir,
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


# The dialog and its field for the path.


class PathSuggester(Suggester):
    """Offers the first completion of a path in grey."""

    def __init__(self, folder: Path) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self._folder = folder

    async def get_suggestion(self, value: str) -> str | None:
        if not value:
            return None
        found = await asyncio.to_thread(completions, value, self._folder)
        return found[0] if found and found[0] != value else None


class PathInput(Input):
    """Completes with Tab as far as the folder agrees; a second Tab moves on.

    Args:
        path: As shown at first.
        folder: Where relative paths begin.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "complete", "complete the path", show=False, id="save.complete"),
    ]

    def __init__(self, path: str, folder: Path) -> None:
        super().__init__(
            path,
            suggester=PathSuggester(folder),
            compact=True,
            select_on_focus=False,
            id="path",
        )
        self._folder = folder

    def show_end(self) -> None:
        """Put the cursor behind the path and scroll to it: the name matters most."""
        self.cursor_position = 0
        self.cursor_position = len(self.value)

    async def action_complete(self) -> None:
        """Complete the path; where nothing more can be told, go to the next field."""
        typed = self.value
        if self.cursor_position == len(typed):
            found = await asyncio.to_thread(completions, typed, self._folder)
            longer = completed(typed, found)
            if len(longer) > len(typed) and self.value == typed:
                self.value = longer
                self.cursor_position = len(longer)
                return
        self.screen.focus_next()


FORMATS: Final = (
    (SaveFormat.TXT, "txt"),
    (SaveFormat.TXT_TIME, "txt with time"),
    (SaveFormat.JSONL, "jsonl"),
    (SaveFormat.JSON, "json"),
)
REPLACE: Final = ((False, "no, keep what is there"), (True, "yes"))
STREAMS: Final = ((None, "both"), ("stdout", "stdout"), ("stderr", "stderr"))
ALL_LINES: Final = "all lines, or what the server's search finds"
RUNNING: Final = (
    "The job has not ended: it is recorded to its end, then checked against "
    "the server's own file."
)
RUNNING_QUERY: Final = (
    "The job has not ended: the server is asked for the query once it has."
)


class SaveDialog(Dialog[SaveRequest | None]):
    """Answers with what to save, None when it is left.

    Args:
        subject: The log and the parts of it that can be saved.
        path: The path filled in.
    """

    DEFAULT_CSS = """
    SaveDialog .row > Label { width: 9; }
    SaveDialog #preview, SaveDialog #note { padding-left: 9; color: $text-muted; }
    SaveDialog #preview.-warning { color: $text-warning; }
    SaveDialog #preview.-refused { color: $text-error; }
    SaveDialog #buttons { margin-top: 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,ctrl+s", "save", "save", priority=True, id="save.save"),
        Binding("escape", "leave", "close", id="save.close"),
        *FIELD_MOVES,
    ]

    class Previewed(Message):
        """It is known what stands at the typed path."""

        def __init__(self, found: PathPreview) -> None:
            super().__init__()
            self.found = found

    def __init__(self, subject: SaveSubject, path: Path) -> None:
        super().__init__()
        self._subject = subject
        self._suggested = path
        self._found: PathPreview | None = None

    def compose(self) -> ComposeResult:
        """Yield the rows of the form."""
        subject = self._subject
        scopes = [(scope, str(scope)) for scope in (SaveScope.WHOLE, *subject.parts)]
        with Vertical(id="box") as box:
            box.border_title = Content(f"Save log of {subject.title}")
            box.border_subtitle = "enter saves · tab completes, moves on · esc closes"
            yield field_row("What", RadioRow(scopes, subject.scope, id="scope"))
            yield field_row("Format", RadioRow(FORMATS, FORMATS[0][0], id="format"))
            yield field_row("Stream", RadioRow(STREAMS, None, id="stream"))
            query = Input(placeholder=ALL_LINES, compact=True, id="query")
            yield field_row("Query", query)
            path = shown(self._suggested)
            yield field_row("To", PathInput(path, subject.folder))
            yield Static(id="preview", markup=False)
            yield field_row("Replace", RadioRow(REPLACE, chosen=False, id="overwrite"))
            yield Static(id="note", markup=False)
            with Horizontal(id="buttons"):
                yield Button("Save", variant="primary", compact=True, id="save")
                yield Button("Cancel", compact=True, id="cancel")

    def on_mount(self) -> None:
        """Put the cursor behind the path."""
        path = self.query_one(PathInput)
        path.focus()
        self.call_after_refresh(path.show_end)
        self.query_one("#row-overwrite").display = False
        self._say_notes()
        self._preview(path.value)

    @property
    def _scope(self) -> SaveScope:
        scope: SaveScope = self.query_one("#scope", RadioRow).value
        return scope

    @property
    def _format(self) -> SaveFormat:
        chosen: SaveFormat = self.query_one("#format", RadioRow).value
        return chosen

    @property
    def _query(self) -> Input:
        return self.query_one("#query", Input)

    @property
    def _recorded_job(self) -> str:
        """The job that would be recorded; "" where nothing would."""
        job = self._subject.job
        whole = self._scope is SaveScope.WHOLE and not job.status.is_terminal
        return job.id if whole and not self._query.value else ""

    @property
    def _overwrite(self) -> bool:
        replace: bool = self.query_one("#overwrite", RadioRow).value
        return replace and self.query_one("#row-overwrite").display

    @on(RadioRow.Changed)
    def _take_choice(self, event: RadioRow.Changed) -> None:
        event.stop()
        if event.row.id == "format":
            self._follow_format()
        if event.row.id == "overwrite" and self._found is not None:
            self._show(self._found)
        self._say_notes()

    def _follow_format(self) -> None:
        """Let the name's ending follow the format where it stated the last one."""
        path = self.query_one(PathInput)
        stem, dot, ending = path.value.rpartition(".")
        if dot and ending in {each.extension for each, _label in FORMATS}:
            path.value = f"{stem}.{self._format.extension}"
        else:
            self._preview(path.value)

    @on(Input.Changed, "#query")
    def _say_notes(self) -> None:
        whole, query = self._scope is SaveScope.WHOLE, self._query
        query.disabled = not whole
        note = ""
        if whole and not self._subject.job.status.is_terminal:
            note = RUNNING_QUERY if query.value.strip() else RUNNING
        told = self.query_one("#note", Static)
        told.update(Content(note))
        told.display = bool(note)

    @on(Input.Changed, "#path")
    def _path_typed(self, event: Input.Changed) -> None:
        self._preview(event.value)

    @work(group="save-preview", exclusive=True)
    async def _preview(self, typed: str) -> None:
        self.post_message(self.Previewed(await self._preview_of(typed)))

    def on_save_dialog_previewed(self, message: Previewed) -> None:
        self._show(message.found)

    async def _preview_of(self, typed: str) -> PathPreview:
        subject = self._subject
        return await asyncio.to_thread(
            preview,
            typed,
            subject.folder,
            own_folder=subject.own_folder,
            file_name=log_name(subject.job.id, self._format.extension),
        )

    def _show(self, found: PathPreview) -> None:
        """Say what the path leads to; the path itself where it was typed shorter."""
        self._found = found
        replaceable = found.target.replaceable
        self.query_one("#row-overwrite").display = replaceable
        words = found.sentence(self._recorded_job)
        if self._overwrite:
            words = "will be replaced"
        final, typed = shown(found.path), self.query_one(PathInput).value
        if final != typed.strip():
            words = f"{clean(final)}  ({words})"
        status = self.query_one("#preview", Static)
        status.update(Content(words))
        status.set_class(replaceable, "-warning")
        status.set_class(not found.is_new and not replaceable, "-refused")

    @on(Button.Pressed, "#save")
    async def action_save(self) -> None:
        """Answer with the request, if the path can be saved to."""
        if self.focused is not None and self.focused.id == "cancel":
            self.action_leave()
            return
        found = await self._preview_of(self.query_one(PathInput).value)
        self._show(found)
        if found.allows(overwrite=self._overwrite):
            self.dismiss(self._request(found))
        else:
            self.app.bell()

    def _request(self, found: PathPreview) -> SaveRequest:
        subject, scope = self._subject, self._scope
        query = self._query.value.strip()
        stream: str | None = self.query_one("#stream", RadioRow).value
        return SaveRequest(
            workflow_id=subject.job.workflow_id,
            job_id=subject.job.id,
            profile=subject.profile,
            format=self._format,
            path=found.path,
            folder=subject.folder,
            stream=stream,
            query=query or None if scope is SaveScope.WHOLE else None,
            scope=scope,
            lines=subject.parts.get(scope),
            overwrite=self._overwrite,
            make_folder=found.makes_folder,
            keep_part=True,
            known_lines=subject.known_lines,
            job=subject.job,
            workflow=subject.workflow,
        )
