"""The question when the desk is left while saves run."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from textual.binding import Binding, BindingType

from chronotui.ui.dialog import ANSWER_MOVES
from chronotui.ui.question import Question
from chronotui.ui.save.wording import amounts, path_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chronotui.engine.saving import Save

MOST_NAMED: Final = 5


class LeaveScreen(Question):
    """Answers whether the desk is left and its running saves are cancelled.

    Args:
        running: The saves that run.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,n,q", "answer(False)", "stay", id="leave.stay"),
        Binding("y", "answer(True)", "leave", id="leave.leave"),
        *ANSWER_MOVES,
    ]

    def __init__(self, running: Sequence[Save]) -> None:
        count = len(running)
        words = "1 save is" if count == 1 else f"{count} saves are"
        rows = [
            f"● {path_of(save)}  {amounts(save.progress)}"
            for save in running[:MOST_NAMED]
        ]
        if count > MOST_NAMED:
            rows.append(f"  and {count - MOST_NAMED} more")
        super().__init__(
            "Leave the desk?",
            [f"{words} not finished and would be cancelled:", "\n".join(rows)],
            no="Stay (n)",
            yes="Cancel and leave (y)",
        )
