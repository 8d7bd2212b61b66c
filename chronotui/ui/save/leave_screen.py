"""The question when the desk is left while saves run."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Button, Static

from chronotui.ui.dialog import ANSWER_MOVES, Dialog
from chronotui.ui.save.wording import amounts, path_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.app import ComposeResult

    from chronotui.engine.saving import Save

_MOST_NAMED = 5


class LeaveScreen(Dialog[bool]):
    """Answers whether the desk is left and its running saves are cancelled.

    Args:
        running: The saves that run.
    """

    DEFAULT_CSS = """
    LeaveScreen { align: center middle; }
    LeaveScreen > Vertical {
        width: 72; max-width: 100%; height: auto; max-height: 100%;
        border: round $warning; padding: 0 1; background: $surface;
    }
    LeaveScreen #buttons { height: 1; align-horizontal: right; margin-top: 1; }
    LeaveScreen #buttons Button { margin-left: 2; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,n,q", "answer(False)", "stay", id="leave.stay"),
        Binding("y", "answer(True)", "leave", id="leave.leave"),
        *ANSWER_MOVES,
    ]

    def __init__(self, running: Sequence[Save]) -> None:
        super().__init__()
        self._unfinished = tuple(running)

    def compose(self) -> ComposeResult:
        """Yield the question, what runs, and the answers."""
        count = len(self._unfinished)
        words = "1 save is" if count == 1 else f"{count} saves are"
        rows = [
            f"● {path_of(save)}  {amounts(save.progress)}"
            for save in self._unfinished[:_MOST_NAMED]
        ]
        if count > _MOST_NAMED:
            rows.append(f"  and {count - _MOST_NAMED} more")
        with Vertical() as box:
            box.border_title = "Leave the desk?"
            yield Static(
                Content(f"{words} not finished and would be cancelled:"), markup=False
            )
            yield Static(Content("\n".join(rows)), markup=False)
            with Horizontal(id="buttons"):
                yield Button("Stay (n)", variant="primary", compact=True, id="stay")
                yield Button("Cancel and leave (y)", compact=True, id="leave")

    def on_mount(self) -> None:
        """Stand on the answer that loses nothing."""
        self.query_one("#stay").focus()

    @on(Button.Pressed)
    def _on_button(self, event: Button.Pressed) -> None:
        self.dismiss(event.button.id == "leave")

    def action_answer(self, leave: bool) -> None:
        """Answer."""
        self.dismiss(leave)
