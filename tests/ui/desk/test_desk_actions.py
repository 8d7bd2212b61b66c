"""Actions on the desk: offered where allowed, asked before, opened and known after."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace
from textual.events import Key
from textual.widgets import Input

from chronotui.demo.faults import Failure
from chronotui.demo.routes import Dialect
from chronotui.demo.scripts import Script
from chronotui.demo.server import DemoServer
from chronotui.demo.world import WorkflowPlan
from chronotui.engine.merged import MergedLog
from chronotui.storage.action_journal import ActionJournal, AskedAction
from chronotui.storage.state import StateFile
from chronotui.ui.actions import (
    ActionsScreen,
    ChangeQuestion,
    LookingDialog,
    TerminateDialog,
    UnansweredQuestion,
)
from chronotui.ui.desk.board import BoardScreen
from chronotui.ui.desk.merged import MergedScreen, MergedView
from chronotui.ui.help import help_over
from tests.terminal import Terminal, environment_for
from tests.ui.desk.scenes import (
    desk_on,
    press,
    shown,
    still_server,
    until,
    until_shown,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from textual.pilot import Pilot

    from chronotui.ui.app import DeskApp

PLANS = [
    WorkflowPlan("quiet", "sweep", 10_000, 3, 600, name="quiet [/b]"),
    WorkflowPlan("gone", "sweep", 10_000, 3, 600, terminated_hours=1.5),
]


@pytest.fixture
def server() -> Iterator[DemoServer]:
    with DemoServer(plans=PLANS, page_size=100) as running:
        running.world.preference = "ALL"
        yield running


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StateFile:
    """A state folder of the test's own."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return StateFile(tmp_path / "state" / "chronotui")


def acting(server: DemoServer, memory: StateFile | None = None) -> DeskApp:
    """Return a desk whose profile allows actions."""
    app = desk_on(server, memory=memory)
    app.plan = replace(app.plan, profile=replace(app.plan.profile, actions=True))
    return app


def offered(app: DeskApp) -> set[str]:
    """Return the names of the actions in the palette and in the help."""
    listed = {one.id for one in help_over(app.screen, {})._actions}
    return listed | {one.help for one in app.get_system_commands(app.screen)}


def keys(server: DemoServer) -> list[str]:
    sent = server.requests.all("schedule")
    return [request.headers["idempotency-key"] for request in sent]


def started(server: DemoServer) -> int:
    return len(server.world.named("quiet")._added)


async def ready(pilot: Pilot[int]) -> None:
    """Wait for the tree, and for what is begun once it is there."""
    await until_shown(pilot, "quiet [/b]")
    session = pilot.app.desk.session  # type: ignore[attr-defined]
    await until(pilot, lambda: session.fleet.progress[1] is not None)


async def test_nothing_is_offered_where_the_profile_allows_nothing(
    server: DemoServer,
) -> None:
    app = desk_on(server)
    async with app.run_test(size=(120, 40)) as pilot:
        await ready(pilot)
        await press(pilot, "f8", "f9", "f6", "f7")
        assert app.screen is app.desk
        assert not {"app.start", "app.terminate", "app.actions"} & offered(app)
    assert keys(server) == []


async def test_a_start_is_asked_for_and_its_job_opened(server: DemoServer) -> None:
    app = acting(server)
    async with app.run_test(size=(120, 40)) as pilot:
        await ready(pilot)
        assert {"app.start", "app.terminate", "app.actions"} <= offered(app)
        await press(pilot, "f8")
        await until_shown(pilot, "Run quiet [/b] now?")
        await press(pilot, "enter")
        await until(pilot, lambda: app.screen is app.desk)
        assert keys(server) == []
        await press(pilot, "f8")
        await until_shown(pilot, "Run quiet [/b] now?")
        await press(pilot, "y")
        await until(pilot, lambda: app.desk.log_side.current is not None)
        shown_job = app.desk.log_side.current
        assert shown_job is not None
        assert shown_job.job.id == server.world.newest_job("quiet").id
        text = shown(pilot)
        assert keys(server)[0] in text
        assert server.email in text
        await press(pilot, "f7")
        await until(pilot, lambda: isinstance(app.screen, ActionsScreen))
        await until_shown(pilot, f"start quiet [/b]: job {shown_job.job.id}")
        await press(pilot, "escape", "escape", "f7")
        await until(pilot, lambda: isinstance(app.screen, ActionsScreen))
        assert not app.desk.has_class("-in-log")
        await press(pilot, "enter")
        await until(pilot, lambda: app.desk.has_class("-in-log"))
    assert started(server) == 1


async def test_a_start_from_the_board_is_opened_and_leads_back(
    server: DemoServer,
) -> None:
    app = acting(server)
    async with app.run_test(size=(120, 40)) as pilot:
        await ready(pilot)
        await press(pilot, "B")
        await until(pilot, lambda: isinstance(app.screen, BoardScreen))
        board = app.screen
        assert isinstance(board, BoardScreen)
        await until(pilot, lambda: board.meant.workflow is not None)
        await press(pilot, "f8")
        await until_shown(pilot, "Run quiet [/b] now?")
        await press(pilot, "y")
        await until(pilot, lambda: app.desk.log_side.current is not None)
        assert app.screen is app.desk
        await press(pilot, "escape")
        await until(pilot, lambda: isinstance(app.screen, BoardScreen))


async def test_over_the_merged_log_its_line_is_meant_not_the_hidden_desk(
    server: DemoServer,
) -> None:
    made = server.world.add_job(Script([f"line {n}" for n in range(5)]))
    app = acting(server)
    async with app.run_test(size=(100, 30)) as pilot:
        await ready(pilot)
        session = app.desk.session
        assert session is not None
        workflow = await session.client.workflow(made.workflow_id)
        job = await session.client.job(made.workflow_id, made.id)
        session.marks.toggle(workflow, job)
        assert app.desk.meant.workflow != workflow
        await press(pilot, "M")
        await until(pilot, lambda: isinstance(app.screen, MergedScreen))
        merged = app.screen
        assert isinstance(merged, MergedScreen)
        await until(pilot, lambda: merged.meant.workflow is not None)
        for key, asked in (("f8", "Run scripted now?"), ("f9", "Terminate scripted?")):
            await press(pilot, key)
            await until_shown(pilot, asked)
            await press(pilot, "escape")
        await press(pilot, "f6")
        await until_shown(pilot, "No unread notification about scripted.")
        await press(pilot, "f8")
        await until_shown(pilot, "Run scripted now?")
        await press(pilot, "y")
        await until_shown(pilot, "then F7")
        assert isinstance(app.screen, MergedScreen)
    assert len(server.requests.all("schedule")) == 1


async def test_where_nothing_is_meant_nothing_is_asked(server: DemoServer) -> None:
    app = acting(server)
    async with app.run_test(size=(100, 30)) as pilot:
        await ready(pilot)
        session = app.desk.session
        assert session is not None
        assert app.desk.meant.workflow is not None
        shown_merged = MergedView(
            MergedLog(session, str, everything=False), frozenset()
        )
        app.push_screen(MergedScreen(app.desk, shown_merged))
        await until(pilot, lambda: isinstance(app.screen, MergedScreen))
        for key in ("f6", "f8", "f9"):
            await press(pilot, key)
            await until_shown(pilot, "No workflow is meant here")
            assert isinstance(app.screen, MergedScreen)
        shown_merged.close()


async def test_keys_typed_ahead_answer_no_question(server: DemoServer) -> None:
    app = acting(server)
    async with app.run_test(size=(100, 30)) as pilot:
        await ready(pilot)
        for key, character in (("f8", None), ("y", "y"), ("right", None)):
            app.post_message(Key(key, character))
        app.post_message(Key("enter", "\r"))
        await until_shown(pilot, "Run quiet [/b] now?")
        late = Key("y", "y")
        late.time -= 60.0
        app.post_message(late)
        await press(pilot, "left")
        assert isinstance(app.screen, ChangeQuestion)
        await press(pilot, "n")
        await until(pilot, lambda: app.screen is app.desk)
    assert keys(server) == []


async def test_a_slow_server_is_waited_for_in_sight_and_left_with_esc(
    server: DemoServer,
) -> None:
    app = acting(server)
    async with app.run_test(size=(100, 30)) as pilot:
        await ready(pilot)
        for key in ("f8", "f9", "f6"):
            route = "notifications" if key == "f6" else "workflow"
            # The desk may ask the same at any moment.
            server.faults.fail_next(Failure.SILENCE, route, 5)
            await press(pilot, key)
            assert isinstance(app.screen, LookingDialog)
            assert "Looking at quiet [/b] …" in await until_shown(pilot, "esc stops")
            await press(pilot, "y", "enter", "f8")
            assert isinstance(app.screen, LookingDialog)
            await press(pilot, "escape")
            await until(pilot, lambda: app.screen is app.desk)
    assert keys(server) == []


async def test_what_enter_does_with_an_action_is_said_of_each(
    server: DemoServer, state: StateFile
) -> None:
    asked = AskedAction(
        id="1", what="terminate", server=server.url, workflow="w", workflow_id="w"
    )
    done = replace(asked, outcome="done", answer="terminated")
    elsewhere = replace(asked, what="start", server="http://other", job_id="j")
    app = acting(server, memory=state)
    async with app.run_test(size=(100, 30)) as pilot:
        await ready(pilot)
        listed = [done, asked, replace(done, what="start", job_id="j"), elsewhere]
        app.push_screen(ActionsScreen(listed, server.url))
        none = "no job to open, nothing to ask again"
        for words in (none, "enter asks what becomes of it", "enter opens the job"):
            await until_shown(pilot, words)
            await press(pilot, "j")
        await until_shown(pilot, none)
        await press(pilot, "enter")
        assert isinstance(app.screen, ActionsScreen)


async def test_terminating_wants_the_name_typed(server: DemoServer) -> None:
    app = acting(server)
    async with app.run_test(size=(80, 24)) as pilot:
        await ready(pilot)
        workflow = server.world.named("quiet")
        server.world.schedule(workflow, "a key")
        await press(pilot, "f9")
        await until(pilot, lambda: isinstance(app.screen, TerminateDialog))
        await until_shown(pilot, "1 job of it runs or waits now.")
        await until_shown(pilot, "There is no way to cancel one job alone")
        await press(pilot, *"quiet", "enter")
        await until_shown(pilot, "That is not its name")
        assert workflow.terminated_ns is None
        app.screen.query_one(Input).value = "quiet [/b]"
        await press(pilot, "enter")
        await until_shown(pilot, "none of them goes on.")
        said = " ".join(shown(pilot).split())
        assert "terminate quiet [/b] terminated 1 job ended CANCELED" in said
        assert workflow.terminated_ns is not None


async def test_what_a_workflow_is_told_of_stands_in_its_details(
    server: DemoServer,
) -> None:
    app = acting(server)
    async with app.run_test(size=(120, 60)) as pilot:
        await ready(pilot)
        text = await until_shown(pilot, "Unread notifications")
        assert "Totals" in text
        assert "A job of quiet [/b] ended" in text
        await until(pilot, lambda: server.requests.count("notifications") == 1)
        for _ in range(3):
            await press(pilot, "j", "k")
        assert server.requests.count("notifications") == 1
        assert server.requests.count("workflow_analytics") <= 2
        await press(pilot, "f6")
        await until_shown(pilot, "about quiet [/b] as read?")
        assert server.requests.count("mark_read") == 0
        await press(pilot, "y")
        await until_shown(pilot, "None about this workflow.")
        await until_shown(pilot, "mark as read: quiet [/b]")
        await press(pilot, "f6")
        await until_shown(pilot, "No unread notification about quiet [/b].")


async def test_details_that_nobody_sees_are_not_asked_about(
    server: DemoServer,
) -> None:
    app = desk_on(server)
    async with app.run_test(size=(60, 24)) as pilot:
        await ready(pilot)
        await press(pilot, "j")
        assert server.requests.count("workflow_analytics") == 0
        await press(pilot, "D")
        await until(pilot, lambda: server.requests.count("workflow_analytics") == 1)
        session = app.desk.session
        assert session is not None
        assert session.notices is not None
        wanted = session.notices
        assert wanted._wanted
        await press(pilot, "B")
        await until(pilot, lambda: not wanted._wanted)
        await press(pilot, "escape")
        await until(pilot, lambda: wanted._wanted != "")
        assert server.requests.count("workflow_analytics") == 1


async def test_what_was_not_answered_is_asked_about_at_the_next_start(
    server: DemoServer, state: StateFile
) -> None:
    server.faults.fail_next(Failure.RESET, "schedule", times=2)
    server.faults.fail_next(Failure.CUT, "schedule")
    app = acting(server, memory=state)
    async with app.run_test(size=(120, 40)) as pilot:
        await ready(pilot)
        session = app.desk.session
        assert session is not None
        assert session.actions is not None
        session.actions._retries._timing = session.actions._retries._timing.scaled(0.01)
        await press(pilot, "f8")
        await until_shown(pilot, "Run quiet [/b] now?")
        await press(pilot, "y")
        await until_shown(pilot, "Nobody knows whether this was done")
    assert started(server) == 1
    app = acting(server, memory=state)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, UnansweredQuestion))
        assert keys(server)[0] in shown(pilot)
        await press(pilot, "right", "enter")
        await until(pilot, lambda: app.desk.log_side.current is not None)
    (known,) = ActionJournal.of_user().read()
    assert not known.is_open
    assert len(keys(server)) == 4
    assert len(set(keys(server))) == 1
    assert started(server) == 1


async def test_what_nobody_decides_is_asked_about_later(
    server: DemoServer, state: StateFile
) -> None:
    journal = ActionJournal.of_user()
    asked = AskedAction(
        id="1",
        what="start",
        server=server.url,
        account=server.email,
        workflow_id=server.world.named("quiet").id,
        workflow="quiet [/b]",
        key="a-key",
    )
    journal.ask(asked)
    app = acting(server, memory=state)
    async with app.run_test(size=(100, 30)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, UnansweredQuestion))
        await press(pilot, "enter")
        await until(pilot, lambda: app.screen is app.desk)
        assert journal.read() == [asked]
        await press(pilot, "f7")
        await until(pilot, lambda: isinstance(app.screen, ActionsScreen))
        await until_shown(pilot, "start quiet [/b]: not answered")
        await press(pilot, "enter")
        await until(pilot, lambda: isinstance(app.screen, UnansweredQuestion))
        await press(pilot, "left", "enter")
        await until(pilot, lambda: not journal.read()[0].is_open)
    assert keys(server) == []


async def test_a_token_is_told_why_it_changes_nothing() -> None:
    with still_server(dialect=Dialect.DOCUMENTED) as documented:
        app = acting(documented)
        async with app.run_test(size=(100, 30)) as pilot:
            await until_shown(pilot, "nightly-report")
            await press(pilot, "f8")
            await until_shown(pilot, "needs the session and csrf cookies of a login")
            assert app.screen is app.desk


def test_a_desk_killed_before_the_answer_starts_one_job(
    server: DemoServer, tmp_path: Path
) -> None:
    config = tmp_path / "config.toml"
    config.write_text(
        f'[profiles.demo]\nurl = "{server.url}"\nactions = true\n'
        f'[profiles.demo.auth]\nemail = "{server.email}"\npassword_env = "WORD"\n'
    )
    environment = environment_for(
        tmp_path, CHRONOTUI_CONFIG=str(config), WORD=server.password
    )
    server.faults.fail_next(Failure.UNANSWERED, "schedule")
    with Terminal(["-m", "chronotui"], environment=environment) as first:
        first.until("✓✓")
        first.press("\x1b[19~")
        first.until("Run quiet [/b] now?")
        first.press("y")
        deadline = time.monotonic() + 30
        while not keys(server):
            assert time.monotonic() < deadline
            first.pump(0.05)
    with Terminal(["-m", "chronotui"], environment=environment) as second:
        second.until("Never answered: start quiet [/b]")
        second.press("\x1b[C", "enter")
        job_id = server.world.newest_job("quiet").id
        second.until(f"job {job_id[:8]}")
        assert len(set(keys(server))) == 1
        assert len(keys(server)) == 2
        second.press("\x03", "\x03")
        second.wait()
    assert started(server) == 1
