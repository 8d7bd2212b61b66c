"""Deep links: they wait for a server, and say meanwhile for what."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from msgspec.structs import force_setattr

from chronotui.tree.model import NodeKey
from chronotui.ui.desk.log_side import has_worker
from chronotui.ui.desk.pane_tabs import HISTORY
from chronotui.ui.desk.screen import LINK
from tests.ui.desk.scenes import desk_on, press, still_server, until, until_shown

if TYPE_CHECKING:
    from textual.pilot import Pilot

    from chronotui.demo.server import DemoServer
    from chronotui.ui.app import DeskApp

WAITS = "Opens job 17c3be when the server answers."
OUTAGES: list[tuple[int, str]] = [
    (503, "text/html"),
    (500, "text/plain"),
    (429, "text/plain"),
    (404, "text/html"),
    (404, "text/plain"),
    (401, "text/html"),
]


async def test_a_link_opens_when_a_server_that_was_away_comes() -> None:
    with still_server() as server:
        app = desk_on(server, workflow="nightly-report", job="17c3be")
        server.stop()
        async with app.run_test(size=(120, 36)) as pilot:
            text = await until_shown(pilot, WAITS)
            assert "nothing listens there" in text
            assert "OFFLINE" in text
            server.start()
            await press(pilot, "r")
            text = await until_shown(pilot, "FAILED after")
            assert WAITS not in text
            assert app.desk.log_side.pane == HISTORY


@pytest.mark.parametrize(("status", "kind"), OUTAGES)
async def test_a_link_outlasts_a_server_that_fails(status: int, kind: str) -> None:
    with still_server() as server:
        server.faults.refuse(status, kind, times=-1)
        app = desk_on(server, workflow="nightly-report", job="17c3be")
        async with app.run_test(size=(120, 36)) as pilot:
            await until_shown(pilot, WAITS)
            server.faults.relent()
            await press(pilot, "r")
            await until_shown(pilot, "FAILED after")


async def test_a_link_opens_by_itself_after_a_while() -> None:
    with still_server() as server:
        server.faults.refuse(502, "text/html", route="workflows", times=2)
        app = desk_on(server, workflow="nightly-report", job="17c3be")
        async with app.run_test(size=(120, 36)) as pilot:
            await until_shown(pilot, "FAILED after")


async def test_a_link_waits_for_the_sign_in() -> None:
    with still_server() as server:
        app = desk_on(server, workflow="nightly-report", job="17c3be")
        auth = app.plan.profile.auth
        force_setattr(auth, "password", None)
        async with app.run_test(size=(120, 36)) as pilot:
            await until_shown(pilot, "Password of")
            await press(pilot, "escape")
            await until_shown(pilot, WAITS)
            await press(pilot, "r")
            await until_shown(pilot, "Password of")
            await press(pilot, *server.password, "enter")
            await until_shown(pilot, "FAILED after")


@pytest.mark.parametrize(
    ("workflow", "job", "words"),
    [
        ("no-such", None, "No workflow has the name or an id that begins with"),
        (
            "nightly-report",
            "abcdef99",
            "No job of nightly-report has an id that begins",
        ),
        ("00000000-0000-4000-8000-000000000000", None, "The server does not have that"),
    ],
)
async def test_a_wrong_link_is_said_at_once(
    workflow: str, job: str | None, words: str
) -> None:
    with still_server() as server:
        app = desk_on(server, workflow=workflow, job=job)
        async with app.run_test(size=(120, 36)) as pilot:
            text = await until_shown(pilot, words)
            assert "when the server answers" not in text
            assert not has_worker(app.desk, LINK)


async def test_a_link_that_waits_takes_nobody_away_from_another_job() -> None:
    with still_server() as server:
        job = server.world.newest_job("nightly-report")
        server.faults.refuse(503, "text/plain", route="job", times=-1)
        app = desk_on(server, workflow="nightly-report", job=job.id)
        async with app.run_test(size=(120, 36)) as pilot:
            await until_shown(pilot, "when the server answers: The server failed (503)")
            other = await open_another(app, server, pilot)
            server.faults.relent()
            await until(pilot, lambda: not has_worker(app.desk, LINK))
            current = app.desk.log_side.current
            assert current is not None
            assert current.job.id == other


async def open_another(app: DeskApp, server: DemoServer, pilot: Pilot[int]) -> str:
    job = server.world.newest_job("nightly-report", 3)
    assert app.desk.session is not None
    catalog = app.desk.session.catalog
    await until(pilot, lambda: catalog.tree.workflows.complete)
    catalog.set_expanded(job.workflow_id, True)
    key = NodeKey.job(job.workflow_id, job.id)
    await until(pilot, lambda: catalog.tree.rows.locate(key) is not None)
    catalog.tree.select(key)
    app.desk.tree_side.tree_view.show_selected()
    await press(pilot, "enter")
    await until(pilot, lambda: app.desk.log_side.current is not None)
    return job.id


async def test_a_link_to_a_terminated_workflow_shows_those() -> None:
    with still_server() as server:
        ended = server.world.named("nightly-report")
        ended.terminated_ns = server.world.clock.now_ns()
        app = desk_on(server, workflow="nightly-report", job="17c3be")
        async with app.run_test(size=(120, 36)) as pilot:
            await until_shown(pilot, "FAILED after")
            session = app.desk.session
            assert session is not None
            tree = session.catalog.tree
            assert tree.filters.terminated
            # The end of the list may be out of sight, where nothing asks for more.
            session.catalog.want_more("")
            await until(pilot, lambda: tree.workflows.complete)
            assert ended.id in tree.workflows
            await until_shown(pilot, "terminated")
