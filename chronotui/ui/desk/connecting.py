"""Connecting, signing in again, and opening what a deep link names."""

from __future__ import annotations

import asyncio
from importlib import import_module
from typing import TYPE_CHECKING, Final

from textual import work

from chronotui.errors import ChronotuiError, NotSignedInError
from chronotui.ui.desk.base import FOR_GOOD
from chronotui.ui.desk.opening_jobs import OpeningJobs
from chronotui.ui.desk.saving import Saving

if TYPE_CHECKING:
    from chronotui.engine.questions import SecretQuestion
    from chronotui.engine.session import Session

SIGN_IN: Final = "sign-in"


class Connecting(OpeningJobs, Saving):
    """Builds the session after the first frame and keeps it signed in."""

    @work(group="connect", exclusive=True)
    async def connect(self) -> None:
        """Connect, show the tree, follow the deep link."""
        opening = await asyncio.to_thread(import_module, "chronotui.engine.opening")
        plan = self.plan
        try:
            session: Session = await opening.open_session(
                plan.profile, plan.ui, ask=self._ask, remember=plan.remembers_session
            )
        except ChronotuiError as error:
            self.say(str(error), seconds=FOR_GOOD)
            return
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
            self.open_job(branch.workflow if branch else None, job)

    async def on_unmount(self) -> None:
        """Stop everything that went on for this desk."""
        self.stop_listening()
        if self.session is not None:
            await self.session.close()

    def _catalog_changed(self) -> None:
        if not self.is_mounted:
            return
        self.show_standing()
        session = self.session
        if session is not None and session.catalog.signed_out is not None:
            self.sign_in(session)

    async def _ask(self, question: SecretQuestion) -> str:
        from chronotui.ui.sign_in import ask_in_dialog

        return await ask_in_dialog(self.app, question)

    def sign_in(self, session: Session) -> None:
        """Sign in again, once at a time, losing neither log, place nor recording."""
        if not self.working(SIGN_IN):
            self._sign_in(session)

    @work(group=SIGN_IN)
    async def _sign_in(self, session: Session) -> None:
        try:
            await session.client.sign_in()
        except NotSignedInError as error:
            self.say(str(error), seconds=FOR_GOOD)
        except ChronotuiError as error:
            self.say(str(error))
        else:
            session.signed_in()
            self.say("Signed in.")
