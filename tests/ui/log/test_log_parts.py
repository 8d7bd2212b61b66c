"""What the log view is composed of, each part alone, without an app."""

from __future__ import annotations

from chronotui.log.store import LogStore
from chronotui.model import STDERR, STDOUT
from chronotui.storage.settings import TIMESTAMPS
from chronotui.times import Timestamps
from chronotui.ui.log.find import LineGoal, LogFinder, Outcome
from chronotui.ui.log.render import STAMPS
from chronotui.ui.log.state import EdgeWatch, OpenLog
from tests.benchmarks.count_calls import count
from tests.ui.log.conftest import log_line


def opened_log(count: int = 100) -> OpenLog:
    store = LogStore()
    store.add([log_line(n, stream=STDOUT if n % 30 else STDERR) for n in range(count)])
    opened = OpenLog(store)
    opened.viewport.resize(10)
    return opened


def test_the_finder_goes_from_match_to_match_and_says_when_it_wraps() -> None:
    opened, finder = opened_log(), LogFinder(EdgeWatch())
    finder.begin_search(opened)
    assert finder.preview_search(opened, "[") != ""
    assert finder.preview_search(opened, "line 7") == ""
    assert opened.viewport.current == 79
    search = opened.search
    assert search is not None
    assert finder.next(opened, search, 1) == Outcome(
        "Went on from the start: that was the last match."
    )
    assert opened.viewport.current == 7
    finder.end_search(opened, keep=False)
    assert opened.viewport.following
    assert opened.search is None


def test_the_finder_asks_for_older_lines_before_it_says_there_is_no_error() -> None:
    edges = EdgeWatch()
    opened, finder = opened_log(), LogFinder(edges)
    opened.viewport.go_to(0)
    assert finder.next(opened, opened.errors, -1).wants_older
    assert finder.must_load(opened, LineGoal(0, 5))
    edges.more_above = False
    assert finder.older_error(opened) == Outcome("No error above this line.")
    assert not finder.must_load(opened, LineGoal(0, 5))


def test_an_edge_is_wanted_once_until_it_is_pushed_at() -> None:
    edges, opened = EdgeWatch(), opened_log()
    opened.viewport.go_to(50)
    assert edges.wanted(opened) == []
    opened.viewport.go_to(0)
    assert edges.wanted(opened) == ["top"]
    assert edges.wanted(opened) == []
    edges.ask_again("top")
    assert edges.wanted(opened) == ["top"]
    edges.more_above = False
    edges.forget()
    assert edges.wanted(opened) == []


def test_every_kind_of_times_is_drawn_and_may_be_configured() -> None:
    assert tuple(STAMPS) == tuple(Timestamps)
    assert set(TIMESTAMPS) == set(Timestamps)


def test_a_line_down_is_a_short_way_up_to_the_terminal() -> None:
    calls = count("j within the window")
    terminal = calls.within("ui.term")
    assert calls.functions - terminal.functions <= 65
    assert calls.total - terminal.total <= 150
