"""The list of profiles."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from chronotui.core.text import clean

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.app import ComposeResult

NONE_YET = (
    "There are no profiles yet. chronotui profile add makes one; "
    "it can be chosen here afterwards."
)


class ProfilesScreen(ModalScreen[str | None]):
    """Answers with the name of the chosen profile, None when it is left."""

    DEFAULT_CSS = """
    ProfilesScreen { align: center middle; }
    ProfilesScreen > Vertical {
        width: 50; max-width: 100%; height: auto; max-height: 80%;
        border: round $primary; padding: 0 1; background: $surface;
    }
    ProfilesScreen OptionList { height: auto; max-height: 15; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "leave", "Close", id="profiles.close"),
        Binding("j", "move('down')", show=False),
        Binding("k", "move('up')", show=False),
    ]

    def __init__(self, names: Sequence[str], current: str) -> None:
        super().__init__()
        self._names = names
        self._current = current

    def compose(self) -> ComposeResult:
        """Yield the list, the current profile marked."""
        with Vertical() as box:
            box.border_title = "Profiles"
            box.border_subtitle = "enter opens · esc closes"
            if not self._names:
                yield Static(NONE_YET)
                return
            yield OptionList(
                *(Option(self._label(name), id=name) for name in self._names),
                compact=True,
            )

    def on_mount(self) -> None:
        """Stand on the current profile."""
        if self._current in self._names:
            listed = self.query_one(OptionList)
            listed.highlighted = list(self._names).index(self._current)

    def _label(self, name: str) -> Content:
        return Content(f"{'●' if name == self._current else ' '} {clean(name)}")

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Answer with the chosen one."""
        self.dismiss(event.option_id)

    def action_leave(self) -> None:
        """Answer with none."""
        self.dismiss(None)

    def action_move(self, where: str) -> None:
        """Move as in the other lists."""
        for listed in self.query(OptionList):
            getattr(listed, f"action_cursor_{where}")()
