"""The dialog of alerts: what to be told of a job or a workflow, and what stands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final

from msgspec import Struct
from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Button, Input, OptionList, Static

from chronotui.engine.alerts import new_alert, subject
from chronotui.engine.job_log import JobLog
from chronotui.log.pattern import BadPattern, compile_pattern
from chronotui.storage.alert_book import AlertKind
from chronotui.text import clean
from chronotui.times import wall_clock
from chronotui.ui.dialogs import FIELD_MOVES, Dialog, RadioRow, field_row

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import tzinfo

    from textual.app import ComposeResult
    from textual.screen import Screen

    from chronotui.engine.alert_watch import AlertWatch, Standing
    from chronotui.engine.session import Session
    from chronotui.model import Job, Workflow
    from chronotui.storage.alert_book import Alert

KEYS: Final = "enter sets · d removes · esc closes"
NONE_STAND: Final = "No alert stands."
NOT_YET: Final = "Alerts can be set once the server has answered."
REFRESH_SECONDS: Final = 1.0

NOTES: Final = {
    AlertKind.END: "Told once; at the next start where no desk was open.",
    AlertKind.FAILURE: "Told once; at the next start where no desk was open.",
    AlertKind.PATTERN: "Told of the first line of a run that matches from now on.",
    AlertKind.STALL: "Told when it is silent far longer than it or its good runs were.",
}


class AlertSubject(Struct, frozen=True):
    """What a dialog of alerts was opened on.

    Attributes:
        workflow_id: The workflow, or the app.
        workflow: Its name, not cleaned.
        job: The job; None where the workflow is meant.
        short_id: The job's id as the tree shows it.
        pattern: What is searched for in its log, as typed.
        place: The newest line of its opened log.
        reads_lines: Whether lines of its jobs can be watched.
        item: What one run is called.
    """

    workflow_id: str
    workflow: str
    job: Job | None = None
    short_id: str = ""
    pattern: str = ""
    place: tuple[int, int] | None = None
    reads_lines: bool = True
    item: str = "job"

    @property
    def title(self) -> str:
        if self.job is None:
            return clean(self.workflow)
        return subject(self.workflow, self.job, self.short_id)

    def scopes(self) -> list[tuple[bool, str]]:
        """Return what an alert may be of: this job (True), or every run."""
        every = (False, f"every run of {clean(self.workflow)}")
        if self.job is None:
            return [every]
        return [(True, f"this {self.item}"), every]

    def kinds(self) -> list[tuple[AlertKind, str]]:
        kinds = AlertKind if self.reads_lines else (AlertKind.END, AlertKind.FAILURE)
        return [(kind, kind.words) for kind in kinds]


class AlertScreen(Dialog[str | None]):
    """Sets alerts, lists those that stand, and removes them; answers what was set.

    Args:
        watch: Keeps the alerts.
        meant: What it was opened on; None lists alone.
        zone: The zone of clock times; None is the machine's own.
    """

    DEFAULT_CSS = """
    AlertScreen #note, AlertScreen #listed { color: $text-muted; }
    AlertScreen #told { text-wrap: nowrap; text-overflow: ellipsis; }
    AlertScreen #listed { margin-top: 1; }
    AlertScreen OptionList {
        height: auto; max-height: 8; border: none; padding: 0;
        background: $surface; scrollbar-size-vertical: 1;
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Close", id="alert.close"),
        Binding("enter", "set", "Set the alert", id="alert.set"),
        Binding("d,delete", "remove", "Remove an alert", id="alert.remove"),
        *FIELD_MOVES,
    ]

    def __init__(
        self, watch: AlertWatch, meant: AlertSubject | None, zone: tzinfo | None
    ) -> None:
        super().__init__()
        self._zone = zone
        self._watch = watch
        self._meant = meant
        self._standing: list[Standing] = []

    def compose(self) -> ComposeResult:
        meant = self._meant
        with Vertical() as box:
            title = "Alerts" if meant is None else f"Alert: {meant.title}"
            box.border_title = Content(title)
            box.border_subtitle = Content(KEYS)
            if meant is not None:
                over = meant.job is not None and meant.job.has_ended
                scope = RadioRow(
                    meant.scopes(), not over and meant.job is not None, id="scope"
                )
                yield field_row("Of", scope)
                yield field_row(
                    "When", RadioRow(meant.kinds(), AlertKind.END, id="kind")
                )
                pattern = Input(meant.pattern, compact=True, id="pattern")
                yield field_row("Pattern", pattern)
            yield Static(id="note", markup=False)
            yield Static(id="listed", markup=False)
            yield OptionList(compact=True)
            yield Static(id="told", markup=False)
            with Horizontal(id="buttons"):
                if meant is not None:
                    yield Button("Set", variant="primary", compact=True, id="set")
                yield Button("Close", compact=True, id="cancel")

    def on_mount(self) -> None:
        self._show()
        self._list()
        if self._meant is not None:
            self.query_one("#kind").focus()
        self.set_interval(REFRESH_SECONDS, self._list)

    @property
    def kind(self) -> AlertKind:
        """The kind that is chosen."""
        chosen: AlertKind = self.query_one("#kind", RadioRow).value
        return chosen

    @property
    def is_of_job(self) -> bool:
        """Whether it is about one job, and not every run."""
        return bool(self.query_one("#scope", RadioRow).value)

    @on(RadioRow.Changed)
    @on(Input.Changed)
    def _show(self) -> None:
        """Show the fields of what is chosen, and what it means."""
        if self._meant is not None:
            kind = self.kind
            self.query_one("#row-pattern").display = kind is AlertKind.PATTERN
            typed = self.query_one("#pattern", Input).value
            is_empty = kind is AlertKind.PATTERN and not typed
            self._note(NOTES[kind] if is_empty else self._refusal() or NOTES[kind])

    def _note(self, words: str) -> None:
        self.query_one("#note", Static).update(Content(words))

    def _refusal(self) -> str:
        """Return why what is chosen cannot be set; "" where it can."""
        meant = self._meant
        if meant is None:
            return ""
        if self.is_of_job and meant.job is not None and meant.job.has_ended:
            return f"This {meant.item} has ended: there is nothing more to tell of it."
        if self.kind is AlertKind.PATTERN:
            try:
                compile_pattern(self.query_one("#pattern", Input).value)
            except BadPattern as bad:
                return clean(str(bad))
        return ""

    def _list(self) -> None:
        """Show the alerts that stand, and how each is watched."""
        standing = self._watch.standing()
        words = NONE_STAND if not standing else "Standing:"
        problem = self._watch.problem
        self.query_one("#listed", Static).update(
            Content(clean(f"{words} {problem}".strip()))
        )
        zone = self._zone
        told = [
            f"{wall_clock(each.at, zone)} {each.sentence}" for each in self._watch.told
        ]
        lately = self.query_one("#told", Static)
        lately.display = bool(told)
        lately.update(Content("\n".join(["Told lately:", *told])))
        if standing == self._standing:
            return
        self._standing = standing
        listed = self.query_one(OptionList)
        place = listed.highlighted
        listed.clear_options()
        short_id = self._watch.short_id
        rows = [row_of(each, short_id(each.alert)) for each in standing]
        listed.add_options([Content(row) for row in rows])
        listed.display = bool(standing)
        if standing:
            listed.highlighted = min(place or 0, len(standing) - 1)

    @on(Button.Pressed, "#set")
    @on(Input.Submitted)
    def action_set(self) -> None:
        """Set what is chosen, and close."""
        meant = self._meant
        if meant is None:
            return
        refusal = self._refusal()
        if refusal:
            self._note(refusal)
            if self.kind is AlertKind.PATTERN:
                self.query_one("#pattern").focus()
            return
        alert = self._alert(meant)
        if not self._watch.add(alert):
            self._note("That alert stands already, or there are too many.")
            return
        self.dismiss(f"You will be told {self._told_when(alert)}.")

    def _alert(self, meant: AlertSubject) -> Alert:
        is_pattern = self.kind is AlertKind.PATTERN
        return new_alert(
            self.kind,
            meant.workflow,
            workflow_id=meant.workflow_id,
            job=meant.job if self.is_of_job else None,
            pattern=self.query_one("#pattern", Input).value if is_pattern else "",
            known=self._watch.known_jobs(meant.workflow_id),
            place=meant.place if self.is_of_job else None,
            now=self._watch.server_now(),
        )

    def _told_when(self, alert: Alert) -> str:
        return told_when(alert, self._watch.short_id(alert))

    @on(OptionList.OptionSelected)
    def _chosen(self) -> None:
        self._note("d removes the alert.")

    def action_remove(self) -> None:
        """Remove the alert under the cursor of the list."""
        listed = self.query_one(OptionList)
        if not self._standing:
            return
        if not listed.has_focus:
            listed.focus()
            self._note("d removes the alert.")
            return
        if listed.highlighted is not None:
            alert = self._standing[listed.highlighted].alert
            self._watch.remove(alert)
            self._list()
            self._note(f"Removed: {self._told_when(alert)}.")
            if not self._standing:
                self.focus_next()


def told_when(alert: Alert, short_id: str) -> str:
    """Return what an alert waits for, cleaned: ``nightly-report 8f3c21 fails``."""
    name = alert.workflow or alert.workflow_id
    who = f"a run of {name}"
    if alert.job_id:
        who = f"{name} {short_id}"
    what = {
        AlertKind.END: "ends",
        AlertKind.FAILURE: "fails",
        AlertKind.PATTERN: f"has a line that matches {alert.pattern}",
        AlertKind.STALL: "stalls",
    }
    return clean(f"when {who} {what[alert.kind]}")


def row_of(standing: Standing, short_id: str) -> str:
    """Return a row of the list of alerts, cleaned."""
    words = f"   ({standing.words})" if standing.words else ""
    return f"⚑ {told_when(standing.alert, short_id)}{words}"


def show_alerts(
    screen: Screen[Any],
    session: Session,
    workflow: Workflow | None,
    job: Job | None,
    *,
    say: Callable[[str], object],
    pattern: str = "",
) -> None:
    """Show the dialog of alerts over a screen.

    Args:
        say: Takes what was set, or why nothing can be.
        workflow: What is meant; without a job, every run of it.
        job: The job that is meant.
        pattern: What is searched for in its log.
    """
    if session.alerts is None:
        say(NOT_YET)
        return
    meant = None
    if workflow is not None or job is not None:
        meant = _subject(session.alerts, session, workflow, job, pattern)

    def told(words: str | None) -> None:
        if words:
            say(words)

    zone = session.catalog.tree.zone
    screen.app.push_screen(AlertScreen(session.alerts, meant, zone), told)


def _subject(
    watch: AlertWatch,
    session: Session,
    workflow: Workflow | None,
    job: Job | None,
    pattern: str,
) -> AlertSubject:
    log = None if job is None else session.held(job)
    place = None
    if isinstance(log, JobLog) and len(log.store):
        place = log.store.line(len(log.store) - 1)[:2]
    workflow_id = "" if job is None else job.workflow_id
    if workflow is not None:
        workflow_id = workflow.id
    branch = session.catalog.tree.branch(workflow_id)
    keeps_no_logs = branch is not None and branch.keeps_no_logs
    return AlertSubject(
        workflow_id,
        workflow_id if workflow is None else workflow.shown_name,
        None if job is None else watch.newest(job),
        "" if job is None else watch.short_id(job),
        pattern=pattern,
        place=place,
        reads_lines=session.newest_lines is not None and not keeps_no_logs,
        item=session.kind.nouns.item,
    )
