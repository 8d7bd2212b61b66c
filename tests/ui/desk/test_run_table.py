"""The table of runs: moving, sorting, growing, and what it costs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import on
from textual.app import App, ComposeResult

from chronotui.ui.desk import run_table
from chronotui.ui.desk.run_columns import RunSort, row_texts
from chronotui.ui.desk.run_table import RunRows, RunTable
from chronotui.ui.tree import JobTree
from tests.ui.conftest import until
from tests.ui.desk.scripted_runs import MOMENT, put_on_top, scripted_run, tree_of

if TYPE_CHECKING:
    import pytest

    from chronotui.model import Job
    from chronotui.tree.model import TreeModel


class Host(App[None]):
    def __init__(self, tree: TreeModel) -> None:
        super().__init__()
        self.model = tree
        self.told: list[str] = []

    def compose(self) -> ComposeResult:
        yield RunTable(now=lambda: MOMENT)

    def on_mount(self) -> None:
        self.rows.attach(self.model)
        self.rows.focus()

    @property
    def rows(self) -> RunRows:
        return self.query_one(RunRows)

    @on(RunRows.Highlighted)
    def _highlighted(self, message: RunRows.Highlighted) -> None:
        self.told.append(message.job.id)

    @on(JobTree.JobOpened)
    def _opened(self, message: JobTree.JobOpened) -> None:
        self.told.append(f"open {message.job.id}")

    @on(RunRows.MoreWanted)
    def _more(self, message: RunRows.MoreWanted) -> None:
        self.told.append(f"more of {message.app_id}")

    def lines(self) -> list[str]:
        strips = self.screen._compositor.render_strips()
        return ["".join(s.text for s in strip).rstrip() for strip in strips]

    @property
    def selected(self) -> str:
        job = self.rows.selected
        return "" if job is None else job.id


def runs(count: int, first: int = 0) -> list[Job]:
    return [scripted_run(n, elapsed=float(n % 97)) for n in range(first, first + count)]


async def test_keys_move_and_enter_opens() -> None:
    app = Host(tree_of(*runs(50)))
    async with app.run_test(size=(80, 20)) as pilot:
        await pilot.press("j", "j", "k", "enter")
        assert app.told == ["row-1", "row-2", "row-1", "open row-1"]
        await pilot.press("G")
        assert app.selected == "row-49"
        assert "row" not in app.lines()[-1]
        await pilot.press("g", "space")
        assert app.selected == f"row-{app.rows.page_rows - 1}"


async def test_headings_sort_and_say_over_how_many() -> None:
    app = Host(tree_of(*runs(30), more=True))
    async with app.run_test(size=(80, 20)) as pilot:
        await pilot.press("j")
        lines = app.lines()
        assert "started" in lines[0]
        assert "sorted by" not in lines[-1]
        column = lines[0].index("elapsed")
        await pilot.click(RunTable, offset=(column + 2, 0))
        lines = app.lines()
        assert "elapsed↓" in lines[0]
        assert "sorted by elapsed, greatest first, 30 loaded" in lines[-1]
        assert app.selected == "row-1"
        await pilot.press("g")
        assert app.selected == "row-29"
        await pilot.press("o")
        assert "elapsed↑" in app.lines()[0]
        assert app.selected == "row-29"
        await pilot.press("greater_than_sign", "less_than_sign", "less_than_sign")
        assert app.rows.order.sort.column == "status"
        for _ in range(2):
            await pilot.press("less_than_sign")
        assert app.rows.order.sort == RunSort()
        assert "sorted by" not in app.lines()[-1]


async def test_newer_runs_move_neither_the_selection_nor_its_place() -> None:
    tree = tree_of(*runs(100, first=10))
    app = Host(tree)
    async with app.run_test(size=(80, 20)) as pilot:
        await pilot.press("G", *"kkk")
        before, place = app.selected, app.rows._row - app.rows.first_row
        for sort in (RunSort(), RunSort.by("elapsed"), RunSort.by("run")):
            app.rows.sort(sort)
            place = app.rows._row - app.rows.first_row
            row = app.rows._row
            put_on_top(tree, *runs(3, first=7 if not sort.column else 4))
            app.rows.sync()
            await pilot.pause()
            assert app.selected == before
            assert app.rows._row - app.rows.first_row == place or app.rows._row == row


async def test_more_is_asked_at_the_end_and_sorted_only_by_who_goes_there() -> None:
    tree = tree_of(*runs(60), more=True)
    app = Host(tree)
    async with app.run_test(size=(80, 20)) as pilot:
        assert "more of app" not in app.told
        await pilot.press("G")
        assert set(app.told) == {"row-59", "more of app"}
        assert "more" in app.lines()[-1]
        app.rows.sort(RunSort.by("elapsed"))
        await pilot.press("g")
        app.told.clear()
        app.rows.sync()
        await pilot.pause()
        assert app.told == []
        await pilot.press("G")
        assert "more of app" in app.told


async def test_a_choice_made_elsewhere_is_followed_silently() -> None:
    app = Host(tree_of(*runs(60)))
    async with app.run_test(size=(80, 20)) as pilot:
        app.rows.select(scripted_run(40))
        await pilot.pause()
        assert app.selected == "row-40"
        assert app.told == []
        assert any("000028" in line for line in app.lines())


async def test_hostile_words_and_every_state_are_drawn_harmlessly() -> None:
    states = ("RUNNING", "PAUSED", "COMPLETED", "PARTIAL-SUCCEEDED", "FAILED")
    hostile = "[red]x[/]\x1b]0;t\x07\u202e 注文"
    app = Host(
        tree_of(
            *(
                scripted_run(n, state, by=hostile, error=hostile)
                for n, state in enumerate((*states, "CANCELED", "UNKNOWN", "brand-new"))
            )
        )
    )
    for width in (60, 80, 120):
        async with app.run_test(size=(width, 20)):
            text = "\n".join(app.lines())
            assert "\x1b" not in text
            assert "\u202e" not in text
            for sign in "●⏸✓◐✗■?":
                assert sign in text
            app = Host(app.model)


async def test_cost_follows_the_window(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[int] = []

    def counted(*args: object) -> list[str]:
        drawn.append(1)
        return row_texts(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(run_table, "row_texts", counted)
    app = Host(tree_of(*runs(10_000)))
    async with app.run_test(size=(80, 20)) as pilot:
        app.rows.sort(RunSort.by("elapsed"))
        await pilot.pause()  # the line that says so takes a row
        sorts: list[int] = []
        monkeypatch.setattr(app.rows.order, "update", lambda *_: sorts.append(1))
        for key in ("j", "G", "g", "space"):
            drawn.clear()
            await pilot.press(key)
            assert len(drawn) < 6 * app.rows.page_rows
        assert not sorts


async def test_a_table_that_nobody_sees_waits() -> None:
    tree = tree_of(*runs(5))
    app = Host(tree)
    async with app.run_test(size=(80, 20)) as pilot:
        table = app.query_one(RunTable)
        table.display = False
        put_on_top(tree, scripted_run(90))
        app.rows.sync()
        await until(pilot, lambda: len(app.lines()[0]) == 0)
        table.display = True
        await until(pilot, lambda: "00005a" in app.lines()[1])
