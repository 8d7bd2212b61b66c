"""From a profile to a client: sign-in, saved sessions, TLS, the diagnostic log.

Opening one imports httpx, which is what a start has to wait for longest.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, TypeAlias, cast

from msgspec import Struct

from chronotui.errors import NotSignedInError
from chronotui.sources.protocol import (
    KINDS,
    Auth,
    BearerAuth,
    CookieAuth,
    NoAuth,
    SessionAuth,
    SessionCookies,
    TlsSettings,
)
from chronotui.storage.secrets import read_secret, secret_source
from chronotui.storage.state import SavedSession, SessionFile

if TYPE_CHECKING:
    from chronotui.sources.protocol import RequestEntry, RunSource, Source
    from chronotui.storage.settings import Profile
    from chronotui.storage.state import DiagnosticLog


class SecretQuestion(Struct, frozen=True):
    """What is asked, for the words of a prompt or a dialog.

    Attributes:
        kind: "password", "token" or "session" (a session cookie's value).
        profile: Name of the profile.
        account: E-mail of the account, "" where there is none.
        url: The server the secret goes to, and to no other.
        is_again: Whether one was given before, which did not do or does no longer.
    """

    kind: str
    profile: str
    account: str
    url: str
    is_again: bool = False

    def sentence(self) -> str:
        """Return the question without a mark at its end."""
        what = {"session": "Session cookie"}.get(self.kind, self.kind.capitalize())
        account = f" of {self.account}" if self.account else ""
        return f"{what}{account} for {self.profile} ({self.url})"

    def why_again(self) -> str:
        """Say why it is asked though it was given before; "" where it was not."""
        if not self.is_again:
            return ""
        if self.kind == "password":
            return "The password before was not taken, or its session has ended."
        return "The server does not take the one given before."

    def what_becomes(self) -> str:
        """Say what becomes of the secret."""
        if self.kind == "password":
            return (
                "It is sent to this server only and not kept; the session it opens is."
            )
        return "It is sent to this server only, and not kept."


AskSecret: TypeAlias = Callable[[SecretQuestion], Awaitable[str]]
"""Asks and returns the answer; raises NotSignedInError when the user declines."""


def open_client(
    profile: Profile,
    *,
    ask: AskSecret | None = None,
    log: DiagnosticLog | None = None,
    remember: bool = True,
) -> Source:
    """Make the client of a profile whose server has jobs, see `open_server`."""
    opened = open_server(profile, needs="jobs", ask=ask, log=log, remember=remember)
    return cast("Source", opened)


def open_runs(
    profile: Profile, *, ask: AskSecret | None = None, log: DiagnosticLog | None = None
) -> RunSource:
    """Make the client of a profile whose server has the runs of an app."""
    opened = open_server(profile, needs="runs", ask=ask, log=log, remember=False)
    return cast("RunSource", opened)


def open_server(
    profile: Profile,
    *,
    needs: str = "",
    ask: AskSecret | None = None,
    log: DiagnosticLog | None = None,
    remember: bool = True,
) -> Source | RunSource:
    """Make the client of a profile; nothing is sent yet.

    Args:
        needs: The capability it is opened for; "" for none in particular.
        ask: Asks for a secret the profile does not hold; None never asks.
        log: Takes one line a request, secrets left out.
        remember: Whether sessions are kept between runs.

    Raises:
        UsageError: Servers of the profile's kind lack it, or cannot be opened.
        ConfigError: Secrets would travel over plain http, or TLS files are wrong.
    """
    kind = KINDS[profile.kind]
    kind.check(profile.name, needs)
    secrets = _Secrets(profile, ask, log)
    file = SessionFile.of(profile) if remember else None
    return kind.load_opener()(
        profile.url,
        _auth(profile, secrets, file, log),
        timeout_seconds=profile.timeout_seconds,
        tls=TlsSettings(
            ca_file=profile.ca_file,
            client_cert=profile.client_cert,
            client_key=profile.client_key,
            verify=profile.verify,
        ),
        insecure=profile.insecure,
        log=None if log is None else partial(_note, log),
    )


class _Secrets:
    """Gets a profile's secrets from where they are, or asks for them."""

    def __init__(
        self, profile: Profile, ask: AskSecret | None, log: DiagnosticLog | None
    ) -> None:
        self._profile = profile
        self._ask = ask
        self._log = log
        self._answered: set[str] = set()

    async def get(self, kind: str) -> str:
        """Return the "password", "token" or "session"."""
        source = secret_source(self._profile, kind)
        if source.may_block:
            secret = await asyncio.to_thread(read_secret, source)
        else:
            secret = read_secret(source)
        text = await self._asked(kind) if secret is None else secret.reveal()
        if self._log is not None:
            self._log.hide(text)
        return text

    async def _asked(self, kind: str) -> str:
        profile = self._profile
        if self._ask is None:
            raise NotSignedInError(
                f"Profile {profile.name} holds no {kind}, and there is no terminal "
                "to ask on.",
                next_step=f"Run chronotui login --profile {profile.name} in a "
                f"terminal, or set {kind}_command in the profile.",
            )
        answer = await self._ask(
            SecretQuestion(
                kind,
                profile.name,
                profile.auth.email,
                profile.url,
                is_again=kind in self._answered,
            )
        )
        self._answered.add(kind)
        return answer


def _auth(
    profile: Profile,
    secrets: _Secrets,
    file: SessionFile | None,
    log: DiagnosticLog | None,
) -> Auth:
    method, email = profile.auth.method, profile.auth.email
    session = partial(secrets.get, "session")
    if method == "none":
        return NoAuth()
    if method == "cookie":
        return CookieAuth(session)
    if method == "bearer":
        has_cookie = secret_source(profile, "session").is_given
        token = partial(secrets.get, "token")
        return BearerAuth(token, session if has_cookie else None)
    password = partial(secrets.get, "password")
    if file is None:
        return SessionAuth(email, password)
    keeper = _SessionKeeper(file, log)
    return SessionAuth(email, password, keeper.saved(), keeper.keep)


class _SessionKeeper:
    """Keeps the session of a client in its file."""

    def __init__(self, file: SessionFile, log: DiagnosticLog | None) -> None:
        self._file = file
        self._log = log

    def saved(self) -> SessionCookies | None:
        kept = self._file.kept()
        if kept is None:
            return None
        at = kept.expires_at
        expires = None if at is None else datetime.fromtimestamp(at, UTC)
        return self._hidden(SessionCookies(kept.session, kept.csrf, expires))

    def keep(self, cookies: SessionCookies | None) -> None:
        if cookies is None:
            self._file.forget()
            return
        expires = self._hidden(cookies).expires_at
        at = None if expires is None else expires.timestamp()
        try:
            self._file.save(SavedSession(cookies.session, cookies.csrf, at))
        except OSError as error:
            if self._log is not None:
                self._log.note(f"session not kept: {error.strerror}")

    def _hidden(self, cookies: SessionCookies) -> SessionCookies:
        """Return cookies after keeping their values out of the log."""
        if self._log is not None:
            self._log.hide(cookies.session)
            self._log.hide(cookies.csrf)
        return cookies


def _note(log: DiagnosticLog, entry: RequestEntry) -> None:
    answer = entry.status if entry.status is not None else entry.problem or "none"
    log.note(
        f"{entry.kind} {entry.method} {entry.url} -> {answer} "
        f"in {entry.seconds * 1000:.0f} ms"
    )
