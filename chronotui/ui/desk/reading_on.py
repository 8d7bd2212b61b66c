"""Reading on past what is loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from textual import on, work

from chronotui.errors import ChronotuiError
from chronotui.ui.desk.base import FOR_GOOD, DeskBase
from chronotui.ui.log_view import messages as log_messages

if TYPE_CHECKING:
    from chronotui.engine.watch import JobLog
    from chronotui.ui.log_view.goto import Goal

OLDER: Final = "load-older"
NEWER: Final = "load-newer"
ALL: Final = "load-all"


class ReadingOn(DeskBase):
    """Fetches what the reader comes near to; one request for each edge at a time."""

    @property
    def _log(self) -> JobLog | None:
        current = self.log_side.current
        return current.opened.log if current else None

    @on(log_messages.EdgeReached)
    def _edge_reached(self, message: log_messages.EdgeReached) -> None:
        log = self._log
        if log is None or not log.state.lines:
            return
        if message.edge == "top" and not log.state.at_start and not self.working(OLDER):
            self._load_older(log)
        if (
            message.edge == "bottom"
            and not log.state.at_end
            and not self.working(NEWER)
        ):
            self._load_newer(log)

    @work(group=OLDER)
    async def _load_older(self, log: JobLog) -> None:
        try:
            await log.load_older()
        except ChronotuiError as error:
            self.say(str(error))

    @work(group=NEWER)
    async def _load_newer(self, log: JobLog) -> None:
        try:
            await log.load_newer()
        except ChronotuiError as error:
            self.say(str(error))

    @on(log_messages.WholeLogWanted)
    def _whole_log_wanted(self) -> None:
        log = self._log
        if log is not None and not log.state.at_start and not self.working(ALL):
            what = "the lines left out" if log.state.split else "the log to its start"
            self.say(f"Loading {what} … esc stops.", seconds=FOR_GOOD)
            self._load_all(log)

    @work(group=ALL)
    async def _load_all(self, log: JobLog) -> None:
        try:
            await log.load_all()
        except ChronotuiError as error:
            self.say(str(error))
            return
        self.say("")
        pane = self.log_side.log_pane
        if pane is not None and log is self._log and pane.view.is_at_top:
            pane.view.take_over()
            pane.view.go_to_start()

    @on(log_messages.OlderWanted)
    def _older_wanted(self, message: log_messages.OlderWanted) -> None:
        log = self._log
        if log is not None:
            words = f"Loading back to {message.typed} … esc stops."
            self.say(words, seconds=FOR_GOOD)
            self._load_back(log, message.goal)

    @work(group=ALL, exclusive=True)
    async def _load_back(self, log: JobLog, goal: Goal) -> None:
        from chronotui.engine.loading_back import load_back_to_line, load_back_to_time
        from chronotui.ui.log_view.goto import LineGoal

        pane = self.log_side.log_pane
        try:
            if isinstance(goal, LineGoal):
                await load_back_to_line(log, *goal)
            else:
                await load_back_to_time(log, goal.time_ns)
        except ChronotuiError as error:
            self.say(str(error))
            return
        self.say("")
        if pane is None or log is not self._log:
            return
        try:
            pane.view.go_to_loaded(goal)
        except ValueError as error:
            self.say(str(error))

    @on(log_messages.OlderErrorWanted)
    def _older_error_wanted(self) -> None:
        log = self._log
        if log is not None and not self.working(ALL):
            words = "Looking for an error in older lines … esc stops."
            self.say(words, seconds=FOR_GOOD)
            self._look_back(log)

    @work(group=ALL)
    async def _look_back(self, log: JobLog) -> None:
        pane = self.log_side.log_pane
        if pane is None:
            return
        try:
            while await log.load_older():
                if log is not self._log or pane.view.went_to_older_error():
                    self.say("")
                    return
        except ChronotuiError as error:
            self.say(str(error))
            return
        self.say("")
        if log is self._log:
            pane.set_scope(older=not log.state.at_start)
            if not pane.view.went_to_older_error():
                self.say("No error above this line in what can be loaded.")

    def stop_loading(self) -> bool:
        """Stop fetching a whole log; False when none is being fetched."""
        if not self.working(ALL):
            return False
        self.workers.cancel_group(self, ALL)
        self.say("Stopped; what was loaded stays.")
        return True

    @on(log_messages.SettingsChanged)
    def _settings_changed(self, message: log_messages.SettingsChanged) -> None:
        self.plan.remember(message.settings)
        self.say_memory()
