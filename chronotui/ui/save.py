"""The save dialog: what is saved of a log, in which format, and where to.

And a save in words, which its screens and the list of saves show.
"""

from __future__ import annotations

import asyncio
import os
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

from chronotui.engine.save_request import (
    SavePhase,
    SaveRequest,
    SaveScope,
    completions,
    log_name,
    preview,
    size_text,
)
from chronotui.log.formats import SAVE_FORMATS
from chronotui.log.marks import LineRow
from chronotui.storage.files import home_relative
from chronotui.text import clean, plural
from chronotui.times import human_duration
from chronotui.ui.dialogs import FIELD_MOVES, Dialog, RadioRow, field_row
from chronotui.ui.keys import help_key

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
    parts = [size_text(progress.bytes), plural(progress.lines, "line")]
    if not progress.phase.is_over:
        parts.append(f"{size_text(progress.bytes_per_second)}/s")
    parts.append(human_duration(progress.elapsed_seconds))
    return "  ".join(parts)


def share(progress: SaveProgress) -> str:
    """Return the part done: ``about 48 % of 65,000 lines``; "" if unknown."""
    if progress.fraction is None or progress.phase.is_over:
        return ""
    whole = plural(progress.total_lines or 0, "line")
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
    state = shown.opened.log.state
    view = shown.views.get(pane)
    parts = dict(_parts(view)) if view is not None else {}
    return SaveSubject(
        job=state.job,
        workflow=shown.opened.workflow,
        profile=plan.profile.name,
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
        help_key("tab", "complete", "complete the path", "save.complete"),
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
            longer = os.path.commonprefix(found)  # noqa: RUF071 - letter by letter
            if len(longer) > len(typed) and self.value == typed:
                self.value = longer
                self.cursor_position = len(longer)
                return
        self.screen.focus_next()


FORMATS: Final = tuple((each, each.label) for each in SAVE_FORMATS)
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
        def __init__(self, found: PathPreview) -> None:
            super().__init__()
            self.found = found

    def __init__(self, subject: SaveSubject, path: Path) -> None:
        super().__init__()
        self._subject = subject
        self._suggested = path
        self._found: PathPreview | None = None

    def compose(self) -> ComposeResult:
        subject = self._subject
        scopes = [(scope, str(scope)) for scope in (SaveScope.WHOLE, *subject.parts)]
        self._scope = RadioRow(scopes, subject.scope, id="scope")
        self._format = RadioRow(FORMATS, FORMATS[0][0], id="format")
        self._stream = RadioRow(STREAMS, None, id="stream")
        self._query = Input(placeholder=ALL_LINES, compact=True, id="query")
        self._path = PathInput(home_relative(self._suggested), subject.folder)
        self._status = Static(id="preview", markup=False)
        self._overwrite = RadioRow(REPLACE, chosen=False, id="overwrite")
        self._replace = field_row("Replace", self._overwrite)
        self._note = Static(id="note", markup=False)
        with Vertical(id="box") as box:
            box.border_title = Content(f"Save log of {subject.title}")
            box.border_subtitle = "enter saves · tab completes, moves on · esc closes"
            yield field_row("What", self._scope)
            yield field_row("Format", self._format)
            yield field_row("Stream", self._stream)
            yield field_row("Query", self._query)
            yield field_row("To", self._path)
            yield self._status
            yield self._replace
            yield self._note
            with Horizontal(id="buttons"):
                yield Button("Save", variant="primary", compact=True, id="save")
                yield Button("Cancel", compact=True, id="cancel")

    def on_mount(self) -> None:
        self._path.focus()
        self.call_after_refresh(self._path.show_end)
        self._replace.display = False
        self._say_notes()
        self._preview(self._path.value)

    @property
    def _recorded_job(self) -> str:
        """The job that would be recorded; "" where nothing would."""
        job = self._subject.job
        whole = self._scope.value is SaveScope.WHOLE and not job.status.is_terminal
        return job.id if whole and not self._query.value else ""

    @property
    def _overwrites(self) -> bool:
        return self._overwrite.value and self._replace.display

    @on(RadioRow.Changed)
    def _take_choice(self, event: RadioRow.Changed) -> None:
        event.stop()
        if event.row is self._format:
            self._follow_format()
        if event.row is self._overwrite and self._found is not None:
            self._show(self._found)
        self._say_notes()

    def _follow_format(self) -> None:
        """Let the name's ending follow the format where it stated the last one."""
        stem, dot, ending = self._path.value.rpartition(".")
        if dot and ending in {each.extension for each, _label in FORMATS}:
            self._path.value = f"{stem}.{self._format.value.extension}"
        else:
            self._preview(self._path.value)

    @on(Input.Changed, "#query")
    def _say_notes(self) -> None:
        whole = self._scope.value is SaveScope.WHOLE
        self._query.disabled = not whole
        note = ""
        if whole and not self._subject.job.status.is_terminal:
            note = RUNNING_QUERY if self._query.value.strip() else RUNNING
        self._note.update(Content(note))
        self._note.display = bool(note)

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
            file_name=log_name(subject.job.id, self._format.value.extension),
        )

    def _show(self, found: PathPreview) -> None:
        """Say what the path leads to; the path itself where it was typed shorter."""
        self._found = found
        replaceable = found.target.replaceable
        self._replace.display = replaceable
        words = found.sentence(self._recorded_job)
        if self._overwrites:
            words = "will be replaced"
        final = home_relative(found.path)
        if final != self._path.value.strip():
            words = f"{clean(final)}  ({words})"
        self._status.update(Content(words))
        self._status.set_class(replaceable, "-warning")
        self._status.set_class(not found.is_new and not replaceable, "-refused")

    @on(Button.Pressed, "#save")
    async def action_save(self) -> None:
        """Answer with the request, if the path can be saved to."""
        if self.focused is not None and self.focused.id == "cancel":
            self.action_leave()
            return
        found = await self._preview_of(self._path.value)
        self._show(found)
        if found.allows(overwrite=self._overwrites):
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
            overwrite=self._overwrites,
            make_folder=found.makes_folder,
            keep_part=True,
            known_lines=subject.known_lines,
            job=subject.job,
            workflow=subject.workflow,
        )
