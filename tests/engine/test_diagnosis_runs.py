"""What is found out about the server of an app's runs by asking it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from chronotui.demo.dify_server import DifyDemo
from chronotui.engine.diagnosis import CheckResult, diagnose, try_profile
from chronotui.errors import LogsUnavailableError, NotSignedInError
from chronotui.model import Job, JobStatus, Page
from chronotui.storage.settings import AuthSettings, Profile, Secret
from tests.engine.scripted_app import ScriptedApp, run_of

if TYPE_CHECKING:
    from pathlib import Path

URL = "https://dify.test/v1"
PROFILE = Profile(
    name="etl",
    url=URL,
    kind="dify",
    auth=AuthSettings(method="bearer", token=Secret("app-key")),
)
NO_LOGS = "An app of type chat has no workflow logs."


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> ScriptedApp:
    return ScriptedApp().opened_by(monkeypatch)


async def found_of(app: ScriptedApp, *jobs: Job) -> list[CheckResult]:
    app.page = Page(jobs, total=1234 if jobs else 0)
    found = await diagnose(PROFILE, ask=None, environ={})
    assert app.asked[-1] == "aclose"
    return found


async def test_a_profile_that_works_is_told_by_its_app(app: ScriptedApp) -> None:
    app.page = Page((run_of(1),), total=1234)
    said = await try_profile(PROFILE, ask=None)
    begin, _, end = said.partition(" ms, ")
    assert begin.startswith(f"etl: {URL} answers in ")
    assert end == "Nightly ETL (workflow), dify 1.14.2, 1,234 runs."
    assert app.asked == ["workflows", "jobs", "aclose"]


@pytest.mark.parametrize("way", ["notes", "error"])
async def test_an_app_without_logs_works_and_says_why(
    app: ScriptedApp, way: str
) -> None:
    if way == "notes":
        app.page = Page((), total=0, notes=(NO_LOGS,))
    else:
        app.refused_list = LogsUnavailableError(NO_LOGS)
    said = await try_profile(PROFILE, ask=None)
    assert said.endswith(f" ms, Nightly ETL (workflow), dify 1.14.2. {NO_LOGS}")
    found = await diagnose(PROFILE, ask=None, environ={})
    assert found[-1] == CheckResult("runs", "warning", NO_LOGS)


async def test_a_key_that_is_refused_is_the_finding(app: ScriptedApp) -> None:
    app.refused_key = NotSignedInError("Access token is invalid.")
    with pytest.raises(NotSignedInError):
        await try_profile(PROFILE, ask=None)
    found = await found_of(app)
    assert found[1:] == [
        CheckResult("sign-in", "FAILED", "Access token is invalid.", 3)
    ]


async def test_everything_is_looked_at_without_asking_for_events(
    app: ScriptedApp,
) -> None:
    running = run_of(2, JobStatus.RUNNING, by="nightly-etl")
    found = await found_of(app, running, run_of(1))
    assert [one.check for one in found] == [
        *("server", "sign-in", "clock", "runs", "events")
    ]
    assert {one.result for one in found} == {"ok"}
    assert found[1].found == "bearer, Nightly ETL (workflow), dify 1.14.2"
    assert found[3].found == "1,234 runs"
    assert found[4].found == "00000002 can be followed"
    assert app.asked == ["check_server", "workflows", "jobs", "aclose"]


async def test_why_a_run_cannot_be_followed_is_said(app: ScriptedApp) -> None:
    by_account = run_of(3, JobStatus.PAUSED)
    events = (await found_of(app, by_account))[-1]
    assert events.found == "00000003 cannot be followed: it was run by an account"
    by_user = run_of(2, JobStatus.RUNNING, by="nightly-etl")
    events = (await found_of(app, by_account, by_user))[-1]
    assert events.found == "00000002 can be followed"
    events = (await found_of(app, run_of(1)))[-1]
    assert events == CheckResult("events", "ok", "nothing runs: nothing to follow")
    app.can_follow = False
    events = (await found_of(app, run_of(1)))[-1]
    assert events == CheckResult("events", "warning", "this server does not tell them")


@pytest.mark.parametrize(
    ("skew", "ahead", "is_named"),
    [
        (0.0, 30.0, False),
        (0.0, 28_800.0, True),
        (28_800.0, 28_800.0, False),
        (None, 28_800.0, False),
    ],
    ids=["rounded up", "another zone", "our clock is behind", "no clock to compare"],
)
async def test_times_ahead_of_the_servers_own_clock_are_named(
    app: ScriptedApp, skew: float | None, ahead: float, is_named: bool
) -> None:
    app.clock_skew = skew
    found = await found_of(app, run_of(2, ahead=ahead), run_of(1, ahead=ahead - 60))
    zones = [one for one in found if one.check == "zone"]
    assert [one.result for one in zones] == ["warning"] * is_named
    assert all("database may keep another time zone" in one.found for one in zones)


async def test_names_of_strangers_are_cleaned(app: ScriptedApp) -> None:
    app.page = Page((), total=0, notes=("a\x1b[31mb",))
    assert "\x1b" not in await try_profile(PROFILE, ask=None)


def profile_of(demo: DifyDemo, key: str = "", path: str = "/v1") -> Profile:
    auth = AuthSettings(method="bearer", token=Secret(key or demo.key))
    return replace(PROFILE, url=f"{demo.origin}{path}", auth=auth)


async def looked_at(demo: DifyDemo, **how: str) -> dict[str, CheckResult]:
    """Look at a server, which must not be changed by that."""
    found = await diagnose(profile_of(demo, **how), ask=None, environ={})
    assert set(demo.load.most) <= {"info", "runs"}
    assert not demo.load.changes
    return {one.check: one for one in found}


@pytest.mark.parametrize("version", ["1.9.2", "1.13.0", "1.14.2"])
async def test_each_release_is_examined(version: str) -> None:
    with DifyDemo(version=version, count=60) as demo:
        said = await try_profile(profile_of(demo, path=""), ask=None)
        found = await looked_at(demo)
    assert f", Nightly ETL (workflow), dify {version}, " in said
    assert found["sign-in"].found == f"bearer, Nightly ETL (workflow), dify {version}"
    assert {found[one].result for one in ("server", "clock", "runs")} == {"ok"}
    assert found["events"].result == ("ok" if version == "1.14.2" else "warning")


@pytest.mark.parametrize(
    ("mode", "version"), [("advanced-chat", "1.14.2"), ("chat", "1.16.1")]
)
async def test_an_app_of_another_type_is_a_warning(mode: str, version: str) -> None:
    with DifyDemo(version=version, mode=mode) as demo:
        said = await try_profile(profile_of(demo), ask=None)
        runs = (await looked_at(demo))["runs"]
    assert (runs.result, runs.exit_code) == ("warning", 0)
    assert f"no workflow logs ({mode})" in runs.found
    assert runs.found in said


@pytest.mark.parametrize(
    ("how", "check", "code", "words"),
    [
        ({"key": "app-wrong-key"}, "sign-in", 3, "key"),
        ({"key": "dataset-key"}, "sign-in", 3, "knowledge base"),
        ({"path": "/console"}, "server", 5, "forgot /v1?"),
    ],
    ids=["wrong key", "key of a dataset", "no API there"],
)
async def test_what_stands_in_the_way_is_the_last_finding(
    how: dict[str, str], check: str, code: int, words: str
) -> None:
    with DifyDemo(rows=()) as demo:
        found = await looked_at(demo, **how)
    assert list(found)[-1] == check
    assert (found[check].result, found[check].exit_code) == ("FAILED", code)
    assert words in found[check].found
    assert not any(how.get("key", "no key") in one.found for one in found.values())
