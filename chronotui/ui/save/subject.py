"""What the save dialog is opened on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from chronotui.core.text import clean
from chronotui.engine.saving import SaveScope

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from chronotui.model import Job, LogLine, Workflow


@dataclass(frozen=True, slots=True, kw_only=True)
class SaveSubject:
    """A job's log, and which parts of it can be saved now.

    Attributes:
        job: The job as known.
        workflow: Its workflow, if known.
        short_id: The job's id as the tree shows it.
        profile: The name of the profile it is saved under.
        folder: Where the path begins: remembered, configured, or the current one.
        own_folder: The configured folder, which may be made if it is missing.
        known_lines: The log's line count, None if not known.
        parts: Scopes beside the whole log, with their lines in order. The call is
            made when the save begins, and again for a retry.
        scope: The one chosen at first.
    """

    job: Job
    folder: Path
    workflow: Workflow | None = None
    profile: str = ""
    short_id: str = ""
    own_folder: Path | None = None
    known_lines: int | None = None
    parts: Mapping[SaveScope, Callable[[], Iterable[LogLine]]] = field(
        default_factory=dict
    )
    scope: SaveScope = SaveScope.WHOLE

    @property
    def title(self) -> str:
        """The job's id for a title, harmless."""
        return clean(self.short_id or self.job.id)
