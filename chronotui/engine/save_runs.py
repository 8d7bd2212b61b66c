"""Lists of runs and single runs as files, and the walk through a list of runs.

A list is written page by page as it comes, whatever its length. Of a run the server
keeps no log: a file of one has its row, its detail and what was observed of its events.
"""

from __future__ import annotations

from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING, Final

from msgspec import Struct, field

from chronotui.engine.retry import Retries
from chronotui.engine.save_request import SaveRequest, SaveScope, safe_name, shorten
from chronotui.errors import ChronotuiError, IncompleteError, LogsUnavailableError
from chronotui.model import JobFilter
from chronotui.paging import CursorTrail
from chronotui.runs.formats import RUN_JSON, ListEncoder
from chronotui.text import clean, plural

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
    from typing import TypeAlias

    from chronotui.model import Job, Page, Workflow
    from chronotui.runs.formats import ListFormat, RunFormat, SavedRun
    from chronotui.sources.protocol import RunListSource

    Observe: TypeAlias = Callable[[Callable[[str], None]], Awaitable[SavedRun]]

EVERY_RUN: Final = JobFilter()


class RunWalk:
    """One walk through a list of runs, from the newest on.

    Args:
        limit: The walk ends after so many runs; None takes all.
        retries: Asks again what the server failed to answer.

    Attributes:
        total: How many runs the server says there are; None if it does not.
        count: How many were handed out, stand-ins included.
        hidden: How many were sent and do not fit the filter.
        unreadable: How many of those handed out stand in for a row.
        lost: How many are there and were not handed out; at the end of a whole list
            held against ``total``.
        has_more: Whether the limit left some out, or may have where some are hidden.
        looped: Whether the server's cursors lead in circles.
        notes: What the pages said of themselves, each sentence once.
    """

    def __init__(
        self,
        source: RunListSource,
        app: Workflow,
        only: JobFilter = EVERY_RUN,
        *,
        limit: int | None = None,
        retries: Retries | None = None,
    ) -> None:
        self._source = source
        self._app = app
        self._only = only
        self._limit = limit
        self._retries = retries or Retries()
        self.total: int | None = None
        self.count = 0
        self.hidden = 0
        self.unreadable = 0
        self.lost = 0
        self.has_more = False
        self.looped = False
        self.notes: list[str] = []

    async def pages(self) -> AsyncGenerator[Sequence[Job], None]:
        """Yield the runs as they come; of a page where none fits, none.

        Raises:
            IncompleteError: It failed, or refused, after some were handed out.
            LogsUnavailableError: The app has no runs, whatever was done with it.
            ChronotuiError: It failed, or refused, before.
        """
        trail = CursorTrail()
        cursor: str | None = None
        while True:
            page = await self._page(cursor)
            if not page.has_log:
                raise LogsUnavailableError(
                    " ".join(map(clean, page.notes)),
                    next_step="Use the key of another app.",
                )
            if self.total is None:
                self.total = page.total
            self.hidden += page.hidden
            self.lost += page.missing
            self.notes += [note for note in page.notes if note not in self.notes]
            jobs = self._within_limit(page.items)
            self.count += len(jobs)
            self.unreadable += sum(not job.fields for job in jobs)
            yield jobs
            cursor = trail.follow(page.cursor, progress=page.brought_any)
            if cursor is not None and self.count == self._limit:
                self.has_more = self.has_more or self._may_go_on
                return
            if self.has_more or cursor is None:
                self.looped = trail.looped
                self._hold_against_total()
                return

    @property
    def _may_go_on(self) -> bool:
        """Whether runs that fit may follow; further pages cost their server much."""
        return self.total is None or self.hidden > 0 or self.total > self.count

    def _hold_against_total(self) -> None:
        """Count what a whole list lacks: some servers lose rows between pages."""
        if self.total is not None and not self.has_more:
            self.lost = max(self.lost, self.total - self.count - self.hidden)

    @property
    def missing(self) -> int:
        """How many runs are there and could not be had, or read."""
        return self.lost + self.unreadable

    @property
    def exit_code(self) -> int:
        return 6 if self.missing or self.looped else 0

    def _within_limit(self, jobs: Sequence[Job]) -> Sequence[Job]:
        """Cut a page where the limit is; it is known to be one once a run is over."""
        if self._limit is None:
            return jobs
        room = self._limit - self.count
        self.has_more = len(jobs) > room
        return jobs[:room]

    async def _page(self, cursor: str | None) -> Page[Job]:
        try:
            return await self._retries.ask(
                lambda: self._source.jobs(
                    self._app.id, cursor=cursor, only=self._only, many=self._is_long
                )
            )
        except ChronotuiError as broken:
            if not self.count:
                raise
            raise IncompleteError(
                f"The list broke off after {plural(self.count, 'run')}: "
                f"{broken.sentence}",
                next_step="Try again, or ask for what is missing with --until.",
            ) from broken

    @property
    def _is_long(self) -> bool:
        """Whether larger pages are worth what they cost the server."""
        return self._limit is None or self._limit > _FEW or bool(self.hidden)

    def remarks(self) -> list[str]:
        """Return what is to be known of the list beside its rows."""
        said = [clean(note) for note in self.notes]
        if self.unreadable:
            rows = plural(self.unreadable, "run")
            said.append(f"{rows} could not be read: the server itself fails there.")
        if self.lost:
            rows = plural(self.lost, "run")
            said.append(f"The server counts {rows} more than it showed.")
        if self.looped:
            said.append("The server's list leads in circles: these runs came.")
        return said


_FEW: Final = 50
"""So many runs are had by one page of the usual size."""


class _ListContent:
    """A list of runs as the content of a file."""

    def __init__(self, walk: RunWalk, form: ListFormat) -> None:
        self._walk = walk
        self._encoder = ListEncoder(form)
        self.notes: list[str] = []

    @property
    def total(self) -> int | None:
        return self._walk.total

    @property
    def missing(self) -> int:
        return self._walk.missing

    async def pieces(self) -> AsyncGenerator[tuple[bytes, int], None]:
        async with aclosing(self._walk.pages()) as pages:
            async for jobs in pages:
                rows = sum(bool(job.fields) for job in jobs)
                yield self._encoder.rows(jobs), rows
        yield self._encoder.end(), 0
        self.notes = self._walk.remarks()

    def rest(self) -> tuple[bytes, int]:
        """Leave a list that broke off as it is: what it lacks shows."""
        return b"", 0


class Destination(Struct, frozen=True, kw_only=True):
    """Where a save goes; see `SaveRequest`."""

    path: Path | None = None
    folder: Path = field(default_factory=Path)
    overwrite: bool = False
    make_folder: bool = False
    keep_part: bool = True
    profile: str = ""


def list_request(
    source: RunListSource,
    app: Workflow,
    only: JobFilter,
    form: ListFormat,
    to: Destination,
    *,
    limit: int | None = None,
) -> SaveRequest:
    """Return the save of all runs that fit, each once; its unit is the run."""

    def content(tell: Callable[[str], None]) -> _ListContent:
        walk = RunWalk(source, app, only, limit=limit, retries=Retries(tell))
        return _ListContent(walk, form)

    return SaveRequest(
        workflow_id=app.id,
        job_id="runs",
        scope=SaveScope.LIST,
        content=content,
        file_name=list_name(app, form),
        noun="run",
        workflow=app,
        path=to.path,
        folder=to.folder,
        overwrite=to.overwrite,
        make_folder=to.make_folder,
        keep_part=to.keep_part,
        profile=to.profile,
    )


class _RunContent:
    """One run as the content of a file: written once all of it is there."""

    total: int | None = None
    missing = 0

    def __init__(
        self,
        seen: Observe,
        so_far: Callable[[], SavedRun | None],
        form: RunFormat,
        tell: Callable[[str], None],
    ) -> None:
        self._tell = tell
        self._seen = seen
        self._so_far = so_far
        self._format = form
        self.notes: list[str] = []

    async def pieces(self) -> AsyncGenerator[tuple[bytes, int], None]:
        saved = await self._seen(self._tell)
        self.notes = [f"Not seen: {clean(words)}." for words in saved.unseen]
        if not saved.is_complete:
            self.notes.append("The run had not ended: the file has it as it was.")
        yield self._piece(saved)

    def rest(self) -> tuple[bytes, int]:
        saved = self._so_far()
        return (b"", 0) if saved is None else self._piece(saved)

    def _piece(self, saved: SavedRun) -> tuple[bytes, int]:
        is_whole = self._format is RUN_JSON
        return self._format.encode(saved), 1 if is_whole else saved.events


def run_request(
    seen: Observe,
    job: Job,
    app: Workflow,
    form: RunFormat,
    to: Destination,
    *,
    so_far: Callable[[], SavedRun | None] = lambda: None,
) -> SaveRequest:
    """Return the save of one run; its unit is the run, or in text the event seen.

    Args:
        seen: Returns the run as it is to be saved, perhaps once it has ended. Called
            once for each try, with what takes a sentence about what goes on.
        so_far: Returns what there is of it when the save ends before.
    """
    is_whole = form is RUN_JSON
    scope, noun = (SaveScope.RUN, "run") if is_whole else (SaveScope.EVENTS, "event")
    return SaveRequest(
        workflow_id=app.id,
        job_id=job.shown_id,
        scope=scope,
        content=lambda tell: _RunContent(seen, so_far, form, tell),
        file_name=run_name(app, job, form),
        noun=noun,
        job=job,
        workflow=app,
        path=to.path,
        folder=to.folder,
        overwrite=to.overwrite,
        make_folder=to.make_folder,
        keep_part=to.keep_part,
        profile=to.profile,
    )


def list_name(app: Workflow, form: ListFormat) -> str:
    """Return the name of a saved list: ``Nightly-ETL-runs.csv``."""
    return shorten(f"{_stem(app)}-runs.{form.extension}")


def run_name(app: Workflow, job: Job, form: RunFormat) -> str:
    """Return the name of a saved run: ``Nightly-ETL-9a51c0de-….json``."""
    run = safe_name(job.shown_id, fallback="run")
    return shorten(f"{_stem(app)}-{run}.{form.extension}")


def _stem(app: Workflow) -> str:
    return safe_name(app.name, fallback="app").replace(" ", "-")
