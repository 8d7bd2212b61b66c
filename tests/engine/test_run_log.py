"""One run watched: its events, its state, and what is said of both, on a clock that
skips every pause.
"""

from __future__ import annotations

import asyncio
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from chronotui.engine.run_details import RunDetails
from chronotui.engine.run_log import RunLog
from chronotui.engine.timing import WatchSettings
from chronotui.errors import (
    Answer,
    ChronotuiError,
    FailedAnswerError,
    NotFoundError,
    NotSignedInError,
    UnreachableError,
    UsageError,
)
from chronotui.log.marks import MarkKind
from chronotui.model import JobStatus, RunPing, RunText
from tests.engine.scripted_events import (
    FOR_EVER,
    OVER,
    ScriptedRuns,
    clock,
    done,
    loop_now,
    running,
    step,
)
from tests.engine.skipped_time import run_skipping

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from chronotui.model import Job
    from tests.engine.scripted_events import Piece


def answered(error: ChronotuiError, status: int, route: str = "run") -> ChronotuiError:
    error.answer = Answer(status, True)
    error.route = route
    return error


def log_of(runs: ScriptedRuns, job: Job | None = None, **settings: Any) -> RunLog:
    watched = WatchSettings(**{"poll_seconds": 5.0, **settings})
    return RunLog(runs, None, job or running(), settings=watched, clock=clock())


def texts(log: RunLog) -> list[str]:
    return [line.message for line in log.store.lines(0, len(log.store))]


def marks(log: RunLog, kind: MarkKind) -> list[str]:
    return [mark.text for mark in log.store.marks.all() if mark.kind is kind]


def watched(
    runs: ScriptedRuns,
    seconds: float | None,
    look: Callable[[RunLog], Any],
    *,
    job: Job | None = None,
    **settings: Any,
) -> Any:
    """Watch for some seconds, None for until the end, and return what is seen then."""

    async def main() -> Any:
        log = log_of(runs, job, **settings)
        watching = asyncio.create_task(log.watch())
        await asyncio.wait([watching], timeout=seconds)
        await asyncio.sleep(0)
        seen = look(log)
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        return seen

    return run_skipping(main())


def seen(main: Coroutine[Any, Any, Any]) -> Any:
    return run_skipping(main)


LIVE: list[Piece] = [
    step("a"),
    1.0,
    step("a", "succeeded", elapsed=1.0),
    RunText("Hi\n"),
    FOR_EVER,
]


# Followed


def test_events_are_lines_while_the_run_goes_on() -> None:
    runs = ScriptedRuns([(0, running())], [LIVE])
    lines, state, now = watched(runs, 5.0, lambda g: (texts(g), g.state, g.now()))
    assert lines == ["✓ a  1.0 s", "Hi"]
    assert state.connection.text(now) == "LIVE"
    assert state.lines == 2
    assert state.observed == (2, ())


def test_a_stream_without_events_is_quiet() -> None:
    runs = ScriptedRuns([(0, running())], [LIVE])
    words = watched(runs, 60.0, lambda log: log.state.connection.text(log.now()))
    assert words.startswith("QUIET ")


def test_a_line_that_changes_keeps_its_place() -> None:
    pieces: list[Piece] = [
        step("a"),
        step("b"),
        5.0,
        step("a", "failed", error="x\ny"),
        FOR_EVER,
    ]

    async def main() -> None:
        log = log_of(ScriptedRuns([(0, running())], [pieces]))
        watching = asyncio.create_task(log.watch())
        await asyncio.sleep(2)
        before = {line.message: line.sequence_num for line in log.store.lines(0, 9)}
        await asyncio.sleep(5)
        after = log.store.lines(0, 9)
        assert [line.message for line in after] == ["✗ a  x", "  y", "● b"]
        assert [line.stream for line in after] == ["stderr", "stderr", "stdout"]
        assert after[0].sequence_num == before["● a"]
        assert after[2].sequence_num == before["● b"]
        watching.cancel()

    seen(main())


def test_the_end_comes_from_the_state_and_never_from_the_stream() -> None:
    said: list[Piece] = [step("a", "succeeded"), OVER]
    runs = ScriptedRuns([(0, running()), (100, done("CANCELED"))], [said])
    state = watched(runs, 50.0, lambda log: log.state)
    assert state.job.status == "RUNNING"
    runs = ScriptedRuns([(0, running()), (100, done("CANCELED"))], [said])
    state, trailer = watched(
        runs, None, lambda log: (log.state, marks(log, MarkKind.TRAILER))
    )
    assert state.job.status == "CANCELED"
    assert str(state.connection.kind) == "ENDED"
    assert trailer == ["ended CANCELED 10:13:27 UTC after 1:00"]


def test_a_stream_that_hangs_after_the_end_is_left() -> None:
    runs = ScriptedRuns([(0, running()), (42, done())], [[step("a"), FOR_EVER]])
    at, lines = watched(runs, None, lambda log: (loop_now(), texts(log)))
    assert at < 60
    assert lines == ["● a", "Outputs", "  {", '    "rows": 42', "  }"]
    assert runs.open_now == 0


def test_an_ended_run_is_read_once_more_for_its_last_numbers() -> None:
    early = done(fields={"detail": {"outputs": None}})
    runs = ScriptedRuns([(0, running()), (10, early), (11, done())])
    lines = watched(runs, None, texts)
    assert lines[0] == "Outputs"


def test_a_finish_that_is_told_has_the_state_read_at_once() -> None:
    runs = ScriptedRuns([(0, running()), (3, done())], [[step("a"), 3.0, OVER]])
    assert watched(runs, None, lambda _: loop_now()) < 6


def test_followed_runs_are_asked_every_ten_seconds() -> None:
    runs = ScriptedRuns([(0, running())], [LIVE])
    watched(runs, 100.0, lambda _: None)
    apart = [later - at for at, later in pairwise(runs.asked[1:])]
    assert all(9.9 < each < 10.1 for each in apart)


# The stream, opened again


def test_a_silent_close_opens_it_again_and_says_when_it_was_away() -> None:
    again: list[Piece] = [step("a", "succeeded", is_snapshot=True), step("b"), FOR_EVER]
    runs = ScriptedRuns([(0, running())], [[step("a"), 300.0], again])
    lines, state = watched(runs, 320.0, lambda log: (texts(log), log.state))
    assert lines == ["✓ a", "● b"]
    assert str(state.connection.kind) == "QUIET"
    assert any("the stream was away" in words for words in state.observed.unseen)
    assert runs.open_most == 1


def test_a_stream_that_breaks_is_tried_later_and_later() -> None:
    gone = UnreachableError("Refused.")
    runs = ScriptedRuns([(0, running())], [[gone]])
    kind, why = watched(
        runs, 300.0, lambda g: (g.state.connection.kind, g.state.connection.reason)
    )
    assert (str(kind), why) == ("RECONNECTING", "Refused.")
    apart = [later - at for at, later in pairwise(runs.attached)]
    assert apart[0] < 1
    assert max(apart) <= 30
    assert [round(each, 3) for each in apart] == sorted(round(e, 3) for e in apart)


def test_a_stream_that_is_refused_is_given_up_and_the_run_asked() -> None:
    refusal = answered(NotFoundError("Workflow run not found."), 404, "events")
    runs = ScriptedRuns([(0, running()), (60, done())], [[refusal]])
    text, why = watched(
        runs, 30.0, lambda g: (g.state.connection.text(g.now()), g.state.connection)
    )
    assert text == "WAITING for the end, asked every 5 s"
    assert why.reason == "the server refused them (Workflow run not found)"
    assert len(runs.attached) == 3
    assert watched(runs, None, lambda log: log.state.job.status) == "COMPLETED"


def test_nothing_told_as_it_happens_has_the_snapshot_told_again() -> None:
    pings: list[Piece] = [RunPing(), 10.0] * 1000
    first: list[Piece] = [step("a", is_snapshot=True), *pings]
    then: list[Piece] = [step("a", "succeeded", is_snapshot=True), *pings]
    runs = ScriptedRuns([(0, running())], [first, then])
    text, lines = watched(
        runs, 45.0, lambda g: (g.state.connection.text(g.now()), texts(g))
    )
    assert text == "WAITING for the end, asked every 30 s"
    assert lines == ["✓ a"]
    watched(runs, 200.0, lambda _: None)
    apart = [later - at for at, later in pairwise(runs.attached[2:])]
    assert all(each > 29.9 for each in apart)


def test_a_slow_step_of_a_run_that_tells_is_waited_for() -> None:
    pings: list[Piece] = [RunPing(), 10.0] * 20
    runs = ScriptedRuns([(0, running())], [[step("a"), *pings]])
    watched(runs, 150.0, lambda _: None)
    assert len(runs.attached) == 1


# Asked only


def test_a_run_that_nobody_can_follow_is_asked_and_says_why() -> None:
    runs = ScriptedRuns([(0, running()), (30, done())], why_not="it was run by an X")
    state, now = watched(runs, 20.0, lambda g: (g.state, g.now()))
    assert state.connection.text(now) == "WAITING for the end, asked every 5 s"
    assert state.connection.reason == "it was run by an X"
    assert state.observed.unseen == (
        "its events cannot be followed: it was run by an X",
    )
    assert runs.attached == []
    lines = watched(runs, None, texts)
    assert lines[0] == "Outputs"


@pytest.mark.parametrize(("wished", "apart"), [(0.2, 3.0), (5.0, 5.0), (60.0, 60.0)])
def test_it_is_asked_as_often_as_is_wished_within_manners(
    wished: float, apart: float
) -> None:
    runs = ScriptedRuns([(0, running())], why_not="no")
    watched(runs, 300.0, lambda _: None, poll_seconds=wished)
    assert all(abs(later - at - apart) < 0.1 for at, later in pairwise(runs.asked[1:]))


def test_a_run_that_goes_on_for_too_long_may_have_died() -> None:
    runs = ScriptedRuns([(0, running())], [LIVE])
    reason, edge = watched(
        runs,
        1860.0,
        lambda log: (log.state.connection.reason, marks(log, MarkKind.BOTTOM)),
    )
    assert reason.startswith("running for 31:")
    assert "may have died" in edge[0]


def test_an_ended_run_says_that_its_steps_are_kept_nowhere() -> None:
    runs = ScriptedRuns([(0, done("FAILED", error="boom\nbang"))])
    lines, top, state = watched(
        runs,
        None,
        lambda g: (g.store.lines(0, 2), marks(g, MarkKind.TOP), g.state),
        job=done("FAILED"),
    )
    assert [(line.message, line.stream) for line in lines] == [
        ("✗ boom", "stderr"),
        ("  bang", "stderr"),
    ]
    assert "the server keeps no log of a run's steps" in top[0]
    assert len(runs.asked) == 1
    assert str(state.connection.kind) == "ENDED"


def test_a_run_without_a_record_yet_is_followed_once_it_has_one() -> None:
    runs = ScriptedRuns([(0, running(run_id="")), (8, running())], [LIVE])
    runs.why_not = "it has no run yet"

    async def main() -> None:
        log = log_of(runs, running(run_id="", status=JobStatus.UNKNOWN))
        watching = asyncio.create_task(log.watch())
        await asyncio.sleep(7)
        assert runs.attached == []
        runs.why_not = ""
        await asyncio.sleep(10)
        assert texts(log) == ["✓ a  1.0 s", "Hi"]
        watching.cancel()

    seen(main())


# Failures


def test_an_outage_of_the_state_is_waited_out_and_said() -> None:
    failing = answered(FailedAnswerError("Bad gateway."), 502)
    told: list[tuple[float, Job | ChronotuiError]] = [(0, running()), (20, failing)]
    runs = ScriptedRuns([*told, (200, done())], [LIVE])
    connection, lines = watched(runs, 100.0, lambda g: (g.state.connection, texts(g)))
    assert connection.is_troubled
    assert connection.subject == "run 502"
    assert connection.next_try is not None
    assert lines == ["✓ a  1.0 s", "Hi"]
    assert watched(runs, None, lambda log: log.state.job.status) == "COMPLETED"


def test_a_server_that_is_gone_leaves_what_was_shown() -> None:
    gone = UnreachableError("Refused.")
    runs = ScriptedRuns([(0, running()), (20, gone)], [[*LIVE[:-1], 20.0], [gone]])
    connection, lines = watched(runs, 100.0, lambda g: (g.state.connection, texts(g)))
    assert str(connection.kind) == "OFFLINE"
    assert lines == ["✓ a  1.0 s", "Hi"]


def test_a_run_that_is_not_found_for_a_minute_ends_the_watch() -> None:
    missing = answered(NotFoundError("No such run."), 404)
    runs = ScriptedRuns([(0, running()), (20, missing)], [LIVE])
    problem, at, lines = watched(
        runs, None, lambda g: (g.state.problem, loop_now(), texts(g))
    )
    assert "No such run. The watch has ended; 2 lines are kept." in str(problem)
    assert 80 <= at < 160
    assert lines == ["✓ a  1.0 s", "Hi"]


def test_who_is_signed_out_is_asked_to_sign_in() -> None:
    out = answered(NotSignedInError("Access token is invalid."), 401)
    runs = ScriptedRuns([(0, running()), (20, out), (50, running())], [LIVE])

    async def main() -> None:
        log = log_of(runs)
        watching = asyncio.create_task(log.watch())
        await asyncio.sleep(45)
        assert str(log.state.connection.kind) == "SIGN IN"
        await asyncio.sleep(10)
        log.signed_in()
        await asyncio.sleep(15)
        assert str(log.state.connection.kind) in {"LIVE", "QUIET"}
        assert log.state.lines == 2
        watching.cancel()

    seen(main())


def test_asking_now_asks_at_once_and_tries_a_refused_stream_again() -> None:
    refusal = answered(NotFoundError("No."), 404, "events")
    runs = ScriptedRuns([(0, running())], [[refusal], [refusal], [refusal], LIVE])

    async def main() -> None:
        log = log_of(runs, poll_seconds=60.0)
        watching = asyncio.create_task(log.watch())
        await asyncio.sleep(30)
        asked = len(runs.asked)
        log.ask_now()
        await asyncio.sleep(5)
        assert len(runs.asked) > asked
        assert texts(log) == ["✓ a  1.0 s", "Hi"]
        watching.cancel()

    seen(main())


def test_leaving_closes_the_stream_and_coming_back_keeps_what_was_seen() -> None:
    runs = ScriptedRuns([(0, running())], [LIVE, [step("b"), FOR_EVER]])

    async def main() -> None:
        log = log_of(runs)
        first = asyncio.create_task(log.watch())
        await asyncio.sleep(5)
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        assert runs.open_now == 0
        assert str(log.state.connection.kind) == "CONNECTING"
        await asyncio.sleep(60)
        second = asyncio.create_task(log.watch())
        await asyncio.sleep(5)
        assert texts(log) == ["✓ a  1.0 s", "● b", "Hi"]
        assert any("away" in words for words in log.record.unseen)
        assert runs.open_most == 1
        second.cancel()

    seen(main())


def test_nothing_is_there_to_be_read_on_or_searched() -> None:
    runs = ScriptedRuns([(0, running())], [LIVE])

    async def main() -> None:
        log = log_of(runs)
        assert log.state.at_start
        assert log.state.at_end
        assert not await log.history.load_older()
        with pytest.raises(UsageError, match="keeps no log"):
            await log.history.search("x")

    seen(main())


# Details of the run that is looked at


def test_only_the_run_rested_on_is_read() -> None:
    runs = ScriptedRuns([(0, done())])
    read: list[str] = []

    async def main() -> None:
        details = RunDetails(runs, lambda job: read.append(job.id))
        for number in range(10):
            details.want(running(run_id=f"run-{number}"))
            await asyncio.sleep(0.1)
        await asyncio.sleep(1)
        assert len(runs.asked) == 1
        details.want(done())  # known: it has ended
        assert len(read) == 2
        await asyncio.sleep(1)
        assert len(runs.asked) == 1
        details.want(running(id="other"))
        details.want(None)
        await asyncio.sleep(1)
        assert len(runs.asked) == 1
        await details.close()

    seen(main())


def test_a_run_that_cannot_be_read_is_told_of_and_may_be_wanted_again() -> None:
    runs = ScriptedRuns([(0, UnreachableError("Refused.")), (5, running())])
    failed: list[str] = []

    async def main() -> None:
        details = RunDetails(
            runs, lambda _: None, lambda _job, error: failed.append(str(error))
        )
        details.want(running())
        await asyncio.sleep(6)
        assert failed == ["Refused."]
        details.want(running())
        await asyncio.sleep(1)
        assert len(runs.asked) == 2
        await details.close()

    seen(main())
