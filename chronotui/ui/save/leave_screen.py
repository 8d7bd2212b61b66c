"""The questions before saves that run are stopped."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, ClassVar, Final

from textual.binding import Binding, BindingType

from chronotui.engine.saving.request import count_of_lines
from chronotui.ui.dialog import ANSWER_MOVES
from chronotui.ui.question import Question
from chronotui.ui.save.wording import amounts, path_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from textual.app import App

    from chronotui.engine.saving import Save

MOST_NAMED: Final = 5


class LeaveScreen(Question[bool]):
    """Answers whether the desk is left; recordings are kept, other saves cancelled.

    Args:
        running: The saves that run.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,n,q", "answer(0)", "stay", id="leave.stay"),
        Binding("y", "answer(1)", "leave", id="leave.leave"),
        *ANSWER_MOVES,
    ]

    def __init__(self, running: Sequence[Save]) -> None:
        recordings = [save for save in running if save.is_recording]
        others = [save for save in running if not save.is_recording]
        words: list[str] = []
        if recordings:
            words += _listed(
                recordings,
                "1 recording is not finished. It is kept as .part; saving the same "
                "log to that name goes on with it:",
                f"{len(recordings)} recordings are not finished. They are kept as "
                ".part; saving the same log to that name goes on with each:",
            )
        if others or not running:
            words += _listed(
                others,
                "1 save is not finished and would be cancelled:",
                f"{len(others)} saves are not finished and would be cancelled:",
            )
        leave = "Leave (y)" if recordings and not others else "Cancel and leave (y)"
        answers = ((False, "Stay (n)"), (True, leave))
        super().__init__("Leave the desk?", words, answers)


def _listed(saves: Sequence[Save], one: str, several: str) -> Iterator[str]:
    yield one if len(saves) == 1 else several
    rows = [
        f"● {path_of(save)}  {amounts(save.progress)}" for save in saves[:MOST_NAMED]
    ]
    if len(saves) > MOST_NAMED:
        rows.append(f"  and {len(saves) - MOST_NAMED} more")
    yield "\n".join(rows)


class Stop(Enum):
    """What becomes of a recording that somebody wanted to cancel."""

    GO_ON = "go on"
    KEEP = "keep"
    DELETE = "delete"


class StopScreen(Question[Stop]):
    """Answers whether a recording is stopped, and whether what it has is kept."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,n,q", "answer(0)", "go on recording", id="stop.go_on"),
        Binding("k", "answer(1)", "stop and keep", id="stop.keep"),
        Binding("y", "answer(2)", "stop and delete", id="stop.delete"),
        *ANSWER_MOVES,
    ]

    def __init__(self, save: Save) -> None:
        lines = count_of_lines(save.progress.lines).replace(" ", " recorded ", 1)
        super().__init__(
            f"Stop and delete {lines}?",
            [
                path_of(save),
                "Kept as .part, saving the same log to that name goes on with it.",
            ],
            (
                (Stop.GO_ON, "Go on (n)"),
                (Stop.KEEP, "Stop and keep (k)"),
                (Stop.DELETE, "Delete (y)"),
            ),
        )


def ask_to_stop(app: App[object], save: Save) -> None:
    """Cancel a save; ask first where it is a recording that has lines."""
    if not save.is_recording or not save.progress.lines:
        save.cancel()
        return

    def answered(answer: Stop | None) -> None:
        if answer is Stop.KEEP:
            save.stop()
        elif answer is Stop.DELETE:
            save.cancel()

    app.push_screen(StopScreen(save), answered)
