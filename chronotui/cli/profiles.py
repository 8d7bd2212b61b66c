"""The verbs below `profile`, and `login` and `logout`."""

from __future__ import annotations

import copy
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final

from chronotui import SIGN_IN_METHODS, SOURCE_KINDS
from chronotui.cli.invocation import ask_on_terminal, asker, find_profile
from chronotui.cli.lists import json_array
from chronotui.cli.output import Column, may_ask, say
from chronotui.errors import ChronotuiError, ConfigError, UsageError

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable

    from chronotui.cli.invocation import Invocation
    from chronotui.engine.client import SecretQuestion
    from chronotui.sources.protocol import Server
    from chronotui.storage.config_edit import Document
    from chronotui.storage.settings import Profile

_SECRET_KEYS: Final = {"auth.password", "auth.token", "auth.session"}
_COLUMNS: Final = (
    Column("NAME", itemgetter("name")),
    Column("DEFAULT", lambda row: "yes" if row["default"] else ""),
    Column("URL", itemgetter("url"), least=16),
    Column("KIND", itemgetter("kind")),
    Column("SIGN-IN", lambda row: f"{row['method']} {row['email']}".strip(), least=10),
    Column("SESSION", lambda row: "kept" if row["session"] else ""),
)


def show_all(invocation: Invocation) -> int:
    from chronotui.storage.state import SessionFile

    config, output = invocation.config, invocation.output
    rows = [
        {
            "name": profile.name,
            "default": profile.name == config.default_profile,
            "url": profile.url,
            "kind": profile.kind,
            "method": profile.auth.method,
            "email": profile.auth.email,
            "session": SessionFile.of(profile).kept() is not None,
        }
        for profile in config.profiles.values()
    ]
    if invocation.options.output == "json":
        output.write(json_array(rows))
        return 0
    output.write_table(_COLUMNS, rows)
    output.flush()
    if not rows:
        invocation.say(f"no profiles; the configuration is {config.path}.")
    return 0


def show(invocation: Invocation) -> int:
    """Print a profile as TOML, secrets left out."""
    from chronotui.storage.config import profile_text

    name = invocation.options.name
    config = invocation.config
    profile = find_profile(config, name) if name else invocation.profile
    invocation.output.write(profile_text(profile))
    return 0


def add(invocation: Invocation) -> int:
    """Add a profile; its connection is tried first."""
    from chronotui.sources.protocol import KINDS
    from chronotui.storage.config import load_config

    options = invocation.options
    config = load_config(invocation.config_path)  # which may be one to be made
    if options.name in config.profiles:
        raise ConfigError(
            f"There is a profile {options.name} already.",
            next_step="Change it with chronotui profile edit.",
        )
    options.profile_url = options.profile_url or options.url
    if not options.profile_url:
        example = KINDS[options.kind or SOURCE_KINDS[0]].url_example
        raise ConfigError(
            "A profile needs a server.",
            next_step=f"Add --url URL, such as {example}.",
        )
    table = _changed_table({}, options)

    def change(document: Document) -> None:
        document.setdefault("profiles", {})[options.name] = table
        if options.use or len(document["profiles"]) == 1:
            document["default_profile"] = options.name

    _write_edit(invocation, change, try_profile=options.name)
    invocation.say(f"profile {options.name} added to {config.path}.")
    return 0


def edit(invocation: Invocation) -> int:
    options = invocation.options
    find_profile(invocation.config, options.name)

    def change(document: Document) -> None:
        table = document["profiles"][options.name]
        document["profiles"][options.name] = _changed_table(table, options)

    _write_edit(invocation, change, try_profile=options.name)
    invocation.say(f"profile {options.name} changed.")
    return 0


def test(invocation: Invocation) -> int:
    name = invocation.options.name
    profile = invocation.profile_of(name) if name else invocation.profile
    invocation.output.write(f"{_probe(invocation, profile)}\n")
    return 0


def use(invocation: Invocation) -> int:
    name = invocation.options.name
    find_profile(invocation.config, name)

    def change(document: Document) -> None:
        document["default_profile"] = name

    _write_edit(invocation, change)
    invocation.say(f"{name} is the default profile now.")
    return 0


def remove(invocation: Invocation) -> int:
    from chronotui.storage.config import forget_profile
    from chronotui.storage.state import SessionFile

    name = invocation.options.name
    profile = find_profile(invocation.config, name)
    _write_edit(invocation, lambda document: forget_profile(document, name))
    SessionFile.of(profile).forget()
    invocation.say(f"profile {name} removed.")
    return 0


def login(invocation: Invocation) -> int:
    """Sign in, and keep the session so that nothing asks again while it lasts.

    An answer that the profile wants in the keyring goes there once it was right.
    """
    profile, auth = invocation.profile, invocation.profile.auth
    answers: dict[str, str] = {}

    async def ask(question: SecretQuestion) -> str:
        answers[question.kind] = await ask_on_terminal(question)
        return answers[question.kind]

    async def work(client: Server) -> None:
        await client.sign_in()

    invocation.with_server(work, ask=ask if may_ask() else None)
    for kind, answer in answers.items():
        _keep_in_keyring(profile, kind, answer)
    if auth.method == "session":
        words = f"signed in to {profile.name} as {auth.email}; the session is kept."
    elif auth.method == "none":
        words = f"{profile.name} answers without a sign-in."
    else:
        words = f"{profile.name} takes the {auth.method} secret."
    invocation.say(words)
    return 0


def _keep_in_keyring(profile: Profile, kind: str, answer: str) -> None:
    from chronotui.storage.secrets import secret_source, write_keyring
    from chronotui.storage.settings import Secret

    source = secret_source(profile, kind)
    if source.keyring:
        write_keyring(source, Secret(answer))


def logout(invocation: Invocation) -> int:
    """End the kept session on the server and forget it here.

    A server that cannot be told keeps it until it runs out, which is said.
    """
    from chronotui.storage.state import SessionFile

    profile = invocation.profile
    file = SessionFile.of(profile)
    if file.kept() is None:
        file.forget()
        invocation.say(f"no session of {profile.name} is kept.")
        return 0

    async def work(client: Server) -> None:
        await client.sign_out()

    try:
        invocation.with_server(work)
    except ChronotuiError as error:
        invocation.say(f"the server was not told: {error.sentence}")
    file.forget()
    invocation.say(f"signed out of {profile.name}.")
    return 0


def _probe(invocation: Invocation, profile: Profile) -> str:
    """Return a sentence about a profile's server that answers."""
    import asyncio

    from chronotui.engine.diagnosis import try_profile

    return asyncio.run(try_profile(profile, ask=asker(), log=invocation.log))


def _changed_table(table: Document, options: Namespace) -> Document:
    """Return a profile's table with what the options say."""
    from chronotui.storage.settings import AuthSettings

    table = copy.deepcopy(table)
    if options.profile_url:
        table["url"] = options.profile_url
    if options.kind:
        table["kind"] = options.kind
    given = {name: getattr(options, name, None) for name in AuthSettings.READERS}
    auth = {name: value for name, value in given.items() if value}
    if auth:
        table["auth"] = {**_without_rivals(table.get("auth", {}), auth), **auth}
        kind = table.get("kind", SOURCE_KINDS[0])
        table["auth"].setdefault("method", _method(table["auth"], kind))
    for text in options.set:
        key, value = _assignment(text)
        _put(table, key, value)
    for key in getattr(options, "unset", ()):
        _drop(table, key)
    return table


def _write_edit(
    invocation: Invocation,
    change: Callable[[Document], None],
    *,
    try_profile: str | None = None,
) -> None:
    """Change the configuration file, once the profile was seen to work."""
    from chronotui.storage.config import parse_config
    from chronotui.storage.config_edit import edit_config

    prepared = edit_config(invocation.config_path, change)
    if try_profile is not None and not invocation.options.no_test:
        config = parse_config(prepared.text, prepared.path)
        say(_probe(invocation, config.profiles[try_profile]))
    prepared.write()


def _method(auth: Document, kind: str) -> str:
    """Return the way to sign in that fits the secret that is named."""
    if any(name.startswith("token") for name in auth):
        return "bearer"
    if any(name.startswith("session") for name in auth):
        return "cookie"
    return SIGN_IN_METHODS[kind][0]


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
        inner = table.get(parent)
        table = inner if isinstance(inner, dict) else {}
    if name not in table:
        raise UsageError(f"The profile does not set {key}.")
    del table[name]
