"""The runs of an app as a catalog reads them into the tree."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from chronotui.engine.catalog import Catalog, CatalogSettings
from chronotui.engine.list_readers import ALONE
from chronotui.engine.run_reader import TRIES
from chronotui.errors import NotFoundError, RequestRefusedError
from chronotui.model import JobStatus
from chronotui.sources.protocol import DIFY
from chronotui.tree.filters import RunWords, TreeFilters
from chronotui.tree.listing import NoteKind
from chronotui.tree.model import NodeKey, TreeNodeKind
from tests.engine.scripted_runs import APP, ScriptedRuns, run, run_id, runs
from tests.engine.test_catalog import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from chronotui.tree.branch import Branch

FAST = CatalogSettings(poll_seconds=0.01, retry_first=0.01, retry_cap=0.05)
MINUTE = timedelta(minutes=1)


def now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


@asynccontextmanager
async def reading(server: ScriptedRuns) -> AsyncIterator[Catalog]:
    catalog = Catalog(server, settings=FAST, kind=DIFY)
    task = asyncio.create_task(catalog.run())
    try:
        await until(catalog, lambda: catalog.tree.branch(APP.id) is not None)
        branch = branch_of(catalog)
        await until(catalog, lambda: branch.listing.answered)
        yield catalog
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def branch_of(catalog: Catalog) -> Branch:
    branch = catalog.tree.branch(APP.id)
    assert branch is not None
    return branch


def notes(catalog: Catalog) -> list[str]:
    rows = catalog.tree.rows
    lines = (rows.note(rows.key(row)) for row in range(len(rows)))
    return [line.note.text for line in lines if line is not None]


async def more(catalog: Catalog, count: int) -> None:
    branch = branch_of(catalog)

    def enough() -> bool:
        if len(branch.listing) >= count or branch.listing.complete:
            return True
        catalog.want_more(APP.id)
        return False

    await until(catalog, enough)


async def test_an_app_stands_unfolded_with_its_runs_counted() -> None:
    server = ScriptedRuns(runs(34, now=now(), apart=MINUTE))
    async with reading(server) as catalog:
        branch = branch_of(catalog)
        assert len(branch.listing) == 10
        assert branch.listing.total == 34
        assert notes(catalog) == ["more (10 of 34)"]
        await more(catalog, 34)
        assert branch.listing.ids == [row.id for row in server.rows]
        assert notes(catalog) == []


async def test_an_app_without_runs_says_so_and_why() -> None:
    server = ScriptedRuns([])
    async with reading(server) as catalog:
        assert notes(catalog) == ["No runs yet."]
    server.notes = ("This app type has no workflow logs.",)
    async with reading(server) as catalog:
        assert notes(catalog) == ["This app type has no workflow logs."]


async def test_new_runs_are_merged_on_top_and_nothing_loaded_is_lost() -> None:
    server = ScriptedRuns(runs(60, now=now() - 5 * MINUTE, apart=MINUTE))
    async with reading(server) as catalog:
        branch = branch_of(catalog)
        await more(catalog, 40)
        before = list(branch.listing.ids)
        asked = server.count("jobs")
        for number in range(100, 125):
            server.begin(run(number, now()))
        await until(catalog, lambda: len(branch.listing) == len(before) + 25)
        fresh = branch.listing.ids[:25]
        assert sorted(fresh) == sorted(f"row-{n}" for n in range(100, 125))
        assert branch.listing.ids[25:] == before
        assert branch.listing.total == 85
        # What did not fit into the first page was read on, and no more than that.
        assert server.count("jobs") - asked <= 4
        await more(catalog, 85)
        assert set(branch.listing.ids) == {row.id for row in server.rows}


async def test_a_row_that_is_written_late_goes_to_its_time() -> None:
    begun = now()
    server = ScriptedRuns(runs(30, now=begun, apart=timedelta(seconds=10)))
    async with reading(server) as catalog:
        branch = branch_of(catalog)
        server.rows.insert(2, run(99, begun - timedelta(seconds=25)))
        await until(catalog, lambda: "row-99" in branch.listing)
        assert branch.listing.ids.index("row-99") == 2


async def test_too_much_that_is_new_begins_the_list_anew() -> None:
    server = ScriptedRuns(runs(30, now=now() - 9 * MINUTE, apart=MINUTE))
    async with reading(server) as catalog:
        branch = branch_of(catalog)
        for number in range(1000, 1500):
            server.begin(run(number, now()))
        await until(catalog, lambda: "row-1499" in branch.listing)
        # No hole: the loaded rows are the server's first ones.
        loaded = branch.listing.ids
        assert loaded == [row.id for row in server.rows[: len(loaded)]]


async def test_asking_again_drops_what_is_gone_from_the_top() -> None:
    server = ScriptedRuns(runs(30, now=now(), apart=MINUTE))
    async with reading(server) as catalog:
        branch = branch_of(catalog)
        await more(catalog, 20)
        gone = server.rows.pop(3).id
        server.rows.pop(15)
        rounds = server.count("newer")
        await until(catalog, lambda: server.count("newer") > rounds + 1)
        assert gone in branch.listing
        catalog.refresh()
        await until(catalog, lambda: gone not in branch.listing)
        assert len(branch.listing) == 19
        assert branch.listing.total == 28


async def test_runs_out_of_the_window_are_read_alone_in_turns() -> None:
    old = now() - 9 * MINUTE
    rows = [
        *runs(12, now=now(), apart=timedelta(seconds=1)),
        *(run(100 - n, old - n * MINUTE, "RUNNING") for n in range(8)),
    ]
    server = ScriptedRuns(rows, limit=20)
    async with reading(server) as catalog:
        branch = branch_of(catalog)
        await until(catalog, lambda: server.count("reread") >= 8)
        alone = [by for kind, by in server.asked if kind == "reread"]
        assert alone[:8] == [f"row-{100 - n}" for n in range(8)]
        kinds = [kind for kind, _by in server.asked]
        rounds = " ".join(kinds).split("newer")
        assert max(words.count("reread") for words in rounds) <= ALONE
        server.turn("row-93", status=JobStatus.FAILED, completed_at=now())
        await until(catalog, lambda: branch.jobs["row-93"].status == "FAILED")
        assert branch.jobs["row-93"].has_ended
        assert server.at_once == 1


async def test_a_row_without_its_run_is_asked_for_a_few_times_only() -> None:
    rows = [*runs(3, now=now(), apart=MINUTE), run(50, now() - 9 * MINUTE, "UNKNOWN")]
    server = ScriptedRuns(rows)
    async with reading(server) as catalog:
        await until(catalog, lambda: server.count("newer") >= 4 * TRIES)
        assert server.count("reread") == TRIES
        branch = branch_of(catalog)
        server.turn("row-50", status=JobStatus.FAILED, run_id=run_id(50))
        catalog.refresh()
        await until(catalog, lambda: branch.jobs["row-50"].run_id)
        assert catalog.tree.short_id(branch.jobs["row-50"]) == run_id(50)[:6]


async def test_a_run_that_cannot_be_read_alone_spoils_no_list() -> None:
    rows = [*runs(3, now=now(), apart=MINUTE), run(50, now() - 9 * MINUTE, "RUNNING")]
    server = ScriptedRuns(rows)

    async with reading(server) as catalog:
        hidden = server.rows.pop()
        rounds = server.count("newer")
        await until(catalog, lambda: server.count("newer") > rounds + TRIES + 3)
        assert hidden.id in branch_of(catalog).listing
        assert catalog.problem is None
        assert server.count("reread") <= 2 * TRIES + 2


async def test_a_state_the_server_cannot_filter_is_looked_for_page_by_page() -> None:
    rows = runs(400, now=now(), apart=timedelta(seconds=5))
    server = ScriptedRuns(rows)
    for at in (3, 120, 390):
        server.turn(rows[at].id, status=JobStatus.PAUSED, completed_at=None)
    async with reading(server) as catalog:
        branch, tree = branch_of(catalog), catalog.tree
        catalog.set_filters(TreeFilters(JobStatus.PAUSED))
        await until(catalog, lambda: branch.listing.answered)
        assert branch.listing.ids == [rows[3].id]
        assert notes(catalog) == [
            "1 of 50 loaded is PAUSED; ⋮ looks further",
            "look further: enter",
        ]
        kinds = [
            line.note.kind
            for row in range(len(tree.rows))
            if (line := tree.rows.note(tree.rows.key(row))) is not None
        ]
        assert kinds == [NoteKind.SAID, NoteKind.ON_DEMAND]
        await more(catalog, 400)
        assert branch.listing.ids == [rows[at].id for at in (3, 120, 390)]
        assert notes(catalog) == ["3 of 400 loaded are PAUSED"]
        rounds = server.count("newer")
        server.begin(run(999, now(), "PAUSED"))
        await until(catalog, lambda: "row-999" in branch.listing)
        assert server.count("newer") > rounds
        catalog.set_filters(TreeFilters())
        await until(catalog, lambda: "row-999" in branch.listing)
        assert len(branch.listing) > 10


async def test_what_the_server_refuses_stands_below_and_is_taken_back() -> None:
    server = ScriptedRuns(runs(12, now=now(), apart=MINUTE))
    async with reading(server) as catalog:
        branch = branch_of(catalog)
        server.refuses = RequestRefusedError("Account not found: x@example.com")
        words = RunWords("account:x@example.com", account="x@example.com")
        catalog.set_filters(TreeFilters(words=words))
        await until(catalog, lambda: branch.listing.problem)
        assert notes(catalog) == ["Account not found: x@example.com"]
        server.refuses = None
        catalog.set_filters(TreeFilters())
        assert len(branch.listing) == 10


async def test_what_pages_say_stands_below_until_it_is_read_anew() -> None:
    server = ScriptedRuns(runs(12, now=now(), apart=MINUTE))
    server.notes = ("2 rows cannot be read.",)
    async with reading(server) as catalog:
        assert notes(catalog) == ["2 rows cannot be read.", "more (10 of 12)"]
        await more(catalog, 12)
        assert notes(catalog) == ["2 rows cannot be read."]
        server.notes = ()
        catalog.refresh()
        await until(catalog, lambda: notes(catalog) == [])


async def test_a_run_is_found_by_its_id_wherever_it_stands() -> None:
    server = ScriptedRuns(runs(60, now=now(), apart=MINUTE))
    async with reading(server) as catalog:
        far = server.rows[45]
        key = await catalog.find_run(far.run_id)
        assert key == NodeKey.job(APP.id, far.id)
        assert catalog.tree.selected == key
        await more(catalog, 60)
        assert branch_of(catalog).listing.ids == [row.id for row in server.rows]
        assert await catalog.find_run(far.run_id[:9]) == key
        assert await catalog.find("anything", far.run_id) == key
        assert (await catalog.find_run(None)).kind is TreeNodeKind.WORKFLOW
        with pytest.raises(NotFoundError):
            await catalog.find_run(run_id(12345))
        asked = len(server.asked)
        with pytest.raises(NotFoundError, match="no loaded run"):
            await catalog.find_run("not an id")
        assert [k for k, _by in server.asked[asked:] if k == "job"] == []


async def test_a_run_known_by_its_id_alone_gives_way_to_its_row() -> None:
    server = ScriptedRuns(runs(30, now=now(), apart=MINUTE))
    async with reading(server) as catalog:
        row, branch = server.rows[15], branch_of(catalog)
        alone = run(15, row.created_at or now(), id=row.run_id, run_id=row.run_id)
        catalog.tree.reveal(APP, alone)
        assert row.run_id in branch.listing
        await more(catalog, 30)
        assert branch.listing.ids == [row.id for row in server.rows]


async def test_a_keyword_shows_nothing_until_the_server_has_told() -> None:
    server = ScriptedRuns(runs(12, now=now(), apart=MINUTE))
    async with reading(server) as catalog:
        branch = branch_of(catalog)
        catalog.set_filters(TreeFilters(words=RunWords("x", "x")))
        assert len(branch.listing) == 0
        assert notes(catalog) == ["loading runs"]
        catalog.set_filters(TreeFilters(words=RunWords("user:no", user="no")))
        await until(catalog, lambda: branch.listing.answered)
        assert notes(catalog) == ["No run fits user no. 0 clears the filter."]
