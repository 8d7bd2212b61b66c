"""What every part of the desk's screen works with."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from textual.screen import Screen

from chronotui.ui.desk.log_side import LogSide
from chronotui.ui.desk.pane_tabs import DETAILS
from chronotui.ui.desk.standing import of_catalog, with_log, with_place
from chronotui.ui.desk.status_line import StatusLine
from chronotui.ui.desk.status_text import Standing
from chronotui.ui.job_tree import JobTreePane

if TYPE_CHECKING:
    from collections.abc import Callable

    from chronotui.engine.session import Session
    from chronotui.ui.desk.plan import DeskPlan

LEAST_SIZE: Final = (60, 20)
NOTICE_SECONDS: Final = 6.0
FOR_GOOD: Final = 86_400.0
"""How long a notice stands that only another one replaces, in seconds."""


class DeskBase(Screen[None]):
    """Holds the plan and the session, knows its two sides, speaks below them."""

    def __init__(self, plan: DeskPlan) -> None:
        super().__init__()
        self.plan = plan
        self.session: Session | None = None
        self._standing = Standing(profile=plan.profile_name, notice=plan.notice)

    @property
    def tree_side(self) -> JobTreePane:
        """The tree with its filters."""
        return self.query_one(JobTreePane)

    @property
    def log_side(self) -> LogSide:
        """The opened job's panes."""
        return self.query_one(LogSide)

    @property
    def is_whole(self) -> bool:
        """Whether both sides stand: not before composing, nor while closing."""
        sides = (self.query_one_optional(LogSide), self.query_one_optional(StatusLine))
        return all(side is not None and side.is_attached for side in sides)

    def say(self, sentence: str, *, seconds: float = NOTICE_SECONDS) -> None:
        """Show a sentence on the status line for a while; "" takes it away."""
        self._standing = replace(self._standing, notice=sentence)
        self.show_standing()
        if sentence:
            self.set_timer(seconds, self._unsay(sentence))

    def _unsay(self, sentence: str) -> Callable[[], None]:
        def forget() -> None:
            if self._standing.notice == sentence:
                self.say("")

        return forget

    def show_standing(self) -> None:
        """Say on the status line how things stand now."""
        if not self.is_whole:
            return
        standing = of_catalog(
            self._standing, self.session.catalog if self.session else None
        )
        current = self.log_side.current
        if current is not None and self.log_side.pane != DETAILS:
            log = current.opened.log
            standing = with_log(standing, log.state, log.now())
            standing = with_place(standing, self.log_side.place)
        if not standing.notice and self._is_too_small:
            width, height = LEAST_SIZE
            notice = f"This terminal is small; {width}×{height} is the least."
            standing = replace(standing, notice=notice)
        self.query_one(StatusLine).standing = standing

    @property
    def _is_too_small(self) -> bool:
        return self.size.width < LEAST_SIZE[0] or self.size.height < LEAST_SIZE[1]

    def working(self, group: str) -> bool:
        """Whether a worker of a group is running on this screen."""
        return any(
            worker.group == group and worker.node is self and not worker.is_finished
            for worker in self.workers
        )
