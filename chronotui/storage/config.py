"""Reading `config.toml`: strict, so that nothing starts half-configured."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from msgspec.structs import replace

from chronotui import SIGN_IN_METHODS, SOURCE_KINDS
from chronotui.errors import ConfigError
from chronotui.storage.settings import (
    METHODS,
    AlertSettings,
    AuthSettings,
    BadValueError,
    Config,
    ConfigSource,
    KeyPath,
    Profile,
    Secret,
    UiSettings,
    as_table,
    read_table,
    shown,
    unknown_key,
)

if TYPE_CHECKING:
    from collections.abc import Mapping


_TOP_KEYS: Final = ("default_profile", "ui", "alerts", "keys", "profiles")
SECRET_KEYS: Final = {
    "password": ("password_command", "password_env", "password_keyring", "password"),
    "token": ("token_command", "token_env", "token_keyring", "token"),
    "session": ("session_command", "session_env", "session"),
}
"""The keys of ``[profiles.NAME.auth]`` that say where a secret is, by its kind."""


def load_config(path: Path) -> Config:
    """Read the configuration; a file that does not exist is the default one.

    A file that holds a secret and can be read by others earns a warning.

    Raises:
        ConfigError: The file cannot be read, is not TOML, or holds an unknown key, a
            wrong type or a bad value; the sentence names file, line and key.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
        mode = path.stat().st_mode
    except FileNotFoundError:
        return Config(path)
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{path}:{line}: the text is not UTF-8.") from None
    except OSError as error:
        why = os.strerror(error.errno or 0)
        raise ConfigError(f"{path} cannot be read: {why}.") from None
    config = parse_config(text, path)
    if mode & (stat.S_IRWXG | stat.S_IRWXO) and holds_secret(config):
        words = f"{path} holds a secret and others may read it: chmod 600 {path}"
        return replace(config, warnings=(words,))
    return config


def parse_config(text: str, path: Path) -> Config:
    """Read the text of a configuration as `load_config` does; errors name ``path``."""
    document = _loads(text, path)
    source = ConfigSource(path, text)
    for name in document:
        if name not in _TOP_KEYS:
            raise unknown_key((name,), _TOP_KEYS, source)
    ui = read_table(UiSettings, document.get("ui", {}), ("ui",), source)
    alerts = document.get("alerts", {})
    profiles = _profiles(document.get("profiles", {}), source)
    return Config(
        path=path,
        default_profile=_default_profile(document, profiles, source),
        ui=UiSettings(**ui),
        alerts=AlertSettings(**read_table(AlertSettings, alerts, ("alerts",), source)),
        keys=_keys(document.get("keys", {}), source),
        profiles=profiles,
        source=source,
    )


def holds_secret(config: Config) -> bool:
    return any(
        profile.auth.password or profile.auth.token or profile.auth.session
        for profile in config.profiles.values()
    )


def check_profile_name(name: str) -> str:
    """Return a profile's name if it can be one.

    Raises:
        BadValueError: Empty, or with characters that make no file name or key.
    """
    fits = all(mark.isalnum() or mark in "-_." for mark in name)
    if fits and 1 <= len(name) <= 64 and name[0] not in "-.":
        return name
    raise BadValueError(
        "must be a name of letters, digits, '-', '_' and '.', at most 64."
    )


def _loads(text: str, path: Path) -> dict[str, Any]:
    import tomllib

    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        words, _, place = str(error).rpartition(" (at ")
        line = place.removeprefix("line ").partition(",")[0]
        where = f"{path}:{line}" if line.isdigit() else str(path)
        raise ConfigError(
            f"{where}: not TOML: {words or place}.",
            next_step="Correct the file and start again.",
        ) from None
    except RecursionError:
        raise ConfigError(f"{path} is nested too deep to be read.") from None


def _default_profile(
    document: Mapping[str, Any], profiles: Mapping[str, Profile], source: ConfigSource
) -> str | None:
    name = document.get("default_profile")
    if name is None:
        return None
    if not isinstance(name, str):
        words = f"must be the name of a profile, not {shown(name)}."
        raise source.error(("default_profile",), words)
    if name not in profiles:
        known = ", ".join(profiles) or "none"
        words = f"names no profile with {shown(name)}; there are: {known}."
        raise source.error(("default_profile",), words)
    return name


def put_keys(document: dict[str, Any], name: str, keys: str) -> None:
    """Put an action on keys in a configuration, the way it is spelled there."""
    table = document.setdefault("keys", {})
    part, _, rest = name.partition(".")
    nested = table.get(part)
    if isinstance(nested, dict) and rest in nested:
        nested[rest] = keys
    else:
        table[name] = keys


def _keys(
    table: object, source: ConfigSource, path: KeyPath = ("keys",)
) -> dict[str, str]:
    """Read the keys; ``log.follow = "F"`` without quotes, which TOML nests, as well."""
    keys: dict[str, str] = {}
    for name, value in as_table(table, path, source).items():
        if isinstance(value, str):
            keys[".".join((*path[1:], name))] = value
        elif isinstance(value, dict) and len(path) == 1:
            keys |= _keys(value, source, (*path, name))
        else:
            words = f'must be keys like "key,key", not {shown(value)}.'
            raise source.error((*path, name), words)
    return keys


def _profiles(table: object, source: ConfigSource) -> dict[str, Profile]:
    tables = as_table(table, ("profiles",), source)
    return {name: _profile(name, one, source) for name, one in tables.items()}


def _profile(name: str, value: object, source: ConfigSource) -> Profile:
    key: KeyPath = ("profiles", name)
    try:
        check_profile_name(name)
    except BadValueError as error:
        raise source.error(key, str(error)) from None
    table = dict(as_table(value, key, source))
    auth = table.pop("auth", None)
    values = read_table(Profile, table, key, source, also=("auth",))
    kind = values.get("kind", SOURCE_KINDS[0])
    methods = SIGN_IN_METHODS[kind]
    if auth is not None:
        values["auth"] = _auth(auth, kind, (*key, "auth"), source)
    elif "none" not in methods:
        values["auth"] = AuthSettings(method=methods[0])
    if values.get("client_key") and not values.get("client_cert"):
        words = "needs client_cert beside it."
        raise source.error((*key, "client_key"), words)
    return Profile(name=name, **values)


def usable_secrets(kind: str, method: str) -> tuple[str, ...]:
    """Return the secrets a method uses with a kind of server, the main one first.

    A second one, such as the cookie beside a token, is of use where one can sign in
    with it alone.
    """
    known = [METHODS[name].secrets[:1] for name in SIGN_IN_METHODS[kind]]
    return tuple(name for name in METHODS[method].secrets if (name,) in known)


def _auth(value: object, kind: str, key: KeyPath, source: ConfigSource) -> AuthSettings:
    """Read how to sign in, in one of the ways the profile's kind of server takes."""
    methods = SIGN_IN_METHODS[kind]
    values = read_table(AuthSettings, value, key, source)
    auth = AuthSettings(**{"method": methods[0], **values})
    if auth.method not in methods:
        takes = ", ".join(map(repr, methods))
        one = f"one of {takes}" if len(methods) > 1 else takes
        words = f"must be {one} with kind {kind!r}, not {shown(auth.method)}."
        raise source.error((*key, "method"), words)
    method = METHODS[auth.method]
    if method.needs_email and not auth.email:
        words = f"is missing; method {auth.method} needs it."
        raise source.error((*key, "email"), words)
    for secret, names in SECRET_KEYS.items():
        given = [name for name in names if values.get(name)]
        if given and secret not in usable_secrets(kind, auth.method):
            words = f"has no use with method {auth.method!r} of kind {kind!r}."
            raise source.error((*key, given[0]), words)
        if len(given) > 1:
            words = f"stands beside {given[0]}; only one of them can hold."
            raise source.error((*key, given[1]), words)
    return auth


# A profile for people, and out of the file.


def profile_text(profile: Profile) -> str:
    """Return what a profile says beyond the defaults, as TOML, secrets as ``•••``."""
    import tomli_w

    table = _table(profile)
    table["auth"] = {"method": profile.auth.method, **_table(profile.auth)}
    return tomli_w.dumps({"profiles": {profile.name: table}})


def _table(settings: Profile | AuthSettings) -> dict[str, Any]:
    table: dict[str, Any] = {}
    for name in settings.READERS:
        value = getattr(settings, name)
        if value != settings.default(name):
            table[name] = str(value) if isinstance(value, Secret | Path) else value
    return table


def forget_profile(document: dict[str, Any], name: str) -> None:
    """Take a profile out of the configuration, also as the default one."""
    del document["profiles"][name]
    if not document["profiles"]:
        del document["profiles"]
    if document.get("default_profile") == name:
        del document["default_profile"]
