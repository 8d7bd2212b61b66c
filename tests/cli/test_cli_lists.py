from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING

import pytest

from chronotui.cli.lists import read_list
from chronotui.cli.output import Cell, Column, cell_width, cut_to_cells, table_lines
from chronotui.model import Page

if TYPE_CHECKING:
    from collections.abc import Callable

    from chronotui.demo.server import DemoServer

    from .conftest import Command

BIG = "bulk-export"


def test_workflows_are_listed_whole(signed_up: Command, demo: DemoServer) -> None:
    listed = signed_up("workflows")
    assert listed.code == 0
    heading, *rows = listed.out.splitlines()
    assert heading.split() == ["ID", "NAME", "KIND", "EVERY", "BUILD", "FAILURES"]
    living = [one for one in demo.world.workflows if one.terminated_ns is None]
    assert {row.split()[0] for row in rows} == {one.id for one in living}
    assert listed.err == ""


def test_json_is_one_array_under_the_servers_names(
    signed_up: Command, demo: DemoServer
) -> None:
    found = signed_up("workflows", "-o", "json").json
    assert len(found) == len(signed_up("workflows").out.splitlines()) - 1
    assert {"id", "name", "kind", "created_at"} <= found[0].keys()


def test_a_query_and_terminated_ones_go_to_the_server(signed_up: Command) -> None:
    named = signed_up("workflows", "--query", "nightly", "-o", "json").json
    assert [one["name"] for one in named] == ["nightly-report"]
    ended = signed_up("workflows", "--terminated", "-o", "json").json
    assert ended
    assert all("terminated_at" in one for one in ended)


def test_terminated_ones_are_told_by_their_time_whatever_the_server_lists(
    signed_up: Command, demo: DemoServer
) -> None:
    all_of_them = list(demo.world.workflows)
    kept = [one for one in all_of_them if one.terminated_ns is None][-1]
    for one in set(all_of_them) - {kept}:
        one.terminated_ns = demo.world.clock.now_ns()
    assert len(all_of_them) > 10
    listed = signed_up("workflows", "-o", "json").json
    assert [one["id"] for one in listed] == [kept.id]
    assert signed_up("workflows", "--limit", "1").out.count("\n") == 2
    ended = signed_up("workflows", "--terminated", "-o", "json").json
    assert {one["id"] for one in ended} == {one.id for one in all_of_them} - {kept.id}
    kept.terminated_ns = demo.world.clock.now_ns()
    none = signed_up("workflows")
    assert (none.code, none.err) == (
        0,
        "chronotui: no workflows but terminated ones: --terminated.\n",
    )


def test_jobs_go_by_name_state_and_trigger(signed_up: Command) -> None:
    rows = signed_up("jobs", "nightly-report", "--status", "failed", "-o", "json").json
    assert {row["status"] for row in rows} == {"FAILED"}
    rows = signed_up(
        "jobs", "nightly-report", "--trigger", "MANUAL", "--limit", "2", "-o", "json"
    ).json
    assert [row["trigger"] for row in rows] == ["MANUAL", "MANUAL"]


@pytest.mark.parametrize("spelling", ["CANCELED", "CANCELLED", "cancelled"])
@pytest.mark.parametrize("dialect", ["demo", "documented_demo"])
def test_both_spellings_of_canceled_are_taken_everywhere(
    run: Command,
    configure: Callable[[str], None],
    request: pytest.FixtureRequest,
    dialect: str,
    spelling: str,
) -> None:
    from .conftest import demo_config

    configure(demo_config(request.getfixturevalue(dialect)))
    listed = run("jobs", "image-build", "--status", spelling, "-o", "json")
    assert listed.code == 0
    assert {row["status"] for row in listed.json} <= {"CANCELED", "CANCELLED"}


def test_a_table_stops_at_fifty_rows_and_says_so(signed_up: Command) -> None:
    listed = signed_up("jobs", "queue-sweeper")
    assert len(listed.out.splitlines()) == 51
    assert "the first 50 jobs; there are more" in listed.err
    listed = signed_up("jobs", "queue-sweeper", "--limit", "60")
    assert len(listed.out.splitlines()) == 61
    assert listed.err == ""


def test_a_unique_beginning_of_an_id_will_do(
    signed_up: Command, demo: DemoServer
) -> None:
    workflow = demo.world.named("nightly-report")
    whole = signed_up("jobs", workflow.id, "--limit", "3").out
    assert signed_up("jobs", workflow.id[:12], "--limit", "3").out == whole


def test_nothing_listed_is_said(signed_up: Command) -> None:
    listed = signed_up("workflows", "--query", "no such thing at all")
    assert (listed.code, listed.out.count("\n")) == (0, 1)
    assert listed.err == "chronotui: no workflows.\n"
    assert signed_up("workflows", "--query", "no such", "-o", "json").json == []


def test_hostile_names_do_no_harm_in_a_table(signed_up: Command) -> None:
    out = signed_up("workflows").out
    assert "deploy" in out
    assert not any(mark in out for mark in "\x1b\x07\u202e\x00")


async def test_cursors_that_lead_in_circles_end_the_list() -> None:
    async def page(cursor: str | None) -> Page[int]:
        return Page((1, 2), "b" if cursor == "a" else "a")

    listing = await read_list(page, None)
    assert listing.looped
    assert len(listing.items) == 6


async def test_a_limit_reads_no_page_too_many() -> None:
    asked: list[str | None] = []

    async def page(cursor: str | None) -> Page[int]:
        asked.append(cursor)
        return Page((1, 2), f"c{len(asked)}")

    listing = await read_list(page, 3)
    assert (listing.items, listing.has_more) == ([1, 2, 1], True)
    assert asked == [None, "c1"]


def test_cells_are_cleaned_aligned_and_cut_to_the_terminal() -> None:
    columns = (
        Column("NAME", itemgetter(0), least=6),
        Column("N", itemgetter(1), right=True),
    )
    rows = [("注文イベント", "1"), ("a\x1b[31m\n", Cell("22", "31"))]
    assert table_lines(columns, rows) == [
        "NAME           N",
        "注文イベント   1",
        "a␛[31m␊       22",
    ]
    narrow = table_lines(columns, rows, width=10)
    assert narrow == ["NAME     N", "注文…    1", "a␛[31…  22"]
    assert all(cell_width(line) <= 10 for line in narrow)
    assert "\x1b[31m22\x1b[0m" in table_lines(columns, rows, colour=True)[2]


def test_columns_are_left_out_where_narrowing_is_not_enough() -> None:
    columns = (
        Column("ID", itemgetter(0), least=4),
        Column("A", itemgetter(1), drop=2),
        Column("B", itemgetter(2), drop=1),
    )
    rows = [("123456", "aaaa", "bbbb")]
    assert table_lines(columns, rows, width=17)[1] == "1234…  aaaa  bbbb"
    assert table_lines(columns, rows, width=12)[1] == "123456  aaaa"
    assert table_lines(columns, rows, width=5)[1] == "1234…"
    assert table_lines(columns, rows, width=1)[1] == "123…"


def test_text_is_cut_between_cells() -> None:
    assert cut_to_cells("注文", 4) == "注文"
    assert cut_to_cells("注文", 3) == "注…"
    assert cut_to_cells("注文", 2) == "…"
    assert cut_to_cells("e\u0301x", 2) == "e\u0301x"
