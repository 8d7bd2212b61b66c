"""Saving the opened job's log."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from textual import work

from chronotui.errors import LogsUnavailableError
from chronotui.ui.desk.base import DeskBase
from chronotui.ui.desk.reasons import of_problem

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from textual.timer import Timer

    from chronotui.engine.saving import Save, Saves

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
        from chronotui.ui.desk.save_subject import subject_of
        from chronotui.ui.save import ask_and_save

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
        from chronotui.ui.save import show_saves

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
            from chronotui.ui.save import wording

            self.plan.parting.extend(map(wording.kept, kept))

    def _tell_of_saves(self) -> None:
        """Keep the status line true of recordings, for as long as a save runs."""
        self.show_standing()
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
        from chronotui.ui.save import LeaveScreen

        if self.session is None:
            return
        if await self.app.push_screen_wait(LeaveScreen(self.session.saves.running)):
            then()
