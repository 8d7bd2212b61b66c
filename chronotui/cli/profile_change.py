"""Changes of the configuration that the command line makes."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, Final

from chronotui.errors import ConfigError, UsageError

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable

    from chronotui.cli.invocation import Invocation
    from chronotui.storage.config_edit import Document

_AUTH_OPTIONS: Final = (
    "method",
    "email",
    "password_command",
    "password_env",
    "password_keyring",
    "token_command",
    "token_env",
    "token_keyring",
    "session_command",
    "session_env",
)
_SECRET_KEYS: Final = {"auth.password", "auth.token", "auth.session"}


def changed_table(table: Document, options: Namespace) -> Document:
    """Return a profile's table with what the options say.

    Raises:
        UsageError: A key is written wrongly, or a secret is on the command line.
    """
    table = copy.deepcopy(table)
    if options.profile_url:
        table["url"] = options.profile_url
    if options.kind:
        table["kind"] = options.kind
    given = {name: getattr(options, name) for name in _AUTH_OPTIONS}
    auth = {name: value for name, value in given.items() if value}
    if auth:
        table["auth"] = {**_without_rivals(table.get("auth", {}), auth), **auth}
        table["auth"].setdefault("method", _method(table["auth"]))
    for text in options.set:
        key, value = _assignment(text)
        _put(table, key, value)
    for key in getattr(options, "unset", ()):
        _drop(table, key)
    return table


def write_edit(
    invocation: Invocation,
    change: Callable[[Document], None],
    *,
    try_profile: str | None = None,
) -> None:
    """Change the configuration file, once the profile was seen to work.

    Raises:
        ConfigError: The change makes a wrong file, or would lose comments and
            nobody is there to agree.
        ChronotuiError: The profile's connection or sign-in does not work.
    """
    from chronotui.storage.config import parse_config
    from chronotui.storage.config_edit import edit_config

    prepared = edit_config(invocation.config_path, change)
    if prepared.loses_comments and not _agreed(invocation):
        raise ConfigError(
            f"{prepared.path} would be written anew, and its comments lost.",
            next_step="Change it by hand.",
        )
    if try_profile is not None and not invocation.options.no_test:
        from chronotui.cli.probe import probe

        config = parse_config(prepared.text, prepared.path)
        invocation.output.say(probe(invocation, config.profiles[try_profile]))
    prepared.write()


def _agreed(invocation: Invocation) -> bool:
    from chronotui.cli.terminal import may_ask

    if not may_ask():
        return False
    invocation.output.say(
        f"{invocation.config_path} has a layout that cannot be kept: writing it anew "
        "loses its comments. Go on? [y/N]"
    )
    return input().strip().lower() in {"y", "yes"}


def _method(auth: Document) -> str:
    """Tell the method from the secrets that are named."""
    if any(name.startswith("token") for name in auth):
        return "bearer"
    if any(name.startswith("session") for name in auth):
        return "cookie"
    return "session"


def _without_rivals(auth: Document, given: Document) -> Document:
    """Leave out other sources of a secret that gets a new one."""
    kinds = {
        kind
        for name in given
        for kind in ("password", "token", "session")
        if name.startswith(kind)
    }
    return {
        name: value
        for name, value in auth.items()
        if not any(name.startswith(kind) for kind in kinds)
    }


def _assignment(text: str) -> tuple[str, Any]:
    import tomllib

    key, sign, value = text.partition("=")
    key, value = key.strip(), value.strip()
    if not key or not sign:
        raise UsageError(f"--set takes KEY=VALUE, not {text!r}.")
    if key in _SECRET_KEYS:
        raise UsageError(
            f"{key} is a secret, which others can read on a command line.",
            next_step="Name a command, a variable or the keyring, or edit the file.",
        )
    try:
        return key, tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return key, value


def _put(table: Document, key: str, value: object) -> None:
    *parents, name = key.split(".")
    for parent in parents:
        inner = table.setdefault(parent, {})
        if not isinstance(inner, dict):
            raise UsageError(f"{parent} of the profile is not a table.")
        table = inner
    table[name] = value


def _drop(table: Document, key: str) -> None:
    *parents, name = key.split(".")
    for parent in parents:
        table = table.get(parent, {})
    if name not in table:
        raise UsageError(f"The profile does not set {key}.")
    del table[name]
