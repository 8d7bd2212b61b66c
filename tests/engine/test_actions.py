"""Actions against a real server: done once, known afterwards, refused in words."""

from __future__ import annotations

import asyncio
import json
import os
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

import pytest
from msgspec.structs import replace

from chronotui.demo.faults import Failure
from chronotui.demo.world import WorkflowPlan
from chronotui.engine.actions import (
    Actions,
    TerminationState,
    audit_line,
    cautions,
    check_allowed,
    is_askable,
    is_its_name,
    is_unanswered,
)
from chronotui.engine.retry import Retries
from chronotui.engine.timing import WatchTiming
from chronotui.errors import (
    ChronotuiError,
    FailedAnswerError,
    NotFoundError,
    PathRefusedError,
    UnansweredActionError,
    UnreachableError,
    UsageError,
    WebPageError,
)
from chronotui.model import BuildStatus, Workflow, WorkflowKind
from chronotui.sources.chronoverse import open_chronoverse
from chronotui.sources.protocol import (
    BearerAuth,
    CookieAuth,
    NoAuth,
    SessionAuth,
    SessionCookies,
)
from chronotui.storage import action_journal
from chronotui.storage.action_journal import ActionJournal, ActionOutcome
from chronotui.storage.settings import AuthSettings, Profile
from tests.engine.conftest import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from chronotui.demo.server import DemoServer
    from chronotui.model import Job
    from chronotui.sources.chronoverse import Chronoverse
    from chronotui.sources.protocol import Auth

TIMING = WatchTiming().scaled(0.005)
PLAN = WorkflowPlan("quiet", "sweep", 10_000, 3, 600)


async def secret() -> str:
    return "chronoverse-demo"


class Desk(NamedTuple):
    """One user of a server."""

    server: DemoServer
    client: Chronoverse
    actions: Actions
    journal: ActionJournal

    @property
    def keys(self) -> list[str]:
        """The idempotency keys the server was sent."""
        sent = self.server.requests.all("schedule")
        return [request.headers["idempotency-key"] for request in sent]

    async def workflow(self) -> Workflow:
        return await self.actions.look(self.server.world.named("quiet").id)

    def started(self) -> int:
        """How many jobs somebody started."""
        workflow = self.server.world.named("quiet")
        return len(workflow._added)


@pytest.fixture
async def open_desk(
    make_demo: Callable[..., DemoServer], tmp_path: Path
) -> AsyncIterator[Callable[..., Desk]]:
    server = make_demo(plans=[PLAN])
    opened: list[Chronoverse] = []

    def make(auth: Auth | None = None, **changes: object) -> Desk:
        auth = auth or SessionAuth(server.email, secret)
        client = open_chronoverse(server.url, auth, timeout_seconds=5)
        opened.append(client)
        settings = AuthSettings(email=server.email)
        profile = Profile(name="demo", url=server.url, actions=True, auth=settings)
        journal = ActionJournal(tmp_path / "actions.jsonl")
        retries = Retries(timing=TIMING)
        profile = replace(profile, **changes)
        actions = Actions(client, profile, journal, retries=retries)
        return Desk(server, client, actions, journal)

    yield make
    for client in opened:
        await client.aclose()


@pytest.fixture
def desk(open_desk: Callable[..., Desk]) -> Desk:
    return open_desk()


async def test_a_start_is_kept_before_it_is_sent_and_its_answer_after(
    desk: Desk,
) -> None:
    kept: list[str] = []
    real = desk.client.schedule

    async def schedule(workflow_id: str, key: str) -> str:
        asked = desk.journal.read()[-1]
        kept.append(asked.key)
        assert (asked.workflow_id, asked.outcome) == (workflow_id, "")
        return await real(workflow_id, key)

    desk.client.schedule = schedule  # type: ignore[method-assign]
    done = await desk.actions.start(await desk.workflow())
    assert desk.keys == kept == [done.key]
    (known,) = desk.journal.read()
    assert replace(known, answered_at=done.answered_at) == done
    assert desk.started() == 1
    job = await desk.actions.started_job(done)
    assert (job.id, job.trigger) == (done.job_id, "MANUAL")
    line = audit_line(done)
    for part in (desk.server.email, desk.server.url, "start quiet", done.key, job.id):
        assert part in line
    other = await desk.actions.start(await desk.workflow())
    assert other.key != done.key
    assert desk.started() == 2


@pytest.mark.parametrize(
    "failure",
    [Failure.PLAIN_500, Failure.HTML_502, Failure.RESET, Failure.CUT, Failure.TOO_MANY],
    ids=lambda failure: failure.name,
)
async def test_every_retry_has_the_same_key_and_one_job_comes_of_it(
    desk: Desk, failure: Failure
) -> None:
    desk.server.faults.fail_next(failure, "schedule", times=2)
    done = await desk.actions.start(await desk.workflow())
    assert len(desk.keys) == 3
    assert set(desk.keys) == {done.key}
    assert desk.started() == 1


async def test_what_was_not_answered_is_asked_again_under_its_key(
    desk: Desk, open_desk: Callable[..., Desk]
) -> None:
    desk.server.faults.fail_next(Failure.CUT, "schedule", times=3)
    with pytest.raises(UnansweredActionError, match="start quiet"):
        await desk.actions.start(await desk.workflow())
    assert desk.started() == 1
    later = open_desk()
    (found,) = await later.actions.unanswered()
    assert "not answered" in audit_line(found)
    assert await later.actions.unanswered("other") == []
    done = await later.actions.repeat(found)
    assert set(desk.keys) == {found.key}
    assert desk.started() == 1
    assert done.job_id
    assert await later.actions.unanswered() == []


async def test_it_can_be_left_at_not_knowing(desk: Desk) -> None:
    desk.server.faults.fail_next(Failure.CUT, "schedule", times=3)
    with pytest.raises(UnansweredActionError):
        await desk.actions.start(await desk.workflow())
    (found,) = await desk.actions.unanswered()
    await desk.actions.leave(found)
    assert await desk.actions.unanswered() == []
    assert "left at that" in audit_line((await desk.actions.history())[0])


async def test_another_account_and_another_server_are_not_asked_about(
    desk: Desk, open_desk: Callable[..., Desk]
) -> None:
    desk.server.faults.fail_next(Failure.CUT, "schedule", times=3)
    with pytest.raises(UnansweredActionError):
        await desk.actions.start(await desk.workflow())
    other = open_desk(auth=None, url="http://127.0.0.1:1")
    assert await other.actions.unanswered() == []
    assert len(await other.actions.history()) == 1


async def test_an_interrupted_start_is_asked_about(desk: Desk) -> None:
    desk.server.faults.fail_next(Failure.UNANSWERED, "schedule")
    asking = asyncio.create_task(desk.actions.start(await desk.workflow()))
    await until(lambda: desk.keys)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    (found,) = await desk.actions.unanswered()
    assert found.key == desk.keys[0]


class CrashError(BaseException):
    """The program is no more."""


@pytest.mark.parametrize("before", ["write", "fsync"])
@pytest.mark.parametrize("nth", range(1, 5))
async def test_whenever_it_crashes_the_server_has_no_key_that_is_not_kept(
    open_desk: Callable[..., Desk],
    monkeypatch: pytest.MonkeyPatch,
    before: str,
    nth: int,
) -> None:
    desk = open_desk()
    workflow, left = await desk.workflow(), nth
    real = getattr(os, before)

    def deadly(file: int, *args: bytes) -> object:
        nonlocal left
        left -= 1
        if not left:
            raise CrashError
        return real(file, *args)

    with monkeypatch.context() as patch:
        patch.setattr(os, before, deadly)
        with suppress(CrashError):
            await desk.actions.start(workflow)
    kept = {action.key for action in desk.journal.read()}
    assert set(desk.keys) <= kept
    monkeypatch.setattr(action_journal, "_is_alive", lambda _process: False)
    later = open_desk()
    for action in await later.actions.unanswered():
        await later.actions.repeat(action)
    assert desk.started() == len(kept)
    assert set(desk.keys) == kept
    assert await later.actions.unanswered() == []


async def test_a_refusal_is_kept_as_one(desk: Desk) -> None:
    desk.server.faults.refuse(403, route="schedule", body="you may not")
    with pytest.raises(ChronotuiError, match="you may not"):
        await desk.actions.start(await desk.workflow())
    (known,) = await desk.actions.history()
    assert known.outcome == ActionOutcome.REFUSED
    assert "you may not" in known.answer
    assert await desk.actions.unanswered() == []


async def test_what_never_left_was_not_done(desk: Desk) -> None:
    workflow = await desk.workflow()
    desk.server.stop()
    with pytest.raises(UnreachableError, match="nothing listens there"):
        await desk.actions.start(workflow)
    assert [a.outcome for a in desk.journal.read()] == [ActionOutcome.REFUSED]
    desk.server.start()
    assert await desk.actions.unanswered() == []


async def test_what_may_have_been_done_stays_so_whatever_is_answered_later(
    desk: Desk,
) -> None:
    workflow = await desk.workflow()
    desk.server.faults.fail_next(Failure.CUT, "schedule")
    desk.server.faults.fail_next(Failure.FORBIDDEN, "schedule", times=2)
    with pytest.raises(UnansweredActionError):
        await desk.actions.start(workflow)
    (found,) = await desk.actions.unanswered()
    with pytest.raises(UnansweredActionError):
        await desk.actions.repeat(found)
    done = await desk.actions.repeat(found)
    assert done.job_id == desk.server.world.newest_job("quiet").id
    assert len(set(desk.keys)) == 1


async def test_an_unknown_workflow_is_told_by_looking_before_asking(
    desk: Desk,
) -> None:
    with pytest.raises(NotFoundError):
        await desk.actions.look("00000000-0000-0000-0000-000000000000")
    assert desk.keys == []


async def test_a_csrf_token_that_ended_is_renewed_with_its_session(
    open_desk: Callable[..., Desk],
) -> None:
    server = open_desk().server
    session, _csrf = server.open_session()
    for csrf in ("", "ended$1"):
        saved = SessionCookies(session, csrf)
        desk = open_desk(SessionAuth(server.email, secret, saved))
        workflow = await desk.workflow()
        server.requests.clear()
        await desk.actions.start(workflow)
        assert server.requests.count("login") == 1
        assert set(desk.keys) == {desk.keys[0]}
        await desk.actions.start(workflow)
        assert server.requests.count("login") == 1


async def test_a_session_that_ended_is_renewed_and_the_key_kept(desk: Desk) -> None:
    workflow = await desk.workflow()
    for session in desk.server.service.accounts.sessions.values():
        session.ends_at = 0
    done = await desk.actions.start(workflow)
    assert set(desk.keys) == {done.key}
    assert desk.started() == 1


@pytest.mark.parametrize(
    "auth", [NoAuth(), BearerAuth(secret, secret), CookieAuth(secret)], ids=repr
)
async def test_only_a_login_may_change_anything(
    open_desk: Callable[..., Desk], auth: Auth
) -> None:
    desk = open_desk(auth)
    workflow = Workflow("w", "w", WorkflowKind.CONTAINER)
    with pytest.raises(UsageError, match="session and csrf cookies"):
        await desk.actions.start(workflow)
    with pytest.raises(UsageError, match="session and csrf cookies"):
        await desk.client.terminate("w")
    assert desk.server.requests.count() == 0
    assert desk.journal.read() == []


def test_profiles_allow_nothing_by_default() -> None:
    profile = Profile("prod", "https://h")
    with pytest.raises(UsageError, match="allows no actions") as refused:
        check_allowed(profile)
    assert "--set actions=true" in refused.value.next_step
    check_allowed(replace(profile, actions=True))
    with pytest.raises(UsageError, match="which has no actions"):
        check_allowed(replace(profile, kind="dify", actions=True))


async def test_nothing_is_asked_that_cannot_be_kept(
    open_desk: Callable[..., Desk], tmp_path: Path
) -> None:
    desk = open_desk()
    (tmp_path / "actions.jsonl").mkdir()
    with pytest.raises(PathRefusedError, match="nothing was asked"):
        await desk.actions.start(await desk.workflow())
    with pytest.raises(PathRefusedError, match="cannot be read"):
        await desk.actions.history()
    assert desk.keys == []


async def test_terminating_cancels_what_runs_and_is_told_as_it_happens(
    desk: Desk,
) -> None:
    done = await desk.actions.start(await desk.workflow())
    workflow = await desk.workflow()
    unfinished = await desk.actions.unfinished(workflow.id)
    assert [job.id for job in unfinished.jobs] == [done.job_id]
    assert unfinished.sentence() == "1 job of it runs or waits now."
    ended = await desk.actions.terminate(workflow)
    assert ended.key == ""
    states = [s async for s in desk.actions.ending(unfinished.jobs, seconds=0.05)]
    assert states[-1].sentence() == "1 job ended CANCELED; none of them goes on."
    assert (await desk.workflow()).terminated_at is not None
    assert (await desk.actions.terminate(await desk.workflow())).answer == "terminated"


async def test_jobs_that_are_not_cancelled_are_not_waited_for_for_ever(
    desk: Desk,
) -> None:
    job = desk.server.world.add_job(workflow=desk.server.world.named("quiet"))
    read = await desk.client.job(job.workflow_id, job.id)
    states = [
        state async for state in desk.actions.ending([read], seconds=0.01, patience=0.1)
    ]
    assert [state.sentence() for state in states] == ["1 job not cancelled yet."]


async def test_a_termination_without_an_answer_is_looked_up(desk: Desk) -> None:
    workflow = await desk.workflow()
    desk.server.faults.refuse(502, "text/html", "workflow", times=3)
    with pytest.raises(UnansweredActionError):
        await desk.actions.terminate(workflow)
    (found,) = await desk.actions.unanswered()
    assert found.what == "terminate"
    await desk.client.terminate(workflow.id)
    assert await desk.actions.unanswered() == []
    (known,) = await desk.actions.history()
    assert (known.outcome, known.answer) == ("done", "terminated, as was seen later")


async def test_notifications_are_read_and_marked_and_totals_told(
    open_desk: Callable[..., Desk],
) -> None:
    desk = open_desk()
    desk.server.world.preference = "ALL"
    workflow = await desk.workflow()
    page = await desk.client.notifications()
    found = [one for one in page.items if one.is_about(workflow.id)]
    assert found
    assert found[0].title.startswith("Job ")
    done = await desk.actions.mark_read(workflow, [one.id for one in found])
    assert done.answer.endswith("read")
    assert (await desk.client.notifications()).items == ()
    totals = await desk.client.totals(workflow.id)
    assert totals is not None
    assert totals.jobs == 3
    with pytest.raises(NotFoundError):
        await desk.actions.mark_read(workflow, ["none"])
    desk.server.faults.refuse(503, route="notifications", times=3)
    with pytest.raises(UnansweredActionError) as unknown:
        await desk.actions.mark_read(workflow, ["none"])
    assert "does no harm" in unknown.value.next_step
    assert await desk.actions.unanswered() == []
    assert not is_askable((await desk.actions.history())[0])


async def test_totals_that_are_not_there_are_none_and_a_proxys_page_is_not(
    desk: Desk,
) -> None:
    assert await desk.client.totals("none") is None
    desk.server.faults.refuse(404, "text/html", "workflow_analytics")
    with pytest.raises(NotFoundError):
        await desk.client.totals("none")


async def test_a_change_follows_no_redirect(desk: Desk) -> None:
    workflow = await desk.workflow()
    desk.server.faults.fail_next(Failure.REDIRECT, "schedule", times=3)
    with pytest.raises(ChronotuiError):
        await desk.actions.start(workflow)
    paths = {request.path for request in desk.server.requests.all()}
    assert "/login" not in paths


@pytest.mark.parametrize(
    ("error", "route", "open_"),
    [
        (UnreachableError("x"), "schedule", True),
        (FailedAnswerError("x"), "terminate", True),
        (WebPageError("x"), "schedule", True),
        (UnreachableError("x"), "login", False),
        (NotFoundError("x"), "terminate", False),
        (UsageError("x"), "schedule", False),
    ],
)
def test_only_what_may_have_been_done_is_open(
    error: ChronotuiError, route: str, open_: bool
) -> None:
    error.route = route
    assert is_unanswered(error) is open_


def test_what_speaks_against_a_start_is_said() -> None:
    workflow = Workflow(
        "w", "n \x1b", WorkflowKind.CONTAINER, build_status=BuildStatus.COMPLETED
    )
    assert cautions(workflow) == []
    assert cautions(replace(workflow, build_status=None)) == []
    (words,) = cautions(replace(workflow, build_status=BuildStatus.FAILED))
    assert words.startswith("n ␛ is not built (its build is FAILED)")


def test_a_name_is_taken_as_it_is_or_as_it_is_shown() -> None:
    workflow = Workflow("w", " n\x1b[red] ", WorkflowKind.CONTAINER)
    assert is_its_name(" n\x1b[red] ", workflow)
    assert is_its_name("n␛[red]", workflow)
    assert not is_its_name("", workflow)
    assert not is_its_name("w", workflow)
    assert is_its_name("w", replace(workflow, name=" "))


def test_what_has_become_of_jobs_is_said() -> None:
    def jobs(count: int) -> tuple[Job, ...]:
        made: tuple[Job, ...] = tuple(json_job(number) for number in range(count))
        return made

    assert TerminationState((), ()).sentence() == "No job of it was running or waiting."
    words = TerminationState(jobs(2), jobs(1)).sentence()
    assert words == "2 jobs ended CANCELED, 1 job not cancelled yet."


def json_job(number: int) -> Job:
    from chronotui.sources.wire_json import read_job

    return read_job(
        json.dumps({"id": str(number), "status": "CANCELLED"}).encode(), "w"
    )
