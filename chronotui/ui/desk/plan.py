"""What a desk is started with."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from chronotui.storage.files import state_dir
from chronotui.storage.settings import UiSettings
from chronotui.storage.state import Remembered, StateFile
from chronotui.times import Timestamps
from chronotui.ui.log import ViewSettings

if TYPE_CHECKING:
    from collections.abc import Callable

    from chronotui.engine.timing import WatchTiming
    from chronotui.storage.settings import Config, Profile
    from chronotui.storage.state import DiagnosticLog


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class DeskPlan:
    """One profile's desk: where to connect, what to open, how to show it.

    Attributes:
        profile: The server.
        ui: The ``[ui]`` settings.
        view_settings: How lines are shown at first.
        workflow: Deep link: a workflow's id, prefix or name.
        job: Deep link: a job's id or prefix.
        remember: Called with how lines are shown whenever that changes.
        save_folder: Where the save dialog starts.
        remember_folder: Called with the folder a log was saved to.
        remembers_session: Whether the server's session is kept for the next start.
        notice: Said once at the start; "" for nothing.
        memory_problem: Says why what is remembered was not read or written; "" for
            nothing.
        timing: Delays of the watched log; None is the engine's own.
        log: Takes one line a request; None keeps none.
        now: The clock, aware.
        parting: Gets what is to be said when the desk is left.
    """

    profile: Profile
    save_folder: Path
    ui: UiSettings = field(default_factory=UiSettings)
    view_settings: ViewSettings = field(default_factory=ViewSettings)
    workflow: str | None = None
    job: str | None = None
    remember: Callable[[ViewSettings], None] = lambda _settings: None
    remember_folder: Callable[[Path], None] = lambda _folder: None
    remembers_session: bool = True
    notice: str = ""
    memory_problem: Callable[[], str] = lambda: ""
    timing: WatchTiming | None = None
    log: DiagnosticLog | None = None
    now: Callable[[], datetime] = _utc_now
    parting: list[str] = field(default_factory=list)

    @property
    def profile_name(self) -> str:
        """The profile's name."""
        return self.profile.name


# From a profile to a desk's plan: configured, then remembered, choices.


def plan_for(profile: Profile, config: Config, *, remembers: bool = True) -> DeskPlan:
    """Return the plan of a profile's desk.

    Args:
        profile: The server.
        config: Where the settings come from.
        remembers: Whether choices of earlier runs count and new ones are kept.
    """
    if not remembers:
        return DeskPlan(
            profile,
            _folder(profile, config, Remembered()),
            ui=config.ui,
            view_settings=_view(config.ui, Remembered()),
            remembers_session=False,
            notice=" ".join(config.warnings),
        )
    state = StateFile(state_dir())
    kept = state.read(profile.name)

    def remember(settings: ViewSettings) -> None:
        choices = Remembered(
            wrap=settings.wrap, timestamps=str(settings.timestamps), zone=settings.zone
        )
        state.remember(profile.name, choices)

    return DeskPlan(
        profile,
        _folder(profile, config, kept),
        ui=config.ui,
        view_settings=_view(config.ui, kept),
        remember=remember,
        remember_folder=lambda folder: state.remember(
            profile.name, Remembered(save_dir=folder)
        ),
        notice=" ".join(config.warnings),
        memory_problem=lambda: state.problem,
    )


def _view(ui: UiSettings, kept: Remembered) -> ViewSettings:
    settings = ViewSettings(
        timestamps=Timestamps(ui.timestamps), zone=_zone(ui.zone), wrap=ui.wrap
    )
    if kept.timestamps is not None:
        settings = replace(settings, timestamps=Timestamps(kept.timestamps))
    if kept.zone is not None:
        settings = replace(settings, zone=_zone(kept.zone))
    if kept.wrap is not None:
        settings = replace(settings, wrap=kept.wrap)
    return settings


def _zone(name: str) -> Literal["local", "utc"]:
    return "utc" if name == "utc" else "local"


def _folder(profile: Profile, config: Config, kept: Remembered) -> Path:
    """Return the folder saves go to: remembered, the profile's, ``[ui]``'s, here."""
    return kept.save_dir or profile.save_dir or config.ui.save_dir or Path.cwd()
