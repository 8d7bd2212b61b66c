"""Which configuration, profile, server and log are used.

A flag beats the environment, and the environment beats the file.
"""

from __future__ import annotations

import os
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from chronotui.cli.output import Output
from chronotui.errors import ConfigError, PathRefusedError

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Awaitable, Callable, Mapping

    from chronotui.engine.client import AskSecret
    from chronotui.engine.retry import Retries
    from chronotui.sources.protocol import Source
    from chronotui.storage.settings import Config, Profile
    from chronotui.storage.state import DiagnosticLog


def config_path(flag: str | None, environment: Mapping[str, str]) -> Path:
    """Return the path of the configuration in use."""
    named = flag or environment.get("CHRONOTUI_CONFIG")
    if named:
        return Path(named).expanduser()
    from chronotui.storage.files import config_file

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
    from chronotui.storage.state import DiagnosticLog

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


# What one command works with: its options, configuration, profile and output.

Result = TypeVar("Result")


class Invocation:
    """One run of the program; everything is had when it is first asked for.

    Attributes:
        options: The arguments as parsed.
        output: Where data and words go.
        open_log: The diagnostic log once it is open.
    """

    def __init__(self, options: Namespace) -> None:
        self.options = options
        self.output = Output()
        self.open_log: DiagnosticLog | None = None

    @cached_property
    def config_path(self) -> Path:
        """The configuration file in use, existing or not."""
        return config_path(self.options.config, os.environ)

    @cached_property
    def config(self) -> Config:
        """The configuration; its warnings have been said.

        Raises:
            ConfigError: It is wrong, or a file that was named is not there.
        """
        config = read_config(self.options.config, os.environ)
        for warning in config.warnings:
            self.output.say(f"chronotui: {warning}")
        return config

    def forget_config(self) -> None:
        """Read the configuration again when it is next asked for."""
        self.__dict__.pop("config", None)
        self.__dict__.pop("profile", None)

    @cached_property
    def profile(self) -> Profile:
        """The profile in use: flag, then environment, then file.

        Raises:
            ConfigError: There is none, or it cannot be told which.
        """
        return self.profile_of(self.options.profile)

    def profile_of(self, name: str | None) -> Profile:
        """Return a profile by name, at the address in use; None is the one in use.

        Raises:
            ConfigError: There is no such one, or it cannot be told which.
        """
        url = self.options.url
        return choose_profile(self.config, name, url, os.environ)

    @cached_property
    def log(self) -> DiagnosticLog | None:
        """The diagnostic log, None when none was asked for.

        Raises:
            PathRefusedError: The file cannot be written.
        """
        self.open_log = open_log(self.options.log_file, os.environ)
        return self.open_log

    @cached_property
    def retries(self) -> Retries:
        """Asks again what a server failed to answer, and says so if it takes long."""
        from chronotui.engine.retry import Retries

        return Retries(lambda words: self.output.say(f"chronotui: {words}"))

    def with_client(
        self,
        work: Callable[[Source], Awaitable[Result]],
        *,
        ask: AskSecret | None = None,
    ) -> Result:
        """Run ``work`` with a client of the profile, which is closed afterwards.

        Args:
            work: What is done with it.
            ask: Asks for a secret; None asks on the terminal, if there is one.
        """
        profile = self.profile
        import asyncio

        from chronotui.cli.main import ended_in_order
        from chronotui.cli.output import asker
        from chronotui.engine.client import open_client

        async def run() -> Result:
            client = open_client(profile, ask=ask or asker(), log=self.log)
            try:
                return await work(client)
            finally:
                await client.aclose()

        return asyncio.run(ended_in_order(run()))

    def close(self) -> None:
        """Close the diagnostic log."""
        if self.open_log is not None:
            self.open_log.close()
