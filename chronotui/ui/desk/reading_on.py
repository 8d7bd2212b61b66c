"""Reading on past what is loaded."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from textual import work

from chronotui.errors import ChronotuiError, LogsUnavailableError
from chronotui.ui.desk.base import FOR_GOOD, DeskBase
from chronotui.ui.desk.log_side import of_problem

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from textual.timer import Timer

    from chronotui.engine.job_log import JobLog
    from chronotui.engine.save import Save, Saves
    from chronotui.model import LogLine, SearchPage
    from chronotui.ui.log.find import Goal
    from chronotui.ui.log.view import LogView

OLDER: Final = "load-older"
NEWER: Final = "load-newer"
ALL: Final = "load-all"


class ReadingOn(DeskBase):
    """Fetches what the reader comes near to; one request for each edge at a time."""

    @property
    def _log(self) -> JobLog | None:
        current = self.log_side.current
        return current.opened.log if current else None

    def on_log_view_edge_reached(self, message: LogView.EdgeReached) -> None:
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

    def on_log_view_whole_log_wanted(self) -> None:
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
            pane.view.go_to_row(0)

    def on_log_view_older_wanted(self, message: LogView.OlderWanted) -> None:
        log = self._log
        if log is not None:
            words = f"Loading back to {message.typed} … esc stops."
            self.say(words, seconds=FOR_GOOD)
            self._load_back(log, message.goal)

    @work(group=ALL, exclusive=True)
    async def _load_back(self, log: JobLog, goal: Goal) -> None:
        from chronotui.engine.history import load_back_to_line, load_back_to_time
        from chronotui.ui.log.find import LineGoal

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

    def on_log_view_older_error_wanted(self) -> None:
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

    def on_log_view_settings_changed(self, message: LogView.SettingsChanged) -> None:
        self.plan.remember(message.settings)
        self.say_memory()


# Searching where lines are not loaded yet: on the server.

SEARCHING = "search-server"


class ServerSearching(DeskBase):
    """Shows the server's hits and loads the pages around the chosen one."""

    def on_log_view_server_search_wanted(
        self, message: LogView.ServerSearchWanted
    ) -> None:
        current = self.log_side.current
        if current is not None and not self.working(SEARCHING):
            self._search(current.opened.log, message.text)

    @work(group=SEARCHING)
    async def _search(self, log: JobLog, text: str) -> None:
        from chronotui.ui.server_search import ServerSearchScreen

        async def ask(query: str, cursor: str | None) -> SearchPage:
            return await log.search_server(query, cursor=cursor)

        hit = await self.app.push_screen_wait(ServerSearchScreen(ask, text))
        if hit is not None:
            await self._go_to(log, hit)

    async def _go_to(self, log: JobLog, hit: LogLine) -> None:
        from chronotui.engine.history import load_hit

        self.say("Loading the pages up to the hit …", seconds=FOR_GOOD)
        try:
            key = await load_hit(log, hit)
        except ChronotuiError as error:
            self.say(str(error))
            return
        pane, current = self.log_side.log_pane, self.log_side.current
        if pane is None or current is None or current.opened.log is not log:
            self.say("")
            return
        if key is None:
            self.say("The server's search knows this line, its log has it no longer.")
            return
        from chronotui.log.marks import Anchor

        view = pane.view
        view.log_changed()
        view.go_to_row(view.opened.rows.locate(Anchor(key)))
        self.say("")


# Saving the opened job's log.

RECORDING_SECONDS: Final = 1.0
"""How often the status line counts on the lines of recordings."""


class Saving(DeskBase):
    """Asks what to save and says how saves that went on behind the log ended."""

    _telling: Timer | None = None

    def action_save(self) -> None:
        """Ask what to save of the opened job."""
        shown = self.log_side.current
        if self.session is None or shown is None:
            self.say("Open a job first: choose one in the tree and press enter.")
            return
        state = shown.opened.log.state
        if isinstance(state.problem, LogsUnavailableError) and not state.lines:
            reason = of_problem(state.problem, shown.opened.workflow)
            self.say(f"There is nothing to save. {reason.sentence}")
        elif not self.working("save"):
            self._ask_and_save()

    def action_saves(self) -> None:
        """List the saves of this desk."""
        if self.session is None or not self.session.saves.all:
            self.say("Nothing was saved yet; s saves the opened log.")
        elif not self.working("save"):
            self._show_saves()

    @work(group="save")
    async def _ask_and_save(self) -> None:
        from chronotui.ui.save import subject_of
        from chronotui.ui.save_list import ask_and_save

        session, shown = self.session, self.log_side.current
        if session is None or shown is None:
            return
        short_id = self.short_id(shown.opened.log.state.job)
        subject = subject_of(shown, self.log_side.pane, self.plan, short_id)
        save = await ask_and_save(
            self.app, session.saves, subject, on_folder=self._remember_folder
        )
        self._say_that_it_goes_on(save)

    def _remember_folder(self, folder: Path) -> None:
        """Begin the next save there, of this desk and of later ones."""
        self.plan = replace(self.plan, save_folder=folder)
        self.plan.remember_folder(folder)
        self.say_memory()

    @work(group="save")
    async def _show_saves(self) -> None:
        from chronotui.ui.save_list import show_saves

        if self.session is not None:
            save = await show_saves(self.app, self.session.saves, self._title_of)
            self._say_that_it_goes_on(save)

    def _say_that_it_goes_on(self, save: Save | None) -> None:
        if save is not None and save.is_recording and not save.is_over:
            self.say(f"{self._title_of(save)} is recorded to its end; W lists it.")

    def _title_of(self, save: Save) -> str:
        job = save.request.job
        return save.request.job_id if job is None else self.short_id(job)

    def save_changed(self, save: Save) -> None:
        """Say how a save ended that nobody was looking at."""
        if self._telling is None:
            self._telling = self.set_interval(RECORDING_SECONDS, self._tell_of_saves)
        if not save.is_over or self.app.screen is not self:
            return
        if save.error is not None:
            self.say(f"{save.error} W lists the saves.", seconds=30)
        elif save.result is not None:
            self.say(save.result.sentence(), seconds=15)

    def recordings_kept(self, saves: Saves) -> None:
        """Pass on what is to be said of recordings once the terminal is back."""
        recordings = [save for save in saves.all if save.is_recording]
        kept = [save for save in recordings if save.error is not None and save.part]
        if kept:
            from chronotui.ui import save as wording

            self.plan.parting.extend(map(wording.kept, kept))

    def _tell_of_saves(self) -> None:
        """Keep the status line true of recordings, for as long as a save runs."""
        self.show_status()
        running = self.session is not None and self.session.saves.running
        if not running and self._telling is not None:
            self._telling.stop()
            self._telling = None

    def leave(self, then: Callable[[], object]) -> None:
        """Do what leaves the desk, after asking when saves are running."""
        if self.session is not None and self.session.saves.running:
            self._ask_and_leave(then)
        else:
            then()

    @work(group="leave", exclusive=True)
    async def _ask_and_leave(self, then: Callable[[], object]) -> None:
        from chronotui.ui.save_list import LeaveScreen

        if self.session is None:
            return
        if await self.app.push_screen_wait(LeaveScreen(self.session.saves.running)):
            then()
