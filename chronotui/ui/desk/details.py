"""Every field of a job and its workflow: as rows, laid out for a width, drawn."""

from __future__ import annotations

import json
import textwrap
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, ClassVar, Final, Literal, NamedTuple

from rich.cells import cell_len, chop_cells
from rich.segment import Segment
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from chronotui.text import clean
from chronotui.ui.keys import help_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from textual.binding import BindingType

    from chronotui.model import Job, Workflow

Kind = Literal["title", "field", "text", "note", "alarm"]
LABELS: Final = {
    "workflow_id": "workflow",
    "container_id": "container",
    "interval": "every (minutes)",
    "consecutive_job_failures_count": "failures in a row",
    "max_consecutive_job_failures_allowed": "failures allowed",
    "log_retention": "log retention",
    "build_status": "build",
    "scheduled_at": "scheduled",
    "started_at": "started",
    "completed_at": "completed",
    "created_at": "created",
    "updated_at": "updated",
    "terminated_at": "terminated",
}
NOTHING: Final = "Nothing is selected. Move in the tree with j and k."
FIRST: Final = ("status", "trigger", "name", "kind", "attempts", "id")


@dataclass(frozen=True, slots=True)
class DetailRow:
    """One row: a title, a labelled value, a line of text, a note or an alarm."""

    kind: Kind
    label: str
    value: str = ""


def details_of(
    workflow: Workflow | None, job: Job | None, *, note: str = "", alarm: str = ""
) -> list[DetailRow]:
    """Return the rows of what is selected in the tree, all clean.

    Args:
        workflow: The workflow, or that of the job.
        job: The job.
        note: What the selected row says itself, where it is neither.
        alarm: What stands between the desk and the server.
    """
    rows: list[DetailRow] = []
    if alarm:
        rows += [DetailRow("alarm", clean(alarm)), DetailRow("text", "")]
    if job is not None:
        rows.append(DetailRow("title", "Job"))
        rows += _fields(job.fields)
    if workflow is not None:
        if job is not None:
            rows.append(DetailRow("text", ""))
        rows.append(DetailRow("title", "Workflow"))
        rows += _fields({k: v for k, v in workflow.fields.items() if k != "payload"})
        if workflow.kind == "HEARTBEAT":
            rows.append(DetailRow("note", "A HEARTBEAT workflow never has logs."))
        if workflow.payload:
            rows += [DetailRow("text", ""), DetailRow("title", "Payload")]
            rows += [DetailRow("text", line) for line in pretty_lines(workflow.payload)]
    if not rows:
        rows.append(DetailRow("note", clean(note) or NOTHING))
    return rows


def _fields(fields: Mapping[str, object]) -> list[DetailRow]:
    """Return the server's fields: the telling ones first, then the rest."""
    names = [name for name in FIRST if name in fields]
    names += [name for name in fields if name not in FIRST]
    return [
        DetailRow("field", clean(LABELS.get(name, name)), _value(fields[name]))
        for name in names
    ]


def _value(value: object) -> str:
    if value is None or value == "":
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return clean(value if isinstance(value, str) else json.dumps(value))


@lru_cache(maxsize=8)
def pretty_lines(payload: str) -> tuple[str, ...]:
    """Return the payload indented when it is JSON, else its own lines; all clean.

    The last ones are kept: a workflow's payload is shown with each of its jobs.
    """
    try:
        text = json.dumps(json.loads(payload), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        text = payload
    return tuple(clean(line) for line in text.splitlines())


LEAST_VALUE: Final = 20
"""Cells beside the labels below which a longer value gets rows of its own."""
INDENT: Final = 2


class DetailPiece(NamedTuple):
    """A label's part and a text's part of one row, either may be empty."""

    label: str
    text: str
    kind: str


def lay_out(rows: Sequence[DetailRow], width: int) -> list[DetailPiece]:
    """Return the rows in pieces of at most ``width`` cells; nothing is left out."""
    labels = [row.label for row in rows if row.kind == "field"]
    column = max((cell_len(label) for label in labels), default=0) + INDENT
    laid_out: list[DetailPiece] = []
    for row in rows:
        if row.kind == "field":
            laid_out += _field(row, column, width)
        elif row.kind in {"note", "alarm"}:
            words = textwrap.wrap(row.label, width) or [""]
            parts = (part for line in words for part in _chopped(line, width))
            laid_out += [DetailPiece("", part, row.kind) for part in parts]
        else:
            laid_out += _text(row, width)
    return laid_out


def _field(row: DetailRow, column: int, width: int) -> Iterator[DetailPiece]:
    room = width - column
    if cell_len(row.value) <= room or room >= 2 * LEAST_VALUE:
        indent = " " * column
        label = row.label + " " * (column - cell_len(row.label))
        for part in _chopped(row.value, max(room, 1)):
            yield DetailPiece(label, part, "field")
            label = indent
        return
    yield from (DetailPiece(part, "", "field") for part in _chopped(row.label, width))
    indent = " " * INDENT if width > LEAST_VALUE else ""
    for part in _chopped(row.value, width - len(indent)):
        yield DetailPiece(indent, part, "field")


def _text(row: DetailRow, width: int) -> Iterator[DetailPiece]:
    """Wrap a line of the payload; later rows hang under its first word."""
    indent = len(row.label) - len(row.label.lstrip(" ")) + INDENT
    hanging = " " * indent if indent < width // 2 else ""
    first, *others = _chopped(row.label, width, len(hanging))
    yield DetailPiece("", first, row.kind)
    yield from (DetailPiece(hanging, part, row.kind) for part in others)


def _chopped(text: str, width: int, hanging: int = 0) -> Iterable[str]:
    """Cut text into parts of at most ``width`` cells, later ones shorter.

    Plain text is sliced; a value of a megabyte is one.
    """
    if len(text) <= width and text.isascii():
        return [text]
    room = width - hanging
    if text.isascii():
        first, rest = text[:width], range(width, len(text), room)
        return [first, *(text[start : start + room] for start in rest)]
    first, *others = chop_cells(text, width) or [""]
    if not hanging or not others:
        return [first, *others]
    return [first, *chop_cells(text[len(first) :], room)]


MARGIN: Final = 1


class DetailsPane(ScrollView, can_focus=True):
    """Every field of the selected job and workflow, payload pretty-printed.

    Drawn row by row: a payload of a megabyte costs what the window shows of it.
    """

    DEFAULT_CSS = """
    DetailsPane {
        background: $background; overflow-x: hidden; scrollbar-size-vertical: 1;
        & > .details-pane--title { text-style: bold; color: $accent; }
        & > .details-pane--label { color: $text-muted; }
        & > .details-pane--note { color: $text-muted; }
        & > .details-pane--alarm { color: $text-warning; }
    }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "details-pane--title",
        "details-pane--label",
        "details-pane--note",
        "details-pane--alarm",
    }
    BINDINGS: ClassVar[list[BindingType]] = [
        help_key("j,down", "scroll_down", "Down", "details.down"),
        help_key("k,up", "scroll_up", "Up", "details.up"),
        help_key("space,ctrl+f,pagedown", "page(1)", "Page down", "details.page_down"),
        help_key("b,ctrl+b,pageup", "page(-1)", "Page up", "details.page_up"),
        help_key("g,home", "scroll_home", "Top", "details.top"),
        help_key("G,end", "scroll_end", "Bottom", "details.bottom"),
    ]

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._selection: tuple[Workflow | None, Job | None, str] = (None, None, "")
        self._alarm = ""
        self._details: list[DetailRow] = []
        self.laid_out: list[DetailPiece] = []
        self._laid_out_for = 0

    def show(
        self, workflow: Workflow | None, job: Job | None, sentence: str = ""
    ) -> None:
        """Show a selection (see `details_of`); keeps the scroll."""
        self._selection = (workflow, job, sentence)
        self._show()

    def show_trouble(self, alarm: str) -> None:
        """Say over the details what stands between the desk and the server."""
        if alarm != self._alarm:
            self._alarm = alarm
            self._show()

    def _show(self) -> None:
        workflow, job, note = self._selection
        details = details_of(workflow, job, note=note, alarm=self._alarm)
        if details != self._details:
            self._details = details
            self._lay_out()

    @property
    def _room(self) -> int:
        return self.scrollable_content_region.width - 2 * MARGIN

    def on_resize(self) -> None:
        if self._room != self._laid_out_for:
            self._lay_out()

    def _lay_out(self) -> None:
        self._laid_out_for = self._room
        self.laid_out = lay_out(self._details, max(self._room, 1))
        self.virtual_size = Size(0, len(self.laid_out))
        self.refresh()

    def render_line(self, y: int) -> Strip:
        width = self.scrollable_content_region.width
        row = y + self.scroll_offset.y
        if row >= len(self.laid_out):
            return Strip.blank(width, self.rich_style)
        piece = self.laid_out[row]
        plain, style = self.rich_style, self.get_component_rich_style
        kind = f"details-pane--{piece.kind}"
        is_styled = kind in self.COMPONENT_CLASSES
        segments = [
            Segment(" " * MARGIN, plain),
            Segment(piece.label, style("details-pane--label")),
            Segment(piece.text, style(kind) if is_styled else plain),
        ]
        cells = MARGIN + cell_len(piece.label) + cell_len(piece.text)
        return Strip(segments, cells).adjust_cell_length(width, plain)

    def action_page(self, pages: int) -> None:
        """Scroll by a page, a line kept."""
        rows = max(self.size.height - 1, 1)
        self.scroll_relative(y=pages * rows, animate=False)
