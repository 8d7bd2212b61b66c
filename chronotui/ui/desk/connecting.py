"""Connecting, signing in again, and opening what a deep link names."""

from __future__ import annotations

import asyncio
import gc
from importlib import import_module
from typing import TYPE_CHECKING, Final

from textual import work

from chronotui.errors import ChronotuiError
from chronotui.ui.desk.base import FOR_GOOD
from chronotui.ui.desk.opening_jobs import OpeningJobs
from chronotui.ui.desk.saving import Saving

if TYPE_CHECKING:
    from chronotui.core.tree import NodeKey
    from chronotui.engine.questions import SecretQuestion
    from chronotui.engine.session import Session


NEEDED_BY_LOGS: Final = (
    "chronotui.engine.watch.job_log",
    "chronotui.ui.log_view.pane",
)

LINK: Final = "link"
"""The group of the worker that follows a deep link."""

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
            self._follow_link(session, plan.workflow, plan.job)

    @work(group=LINK, exclusive=True)
    async def _follow_link(
        self, session: Session, workflow_text: str, job_text: str | None
    ) -> None:
        """Open what a deep link names, as soon as the server answers."""
        from chronotui.engine.resolve import find_link

        named = f"job {job_text}" if job_text else f"workflow {workflow_text}"
        waited = False

        def waiting(problem: ChronotuiError) -> None:
            nonlocal waited
            waited = True
            catalog = session.catalog
            is_told = catalog.problem is not None or not catalog.answered
            why = "." if is_told else f": {problem.sentence}"
            self.say(f"Opens {named} when the server answers{why}", seconds=FOR_GOOD)

        try:
            key = await find_link(
                session.catalog, workflow_text, job_text, waiting=waiting
            )
        except ChronotuiError as error:
            self.say(str(error), seconds=30)
            return
        if waited:
            self.say("")
        await self._open_linked(session, key)

    async def _open_linked(self, session: Session, key: NodeKey) -> None:
        tree = session.catalog.tree
        job, branch = tree.job(key), tree.branch(key.workflow_id)
        workflow = branch.workflow if branch else None
        is_hidden = workflow is not None and workflow.terminated_at is not None
        if is_hidden and not tree.filters.terminated:
            self.tree_side.set_filters(tree.filters.with_terminated_toggled())
        tree.select(key)
        self.tree_side.tree_view.show_selected()
        if job is not None:
            await self.log_side.furnish()
            self.open_job(workflow, job)

    def forget_link(self) -> None:
        """Wait for no deep link any more: another job was chosen."""
        self.workers.cancel_group(self, LINK)

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
