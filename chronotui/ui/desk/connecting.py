"""Connecting, signing in again, and opening what a deep link names."""

from __future__ import annotations

import asyncio
import gc
from importlib import import_module
from typing import TYPE_CHECKING, Final

from textual import work

from chronotui.errors import ChronotuiError
from chronotui.ui.desk.opening_jobs import OpeningJobs
from chronotui.ui.desk.saving import Saving

if TYPE_CHECKING:
    from chronotui.engine.questions import SecretQuestion
    from chronotui.engine.session import Session


NEEDED_BY_LOGS: Final = (
    "chronotui.engine.watch.job_log",
    "chronotui.ui.log_view.pane",
)

REST_SECONDS: Final = 0.2
"""How long after the first answer the tree has been read and painted, as a rule."""


def wake_collector() -> None:
    """Let the garbage collector work if it rested while the desk was loaded.

    What is there by now stays: leaving it out of every collection keeps each of
    them short.
    """
    if not gc.isenabled():
        gc.freeze()
        gc.enable()


class Connecting(OpeningJobs, Saving):
    """Builds the session after the first frame and keeps it signed in."""

    _is_furnished = False

    @work(group="connect", exclusive=True)
    async def connect(self) -> None:
        """Connect, show the tree, follow the deep link."""
        opening = await asyncio.to_thread(import_module, "chronotui.engine.opening")
        plan = self.plan
        try:
            session: Session = await opening.open_session(
                plan.profile,
                plan.ui,
                ask=self._ask,
                remember=plan.remembers_session,
                log=plan.log,
                timing=plan.timing,
            )
        except ChronotuiError as error:
            self.refusal = error
            self.show_standing()
            return
        finally:
            wake_collector()
        self.session = session
        session.catalog.subscribe(self._catalog_changed)
        self.tree_side.attach(session.catalog)
        session.saves.subscribe(self.save_changed)
        session.start()
        if plan.workflow:
            await self._follow_link(session, plan.workflow, plan.job)

    async def _follow_link(
        self, session: Session, workflow_text: str, job_text: str | None
    ) -> None:
        try:
            key = await session.catalog.find(workflow_text, job_text)
        except ChronotuiError as error:
            self.say(str(error), seconds=30)
            return
        tree = session.catalog.tree
        tree.select(key)
        self.tree_side.tree_view.show_selected()
        job = tree.job(key)
        branch = tree.branch(key.workflow_id)
        if job is not None:
            await self.log_side.furnish()
            self.open_job(branch.workflow if branch else None, job)

    async def _load_the_rest(self) -> None:
        """Load what opening a job will need, now that the tree is there."""
        for module in NEEDED_BY_LOGS:
            await asyncio.to_thread(import_module, module)
        if self.is_whole:
            await self.log_side.furnish()

    async def on_unmount(self) -> None:
        """Stop everything that went on for this desk."""
        self.stop_listening()
        self.workers.cancel_node(self)
        if self.session is not None:
            await self.session.close()
            self.recordings_kept(self.session.saves)

    def _catalog_changed(self) -> None:
        if self.session is not None and self.is_whole:
            self.show_standing()
            self.session.catalog_answered()
            if not self._is_furnished and self.session.catalog.answered:
                self._is_furnished = True
                self.set_timer(REST_SECONDS, self._load_the_rest)

    async def _ask(self, question: SecretQuestion) -> str:
        from chronotui.ui.sign_in import ask_in_dialog

        return await ask_in_dialog(self.app, question)
