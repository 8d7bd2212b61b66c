"""The verbs below `profile`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chronotui.cli.lists import json_array
from chronotui.cli.profile_change import changed_table, write_edit
from chronotui.cli.table import Cell, Column, table_lines
from chronotui.errors import ConfigError

if TYPE_CHECKING:
    from chronotui.cli.invocation import Invocation
    from chronotui.storage.config_edit import Document
    from chronotui.storage.settings import Config, Profile

_COLUMNS = (
    Column("NAME"),
    Column("DEFAULT"),
    Column("URL", least=16),
    Column("KIND"),
    Column("SIGN-IN", least=10),
    Column("SESSION"),
)


def show_all(invocation: Invocation) -> int:
    """List the profiles of the configuration."""
    from chronotui.engine.saved_session import has_session

    config, output = invocation.config, invocation.output
    rows = [
        {
            "name": profile.name,
            "default": profile.name == config.default_profile,
            "url": profile.url,
            "kind": profile.kind,
            "method": profile.auth.method,
            "email": profile.auth.email,
            "session": has_session(profile),
        }
        for profile in config.profiles.values()
    ]
    if invocation.options.output == "json":
        output.write(json_array(rows))
        return 0
    cells = [
        [
            Cell(str(row["name"])),
            Cell("yes" if row["default"] else ""),
            Cell(str(row["url"])),
            Cell(str(row["kind"])),
            Cell(f"{row['method']} {row['email']}".strip()),
            Cell("kept" if row["session"] else ""),
        ]
        for row in rows
    ]
    width = output.columns if output.is_terminal else None
    for line in table_lines(_COLUMNS, cells, width=width, colour=output.has_colour):
        output.write(f"{line}\n")
    output.flush()
    if not rows:
        output.say(f"chronotui: no profiles; the configuration is {config.path}.")
    return 0


def show(invocation: Invocation) -> int:
    """Print a profile as TOML, secrets left out."""
    from chronotui.storage.profile_table import profile_text

    invocation.output.write(profile_text(_named(invocation)))
    return 0


def add(invocation: Invocation) -> int:
    """Add a profile; its connection is tried first.

    Raises:
        ConfigError: It exists already, or what was given makes no profile.
    """
    options = invocation.options
    config = _config_or_new(invocation)
    if options.name in config.profiles:
        raise ConfigError(
            f"There is a profile {options.name} already.",
            next_step="Change it with chronotui profile edit.",
        )
    options.profile_url = options.profile_url or options.url
    if not options.profile_url:
        raise ConfigError("A profile needs a server.", next_step="Add --url URL.")
    table = changed_table({}, options)

    def change(document: Document) -> None:
        document.setdefault("profiles", {})[options.name] = table
        if options.use or len(document["profiles"]) == 1:
            document["default_profile"] = options.name

    write_edit(invocation, change, try_profile=options.name)
    invocation.output.say(f"chronotui: profile {options.name} added to {config.path}.")
    return 0


def edit(invocation: Invocation) -> int:
    """Change keys of a profile; its connection is tried first."""
    options = invocation.options
    _in_file(invocation.config, options.name)

    def change(document: Document) -> None:
        table = document["profiles"][options.name]
        document["profiles"][options.name] = changed_table(table, options)

    write_edit(invocation, change, try_profile=options.name)
    invocation.output.say(f"chronotui: profile {options.name} changed.")
    return 0


def test(invocation: Invocation) -> int:
    """Try a profile's connection and sign-in."""
    from chronotui.cli.probe import probe

    name = invocation.options.name
    profile = invocation.profile_of(name) if name else invocation.profile
    invocation.output.write(f"{probe(invocation, profile)}\n")
    return 0


def use(invocation: Invocation) -> int:
    """Make a profile the default."""
    name = invocation.options.name
    _in_file(invocation.config, name)

    def change(document: Document) -> None:
        document["default_profile"] = name

    write_edit(invocation, change)
    invocation.output.say(f"chronotui: {name} is the default profile now.")
    return 0


def remove(invocation: Invocation) -> int:
    """Remove a profile and the session kept for it."""
    from chronotui.engine.saved_session import forget_session
    from chronotui.storage.profile_table import forget_profile

    name = invocation.options.name
    profile = _in_file(invocation.config, name)
    write_edit(invocation, lambda document: forget_profile(document, name))
    forget_session(profile)
    invocation.output.say(f"chronotui: profile {name} removed.")
    return 0


def _config_or_new(invocation: Invocation) -> Config:
    """Return the configuration; the file that was named may be one to be made."""
    from chronotui.storage.config import load_config

    return load_config(invocation.config_path)


def _named(invocation: Invocation) -> Profile:
    name = invocation.options.name
    return _in_file(invocation.config, name) if name else invocation.profile


def _in_file(config: Config, name: str) -> Profile:
    from chronotui.cli.selection import find_profile

    return find_profile(config, name)
