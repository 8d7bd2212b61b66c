"""What a desk is started with."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from chronotui.storage.settings import UiSettings
from chronotui.ui.log_view import ViewSettings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from chronotui.engine.watch.timing import WatchTiming
    from chronotui.storage.diagnostic_log import DiagnosticLog
    from chronotui.storage.settings import Profile


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
