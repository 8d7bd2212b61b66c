"""A profile as a table of the configuration file, and back to people."""

from __future__ import annotations

from dataclasses import MISSING, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chronotui.storage.secret import Secret

if TYPE_CHECKING:
    from chronotui.storage.settings import AuthSettings, Profile


def profile_table(profile: Profile) -> dict[str, Any]:
    """Return what a profile says beyond the defaults, as plain values.

    Secrets that stand in the file are ``•••``: this is for showing, not for writing.
    """
    table = _table(profile)
    table["auth"] = {"method": profile.auth.method, **_table(profile.auth)}
    return table


def profile_text(profile: Profile) -> str:
    """Return a profile as TOML, secrets as ``•••``."""
    import tomli_w

    return tomli_w.dumps({"profiles": {profile.name: profile_table(profile)}})


def forget_profile(document: dict[str, Any], name: str) -> None:
    """Take a profile out of the configuration, also as the default one."""
    del document["profiles"][name]
    if not document["profiles"]:
        del document["profiles"]
    if document.get("default_profile") == name:
        del document["default_profile"]


def _table(settings: Profile | AuthSettings) -> dict[str, Any]:
    table: dict[str, Any] = {}
    for one in fields(settings):
        value = getattr(settings, one.name)
        is_setting = one.metadata.get("read") is not None
        if is_setting and (one.default is MISSING or value != one.default):
            table[one.name] = _plain(value)
    return table


def _plain(value: object) -> object:
    if isinstance(value, Secret | Path):
        return str(value)
    return value
