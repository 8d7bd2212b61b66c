"""Opening a job's log and leaving the last one's stream."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chronotui.errors import LogsUnavailableError
from chronotui.ui.desk.base import DeskBase

if TYPE_CHECKING:
    from collections.abc import Callable

    from chronotui.engine.session import OpenedJob
    from chronotui.errors import ChronotuiError
    from chronotui.model import Job, Workflow


class OpeningJobs(DeskBase):
    """One job is open at a time; the others keep their lines and places."""

    _unsubscribe: Callable[[], None] | None = None
    _told_tree: tuple[Job, ChronotuiError | None] | None = None

    def open_job(self, workflow: Workflow | None, job: Job) -> None:
        """Open a job's log and put the focus in it; the last one's stream closes."""
        if self.session is None:
            return
        left = self.log_side.current
        opened = self.session.open(workflow, job)
        if left is not None and left.opened is not opened:
            self.session.leave(left.opened)
        self._listen(opened)
        self.log_side.show_job(opened)
        self.log_side.focus_pane()
        self.show_standing()

    def _listen(self, opened: OpenedJob) -> None:
        self.stop_listening()
        self._unsubscribe = opened.log.subscribe(self._log_changed)

    def stop_listening(self) -> None:
        """Take no more changes over."""
        if self._unsubscribe is not None:
            self._unsubscribe()
            self._unsubscribe = None

    def _log_changed(self) -> None:
        if self.session is not None and self.is_whole:
            self._tell_tree()
            self.log_side.log_changed()
            self.show_standing()
            self.session.log_changed()

    def _tell_tree(self) -> None:
        """Show in the tree what the log has learned before it is polled again."""
        state = self.log_side.state
        if state is None or (state.job, state.problem) == self._told_tree:
            return
        self._told_tree = (state.job, state.problem)
        self.tree_side.update_job(state.job)
        if isinstance(state.problem, LogsUnavailableError):
            self.tree_side.note_no_logs(state.job.workflow_id)
