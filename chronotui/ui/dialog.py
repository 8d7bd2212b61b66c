"""What is the same in every dialog."""

from __future__ import annotations

from typing import ClassVar, Final

from textual.binding import Binding, BindingType
from textual.screen import ModalScreen, ScreenResultType

LIST_MOVES: Final[list[BindingType]] = [
    Binding("j", "move('down')", "down", show=False, id="dialog.down"),
    Binding("k", "move('up')", "up", show=False, id="dialog.up"),
]
"""Keys of a dialog with a list; the dialog has ``action_move``."""

FIELD_MOVES: Final[list[BindingType]] = [
    Binding(
        "up", "app.focus_previous", "field above", show=False, id="dialog.field_above"
    ),
    Binding(
        "down", "app.focus_next", "field below", show=False, id="dialog.field_below"
    ),
]
"""Keys of a dialog with fields."""

ANSWER_MOVES: Final[list[BindingType]] = [
    Binding("right", "app.focus_next", "other answer", show=False, id="dialog.answer"),
    Binding(
        "left", "app.focus_previous", "answer before", show=False, id="dialog.before"
    ),
]
"""Keys of a dialog with a few answers side by side."""


class Dialog(ModalScreen[ScreenResultType]):
    """A dialog from which the keys are shown as from everywhere else."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("question_mark,f1", "app.help", "help", show=False, id="app.help"),
    ]
