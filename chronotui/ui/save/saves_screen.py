"""The list of all saves of a desk."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from chronotui.ui.dialog import LIST_MOVES, Dialog
from chronotui.ui.save.leave_screen import ask_to_stop
from chronotui.ui.save.save_screen import REFRESH_SECONDS
from chronotui.ui.save.wording import amounts, path_of, sign

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from chronotui.engine.saving import Save, Saves

NONE_YET = "Nothing was saved yet: s saves the log of the opened job."


class SavesScreen(Dialog["Save | None"]):
    """Lists saves, newest first; answers with the one to look at, or None.

    Args:
        saves: The saves of the desk.
    """

    DEFAULT_CSS = """
    SavesScreen { align: center middle; }
    SavesScreen > Vertical {
        width: 76; max-width: 100%; height: auto; max-height: 100%;
        border: round $primary; padding: 0 1; background: $surface;
    }
    SavesScreen OptionList {
        height: auto; max-height: 16; border: none; padding: 0;
        text-wrap: nowrap; text-overflow: ellipsis;
        background: $surface;
        &:focus { border: none; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "leave", "close", id="saves.close"),
        Binding("c,delete", "cancel", "cancel", id="saves.cancel"),
        *LIST_MOVES,
    ]

    def __init__(self, saves: Saves) -> None:
        super().__init__()
        self._saves = saves
        self._listed: tuple[Save, ...] = ()

    def compose(self) -> ComposeResult:
        """Yield the list."""
        with Vertical() as box:
            box.border_title = "Saves"
            box.border_subtitle = "enter looks · c cancels · esc closes"
            yield Static(NONE_YET, id="none", markup=False)
            yield OptionList(id="saves")

    def on_mount(self) -> None:
        """Keep the list true while it is looked at."""
        self.set_interval(REFRESH_SECONDS, self._show)
        self._show()
        self.query_one(OptionList).focus()

    def _show(self) -> None:
        listed = self.query_one(OptionList)
        saves = self._saves.all[::-1]
        if saves != self._listed:
            place = listed.highlighted or 0
            listed.clear_options()
            listed.add_options([Option(self._row(save)) for save in saves])
            listed.highlighted = min(place, len(saves) - 1) if saves else None
            self._listed = saves
        for place, save in enumerate(saves):
            row = self._row(save)
            if listed.get_option_at_index(place).prompt != row:
                listed.replace_option_prompt_at_index(place, row)
        listed.display = bool(saves)
        self.query_one("#none").display = not saves

    def _row(self, save: Save) -> Content:
        now = save.progress
        return Content(f"{sign(now)} {path_of(save)}\n  {now.phase}  {amounts(now)}")

    def _chosen(self) -> Save | None:
        place = self.query_one(OptionList).highlighted
        return None if place is None else self._listed[place]

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Answer with the chosen save."""
        event.stop()
        self.dismiss(self._chosen())

    def action_cancel(self) -> None:
        """Cancel the chosen save; a recording after asking."""
        save = self._chosen()
        if save is not None and not save.is_over:
            ask_to_stop(self.app, save)

    def action_leave(self) -> None:
        """Answer with none."""
        self.dismiss(None)

    def action_move(self, where: str) -> None:
        """Move as in the other lists."""
        getattr(self.query_one(OptionList), f"action_cursor_{where}")()
