"""The tree under the mouse: selecting, folding, opening, scrolling."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from chronotui.core.tree.keys import NodeKind

if TYPE_CHECKING:
    from textual.events import Click, MouseScrollDown, MouseScrollUp

    from chronotui.core.tree import TreeModel

WHEEL_ROWS: Final = 3
SIGN_CELLS: Final = 2


class Mouse:
    """Handlers of mouse events; mixed into the tree before its motions."""

    model: TreeModel

    if TYPE_CHECKING:

        @property
        def first_row(self) -> int:
            """The row at the top of the window."""
            ...

        def scroll_to_row(self, row: int) -> None:
            """Let the window begin at a row."""

        def go_to(self, row: int) -> None:
            """Select a row."""

        def action_fold(self) -> None:
            """Fold or unfold the selected workflow."""

        def action_open(self) -> None:
            """Open what is selected."""

    def on_click(self, event: Click) -> None:
        """Select a row; its triangle folds, a second click opens."""
        row = self.first_row + event.y
        if row >= len(self.model):
            return
        self.go_to(row)
        key = self.model.key(row)
        if key.kind is NodeKind.WORKFLOW and event.x < SIGN_CELLS:
            self.action_fold()
        elif event.chain == 2 or key.kind is NodeKind.NOTE:
            self.action_open()

    def on_mouse_scroll_down(self, event: MouseScrollDown) -> None:
        """Move the window down."""
        self._wheel(event, WHEEL_ROWS)

    def on_mouse_scroll_up(self, event: MouseScrollUp) -> None:
        """Move the window up."""
        self._wheel(event, -WHEEL_ROWS)

    def _wheel(self, event: MouseScrollDown | MouseScrollUp, rows: int) -> None:
        event.stop()
        event.prevent_default()
        self.scroll_to_row(self.first_row + rows)
