"""The field a path is typed in, with completion."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.suggester import Suggester
from textual.widgets import Input

from chronotui.engine.saving.paths import completed, completions

if TYPE_CHECKING:
    from pathlib import Path


class _Paths(Suggester):
    """Offers the first completion in grey."""

    def __init__(self, folder: Path) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self._folder = folder

    async def get_suggestion(self, value: str) -> str | None:
        """Return the first completion."""
        if not value:
            return None
        found = await asyncio.to_thread(completions, value, self._folder)
        return found[0] if found and found[0] != value else None


class PathInput(Input):
    """Completes with Tab as far as the folder agrees; a second Tab moves on.

    Args:
        path: As shown at first.
        folder: Where relative paths begin.
        id: Textual's id of the widget.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "complete", "complete the path", show=False, id="save.complete"),
    ]

    def __init__(
        self,
        path: str,
        folder: Path,
        *,
        id: str | None = None,  # noqa: A002 - Textual's own word
    ) -> None:
        super().__init__(
            path,
            suggester=_Paths(folder),
            compact=True,
            select_on_focus=False,
            id=id,
        )
        self._folder = folder

    def show_end(self) -> None:
        """Put the cursor behind the path and scroll to it: the name matters most."""
        self.cursor_position = 0
        self.cursor_position = len(self.value)

    async def action_complete(self) -> None:
        """Complete the path; where nothing more can be told, go to the next field."""
        typed = self.value
        if self.cursor_position == len(typed):
            found = await asyncio.to_thread(completions, typed, self._folder)
            longer = completed(typed, found)
            if len(longer) > len(typed) and self.value == typed:
                self.value = longer
                self.cursor_position = len(longer)
                return
        self.screen.focus_next()
