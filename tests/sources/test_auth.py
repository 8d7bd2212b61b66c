"""Secrets: had once, renewed by one for all, never asked for in vain."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from chronotui.errors import NotSignedInError, UnreachableError
from chronotui.sources.auth import Credentials, Secrets, source_for
from chronotui.sources.chronoverse import read_session
from chronotui.sources.protocol import (
    Auth,
    BearerAuth,
    CookieAuth,
    NoAuth,
    SessionAuth,
    SessionCookies,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable


class Logins:
    """A server's login and the password's source, counted."""

    def __init__(self, *outcomes: str | Exception) -> None:
        self.outcomes = list(outcomes)
        self.count = 0
        self.gate = asyncio.Event()
        self.gate.set()

    async def __call__(self, email: str, password: str) -> SessionCookies:
        self.count += 1
        await self.gate.wait()
        outcome = self.outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return SessionCookies(f"{outcome}", f"{password}$1")


def giving(*secrets: str) -> Callable[[], Awaitable[str]]:
    left: Iterable[str] = iter(secrets)

    async def give() -> str:
        return next(left)  # type: ignore[call-overload, no-any-return]

    return give


async def no_login(email: str, password: str) -> SessionCookies:
    raise AssertionError("nobody logs in here")


def for_tokens(auth: Auth) -> Credentials:
    return Credentials(source_for(auth, no_login))


async def test_a_session_is_made_at_first_use_and_kept() -> None:
    logins = Logins("one")
    kept: list[SessionCookies | None] = []
    auth = SessionAuth("me", giving("pw"), on_session=kept.append)
    credentials = Credentials(source_for(auth, logins))
    assert credentials.held is None
    first = await credentials.current()
    assert await credentials.current() is first
    assert first.headers() == {"Cookie": "session=one"}
    assert first.headers(changes=True) == {"Cookie": "session=one; csrf=pw$1"}
    assert logins.count == 1
    assert kept == [SessionCookies("one", "pw$1")]


async def test_a_saved_session_is_tried_before_anyone_is_asked() -> None:
    auth = SessionAuth("me", giving(), SessionCookies("saved", "c"))
    credentials = Credentials(source_for(auth, no_login))
    assert (await credentials.current()).session == "saved"


async def test_one_renewal_serves_all_who_wait() -> None:
    logins = Logins("new")
    kept: list[SessionCookies | None] = []
    auth = SessionAuth("me", giving("pw"), SessionCookies("old"), kept.append)
    credentials = Credentials(source_for(auth, logins))
    old = await credentials.current()
    logins.gate.clear()
    waiting = [asyncio.create_task(credentials.renew(old)) for _ in range(10)]
    await asyncio.sleep(0)
    logins.gate.set()
    renewed = await asyncio.gather(*waiting)
    assert {secrets.session for secrets in renewed} == {"new"}
    assert (await credentials.renew(old)).session == "new"
    assert logins.count == 1
    assert kept == [None, SessionCookies("new", "pw$1")]


async def test_a_cancelled_waiter_does_not_cancel_the_renewal() -> None:
    logins = Logins("new")
    credentials = Credentials(source_for(SessionAuth("me", giving("pw")), logins))
    logins.gate.clear()
    first = asyncio.create_task(credentials.current())
    second = asyncio.create_task(credentials.current())
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.sleep(0)
    logins.gate.set()
    assert (await second).session == "new"
    assert first.cancelled()


async def test_a_refused_login_is_not_repeated_until_somebody_signs_in() -> None:
    logins = Logins(NotSignedInError("wrong password", next_step="x"), "new")
    auth = SessionAuth("me", giving("bad", "good"))
    credentials = Credentials(source_for(auth, logins))
    for _ in range(5):
        with pytest.raises(NotSignedInError, match="wrong password"):
            await credentials.current()
    assert logins.count == 1
    assert (await credentials.obtain_again()).session == "new"
    assert (await credentials.current()).session == "new"


async def test_a_login_that_met_no_server_is_tried_again() -> None:
    logins = Logins(UnreachableError("no network"), "new")
    credentials = Credentials(source_for(SessionAuth("me", giving("a", "b")), logins))
    with pytest.raises(UnreachableError):
        await credentials.current()
    assert (await credentials.current()).session == "new"


async def test_all_who_wait_for_a_failing_renewal_are_told() -> None:
    logins = Logins(NotSignedInError("wrong password"))
    credentials = Credentials(source_for(SessionAuth("me", giving("bad")), logins))
    logins.gate.clear()
    waiting = [asyncio.create_task(credentials.current()) for _ in range(3)]
    await asyncio.sleep(0)
    logins.gate.set()
    outcomes = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [NotSignedInError] * 3
    assert logins.count == 1


async def test_a_token_is_asked_for_again_when_refused() -> None:
    credentials = for_tokens(BearerAuth(giving("one", "two")))
    first = await credentials.current()
    assert first.headers() == {"Authorization": "Bearer one"}
    second = await credentials.renew(first)
    assert second.headers(raw=True) == {"Authorization": "Bearer two"}


async def test_the_same_token_again_is_no_renewal() -> None:
    credentials = for_tokens(BearerAuth(giving("one", "one", "two")))
    first = await credentials.current()
    with pytest.raises(NotSignedInError):
        await credentials.renew(first)
    held = credentials.held
    assert held is not None
    assert (await credentials.renew(held)).bearer == "two"


async def test_a_bearer_profiles_session_goes_to_the_raw_download_alone() -> None:
    credentials = for_tokens(BearerAuth(giving("t"), giving("s")))
    secrets = await credentials.current()
    assert secrets.headers() == {"Authorization": "Bearer t"}
    assert secrets.headers(raw=True) == {
        "Authorization": "Bearer t",
        "Cookie": "session=s",
    }


async def test_a_cookie_is_sent_as_it_is_given() -> None:
    credentials = for_tokens(CookieAuth(giving(" eyJ/+= \n")))
    assert (await credentials.current()).headers() == {"Cookie": "session=eyJ/+="}


@pytest.mark.parametrize(
    "secret", ["", "  ", "a\nb", "a\r\nX: y", "süß", "a;b", "a\x00b", "\ud800"]
)
async def test_a_secret_no_header_can_carry_is_refused_unseen(secret: str) -> None:
    for auth in (BearerAuth(giving(secret)), CookieAuth(giving(secret))):
        with pytest.raises(NotSignedInError) as refused:
            await for_tokens(auth).current()
        assert not secret.strip() or secret not in str(refused.value)


async def test_without_a_method_nothing_is_sent_or_renewed() -> None:
    credentials = for_tokens(NoAuth())
    nothing = await credentials.current()
    assert nothing.headers(changes=True, raw=True) == {}
    with pytest.raises(NotSignedInError, match="the profile has none"):
        await credentials.renew(nothing)


async def test_closing_ends_a_renewal_under_way() -> None:
    logins = Logins("never")
    credentials = Credentials(source_for(SessionAuth("me", giving("pw")), logins))
    logins.gate.clear()
    waiting = asyncio.create_task(credentials.current())
    await asyncio.sleep(0)
    await credentials.aclose()
    with pytest.raises(asyncio.CancelledError):
        await waiting


def test_secrets_show_nothing() -> None:
    assert "s3cret" not in repr(Secrets("s3cret", "s3cret", "s3cret"))


# Session cookies out of Set-Cookie headers.


NOW = datetime(2026, 3, 3, 10, 0, tzinfo=UTC)
ATTRIBUTES = "; Path=/; HttpOnly; SameSite=Strict"


def test_reads_cookies_meant_for_another_host() -> None:
    found = read_session(
        [
            f"session=eyJ/+=; Domain=far.example.com; Secure; Max-Age=7200{ATTRIBUTES}",
            f"csrf=0af3$1772532000; Domain=far.example.com{ATTRIBUTES}",
        ],
        NOW,
    )
    assert found == SessionCookies(
        "eyJ/+=", "0af3$1772532000", NOW + timedelta(hours=2)
    )


def test_takes_an_expiry_date() -> None:
    found = read_session(["session=a; expires=Tue, 03 Mar 2026 12:30:00 GMT"], NOW)
    assert found is not None
    assert found.expires_at == datetime(2026, 3, 3, 12, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    "attribute", ["Max-Age=soon", "Expires=never", f"Max-Age={10**30}", ""]
)
def test_does_without_a_readable_expiry(attribute: str) -> None:
    found = read_session([f"session=a; {attribute}"], NOW)
    assert found == SessionCookies("a", "", None)


@pytest.mark.parametrize(
    "headers",
    [[], ["csrf=1"], ["session="], ["session"], ["other=session"], ["session=a\x00b"],
     ["session=ü"], [""]],
)  # fmt: skip
def test_no_usable_session_is_none(headers: list[str]) -> None:
    assert read_session(headers, NOW) is None


async def test_no_secret_stands_in_a_repr() -> None:
    async def secret() -> str:
        return "s3cret"

    shown = [
        repr(SessionCookies("s3cret", "s3cret")),
        repr(SessionAuth("me", secret, SessionCookies("s3cret"))),
        repr(BearerAuth(secret, secret)),
    ]
    assert not any("s3cret" in text for text in shown)
