"""Which events are told, and that each is told once, on a clock that stands still."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from chronotui.engine.alerts import (
    LATE_LINES,
    MOST_AT_ONCE,
    AlertNotice,
    AlertRules,
    end_sentence,
    new_alert,
)
from chronotui.model import STDOUT, Job, JobStatus, LogLine, Trigger
from chronotui.storage.alert_book import Alert, AlertBook, AlertKind
from chronotui.tree.stall import Stall

if TYPE_CHECKING:
    from pathlib import Path

NOW: Final = datetime(2026, 3, 3, 10, tzinfo=UTC)
WALL: Final = NOW.timestamp()
W: Final = "nightly"


def job(name: str = "j1", status: str = "RUNNING", *, made: float = -60.0) -> Job:
    """A job made so many seconds from now; one that has ended did so now."""
    at = NOW + timedelta(seconds=made)
    ended = None if status == "RUNNING" else NOW
    return Job(
        name,
        "w1",
        JobStatus(status),
        Trigger("AUTOMATIC"),
        created_at=at,
        started_at=at,
        completed_at=ended,
    )


def line(number: int, message: str, *, at: float = 1.0, attempt: int = 1) -> LogLine:
    return LogLine(attempt, number, STDOUT, int((WALL + at) * 1e9), message)


def rules_for(*alerts: Alert, book: AlertBook | None = None) -> AlertRules:
    book = book or AlertBook(None)
    for alert in alerts:
        book.add(alert)
    rules = AlertRules(book, lambda: WALL)
    rules.reread()
    return rules


def told(rules: AlertRules) -> list[str]:
    return [notice.sentence for notice in rules.claimed(rules.take_pending())]


def every_run(kind: AlertKind, *known: Job, pattern: str = "") -> Alert:
    return new_alert(kind, W, workflow_id="w1", known=known, now=WALL, pattern=pattern)


def of_job(kind: AlertKind, one: Job, **more: object) -> Alert:
    return new_alert(kind, W, job=one, known=[one], now=WALL, **more)  # type: ignore[arg-type]


def test_the_end_of_a_job_is_told_once_in_words() -> None:
    rules = rules_for(of_job(AlertKind.END, job()))
    rules.see_job(job(), W)
    assert told(rules) == []
    for _ in range(3):
        rules.see_job(replace(job(status="FAILED"), attempts=2), W)
    assert told(rules) == ["nightly j1 FAILED after 1:00, 2 attempts."]
    rules.see_job(job(status="FAILED"), W)
    assert told(rules) == []


def test_who_waits_for_end_and_failure_hears_of_one() -> None:
    rules = rules_for(
        of_job(AlertKind.END, job()),
        of_job(AlertKind.FAILURE, job()),
        every_run(AlertKind.FAILURE, job()),
    )
    rules.see_job(job(status="FAILED"), W)
    assert len(told(rules)) == 1


@pytest.mark.parametrize(
    ("status", "tells"), [("FAILED", True), ("COMPLETED", False), ("CANCELED", False)]
)
def test_failure_is_not_every_end(status: str, tells: bool) -> None:
    rules = rules_for(every_run(AlertKind.FAILURE, job()))
    rules.see_job(job(status=status), W)
    assert bool(told(rules)) is tells


def test_what_was_over_before_the_alert_was_set_is_not_told() -> None:
    running, over = job("j2", made=-30), job("j1", "FAILED")
    rules = rules_for(every_run(AlertKind.END, running, over))
    unseen = job("j0", "FAILED", made=-600)
    for one in (over, unseen, job("j2", "COMPLETED", made=-30)):
        rules.see_job(one, W)
    assert told(rules) == ["nightly j2 COMPLETED after 0:30."]
    rules.see_job(job("j3", "FAILED", made=-10), W)
    assert len(told(rules)) == 1


def test_the_clock_here_may_be_wrong() -> None:
    """Which jobs are new is told by the server's own times."""
    hour_ahead = WALL + 3600
    alert = new_alert(AlertKind.END, W, workflow_id="w1", known=[job()], now=hour_ahead)
    rules = rules_for(alert)
    rules.see_job(job("j2", "FAILED", made=0), W)
    assert len(told(rules)) == 1


def test_while_nothing_is_known_of_a_workflow_its_jobs_count_from_now() -> None:
    alert = new_alert(AlertKind.END, W, workflow_id="w1", known=None, now=WALL)
    rules = rules_for(alert)
    rules.see_job(job("j1", "FAILED", made=-5), W)
    rules.see_job(job("j2", "FAILED", made=5), W)
    assert told(rules) == ["nightly j2 FAILED after 0:00."]


def test_a_start_tells_what_ended_meanwhile_and_the_next_one_does_not(
    tmp_path: Path,
) -> None:
    path = tmp_path / "a.json"
    rules_for(of_job(AlertKind.END, job()), book=AlertBook(path))
    for times in (1, 0):
        rules = rules_for(book=AlertBook(path))
        rules.see_job(job(status="FAILED"), W)
        assert len(told(rules)) == times


def test_a_line_that_matches_is_told_once_a_run() -> None:
    alert = every_run(AlertKind.PATTERN, job("j0", "COMPLETED"), pattern="bad row \\d")
    rules = rules_for(alert)
    one = job("j1", made=5)
    rules.see_lines(one, W, [line(0, "fine"), line(1, "\x1b[31mbad row 7\x1b[0m")])
    rules.see_lines(one, W, [line(2, "bad row 8")])
    notices = rules.claimed(rules.take_pending())
    assert [each.sentence for each in notices] == ["nightly j1: bad row 7"]
    assert notices[0].line is not None
    assert notices[0].line.sequence_num == 1
    rules.see_lines(job("j2", made=9), W, [line(5, "bad row 9")])
    assert len(told(rules)) == 1


def test_lines_from_before_the_alert_are_not_told() -> None:
    open_log = of_job(AlertKind.PATTERN, job(), pattern="x", place=(1, 10))
    rules = rules_for(open_log)
    rules.see_lines(job(), W, [line(10, "x", at=50)])
    assert not told(rules)
    rules.see_lines(job(), W, [line(11, "x", at=-50)])
    assert len(told(rules)) == 1
    closed = rules_for(of_job(AlertKind.PATTERN, job(), pattern="y"))
    closed.see_lines(job(), W, [line(3, "y", at=-1)])
    assert not told(closed)
    closed.see_lines(job(), W, [line(4, "y", at=1)])
    assert len(told(closed)) == 1


@pytest.mark.parametrize(
    "hit", ["bad row 7", "\x1b[31mbad row 7", "x\nbad row 7", None]
)
def test_of_many_lines_at_once_the_one_that_matches_is_told(hit: str | None) -> None:
    rules = rules_for(every_run(AlertKind.PATTERN, pattern="^bad row \\d|row\\s7"))
    some = [line(n, f"fine {n}") for n in range(500)]
    if hit is not None:
        some[321] = line(321, hit)
    rules.see_lines(job(made=1), W, some)
    assert len(told(rules)) == (hit is not None)


def test_a_pattern_that_is_none_matches_nothing() -> None:
    rules = rules_for(every_run(AlertKind.PATTERN, pattern="("))
    rules.see_lines(job(made=1), W, [line(0, "(")])
    assert not told(rules)


def test_a_silence_is_told_once_and_the_next_one_again() -> None:
    rules = rules_for(every_run(AlertKind.STALL, job()))
    for place in ("1:5", "1:5", "1:9"):
        rules.see_stall(job(), W, Stall(230.0, 2.0), place)
    words = "nightly j1 has stalled: nothing for 3:50, usually every 2 s."
    assert told(rules) == [words, words]


def test_alerts_that_can_tell_nothing_more_are_spent() -> None:
    end, pattern = (
        of_job(AlertKind.END, job()),
        of_job(AlertKind.PATTERN, job(), pattern="x"),
    )
    stands = every_run(AlertKind.END, job())
    rules = rules_for(end, pattern, stands)
    assert rules.spent({"j1": job()}) == []
    rules.see_job(job(status="FAILED"), W)
    assert rules.spent({"j1": job(status="FAILED")}) == [end]
    rules.see_lines(job(), W, [line(1, "x")])
    assert rules.spent({"j1": job()}) == [pattern]


def test_a_job_s_last_lines_are_waited_for_a_while() -> None:
    pattern = of_job(AlertKind.PATTERN, job(), pattern="x")
    wall = WALL
    book = AlertBook(None)
    book.add(pattern)
    rules = AlertRules(book, lambda: wall)
    rules.reread()
    over = {"j1": job(status="COMPLETED")}
    assert rules.spent(over) == []
    wall += LATE_LINES
    assert rules.spent(over) == [pattern]


def test_many_events_of_one_alert_are_summed_up() -> None:
    rules = rules_for(every_run(AlertKind.END))
    for number in range(40):
        status = "FAILED" if number % 10 == 0 else "COMPLETED"
        rules.see_job(job(f"j{number}", status, made=number), W)
    sentences = told(rules)
    assert len(sentences) == MOST_AT_ONCE
    assert all("FAILED" in each for each in sentences[:-1])
    assert sentences[-1] == "nightly: 36 more events."


def test_hostile_names_are_harmless() -> None:
    over = replace(job("\x1b]2;x\x07", "FAILED"), attempts=1)
    sentence = end_sentence("[red]\x1b[2J", over, over.id, WALL)
    assert sentence.isprintable()


def test_how_long_ago_is_said_where_it_is_not_now() -> None:
    over = replace(job(status="FAILED"), completed_at=NOW - timedelta(hours=3))
    assert end_sentence(W, over, over.id, WALL).endswith(", 3 h ago.")


EVENTS = st.lists(
    st.tuples(
        st.sampled_from(["j1", "j2", "j3"]),
        st.sampled_from(["RUNNING", "COMPLETED", "FAILED"]),
        st.integers(0, 2),
        st.booleans(),
    ),
    max_size=30,
)


@given(EVENTS)
def test_over_desks_and_starts_each_end_is_told_once(
    events: list[tuple[str, str, int, bool]],
) -> None:
    """Two desks share a book; each may be started anew at any time."""
    book = AlertBook(None)
    book.add(every_run(AlertKind.END))
    desks = [rules_for(book=book) for _ in range(3)]
    heard: list[AlertNotice] = []
    for name, status, desk, starts_anew in events:
        if starts_anew:
            desks[desk] = rules_for(book=book)
        desks[desk].see_job(job(name, status), W)
        heard += desks[desk].claimed(desks[desk].take_pending())
    ended = {name for name, status, *_ in events if status != "RUNNING"}
    assert sorted(notice.job.id for notice in heard) == sorted(ended)
