"""Which configuration, profile, server and log are used.

A flag beats the environment, and the environment beats the file.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from chronotui.errors import ConfigError, PathRefusedError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chronotui.storage.diagnostic_log import DiagnosticLog
    from chronotui.storage.settings import Config, Profile


def config_path(flag: str | None, environment: Mapping[str, str]) -> Path:
    """Return the path of the configuration in use."""
    named = flag or environment.get("CHRONOTUI_CONFIG")
    if named:
        return Path(named).expanduser()
    from chronotui.storage.paths import config_file

    return config_file()


def read_config(flag: str | None, environment: Mapping[str, str]) -> Config:
    """Read the configuration in use.

    Raises:
        ConfigError: It is wrong, or a file that was named is not there.
    """
    from chronotui.storage.config import load_config

    path = config_path(flag, environment)
    config = load_config(path)
    named = flag or environment.get("CHRONOTUI_CONFIG")
    if named and config.source is None:
        raise ConfigError(
            f"There is no configuration file {path}.",
            next_step="Correct --config or CHRONOTUI_CONFIG, or make one with "
            "chronotui profile add.",
        )
    return config


def choose_profile(
    config: Config,
    name_flag: str | None,
    url_flag: str | None,
    environment: Mapping[str, str],
) -> Profile:
    """Return the profile in use, at the address in use.

    Raises:
        ConfigError: There is no profile, no such one, or several and no default.
    """
    url = server_url(url_flag, environment)
    name = name_flag or environment.get("CHRONOTUI_PROFILE") or config.default_profile
    if name is None and len(config.profiles) == 1:
        name = next(iter(config.profiles))
    if name is None:
        if url and not config.profiles:
            return unnamed_profile(url)
        raise _no_choice(config)
    profile = find_profile(config, name)
    return profile.with_url(url) if url else profile


def server_url(flag: str | None, environment: Mapping[str, str]) -> str | None:
    """Return the URL that is used instead of a profile's, if one is named."""
    return flag or environment.get("CHRONOTUI_URL") or None


def find_profile(config: Config, name: str) -> Profile:
    """Return the profile of a name.

    Raises:
        ConfigError: There is no such one; the nearest is named.
    """
    profile = config.profiles.get(name)
    if profile is None:
        raise _no_such(config, name)
    return profile


def unnamed_profile(url: str) -> Profile:
    """Return a profile for a server that is known by its URL alone.

    Raises:
        ConfigError: It is not the URL of a server.
    """
    from chronotui.storage.settings import Profile

    return Profile(name="url", url="http://localhost").with_url(url)


def open_log(flag: str | None, environment: Mapping[str, str]) -> DiagnosticLog | None:
    """Open the diagnostic log in use.

    Raises:
        PathRefusedError: It cannot be written.
    """
    named = flag or environment.get("CHRONOTUI_LOG_FILE")
    if not named:
        return None
    from chronotui.storage.diagnostic_log import DiagnosticLog

    path = Path(named).expanduser()
    try:
        return DiagnosticLog(path)
    except OSError as error:
        why = os.strerror(error.errno or 0)
        raise PathRefusedError(
            f"The log file {path} cannot be written: {why}."
        ) from None


def _no_choice(config: Config) -> ConfigError:
    if not config.profiles:
        return ConfigError(
            f"There is no profile yet; the configuration is {config.path}.",
            next_step="Run chronotui in a terminal or chronotui profile add to make "
            "one, or look around with chronotui demo.",
        )
    names = ", ".join(config.profiles)
    return ConfigError(
        f"There are several profiles and no default: {names}.",
        next_step="Name one with --profile, or choose with chronotui profile use.",
    )


def _no_such(config: Config, name: str) -> ConfigError:
    from difflib import get_close_matches

    near = get_close_matches(name, config.profiles, n=1, cutoff=0.0)
    nearest = f"; the nearest is {near[0]}" if near else ""
    return ConfigError(
        f"There is no profile {name!r} in {config.path}{nearest}.",
        next_step="chronotui profile list shows them.",
    )
