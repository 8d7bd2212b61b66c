"""What one command works with: its options, configuration, profile and output."""

from __future__ import annotations

import os
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

from chronotui.cli import selection
from chronotui.cli.output import Output

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from chronotui.api.chronoverse import Chronoverse
    from chronotui.engine.questions import AskSecret
    from chronotui.engine.retry import Retries
    from chronotui.storage.diagnostic_log import DiagnosticLog
    from chronotui.storage.settings import Config, Profile

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
        return selection.config_path(self.options.config, os.environ)

    @cached_property
    def config(self) -> Config:
        """The configuration; its warnings have been said.

        Raises:
            ConfigError: It is wrong, or a file that was named is not there.
        """
        config = selection.read_config(self.options.config, os.environ)
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
        return selection.choose_profile(self.config, name, url, os.environ)

    @cached_property
    def log(self) -> DiagnosticLog | None:
        """The diagnostic log, None when none was asked for.

        Raises:
            PathRefusedError: The file cannot be written.
        """
        self.open_log = selection.open_log(self.options.log_file, os.environ)
        return self.open_log

    @cached_property
    def retries(self) -> Retries:
        """Asks again what a server failed to answer, and says so if it takes long."""
        from chronotui.engine.retry import Retries

        return Retries(lambda words: self.output.say(f"chronotui: {words}"))

    def with_client(
        self,
        work: Callable[[Chronoverse], Awaitable[Result]],
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

        from chronotui.cli.asking import asker
        from chronotui.cli.failures import ended_in_order
        from chronotui.engine.connect import open_client

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
