"""The Details pane."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import Static

from chronotui.ui.desk.details_text import DetailRow, details_of

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from chronotui.model import Job, Workflow


class DetailsPane(VerticalScroll):
    """Every field of the selected job and workflow, payload pretty-printed."""

    DEFAULT_CSS = """
    DetailsPane { padding: 0 1; background: $background; }
    DetailsPane > Static { width: 1fr; }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "details-pane--title",
        "details-pane--label",
        "details-pane--note",
    }
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j,down", "scroll_down", "Down", show=False, id="details.down"),
        Binding("k,up", "scroll_up", "Up", show=False, id="details.up"),
        Binding(
            "space,ctrl+f,pagedown",
            "page_down",
            "Page down",
            show=False,
            id="details.page_down",
        ),
        Binding(
            "b,ctrl+b,pageup", "page_up", "Page up", show=False, id="details.page_up"
        ),
        Binding("g,home", "scroll_home", "Top", show=False, id="details.top"),
        Binding("G,end", "scroll_end", "Bottom", show=False, id="details.bottom"),
    ]

    _rows: list[DetailRow] | None = None

    def compose(self) -> ComposeResult:
        """Yield the one text that scrolls."""
        yield Static()

    def show(self, workflow: Workflow | None, job: Job | None) -> None:
        """Show what is known of the selection; keeps the scroll for the same rows."""
        rows = details_of(workflow, job)
        if rows == self._rows:
            return
        self._rows = rows
        width = max((len(row.label) for row in rows if row.kind == "field"), default=0)
        text = Text()
        for row in rows:
            text.append_text(self._line(row, width))
            text.append("\n")
        self.query_one(Static).update(text)

    def _line(self, row: DetailRow, width: int) -> Text:
        if row.kind in {"title", "note"}:
            style = self.get_component_rich_style(
                f"details-pane--{row.kind}", partial=True
            )
            return Text(row.label, style)
        if row.kind == "text":
            return Text(row.label)
        label = self.get_component_rich_style("details-pane--label", partial=True)
        return Text.assemble((row.label.ljust(width + 2), label), row.value)
