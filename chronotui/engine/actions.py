"""Changing things on a server: run now, terminate, mark notifications as read.

Each action is kept in the journal before it is sent, with its idempotency key. What was
sent and not answered is asked about later and never sent again under another key by
itself: the same key brings the same job, however often it is sent.
"""

from __future__ import annotations

import asyncio
import os
import time
import uuid
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple

from msgspec.structs import replace

from chronotui.engine.retry import Retries, may_help
from chronotui.errors import (
    ChronotuiError,
    NotFoundError,
    PathRefusedError,
    RequestRefusedError,
    ServerError,
    UnansweredActionError,
    UnreachableError,
    UsageError,
    WebPageError,
)
from chronotui.model import BuildStatus, Job, JobFilter, JobStatus
from chronotui.sources.protocol import KINDS
from chronotui.storage.action_journal import (
    ActionOutcome,
    AskedAction,
    this_process,
)
from chronotui.storage.files import home_relative
from chronotui.storage.settings import URL_PROFILE
from chronotui.text import clean, plural
from chronotui.times import local_time

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

    from chronotui.model import Workflow
    from chronotui.sources.protocol import ActionSource
    from chronotui.storage.action_journal import ActionJournal
    from chronotui.storage.settings import Profile

START: Final = "start"
TERMINATE: Final = "terminate"
READ: Final = "read"
_ROUTES: Final = frozenset({"schedule", "terminate", "mark_read"})
_UNFINISHED: Final = (JobStatus.RUNNING, JobStatus.QUEUED, JobStatus.PENDING)

TERMINATING: Final = (
    "Its running and waiting jobs are cancelled by and by, and it is not scheduled "
    "again. There is no way to cancel one job alone."
)
"""What terminating a workflow does."""


def check_allowed(profile: Profile) -> None:
    """Refuse a profile that does not allow actions.

    Raises:
        UsageError: It does not, or servers of its kind have none.
    """
    KINDS[profile.kind].check(profile.name, "actions")
    if profile.actions:
        return
    if profile.name == URL_PROFILE:
        raise UsageError(
            "Without a profile no actions are allowed; nothing was asked.",
            next_step="Make one for that server with chronotui profile add, and "
            "actions = true in it.",
        )
    raise UsageError(
        f"Profile {profile.name} allows no actions; nothing was asked.",
        next_step="Allow them with actions = true in the profile: "
        f"chronotui profile edit {profile.name} --set actions=true",
    )


def cautions(workflow: Workflow) -> list[str]:
    """Return what speaks against running a workflow now: a server would not say."""
    name = clean(workflow.shown_name)
    if workflow.terminated_at is not None:
        when = local_time(workflow.terminated_at)
        return [f"{name} was terminated {when}: a job of it may never run."]
    build = workflow.build_status
    if build is None or build == BuildStatus.COMPLETED:
        return []
    state = clean(build)
    return [f"{name} is not built (its build is {state}): a job of it may never run."]


def is_its_name(given: str, workflow: Workflow) -> bool:
    """Whether a workflow's name was given, as it is or as it is shown."""
    name = workflow.shown_name
    return given.strip() in {name, name.strip(), clean(name).strip()}


def audit_line(action: AskedAction) -> str:
    """Return who asked what, when, under which key, and what came of it; clean."""
    when = local_time(action.asked_at)
    who = action.account or action.profile
    parts = [f"{when}  {who} at {action.server}: {named(action)}"]
    if action.key:
        parts.append(f"key {action.key}")
    return clean("  ".join([*parts, outcome_words(action)]))


def named(action: AskedAction) -> str:
    """Return what was asked, such as ``start nightly-report``; not cleaned."""
    name = action.workflow or action.workflow_id
    return f"mark as read: {name}" if action.what == READ else f"{action.what} {name}"


def outcome_words(action: AskedAction) -> str:
    """Return what is known of an action; not cleaned."""
    if action.outcome == ActionOutcome.DONE:
        return action.answer or "done"
    if action.outcome == ActionOutcome.REFUSED:
        return f"not done: {action.answer}"
    if action.outcome == ActionOutcome.LEFT:
        return "not answered, and left at that"
    why = f": {action.answer}" if action.answer else ""
    return f"not answered{why}" if action.is_open else "sent, no answer yet"


def nobody_knows(action: AskedAction) -> str:
    """Say that an action was sent and that no answer to it came."""
    return f"Nobody knows whether this was done: {clean(named(action))}."


def is_askable(action: AskedAction) -> bool:
    """Whether it matters that nobody knows the outcome of an action."""
    return action.is_open and action.what != READ


class UnfinishedJobs(NamedTuple):
    """Jobs of a workflow that run or wait; ``is_cut`` where there may be more."""

    jobs: tuple[Job, ...]
    is_cut: bool = False

    def sentence(self) -> str:
        """Say how many there are."""
        if not self.jobs:
            return "No job of it runs or waits now."
        least = "At least " if self.is_cut else ""
        verbs = "runs or waits" if len(self.jobs) == 1 else "run or wait"
        return f"{least}{plural(len(self.jobs), 'job')} of it {verbs} now."


class TerminationState(NamedTuple):
    """What has become of jobs whose workflow was terminated."""

    ended: tuple[Job, ...]
    going_on: tuple[Job, ...]

    def sentence(self) -> str:
        """Say it; clean."""
        if not self.ended and not self.going_on:
            return "No job of it was running or waiting."
        states = {clean(job.status) for job in self.ended}
        ended = f"{plural(len(self.ended), 'job')} ended {' and '.join(sorted(states))}"
        if not self.going_on:
            return f"{ended}; none of them goes on."
        waiting = f"{plural(len(self.going_on), 'job')} not cancelled yet"
        return f"{ended}, {waiting}." if self.ended else f"{waiting}."


class Actions:
    """What one profile's user may change; belongs to one event loop.

    Args:
        client: Signed in as the profile says.
        profile: Who asks, and of which server.
        journal: Where each action is kept before it is sent.
        tell: Told why something is sent again.
        retries: How a failed request is made again.

    Attributes:
        journal: As given.
        tell: As given; whoever shows what goes on may put himself in its place.
        interrupted: What was sent when the program was told to end; no answer came.
    """

    def __init__(
        self,
        client: ActionSource,
        profile: Profile,
        journal: ActionJournal,
        *,
        tell: Callable[[str], None] = lambda _words: None,
        retries: Retries | None = None,
    ) -> None:
        self.journal = journal
        self.tell = tell
        self.interrupted: AskedAction | None = None
        self._client = client
        self._profile = profile
        self._retries = retries or Retries()

    def check(self) -> None:
        """Refuse what cannot be changed with this profile at all.

        Raises:
            UsageError: The profile, its kind or its way to sign in does not allow it.
        """
        check_allowed(self._profile)
        self._client.check_may_change()

    async def look(self, workflow_id: str) -> Workflow:
        """Read a workflow as it is now.

        Raises:
            ChronotuiError: It is not there, or cannot be read.
        """
        return await self._retries.ask(lambda: self._client.workflow(workflow_id))

    async def start(
        self, workflow: Workflow, again: AskedAction | None = None
    ) -> AskedAction:
        """Run a workflow now; return the action with the job it brought.

        Args:
            workflow: As it was just read.
            again: An action that was not answered, which is sent again as it was.

        Raises:
            UnansweredActionError: Nobody knows whether it was done.
            ChronotuiError: It was not.
        """
        asked = again or self._new(START, workflow, key=str(uuid.uuid4()))

        async def send() -> tuple[str, str]:
            job_id = await self._client.schedule(asked.workflow_id, asked.key)
            return f"job {job_id}", job_id

        return await self._send(asked, send, is_again=again is not None)

    async def terminate(
        self, workflow: Workflow, again: AskedAction | None = None
    ) -> AskedAction:
        """Terminate a workflow, see `start`."""
        asked = again or self._new(TERMINATE, workflow)

        async def send() -> tuple[str, str]:
            await self._client.terminate(asked.workflow_id)
            return "terminated", ""

        return await self._send(asked, send, is_again=again is not None)

    async def mark_read(
        self, workflow: Workflow, notification_ids: Sequence[str]
    ) -> AskedAction:
        """Mark notifications about a workflow as read, see `start`."""
        asked = self._new(READ, workflow)

        async def send() -> tuple[str, str]:
            await self._client.mark_read(notification_ids)
            return f"{plural(len(notification_ids), 'notification')} read", ""

        return await self._send(asked, send, is_again=False)

    async def repeat(self, action: AskedAction) -> AskedAction:
        """Send an unanswered action again, under its own key; see `start`."""
        workflow = await self.look(action.workflow_id)
        if action.what == TERMINATE:
            return await self.terminate(workflow, again=action)
        return await self.start(workflow, again=action)

    async def leave(self, action: AskedAction) -> None:
        """Leave it at not knowing what became of an action."""
        await self._settle(action, ActionOutcome.LEFT, "")

    async def history(self) -> list[AskedAction]:
        """Return what was asked of any server, the newest first.

        Raises:
            PathRefusedError: The journal cannot be read.
        """
        try:
            return list(reversed(await asyncio.to_thread(self.journal.read)))
        except OSError as problem:
            raise self._journal_problem("read", problem) from None

    async def unanswered(self, workflow_id: str = "") -> list[AskedAction]:
        """Return what was sent by this account to this server and never answered.

        A termination is looked up, and settled where the workflow is terminated.

        Args:
            workflow_id: Only of this workflow; "" for all.

        Raises:
            PathRefusedError: The journal cannot be read.
        """
        found = [
            action
            for action in await self.history()
            if is_askable(action)
            and (action.server, action.account) == self._identity
            and workflow_id in {"", action.workflow_id}
        ]
        return [action for action in found if not await self._was_terminated(action)]

    async def _was_terminated(self, action: AskedAction) -> bool:
        if action.what != TERMINATE:
            return False
        try:
            workflow = await self._client.workflow(action.workflow_id)
        except ChronotuiError:
            return False
        if workflow.terminated_at is None:
            return False
        words = "terminated, as was seen later"
        await self._settle(action, ActionOutcome.DONE, words)
        return True

    # What comes of a termination.

    async def unfinished(self, workflow_id: str) -> UnfinishedJobs:
        """Read which jobs of a workflow run or wait; the newest ones of each.

        Raises:
            ChronotuiError: They cannot be read.
        """
        found, is_cut = dict[str, Job](), False
        for status in _UNFINISHED:
            read = partial(self._client.jobs, workflow_id, only=JobFilter(status))
            try:
                page = await self._retries.ask(read)
            except RequestRefusedError:
                continue  # a server that does not know this state has no job in it
            found |= {job.id: job for job in page.items}
            is_cut = is_cut or page.cursor is not None
        return UnfinishedJobs((*found.values(),), is_cut)

    async def ending(
        self, jobs: Sequence[Job], *, seconds: float, patience: float = 60.0
    ) -> AsyncIterator[TerminationState]:
        """Yield what has become of jobs, each time it is another, until all ended.

        Args:
            jobs: Those that ran or waited when their workflow was terminated.
            seconds: From one look to the next.
            patience: When to give up.

        Raises:
            ChronotuiError: They cannot be read.
        """
        going_on, ended, told = {job.id: job for job in jobs}, dict[str, Job](), -1
        until = asyncio.get_running_loop().time() + patience
        while True:
            for job in tuple(going_on.values()):
                now = await self._retries.ask(partial(self._client.reread, job))
                going_on[job.id] = now
                if now.has_ended:
                    ended[job.id] = going_on.pop(job.id)
            if len(ended) != told:
                told = len(ended)
                yield TerminationState((*ended.values(),), (*going_on.values(),))
            if not going_on or asyncio.get_running_loop().time() >= until:
                return
            await asyncio.sleep(seconds)

    async def started_job(self, action: AskedAction) -> Job:
        """Read the job that was started; a server may take a moment to know it.

        Raises:
            ChronotuiError: It cannot be read.
        """
        return await self._retries.ask(
            lambda: self._client.job(action.workflow_id, action.job_id),
            again=lambda error: may_help(error) or isinstance(error, NotFoundError),
        )

    # Sending.

    @property
    def _identity(self) -> tuple[str, str]:
        return self._profile.url, self._profile.auth.email

    def _new(self, what: str, workflow: Workflow, key: str = "") -> AskedAction:
        server, account = self._identity
        return AskedAction(
            id=str(uuid.uuid4()),
            what=what,
            profile=self._profile.name,
            server=server,
            account=account,
            workflow_id=workflow.id,
            workflow=workflow.name,
            key=key,
        )

    async def _send(
        self,
        asked: AskedAction,
        send: Callable[[], Awaitable[tuple[str, str]]],
        *,
        is_again: bool,
    ) -> AskedAction:
        """Keep an action, send it, keep the answer."""
        self.check()
        asked = replace(asked, asked_at=time.time(), process=this_process())
        await self._keep(asked, is_again=is_again)
        may_be_done = is_again

        async def sent() -> tuple[str, str]:
            nonlocal may_be_done
            try:
                return await send()
            except ChronotuiError as error:
                may_be_done = may_be_done or is_unanswered(error)
                raise

        try:
            answer, job_id = await self._retries.ask(sent, again=self._may_help)
        except ChronotuiError as error:
            if not may_be_done:
                await self._settle(asked, ActionOutcome.REFUSED, error.sentence)
                raise
            await self._settle(asked, ActionOutcome.UNANSWERED, error.sentence)
            raise _unanswered(asked, error) from error
        except asyncio.CancelledError:
            self.interrupted = asked
            await self._settle(asked, ActionOutcome.UNANSWERED, "it was interrupted")
            raise
        await self._settle(asked, ActionOutcome.DONE, answer, job_id)
        return replace(
            asked,
            outcome=ActionOutcome.DONE,
            answer=answer,
            job_id=job_id,
            answered_at=time.time(),
        )

    async def _keep(self, asked: AskedAction, *, is_again: bool) -> None:
        keep = self.journal.ask_again if is_again else self.journal.ask
        try:
            await asyncio.to_thread(keep, asked)
        except OSError as problem:
            words = "written, so nothing was asked"
            raise self._journal_problem(words, problem) from None

    def _may_help(self, error: ChronotuiError) -> bool:
        """Whether the same request, under its key, may be answered otherwise."""
        is_passing = may_help(error) or isinstance(error, UnreachableError)
        if is_passing:
            self.tell(f"{error.sentence} The same is sent again.")
        return is_passing

    async def _settle(
        self, asked: AskedAction, outcome: ActionOutcome, answer: str, job_id: str = ""
    ) -> None:
        """Keep an outcome. Where that fails, it is asked about once more than due."""
        settle = self.journal.settle
        try:
            await asyncio.to_thread(settle, asked, outcome, answer, job_id)
        except OSError:
            return

    def _journal_problem(self, what: str, problem: OSError) -> PathRefusedError:
        path = "" if self.journal.path is None else home_relative(self.journal.path)
        why = os.strerror(problem.errno or 0)
        return PathRefusedError(
            f"The journal of actions {path} cannot be {what}: {why}.",
            next_step="Make that file, and its folder, readable and writable for you.",
        )


def is_unanswered(error: ChronotuiError) -> bool:
    """Whether an action that ended in an error may have been done all the same.

    The server's own refusal in plain words says that it was not; so does anything
    that went wrong before it was sent.
    """
    if error.route not in _ROUTES:
        return False
    was_sent = not isinstance(error, UnreachableError) or error.was_sent
    return was_sent and isinstance(error, ServerError | WebPageError)


def _unanswered(asked: AskedAction, error: ChronotuiError) -> UnansweredActionError:
    found = UnansweredActionError(
        f"{nobody_knows(asked)} {error.sentence}",
        next_step="Do it once more: that does no harm."
        if asked.what == READ
        else "F7 lists it: asked again, it is done once at most.",
    )
    found.answer, found.route = error.answer, error.route
    return found
