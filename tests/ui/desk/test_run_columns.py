"""Columns and orders of the list of runs."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from chronotui.model import Job, JobStatus, Trigger
from chronotui.ui.desk.run_columns import (
    COLUMNS,
    SIGN_CELLS,
    RunCell,
    RunOrder,
    RunSort,
    columns_for,
    row_texts,
)
from chronotui.ui.desk.run_details import RunSummary
from tests.ui.desk.scripted_runs import MOMENT, put_on_top, scripted_run, tree_of

if TYPE_CHECKING:
    import pytest

    from chronotui.tree.model import TreeModel


def order_of(tree: TreeModel, sort: RunSort) -> RunOrder:
    branch = tree.branch("app")
    assert branch is not None
    order = RunOrder()
    order.choose(sort)
    order.update(branch.listing, branch.jobs, MOMENT)
    return order


@given(
    width=st.integers(20, 200),
    id_length=st.integers(6, 36),
    sort=st.sampled_from(["", *COLUMNS]),
)
def test_columns_fit_every_width_and_the_sorted_one_is_there(
    width: int, id_length: int, sort: str
) -> None:
    cells = columns_for(width, id_length, sort)
    assert SIGN_CELLS + sum(cells.values()) + len(cells) - 1 <= width
    if width >= 60:
        assert {"started", "elapsed"} <= cells.keys()
        assert not sort or sort in cells


def test_more_columns_stand_on_wider_terminals() -> None:
    narrow, usual, wide = (columns_for(width, 7, "") for width in (60, 80, 120))
    assert set(narrow) < set(usual) < set(wide)
    assert list(wide) == list(COLUMNS)
    assert "status" in usual


@given(
    runs=st.lists(
        st.tuples(
            st.sampled_from(["COMPLETED", "FAILED", "RUNNING", "UNKNOWN", "odd"]),
            st.floats(0.1, 1000),
            st.integers(0, 9999),
        ),
        max_size=12,
    ),
    column=st.sampled_from(list(COLUMNS)),
    down=st.booleans(),
)
def test_each_order_has_each_run_once_and_the_unknown_last(
    runs: list[tuple[str, float, int]], column: str, down: bool
) -> None:
    tree = tree_of(
        *(
            scripted_run(n, status, elapsed=elapsed, tokens=tokens)
            for n, (status, elapsed, tokens) in enumerate(runs)
        )
    )
    order = order_of(tree, RunSort(column, down))
    assert sorted(order.ids) == sorted(f"row-{n}" for n in range(len(runs)))
    assert [order.place(row) for row in order.ids] == list(range(len(runs)))
    branch = tree.branch("app")
    assert branch is not None
    keys = [
        COLUMNS[column].key(RunCell(RunSummary.of(branch.jobs[row]), "", MOMENT, None))
        for row in order.ids
    ]
    told = [key for key in keys if key is not None]
    assert keys[: len(told)] == told
    assert told == sorted(told, reverse=down)


def test_equal_runs_stay_in_the_server_s_order() -> None:
    tree = tree_of(*(scripted_run(n, tokens=5) for n in range(6)))
    for down in (False, True):
        order = order_of(tree, RunSort("tokens", down))
        assert list(order.ids) == [f"row-{n}" for n in range(6)]


def test_only_what_changed_is_looked_at_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    runs = [scripted_run(n, elapsed=float(n)) for n in range(1, 200)]
    tree = tree_of(*runs)
    order = order_of(tree, RunSort("elapsed", True))
    looked: list[str] = []
    key = COLUMNS["elapsed"].key

    def counted(cell: RunCell) -> float | str | None:
        looked.append(cell.run.job.id)
        return key(cell)

    monkeypatch.setitem(COLUMNS, "elapsed", COLUMNS["elapsed"]._replace(key=counted))
    put_on_top(tree, scripted_run(0, elapsed=500.0))
    branch = tree.branch("app")
    assert branch is not None
    order.update(branch.listing, branch.jobs, MOMENT)
    assert looked == ["row-0"]
    assert order.ids[0] == "row-0"


def test_the_next_column_is_one_that_is_shown_and_the_last_leads_to_none() -> None:
    shown = ["started", "elapsed", "error"]
    sort = RunSort()
    names = []
    for _ in range(4):
        sort = sort.beside(1, shown)
        names.append(sort.column)
    assert names == ["started", "elapsed", "error", ""]
    assert RunSort().beside(-1, shown).column == "error"
    assert RunSort.by("elapsed").down
    assert not RunSort.by("error").down
    assert RunSort.by("error").turned().down
    assert RunSort().turned() == RunSort()


def test_the_order_is_said_with_how_much_is_loaded() -> None:
    sort = RunSort.by("elapsed")
    words = sort.words(340, 1234, complete=False)
    assert words == "sorted by elapsed, greatest first, 340 of 1,234 loaded"
    assert sort.words(340, None, complete=False).endswith("there are more")
    assert sort.words(340, 340, complete=True).endswith("all 340")
    assert RunSort().words(1, 2, complete=False) == ""


def test_a_run_of_which_little_is_known_has_a_row() -> None:
    bare = Job("row", "app", JobStatus.UNKNOWN, Trigger(""), error="a\x1b[31mb\nc")
    texts = row_texts(
        RunCell(RunSummary.of(bare), "row", MOMENT, UTC), columns_for(200, 6, "")
    )
    assert texts[0] == "–"
    assert not any("\x1b" in text or "\n" in text for text in texts)
    assert all(cell_len(text) < 40 for text in texts)
