"""From what a person types to the workflow, job or run that is meant.

An id is taken as it is; else the beginning of an id that only one has, or what lists
show of its middle; for a workflow also its exact name. Whatever fits several is refused
with the candidates.
"""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from chronotui.errors import NotFoundError, RequestRefusedError, UsageError
from chronotui.model import JobFilter, JobStatus
from chronotui.paging import CursorTrail
from chronotui.text import clean
from chronotui.tree.short_ids import CUT

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
    from datetime import datetime

    from chronotui.model import Job, Page, Workflow
    from chronotui.sources.protocol import ListSource, RunListSource

Item = TypeVar("Item")

LEAST_INSIDE: Final = 4
"""So much of the inside of an id is no slip of the fingers."""

CANDIDATES: Final = 5
"""How many candidates a refusal names."""

NEWEST_RUNS: Final = 1000
"""Among so many runs the beginning of an id is looked for."""

_WHOLE_ID: Final = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_BEGINNING: Final = re.compile(r"[0-9a-fA-F]{1,8}(-[0-9a-fA-F-]{0,27})?")


async def resolve_workflow(client: ListSource, text: str) -> Workflow:
    """Find the workflow an id, the beginning of one or an exact name names.

    Terminated ones are looked at only if no other fits.

    Raises:
        UsageError: If several fit; the sentence names them.
        NotFoundError: If none fits.
        ChronotuiError: If the server cannot be asked.
    """
    text = _stripped(text, "workflow")
    if _WHOLE_ID.fullmatch(text):
        return await client.workflow(text)
    for terminated in (False, True):
        found = await _workflow_among(client, text, terminated=terminated)
        if found is not None:
            return found
    try:
        # An id no list shows: a server may keep lists shorter than it answers.
        return await client.workflow(text)
    except (NotFoundError, RequestRefusedError) as problem:
        raise NotFoundError(
            f"No workflow has the name or an id that begins with “{clean(text)}”.",
            next_step="chronotui workflows lists them.",
        ) from problem


async def resolve_job(client: ListSource, workflow: Workflow, text: str) -> Job:
    """Find the job of a workflow that an id or the beginning of one names.

    All jobs are looked through to know that a beginning is unique; an id is asked
    for directly.

    Raises:
        UsageError: If several fit; the sentence names them.
        NotFoundError: If none fits.
        ChronotuiError: If the server cannot be asked.
    """
    text = _stripped(text, "job")
    if _WHOLE_ID.fullmatch(text):
        return await client.job(workflow.id, text)
    if not _BEGINNING.fullmatch(text):
        # It may be an id of a server whose ids are no UUIDs.
        with suppress(NotFoundError, RequestRefusedError):
            return await client.job(workflow.id, text)
    fitting: _Fitting[Job] = _Fitting(text)
    async for job in _every(lambda cursor: client.jobs(workflow.id, cursor=cursor)):
        if job.id == text:
            return job
        fitting.offer(job.id, job)
    found = _only(fitting.best, text, "job")
    if found is None:
        raise NotFoundError(
            f"No job of {clean(workflow.shown_name)} has an id that begins with "
            f"“{clean(text)}”.",
            next_step="chronotui jobs lists them.",
        )
    return found


async def the_app(client: ListSource) -> Workflow:
    """Return the app of a server that has just one.

    Raises:
        NotFoundError: It names none.
    """
    page = await client.workflows()
    if not page.items:
        raise NotFoundError("The server names no app for this key.")
    return page.items[0]


async def resolve_run(client: RunListSource, app: Workflow, text: str) -> Job:
    """Find the run of an app that an id or the beginning of one names.

    An id is asked for directly, a beginning looked for among the newest runs alone:
    lists of runs cost their server much.

    Raises:
        UsageError: If several fit; the sentence names them.
        NotFoundError: If none fits.
        ChronotuiError: If the server cannot be asked.
    """
    text = _stripped(text, "run")
    if _WHOLE_ID.fullmatch(text):
        return await client.job(app.id, text)
    fitting: _Fitting[Job] = _Fitting(text.lower())
    seen = 0
    async for run in _every(lambda at: client.jobs(app.id, cursor=at, many=True)):
        seen += 1
        fitting.offer(run.shown_id, run)
        if seen >= NEWEST_RUNS:
            break
    found = _only(fitting.best, text, "run")
    if found is None:
        raise NotFoundError(
            f"None of the newest {seen:,} runs of {clean(app.name)} has an id that "
            f"begins with “{clean(text)}”.",
            next_step="chronotui runs lists them; a whole id is found at any age.",
        )
    return found


async def last_completed_before(
    client: ListSource, workflow: Workflow, job: Job
) -> Job:
    """Find the newest completed job of a workflow that is older than a job of it.

    Raises:
        NotFoundError: There is none.
        ChronotuiError: If the server cannot be asked.
    """
    only = JobFilter(JobStatus.COMPLETED)
    made = _made_at(job)

    def page(cursor: str | None) -> Awaitable[Page[Job]]:
        return client.jobs(workflow.id, cursor=cursor, only=only)

    async for other in _every(page):
        is_good = other.id != job.id and other.status == JobStatus.COMPLETED
        if is_good and (made is None or (_made_at(other) or made) <= made):
            return other
    raise NotFoundError(
        f"No job of {clean(workflow.shown_name)} completed before this one.",
        next_step="Name the job to compare it with: chronotui diff W J J2.",
    )


def _made_at(job: Job) -> datetime | None:
    return job.created_at or job.scheduled_at or job.started_at


async def _workflow_among(
    client: ListSource, text: str, *, terminated: bool
) -> Workflow | None:
    """Look through the names the server finds, then through all ids."""

    def named(cursor: str | None) -> Awaitable[Page[Workflow]]:
        return client.workflows(cursor=cursor, query=text, terminated=terminated)

    def every(cursor: str | None) -> Awaitable[Page[Workflow]]:
        return client.workflows(cursor=cursor, terminated=terminated)

    fitting = {w.id: w async for w in _every(named) if w.name == text}
    if not fitting:
        ids: _Fitting[Workflow] = _Fitting(text)
        async for w in _every(every):
            if text in {w.id, w.name}:
                fitting[w.id] = w
            ids.offer(w.id, w)
        fitting = fitting or ids.best
    labelled = {f"{w.shown_name} ({w.id})": w for w in fitting.values()}
    return _only(labelled, text, "workflow")


def _stripped(text: str, what: str) -> str:
    text = text.strip().removeprefix(CUT)
    if not text:
        raise UsageError(f"No {what} is named.")
    return text


class _Fitting(Generic[Item]):
    """Those whose id begins with a text; where none does, those that have it inside."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._begun: dict[str, Item] = {}
        self._inside: dict[str, Item] = {}

    def offer(self, item_id: str, item: Item) -> None:
        if item_id.startswith(self._text):
            self._begun[item_id] = item
        elif len(self._text) >= LEAST_INSIDE and self._text in item_id:
            self._inside[item_id] = item

    @property
    def best(self) -> dict[str, Item]:
        return self._begun or self._inside


def _only(fitting: Mapping[str, Item], text: str, what: str) -> Item | None:
    """Return the one that fits, None if none does; several are named by their keys."""
    if len(fitting) > 1:
        named = ", ".join(clean(label) for label in list(fitting)[:CANDIDATES])
        more = len(fitting) - CANDIDATES
        rest = f" and {more} more" if more > 0 else ""
        raise UsageError(
            f"“{clean(text)}” fits several {what}s: {named}{rest}.",
            next_step="Give more of the id.",
        )
    return next(iter(fitting.values()), None)


async def _every(
    page_at: Callable[[str | None], Awaitable[Page[Item]]],
) -> AsyncIterator[Item]:
    """Go through all pages; cursors that lead in circles end it."""
    trail = CursorTrail()
    cursor: str | None = None
    while True:
        page = await page_at(cursor)
        for item in page.items:
            yield item
        cursor = trail.follow(page.cursor, progress=page.brought_any)
        if cursor is None:
            return
