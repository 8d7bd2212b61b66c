"""The system's keyring, an optional package that may ask, hang or be absent."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final

from chronotui.errors import ConfigError
from chronotui.storage.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Callable

    from chronotui.storage.secrets import SecretSource

SERVICE: Final = "chronotui"
TIME_LIMIT_SECONDS: Final = 60.0
"""How long unlocking may take: a person types a password into another window."""


def read_keyring(source: SecretSource) -> Secret | None:
    """Return the secret from the keyring; None when it holds none.

    Raises:
        ConfigError: The keyring package is absent, locked, or does not answer.
    """
    import_keyring(source.key)
    import keyring

    found = _limited(lambda: keyring.get_password(SERVICE, _entry(source)), source)
    return Secret(found) if found else None


def write_keyring(source: SecretSource, secret: Secret) -> None:
    """Keep a secret in the keyring.

    Raises:
        ConfigError: As `read_keyring`.
    """
    import_keyring(source.key)
    import keyring

    text = secret.reveal()
    _limited(lambda: keyring.set_password(SERVICE, _entry(source), text), source)


def import_keyring(key: str) -> None:
    """Make sure the keyring package is there.

    Raises:
        ConfigError: It is not installed.
    """
    try:
        import keyring  # noqa: F401
    except ImportError:
        raise ConfigError(
            f"{key}_keyring needs the keyring package, which is not installed.",
            next_step="Install chronotui[keyring].",
        ) from None


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
    thread.join(TIME_LIMIT_SECONDS)
    if answers:
        return answers[0]
    why = failures[0] if failures else "it did not answer in time"
    raise ConfigError(
        f"The keyring that {source.key}_keyring names does not work: {why}.",
        next_step="Unlock it, or use another source of the secret.",
    )
