"""The truth stands on the status line at every usual width, in every state."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from itertools import product
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace
from rich.cells import cell_len

from chronotui.engine.catalog import Catalog
from chronotui.engine.connection import Connection, ConnectionKind
from chronotui.engine.ending import Verdict
from chronotui.engine.job_log import LogState, Observed
from chronotui.engine.save_request import SavePhase, SaveProgress
from chronotui.errors import (
    ChronotuiError,
    FailedAnswerError,
    NotSignedInError,
    OverloadedError,
    RequestRefusedError,
    UnreachableError,
)
from chronotui.model import Job, JobStatus, Trigger
from chronotui.ui.desk.status import SEPARATOR, DeskStatus, fitted
from chronotui.ui.log import ViewportPlace
from tests.ui.desk.scenes import desk_on, history, shown, still_server
from tests.ui.desk.scenes import until as until_holds

if TYPE_CHECKING:
    from chronotui.demo.server import DemoServer

WHY = (
    "127.0.0.1:8080 refused the connection: nothing listens there. Check the network "
    "and the profile's url, then try again."
)
JOB = Job("j", "w", JobStatus.RUNNING, Trigger.MANUAL)
VERDICT = Verdict(True, 48_211, 0, 1, JobStatus.FAILED)
WIDTHS = [60, 80, 100, 120]
STATES = [
    Connection(ConnectionKind.CONNECTING),
    Connection(ConnectionKind.LIVE),
    Connection(ConnectionKind.QUIET, since=-4200.0),
    Connection(ConnectionKind.WAITING),
    Connection(ConnectionKind.RECONNECTING, WHY, tries=12, next_try=30.0),
    Connection(ConnectionKind.OFFLINE, WHY, tries=112, next_try=30.0),
    Connection(ConnectionKind.SIGN_IN, "The session or token has ended (401)."),
    Connection(ConnectionKind.ENDED),
]
LOGS = [
    (LogState(STATES[0], JOB), ["0 lines", "0 missing"]),
    (LogState(STATES[0], JOB, lines=1, at_start=True), ["1 line", "0 missing"]),
    (LogState(STATES[0], JOB, lines=1000, rate=120.0), ["1,000", "lines", "0 missing"]),
    (
        LogState(STATES[0], JOB, lines=10_048_211, missing=1_204, fetching=True),
        ["10,048,211", "lines", "1,204 missing"],
    ),
    (
        LogState(STATES[0], JOB, lines=48_211, at_start=True, verdict=VERDICT),
        ["48,211 lines", "✓ 0 missing"],
    ),
    (
        LogState(STATES[0], JOB, lines=48_211, missing=9, filling=(100, 48_000)),
        ["48,211", "9 missing"],
    ),
    (
        LogState(
            STATES[0],
            JOB,
            lines=48_211,
            at_start=True,
            verdict=replace(VERDICT, sealed=False, possible=3),
        ),
        ["48,211 lines", "3 possibly"],
    ),
]


def line_of(status: DeskStatus, width: int) -> str:
    return SEPARATOR.join(part.text for part in fitted(status, width))


@pytest.mark.parametrize("connection", STATES, ids=lambda state: str(state.kind))
def test_connection_lines_and_missing_are_always_told(connection: Connection) -> None:
    place = ViewportPlace(
        following=False,
        number=9_999_999,
        new=1_204,
        filters="only /warn/ stderr",
        zone="UTC+2",
    )
    for (log, wanted), width in product(LOGS, WIDTHS):
        state = replace(log, connection=connection)
        line = line_of(DeskStatus("production-eu", log=state, place=place), width)
        assert cell_len(line) <= width - 2, (width, line)
        for words in (str(connection.kind), *wanted):
            assert words in line, (width, line)
        if connection.reason and width >= 100:
            assert connection.reason[:12] in line


@pytest.mark.parametrize("connection", STATES, ids=lambda state: str(state.kind))
@pytest.mark.parametrize("away", [False, True])
def test_a_recording_pushes_no_truth_out_and_is_told_of(
    connection: Connection, away: bool
) -> None:
    recorded = SaveProgress(SavePhase.RECORDING, 9, 1204, 0.0, 1.0, away=away)
    for (log, wanted), width in product(LOGS, WIDTHS):
        status = DeskStatus(
            "production-eu",
            log=replace(log, connection=connection),
            place=ViewportPlace(following=False, number=9_999, zone="UTC+2"),
            recordings=[recorded],
            recorded_id="8f3c21",
        )
        line = line_of(status, width)
        assert cell_len(line) <= width - 2, (width, line)
        for words in (str(connection.kind), *wanted):
            assert words in line, (width, line)
        crowded = width == 60 and log.lines > 1_000_000
        assert crowded or f"{'◐' if away else '●'} rec" in line, (width, line)
        assert not away or width < 80 or "away" in line, (width, line)


def test_recordings_are_told_of_in_words_where_there_is_room() -> None:
    now = SaveProgress(SavePhase.RECORDING, 9, 1204, 0.0, 1.0)
    away = replace(now, lines=1, away=True)
    told = {
        "● rec 8f3c21 1,204 lines": ([now], "8f3c21"),
        "◐ rec 8f3c21 1 line, server away": ([away], "8f3c21"),
        "● 2 recordings 2,408 lines": ([now, now], ""),
        "◐ 2 recordings 1,205 lines, server away": ([now, away], ""),
    }
    for words, (recordings, job) in told.items():
        status = DeskStatus("prod", recordings=recordings, recorded_id=job)
        assert line_of(status, 80) == f"prod  ◌ CONNECTING  {words}"
    assert line_of(DeskStatus("prod"), 80) == "prod  ◌ CONNECTING"


def test_saves_behind_the_desk_are_told_of() -> None:
    half = SaveProgress(SavePhase.DOWNLOADING, 9, 500, 0.0, 1.0, total_lines=1000)
    unknown = replace(half, total_lines=None)
    told = {
        "↓ saving 50%": [half],
        "↓ saving": [unknown],
        "↓ 2 saves 50%": [half, half],
        "↓ 2 saves": [half, unknown],
    }
    for words, downloads in told.items():
        status = DeskStatus("prod", downloads=downloads)
        assert line_of(status, 80) == f"prod  ◌ CONNECTING  {words}"


def test_what_is_scrolled_out_at_the_left_is_told() -> None:
    log = LogState(STATES[0], JOB, lines=9, at_start=True)
    status = DeskStatus("prod", log=log, place=ViewportPlace(left=40))
    assert "from column 41 (h)" in line_of(status, 100)


def test_what_is_asked_for_stands_before_what_was_wrong() -> None:
    log = LogState(STATES[5], JOB, lines=9, at_start=True)
    for shown_log in (log, None):
        status = DeskStatus("prod", log=shown_log, is_asking=True)
        assert line_of(status, 80).startswith("prod  ◌ SIGN IN")
        assert "OFFLINE" not in line_of(status, 80)
        assert status.trouble("https://h") == "Waiting for you to sign in."


def test_a_reason_stands_whole_where_there_is_room() -> None:
    status = DeskStatus("prod", log=LogState(STATES[5], JOB, lines=9, at_start=True))
    assert line_of(status, 300).endswith(f"9 lines  0 missing  {WHY}")
    assert line_of(status, 100).endswith("…")
    line = line_of(status, 64)
    assert line.startswith("✗ OFFLINE 112, in 30 s  9 lines  0 missing  127.0.0.1")


@pytest.mark.parametrize(
    ("problem", "state"),
    [
        (UnreachableError(WHY), "✗ OFFLINE"),
        (NotSignedInError("The session has ended."), "✗ SIGN IN"),
        (FailedAnswerError("The proxy failed (502)."), "✗ FAILING"),
    ],
)
def test_without_a_log_the_lists_are_told_of(
    problem: ChronotuiError, state: str
) -> None:
    status = DeskStatus("prod", refusal=problem)
    for width in WIDTHS:
        line = line_of(status, width)
        assert state in line
        assert cell_len(line) <= width - 2


@pytest.mark.parametrize(
    ("retry_after", "wait", "words"),
    [(None, 0.4, "in 1 s"), (None, 0.0, "asking now"), (9.0, 0.0, "asking now")],
)
def test_lists_that_are_asked_again_say_so(
    retry_after: float | None, wait: float, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    problem = OverloadedError("Slow down.", retry_after=retry_after)
    monkeypatch.setattr(Catalog, "problem", problem)
    monkeypatch.setattr(Catalog, "seconds_to_next", lambda _: wait)
    status = DeskStatus("prod", catalog=Catalog.__new__(Catalog))
    assert f"✗ FAILING, {words}" in line_of(status, 120)


def test_a_filter_that_is_refused_is_not_said_to_be_tried_again() -> None:
    step = "Change the filter; trying again will not help."
    refused = RequestRefusedError("No such account (400).", next_step=step)
    trouble = DeskStatus("etl", refusal=refused).trouble("http://here/v1")
    assert trouble == f"No such account (400). {step}"


@pytest.fixture
def server() -> DemoServer:
    return still_server()


async def test_what_is_said_for_a_while_hides_keys_and_no_truth(
    server: DemoServer,
) -> None:
    with server:
        app = desk_on(server)
        async with app.run_test(size=(60, 20)) as pilot:
            await history(pilot)
            sentence = "A sentence that is longer than sixty cells " * 3
            app.desk.say(sentence)
            await until_holds(pilot, lambda: "than sixty" in shown(pilot))
            assert "0 missing" in shown(pilot)
            assert shown(pilot).count("A sentence") == 3
            app.desk.say("Another one.", seconds=0.1)
            await until_holds(pilot, lambda: "than sixty" not in shown(pilot))
            await until_holds(pilot, lambda: "Another" not in shown(pilot))
            app.action_interrupt()
            await until_holds(pilot, lambda: "Press ^c again" in shown(pilot))
            assert "0 missing" in shown(pilot)


@pytest.mark.parametrize(
    ("log", "words"),
    [
        (LogState(STATES[0], JOB, lines=5000), "newest 5,000 lines"),
        (LogState(STATES[0], JOB, lines=5000, split=True), "first and newest 5,000 "),
        (LogState(STATES[0], JOB, lines=5000, at_start=True), "5,000 lines"),
        (LogState(STATES[0], JOB, lines=1, at_start=True), "1 line  "),
    ],
)
def test_a_part_of_a_log_is_not_called_the_whole(log: LogState, words: str) -> None:
    line = line_of(DeskStatus("prod", log=log), 120)
    assert line.startswith(f"prod  ◌ CONNECTING  {words}")


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize(
    ("unseen", "words"), [((), "12 events seen"), (("attached late",), "not all")]
)
def test_nobody_counts_what_is_missing_of_a_run(
    unseen: tuple[str, ...], words: str, width: int
) -> None:
    seen = Observed(12, unseen)
    log = LogState(STATES[1], JOB, lines=40, at_start=True, observed=seen)
    line = line_of(DeskStatus("etl", log=log), width)
    assert words in line
    assert "12 events seen" in line
    assert "missing" not in line
    assert "40" not in line


@pytest.mark.parametrize("width", WIDTHS)
def test_of_a_run_that_ended_nothing_is_followed_or_counted(width: int) -> None:
    ended = Connection(ConnectionKind.ENDED, "COMPLETED")
    job = replace(JOB, status=JobStatus.COMPLETED)
    unseen = ("the server keeps no log of a run's steps once it has ended",)
    log = LogState(ended, job, lines=3, at_start=True, observed=Observed(0, unseen))
    place = ViewportPlace(following=True)
    line = line_of(DeskStatus("etl", log=log, place=place), width)
    assert "kept" in line
    assert "seen" not in line
    assert "following" not in line
    assert "not all" not in line


@pytest.mark.parametrize("width", WIDTHS[1:])
def test_why_a_run_is_only_asked_for_stands_on_the_line(width: int) -> None:
    asked = Connection(
        ConnectionKind.WAITING,
        "it was run by an account",
        is_troubled=True,
        waits_for="the end, asked every 5 s",
    )
    log = LogState(asked, JOB, at_start=True, observed=Observed(0, ()))
    line = line_of(DeskStatus("etl", log=log), width)
    assert "WAITING for the end" in line
    assert "it was run by" in line


@pytest.mark.parametrize("width", [120, 160])
def test_the_place_stands_beside_a_reason(width: int) -> None:
    offline = Connection(ConnectionKind.OFFLINE, WHY, tries=3, next_try=9.0)
    state = LogState(offline, JOB, lines=500, at_start=True)
    place = ViewportPlace(following=False, number=45)
    line = line_of(DeskStatus("prod", log=state, place=place), width)
    assert "line 45" in line
    assert WHY[:36] in line


def test_a_reader_of_a_later_try_is_not_pushed_out_by_a_reason() -> None:
    offline = Connection(ConnectionKind.OFFLINE, WHY, tries=5, next_try=6.0)
    state = LogState(offline, JOB, lines=1018)
    place = ViewportPlace(following=False, number=1823, attempt=2, new=30)
    line = line_of(DeskStatus("demo", log=state, place=place), 124)
    for words in ("line 1,823 of attempt 2", "30 new", "1,018", "0 missing", WHY[:24]):
        assert words in line


@pytest.mark.parametrize("width", [60, 80, 120])
@pytest.mark.parametrize("kind", [ConnectionKind.RECONNECTING, ConnectionKind.LIVE])
def test_the_clock_time_of_a_wait_is_never_cut_off(
    kind: ConnectionKind, width: int
) -> None:
    at = 1_790_000_000.0
    clock = f"{datetime.fromtimestamp(at, UTC).astimezone():%H:%M:%S}"
    asked = Connection(
        kind,
        "The server asks for a wait of 24 h (429).",
        tries=2,
        next_try=300.0,
        asked_until=at,
        is_troubled=kind is ConnectionKind.LIVE,
        subject="the retained log" if kind is ConnectionKind.LIVE else "",
    )
    log = LogState(asked, JOB, lines=1039)
    line = line_of(DeskStatus("prod", log=log, place=ViewportPlace()), width)
    assert f"at {clock}" in line
    assert "0 missing" in line


@pytest.mark.parametrize("width", [60, 80, 120])
def test_a_watch_that_gave_up_names_the_key_that_begins_again(width: int) -> None:
    refused = Connection(
        ConnectionKind.ENDED,
        "The server does not have that (404): “failed to get job”. It has ended.",
        is_troubled=True,
    )
    state = LogState(refused, JOB, lines=3391)
    line = line_of(DeskStatus("prod", log=state, place=ViewportPlace()), width)
    assert "■ ENDED, r asks again" in line
    assert "3,391 lines  0 missing" in line


def test_the_clock_time_of_a_wait_is_told_in_the_zone_of_all_others() -> None:
    east = timezone(timedelta(hours=5, minutes=30))
    asked = Connection(
        ConnectionKind.RECONNECTING,
        "The server is busy (503).",
        tries=2,
        next_try=30.0,
        asked_until=datetime(2026, 3, 3, 8, 35, tzinfo=UTC).timestamp(),
        subject="log 503",
    )
    told = DeskStatus("demo", log=LogState(asked, JOB), zone=east)
    parts = fitted(told, 200)
    assert parts[1].text == "◐ RECONNECTING 2, at 14:05:00 as the server asked"
    assert parts[1].short == "◐ RECONNECTING, at 14:05:00"
    assert told.reason.startswith("again at 14:05:00 as the server asked, log 503")


def test_the_place_is_told_in_short_before_it_is_left_out() -> None:
    ended = LogState(Connection(ConnectionKind.ENDED), JOB, lines=690, verdict=VERDICT)
    place = ViewportPlace(number=206, attempt=3, following=False)
    told = DeskStatus("demo", log=replace(ended, at_start=True), place=place)
    assert "line 206 of attempt 3" in line_of(told, 80)
    assert "line 206  690 lines  sealed ✓ 0 missing" in line_of(told, 60)


def test_the_key_that_settles_what_is_possibly_missing_is_told() -> None:
    verdict = replace(VERDICT, sealed=False, possible=47, part=True)
    log = LogState(Connection(ConnectionKind.ENDED), JOB, lines=3_760, verdict=verdict)
    told = DeskStatus("demo", log=log)
    assert "47 possibly missing  g loads all and tells" in line_of(told, 100)
    assert "g loads" not in line_of(told, 60)
    assert "g loads" not in line_of(replace(told, log=replace(log, at_start=True)), 100)


def test_that_missing_lines_are_not_retained_yet_is_told() -> None:
    log = LogState(STATES[1], JOB, lines=3_000, missing=6, fetching=True)
    assert "6 missing, fetching" in line_of(DeskStatus("demo", log=log), 80)
    log = replace(log, awaited=True)
    assert "6 missing, not retained yet" in line_of(DeskStatus("demo", log=log), 80)
