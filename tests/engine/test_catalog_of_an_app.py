"""The tree of an app read from a server over sockets, oddities included."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from chronotui.demo.clock import DemoClock
from chronotui.demo.dify_server import DifyDemo
from chronotui.demo.dify_world import bulk_rows
from chronotui.engine.catalog import Catalog, CatalogSettings
from chronotui.errors import ChronotuiError
from chronotui.model import JobStatus
from chronotui.sources.dify.client import open_dify
from chronotui.sources.protocol import DIFY, BearerAuth
from chronotui.tree.filters import TreeFilters, read_run_words
from tests.engine.test_catalog import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from chronotui.demo.dify_runs import AppRow
    from chronotui.tree.branch import Branch

FAST = CatalogSettings(poll_seconds=0.05, retry_first=0.05, retry_cap=0.2)
NOW = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)


def standing() -> DemoClock:
    return DemoClock(start_ns=int(NOW.timestamp()) * 10**9, speed=0.0)


@asynccontextmanager
async def reading(server: DifyDemo) -> AsyncIterator[tuple[Catalog, Branch]]:
    async def key() -> str:
        return server.key

    client = open_dify(server.url, BearerAuth(key))
    catalog = Catalog(client, settings=FAST, kind=DIFY)
    task = asyncio.create_task(catalog.run())
    try:
        await until(catalog, lambda: any(catalog.tree.branches()))
        branch = next(catalog.tree.branches())
        await until(catalog, lambda: branch.listing.answered)
        yield catalog, branch
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await client.aclose()


async def whole(catalog: Catalog, branch: Branch) -> None:
    def is_read() -> bool:
        if not branch.listing.complete:
            catalog.want_more(branch.workflow.id)
        return branch.listing.complete

    await until(catalog, is_read)


def check_manners(server: DifyDemo) -> None:
    assert server.load.most["runs"] == 1
    assert server.load.changes == []


def ids_of(branch: Branch) -> list[str]:
    return branch.listing.ids


def check_order(branch: Branch) -> None:
    times = [branch.jobs[item].created_at for item in ids_of(branch)]
    known = [time for time in times if time is not None]
    assert known == sorted(known, reverse=True)


@pytest.mark.parametrize("version", ["1.9.2", "1.13.0", "1.14.2"])
async def test_each_row_stands_once_where_stamps_are_equal(version: str) -> None:
    rows = bulk_rows(260, NOW.timestamp() - 60, per_second=7)
    with DifyDemo(version=version, rows=rows, clock=standing()) as server:
        async with reading(server) as (catalog, branch):
            assert branch.listing.total == 260
            await whole(catalog, branch)
            assert len(ids_of(branch)) == 260
            assert set(ids_of(branch)) == {row.id for row in rows}
            check_order(branch)
        check_manners(server)


async def test_the_app_says_what_it_is() -> None:
    rows = bulk_rows(3, NOW.timestamp() - 60)
    with DifyDemo(rows=rows, clock=standing()) as server:
        async with reading(server) as (_catalog, branch):
            assert branch.workflow.name == "Nightly ETL"
            assert branch.workflow.labels == ("workflow", "dify 1.14.2")


async def test_runs_that_begin_while_the_list_is_read_are_on_top_and_none_is_lost() -> (
    None
):
    rows = bulk_rows(300, NOW.timestamp() - 600, per_second=3)
    later = bulk_rows(90, NOW.timestamp() - 5, per_second=9, seed=2)
    with DifyDemo(rows=rows, clock=standing()) as server:
        async with reading(server) as (catalog, branch):
            asked = iter(range(0, 90, 30))

            def is_read() -> bool:
                at = next(asked, None)
                if at is not None:
                    server.world.add(*later[at : at + 30])
                if not branch.listing.complete:
                    catalog.want_more(branch.workflow.id)
                return branch.listing.complete and len(ids_of(branch)) == 390

            await until(catalog, is_read)
            assert set(ids_of(branch)) == {row.id for row in (*rows, *later)}
            check_order(branch)
        check_manners(server)


async def test_a_row_the_server_cannot_read_is_one_row_and_hides_no_other() -> None:
    def odd(place: int, row: AppRow) -> None:
        if place == 70:
            row.odd_word = "service_api_v0"

    rows = bulk_rows(160, NOW.timestamp() - 60, per_second=4, make=odd)
    with DifyDemo(rows=rows, clock=standing()) as server:
        async with reading(server) as (catalog, branch):
            await whole(catalog, branch)
            readable = {row.id for row in rows if not row.odd_word}
            assert readable < set(ids_of(branch))
            (unreadable,) = set(ids_of(branch)) - readable
            assert branch.jobs[unreadable].status == JobStatus.UNKNOWN
            check_order(branch)
            version = branch.listing.version
            server.world.add(*bulk_rows(1, NOW.timestamp(), seed=2))
            catalog.refresh()
            await until(catalog, lambda: branch.listing.version > version)
            assert unreadable in branch.listing
            assert len(ids_of(branch)) == 161
        check_manners(server)


async def test_an_unknown_account_is_said_below_the_list() -> None:
    rows = bulk_rows(30, NOW.timestamp() - 60)
    with DifyDemo(rows=rows, clock=standing()) as server:
        async with reading(server) as (catalog, branch):
            words = read_run_words("account:nobody@example.com", NOW)
            catalog.set_filters(TreeFilters(words=words))
            await until(catalog, lambda: branch.listing.problem)
            assert "nobody@example.com" in str(branch.listing.problem)
            catalog.set_filters(TreeFilters())
            assert len(ids_of(branch)) == 30


async def test_a_user_and_a_time_narrow_the_list() -> None:
    rows = bulk_rows(30, NOW.timestamp() - 60)
    with DifyDemo(rows=rows, clock=standing()) as server:
        async with reading(server) as (catalog, branch):
            words = read_run_words("user:nightly-etl since:11:58:50", NOW)
            catalog.set_filters(TreeFilters(words=words))
            await until(catalog, lambda: branch.listing.answered)
            assert len(ids_of(branch)) == 11
            catalog.set_filters(TreeFilters(words=read_run_words("user:no", NOW)))
            await until(catalog, lambda: branch.listing.complete)
            assert ids_of(branch) == []


async def test_an_app_of_another_type_says_why_it_has_no_runs() -> None:
    with DifyDemo(rows=[], mode="advanced-chat", clock=standing()) as server:
        async with reading(server) as (_catalog, branch):
            assert len(branch.listing.said) == 1
            assert "advanced-chat" in branch.listing.said[0]


async def test_a_run_is_found_by_its_id_alone() -> None:
    rows = bulk_rows(200, NOW.timestamp() - 60)
    with DifyDemo(rows=rows, clock=standing()) as server:
        async with reading(server) as (catalog, branch):
            far = rows[180]
            assert far.run is not None
            key = await catalog.find_run(far.run.id)
            assert catalog.tree.job(key) is not None
            assert branch.jobs[key.item].run_id == far.run.id
            await whole(catalog, branch)
            assert len(ids_of(branch)) == 200
            with pytest.raises(ChronotuiError):
                await catalog.find_run("00000000-0000-4000-8000-000000000000")


async def test_a_run_that_ends_out_of_the_window_is_seen_to_end() -> None:
    def slow(place: int, row: AppRow) -> None:
        if place == 25 and row.run is not None:
            row.run = type(row.run)(row.run.id, row.stamp, 400.0)

    rows = bulk_rows(30, NOW.timestamp() - 200, make=slow)
    clock = standing()
    with DifyDemo(rows=rows, clock=clock) as server:
        async with reading(server) as (catalog, branch):
            slow_id = rows[25].id
            assert branch.jobs[slow_id].status == JobStatus.RUNNING
            clock.advance(300)
            server.world.touch()
            await until(catalog, lambda: branch.jobs[slow_id].has_ended)
            ended = branch.jobs[slow_id]
            assert ended.created_at is not None
            assert NOW - ended.created_at < timedelta(minutes=10)
            assert not branch.jobs.unfinished
