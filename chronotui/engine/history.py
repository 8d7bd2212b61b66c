"""Reading on in a retained log: older pages, newer ones, or all of it at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from chronotui.engine.raw_lines import load_raw

if TYPE_CHECKING:
    from collections.abc import Callable

    from chronotui.core.log import LineKey
    from chronotui.engine.watch.source import LogSource
    from chronotui.engine.watch.watch import Watch
    from chronotui.model import SearchPage

    Progress: TypeAlias = Callable[[int, int | None], None]

FAR_LINES: Final = 5000
"""A line further back than this is reached sooner through one download of all."""


@dataclass(frozen=True, slots=True)
class Position:
    """Which part of a retained log is loaded.

    Attributes:
        oldest: (attempt, number) of the oldest retained line read.
        newest: Of the newest one.
        at_start: Whether the oldest is the log's first.
        at_end: Whether the newest was the log's last, when last looked.
    """

    oldest: tuple[int, int] | None
    newest: tuple[int, int] | None
    at_start: bool
    at_end: bool


class HistoryPaging:
    """Pages the retained log of a watched job into the same store."""

    def __init__(
        self, source: LogSource, watch: Watch, changed: Callable[[], None]
    ) -> None:
        self._source = source
        self._watch = watch
        self._changed = changed
        self.loading: tuple[int, int | None] | None = None

    @property
    def position(self) -> Position:
        """Which part of the retained log is loaded."""
        coverage = self._watch.pages.coverage
        return Position(
            None if coverage.bottom is None else coverage.bottom.key,
            None if coverage.top is None else coverage.top.key,
            coverage.at_start,
            coverage.at_end,
        )

    async def load_older(self) -> bool:
        """Load the page below the oldest line; False when there is none."""
        pages = self._watch.pages
        if pages.coverage.top is None and not pages.coverage.at_start:
            await pages.open(lambda _: True)
            return True
        return await pages.read_older() is not None

    async def load_newer(self) -> bool:
        """Read on at the newest end; True when that brought lines."""
        return await self._watch.pages.read_tail()

    async def load_all(self, progress: Progress | None) -> None:
        """Load everything, through one raw download where the server has it."""
        try:
            if not self._watch.job.status.is_terminal or not await self._load_raw(
                progress
            ):
                await self._load_pages(progress)
        finally:
            self.loading = None
            self._changed()

    async def _load_raw(self, progress: Progress | None) -> bool:
        """Load the whole log of an ended job; False when it has to be paged."""
        watch, done = self._watch, 0

        def told(lines: int) -> None:
            nonlocal done
            done += lines
            self._tell(progress, done)

        if not await load_raw(self._source, watch.job, watch.intake, told):
            return False
        watch.pages.loaded_all()
        return True

    async def _load_pages(self, progress: Progress | None) -> None:
        pages = self._watch.pages
        done = len(self._watch.intake.store)
        if pages.coverage.top is None and not pages.coverage.at_start:
            await pages.open(lambda _: True)
        while (lines := await pages.read_older()) is not None:
            done += len(lines)
            self._tell(progress, done)

    def _tell(self, progress: Progress | None, done: int) -> None:
        top = self._watch.pages.coverage.top
        total = None if top is None or top.attempt > 1 else top.number + 1
        self.loading = (done, total)
        self._changed()
        if progress is not None:
            progress(done, total)

    async def search(
        self, query: str | None, stream: str | None, cursor: str | None
    ) -> SearchPage:
        """Ask the server's own search for one page."""
        job = self._watch.job
        return await self._source.search_logs(
            job.workflow_id, job.id, query=query, stream=stream, cursor=cursor
        )

    async def load_around(self, key: LineKey) -> bool:
        """Load pages back to a line; False when the log does not have it."""
        store, pages = self._watch.intake.store, self._watch.pages
        wanted = (key.attempt, key.sequence_num)
        bottom = pages.coverage.bottom
        ended = self._watch.job.status.is_terminal
        if bottom is not None and wanted < bottom.key and ended:
            far = bottom.attempt > key.attempt
            if far or bottom.number - key.sequence_num > FAR_LINES:
                await self.load_all(None)
        while store.find(key) is None:
            bottom = pages.coverage.bottom
            if bottom is not None and bottom.key < wanted:
                break
            if not await self.load_older():
                break
        return store.find(key) is not None
