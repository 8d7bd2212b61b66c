"""From what a person types to the workflow or job that is meant.

An id is taken as it is; else the beginning of an id that only one has; for a
workflow also its exact name. Whatever fits several is refused with the candidates.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import re
from typing import TYPE_CHECKING, Final, TypeVar

from chronotui.engine.retry import Backoff
from chronotui.errors import (
    ChronotuiError,
    NotFoundError,
    NotSignedInError,
    RequestRefusedError,
    ServerError,
    UsageError,
)
from chronotui.paging import CursorTrail
from chronotui.text import clean

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

    from chronotui.engine.catalog import Catalog
    from chronotui.model import Job, Page, Workflow
    from chronotui.sources.protocol import ListSource
    from chronotui.tree.model import NodeKey

Item = TypeVar("Item")

CANDIDATES: Final = 5
"""How many candidates a refusal names."""

_WHOLE_ID: Final = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_BEGINNING: Final = re.compile(r"[0-9a-fA-F]{1,8}(-[0-9a-fA-F-]{0,27})?")


async def resolve_workflow(client: ListSource, text: str) -> Workflow:
    """Find the workflow a text names; terminated ones only if no other fits.

    Args:
        client: The server.
        text: An id, the beginning of one, or an exact name.

    Raises:
        UsageError: If several fit; the sentence names them.
        NotFoundError: If none fits.
        ChronotuiError: If the server cannot be asked.
    """
    text = _asked(text, "workflow")
    if _WHOLE_ID.fullmatch(text):
        return await client.workflow(text)
    for terminated in (False, True):
        found = await _workflow_among(client, text, terminated=terminated)
        if found is not None:
            return found
    return await _asked_directly(client.workflow(text), text, "workflow")


async def resolve_job(client: ListSource, workflow: Workflow, text: str) -> Job:
    """Find the job of a workflow a text names.

    Args:
        client: The server.
        workflow: The workflow it belongs to.
        text: An id or the beginning of one. All jobs are looked through to know
            that a beginning is unique; an id is asked for directly.

    Raises:
        UsageError: If several fit; the sentence names them.
        NotFoundError: If none fits.
        ChronotuiError: If the server cannot be asked.
    """
    text = _asked(text, "job")
    if _WHOLE_ID.fullmatch(text):
        return await client.job(workflow.id, text)
    known = (
        None
        if _BEGINNING.fullmatch(text)
        else await _job_or_none(client, workflow, text)
    )
    return known or await _job_among(client, workflow, text)


async def find_link(
    catalog: Catalog,
    workflow_text: str,
    job_text: str | None,
    *,
    waiting: Callable[[ChronotuiError], None],
    first_pause: float = 1.0,
) -> NodeKey:
    """Find what a deep link names, waiting for a server that does not answer yet.

    It is asked again when the catalog's lists are answered, and now and then; after a
    refused sign-in, once that was made good.

    Args:
        catalog: Shows and selects what is found.
        workflow_text: A workflow's id, the beginning of one, or its name.
        job_text: A job's id or the beginning of one; None for the workflow.
        waiting: Called with what is waited out, each time.
        first_pause: Seconds before the second try; later ones are longer.

    Raises:
        ChronotuiError: What the link names is not there, fits several, or is not
            for this account.
    """
    pauses = Backoff(
        first=first_pause, factor=2.0, cap=30.0, after_cap=300.0, chance=random.random
    )
    while True:
        try:
            return await catalog.find(workflow_text, job_text)
        except ChronotuiError as error:
            if not _may_pass(error):
                raise
            waiting(error)
            signs_in = isinstance(error, NotSignedInError)
            pause = None if signs_in else pauses.delay(error.retry_after)
        await _recovery(catalog, pause)


def _may_pass(error: ChronotuiError) -> bool:
    """Whether it is about the server or the sign-in, and not about the link."""
    if isinstance(error, ServerError | NotSignedInError):
        return True
    return error.route in {"login", "server_check"}


async def _recovery(catalog: Catalog, pause: float | None) -> None:
    """Wait until ailing lists are answered again, or for so many seconds."""
    answered = asyncio.Event()

    def look() -> None:
        if catalog.answered and catalog.problem is None:
            answered.set()

    is_ill = not catalog.answered or catalog.problem is not None
    unsubscribe = catalog.subscribe(look) if is_ill or pause is None else None
    try:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(pause):
                await answered.wait()
    finally:
        if unsubscribe is not None:
            unsubscribe()


async def _job_or_none(client: ListSource, workflow: Workflow, text: str) -> Job | None:
    """Ask for what may be an id of a server whose ids are no UUIDs."""
    try:
        return await client.job(workflow.id, text)
    except (NotFoundError, RequestRefusedError):
        return None


async def _job_among(client: ListSource, workflow: Workflow, text: str) -> Job:
    """Look through the ids of all jobs."""

    def page(cursor: str | None) -> Awaitable[Page[Job]]:
        return client.jobs(workflow.id, cursor=cursor)

    fitting: dict[str, Job] = {}
    async for job in _every(page):
        if job.id == text:
            return job
        if job.id.startswith(text):
            fitting[job.id] = job
    found = _only(list(fitting.values()), text, "job", list(fitting))
    if found is None:
        name = clean(workflow.name)
        raise NotFoundError(
            f"No job of {name} has an id that begins with “{clean(text)}”.",
            next_step="chronotui jobs lists them.",
        )
    return found


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
        begun = {w.id: w async for w in _every(every) if _fits(w, text)}
        exact = {w.id: w for w in begun.values() if text in {w.id, w.name}}
        fitting = exact or begun
    labels = [f"{w.name} ({w.id})" for w in fitting.values()]
    return _only(list(fitting.values()), text, "workflow", labels)


def _fits(workflow: Workflow, text: str) -> bool:
    return workflow.id.startswith(text) or workflow.name == text


def _asked(text: str, what: str) -> str:
    text = text.strip()
    if not text:
        raise UsageError(f"No {what} is named.")
    return text


async def _asked_directly(answer: Awaitable[Item], text: str, what: str) -> Item:
    """Ask for an id no list shows; a server may keep lists shorter than it answers."""
    try:
        return await answer
    except (NotFoundError, RequestRefusedError) as problem:
        raise NotFoundError(
            f"No {what} has the name or an id that begins with “{clean(text)}”.",
            next_step=f"chronotui {what}s lists them.",
        ) from problem


def _only(
    fitting: Sequence[Item], text: str, what: str, labels: Sequence[str]
) -> Item | None:
    """Return the one that fits, None if none does."""
    if len(fitting) > 1:
        named = ", ".join(clean(label) for label in labels[:CANDIDATES])
        more = len(labels) - CANDIDATES
        rest = f" and {more} more" if more > 0 else ""
        raise UsageError(
            f"“{clean(text)}” fits several {what}s: {named}{rest}.",
            next_step="Give more of the id.",
        )
    return fitting[0] if fitting else None


async def _every(
    page_at: Callable[[str | None], Awaitable[Page[Item]]],
) -> AsyncIterator[Item]:
    """Go through all pages; cursors that lead in circles end it (invariant 10)."""
    trail = CursorTrail()
    page = await page_at(None)
    while True:
        for item in page.items:
            yield item
        cursor = trail.follow(page.cursor, progress=page.brought_any)
        if cursor is None:
            return
        page = await page_at(cursor)
