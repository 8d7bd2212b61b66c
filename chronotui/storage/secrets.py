"""Where a password, token or cookie comes from, and getting it from there."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chronotui.errors import ConfigError
from chronotui.storage.secret import Secret
from chronotui.storage.secret_command import run_secret_command

if TYPE_CHECKING:
    from chronotui.storage.settings import Profile


@dataclass(frozen=True, slots=True)
class SecretSource:
    """Where one secret of a profile stands; at most one source is set.

    ``kind`` is "password", "token" or "session"; ``key`` is its place in the
    configuration, as errors name it.
    """

    kind: str
    key: str
    profile: str
    command: str = ""
    env: str = ""
    keyring: bool = False
    plain: Secret | None = None

    @property
    def is_given(self) -> bool:
        """Whether the profile says where the secret is; else it is asked for."""
        return bool(self.command or self.env or self.keyring or self.plain)

    @property
    def may_block(self) -> bool:
        """Whether getting it may take its time."""
        return bool(self.command or self.keyring)


def secret_source(profile: Profile, kind: str) -> SecretSource:
    """Return where a profile keeps its "password", "token" or "session"."""
    auth = profile.auth
    key = f"profiles.{profile.name}.auth.{kind}"
    if kind == "password":
        return SecretSource(
            kind,
            key,
            profile.name,
            command=auth.password_command,
            env=auth.password_env,
            keyring=auth.password_keyring,
            plain=auth.password,
        )
    if kind == "token":
        return SecretSource(
            kind,
            key,
            profile.name,
            command=auth.token_command,
            env=auth.token_env,
            keyring=auth.token_keyring,
            plain=auth.token,
        )
    return SecretSource(
        kind,
        key,
        profile.name,
        command=auth.session_command,
        env=auth.session_env,
        plain=auth.session,
    )


def read_secret(source: SecretSource) -> Secret | None:
    """Get a secret from where it is; None when it must be asked for.

    Blocks while a command runs or a keyring is being unlocked: for a worker thread.

    Raises:
        ConfigError: The command fails or takes too long, the variable is not set,
            or the keyring does not work. The secret is in none of the words.
    """
    if source.command:
        return run_secret_command(source.command, f"{source.key}_command")
    if source.env:
        value = os.environ.get(source.env, "")
        if not value:
            raise ConfigError(
                f"The environment variable {source.env} is not set; "
                f"{source.key}_env takes the {source.kind} from it.",
                next_step=f"Set {source.env}.",
            )
        return Secret(value)
    if source.keyring:
        from chronotui.storage.keyring_store import read_keyring

        return read_keyring(source)
    return source.plain
