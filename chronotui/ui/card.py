"""The card of a job over the desk: read while it is shown, copied, saved."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, ClassVar, Final, TypeAlias, cast

from textual import work
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Static

from chronotui.engine.card import JobCardReader, card_name, save_card
from chronotui.engine.job_log import JobLog
from chronotui.engine.run_card import RunCardReader
from chronotui.engine.run_log import RunLog
from chronotui.errors import ChronotuiError
from chronotui.storage.files import home_relative
from chronotui.text import clean, plural
from chronotui.ui.dialogs import Dialog
from chronotui.ui.keys import help_key
from chronotui.ui.term import clipboard

if TYPE_CHECKING:
    from pathlib import Path

    from textual.app import ComposeResult
    from textual.screen import Screen

    from chronotui.engine.session import Session
    from chronotui.log.handoff import Origin
    from chronotui.model import Job, Workflow
    from chronotui.sources.protocol import RunSource, Source
    from chronotui.ui.desk.plan import DeskPlan

    CardReader: TypeAlias = JobCardReader | RunCardReader

KEYS: Final = "y copies · s saves · esc closes"
READING: Final = "reading …"


class CardScreen(Dialog[None]):
    """Shows a card as Markdown, as it will be pasted.

    Args:
        reader: Gathers the card.
        title: Whose it is, cleaned.
        file_name: The name of its file.
        folder: Where it is saved.
        own_folder: Whether that is a configured one, which is made if it is missing.

    Attributes:
        markdown: The card as far as it was read.
        is_read: Whether that is all there is.
    """

    DEFAULT_CSS = """
    CardScreen > Vertical { width: 96%; height: 90%; }
    CardScreen VerticalScroll { height: 1fr; scrollbar-size-vertical: 1; }
    CardScreen #said { height: auto; max-height: 3; color: $text-muted; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "leave", "Close", id="card.close"),
        Binding("y", "copy", "Copy", id="card.copy"),
        Binding("s,enter", "save", "Save", id="card.save"),
        help_key("j,down", "scroll('down')", "down", "card.down"),
        help_key("k,up", "scroll('up')", "up", "card.up"),
        help_key(
            "space,ctrl+f,pagedown",
            "scroll('page_down')",
            "page down",
            "card.page_down",
        ),
        help_key("b,ctrl+b,pageup", "scroll('page_up')", "page up", "card.page_up"),
        help_key("g,home", "scroll('home')", "top", "card.top"),
        help_key("G,end", "scroll('end')", "bottom", "card.bottom"),
    ]

    def __init__(
        self,
        reader: CardReader,
        title: str,
        file_name: str,
        folder: Path,
        *,
        own_folder: bool,
    ) -> None:
        super().__init__()
        self._reader = reader
        self._title = title
        self._file_name = file_name
        self._folder = folder
        self._own_folder = own_folder
        self.markdown = ""
        self.is_read = False

    def compose(self) -> ComposeResult:
        with Vertical() as box:
            box.border_title = Content(f"Card of {self._title}   {READING}")
            box.border_subtitle = Content(KEYS)
            with VerticalScroll():
                yield Static(id="text", markup=False)
            yield Static(id="said", markup=False)

    def on_mount(self) -> None:
        self.query_one("#said").display = False
        self.set_focus(self.query_one(VerticalScroll))
        self._read()

    @work(group="card")
    async def _read(self) -> None:
        """Show the card, and again with more in it; left, nothing is read on."""
        async for text in self._reader.texts():
            self.markdown = text
            self.query_one("#text", Static).update(Content(text))
        self.is_read = True
        self.query_one(Vertical).border_title = Content(f"Card of {self._title}")

    def _say(self, words: str) -> None:
        said = self.query_one("#said", Static)
        said.update(Content(clean(words)))
        said.display = True

    def action_scroll(self, where: str) -> None:
        getattr(self.query_one(VerticalScroll), f"scroll_{where}")(animate=False)

    def action_copy(self) -> None:
        if not self.markdown:
            self._say("There is nothing to copy yet.")
            return
        try:
            sent = clipboard.copy(self.app, self.markdown)
        except clipboard.TooLargeToCopyError as error:
            self._say(
                f"Too large to copy: {plural(error.size, 'byte')}, {error.most:,} "
                "arrive at most. s saves it."
            )
            return
        self._say(f"Sent the card, {plural(sent.size, 'byte')}, to {sent.to}.")

    @work(group="card-save", exclusive=True)
    async def action_save(self) -> None:
        """Save it under a name that is free."""
        if not self.markdown:
            self._say("There is nothing to save yet.")
            return
        try:
            path = await asyncio.to_thread(
                save_card,
                self.markdown,
                self._folder,
                self._file_name,
                make_folder=self._own_folder,
            )
        except ChronotuiError as error:
            self._say(str(error))
            return
        self._say(f"Saved as {home_relative(path)}.")


def _reader(
    session: Session, workflow: Workflow | None, job: Job, origin: Origin
) -> CardReader:
    """Return what gathers a card, from the log that is open where it is."""
    log = session.held(job)
    if session.kind.capabilities.runs:
        return RunCardReader(
            cast("RunSource", session.client),
            job,
            origin,
            held=log if isinstance(log, RunLog) else None,
            listens=False,
        )
    return JobCardReader(
        cast("Source", session.client),
        workflow,
        job,
        origin,
        held=log if isinstance(log, JobLog) else None,
        spool=session.spool,
    )


def show_card(
    screen: Screen[Any],
    session: Session,
    plan: DeskPlan,
    workflow: Workflow | None,
    job: Job,
    *,
    short_id: str,
) -> None:
    """Show the card of a job, or of an app's run, over a screen."""
    origin = plan.origin(getattr(screen.app, "config", None), workflow, job)
    configured = plan.profile.save_dir or plan.ui.save_dir
    screen.app.push_screen(
        CardScreen(
            _reader(session, workflow, job, origin),
            clean(f"{origin.workflow} {short_id}"),
            card_name(origin.workflow, job),
            configured or plan.save_folder,
            own_folder=configured is not None,
        )
    )
