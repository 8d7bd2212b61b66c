from __future__ import annotations

import stat
from typing import TYPE_CHECKING

from chronotui.demo.dify_server import DifyDemo
from chronotui.storage.config import load_config

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

    from chronotui.demo.server import DemoServer

    from .conftest import Command


def _add(run: Command, demo: DemoServer, name: str, *more: str) -> tuple[str, ...]:
    return (
        *("profile", "add", name, "--url", demo.url, "--email", demo.email),
        *("--password-env", "CHRONO_PW", *more),
    )


def test_a_profile_is_added_tried_and_used(
    run: Command, demo: DemoServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHRONO_PW", demo.password)
    ended = run(*_add(run, demo, "prod", "--set", "poll_seconds=2"))
    assert (ended.code, ended.out) == (0, "")
    assert "prod: http://127.0.0.1" in ended.err
    config = load_config(run.config)
    assert config.default_profile == "prod"
    assert config.profiles["prod"].poll_seconds == 2.0
    assert config.profiles["prod"].auth.method == "session"
    assert stat.S_IMODE(run.config.stat().st_mode) == 0o600
    assert run("workflows").code == 0


def test_a_profile_that_does_not_work_is_not_saved(
    run: Command, demo: DemoServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHRONO_PW", "wrong-password")
    ended = run(*_add(run, demo, "prod"))
    assert ended.code == 3
    assert not run.config.exists()
    assert run(*_add(run, demo, "prod", "--no-test")).code == 0
    assert run("profile", "test").code == 3


def test_a_profile_is_added_to_the_file_that_was_named(
    run: Command, demo: DemoServer, home: object
) -> None:
    ended = run(
        "profile", "add", "x", "--url", demo.url, "--no-test", "--config", "new.toml"
    )
    assert ended.code == 0
    assert run("--config", "new.toml", "profile", "show").code == 0


def test_the_method_follows_the_secret_that_is_named(
    run: Command, demo: DemoServer
) -> None:
    for name, option, method in (
        ("t", "--token-env", "bearer"),
        ("c", "--session-env", "cookie"),
    ):
        argv = ["profile", "add", name, "--url", demo.url, option, "V", "--no-test"]
        assert run(*argv).code == 0
        assert load_config(run.config).profiles[name].auth.method == method


def test_a_profile_of_another_kind_signs_in_as_that_kind_does(run: Command) -> None:
    add = ["profile", "add", "etl", "--kind", "dify", "--no-test"]
    refused = run(*add)
    assert refused.code == 2
    assert "such as https://api.dify.ai/v1 or https://HOST/v1" in refused.err
    add += ["--url", "https://h/v1"]
    refused = run(*add, "--method", "cookie")
    assert refused.code == 2
    assert "auth.method must be 'bearer' with kind 'dify'" in refused.err
    assert run(*add, "--email", "a@b.c").code == 0
    assert run("profile", "add", "b", *add[3:], "--token-env", "KEY").code == 0
    profiles = load_config(run.config).profiles
    assert [one.auth.method for one in profiles.values()] == ["bearer", "bearer"]
    ended = run("profile", "edit", "etl", "--kind", "chronoverse", "--no-test")
    assert ended.code == 0


def test_profiles_are_listed_shown_and_chosen(
    signed_up: Command, demo: DemoServer
) -> None:
    add = ["profile", "add", "b", "--url", "https://x/api", "--no-test"]
    assert signed_up(*add).code == 0
    assert signed_up("profile", "use", "b").code == 0
    rows = signed_up("profile", "list", "-o", "json").json
    assert [(row["name"], row["default"]) for row in rows] == [
        ("demo", False),
        ("b", True),
    ]
    assert "https://x/api" in signed_up("profile", "list").out
    shown = signed_up("profile", "show", "demo")
    assert demo.password not in shown.out
    assert '"•••"' in shown.out
    assert signed_up("profile", "show").out.startswith("[profiles.b]")


def test_a_profile_is_changed_key_by_key(signed_up: Command) -> None:
    signed_up.config.write_text("# mine\n" + signed_up.config.read_text() + "# end\n")
    argv = ["profile", "edit", "demo", "--set", "timeout_seconds=3", "--unset"]
    assert signed_up(*argv, "poll_seconds").code == 0
    profile = load_config(signed_up.config).profiles["demo"]
    assert (profile.timeout_seconds, profile.poll_seconds) == (3.0, 5.0)
    text = signed_up.config.read_text()
    assert "# mine" in text
    assert "# end" in text


def test_a_new_source_of_the_secret_takes_the_place_of_the_old(
    signed_up: Command, demo: DemoServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHRONO_PW", demo.password)
    assert signed_up("profile", "edit", "demo", "--password-env", "CHRONO_PW").code == 0
    auth = load_config(signed_up.config).profiles["demo"].auth
    assert (auth.password, auth.password_env) == (None, "CHRONO_PW")


def test_what_makes_no_profile_is_refused(signed_up: Command) -> None:
    before = signed_up.config.read_text()
    add = ["profile", "add", "new", "--url"]
    for argv, words in (
        ([*add, "ftp://x", "--no-test"], "must begin with http"),
        (["profile", "add", "new"], "needs a server"),
        (["profile", "add", "demo", "--url", "http://h"], "already"),
        ([*add, "http://h", "--set", "auth.password=x"], "is a secret"),
        ([*add, "http://h", "--set", "colour=red", "--no-test"], "not a known key"),
        ([*add, "http://h", "--set", "nonsense"], "takes KEY=VALUE"),
        ([*add, "http://h", "--set", "url.x=1"], "is not a table"),
        (["profile", "edit", "nobody", "--kind", "dify"], "no profile 'nobody'"),
        (["profile", "edit", "demo", "--unset", "verify"], "does not set verify"),
        (["profile", "edit", "demo", "--unset", "url.x"], "does not set url.x"),
        (["profile", "use", "nobody"], "no profile 'nobody'"),
        (["profile", "remove", "nobody"], "no profile 'nobody'"),
    ):
        ended = signed_up(*argv)
        assert ended.code == 2, argv
        assert words in ended.err
    assert signed_up.config.read_text() == before


def test_comments_stay_whatever_the_layout(
    run: Command, configure: Callable[[str], None]
) -> None:
    configure("# dear\nprofiles = { a = { url = 'http://h' } }\n")
    ended = run("profile", "edit", "a", "--set", "wrong.url=2", "--no-test")
    assert ended.code == 2
    ended = run("profile", "add", "b", "--url", "http://x", "--no-test")
    assert ended.code == 0
    assert run.config.read_text() == (
        "# dear\nprofiles = { a = { url = 'http://h' }, b = {url = \"http://x\"}}\n"
    )


def test_a_removed_profile_takes_its_session_along(signed_up: Command) -> None:
    assert signed_up("login").code == 0
    sessions = signed_up.config.parents[2] / "state" / "chronotui" / "sessions"
    assert len(list(sessions.iterdir())) == 1
    assert signed_up("profile", "remove", "demo").code == 0
    assert list(sessions.iterdir()) == []
    assert load_config(signed_up.config).profiles == {}
    assert "no profiles" in signed_up("profile", "list").err


def test_a_session_is_kept_used_and_ended(signed_up: Command, demo: DemoServer) -> None:
    assert "session is kept" in signed_up("login").err
    assert "kept" in signed_up("profile", "list").out
    demo.requests.clear()
    assert signed_up("workflows").code == 0
    assert not [one for one in demo.requests.all() if one.path == "/auth/login"]
    assert "signed out" in signed_up("logout").err
    assert "no session" in signed_up("logout").err
    assert demo.password not in signed_up("profile", "list", "-o", "json").out


def test_a_server_that_cannot_be_told_of_the_sign_out_is_said(
    signed_up: Command, demo: DemoServer
) -> None:
    assert signed_up("login").code == 0
    demo.stop()
    ended = signed_up("logout")
    assert ended.code == 0
    assert "the server was not told" in ended.err
    assert "no session" in signed_up("logout").err


def test_login_without_a_session_says_what_happened(
    run: Command, documented_demo: DemoServer, configure: Callable[[str], None]
) -> None:
    from .conftest import demo_config

    configure(demo_config(documented_demo))
    assert "takes the bearer secret" in run("login").err


def test_the_doctor_finds_what_does_not_work(
    signed_up: Command, demo: DemoServer
) -> None:
    well = signed_up("doctor")
    assert well.code == 0
    assert "FAILED" not in well.out
    assert [row.split()[0] for row in well.out.splitlines()[-3:]] == [
        "server",
        "sign-in",
        "stream",
    ]
    demo.stop()
    ill = signed_up("doctor")
    assert ill.code == 5
    assert "server" in ill.out.splitlines()[-1]
    signed_up.config.write_text("[ui]\nx = 1\n")
    assert signed_up("doctor").code == 2


def test_an_app_is_tried_signed_in_to_and_looked_at(
    run: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    with DifyDemo(rows=()) as app:
        monkeypatch.setenv("KEY", app.key)
        add = ["profile", "add", "etl", "--kind", "dify", "--url", app.url]
        added = run(*add, "--token-env", "KEY")
        assert added.code == 0
        assert "Nightly ETL (workflow), dify 1.14.2, 0 runs." in added.err
        said = [run("profile", "test"), run("login"), run("logout"), run("doctor")]
        assert [one.code for one in said] == [0, 0, 0, 0]
        tested, signed_in, signed_out, looked = said
        assert tested.out.startswith(f"etl: {app.url} answers in ")
        assert "etl takes the bearer secret" in signed_in.err
        assert "no session of etl is kept" in signed_out.err
        assert "Nightly ETL (workflow), dify 1.14.2" in looked.out
        assert not any(app.key in one.out + one.err for one in [added, *said])
        monkeypatch.setenv("KEY", "app-wrong")
        assert [run("login").code, run("profile", "test").code] == [3, 3]
        assert run("doctor").code == 3
        assert not app.load.changes
