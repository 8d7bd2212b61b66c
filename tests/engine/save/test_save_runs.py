from __future__ import annotations

import asyncio
import json
import stat
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from chronotui.engine.save import Saves
from chronotui.engine.save_request import SavePhase
from chronotui.engine.save_runs import Destination, RunWalk, list_request, run_request
from chronotui.errors import (
    ChronotuiError,
    FailedAnswerError,
    IncompleteError,
    NotAllowedError,
    PathRefusedError,
)
from chronotui.model import (
    Job,
    JobFilter,
    JobStatus,
    Page,
    Trigger,
    Workflow,
    WorkflowKind,
)
from chronotui.runs.formats import CSV, JSON, JSONL, RUN_JSON, SavedRun

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from chronotui.engine.save import Save
    from chronotui.engine.save_request import SaveRequest

APP = Workflow("app", "Nightly ETL", WorkflowKind("workflow"))
EVERY = JobFilter()


def run(number: int) -> Job:
    return Job(
        f"row-{number}",
        "app",
        JobStatus.COMPLETED,
        Trigger("app-run"),
        run_id=f"run-{number}",
        fields={"id": f"row-{number}"},
    )


@dataclass
class Listed:
    """A list of runs in pages; ``fails`` is raised in place of a page, for good."""

    pages: list[Page[Job]]
    fails: dict[int, ChronotuiError] = field(default_factory=dict)
    asked: list[tuple[str | None, bool]] = field(default_factory=list)
    gate: asyncio.Event | None = None
    reached: asyncio.Event = field(default_factory=asyncio.Event)

    async def jobs(
        self,
        workflow_id: str,
        *,
        cursor: str | None = None,
        only: JobFilter = EVERY,
        many: bool = False,
    ) -> Page[Job]:
        self.asked.append((cursor, many))
        number = int(cursor or 0)
        if self.gate is not None and number:
            self.reached.set()
            await self.gate.wait()
        if number in self.fails:
            raise self.fails[number]
        return self.pages[number]


def listed(*sizes: int, **more: int) -> Listed:
    """Make a list of pages of these sizes; the first tells the total."""
    numbers = iter(range(sum(sizes)))
    pages = []
    for place, size in enumerate(sizes, 1):
        cursor = str(place) if place < len(sizes) else None
        jobs = tuple(run(next(numbers)) for _ in range(size))
        pages.append(Page(jobs, cursor, total=sum(sizes)))
    return Listed(pages)


async def walked(walk: RunWalk) -> list[str]:
    return [job.run_id async for page in walk.pages() for job in page]


async def test_a_walk_gives_every_run_once_and_asks_for_many() -> None:
    source = listed(3, 0, 2)
    walk = RunWalk(source, APP)  # type: ignore[arg-type]
    assert await walked(walk) == [f"run-{n}" for n in range(5)]
    assert source.asked == [(None, True), ("1", True), ("2", True)]
    assert (walk.count, walk.total, walk.has_more, walk.looped) == (5, 5, False, False)


@pytest.mark.parametrize(
    ("limit", "asked", "has_more"),
    [(2, 1, True), (3, 1, True), (4, 2, True), (6, 2, False)],
)
async def test_a_limit_ends_a_walk_without_another_page(
    limit: int, asked: int, has_more: bool
) -> None:
    source = listed(3, 3)
    walk = RunWalk(source, APP, limit=limit)  # type: ignore[arg-type]
    assert len(await walked(walk)) == limit
    assert len(source.asked) == asked
    assert walk.has_more is has_more
    assert not source.asked[0][1]


async def test_a_walk_that_a_server_leads_in_circles_ends() -> None:
    source = Listed([Page((run(1),), "1"), Page((run(2),), "1")])
    walk = RunWalk(source, APP)  # type: ignore[arg-type]
    assert await walked(walk) == ["run-1", "run-2"]
    assert walk.looped
    assert "circles" in walk.remarks()[0]


async def test_what_pages_say_is_said_once_and_what_lacks_is_counted() -> None:
    odd = replace(run(3), fields={})
    page = Page((run(1), odd), "1", notes=("only\x1b 30 characters count",), missing=1)
    source = Listed([page, Page((run(2),), None, 4, notes=page.notes, missing=2)])
    walk = RunWalk(source, APP)  # type: ignore[arg-type]
    await walked(walk)
    first, second, third = walk.remarks()
    assert "\x1b" not in first
    assert second == "1 run could not be read: the server itself fails there."
    assert third == "The server counts 3 runs more than it showed."
    assert (walk.missing, walk.hidden, walk.exit_code) == (4, 4, 6)


@pytest.mark.parametrize(("total", "lost"), [(9, 5), (4, 0), (3, 0), (None, 0)])
async def test_a_whole_list_is_held_against_what_the_server_counts(
    total: int | None, lost: int
) -> None:
    first = Page((run(1), run(2)), "1", hidden=1, total=total)
    walk = RunWalk(Listed([first, Page((run(3),), total=total)]), APP)  # type: ignore[arg-type]
    await walked(walk)
    assert walk.lost == lost
    assert walk.exit_code == (6 if lost else 0)
    walk = RunWalk(Listed([first]), APP, limit=1)  # type: ignore[arg-type]
    await walked(walk)
    assert (walk.has_more, walk.exit_code) == (True, 0)


async def test_a_list_that_breaks_off_is_incomplete_and_one_refused_is_not() -> None:
    source = listed(2, 2)
    source.fails = {1: FailedAnswerError("The server failed (502).")}
    with pytest.raises(IncompleteError, match="broke off after 2 runs: The server"):
        await walked(RunWalk(source, APP, retries=_impatient()))  # type: ignore[arg-type]
    source.fails = {0: NotAllowedError("No.")}
    with pytest.raises(NotAllowedError):
        await walked(RunWalk(source, APP))  # type: ignore[arg-type]


def _impatient() -> object:
    class Once:
        async def ask(self, request: Callable[[], object]) -> object:
            return await request()  # type: ignore[misc]

    return Once()


@pytest.fixture
def saves() -> Saves:
    return Saves(object())  # type: ignore[arg-type]


async def over(saves: Saves, request: SaveRequest) -> Save:
    return await ended(saves, saves.start(request))


async def ended(saves: Saves, save: Save) -> Save:
    """Wait until the save has ended and said so."""
    told = asyncio.Event()
    unsubscribe = saves.subscribe(lambda one: told.set() if one.is_over else None)
    await told.wait()
    unsubscribe()
    return save


def save_of(source: Listed, form: object, to: Destination) -> SaveRequest:
    return list_request(source, APP, EVERY, form, to)  # type: ignore[arg-type]


async def test_a_list_is_saved_under_the_apps_name(
    saves: Saves, tmp_path: Path
) -> None:
    save = await over(saves, save_of(listed(2, 1), CSV, Destination(folder=tmp_path)))
    assert save.result is not None
    path = tmp_path / "Nightly-ETL-runs.csv"
    assert (save.path, save.result.path) == (path, path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(path.read_bytes().splitlines()) == 4
    assert save.result.sentence().startswith("Saved 3 runs (")
    now = save.progress
    assert (now.phase, now.lines, now.total_lines) == (SavePhase.SAVED, 3, 3)
    assert now.noun == "run"


async def test_an_existing_file_is_left_alone(saves: Saves, tmp_path: Path) -> None:
    path = tmp_path / "Nightly-ETL-runs.jsonl"
    path.write_text("mine")
    for to in (Destination(folder=tmp_path), Destination(path=path)):
        save = await over(saves, save_of(listed(1), JSONL, to))
        assert isinstance(save.error, PathRefusedError)
        assert path.read_text() == "mine"
    save = await over(
        saves, save_of(listed(1), JSONL, Destination(path=path, overwrite=True))
    )
    assert json.loads(path.read_text()) == {"id": "row-0"}


async def test_rows_that_could_not_be_had_make_a_file_incomplete(
    saves: Saves, tmp_path: Path
) -> None:
    source = Listed([Page((run(1),), missing=2, notes=("2 rows of one second",))])
    save = await over(saves, save_of(source, JSON, Destination(folder=tmp_path)))
    assert save.result is not None
    assert save.result.exit_code == 6
    assert "2 runs could not be had" in save.result.sentence()
    assert save.result.notes[0] == "2 rows of one second"


async def test_a_list_that_breaks_off_leaves_its_part(
    saves: Saves, tmp_path: Path
) -> None:
    source = listed(2, 2)
    source.fails = {1: NotAllowedError("The key was withdrawn.")}
    save = await over(saves, save_of(source, JSONL, Destination(folder=tmp_path)))
    assert isinstance(save.error, IncompleteError)
    assert save.part == tmp_path / "Nightly-ETL-runs.jsonl.part"
    assert save.part.read_text().count("\n") == 2
    assert "The unfinished file (2 runs) is kept as" in str(save.error)
    assert not save.path.exists()


async def test_a_list_can_be_cancelled(saves: Saves, tmp_path: Path) -> None:
    source = listed(2, 2)
    source.gate = asyncio.Event()
    save = saves.start(save_of(source, JSONL, Destination(folder=tmp_path)))
    await source.reached.wait()
    save.cancel()
    await ended(saves, save)
    assert save.progress.phase is SavePhase.CANCELLED
    assert not save.is_recording


async def test_the_same_request_can_be_tried_again(
    saves: Saves, tmp_path: Path
) -> None:
    source = listed(2, 2)
    source.fails = {1: NotAllowedError("No.")}
    request = save_of(source, JSONL, Destination(folder=tmp_path, keep_part=False))
    first = await over(saves, request)
    assert first.part is None
    source.fails = {}
    again = await over(saves, first.request)
    assert again.result is not None
    assert again.result.lines == 4


async def test_a_run_is_saved_when_all_of_it_was_seen(
    saves: Saves, tmp_path: Path
) -> None:
    whole = Job("row", "app", JobStatus.COMPLETED, Trigger(""), fields={"detail": {}})

    async def seen(tell: Callable[[str], None]) -> SavedRun:
        tell("waits for the end")
        return SavedRun("https://h", "1.14.2", "Nightly ETL", whole)

    to = Destination(folder=tmp_path)
    save = await over(saves, run_request(seen, run(7), APP, RUN_JSON, to))
    assert save.result is not None
    assert save.path.name == "Nightly-ETL-run-7.json"
    assert json.loads(save.path.read_text())["complete"] is True
    assert save.progress.said == "waits for the end"


async def test_a_run_that_was_not_waited_for_leaves_what_was_seen(
    saves: Saves, tmp_path: Path
) -> None:
    runs = Job("row", "app", JobStatus.RUNNING, Trigger(""), run_id="7")
    waiting = asyncio.Event()

    async def seen(_tell: Callable[[str], None]) -> SavedRun:
        waiting.set()
        await asyncio.Event().wait()
        raise AssertionError

    to = Destination(folder=tmp_path)
    so_far = SavedRun("https://h", "1.14.2", "Nightly ETL", runs)
    request = run_request(seen, runs, APP, RUN_JSON, to, so_far=lambda: so_far)
    save = saves.start(request)
    await waiting.wait()
    save.stop()
    await ended(saves, save)
    assert save.part is not None
    assert json.loads(save.part.read_text())["complete"] is False
