"""Details of a run: what the list tells, what the run told alone, what is folded."""

from __future__ import annotations

import json
from datetime import UTC
from time import process_time
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace
from textual.app import App, ComposeResult

from chronotui.errors import NotFoundError
from chronotui.ui.desk.details import DetailsPane
from chronotui.ui.desk.run_details import Unfolded, run_rows
from tests.ui.desk.scripted_runs import APP, MOMENT, scripted_run

if TYPE_CHECKING:
    from chronotui.model import Job

DETAIL: dict[str, object] = {
    "status": "failed",
    "inputs": json.dumps(
        {"url": "https://x", "sys.user_id": "nightly-etl", "sys.app_id": "a"}
    ),
    "outputs": {"rows": 42, "note": "one\ntwo"},
    "total_tokens": 912,
    "elapsed_time": 4.81,
}


class Host(App[None]):
    def compose(self) -> ComposeResult:
        yield DetailsPane(runs=True, now=lambda: MOMENT)


def text_of(job: Job, unfolded: Unfolded | None = None) -> str:
    rows = run_rows(job, now=MOMENT, zone=UTC, unfolded=unfolded or Unfolded())
    return "\n".join(f"{row.label}|{row.value}" for row in rows)


def words(app: Host) -> str:
    pane = app.query_one(DetailsPane)
    return "\n".join(f"{p.label}{p.text}" for p in pane.laid_out)


def test_the_list_row_tells_the_summary_at_once() -> None:
    text = text_of(scripted_run(3, "FAILED", error="Run failed: 503"))
    assert "status|FAILED" in text
    assert "row id|row-3" in text
    assert "started by|nightly-etl (end user, service-api)" in text
    assert "from|service-api, app-run" in text
    assert "started|2026-11-29 10:09:44 UTC" in text
    assert "elapsed|4.8 s" in text
    assert "tokens|912" in text
    assert "Run failed: 503" in text
    assert "being read" in text
    assert "Inputs|" not in text


def test_a_running_run_says_nothing_of_what_is_told_at_the_end() -> None:
    text = text_of(scripted_run(2, "RUNNING"))
    assert "elapsed|2:00" in text
    assert "tokens|–" in text
    assert "may have died" in text_of(scripted_run(40, "RUNNING"))


def test_the_detail_brings_inputs_and_outputs_and_the_system_is_folded() -> None:
    job = scripted_run(3, "FAILED", detail=DETAIL)
    text = text_of(job)
    assert "url|https://x" in text
    assert "sys.*|2 fields, x shows them" in text
    assert "sys.user_id" not in text
    assert "rows|42" in text
    assert "  one|\n  two|" in text
    assert "p shows it." in text
    whole = text_of(job, Unfolded(all=True, raw=True))
    assert "sys.user_id|nightly-etl" in whole
    assert '"created_by_role": "end_user"' in whole


@pytest.mark.parametrize(
    ("outputs", "shown"),
    [
        (None, "None."),
        ({}, "Nothing: {}"),
        ("plain words", "plain words"),
        ('{"rows": 7}', "rows|7"),
        ([1, 2], "  1,|"),
        ({"ok": False, "n": 0, "gone": None}, "ok|false"),
    ],
)
def test_outputs_of_every_shape_are_shown(outputs: object, shown: str) -> None:
    detail = {**DETAIL, "outputs": outputs, "inputs": None}
    assert shown in text_of(scripted_run(1, detail=detail))


def test_inputs_that_are_no_json_are_shown_as_they_are() -> None:
    detail = {**DETAIL, "inputs": '{"url": broken'}
    assert '{"url": broken' in text_of(scripted_run(1, detail=detail))


def test_a_row_without_a_run_says_so() -> None:
    job = replace(scripted_run(1, "UNKNOWN"), run_id="", fields={"id": "row-1"})
    assert "being written, or was purged" in text_of(job)


def test_server_text_is_harmless() -> None:
    hostile = "[red]x[/] \x1b]0;title\x07 \u202e"
    detail = {**DETAIL, "inputs": json.dumps({hostile: hostile}), "error": hostile}
    job = scripted_run(1, "FAILED", error=hostile, by=hostile, detail=detail)
    text = text_of(job, Unfolded(all=True, raw=True))
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "[red]x[/]" in text


async def test_outputs_of_a_megabyte_cost_what_is_shown() -> None:
    outputs = {f"key{n}": {"v": "w" * 60} for n in range(12_000)}
    lines = {"text": "\n".join(f"line {n}" for n in range(100_000))}
    app = Host()
    async with app.run_test(size=(60, 20)) as pilot:
        pane = app.query_one(DetailsPane)
        begun = process_time()
        for number, value in enumerate((outputs, lines)):
            pane.show(APP, scripted_run(number, detail={**DETAIL, "outputs": value}))
        assert process_time() - begun < 0.5
        assert "x shows all of it" in words(app)
        pane.focus()
        await pilot.press("x")
        assert "line 99999" in words(app)
        await pilot.press("x")
        assert "line 99999" not in words(app)


async def test_what_the_run_told_stays_while_its_row_is_listed_anew() -> None:
    app = Host()
    async with app.run_test(size=(60, 40)) as pilot:
        pane = app.query_one(DetailsPane)
        pane.show(APP, scripted_run(3, "FAILED"))
        assert "being read" in words(app)
        pane.update_job(scripted_run(9, detail=DETAIL))  # another one
        assert "being read" in words(app)
        pane.update_job(scripted_run(3, "FAILED", detail=DETAIL))
        assert "https://x" in words(app)
        pane.show(APP, scripted_run(3, "FAILED"))
        assert "https://x" in words(app)
        pane.focus()
        await pilot.press("p")
        assert '"workflow_run": {' in words(app)
        pane.show(APP, scripted_run(4))
        assert '"workflow_run": {' not in words(app)
        pane.show_unread(scripted_run(4), NotFoundError("The run is gone."))
        assert "could not be read. The run is gone." in words(app)
        pane.show(APP, None)
        assert "dify 1.14.2" in words(app)
