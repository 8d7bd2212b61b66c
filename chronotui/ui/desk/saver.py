"""Saving from the desk: asking, listing, and saying how it ended."""

from __future__ import annotations

from functools import cached_property, partial
from typing import TYPE_CHECKING, Final, cast

from chronotui.ui.desk.log_side import has_worker, start_worker
from chronotui.ui.standing import while_standing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from textual.screen import Screen

    from chronotui.engine.save import Save, Saves
    from chronotui.engine.session import Session
    from chronotui.model import Job, Workflow
    from chronotui.runs.formats import SeenEvents
    from chronotui.sources.protocol import RunSource
    from chronotui.ui.desk.log_side import LogSide, ShownJob
    from chronotui.ui.desk.plan import DeskPlan
    from chronotui.ui.desk.status import Say
    from chronotui.ui.save import SaveSubject
    from chronotui.ui.save_runs import RunSubject

SAVE: Final = "save"
NOTHING_SAVED: Final = "Nothing was saved yet; s saves the opened log."
NO_RUN_SAVED: Final = "Nothing was saved yet; s saves a run, or the list of them."


def subject_of_runs(
    session: Session,
    log_side: LogSide,
    plan: DeskPlan,
    short_id: Callable[[Job], str],
) -> RunSubject | None:
    """Return what can be saved of an app's runs: the run that is highlighted, or read.

    None before the server told of the app. Events are there of an opened run alone.
    """
    from chronotui.tree.filters import described
    from chronotui.ui.save_runs import RunSubject

    tree = session.catalog.tree
    branch = next(tree.branches(), None)
    if branch is None:
        return None
    job, shown = log_side.meant_run, log_side.current
    is_opened = shown is not None and job is not None and shown.job.id == job.id
    return RunSubject(
        client=cast("RunSource", session.client),
        app=branch.workflow,
        job=job,
        short_id="" if job is None else short_id(job),
        seen=_seen(shown) if shown is not None and is_opened else None,
        only=branch.job_filter,
        filter_words=described(branch.job_filter, tree.zone),
        total=branch.listing.total,
        folder=plan.save_folder,
        own_folder=plan.profile.save_dir or plan.ui.save_dir,
        profile=plan.profile.name,
    )


def _seen(shown: ShownJob) -> SeenEvents | None:
    from chronotui.engine.run_log import RunLog

    log = shown.opened.log
    return log.record if isinstance(log, RunLog) else None


class Saver:
    """Asks what to save, lists the saves, and says how those ended that went on.

    Args:
        screen: What the dialogs open over; its workers run them.
        session: Has the saves of the desk, made when the first one is asked for.
        say: Says a sentence on the desk.
        short_id: Returns a job's id as the tree shows it.
        remember_folder: Takes the folder a log was saved to.

    Attributes:
        nothing_saved: What is said before anything was saved.
    """

    def __init__(
        self,
        screen: Screen[None],
        session: Session,
        say: Say,
        short_id: Callable[[Job], str],
        remember_folder: Callable[[Path], None],
    ) -> None:
        self._screen = screen
        self._session = session
        self._say = say
        self._short_id = short_id
        self._remember_folder = remember_folder
        self.nothing_saved = NOTHING_SAVED

    @cached_property
    def _saves(self) -> Saves:
        saves = self._session.saves
        saves.subscribe(while_standing(self._screen, self._changed))
        return saves

    @property
    def _all(self) -> Sequence[Save]:
        return self._saves.all if self._session.has_saves else ()

    def ask(self, shown: ShownJob, pane: str, plan: DeskPlan) -> None:
        """Ask what to save of a job, and save it."""
        if not has_worker(self._screen, SAVE):
            ask = partial(self._ask, shown, pane, plan)
            start_worker(self._screen, SAVE, ask)

    def ask_of(self, job: Job, workflow: Workflow | None, plan: DeskPlan) -> None:
        """Ask what to save of a job that is not opened, and save it."""
        if not has_worker(self._screen, SAVE):
            ask = partial(self._ask_of, job, workflow, plan)
            start_worker(self._screen, SAVE, ask)

    async def _ask(self, shown: ShownJob, pane: str, plan: DeskPlan) -> None:
        from chronotui.ui.save import subject_of

        await self._save(subject_of(shown, pane, plan, self._short_id(shown.job)))

    async def _ask_of(
        self, job: Job, workflow: Workflow | None, plan: DeskPlan
    ) -> None:
        from chronotui.ui.save import subject_of_job

        await self._save(subject_of_job(job, workflow, plan, self._short_id(job)))

    async def _save(self, subject: SaveSubject) -> None:
        from chronotui.ui.save_list import ask_and_save

        app, took = self._screen.app, self._remember_folder
        save = await ask_and_save(app, self._saves, subject, on_folder=took)
        self._say_that_it_goes_on(save)

    def ask_runs(self, subject: RunSubject, *, whole_list: bool) -> None:
        """Ask what to save of an app's runs, and save it.

        Args:
            subject: What there is.
            whole_list: Whether the list is chosen at first, and not a run.
        """
        if not has_worker(self._screen, SAVE):
            ask = partial(self._ask_runs, subject, whole_list)
            start_worker(self._screen, SAVE, ask)

    async def _ask_runs(self, subject: RunSubject, whole_list: bool) -> None:
        from chronotui.engine.save_request import SaveScope
        from chronotui.ui.save_runs import ask_and_save_runs

        scope = SaveScope.LIST if whole_list else SaveScope.RUN
        await ask_and_save_runs(
            self._screen.app,
            self._saves,
            subject,
            scope=scope,
            on_folder=self._remember_folder,
        )

    def list(self) -> None:
        """List the saves of this desk."""
        if not self._all:
            self._say(self.nothing_saved)
        elif not has_worker(self._screen, SAVE):
            start_worker(self._screen, SAVE, self._list)

    async def _list(self) -> None:
        from chronotui.ui.save_list import show_saves

        save = await show_saves(self._screen.app, self._saves, self._title_of)
        self._say_that_it_goes_on(save)

    def _say_that_it_goes_on(self, save: Save | None) -> None:
        if save is not None and save.is_recording and not save.is_over:
            self._say(f"{self._title_of(save)} is recorded to its end; W lists it.")

    def _title_of(self, save: Save) -> str:
        job = save.request.job
        return save.request.job_id if job is None else self._short_id(job)

    def _changed(self, save: Save) -> None:
        """Say how a save ended that nobody was looking at."""
        if not save.is_over or self._screen.app.screen.is_modal:
            return
        if save.error is not None:
            self._say(f"{save.error} W lists the saves.", seconds=30)
        elif save.result is not None:
            self._say(save.result.sentence(), seconds=15)

    def leave(self, then: Callable[[], object]) -> None:
        """Do what leaves the desk, after asking when saves are running."""
        if self._session.has_saves and self._saves.running:
            start_worker(self._screen, "leave", partial(self._ask_to_leave, then))
        else:
            then()

    async def _ask_to_leave(self, then: Callable[[], object]) -> None:
        from chronotui.ui.save_list import LeaveScreen

        leave = LeaveScreen(self._saves.running)
        if await self._screen.app.push_screen_wait(leave):
            then()

    def kept_recordings(self) -> Iterator[str]:
        """Yield what is to be said of recordings once the desk is closed."""
        for save in self._all:
            if save.is_recording and save.error is not None and save.part:
                from chronotui.ui.save import resume_hint

                yield resume_hint(save)
