"""Saving runs: what is asked of one run, its events, or the whole filtered list."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, ClassVar, Final

from msgspec import Struct
from textual import on
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Button, Input, Static

from chronotui.engine.save_request import SaveRequest, SaveScope, free_path
from chronotui.engine.save_runs import (
    Destination,
    list_name,
    list_request,
    run_name,
    run_request,
)
from chronotui.runs.formats import (
    DETAIL,
    LIST_FORMATS,
    RUN_JSON,
    RUN_TXT,
    ListFormat,
    RunFormat,
    SavedRun,
)
from chronotui.text import clean
from chronotui.ui.dialogs import FIELD_MOVES, Dialog, RadioRow, field_row
from chronotui.ui.save import DIALOG_KEYS, SAVE_KEYS, save_buttons
from chronotui.ui.save_list import save_and_show
from chronotui.ui.save_path import PathChoice

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import Any

    from textual.app import App, ComposeResult
    from textual.binding import BindingType

    from chronotui.engine.save import Save, Saves
    from chronotui.engine.save_request import PathPreview
    from chronotui.model import Job, JobFilter, Workflow
    from chronotui.runs.formats import SeenEvents
    from chronotui.sources.protocol import RunSource

SCOPE_WORDS: Final = {
    SaveScope.RUN: RUN_JSON.label,
    SaveScope.EVENTS: RUN_TXT.label,
    SaveScope.LIST: "the list of runs",
}
FORMATS: Final = tuple((each, each.label) for each in LIST_FORMATS)
GOES_ON: Final = "The run has not ended: the file has it as it is now."
NOT_WATCHED: Final = "Its events were not observed: open the run first to have them."


class RunSubject(Struct, frozen=True, kw_only=True):
    """What can be saved of an app's runs.

    Attributes:
        client: The server.
        app: The app.
        job: The run that is meant; None where none is.
        short_id: Its id as the tree shows it.
        seen: What was observed of its events; None if it was not opened.
        only: What the list is filtered by.
        filter_words: That in words, "" for nothing.
        total: How many runs the list has, by the server's count.
        folder: Where the path begins.
        own_folder: The configured folder, which may be made if it is missing.
        profile: The profile's name.
    """

    client: RunSource
    app: Workflow
    job: Job | None
    short_id: str
    seen: SeenEvents | None
    only: JobFilter
    filter_words: str
    total: int | None
    folder: Path
    own_folder: Path | None
    profile: str

    @property
    def scopes(self) -> tuple[SaveScope, ...]:
        """What can be chosen, the usual first."""
        if self.job is None:
            return (SaveScope.LIST,)
        if self.seen is None:
            return SaveScope.RUN, SaveScope.LIST
        return SaveScope.RUN, SaveScope.EVENTS, SaveScope.LIST

    def title(self, scope: SaveScope) -> str:
        """Say what would be saved, harmless."""
        app = clean(self.app.name)
        if scope is SaveScope.LIST:
            return f"runs of {app}"
        what = "events of run" if scope is SaveScope.EVENTS else "run"
        return f"{what} {clean(self.short_id)} of {app}"

    def file_name(self, scope: SaveScope, form: ListFormat) -> str:
        if scope is SaveScope.LIST or self.job is None:
            return list_name(self.app, form)
        return run_name(self.app, self.job, _run_format(scope))

    def free_paths(self) -> dict[tuple[SaveScope, ListFormat], Path]:
        """Return a free path for each choice; may block on a slow disk."""
        folder = self.folder.expanduser()
        return {
            (scope, form): free_path(folder, self.file_name(scope, form))
            for scope in self.scopes
            for form in LIST_FORMATS
        }

    def note(self, scope: SaveScope) -> str:
        """Say what will be in the file."""
        if scope is SaveScope.LIST:
            if self.filter_words:
                return f"Every page is read of the runs that are {self.filter_words}."
            count = "" if self.total is None else f"{self.total:,} "
            return f"All {count}runs are read, page by page."
        words = []
        if self.job is not None and not self.job.has_ended:
            words.append(GOES_ON)
        if self.seen is None:
            words.append(NOT_WATCHED)
        return " ".join(words)

    async def saved_run(self, _tell: Callable[[str], None]) -> SavedRun:
        """Return the run as it is now; one that has ended and was read as it was."""
        job = self.job
        assert job is not None  # noqa: S101 - only a run's scopes ask
        if job.run_id and not (job.has_ended and DETAIL in job.fields):
            job = await self.client.reread(job)
        client = self.client
        return SavedRun(client.origin, client.version, self.app.name, job, self.seen)


def _run_format(scope: SaveScope) -> RunFormat:
    return RUN_TXT if scope is SaveScope.EVENTS else RUN_JSON


class RunSaveDialog(Dialog[SaveRequest | None]):
    """Answers with what to save of an app's runs, None when it is left.

    Args:
        subject: What can be saved.
        paths: The path filled in for each choice.
        scope: What is chosen at first.
    """

    DEFAULT_CSS = """
    RunSaveDialog .row > Label { width: 9; }
    RunSaveDialog #note { padding-left: 9; color: $text-muted; }
    RunSaveDialog #buttons { margin-top: 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [*SAVE_KEYS, *FIELD_MOVES]

    def __init__(
        self,
        subject: RunSubject,
        paths: dict[tuple[SaveScope, ListFormat], Path],
        scope: SaveScope,
    ) -> None:
        super().__init__()
        self._subject = subject
        self._paths = paths
        scopes = [(each, SCOPE_WORDS[each]) for each in subject.scopes]
        self._scope = RadioRow(scopes, scope, id="scope")
        self._format = RadioRow(FORMATS, LIST_FORMATS[0], id="format")
        self._to = PathChoice(
            paths[scope, LIST_FORMATS[0]],
            subject.folder,
            own_folder=subject.own_folder,
            file_name=lambda: subject.file_name(*self._choice),
        )
        self._suggested = paths[self._choice]
        self._note = Static(id="note", markup=False)

    @property
    def _choice(self) -> tuple[SaveScope, ListFormat]:
        return self._scope.value, self._format.value

    def compose(self) -> ComposeResult:
        self._box = Vertical(id="box")
        with self._box as box:
            box.border_subtitle = DIALOG_KEYS
            yield field_row("What", self._scope)
            yield field_row("Format", self._format)
            yield self._to
            yield self._note
            yield save_buttons()

    def on_mount(self) -> None:
        self._say_notes()

    @on(RadioRow.Changed)
    def _take_choice(self, event: RadioRow.Changed) -> None:
        """Let the name follow what is chosen, where no other one was typed."""
        event.stop()
        before, self._suggested = self._suggested, self._paths[self._choice]
        typed = self._to.typed
        stem, dot, ending = typed.rpartition(".")
        if self._to.leads_to(before):
            self._to.suggest(self._suggested)
        elif dot and f".{ending}" == before.suffix:
            self._to.set_typed(stem + self._suggested.suffix)
        self._say_notes()

    @on(Input.Changed, "#path")
    def _follow_name(self) -> None:
        """Let the format be what the ending of a name that was typed states."""
        is_own = self._to.leads_to(self._suggested)
        if is_own or self._scope.value is not SaveScope.LIST:
            return
        ending = self._to.typed.rpartition(".")[2]
        for form in LIST_FORMATS:
            if form.extension == ending:
                self._format.choose(form)

    def _say_notes(self) -> None:
        scope = self._scope.value
        self._box.border_title = Content(f"Save {self._subject.title(scope)}")
        self._format.parent.display = scope is SaveScope.LIST  # type: ignore[union-attr]
        note = self._subject.note(scope)
        self._note.update(Content(clean(note)))
        self._note.display = bool(note)

    @on(Button.Pressed, "#save")
    async def action_save(self) -> None:
        """Answer with the request, if the path can be saved to."""
        if self.focused is not None and self.focused.id == "cancel":
            self.action_leave()
            return
        found = await self._to.chosen()
        if found is not None:
            self.dismiss(self._request(found))
        else:
            self.app.bell()

    def _request(self, found: PathPreview) -> SaveRequest:
        subject, (scope, form) = self._subject, self._choice
        to = Destination(
            path=found.path,
            folder=subject.folder,
            overwrite=self._to.overwrites,
            make_folder=found.makes_folder,
            keep_part=True,
            profile=subject.profile,
        )
        if scope is SaveScope.LIST or subject.job is None:
            return list_request(subject.client, subject.app, subject.only, form, to)
        return run_request(
            subject.saved_run, subject.job, subject.app, _run_format(scope), to
        )


async def ask_and_save_runs(
    app: App[Any],
    saves: Saves,
    subject: RunSubject,
    *,
    scope: SaveScope,
    on_folder: Callable[[Path], None] = lambda _folder: None,
) -> Save | None:
    """Open the dialog, start what it answers, and show the save; run it as a worker.

    Args:
        app: The desk.
        saves: Its saves.
        subject: What can be saved.
        scope: What is chosen at first, if it is there.
        on_folder: Called with the folder saved to.

    Returns:
        The save when its screen is left, over or not; None if there is none.
    """
    paths = await asyncio.to_thread(subject.free_paths)
    scope = scope if scope in subject.scopes else subject.scopes[0]
    request = await app.push_screen_wait(RunSaveDialog(subject, paths, scope))
    title = "" if request is None else subject.title(request.scope)
    return await save_and_show(app, saves, request, title, on_folder)
