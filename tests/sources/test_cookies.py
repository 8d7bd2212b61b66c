"""Session cookies out of Set-Cookie headers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from chronotui.sources.chronoverse import read_session
from chronotui.sources.protocol import BearerAuth, SessionAuth, SessionCookies

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
