"""Where a password, token or cookie comes from, and getting it from there.

A command's or variable's, the system's keyring's (an optional package that may ask,
hang or be absent), or the file's own.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import subprocess
import threading
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from chronotui.errors import ConfigError
from chronotui.storage.settings import Secret

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from chronotui.storage.settings import Profile

TIME_LIMIT_SECONDS: Final = 30.0
"""How long a password manager may take; some wait for a touch or a finger."""


def run_secret_command(
    command: str, key: str, *, time_limit: float = TIME_LIMIT_SECONDS
) -> Secret:
    """Run a command and return the first line of its output.

    No shell reads it, it has no input and no terminal, and its own words are not
    shown: they may hold what must not be seen. Whatever it started ends with it.

    Raises:
        ConfigError: It cannot be started, fails, takes longer than ``time_limit``
            seconds or prints nothing. ``key`` is named, the command is not.
    """
    try:
        words = shlex.split(command)
        process = subprocess.Popen(  # noqa: S603 - the user's own command
            [os.path.expanduser(words[0]), *words[1:]],  # noqa: PTH111 - a name too
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except (ValueError, IndexError):
        raise ConfigError(f"{key} is not a command that can be read.") from None
    except OSError as error:
        why = os.strerror(error.errno or 0)
        raise ConfigError(f"The command of {key} cannot be started: {why}.") from None
    output = _output(process, key, time_limit)
    if process.returncode:
        raise ConfigError(
            f"The command of {key} failed with exit code {process.returncode}.",
            next_step="Run it by hand to see why.",
        )
    line = output.decode(errors="surrogateescape").splitlines()[:1]
    if not line or not line[0]:
        raise ConfigError(f"The command of {key} printed nothing.")
    return Secret(line[0])


def _output(process: subprocess.Popen[bytes], key: str, time_limit: float) -> bytes:
    try:
        return process.communicate(timeout=time_limit)[0]
    except subprocess.TimeoutExpired:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        raise ConfigError(
            f"The command of {key} took longer than {time_limit:g} s and was ended.",
            next_step="Run it by hand: it may be waiting for an answer.",
        ) from None


SERVICE: Final = "chronotui"
KEYRING_SECONDS: Final = 60.0
"""How long unlocking may take: a person types a password into another window."""


def read_keyring(source: SecretSource) -> Secret | None:
    """Return the secret from the keyring; None when it holds none.

    Raises:
        ConfigError: The keyring package is absent, locked, or does not answer.
    """
    keyring = _keyring(source)
    found = _limited(lambda: keyring.get_password(SERVICE, _entry(source)), source)
    return Secret(found) if found else None


def write_keyring(source: SecretSource, secret: Secret) -> None:
    """Keep a secret in the keyring; fails like `read_keyring`."""
    keyring = _keyring(source)
    text = secret.reveal()
    _limited(lambda: keyring.set_password(SERVICE, _entry(source), text), source)


def _keyring(source: SecretSource) -> ModuleType:
    try:
        import keyring
    except ImportError:
        raise ConfigError(
            f"{source.key}_keyring needs the keyring package, which is not installed.",
            next_step="Install chronotui[keyring].",
        ) from None
    return keyring


def _entry(source: SecretSource) -> str:
    return f"{source.profile}:{source.kind}"


def _limited(call: Callable[[], str | None], source: SecretSource) -> str | None:
    """Run a keyring call in a thread of its own that is left behind if it hangs."""
    from keyring.errors import KeyringError

    answers: list[str | None] = []
    failures: list[str] = []

    def run() -> None:
        try:
            answers.append(call())
        except KeyringError as error:
            failures.append(type(error).__name__)

    thread = threading.Thread(target=run, daemon=True, name="keyring")
    thread.start()
    thread.join(KEYRING_SECONDS)
    if answers:
        return answers[0]
    why = failures[0] if failures else "it did not answer in time"
    raise ConfigError(
        f"The keyring that {source.key}_keyring names does not work: {why}.",
        next_step="Unlock it, or use another source of the secret.",
    )


class SecretSource(Struct, frozen=True):
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
        return bool(self.command or self.env or self.keyring or self.plain)

    @property
    def may_block(self) -> bool:
        return bool(self.command or self.keyring)


def secret_source(profile: Profile, kind: str) -> SecretSource:
    """Return where a profile keeps its "password", "token" or "session"."""
    auth = profile.auth
    return SecretSource(
        kind,
        f"profiles.{profile.name}.auth.{kind}",
        profile.name,
        command=getattr(auth, f"{kind}_command"),
        env=getattr(auth, f"{kind}_env"),
        keyring=getattr(auth, f"{kind}_keyring", False),
        plain=getattr(auth, kind),
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
        return read_keyring(source)
    return source.plain
