"""What a desk is started with: configured choices, then those of earlier runs."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct, field
from msgspec.structs import replace
from textual.theme import BUILTIN_THEMES

from chronotui.sources.protocol import KINDS
from chronotui.storage.files import state_dir
from chronotui.storage.settings import UiSettings
from chronotui.storage.state import Remembered, StateFile
from chronotui.times import Timestamps
from chronotui.tree.order import TreeLook, WorkflowOrder
from chronotui.ui.log import ViewSettings

if TYPE_CHECKING:
    from collections.abc import Callable

    from chronotui.engine.timing import WatchTiming
    from chronotui.log.handoff import LinePlace, Origin
    from chronotui.model import Job, Workflow
    from chronotui.sources.protocol import SourceKind
    from chronotui.storage.settings import Config, Profile
    from chronotui.storage.state import DiagnosticLog


class DeskPlan(Struct, frozen=True):
    """One profile's desk: where to connect, what to open, how to show it.

    Attributes:
        profile: The server.
        save_folder: Where the save dialog starts.
        chosen_theme: The theme that was chosen last, if one was.
        ui: The ``[ui]`` settings.
        view_settings: How lines are shown at first.
        tree_look: How the tree is looked at, at first.
        workflow: Deep link: a workflow's id, prefix or name.
        job: Deep link: a job's id or prefix.
        line: Deep link: a line of the job.
        verb: The verb that opens this desk, "demo" or "".
        memory: Keeps choices for the next start; None keeps nothing, sessions neither.
        notice: Said once at the start; "" for nothing.
        timing: Delays of the watched log; None is the engine's own.
        log: Takes one line a request; None keeps none.
        now: The clock, aware.
        tour: Lines over the desk that say what there is to see.
        dismiss_tour: Called when they are not to be seen again.
    """

    profile: Profile
    save_folder: Path
    chosen_theme: str = ""
    ui: UiSettings = field(default_factory=UiSettings)
    view_settings: ViewSettings = field(default_factory=ViewSettings)
    tree_look: TreeLook = field(default_factory=TreeLook)
    workflow: str | None = None
    job: str | None = None
    line: LinePlace | None = None
    verb: str = ""
    memory: StateFile | None = None
    notice: str = ""
    timing: WatchTiming | None = None
    log: DiagnosticLog | None = None
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    tour: tuple[str, ...] = ()
    dismiss_tour: Callable[[], None] = lambda: None

    @property
    def kind(self) -> SourceKind:
        """What the server is able to do, and in which words it is spoken of."""
        return KINDS[self.profile.kind]

    @property
    def theme(self) -> str:
        """The colours at first."""
        return self.chosen_theme or self.ui.theme

    @property
    def memory_problem(self) -> str:
        """Why what is remembered was not read or written; "" for nothing."""
        return "" if self.memory is None else self.memory.problem

    def origin(
        self, config: Config | None, workflow: Workflow | None, job: Job
    ) -> Origin:
        """Return where a job's lines are from; a run is named by its id alone."""
        from chronotui.log.handoff import Origin

        kind = self.kind
        server = {} if config is None else config.options_for(self.profile)
        return Origin(
            "" if kind.capabilities.runs else job.workflow_id,
            job.shown_id,
            job.workflow_id if workflow is None else workflow.shown_name,
            job.shown_id,
            {"--kind": kind.name} if self.verb else server,
            self.verb,
        )

    def remember_view(self, settings: ViewSettings) -> None:
        times = str(settings.timestamps)
        self._remember(
            Remembered(wrap=settings.wrap, timestamps=times, zone=settings.zone)
        )

    def remember_look(self, look: TreeLook) -> None:
        self._remember(Remembered(tree_order=str(look.order), tree_ages=look.ages))

    def remember_theme(self, theme: str) -> None:
        self._remember(Remembered(theme=theme))

    def remember_folder(self, folder: Path) -> None:
        self._remember(Remembered(save_dir=folder))

    def _remember(self, choices: Remembered) -> None:
        if self.memory is not None:
            self.memory.remember(self.profile.name, choices)


def with_tour(plan: DeskPlan, lines: tuple[str, ...], memory: StateFile) -> DeskPlan:
    """Return a plan that shows the tour of its kind of demo until it is dismissed."""
    name = f"demo:{plan.profile.kind}"  # no profile has a colon in its name
    if memory.read(name).tour_dismissed:
        return plan
    dismissed = Remembered(tour_dismissed=True)
    return replace(
        plan,
        tour=lines,
        dismiss_tour=lambda: memory.remember(name, dismissed),
    )


def plan_for(profile: Profile, config: Config, *, remembers: bool = True) -> DeskPlan:
    """Return the plan of a profile's desk.

    Args:
        profile: The server.
        config: Where the settings come from.
        remembers: Whether choices of earlier runs count and new ones are kept.
    """
    ui = config.ui
    memory = StateFile(state_dir()) if remembers else None
    kept = memory.read(profile.name) if memory is not None else Remembered()
    return DeskPlan(
        profile,
        kept.save_dir or profile.save_dir or ui.save_dir or Path.cwd(),
        chosen_theme=kept.theme if kept.theme in BUILTIN_THEMES else "",
        ui=ui,
        view_settings=ViewSettings(
            timestamps=Timestamps(kept.timestamps or ui.timestamps),
            zone="utc" if (kept.zone or ui.zone) == "utc" else "local",
            wrap=ui.wrap if kept.wrap is None else kept.wrap,
        ),
        tree_look=TreeLook(_order_of(kept.tree_order), kept.tree_ages),
        memory=memory,
        notice=" ".join(config.warnings),
    )


def _order_of(word: str | None) -> WorkflowOrder:
    """Return the order of a name; one that is not known is as good as none."""
    known = [order for order in WorkflowOrder if order == word]
    return known[0] if known else WorkflowOrder.LISTED
