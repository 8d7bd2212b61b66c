"""What was typed into the form, as the configuration's plain values."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from chronotui.errors import ConfigError
from chronotui.storage.bad_value import BadValueError
from chronotui.storage.config import check_profile_name, parse_config
from chronotui.storage.config_edit import Edit, edit_config
from chronotui.storage.url import base_url

if TYPE_CHECKING:
    from chronotui.storage.config_edit import Document
    from chronotui.storage.settings import Profile

SECRET_OF: Final = {"session": "password", "bearer": "token", "cookie": "session"}
"""Which secret a method signs in with."""


@dataclass(frozen=True, slots=True)
class ProfileDraft:
    """A profile as typed; ``command`` prints the secret, "" is to be asked."""

    name: str
    kind: str
    url: str
    method: str
    email: str = ""
    command: str = ""

    def prepare(self, config_path: Path) -> tuple[Edit, Profile]:
        """Return the configuration with the profile in it, unwritten, and the profile.

        Raises:
            ConfigError: Something typed cannot be taken; the field is named.
        """
        self._check()
        edit = edit_config(config_path, self._put)
        return edit, parse_config(edit.text, edit.path).profiles[self.name]

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
        if self.name in profiles:
            raise ConfigError(f"There is a profile {self.name} already.")
        auth = {"method": self.method}
        if self.method == "session":
            auth["email"] = self.email
        if self.command and self.method in SECRET_OF:
            auth[f"{SECRET_OF[self.method]}_command"] = self.command
        table: Document = {"url": self.url.strip()}
        if self.kind != "chronoverse":
            table["kind"] = self.kind
        profiles[self.name] = {**table, "auth": auth}
        document.setdefault("default_profile", self.name)
