"""What every part of the desk's screen works with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from textual.screen import Screen

from chronotui.ui.desk.log_side import DETAILS, LogSide, cut_id, of_lists
from chronotui.ui.desk.status import (
    DeskStatus,
    StatusLine,
    StatusMessage,
    of_catalog,
    with_log,
    with_place,
    with_recordings,
)
from chronotui.ui.tree import JobTreePane

if TYPE_CHECKING:
    from chronotui.engine.session import Session
    from chronotui.errors import ChronotuiError
    from chronotui.model import Job
    from chronotui.ui.desk.plan import DeskPlan

LEAST_SIZE: Final = (60, 20)
TOO_SMALL: Final = "Too small: {}×{} is the least.".format(*LEAST_SIZE)
NOTICE_SECONDS: Final = 6.0
LONG_SECONDS: Final = 12.0
FOR_GOOD: Final = 86_400.0
"""How long a notice stands that only another one replaces, in seconds."""


class DeskBase(Screen[None]):
    """Holds the plan and the session, knows its two sides, speaks below them."""

    def __init__(self, plan: DeskPlan) -> None:
        super().__init__()
        self.plan = plan
        self.session: Session | None = None
        self.refusal: ChronotuiError | None = None
        self._sayings = 0
        self._told_problem = ""

    @property
    def tree_side(self) -> JobTreePane:
        """The tree with its filters."""
        return self.query_one(JobTreePane)

    @property
    def log_side(self) -> LogSide:
        """The opened job's panes."""
        return self.query_one(LogSide)

    def short_id(self, job: Job) -> str:
        """Return a job's id as the tree shows it."""
        tree = self.session.catalog.tree if self.session else None
        if tree is None or tree.branch(job.workflow_id) is None:
            return cut_id(job)
        return tree.short_id(job)

    @property
    def is_whole(self) -> bool:
        """Whether both sides stand: not before composing, nor while closing."""
        sides = (self.query_one_optional(LogSide), self.query_one_optional(StatusLine))
        return all(side is not None and side.is_attached for side in sides)

    def say(self, sentence: str, *, seconds: float = NOTICE_SECONDS) -> None:
        """Show a sentence over the line of keys for a while; "" takes it away."""
        self._sayings += 1
        said = self._sayings
        self._put(sentence)
        if sentence:
            self.set_timer(seconds, lambda: self._unsay(said))

    def _unsay(self, said: int) -> None:
        if said == self._sayings:
            self.say("")

    def say_memory(self, before: str = "") -> None:
        """Say once why choices are not remembered, behind what is to be said first."""
        problem = self.plan.memory_problem()
        new = problem if problem != self._told_problem else ""
        self._told_problem = problem
        if before or new:
            words = " ".join(filter(None, (before, new)))
            # After what the choice itself has to say, which it would replace.
            self.call_later(self.say, words, seconds=LONG_SECONDS)

    def _put(self, sentence: str) -> None:
        lasts = not sentence and self._is_too_small
        sentence = TOO_SMALL if lasts else sentence
        for notice in self.query(StatusMessage):
            notice.say(sentence, lasts=lasts)
            return
        if sentence:
            notice = StatusMessage()
            self.mount(notice)
            notice.say(sentence, lasts=lasts)

    def say_size(self) -> None:
        """Say that the terminal is too small, or no longer."""
        said = ""
        for notice in self.query(StatusMessage):
            said = notice.sentence
            notice.fit(self.size.width)
        if said in {"", TOO_SMALL}:
            self._put("")

    def show_status(self) -> None:
        """Say on the status line how things stand now."""
        if not self.is_whole:
            return
        catalog = self.session.catalog if self.session else None
        status = of_catalog(
            DeskStatus(profile=self.plan.profile_name), catalog, self.refusal
        )
        current = self.log_side.current
        if current is not None and self.log_side.pane != DETAILS:
            log = current.opened.log
            status = with_log(status, log.state, log.now())
            status = with_place(status, self.log_side.place)
        status = self._with_recordings(status)
        self.query_one(StatusLine).status = status
        trouble = of_lists(catalog, self.plan.profile.url, self.refusal)
        self.log_side.say_trouble(trouble or status.reason)

    def _with_recordings(self, status: DeskStatus) -> DeskStatus:
        saves = self.session.saves.recordings if self.session else ()
        job = saves[0].request.job if len(saves) == 1 else None
        name = self.short_id(job) if job is not None else ""
        return with_recordings(status, [save.progress for save in saves], name)

    @property
    def _is_too_small(self) -> bool:
        return self.size.width < LEAST_SIZE[0] or self.size.height < LEAST_SIZE[1]

    def working(self, group: str) -> bool:
        """Whether a worker of a group is running on this screen."""
        return any(
            worker.group == group and worker.node is self and not worker.is_finished
            for worker in self.workers
        )
