"""`start` and `terminate`: where they are allowed, once, and known after a crash."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from chronotui.demo.faults import Failure
from chronotui.demo.routes import Dialect
from chronotui.demo.world import WorkflowPlan
from tests.terminal import Terminal, environment_for

from .conftest import demo_config

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from chronotui.demo.server import DemoServer
    from tests.conftest import MakeDemo

    from .conftest import Command, Ended

PROGRAM = [sys.executable, "-m", "chronotui"]
PLANS = [
    WorkflowPlan("quiet", "sweep", 10_000, 3, 600),
    WorkflowPlan("gone", "sweep", 10_000, 3, 600, terminated_hours=1.5),
    WorkflowPlan("unbuilt", "sweep", 10_000, 0, 600, build_status="FAILED"),
]


def acting_config(demo: DemoServer, allowed: str = "true") -> str:
    return demo_config(demo).replace(
        "poll_seconds", f"actions = {allowed}\npoll_seconds"
    )


@pytest.fixture
def demo(make_demo: MakeDemo) -> DemoServer:
    return make_demo(plans=PLANS)


@pytest.fixture
def acting(run: Command, demo: DemoServer, configure: Callable[[str], None]) -> Command:
    """Runs a command with a profile that allows actions."""
    configure(acting_config(demo))
    return run


def keys(demo: DemoServer) -> list[str]:
    sent = demo.requests.all("schedule")
    return [request.headers["idempotency-key"] for request in sent]


def started(demo: DemoServer, name: str = "quiet") -> int:
    return len(demo.world.named(name)._added)


def test_without_a_profile_nothing_is_allowed(run: Command, demo: DemoServer) -> None:
    ended = run("--url", demo.url, "start", "quiet")
    assert ended.code == 2
    assert "Without a profile no actions are allowed" in ended.err
    assert demo.requests.count() == 0


@pytest.mark.parametrize("verb", ["start", "terminate"])
@pytest.mark.parametrize("allowed", ["false", None])
def test_they_are_refused_where_the_profile_does_not_allow_them(
    run: Command,
    demo: DemoServer,
    configure: Callable[[str], None],
    verb: str,
    allowed: str | None,
) -> None:
    configure(acting_config(demo, allowed) if allowed else demo_config(demo))
    ended = run(verb, "quiet")
    assert (ended.code, ended.out) == (2, "")
    assert "Profile demo allows no actions; nothing was asked." in ended.err
    assert demo.requests.count() == 0


def test_a_token_changes_nothing(
    make_demo: MakeDemo, run: Command, configure: Callable[[str], None]
) -> None:
    demo = make_demo(plans=PLANS, dialect=Dialect.DOCUMENTED)
    configure(acting_config(demo))
    for ended in (run("start", "quiet"), run("terminate", "quiet", "--yes", "quiet")):
        assert ended.code == 2
        assert "needs the session and csrf cookies of a login" in ended.err
    assert demo.requests.count() == 0


def test_an_app_has_no_actions(run: Command, configure: Callable[[str], None]) -> None:
    configure(
        '[profiles.etl]\nkind = "dify"\nurl = "http://127.0.0.1:1/v1"\nactions = true\n'
        '[profiles.etl.auth]\nmethod = "bearer"\ntoken = "app-x"\n'
    )
    ended = run("start", "quiet")
    assert ended.code == 2
    assert "which has no actions" in ended.err


def test_a_start_prints_the_job_and_tells_who_asked_what(
    acting: Command, demo: DemoServer, home: Path
) -> None:
    ended = acting("start", "quiet")
    job = demo.world.newest_job("quiet")
    assert (ended.code, ended.out) == (0, f"{job.id}\n")
    (key,) = keys(demo)
    for part in (demo.email, demo.url, "start quiet", key, f"job {job.id}"):
        assert part in ended.err
    assert f"chronotui logs {job.workflow_id} {job.id} -f" in ended.err
    kept = (home / "state" / "chronotui" / "actions.jsonl").read_text()
    assert key in kept
    for name, session in demo.service.accounts.sessions.items():
        assert not any(s in kept for s in (name, session.csrf, demo.password))


def test_a_start_is_told_as_json(acting: Command, demo: DemoServer) -> None:
    ended = acting("start", "quiet", "-o", "jsonl")
    job = demo.world.newest_job("quiet")
    assert (ended.code, ended.out.count("\n")) == (0, 1)
    assert ended.json == {"workflow_id": job.workflow_id, "job_id": job.id}


def test_times_are_put_before_lines_that_are_followed(
    acting: Command, demo: DemoServer
) -> None:
    ended = acting("start", "quiet", "--timestamps")
    assert (ended.code, ended.out) == (2, "")
    assert "--timestamps goes with --follow" in ended.err
    assert demo.requests.count() == 0


def test_a_start_is_followed_to_its_end(acting: Command, demo: DemoServer) -> None:
    job_id = demo.world.schedule(demo.world.named("quiet"), "made before")
    job = demo.world.job(job_id)
    assert job is not None
    # The demo gives the job that is there for any key: it ends at once.
    demo.world.schedule = lambda _workflow, _key: job_id  # type: ignore[assignment,method-assign]
    job.cancel(demo.world.clock.now_ns())
    ended = acting("start", "quiet", "--follow", "--timestamps")
    assert ended.code == 1
    assert "ended CANCELED" in ended.err
    assert job_id in ended.err
    assert ended.out == ""


@pytest.mark.parametrize(
    ("name", "why"), [("gone", "was terminated"), ("unbuilt", "is not built")]
)
def test_a_workflow_that_may_never_run_is_asked_only_anyway(
    acting: Command, demo: DemoServer, name: str, why: str
) -> None:
    ended = acting("start", name)
    assert ended.code == 2
    assert why in ended.err
    assert "--anyway" in ended.err
    assert keys(demo) == []
    assert acting("start", name, "--anyway").code == 0
    assert started(demo, name) == 1


def test_what_is_not_there_is_not_asked_for(acting: Command, demo: DemoServer) -> None:
    assert acting("start", "none").code == 4
    assert acting("start", "quiet", "--again").code == 2
    assert acting("start", "quiet", "--again", "--new").code == 2
    assert keys(demo) == []


def unanswered(acting: Command, demo: DemoServer) -> Ended:
    demo.faults.fail_next(Failure.CUT, "schedule", times=3)
    return acting("start", "quiet")


def test_an_unanswered_start_is_named_with_the_way_on(
    acting: Command, demo: DemoServer
) -> None:
    ended = unanswered(acting, demo)
    assert ended.code == 5
    assert "Nobody knows whether this was done: start quiet." in ended.err
    assert f"chronotui start {demo.world.named('quiet').id} --again" in ended.err
    again = acting("start", "quiet")
    assert again.code == 2
    assert keys(demo)[0] in again.err
    assert "--again" in again.err
    assert "--new" in again.err
    assert len(keys(demo)) == 3
    done = acting("start", "quiet", "--again")
    assert (done.code, done.out) == (0, f"{demo.world.newest_job('quiet').id}\n")
    assert len(set(keys(demo))) == 1
    assert started(demo) == 1
    assert acting("start", "quiet").code == 0
    assert started(demo) == 2


def test_another_start_leaves_the_first_one_at_that(
    acting: Command, demo: DemoServer
) -> None:
    unanswered(acting, demo)
    assert acting("start", "quiet", "--new").code == 0
    assert len(set(keys(demo))) == 2
    assert acting("start", "quiet", "--again").code == 2


def test_a_program_killed_before_the_answer_starts_one_job(
    acting: Command, demo: DemoServer
) -> None:
    demo.faults.fail_next(Failure.UNANSWERED, "schedule")
    with subprocess.Popen([*PROGRAM, "start", "quiet"]) as program:
        deadline = time.monotonic() + 60
        while not keys(demo):
            assert time.monotonic() < deadline
            assert program.poll() is None
            time.sleep(0.01)
        program.send_signal(signal.SIGKILL)
    refused = subprocess.run(
        [*PROGRAM, "start", "quiet"], capture_output=True, check=False
    )
    assert refused.returncode == 2
    assert b"sent before and not answered" in refused.stderr
    assert len(keys(demo)) == 1
    done = subprocess.run(
        [*PROGRAM, "start", "quiet", "--again"], capture_output=True, check=False
    )
    assert done.returncode == 0
    assert len(keys(demo)) == 2
    assert len(set(keys(demo))) == 1
    assert started(demo) == 1
    assert done.stdout.decode().strip() == demo.world.newest_job("quiet").id


@pytest.mark.parametrize("told", [signal.SIGINT, signal.SIGTERM])
def test_what_is_interrupted_before_the_answer_is_named_with_the_way_on(
    acting: Command, demo: DemoServer, told: signal.Signals
) -> None:
    demo.faults.fail_next(Failure.SILENCE, "schedule")
    pipe, asked = subprocess.PIPE, [*PROGRAM, "start", "quiet"]
    with subprocess.Popen(asked, stdout=pipe, stderr=pipe) as program:
        deadline = time.monotonic() + 60
        while not keys(demo):
            assert time.monotonic() < deadline
            assert program.poll() is None
            time.sleep(0.01)
        program.send_signal(told)
        out, words = program.communicate(timeout=60)
    assert (program.returncode, out) == (128 + told, b"")
    said = words.decode()
    assert "Nobody knows whether this was done: start quiet." in said
    assert f"chronotui start {demo.world.named('quiet').id} --again" in said
    assert acting("start", "quiet", "--again").code == 0
    assert len(set(keys(demo))) == 1
    assert started(demo) == 1


def test_terminating_wants_the_name_and_tells_what_comes_of_it(
    acting: Command, demo: DemoServer
) -> None:
    job_id = acting("start", "quiet").out.strip()
    for argv in ((), ("--yes", "Quiet"), ("--yes", "")):
        ended = acting("terminate", "quiet", *argv)
        assert ended.code == 2
        assert "nothing was asked" in ended.err
    assert demo.world.named("quiet").terminated_ns is None
    ended = acting("terminate", "quiet", "--yes", "quiet")
    assert ended.code == 0
    assert ended.out == ""
    assert "terminate quiet" in ended.err
    assert "1 job ended CANCELED; none of them goes on." in ended.err
    job = demo.world.job(job_id)
    assert job is not None
    assert job.outcome == "CANCELED"
    again = acting("terminate", "quiet", "--yes", "quiet")
    assert again.code == 0
    assert "nothing was asked" in again.err
    assert acting("start", "quiet").code == 2


def test_on_a_terminal_both_ask(acting: Command, demo: DemoServer, home: Path) -> None:
    environment = environment_for(home, CHRONOTUI_CONFIG=str(acting.config))
    assert unanswered(acting, demo).code == 5

    def program(*argv: str) -> Terminal:
        return Terminal(["-m", "chronotui", *argv], environment=environment)

    with program("start", "quiet") as second:
        second.until("Ask [a]gain under its key")
        second.press("a", "enter")
        assert second.wait() == 0
    assert len(set(keys(demo))) == 1
    with program("terminate", "quiet") as third:
        third.until("1 job of it runs or waits now.")
        third.until("Its name, to do so:")
        third.press("quiet", "enter")
        third.until("ended CANCELED")
        assert third.wait() == 0
    assert demo.world.named("quiet").terminated_ns is not None
