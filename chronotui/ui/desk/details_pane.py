"""The Details pane."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from rich.cells import cell_len
from rich.segment import Segment
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from chronotui.ui.desk.details_rows import Piece, lay_out
from chronotui.ui.desk.details_text import DetailRow, details_of

if TYPE_CHECKING:
    from textual.events import Resize

    from chronotui.model import Job, Workflow

MARGIN: Final = 1


class DetailsPane(ScrollView, can_focus=True):
    """Every field of the selected job and workflow, payload pretty-printed.

    Drawn row by row: a payload of a megabyte costs what the window shows of it.
    """

    DEFAULT_CSS = """
    DetailsPane {
        background: $background; overflow-x: hidden; scrollbar-size-vertical: 1;
    }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "details-pane--title",
        "details-pane--label",
        "details-pane--note",
        "details-pane--alarm",
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

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._selection: tuple[Workflow | None, Job | None, str] = (None, None, "")
        self._alarm = ""
        self._details: list[DetailRow] = []
        self.laid_out: list[Piece] = []
        self._laid_out_for = 0

    def show(
        self, workflow: Workflow | None, job: Job | None, sentence: str = ""
    ) -> None:
        """Show what is known of the selection; keeps the scroll.

        Args:
            workflow: The selected workflow, or that of the job.
            job: The selected job.
            sentence: What the selected row says, where it is neither.
        """
        self._selection = (workflow, job, sentence)
        self._show()

    def say_trouble(self, alarm: str) -> None:
        """Say over the details what stands between the desk and the server."""
        if alarm != self._alarm:
            self._alarm = alarm
            self._show()

    def _show(self) -> None:
        workflow, job, sentence = self._selection
        details = details_of(workflow, job, note=sentence, alarm=self._alarm)
        if details != self._details:
            self._details = details
            self._lay_out()

    @property
    def _room(self) -> int:
        return self.scrollable_content_region.width - 2 * MARGIN

    def on_resize(self, _event: Resize) -> None:
        """Lay the rows out for another width."""
        if self._room != self._laid_out_for:
            self._lay_out()

    def _lay_out(self) -> None:
        self._laid_out_for = self._room
        self.laid_out = lay_out(self._details, max(self._room, 1))
        self.virtual_size = Size(0, len(self.laid_out))
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """Draw a row of the window."""
        width = self.scrollable_content_region.width
        row = y + self.scroll_offset.y
        if row >= len(self.laid_out):
            return Strip.blank(width, self.rich_style)
        piece = self.laid_out[row]
        label = self.get_component_rich_style("details-pane--label")
        plain = self.rich_style
        kind = f"details-pane--{piece.kind}"
        if kind in self.COMPONENT_CLASSES:
            text = self.get_component_rich_style(kind)
        else:
            text = plain
        segments = [
            Segment(" " * MARGIN, plain),
            Segment(piece.label, label),
            Segment(piece.text, text),
        ]
        cells = MARGIN + cell_len(piece.label) + cell_len(piece.text)
        return Strip(segments, cells).adjust_cell_length(width, plain)

    def action_page_down(self) -> None:
        """Scroll by a page, a line kept."""
        self.scroll_relative(y=max(self.size.height - 1, 1), animate=False)

    def action_page_up(self) -> None:
        """Scroll back by a page, a line kept."""
        self.scroll_relative(y=-max(self.size.height - 1, 1), animate=False)
