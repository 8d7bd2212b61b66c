"""From a profile to a desk's plan: configured, then remembered, choices."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from chronotui.storage.paths import state_dir
from chronotui.storage.state_file import Remembered, StateFile
from chronotui.ui.desk.plan import DeskPlan
from chronotui.ui.log_view import Timestamps, ViewSettings

if TYPE_CHECKING:
    from chronotui.storage.settings import Config, Profile, UiSettings


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
