from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from textual.app import App
from textual.events import MouseScrollDown

from chronotui.errors import UnreachableError
from chronotui.model import Job, JobStatus, Trigger, Workflow, WorkflowKind
from chronotui.tree.listing import ListPosition
from chronotui.tree.model import NodeKey, TreeModel, TreeNodeKind
from chronotui.ui import row_window
from chronotui.ui.tree import JobTree

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.message import Message
    from textual.pilot import Pilot

NOW = datetime(2026, 3, 3, 12, 0, tzinfo=UTC)


def job(owner: str, number: int, status: str = "COMPLETED", **fields: object) -> Job:
    known = {
        "id": f"{number:08x}-0000-{owner}",
        "workflow_id": owner,
        "status": JobStatus(status),
        "trigger": Trigger.AUTOMATIC,
        "started_at": NOW - timedelta(seconds=130),
        "completed_at": NOW if JobStatus(status).is_terminal else None,
    } | fields
    return Job(**known)  # type: ignore[arg-type]


def workflow(number: int, name: str = "") -> Workflow:
    named = name or f"flow-{number}"
    return Workflow(f"w{number}", named, WorkflowKind.CONTAINER, interval_minutes=60)


def loaded(workflows: int = 3, jobs: int = 4, *, more: bool = False) -> TreeModel:
    model = TreeModel()
    listed = [workflow(n) for n in range(workflows)]
    model.workflows.extend(model.put_workflows(listed), None)
    for branch in list(model.branches()):
        owner = branch.workflow.id
        page = [job(owner, n) for n in range(jobs, 0, -1)]
        branch.listing.extend(
            branch.put(page), ListPosition(cursor="on") if more else None
        )
    model.touch()
    return model


class Host(App[None]):
    """A tree alone; folding is done as the desk does it, all messages are kept."""

    def __init__(self, model: TreeModel) -> None:
        super().__init__()
        self.model = model
        self.now = NOW
        self.said: list[Message] = []
        self.found: list[bool] = []

    def compose(self) -> ComposeResult:
        yield JobTree(self.model, now=lambda: self.now, focus_filters=self.found.append)

    @property
    def view(self) -> JobTree:
        return self.query_one(JobTree)

    def of(self, kind: type[Message]) -> list[Message]:
        return [message for message in self.said if isinstance(message, kind)]

    def on_job_tree_expansion_wanted(self, event: JobTree.ExpansionWanted) -> None:
        self.model.set_expanded(event.workflow_id, event.expanded)
        self.view.sync()

    def on_job_tree_job_opened(self, event: JobTree.JobOpened) -> None:
        self.said.append(event)

    def on_job_tree_highlighted(self, event: JobTree.Highlighted) -> None:
        self.said.append(event)

    def on_job_tree_more_wanted(self, event: JobTree.MoreWanted) -> None:
        self.said.append(event)

    def on_job_tree_refresh_wanted(self, event: JobTree.RefreshWanted) -> None:
        self.said.append(event)


def screen_rows(app: App[None]) -> list[str]:
    strips = app.screen._compositor.render_strips()
    return ["".join(segment.text for segment in strip).rstrip() for strip in strips]


async def press(pilot: Pilot[None], keys: str) -> None:
    await pilot.press(*keys.split())
    await pilot.pause()


def expand_all(model: TreeModel) -> None:
    for branch in list(model.branches()):
        model.set_expanded(branch.workflow.id, True)


async def test_the_tree_draws_workflows_and_unfolded_jobs() -> None:
    app = Host(loaded(2, 2))
    async with app.run_test(size=(40, 8)) as pilot:
        await press(pilot, "enter")
        assert screen_rows(app)[0] == "▾ flow-0                   every 60 min"
        assert screen_rows(app)[1] == "   ✓ 00000002 a 0 s ago       2:10"
        assert screen_rows(app)[3] == "▸ flow-1                   every 60 min"


@pytest.mark.parametrize(
    ("keys", "row"),
    [
        ("j", 1),
        ("down down k", 1),
        ("G", 14),
        ("end g", 0),
        ("G home", 0),
        ("pagedown", 9),
        ("space space", 14),
        ("space b", 0),
        ("ctrl+d", 4),
        ("ctrl+d ctrl+u", 0),
        ("ctrl+f ctrl+b j", 1),
        ("k", 0),
    ],
)
async def test_keys_move_the_selection(keys: str, row: int) -> None:
    model = loaded(3, 4)
    expand_all(model)
    app = Host(model)
    async with app.run_test(size=(40, 10)) as pilot:
        await press(pilot, keys)
        assert model.selected_row == row
        top = app.view.scroll_offset.y
        assert top <= row < top + 10
        said = app.of(JobTree.Highlighted)
        assert isinstance(said[-1], JobTree.Highlighted)
        assert said[-1].node == model.selected


async def test_each_move_is_told_once_with_what_is_loaded() -> None:
    model = loaded(1, 2)
    expand_all(model)
    app = Host(model)
    async with app.run_test(size=(40, 10)) as pilot:
        await press(pilot, "j j j j")
        said = app.of(JobTree.Highlighted)
        jobs = [m.job for m in said if isinstance(m, JobTree.Highlighted)]
        assert jobs == [None, job("w0", 2), job("w0", 1)]


async def test_a_job_is_opened_by_enter_and_by_l() -> None:
    model = loaded(1, 2)
    expand_all(model)
    app = Host(model)
    async with app.run_test(size=(40, 10)) as pilot:
        await press(pilot, "j enter j l")
        opened = app.of(JobTree.JobOpened)
        assert [m.job for m in opened if isinstance(m, JobTree.JobOpened)] == [
            job("w0", 2),
            job("w0", 1),
        ]


async def test_a_workflow_is_folded_and_unfolded_as_in_any_tree() -> None:
    model = loaded(2, 2)
    app = Host(model)
    async with app.run_test(size=(40, 10)) as pilot:
        for key, rows in (("enter", 4), ("o", 2), ("l", 4), ("l", 2), ("right", 4)):
            await press(pilot, key)
            assert len(model.rows) == rows
        await press(pilot, "right")
        assert model.selected == NodeKey.job("w0", job("w0", 2).id)
        await press(pilot, "j h")
        assert model.selected == NodeKey.workflow("w0")
        await press(pilot, "left")
        assert len(model.rows) == 2
        await press(pilot, "enter j o")
        assert model.selected == NodeKey.workflow("w0")
        assert len(model.rows) == 2


async def test_the_mouse_selects_folds_opens_and_scrolls() -> None:
    model = loaded(3, 4)
    app = Host(model)
    async with app.run_test(size=(40, 6)) as pilot:
        await pilot.click(JobTree, offset=(10, 1))
        assert model.selected == NodeKey.workflow("w1")
        assert len(model.rows) == 3
        await pilot.click(JobTree, offset=(0, 1))
        await pilot.pause()
        assert len(model.rows) == 7
        await pilot.click(JobTree, offset=(10, 2), times=2)
        await pilot.pause()
        assert len(app.of(JobTree.JobOpened)) == 1
        selected = model.selected
        await pilot._post_mouse_events([MouseScrollDown], JobTree)
        assert model.selected == selected
        assert app.view.scroll_offset.y == 1


async def test_a_lists_end_above_the_selected_row_asks_for_nothing() -> None:
    model = loaded(2, 12, more=True)
    first, second = [branch.workflow.id for branch in model.branches()]
    model.set_expanded(first, True)
    model.select(NodeKey.workflow(second))
    app = Host(model)
    async with app.run_test(size=(40, 10)) as pilot:
        app.view.show_selected()
        await pilot.pause()
        assert "more" in "".join(screen_rows(app))
        assert not app.of(JobTree.MoreWanted)
        await press(pilot, "k")
        assert app.of(JobTree.MoreWanted)


async def test_the_rows_above_a_lists_end_stay_when_it_moves_on() -> None:
    model = loaded(1, 12, more=True)
    expand_all(model)
    app = Host(model)
    async with app.run_test(size=(40, 10)) as pilot:
        await press(pilot, "G")
        seen = [row[:30] for row in screen_rows(app)]
        (branch,) = model.branches()
        owner = branch.workflow.id
        page = [job(owner, n) for n in range(-1, -11, -1)]
        branch.listing.extend(branch.put(page), ListPosition(cursor="further"))
        model.touch()
        app.view.sync()
        await pilot.pause()
        assert [row[:30] for row in screen_rows(app)][:-1] == seen[:-1]


async def test_a_lists_end_asks_for_more_when_it_is_seen_and_not_before() -> None:
    model = loaded(1, 30, more=True)
    expand_all(model)
    app = Host(model)
    async with app.run_test(size=(40, 10)) as pilot:
        await press(pilot, "j j")
        assert not app.of(JobTree.MoreWanted)
        await press(pilot, "G")
        wanted = app.of(JobTree.MoreWanted)
        assert wanted
        assert isinstance(wanted[0], JobTree.MoreWanted)
        assert wanted[0].workflow_id == "w0"


async def test_jobs_arriving_above_do_not_move_what_is_read() -> None:
    model = loaded(2, 30)
    expand_all(model)
    app = Host(model)
    async with app.run_test(size=(40, 10)) as pilot:
        await press(pilot, "pagedown pagedown k k")
        before = [row[:37].rstrip() for row in screen_rows(app)]
        branch = model.branch("w0")
        assert branch is not None
        newest = [job("w0", n) for n in (33, 32, 31, 30)]
        assert branch.listing.refresh(branch.put(newest), ListPosition(cursor="x"))
        model.touch()
        app.view.sync()
        await pilot.pause()
        assert [row[:37].rstrip() for row in screen_rows(app)] == before


async def test_at_the_top_new_jobs_appear_and_the_selection_stays() -> None:
    model = loaded(2, 30)
    expand_all(model)
    app = Host(model)
    async with app.run_test(size=(40, 10)) as pilot:
        await press(pilot, "j j")
        selected = model.selected
        branch = model.branch("w0")
        assert branch is not None
        assert branch.listing.refresh(
            branch.put([job("w0", 31), job("w0", 30)]), ListPosition()
        )
        model.touch()
        app.view.sync()
        await pilot.pause()
        assert "0000001f" in screen_rows(app)[1]
        assert model.selected == selected
        assert app.view.scroll_offset.y == 0


async def test_a_running_job_ticks_only_while_it_is_seen(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(row_window, "TICK_SECONDS", 0.01)
    model = loaded(1, 30)
    branch = model.branch("w0")
    assert branch is not None
    started = NOW - timedelta(seconds=764)
    branch.update(job("w0", 30, "RUNNING", started_at=started))
    expand_all(model)
    app = Host(model)
    async with app.run_test(size=(46, 10)) as pilot:
        assert "12:44" in screen_rows(app)[1]
        app.now = NOW + timedelta(seconds=1)
        while "12:45" not in screen_rows(app)[1]:
            await pilot.pause(0.01)
        assert app.view.is_ticking
        await press(pilot, "G")
        assert not app.view.is_ticking
        await press(pilot, "g")
        assert app.view.is_ticking
        branch.update(job("w0", 30, "COMPLETED"))
        model.touch()
        app.view.sync()
        assert not app.view.is_ticking


async def test_a_problem_is_read_whole_and_enter_tries_again() -> None:
    model = loaded(1, 0)
    expand_all(model)
    branch = model.branch("w0")
    assert branch is not None
    sentence = "The server cannot be reached: connection refused."
    branch.listing.fail(UnreachableError(sentence, next_step="Press r."))
    model.touch()
    app = Host(model)
    async with app.run_test(size=(30, 10)) as pilot:
        shown = " ".join(" ".join(screen_rows(app)[1:5]).split())
        assert shown == f"✗ {sentence} Press r."
        await press(pilot, "j enter")
        assert len(app.of(JobTree.RefreshWanted)) == 1
        told = app.of(JobTree.Highlighted)[-1]
        assert isinstance(told, JobTree.Highlighted)
        assert told.sentence == f"{sentence} Press r."


async def test_refresh_and_filters_are_asked_for() -> None:
    app = Host(loaded())
    async with app.run_test(size=(40, 10)) as pilot:
        await press(pilot, "r f5 f slash")
        assert len(app.of(JobTree.RefreshWanted)) == 2
        assert app.found == [False, True]


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (24, 2), (60, 20), (500, 200)])
async def test_any_size_of_window_is_drawn(size: tuple[int, int]) -> None:
    model = loaded(3, 40, more=True)
    expand_all(model)
    app = Host(model)
    async with app.run_test(size=size) as pilot:
        await press(pilot, "G k g j")
        assert all(len(row) <= size[0] for row in screen_rows(app))


async def test_resizing_keeps_the_selection_in_view() -> None:
    model = loaded(3, 40)
    expand_all(model)
    app = Host(model)
    async with app.run_test(size=(40, 30)) as pilot:
        await press(pilot, "pagedown pagedown")
        selected = model.selected
        await pilot.resize_terminal(24, 6)
        await pilot.pause()
        top, row = app.view.scroll_offset.y, model.selected_row
        assert model.selected == selected
        assert top <= row < top + 6


async def test_hostile_words_reach_the_screen_harmless() -> None:
    hostile = "\x1b]0;owned\x07\x1b[2J[red]x[/foo]\u202e"
    model = TreeModel()
    model.workflows.extend(model.put_workflows([workflow(0, hostile)]), None)
    branch = model.branch("w0")
    assert branch is not None
    branch.update(job("w0", 1, hostile, id=hostile * 3))
    branch.listing.extend(branch.put(list(branch.jobs)), None)
    branch.listing.fail(UnreachableError(hostile))
    expand_all(model)
    app = Host(model)
    async with app.run_test(size=(50, 12)) as pilot:
        await press(pilot, "j j")
        assert all(row.isprintable() for row in screen_rows(app))
        assert "[/foo]" in screen_rows(app)[0]


async def test_another_tree_takes_the_place_of_the_first() -> None:
    app = Host(loaded(1, 40))
    expand_all(app.model)
    async with app.run_test(size=(40, 10)) as pilot:
        await press(pilot, "G")
        app.view.show(loaded(2, 0))
        await pilot.pause()
        assert screen_rows(app)[0].startswith("▸ flow-0")
        assert app.view.model.rows.key(0).kind is TreeNodeKind.WORKFLOW
