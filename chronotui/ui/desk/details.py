"""Every field of a job and its workflow, or of a run: as rows, drawn."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, ClassVar, Final

from msgspec.structs import replace
from rich.segment import Segment
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from chronotui.text import clean
from chronotui.times import NS, parse_time
from chronotui.tree.durations import picture_of, picture_words
from chronotui.tree.row import Role
from chronotui.ui.desk.detail_rows import (
    GAP,
    DetailPiece,
    DetailRow,
    lay_out,
    notice_rows,
    pretty_lines,
    value_text,
)
from chronotui.ui.desk.run_details import (
    Unfolded,
    app_rows,
    moment_text,
    run_rows,
)
from chronotui.ui.keys import help_key
from chronotui.ui.standing import while_standing

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import tzinfo

    from textual.binding import BindingType

    from chronotui.engine.notices import Notices
    from chronotui.engine.recent_runs import RecentRuns
    from chronotui.errors import ChronotuiError
    from chronotui.model import Job, Workflow
    from chronotui.tree.durations import DurationPicture

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


def details_of(
    workflow: Workflow | None,
    job: Job | None,
    *,
    note: str = "",
    alarm: str = "",
    picture: DurationPicture | None = None,
    zone: tzinfo | None = None,
) -> list[DetailRow]:
    """Return the rows of what is selected in the tree, all clean.

    Args:
        workflow: The workflow, or that of the job.
        job: The job.
        note: What the selected row says itself, where it is neither.
        alarm: What stands between the desk and the server.
        picture: The last runs of the workflow.
        zone: What times are told in; None is the zone here.
    """
    rows: list[DetailRow] = []
    if alarm:
        rows += [DetailRow("alarm", clean(alarm)), DetailRow("text", "")]
    if job is not None:
        rows.append(DetailRow("title", "Job"))
        rows += _fields(job.fields, zone)
    if workflow is not None:
        if job is not None:
            rows.append(DetailRow("text", ""))
        rows.append(DetailRow("title", "Workflow"))
        told = {k: v for k, v in workflow.fields.items() if k != "payload"}
        rows += _fields(told, zone)
        if workflow.kind == "HEARTBEAT":
            rows.append(DetailRow("note", "A HEARTBEAT workflow never has logs."))
        rows += _of_picture(picture)
        if workflow.payload:
            rows += [DetailRow("text", ""), DetailRow("title", "Payload")]
            rows += [DetailRow("text", line) for line in pretty_lines(workflow.payload)]
    if not rows:
        rows.append(DetailRow("note", clean(note) or NOTHING))
    return rows


def _of_picture(picture: DurationPicture | None) -> list[DetailRow]:
    if picture is None:
        return []
    return [
        DetailRow("text", ""),
        DetailRow("title", "Last runs"),
        DetailRow("picture", "", picture=picture),
        DetailRow("note", picture_words(picture)),
    ]


def details_of_run(
    app: Workflow | None,
    job: Job | None,
    *,
    note: str = "",
    alarm: str = "",
    run_rows: Callable[[Job], list[DetailRow]],
) -> list[DetailRow]:
    """Return the rows of a run and its app, see `details_of`."""
    rows = [DetailRow("alarm", clean(alarm)), GAP] if alarm else []
    if job is not None:
        rows += run_rows(job)
    if app is not None:
        rows += [GAP, *app_rows(app)] if job is not None else app_rows(app)
    return rows or [DetailRow("note", clean(note) or NOTHING)]


def _fields(fields: Mapping[str, object], zone: tzinfo | None) -> list[DetailRow]:
    """Return the server's fields: the telling ones first, then the rest."""
    names = [name for name in FIRST if name in fields]
    names += [name for name in fields if name not in FIRST]
    return [
        DetailRow("field", clean(LABELS.get(name, name)), _value(name, value, zone))
        for name, value in ((name, fields[name]) for name in names)
    ]


def _value(name: str, value: object, zone: tzinfo | None) -> str:
    """Return a field's value; a time in the reader's zone, if it can be read."""
    if name.endswith("_at") and isinstance(value, str):
        time_ns = parse_time(value)
        if time_ns is not None:
            return moment_text(datetime.fromtimestamp(time_ns // NS, UTC), zone)
    return value_text(value)


MARGIN: Final = 1


class DetailsPane(ScrollView, can_focus=True):
    """Every field of what is selected: a job and its workflow, or a run of an app.

    Drawn row by row: a payload of a megabyte costs what the window shows of it.

    Args:
        runs: Whether what is selected are the runs of an app.
        now: The time a running one is told against, aware.
    """

    DEFAULT_CSS = """
    DetailsPane {
        background: $background; overflow-x: hidden; scrollbar-size-vertical: 1;
        & > .details-pane--title { text-style: bold; color: $text-accent; }
        & > .details-pane--label { color: $text-muted; }
        & > .details-pane--note { color: $text-muted; }
        & > .details-pane--alarm { color: $text-warning; }
        & > .details-pane--error { color: $text-error; }
        & > .details-pane--muted { color: $text-muted; }
        & > .details-pane--running { color: $text-success; text-style: bold; }
        & > .details-pane--waiting { color: $text-warning; }
        & > .details-pane--failed { color: $text-error; text-style: bold; }
        & > .details-pane--canceled { color: $text-muted; }
        & > .details-pane--name { text-style: bold; }
    }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "details-pane--title",
        "details-pane--label",
        "details-pane--note",
        "details-pane--alarm",
        "details-pane--error",
        *(f"details-pane--{role}" for role in Role),
    }
    BINDINGS: ClassVar[list[BindingType]] = [
        help_key("j,down", "scroll_down", "Down", "details.down"),
        help_key("k,up", "scroll_up", "Up", "details.up"),
        help_key("space,ctrl+f,pagedown", "page(1)", "Page down", "details.page_down"),
        help_key("b,ctrl+b,pageup", "page(-1)", "Page up", "details.page_up"),
        help_key("g,home", "scroll_home", "Top", "details.top"),
        help_key("G,end", "scroll_end", "Bottom", "details.bottom"),
        help_key("x", "unfold_all", "All of a run's long values", "details.all"),
        help_key("p", "unfold_raw", "A run's raw JSON", "details.raw"),
    ]

    def __init__(
        self,
        *,
        runs: bool = False,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        id: str | None = None,  # noqa: A002
    ) -> None:
        super().__init__(id=id)
        self.zone: tzinfo | None = None
        """What times are told in; None is the zone here."""
        self._runs = runs
        self._now = now
        self._unfolded = Unfolded()
        self._unread = ("", "")
        self._selection: tuple[Workflow | None, Job | None, str] = (None, None, "")
        self._alarm = ""
        self._notices: Notices | None = None
        self._recent: RecentRuns | None = None
        self._details: list[DetailRow] = []
        self.laid_out: list[DetailPiece] = []
        self._laid_out_for = 0

    def attach(self, notices: Notices | None, recent: RecentRuns | None) -> None:
        """Tell what a server counts of workflows, notifies of them, and ran last."""
        self._notices, self._recent = notices, recent
        for told in (notices, recent):
            if told is not None:
                told.subscribe(while_standing(self, self._show))
        self._ask_about()

    def on_show(self) -> None:
        """Fit anew: hidden again before it was told its size, it had no room then."""
        self.on_resize()
        self._ask_about()

    def on_hide(self) -> None:
        self._ask_about()

    def _ask_about(self) -> None:
        """Have the workflow asked about that is looked at, as long as it is."""
        workflow = self.workflow if self._is_seen else None
        if self._notices is not None:
            self._notices.want("" if workflow is None else workflow.id)
        if self._recent is not None:
            self._recent.want(workflow)

    @property
    def _is_seen(self) -> bool:
        if not self.is_attached:
            return False
        over = self.app.screen
        is_covered = over is not self.screen and not over.is_modal
        return not is_covered and all(one.display for one in self.ancestors_with_self)

    def show(
        self, workflow: Workflow | None, job: Job | None, sentence: str = ""
    ) -> None:
        """Show a selection (see `details_of`); keeps the scroll.

        What a run told when it was read alone stays while only its row is new.
        """
        before = self._selection[1]
        is_same = before is not None and job is not None and job.id == before.id
        if is_same and before is not None and job is not None and self._runs:
            job = replace(job, fields={**before.fields, **job.fields})
        elif not is_same:
            self._unfolded = Unfolded()
        self._selection = (workflow, job, sentence)
        self._ask_about()
        self._show()
        if not is_same and self._runs:
            self.scroll_home(animate=False)

    @property
    def workflow(self) -> Workflow | None:
        """The workflow that is shown, or that of the job."""
        return self._selection[0]

    @property
    def job(self) -> Job | None:
        """The job that is shown, with all that is known of it."""
        return self._selection[1]

    @property
    def selection(self) -> tuple[Workflow | None, Job | None]:
        """What is shown: a workflow, with one of its jobs or without."""
        return self._selection[:2]

    def update_job(self, job: Job) -> None:
        """Show what was read of a job alone, if it is the one that is shown."""
        workflow, shown, sentence = self._selection
        if shown is not None and shown.id == job.id and self._runs:
            self.show(workflow, job, sentence)

    def show_unread(self, job: Job, error: ChronotuiError) -> None:
        """Say why a run could not be read alone, if it is the one that is shown."""
        self._unread = (job.id, str(error))
        self._show()

    def show_trouble(self, alarm: str) -> None:
        """Say over the details what stands between the desk and the server."""
        if alarm != self._alarm:
            self._alarm = alarm
            self._show()

    def tick(self) -> None:
        """Say for how long a run has run, and what ran last; ask for what is seen."""
        self._ask_about()
        job = self._selection[1]
        is_run = self._runs and job is not None and job.status == "RUNNING"
        if self.display and (is_run or self._recent is not None):
            self._show()

    def set_zone(self, zone: tzinfo | None) -> None:
        """Tell times in another zone."""
        self.zone = zone
        self._show()

    def _show(self) -> None:
        workflow, job, note = self._selection
        if self._runs:
            details = details_of_run(
                workflow,
                job,
                note=note,
                alarm=self._alarm,
                run_rows=self._rows_of,
            )
        else:
            picture = self._picture(workflow, job)
            details = details_of(
                workflow,
                job,
                note=note,
                alarm=self._alarm,
                picture=picture,
                zone=self.zone,
            )
            if workflow is not None and self._notices is not None:
                told = self._notices.of(workflow.id)
                details += notice_rows(told, self.zone)
        if details != self._details:
            self._details = details
            self._lay_out()

    def _picture(
        self, workflow: Workflow | None, job: Job | None
    ) -> DurationPicture | None:
        """Return the picture of a workflow's last runs, a job among them marked."""
        if workflow is None or self._recent is None:
            return None
        jobs, more = self._recent.of(workflow.id)
        marked = "" if job is None else job.id
        return picture_of(jobs, self._now(), marked=marked, more=more)

    def _rows_of(self, job: Job) -> list[DetailRow]:
        unread_id, unread = self._unread
        return run_rows(
            job,
            now=self._now(),
            zone=self.zone,
            unfolded=self._unfolded,
            unread=unread if unread_id == job.id else "",
        )

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer to unfold where something is folded: a run."""
        if action.startswith("unfold_"):
            return self._runs and self._selection[1] is not None
        return super().check_action(action, parameters)

    def action_unfold_all(self) -> None:
        """Show every line of long values and what the system put in, or fold them."""
        self._unfolded = self._unfolded._replace(all=not self._unfolded.all)
        self._show()

    def action_unfold_raw(self) -> None:
        """Show the server's own objects, or fold them away."""
        self._unfolded = self._unfolded._replace(raw=not self._unfolded.raw)
        self._show()

    @property
    def _room(self) -> int:
        return self.scrollable_content_region.width - 2 * MARGIN

    def on_resize(self) -> None:
        if self._room != self._laid_out_for:
            self._lay_out()

    def _lay_out(self) -> None:
        self._laid_out_for = self._room
        if self._room <= 0:
            return  # it has no place yet, and would stand there letter by letter
        self.laid_out = lay_out(self._details, self._room)
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
        for part in piece.parts:
            text = f"{part.text:<{part.width}}"
            segments.append(Segment(text, style(f"details-pane--{part.role}")))
        return Strip(segments).adjust_cell_length(width, plain)

    def action_page(self, pages: int) -> None:
        """Scroll by a page, a line kept."""
        rows = max(self.size.height - 1, 1)
        self.scroll_relative(y=pages * rows, animate=False)
