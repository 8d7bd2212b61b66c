"""A list of values to choose from, opened below a filter."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import OptionList
from textual.widgets.option_list import Option

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.app import ComposeResult
    from textual.events import Click
    from textual.geometry import Offset


class ChoiceMenu(ModalScreen[int | None]):
    """Lets one value be chosen; gives its number, None if none was.

    Args:
        words: The values in words.
        chosen: The number of the present one.
        at: Where on the screen the list opens, in cells.
    """

    DEFAULT_CSS = """
    ChoiceMenu { background: transparent; }
    ChoiceMenu > OptionList {
        width: auto;
        height: auto;
        max-height: 100%;
        border: none;
        padding: 0 1;
        background: $panel;
        &:focus { border: none; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,h,left", "leave", "back", show=False, id="filters.menu_back"),
        Binding("j", "step('down')", "down", show=False, id="filters.menu_down"),
        Binding("k", "step('up')", "up", show=False, id="filters.menu_up"),
        Binding(
            "l,right,space",
            "step('select')",
            "choose",
            show=False,
            id="filters.menu_choose",
        ),
    ]

    def __init__(self, words: Sequence[str], chosen: int, at: Offset) -> None:
        super().__init__()
        self._words = words
        self._chosen = chosen
        self._at = at

    def compose(self) -> ComposeResult:
        """Show the values, the present one highlighted."""
        yield OptionList(*(Option(Content(word)) for word in self._words))

    def on_mount(self) -> None:
        """Open below the filter."""
        listed = self.query_one(OptionList)
        listed.highlighted = self._chosen
        listed.styles.offset = (self._at.x, self._at.y)
        listed.focus()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Give the chosen value."""
        event.stop()
        self.dismiss(event.option_index)

    def on_click(self, event: Click) -> None:
        """Leave on a click beside the list."""
        listed = self.query_one(OptionList)
        if not listed.region.contains(event.screen_x, event.screen_y):
            self.dismiss(None)

    def action_leave(self) -> None:
        """Leave the value as it was."""
        self.dismiss(None)

    def action_step(self, step: str) -> None:
        """Move in the list, or choose."""
        listed = self.query_one(OptionList)
        if step == "select":
            listed.action_select()
        elif step == "down":
            listed.action_cursor_down()
        else:
            listed.action_cursor_up()
