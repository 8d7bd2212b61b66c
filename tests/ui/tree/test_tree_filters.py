from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from textual.app import App
from textual.widgets import Input, OptionList

from chronotui.model import JobStatus, Trigger
from chronotui.tree.filters import TreeFilters
from chronotui.ui import tree_filters as bar_module
from chronotui.ui.tree_filters import FilterBar

if TYPE_CHECKING:
    from textual.app import ComposeResult

FAILED = TreeFilters(status=JobStatus.FAILED)


class Host(App[None]):
    """The filters alone; what they say is kept."""

    AUTO_FOCUS = None

    def __init__(self) -> None:
        super().__init__()
        self.filters: list[TreeFilters] = []
        self.left = 0

    def compose(self) -> ComposeResult:
        yield FilterBar(leave=self.leave)

    @property
    def bar(self) -> FilterBar:
        return self.query_one(FilterBar)

    def on_filter_bar_filters_changed(self, event: FilterBar.FiltersChanged) -> None:
        self.filters.append(event.filters)

    def leave(self) -> None:
        self.left += 1


def line(app: App[None]) -> str:
    strips = app.screen._compositor.render_strips()
    return "".join(segment.text for segment in strips[0]).rstrip()


@pytest.mark.parametrize(
    ("width", "idle", "busy"),
    [
        (
            60,
            "status: any ▾ trigger: any ▾ / filter         [ ] terminated",
            "status: FAILED ▾ trigger: manual ▾ / x        [ ] terminated",
        ),
        (
            47,
            "status: any ▾ trigger: any ▾ / filter",
            "status: FAILED ▾ trigger: manual ▾ / x",
        ),
        (30, "status ▾ trigger ▾ / filter", "FAILED ▾ manual ▾ / x"),
        (24, "status ▾ trigger ▾ / fil", "FAILED ▾ manual ▾ / x"),
    ],
)
async def test_one_line_says_what_is_filtered(width: int, idle: str, busy: str) -> None:
    app = Host()
    async with app.run_test(size=(width, 4)) as pilot:
        await pilot.pause()
        assert line(app) == idle
        app.bar.show(TreeFilters(JobStatus.FAILED, Trigger.MANUAL, "x"))
        await pilot.pause()
        assert line(app) == busy
        assert not app.filters


async def test_terminated_ones_are_said_when_they_are_shown() -> None:
    app = Host()
    async with app.run_test(size=(60, 4)) as pilot:
        app.bar.focus_filters()
        await pilot.press("full_stop")
        await pilot.pause()
        assert line(app).endswith("[x] terminated")
        assert app.filters == [TreeFilters(terminated=True)]
        await pilot.click("#filter-terminated")
        await pilot.pause()
        assert line(app).endswith("[ ] terminated")
        assert app.filters[-1] == TreeFilters()
        for width, switch in ((40, "[x] term"), (24, "†")):
            await pilot.resize_terminal(width, 4)
            app.bar.show(TreeFilters(terminated=True))
            await pilot.pause()
            assert line(app).endswith(switch)


async def test_keys_cycle_through_the_values() -> None:
    app = Host()
    async with app.run_test(size=(60, 4)) as pilot:
        app.bar.focus_filters()
        await pilot.press("space", "right", "l", "left")
        statuses = [str(filters.status) for filters in app.filters]
        assert statuses == ["PENDING", "QUEUED", "RUNNING", "QUEUED"]
        await pilot.press("h", "h", "h")
        assert app.filters[-1].status == JobStatus.CANCELED
        await pilot.press("tab", "space")
        assert app.filters[-1].trigger == Trigger.AUTOMATIC


async def test_a_menu_offers_all_values() -> None:
    app = Host()
    async with app.run_test(size=(60, 14)) as pilot:
        app.bar.focus_filters()
        await pilot.press("enter")
        await pilot.pause()
        listed = app.screen.query_one(OptionList)
        words = [str(option.prompt) for option in listed.options]
        assert words == ["any status", *JobStatus.KNOWN]
        await pilot.press("j", "j", "k", "down", "enter")
        assert app.filters == [TreeFilters(status=JobStatus.QUEUED)]
        await pilot.press("enter", "escape")
        await pilot.press("enter", "j", "space")
        assert app.filters[-1].status == JobStatus.RUNNING
        assert len(app.filters) == 2


async def test_the_mouse_opens_the_menu_and_chooses() -> None:
    app = Host()
    async with app.run_test(size=(60, 14)) as pilot:
        await pilot.click("#filter-trigger")
        await pilot.pause()
        await pilot.click(OptionList, offset=(2, 2))
        await pilot.pause()
        assert app.filters == [TreeFilters(trigger=Trigger.MANUAL)]
        await pilot.click("#filter-trigger")
        await pilot.pause()
        await pilot.click(offset=(50, 12))
        await pilot.pause()
        assert not app.screen.query(OptionList)
        assert len(app.filters) == 1


async def test_text_filters_when_the_typing_pauses(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bar_module, "TYPING_SECONDS", 0.02)
    app = Host()
    async with app.run_test(size=(60, 4)) as pilot:
        app.bar.focus_filters(text=True)
        await pilot.press("r", "e", "0", "full_stop", "slash")
        while not app.filters or app.filters[-1].text != "re0./":
            await pilot.pause(0.01)


async def test_the_text_is_an_input_from_the_first_need_on() -> None:
    app = Host()
    async with app.run_test(size=(60, 4)) as pilot:
        app.bar.show(TreeFilters(text="ab"))
        await pilot.pause()
        assert not app.bar.query(Input)
        before = line(app)
        await pilot.click("#filter-words")
        await pilot.press("end", "c", "enter")
        await pilot.pause()
        assert app.filters == [TreeFilters(text="abc")]
        assert line(app) == before.replace("/ ab ", "/ abc")


async def test_enter_filters_at_once_and_goes_to_the_tree() -> None:
    app = Host()
    async with app.run_test(size=(60, 4)) as pilot:
        app.bar.focus_filters(text=True)
        await pilot.press("x", "enter")
        await pilot.pause()
        assert app.filters == [TreeFilters(text="x")]
        assert app.left == 1
        await pilot.press("y", "escape")
        await pilot.pause()
        assert app.filters[-1] == TreeFilters(text="xy")
        assert app.left == 2
        await pilot.press("down")
        await pilot.pause()
        assert app.left == 3


async def test_zero_clears_all_but_the_terminated() -> None:
    app = Host()
    async with app.run_test(size=(60, 4)) as pilot:
        app.bar.show(TreeFilters(JobStatus.FAILED, Trigger.MANUAL, "x", True))
        app.bar.focus_filters()
        await pilot.press("0")
        await pilot.pause()
        assert app.filters == [TreeFilters(terminated=True)]
        assert app.bar.query_one(Input).value == ""


async def test_a_state_this_build_does_not_know_can_be_filtered_by() -> None:
    app = Host()
    async with app.run_test(size=(60, 4)) as pilot:
        app.bar.show(TreeFilters(status=JobStatus("PAUSED[/]\x1b")))
        await pilot.pause()
        assert line(app).startswith("status: PAUSED[/]␛ ▾")
