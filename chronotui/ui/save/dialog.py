"""The save dialog: what, in which format, and where to."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, ClassVar, Final

from textual import on, work
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Button, Input, Label, Static

from chronotui.core.file_names import log_name
from chronotui.core.text import clean
from chronotui.engine.saving import SaveFormat, SaveRequest, SaveScope
from chronotui.engine.saving.paths import PathPreview, preview, shown
from chronotui.ui.dialog import FIELD_MOVES, Dialog
from chronotui.ui.save.choices import Choices
from chronotui.ui.save.path_input import PathInput

if TYPE_CHECKING:
    from pathlib import Path

    from textual.app import ComposeResult

    from chronotui.ui.save.subject import SaveSubject

FORMATS: Final = (
    (SaveFormat.TXT, "txt"),
    (SaveFormat.TXT_TIME, "txt with time"),
    (SaveFormat.JSONL, "jsonl"),
    (SaveFormat.JSON, "json"),
)
REPLACE: Final = ((False, "no, keep what is there"), (True, "yes"))
STREAMS: Final = ((None, "both"), ("stdout", "stdout"), ("stderr", "stderr"))

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
        path: The path filled in (see `suggest`).
        earlier: A request to begin with, for another try.
    """

    DEFAULT_CSS = """
    SaveDialog { align: center middle; }
    SaveDialog > #box {
        width: 72; max-width: 100%; height: auto; max-height: 100%;
        border: round $primary; padding: 0 1; background: $surface;
    }
    SaveDialog .row { height: auto; }
    SaveDialog .row > Label { width: 9; color: $text-muted; }
    SaveDialog Input { width: 1fr; }
    SaveDialog #standing, SaveDialog #note { padding-left: 9; color: $text-muted; }
    SaveDialog #standing.-warning { color: $text-warning; }
    SaveDialog #standing.-refused { color: $text-error; }
    SaveDialog #buttons { height: 1; align-horizontal: right; margin-top: 1; }
    SaveDialog #buttons Button { margin-left: 2; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,ctrl+s", "save", "save", priority=True, id="save.save"),
        Binding("escape", "leave", "close", id="save.close"),
        *FIELD_MOVES,
    ]

    class Looked(Message):
        """A typed path was looked at."""

        def __init__(self, found: PathPreview) -> None:
            super().__init__()
            self.found = found

    def __init__(
        self, subject: SaveSubject, path: Path, *, earlier: SaveRequest | None = None
    ) -> None:
        super().__init__()
        self._subject = subject
        self._suggested = path
        self._earlier = earlier
        self._found: PathPreview | None = None

    def compose(self) -> ComposeResult:
        """Yield the rows of the form."""
        subject, earlier = self._subject, self._earlier
        scopes = [(scope, str(scope)) for scope in (SaveScope.WHOLE, *subject.parts)]
        scope = earlier.scope if earlier else subject.scope
        chosen = earlier.format if earlier else SaveFormat.TXT
        stream = earlier.stream if earlier else None
        query = (earlier.query if earlier else None) or ""
        with Vertical(id="box") as box:
            box.border_title = Content(f"Save log of {subject.title}")
            box.border_subtitle = "enter saves · tab completes, moves on · esc closes"
            yield from self._row("What", Choices(scopes, scope, id="scope"))
            yield from self._row("Format", Choices(FORMATS, chosen, id="format"))
            yield from self._row("Stream", Choices(STREAMS, stream, id="stream"))
            yield from self._row(
                "Query",
                Input(
                    query,
                    placeholder="all lines, or what the server's search finds",
                    compact=True,
                    id="query",
                ),
            )
            path = PathInput(shown(self._suggested), subject.folder, id="path")
            yield from self._row("To", path)
            yield Static(id="standing", markup=False)
            with Horizontal(classes="row", id="replace"):
                yield Label("Replace")
                yield Choices(REPLACE, chosen=False, id="overwrite")
            yield Static(id="note", markup=False)
            with Horizontal(id="buttons"):
                yield Button("Save", variant="primary", compact=True, id="save")
                yield Button("Cancel", compact=True, id="cancel")

    def _row(self, title: str, field: Choices[object] | Input) -> ComposeResult:
        with Horizontal(classes="row"):
            yield Label(title)
            yield field

    def on_mount(self) -> None:
        """Put the cursor behind the path."""
        path = self.query_one("#path", PathInput)
        path.focus()
        self.call_after_refresh(path.show_end)
        self.query_one("#replace").display = False
        self._say_notes()
        self._look(path.value)

    @property
    def _scope(self) -> SaveScope:
        scope: SaveScope = self.query_one("#scope", Choices).value
        return scope

    @property
    def _format(self) -> SaveFormat:
        chosen: SaveFormat = self.query_one("#format", Choices).value
        return chosen

    @property
    def _recorded_job(self) -> str:
        """The job that would be recorded; "" where nothing would."""
        job = self._subject.job
        whole = self._scope is SaveScope.WHOLE and not job.status.is_terminal
        return job.id if whole and not self.query_one("#query", Input).value else ""

    @property
    def _overwrite(self) -> bool:
        replace: bool = self.query_one("#overwrite", Choices).value
        return replace and self.query_one("#replace").display

    @on(Choices.Changed)
    def _on_choice(self, event: Choices.Changed) -> None:
        event.stop()
        if event.choices.id == "format":
            self._follow_format()
        if event.choices.id == "overwrite" and self._found is not None:
            self._show(self._found)
        self._say_notes()

    def _follow_format(self) -> None:
        """Let the name's ending follow the format where it stated the last one."""
        path = self.query_one("#path", Input)
        stem, dot, ending = path.value.rpartition(".")
        if dot and ending in {each.extension for each in SaveFormat}:
            path.value = f"{stem}.{self._format.extension}"
        else:
            self._look(path.value)

    @on(Input.Changed, "#query")
    def _say_notes(self) -> None:
        whole = self._scope is SaveScope.WHOLE
        query = self.query_one("#query", Input)
        query.disabled = not whole
        note = ""
        if whole and not self._subject.job.status.is_terminal:
            note = RUNNING_QUERY if query.value.strip() else RUNNING
        told = self.query_one("#note", Static)
        told.update(Content(note))
        told.display = bool(note)

    @on(Input.Changed, "#path")
    def _on_path(self, event: Input.Changed) -> None:
        self._look(event.value)

    @work(group="save-preview", exclusive=True)
    async def _look(self, typed: str) -> None:
        self.post_message(self.Looked(await self._looked_at(typed)))

    async def _looked_at(self, typed: str) -> PathPreview:
        subject = self._subject
        return await asyncio.to_thread(
            preview,
            typed,
            subject.folder,
            own_folder=subject.own_folder,
            file_name=log_name(subject.job.id, self._format.extension),
        )

    def on_save_dialog_looked(self, message: Looked) -> None:
        """Show what stands at the path."""
        self._show(message.found)

    def _show(self, found: PathPreview) -> None:
        """Say what the path leads to; the path itself where it was typed shorter."""
        self._found = found
        replaceable = found.target.replaceable
        self.query_one("#replace").display = replaceable
        words = found.sentence(self._recorded_job)
        if replaceable and self._overwrite:
            words = "will be replaced"
        final, typed = shown(found.path), self.query_one("#path", Input).value
        if final != typed.strip():
            words = f"{clean(final)}  ({words})"
        standing = self.query_one("#standing", Static)
        standing.update(Content(words))
        standing.set_class(replaceable, "-warning")
        standing.set_class(not found.is_new and not replaceable, "-refused")

    @on(Button.Pressed, "#save")
    async def _on_save(self) -> None:
        await self.action_save()

    @on(Button.Pressed, "#cancel")
    def action_leave(self) -> None:
        """Answer with none."""
        self.dismiss(None)

    async def action_save(self) -> None:
        """Answer with the request, if the path can be saved to."""
        if self.focused is not None and self.focused.id == "cancel":
            self.dismiss(None)
            return
        found = await self._looked_at(self.query_one("#path", Input).value)
        self._show(found)
        if found.allows(overwrite=self._overwrite):
            self.dismiss(self._request(found, overwrite=self._overwrite))
        else:
            self.app.bell()

    def _request(self, found: PathPreview, *, overwrite: bool) -> SaveRequest:
        subject, scope = self._subject, self._scope
        query = self.query_one("#query", Input).value.strip()
        stream: str | None = self.query_one("#stream", Choices).value
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
            overwrite=overwrite,
            make_folder=found.makes_folder,
            keep_part=True,
            known_lines=subject.known_lines,
            job=subject.job,
            workflow=subject.workflow,
        )
