"""What can be configured, each setting with its check, default and meaning.

The names and values are the contract of `config.toml`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from chronotui.errors import ConfigError
from chronotui.storage import declaration as declare
from chronotui.storage.bad_value import BadValueError
from chronotui.storage.declaration import Source, required, setting
from chronotui.storage.url import base_url

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from chronotui.storage.secret import Secret

CHRONOVERSE: Final = "chronoverse"
DIFY: Final = "dify"
METHODS: Final = ("session", "bearer", "cookie", "none")
TIMESTAMPS: Final = ("off", "time", "full", "elapsed", "delta")
ZONES: Final = ("local", "utc")


@dataclass(frozen=True, slots=True)
class UiSettings:
    """The ``[ui]`` table."""

    theme: str = setting(declare.filled_text, "textual-dark")
    """Name of the colour theme."""
    timestamps: str = setting(declare.one_of(*TIMESTAMPS), "time")
    """What stands before a line at first."""
    zone: str = setting(declare.one_of(*ZONES), "local")
    """Time zone times are shown in at first."""
    wrap: bool = setting(declare.boolean, False)
    """Whether long lines are wrapped at first."""
    save_dir: Path | None = setting(declare.path, None)
    """Where logs are saved; None is the current folder."""
    memory_mb: int = setting(declare.whole_number(1, 1_048_576), 512)
    """Log text kept in memory before the spool file, in MiB."""
    spool_dir: Path | None = setting(declare.path, None)
    """Where the spool file lies; None is the platform's folder for it."""


@dataclass(frozen=True, slots=True)
class AuthSettings:
    """The ``[profiles.NAME.auth]`` table: how to sign in and where secrets are."""

    method: str = setting(declare.one_of(*METHODS), "session")
    """Session login, bearer token, a session cookie as it is, or nothing."""
    email: str = setting(declare.filled_text, "")
    """Account of the session login."""
    password_command: str = setting(declare.filled_text, "")
    """Command whose first line of output is the password."""
    password_env: str = setting(declare.filled_text, "")
    """Environment variable that holds the password."""
    password_keyring: bool = setting(declare.boolean, False)
    """Whether the system's keyring holds the password."""
    password: Secret | None = setting(declare.secret, None)
    """The password itself."""
    token_command: str = setting(declare.filled_text, "")
    """Command whose first line of output is the bearer token."""
    token_env: str = setting(declare.filled_text, "")
    """Environment variable that holds the bearer token."""
    token_keyring: bool = setting(declare.boolean, False)
    """Whether the system's keyring holds the bearer token."""
    token: Secret | None = setting(declare.secret, None)
    """The bearer token itself."""
    session_command: str = setting(declare.filled_text, "")
    """Command whose first line of output is the session cookie's value."""
    session_env: str = setting(declare.filled_text, "")
    """Environment variable that holds the session cookie's value."""
    session: Secret | None = setting(declare.secret, None)
    """The session cookie's value itself."""


@dataclass(frozen=True, slots=True)
class Profile:
    """A ``[profiles.NAME]`` table: one server and how to talk to it."""

    name: str
    url: str = required(base_url)
    """The server's base URL, path prefix included, without a slash at the end."""
    kind: str = setting(declare.one_of(CHRONOVERSE, DIFY), CHRONOVERSE)
    """What kind of server it is."""
    poll_seconds: float = setting(declare.number(0.2, 300), 5.0)
    """How often a watched job and the expanded lists are asked."""
    timeout_seconds: float = setting(declare.number(0.1, 600), 10.0)
    """How long an answer may take."""
    ca_file: Path | None = setting(declare.path, None)
    """Certificates to trust instead of the system's, PEM."""
    client_cert: Path | None = setting(declare.path, None)
    """Our certificate, PEM."""
    client_key: Path | None = setting(declare.path, None)
    """The key of our certificate, PEM."""
    verify: bool = setting(declare.boolean, True)
    """Whether the server's certificate is checked."""
    insecure: bool = setting(declare.boolean, False)
    """Whether secrets may travel over plain http beyond this machine."""
    save_dir: Path | None = setting(declare.path, None)
    """Where logs are saved; None leaves it to ``[ui]``."""
    auth: AuthSettings = field(default_factory=lambda: AuthSettings(method="none"))

    def with_url(self, url: str) -> Profile:
        """Return the profile for another address of its server.

        Raises:
            ConfigError: The URL is not one of a server.
        """
        try:
            return replace(self, url=base_url(url, Path()))
        except BadValueError as error:
            raise ConfigError(f"The URL {error}") from None


@dataclass(frozen=True, slots=True)
class Config:
    """The whole configuration file; an absent file is the default one.

    ``path`` is where it stands or would stand. ``source`` is None without a file.
    """

    path: Path
    default_profile: str | None = None
    ui: UiSettings = field(default_factory=UiSettings)
    keys: Mapping[str, str] = field(default_factory=dict)
    profiles: Mapping[str, Profile] = field(default_factory=dict)
    source: Source | None = field(default=None, compare=False, repr=False)
    warnings: tuple[str, ...] = field(default=(), compare=False)

    def error(self, key: tuple[str, ...], sentence: str) -> ConfigError:
        """Return the error about one key, for checks other layers make."""
        if self.source is None:
            return ConfigError(f"{'.'.join(key)} {sentence}")
        return self.source.error(key, sentence)

    def check_key_names(self, actions: Iterable[str]) -> None:
        """Refuse ``[keys]`` entries that name no action.

        Raises:
            ConfigError: Naming file, line, key and the nearest action.
        """
        known = set(actions)
        for name in self.keys:
            if name not in known and self.source is not None:
                raise declare.unknown_key(("keys", name), known, self.source)
