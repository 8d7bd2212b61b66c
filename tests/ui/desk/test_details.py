"""Details: every field, whatever is in it, and why there is none."""

from __future__ import annotations

import json
import re
from time import process_time
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from textual.app import App, ComposeResult

from chronotui.model import Workflow, WorkflowKind
from chronotui.ui.desk.detail_rows import DetailRow, lay_out, pretty_lines
from chronotui.ui.desk.details import DetailsPane, details_of
from tests.ui.desk.scenes import (
    desk_on,
    press,
    still_server,
    until,
    until_shown,
)

if TYPE_CHECKING:
    from chronotui.ui.app import DeskApp

HOSTILE = "[red]x[/] \x1b]0;title\x07 \u202e 注文 \ud800 " + "y" * 70_000


def workflow(payload: str, **fields: object) -> Workflow:
    return Workflow(
        id="w",
        name="name",
        kind=WorkflowKind("CONTAINER"),
        payload=payload,
        fields={"id": "w", "payload": payload, **fields},
    )


class Host(App[int]):
    """Details alone."""

    def __init__(self) -> None:
        super().__init__()
        self.animation_level = "none"

    def compose(self) -> ComposeResult:
        yield DetailsPane()


def said(app: DeskApp) -> str:
    """Return the details as one line."""
    pane = app.desk.query_one(DetailsPane)
    return " ".join(piece.text for piece in pane.laid_out)


def words(app: Host) -> str:
    pane = app.query_one(DetailsPane)
    rows = range(pane.size.height)
    return "\n".join(pane.render_line(y).text.rstrip() for y in rows)


@pytest.mark.parametrize("width", [1, 2, 7, 20, 38, 80, 200])
def test_no_cell_of_a_value_is_lost_or_too_many(width: int) -> None:
    rows = [
        DetailRow("title", "Workflow"),
        DetailRow("field", "name", "注文イベント" * 9),
        DetailRow("field", "failures in a row", "z" * 333),
        DetailRow("text", '    "cmd": ' + "q" * 100),
        DetailRow("alarm", "A sentence of some length, and a longerwordthanthat."),
    ]
    pieces = lay_out(rows, width)
    for piece in pieces:
        assert cell_len(piece.label + piece.text) <= max(width, 2), piece
    text = "".join(piece.text for piece in pieces)
    assert text.count("注文イベント") == 9 or width < 2
    assert text.count("z") == 333
    assert text.count("q") == 101 - 1
    assert [p.label.strip() for p in pieces if "f" in p.label][:1] or width < 9


def test_text_is_wrapped_between_words_and_below_itself() -> None:
    rows = [
        DetailRow("prose", "  three stores account for half of that"),
        DetailRow("text", '  "why": "three stores account for it"'),
        DetailRow("prose", "  see https://feeds.example.com/v2/a/b/c"),
        DetailRow("error", "Run failed: three stores account for it"),
    ]
    assert [piece.label + piece.text for piece in lay_out(rows, 24)] == [
        "  three stores account",
        "  for half of that",
        '  "why": "three stores',
        '    account for it"',
        "  see https://feeds.exam",
        "  ple.com/v2/a/b/c",
        "Run failed: three stores",
        "account for it",
    ]


def test_an_id_as_wide_as_the_pane_is_not_torn() -> None:
    run_id = "772c448d-94fe-4f71-8c5b-51efc65b05b2"
    for spare in (0, 1, 2, 9):
        pieces = lay_out([DetailRow("field", "run id", run_id)], len(run_id) + spare)
        assert pieces[-1].text == run_id, pieces


@given(
    text=st.text(st.sampled_from("ab  返\u0301é🙂"), max_size=60),
    width=st.integers(2, 12),
)
def test_wrapping_leaves_out_nothing_but_blanks(text: str, width: int) -> None:
    pieces = lay_out([DetailRow("prose", text)], width)
    joined = "".join(piece.text for piece in pieces)
    assert joined.replace(" ", "") == text.replace(" ", "")
    assert all(cell_len(piece.label + piece.text) <= width for piece in pieces)


def test_every_field_the_server_sent_stands_there() -> None:
    made = workflow("", later_field={"a": [1]}, empty="", off=False)
    found = {row.label: row.value for row in details_of(made, None)}
    assert found["later_field"] == '{"a": [1]}'
    assert (found["empty"], found["off"]) == ("–", "no")


def test_times_are_told_in_the_zone_of_the_log() -> None:
    at = "2026-03-29T00:59:59.250Z"
    made = workflow("", created_at=at, terminated_at="soon", word_at="0001-01-01")
    zone = ZoneInfo("Europe/Berlin")
    found = {row.label: row.value for row in details_of(made, None, zone=zone)}
    assert found["created"] == "2026-03-29 01:59:59 CET"
    assert (found["terminated"], found["word_at"]) == ("soon", "0001-01-01")


async def test_a_payload_of_a_megabyte_costs_what_the_window_shows() -> None:
    payload = json.dumps({f"key{n}": "v" * 60 for n in range(14_000)})
    assert len(payload) > 1_000_000
    app = Host()
    async with app.run_test(size=(60, 20)) as pilot:
        pane = app.query_one(DetailsPane)
        pane.show(workflow(payload), None)
        await until(pilot, lambda: pane.max_scroll_y > 14_000)
        await pilot.press("end")
        await until(pilot, lambda: '"key13999"' in words(app))
        begun = process_time()
        pane.show(workflow(payload, later="x"), None)
        pane.show(workflow(payload, later="y"), None)
        assert process_time() - begun < 1.0


async def test_a_hostile_payload_is_shown_harmlessly_and_whole() -> None:
    app = Host()
    async with app.run_test(size=(60, 20)) as pilot:
        pane = app.query_one(DetailsPane)
        pane.show(workflow(HOSTILE, name=HOSTILE), None)
        await pilot.pause()
        text = words(app)
        assert "[red]x[/]" in text
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\ud800]", text)
        await until(pilot, lambda: pane.max_scroll_y > 500)
        await pilot.press("end")
        await until(pilot, lambda: "yyyy" in words(app))
    assert sum(line.count("y") for line in pretty_lines(HOSTILE)) == 70_000
    deep = "[" * 100_000
    assert pretty_lines(deep) == (deep,)


async def test_details_say_why_there_is_nothing_and_what_to_do() -> None:
    with still_server() as server:
        app = desk_on(server)
        server.stop()
        async with app.run_test(size=(120, 36)) as pilot:
            await until(pilot, lambda: "r asks now" in said(app))
            assert "refused the connection" in said(app)
            assert "Nothing is selected" not in said(app)


async def test_details_are_kept_under_the_word_that_the_server_is_away() -> None:
    with still_server() as server:
        app = desk_on(server)
        async with app.run_test(size=(120, 36)) as pilot:
            await until_shown(pilot, "failures allowed")
            server.stop()
            await press(pilot, "r")
            await until(pilot, lambda: "r asks now" in said(app))
            await until_shown(pilot, "failures allowed")


async def test_the_last_runs_of_a_workflow_are_a_picture_and_a_job_is_marked() -> None:
    with still_server() as server:
        app = desk_on(server)
        async with app.run_test(size=(120, 40)) as pilot:
            await until_shown(pilot, "Last runs")
            text = await until_shown(pilot, "50 newest runs")
            assert "usual " in text
            assert "↑ this run" not in text
            await press(pilot, "enter")
            await until_shown(pilot, "2:05")
            await press(pilot, "j")
            await until_shown(pilot, "↑")
            assert "this one " in said(app)
