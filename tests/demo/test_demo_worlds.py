"""Generated and scripted logs, the clock and the server as a whole."""

from __future__ import annotations

import http.client
import ssl
import subprocess
import sys
import threading
from bisect import bisect_right
from itertools import pairwise
from typing import TYPE_CHECKING, TypeAlias

import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st

from chronotui.demo.clock import MILLISECOND, SECOND, Clock
from chronotui.demo.faults import Faults
from chronotui.demo.generated import Chapter, GeneratedLog
from chronotui.demo.lifelike import lifelike_script
from chronotui.demo.phrases import BLOCK, phrasebook
from chronotui.demo.phrases.kinds import ENDINGS, OPENING
from chronotui.demo.script import Script, ScriptLine
from chronotui.demo.serve import serve_forever
from chronotui.demo.world import World

if TYPE_CHECKING:
    from collections.abc import Callable

    from chronotui.demo import DemoServer
    from chronotui.demo.lines import TrueLine
    from tests.conftest import MakeDemo
    from tests.demo.conftest import PlainClient

    ClientOf: TypeAlias = Callable[..., PlainClient]


def chapters(lines: int, attempts: int, first_number: int) -> tuple[Chapter, ...]:
    return tuple(
        Chapter(
            turn + 1,
            (turn + 1) * 10_000 * SECOND,
            10 * MILLISECOND,
            lines,
            phrasebook("report", 1),
            OPENING,
            ENDINGS["FAILED"],
            first_number,
        )
        for turn in range(attempts)
    )


generated = st.builds(
    chapters, st.integers(7, 2500), st.integers(1, 3), st.integers(0, 1)
)


@given(generated, st.integers(1, 700))
def test_pages_of_any_size_are_the_whole_log_in_order(
    made: tuple[Chapter, ...], size: int
) -> None:
    log, now = GeneratedLog(made, lambda: 0), 1 << 62
    truth = list(log.truth(now))
    assert len(truth) == log.count(now) == sum(x.lines or 0 for x in made)
    places = [line.position for line in truth]
    assert all(one < two for one, two in pairwise(places))
    up: list[TrueLine] = []
    while page := log.oldest(up[-1].position if up else None, size, now):
        up += page
    down: list[TrueLine] = []
    while page := log.newest(down[-1].position if down else None, size, now):
        down += page
    assert up == truth
    assert down[::-1] == truth


@given(generated, st.integers(-1, 2600), st.integers(-1, 2), st.integers(0, 4))
def test_any_place_is_found(
    made: tuple[Chapter, ...], number: int, rank: int, attempt: int
) -> None:
    log, now = GeneratedLog(made, lambda: 0), 1 << 62
    places = [line.position for line in log.truth(now)]
    where = (attempt, number, rank)
    after = log.oldest(where, 1, now)
    index = bisect_right(places, where)
    assert [line.position for line in after] == places[index : index + 1]


@given(generated, st.lists(st.integers(0, 40_000), max_size=20))
def test_a_subscriber_gets_each_line_once_whenever_it_asks(
    made: tuple[Chapter, ...], seconds: list[int]
) -> None:
    log = GeneratedLog(made, lambda: 0)
    mark, found = log.live_mark(0), []
    for now in [*sorted(seconds), 50_000]:
        while lines := (batch := log.live_since(mark, 300, now * SECOND)).lines:
            found += lines
            mark = batch.mark
        if batch.next_ns is not None:
            assert batch.next_ns > now * SECOND
    assert found == list(log.truth(1 << 62))


@pytest.mark.parametrize("kind", ["etl", "report", "build", "consumer", "hostile"])
def test_a_phrasebook_has_both_streams_and_shared_numbers(kind: str) -> None:
    book = phrasebook(kind, 1)
    assert len(book.phrases) == 1000
    assert {stream for stream, _ in book.phrases} == {"stdout", "stderr"}
    if kind != "build":
        assert book.shared
    for place in book.shared:
        assert [s for s, _ in book.phrases[place : place + 2]] == ["stderr", "stdout"]
    assert any(BLOCK in message for _, message in book.phrases)


def test_the_watched_jobs_show_what_terminals_find_hard() -> None:
    world = World(clock=Clock(speed=0))
    text = "\n".join(
        line.message
        for name in ("nightly-report", "etl-orders", "image-build", "event-consumer")
        for line in world.newest_job(name).log.newest(
            None, 3000, world.clock.now_ns() + 9 * SECOND
        )
    )
    for part in ("\x1b[32m", "\r", '{"level":', "Traceback", "東京", "✅", "\x1b]0;"):
        assert part in text


def test_the_watched_jobs_end_differently_and_new_ones_follow() -> None:
    clock = Clock(speed=0)
    world = World(clock=clock)
    names = ("nightly-report", "etl-orders", "image-build", "event-consumer")
    jobs = [world.newest_job(name) for name in names]
    waiting = world.newest_job("cleanup-tmp")
    known = {job.id for w in world.workflows for job in w.jobs(clock.now_ns())}
    assert {job.status(clock.now_ns()) for job in jobs} == {"RUNNING"}
    assert waiting.status(clock.now_ns()) == "QUEUED"
    clock.advance(60)
    assert waiting.status(clock.now_ns()) == "RUNNING"
    clock.advance(540)
    assert [job.status(clock.now_ns()) for job in jobs] == [
        "FAILED",
        "COMPLETED",
        "COMPLETED",
        "RUNNING",
    ]
    now = {job.id for w in world.workflows for job in w.jobs(clock.now_ns())}
    assert len(now - known) > 10
    assert known < now


@pytest.mark.parametrize("attempts", [1, 3])
def test_a_lifelike_script_has_every_line_once(attempts: int) -> None:
    world = World(plans=())
    job = world.add_job(lifelike_script(4, 1000, attempts=attempts, starts_in=-60))
    truth = world.truth(job.id)
    places = [line.position for line in truth]
    assert len(set(places)) == len(truth) == 1000
    assert places == sorted(places)
    assert {line.attempt for line in truth} == set(range(1, attempts + 1))
    numbers = [(line.attempt, line.sequence_num) for line in truth]
    assert len(set(numbers)) < 1000
    assert world.truth(job.id) == [line for line in truth if line.time_ns]
    assert job.attempts(world.clock.now_ns()) == attempts


def test_a_job_waits_until_it_is_started_by_hand() -> None:
    world = World(plans=())
    job = world.add_job(Script(starts_in=None))
    assert job.status(world.clock.now_ns()) == "QUEUED"
    job.start()
    assert job.status(world.clock.now_ns()) == "RUNNING"
    job.retry()
    assert job.attempts(world.clock.now_ns()) == 2
    job.end("CANCELED")
    assert job.status(world.clock.now_ns()) == "CANCELED"


def test_lines_may_be_written_out_of_order_and_from_many_threads() -> None:
    world = World(plans=(), faults=Faults(retention_lag=(0, 0)))
    job = world.add_job()
    job.write(ScriptLine("five", sequence_num=5), ScriptLine("two", sequence_num=2))
    threads = [
        threading.Thread(target=lambda: [job.write("x") for _ in range(200)])
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    numbers = [line.sequence_num for line in world.truth(job.id)]
    assert numbers == [2, 5, *range(6, 806)]
    assert len(job.log.newest(None, 1000, 1 << 62)) == 802


def test_a_clock_runs_faster_or_stands_still() -> None:
    fast, still = Clock(start_ns=0, speed=1e9), Clock(start_ns=0, speed=0)
    assert fast.now_ns() > still.now_ns() == 0
    assert still.seconds_until(5) == float("inf")
    still.advance(2)
    assert still.now_ns() == 2 * SECOND
    assert still.seconds_until(5) == 0


def test_a_million_lines_cost_nothing_until_they_are_read(
    make_demo: MakeDemo, client_of: ClientOf
) -> None:
    demo = make_demo(lines=10_000_000)
    job = demo.world.newest_job("ledger-replay")
    path = f"/workflows/{job.workflow_id}/jobs/{job.id}/logs"
    page = client_of(demo).get(path).json()
    assert page["logs"][0]["sequence_num"] == 9_999_999
    assert page["logs"][0]["message"] == "Job completed successfully"


def test_the_demo_serves_alone_until_told_to_stop() -> None:
    stop, found = threading.Event(), []

    def ready(server: DemoServer) -> None:
        found.append((server.url, server.email, server.password, server.token))
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
        connection.request("GET", "/api/workflows")
        assert connection.getresponse().status == 401
        connection.close()
        stop.set()

    serve_forever(ready=ready, prefix="api", lines=1000, stop=stop)
    assert found[0][0].endswith("/api")


def test_the_demo_can_serve_https(make_demo: MakeDemo) -> None:
    authority = trustme.CA()
    ours = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(ours)
    demo = make_demo(tls=ours)
    assert demo.url.startswith("https://")
    theirs = ssl.create_default_context()
    authority.configure_trust(theirs)
    connection = http.client.HTTPSConnection(
        "127.0.0.1", demo.port, timeout=5, context=theirs
    )
    connection.request("GET", "/workflows")
    assert connection.getresponse().status == 401
    connection.close()


def test_starting_a_demo_takes_little() -> None:
    code = """
import sys
from chronotui.demo import DemoServer
with DemoServer():
    heavy = {"h11", "httpx", "textual", "chronotui.demo.world"} & set(sys.modules)
sys.exit(f"{heavy}" if heavy else 0)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
