"""What can be saved of the opened job just now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chronotui.core.log import LineRow
from chronotui.engine.saving import SaveScope
from chronotui.ui.save import SaveSubject

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from chronotui.model import LogLine
    from chronotui.ui.desk.plan import DeskPlan
    from chronotui.ui.desk.shown_job import ShownJob
    from chronotui.ui.log_view import OpenLog

SLICE = 1000


def subject_of(
    shown: ShownJob, pane: str, plan: DeskPlan, short_id: str
) -> SaveSubject:
    """Return what the save dialog is opened on; ``short_id`` as the tree shows it."""
    state = shown.opened.log.state
    view = shown.views.get(pane)
    parts = dict(_parts(view)) if view is not None else {}
    return SaveSubject(
        job=state.job,
        workflow=shown.opened.workflow,
        profile=plan.profile_name,
        short_id=short_id,
        folder=plan.save_folder,
        own_folder=plan.profile.save_dir or plan.ui.save_dir,
        known_lines=state.lines if state.at_start else None,
        parts=parts,
        scope=SaveScope.SELECTION if SaveScope.SELECTION in parts else SaveScope.WHOLE,
    )


def _parts(
    view: OpenLog,
) -> Iterator[tuple[SaveScope, Callable[[], Iterable[LogLine]]]]:
    if view.filters.value is not None:
        yield SaveScope.VIEW, lambda: lines_of(view, 0, len(view.rows))
    if view.range_from is not None:
        picked = view.picked_rows()
        yield SaveScope.SELECTION, lambda: lines_of(view, picked.start, picked.stop)
    if view.bookmarks:
        rows = [view.rows.locate(anchor) for anchor in view.bookmarks.values()]
        here = view.reading.current
        low, high = sorted((min(rows, key=lambda row: abs(row - here)), here))
        yield SaveScope.TO_BOOKMARK, lambda: lines_of(view, low, high + 1)


def lines_of(view: OpenLog, start: int, stop: int) -> Iterator[LogLine]:
    """Yield the lines among some rows, reading them a slice at a time."""
    for first in range(start, stop, SLICE):
        for row in view.rows.rows(first, min(first + SLICE, stop)):
            if isinstance(row, LineRow):
                yield row.line
