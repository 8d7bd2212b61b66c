"""One save: how far it is, and what came of it."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, ClassVar, Final

from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from chronotui.core.text import clean
from chronotui.ui.dialog import Dialog
from chronotui.ui.save.leave_screen import ask_to_stop
from chronotui.ui.save.pager import open_in_pager
from chronotui.ui.save.wording import amounts, bar, outcome, path_of, share, sign

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from chronotui.engine.saving import Save

REFRESH_SECONDS: Final = 0.25


class Leaving(Enum):
    """Why the screen was left."""

    CLOSED = "closed"
    RETRY = "retry"


class SaveScreen(Dialog[Leaving]):
    """Shows one save until it is left; the log goes on behind it.

    Args:
        save: A save that was started.
        title: The job's id as shown.
    """

    DEFAULT_CSS = """
    SaveScreen { align: center middle; }
    SaveScreen > Vertical {
        width: 72; max-width: 100%; height: auto; max-height: 100%;
        border: round $primary; padding: 0 1; background: $surface;
    }
    SaveScreen Static { height: auto; }
    SaveScreen #bar { color: $accent; }
    SaveScreen #keys { color: $text-muted; margin-top: 1; }
    SaveScreen.-failed Vertical { border: round $error; }
    SaveScreen.-failed #words { color: $text-error; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "cancel or close", id="save.leave"),
        Binding("enter,h,q", "hide", "go on behind", id="save.hide"),
        Binding("c,delete", "cancel", "cancel", id="save.cancel"),
        Binding("y", "copy", "copy the path", id="save.copy"),
        Binding("o", "open", "open in $PAGER", id="save.open"),
        Binding("r", "retry", "try again", id="save.retry"),
        Binding("k", "keep", "keep the part", id="save.keep"),
    ]

    def __init__(self, save: Save, title: str) -> None:
        super().__init__()
        self.save = save
        self._title = title
        self._said = ""

    def compose(self) -> ComposeResult:
        """Yield the lines of the box."""
        with Vertical() as box:
            box.border_title = Content(f"Save log of {self._title}")
            yield Static(id="path", markup=False)
            yield Static(id="phase", markup=False)
            yield Static(id="amounts", markup=False)
            yield Static(id="bar", markup=False)
            yield Static(id="words", markup=False)
            yield Static(id="said", markup=False)
            yield Static(id="keys", markup=False)

    def on_mount(self) -> None:
        """Show it now and, while it runs, a few times a second."""
        self._timer = self.set_interval(REFRESH_SECONDS, self._show)
        self._show()

    def on_resize(self) -> None:
        """Fit the bar to the width."""
        self._show()

    def _show(self) -> None:
        save = self.save
        now = save.progress
        if save.is_over and (save.result or save.error):
            self._timer.stop()
        self._tell("path", path_of(save))
        self._tell("phase", f"{sign(now)} {now.phase}")
        self._tell("amounts", f"  {amounts(now)}")
        width = self.query_one("#bar").container_size.width or 60
        self._tell("bar", "" if now.phase.is_over else bar(now, width))
        self._tell("words", outcome(save) or share(now))
        self._tell("said", self._said or clean(now.said))
        self._tell("keys", self._keys())
        self.set_class(save.error is not None, "-failed")

    def _tell(self, name: str, words: str) -> None:
        line = self.query_one(f"#{name}", Static)
        if str(line.content) != words:
            line.update(Content(words))
        line.display = bool(words)

    def _keys(self) -> str:
        save = self.save
        if save.result is not None:
            return "y copies the path · o opens it in $PAGER · esc closes"
        if save.error is None:
            if save.is_recording:
                return "esc lets it go on, W lists it · c stops it"
            return "esc cancels · enter lets it go on behind"
        if save.is_recording:
            return "r tries again · esc closes"
        kept = "k keeps the part, " if save.part is not None else ""
        drops = "esc drops it" if save.part is not None else "esc closes"
        return f"r tries again · {kept}{drops}"

    def action_leave(self) -> None:
        """Close what is over, let a recording go on, cancel what else runs."""
        if self.save.is_over:
            self.save.drop_part()
        elif not self.save.is_recording:
            self.save.cancel()
            return
        self.dismiss(Leaving.CLOSED)

    def action_cancel(self) -> None:
        """Cancel what runs; a recording after asking."""
        if not self.save.is_over:
            ask_to_stop(self.app, self.save)

    def action_hide(self) -> None:
        """Leave it to go on; one that is over is closed."""
        if self.save.is_over:
            self.action_leave()
        else:
            self.dismiss(Leaving.CLOSED)

    def action_copy(self) -> None:
        """Copy the path of the saved file."""
        if self.save.result is not None:
            self.app.copy_to_clipboard(str(self.save.result.path))
            self._say("The path was copied.")

    def action_open(self) -> None:
        """Open the saved file."""
        if self.save.result is not None:
            self._say(open_in_pager(self.app, self.save.result.path))

    def action_retry(self) -> None:
        """Try once more; the part of this try is dropped unless it was kept."""
        if self.save.error is not None:
            self.save.drop_part()
            self.dismiss(Leaving.RETRY)

    def action_keep(self) -> None:
        """Keep the unfinished file."""
        save = self.save
        if save.error is not None and save.part is not None and not save.is_recording:
            save.keep_part()
            self.dismiss(Leaving.CLOSED)

    def _say(self, words: str) -> None:
        self._said = words
        self._show()
