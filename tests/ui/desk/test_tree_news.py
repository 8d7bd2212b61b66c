"""What an opened log learns of its job stands in the tree at once."""

from __future__ import annotations

from chronotui.demo.faults import Failure
from chronotui.engine.timing import WatchTiming
from chronotui.tree.model import NodeKey
from tests.ui.desk.scenes import (
    desk,
    desk_on,
    history,
    press,
    shown,
    still_server,
    until,
    until_shown,
)


def row_of(screen: str, words: str) -> str:
    return next((line for line in screen.splitlines() if words in line), "")


async def test_a_job_that_ended_is_shown_so_before_its_list_is_read_again() -> None:
    with still_server() as server:
        job = server.world.add_job()
        app = desk_on(server, workflow=job.workflow_id, job=job.id)
        async with app.run_test(size=(120, 36)) as pilot:
            await until(pilot, lambda: app.desk.log_side.current is not None)
            tree = app.desk.tree_side.tree_view.model
            key = NodeKey.job(job.workflow_id, job.id)
            await until_shown(pilot, "● " + job.id[:6])
            server.faults.fail_with = (Failure.PLAIN_500,)
            server.faults.fail_on = frozenset({"jobs"})
            server.faults.fail_rate = 1.0
            job.end("FAILED")
            await until_shown(pilot, "✗ " + job.id[:6])
            listed = tree.job(key)
            assert listed is not None
            assert listed.status.is_terminal


async def test_a_workflow_without_retention_is_marked_once_it_was_told() -> None:
    with still_server() as server:
        vault = server.world.named("vault-rotate")
        # Where the job was answered for first, its refusal has to last to be believed.
        timing = WatchTiming(refusal_lasts=0.2, retry_first=0.05, retry_cap=0.1)
        app = desk_on(server, timing=timing)
        async with app.run_test(size=(120, 36)) as pilot:
            await until_shown(pilot, "vault-rotate")
            assert "no logs" not in row_of(shown(pilot), "vault-rotate")
            tree = desk(pilot).desk.tree_side.tree_view
            tree.model.select(NodeKey.workflow(vault.id))
            tree.sync()
            await press(pilot, "enter")
            await until(pilot, lambda: tree.model.rows.is_open(vault.id))
            await until_shown(pilot, "✓")
            await press(pilot, "j", "enter")
            await until_shown(pilot, "retention is off")
            await until(
                pilot, lambda: "no logs" in row_of(shown(pilot), "▾ vault-rotate")
            )


async def test_an_id_is_as_short_everywhere_as_in_the_tree() -> None:
    with still_server() as server:
        app = desk_on(server)
        async with app.run_test(size=(120, 36)) as pilot:
            await history(pilot)
            opened = app.desk.log_side.current
            assert opened is not None
            job = opened.opened.log.state.job
            short = app.desk.tree_side.tree_view.model.short_id(job)
            assert len(short) == 6
            await until_shown(pilot, f"▸ {short}  FAILED")
            await press(pilot, "s")
            await until_shown(pilot, f"Save log of {short} ")
