"""The question before a profile is removed."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType

from chronotui.core.text import clean
from chronotui.ui.dialog import ANSWER_MOVES
from chronotui.ui.question import Question

if TYPE_CHECKING:
    from chronotui.storage.config_edit import Edit


class RemoveScreen(Question[bool]):
    """Answers whether a profile is taken out of the configuration.

    Args:
        name: The profile.
        edit: The configuration without it, not written yet.
        current: Whether the desk is on it.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,n,q", "answer(0)", "keep", id="profile_remove.keep"),
        Binding("y", "answer(1)", "remove", id="profile_remove.remove"),
        *ANSWER_MOVES,
    ]

    def __init__(self, name: str, edit: Edit, *, current: bool = False) -> None:
        words = [f"It is taken out of {edit.path}, and its kept session goes."]
        if current:
            words.append("This desk stays on it until it is left.")
        if edit.loses_comments:
            words.append("The file is written anew, and its comments are lost.")
        super().__init__(
            f"Remove {clean(name)}?",
            [clean(" ".join(words))],
            ((False, "Keep (n)"), (True, "Remove (y)")),
        )
