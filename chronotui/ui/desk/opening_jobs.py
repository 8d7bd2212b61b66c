"""Opening a job's log and leaving the last one's stream."""

from __future__ import annotations

from asyncio import get_running_loop
from time import monotonic
from typing import TYPE_CHECKING, Final

from chronotui.errors import LogsUnavailableError
from chronotui.ui.desk.base import DeskBase

if TYPE_CHECKING:
    from asyncio import TimerHandle
    from collections.abc import Callable

    from chronotui.engine.session import OpenedJob
    from chronotui.errors import ChronotuiError
    from chronotui.model import Job, Workflow


STANDING_SECONDS: Final = 0.15
"""How long the status line waits to be painted in one frame with the log's lines."""

FOLLOWING_SECONDS: Final = 0.1
"""How often it counts on while a followed log floods: faster nobody reads."""


class OpeningJobs(DeskBase):
    """One job is open at a time; the others keep their lines and places."""

    _unsubscribe: Callable[[], None] | None = None
    _standing_due: TimerHandle | None = None
    _said_at = 0.0
    _said_following = False
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
        self._forget_due()

    def show_standing(self) -> None:
        """Say on the status line how things stand now."""
        self._forget_due()
        if self.is_whole:
            self._said_at = monotonic()
            self._said_following = self.log_side.place.following
            super().show_standing()

    def reader_placed(self) -> None:
        """Say where the reader is now, in the frame that shows it."""
        follows_on = self._said_following and self.log_side.place.following
        if follows_on and monotonic() < self._said_at + FOLLOWING_SECONDS:
            self._say_soon()
        else:
            self.show_standing()

    def _say_soon(self) -> None:
        if self._standing_due is None:
            self._standing_due = get_running_loop().call_later(
                STANDING_SECONDS, self.show_standing
            )

    def _forget_due(self) -> None:
        if self._standing_due is not None:
            self._standing_due.cancel()
            self._standing_due = None

    def _log_changed(self) -> None:
        if self.session is not None and self.is_whole:
            self._tell_tree()
            self.log_side.log_changed()
            self._say_soon()
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
