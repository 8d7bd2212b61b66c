"""What was typed into the form, as the configuration's plain values."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from chronotui.errors import ConfigError
from chronotui.storage.bad_value import BadValueError
from chronotui.storage.config import (
    SECRET_KEYS,
    SECRETS_OF_METHOD,
    check_profile_name,
    parse_config,
)
from chronotui.storage.config_edit import Edit, edit_config
from chronotui.storage.settings import CHRONOVERSE
from chronotui.storage.url import base_url

if TYPE_CHECKING:
    from chronotui.storage.config_edit import Document
    from chronotui.storage.settings import AuthSettings, Profile

SECRET_OF: Final = {
    method: kinds[0] for method, kinds in SECRETS_OF_METHOD.items() if kinds
}
"""Which secret a method signs in with."""


@dataclass(frozen=True, slots=True)
class ProfileDraft:
    """A profile as typed.

    Attributes:
        name: Its name.
        kind: The kind of server.
        url: The server's base URL.
        method: How to sign in.
        email: The account; for the session login only.
        command: Prints the secret; "" leaves the other source there is, or has the
            secret asked for.
        was: The profile that is changed; None for a new one. What the form does not
            show of it stays.
    """

    name: str
    kind: str
    url: str
    method: str
    email: str = ""
    command: str = ""
    was: Profile | None = None

    def prepare(self, config_path: Path) -> tuple[Edit, Profile]:
        """Return the configuration with the profile in it, unwritten, and the profile.

        Raises:
            ConfigError: Something typed cannot be taken; the field is named.
        """
        self._check()
        edit = edit_config(config_path, self._put)
        return edit, parse_config(edit.text, edit.path).profiles[self.name]

    def dropped(self) -> list[str]:
        """Return the keys that say where a secret is and that saving takes out."""
        if self.was is None:
            return []
        before = {name: True for name, _kind in _given(self.was.auth)}
        return sorted(before.keys() - self._auth(before).keys())

    def _check(self) -> None:
        try:
            check_profile_name(self.name)
        except BadValueError as error:
            raise ConfigError(f"The name {error}") from None
        try:
            base_url(self.url, Path())
        except BadValueError as error:
            raise ConfigError(f"The URL {error}") from None
        if self.method == "session" and not self.email:
            raise ConfigError("The e-mail of the account is missing.")

    def _put(self, document: Document) -> None:
        profiles = document.setdefault("profiles", {})
        if self.was is None and self.name in profiles:
            raise ConfigError(f"There is a profile {self.name} already.")
        if self.was is not None and self.name not in profiles:
            raise ConfigError(f"The profile {self.name} is no longer in the file.")
        table = profiles.setdefault(self.name, {})
        if self.was is None or base_url(self.url, Path()) != self.was.url:
            table["url"] = self.url.strip()
        if self.kind != (self.was.kind if self.was else CHRONOVERSE):
            table["kind"] = self.kind
        auth = self._auth(table.get("auth", {}))
        if self.was is None or "auth" in table or self.method != "none":
            table["auth"] = auth
        if self.was is None:
            document.setdefault("default_profile", self.name)

    def _auth(self, before: Document) -> Document:
        """Return the sign-in: what was there, as far as the method can use it."""
        useless = set().union(*SECRET_KEYS.values())
        for kind in SECRETS_OF_METHOD[self.method]:
            useless.difference_update(SECRET_KEYS[kind])
        secret = SECRET_OF.get(self.method)
        if secret is not None:
            useless.update(SECRET_KEYS[secret] if self.command else ())
            useless.add(f"{secret}_command")
        auth: dict[str, Any] = {k: v for k, v in before.items() if k not in useless}
        auth["method"] = self.method
        if self.method == "session":
            auth["email"] = self.email
        if secret is not None and self.command:
            auth[f"{secret}_command"] = self.command
        return auth


def command_of(profile: Profile) -> str:
    """Return the command that prints the secret a profile signs in with, or ""."""
    secret = SECRET_OF.get(profile.auth.method)
    return getattr(profile.auth, f"{secret}_command") if secret else ""


def source_words(profile: Profile, method: str) -> str:
    """Say where the secret comes from that a method would use; never the secret.

    Returns:
        "" where a command prints it, or nothing says where it is.
    """
    secret = SECRET_OF.get(method)
    for name, kind in _given(profile.auth):
        if kind != secret:
            continue
        if name.endswith("_env"):
            return f"from the variable {getattr(profile.auth, name)}"
        if name.endswith("_keyring"):
            return "from the keyring"
        if name == kind:
            return "stands in the file, not shown"
    return ""


def _given(auth: AuthSettings) -> list[tuple[str, str]]:
    """Return (key, kind) of the secrets' sources that are set."""
    return [
        (name, kind)
        for kind, names in SECRET_KEYS.items()
        for name in names
        if getattr(auth, name)
    ]
