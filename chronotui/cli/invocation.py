"""What one command works with: configuration, profile, server, log, client, signals.

A flag beats the environment, and the environment beats the file.
"""

from __future__ import annotations

import contextlib
import os
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, TypeVar, cast

from chronotui.cli.output import Output, may_ask, say
from chronotui.errors import (
    ConfigError,
    NotSignedInError,
    PathRefusedError,
    UsageError,
)

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Awaitable, Callable, Iterator
    from datetime import datetime

    from chronotui.engine.client import AskSecret, SecretQuestion
    from chronotui.engine.retry import Retries
    from chronotui.sources.protocol import RunSource, Server, Source
    from chronotui.storage.settings import Config, Profile
    from chronotui.storage.state import DiagnosticLog

Client = TypeVar("Client", bound="Server")
Result = TypeVar("Result")


class Invocation:
    """One run of the program; everything is had when it is first asked for.

    What cannot be had, such as the profile in use where there are several, raises a
    ChronotuiError that says so.

    Attributes:
        options: The arguments as parsed.
        output: Where data and words go.
        open_log: The diagnostic log once it is open.
    """

    def __init__(self, options: Namespace) -> None:
        self.options = options
        self.output = Output()
        self.open_log: DiagnosticLog | None = None

    def say(self, words: str) -> None:
        """Tell the user something on standard error, in the program's name."""
        say(f"chronotui: {words}")

    @property
    def _named_config(self) -> str | None:
        return self.options.config or os.environ.get("CHRONOTUI_CONFIG")

    @cached_property
    def config_path(self) -> Path:
        if named := self._named_config:
            return Path(named).expanduser()
        from chronotui.storage.files import config_file

        return config_file()

    @cached_property
    def config(self) -> Config:
        """The configuration; its warnings have been said."""
        from chronotui.storage.config import load_config

        config = load_config(self.config_path)
        if self._named_config and config.source is None:
            raise ConfigError(
                f"There is no configuration file {self.config_path}.",
                next_step="Correct --config or CHRONOTUI_CONFIG, or make one with "
                "chronotui profile add.",
            )
        for warning in config.warnings:
            self.say(warning)
        return config

    def forget_config(self) -> None:
        """Read the configuration again when it is next asked for."""
        self.__dict__.pop("config", None)
        self.__dict__.pop("profile", None)

    @property
    def server_url(self) -> str | None:
        return self.options.url or os.environ.get("CHRONOTUI_URL") or None

    @cached_property
    def profile(self) -> Profile:
        """The profile in use: flag, then environment, then file."""
        return self.profile_of(self.options.profile)

    def profile_of(self, name: str | None) -> Profile:
        """Return a profile by name, at the address in use; None is the one in use."""
        config, url = self.config, self.server_url
        name = name or os.environ.get("CHRONOTUI_PROFILE") or config.default_profile
        if name is None and len(config.profiles) == 1:
            name = next(iter(config.profiles))
        if name is None:
            if url and not config.profiles:
                from chronotui.storage.settings import URL_PROFILE, Profile

                return Profile(name=URL_PROFILE, url="http://localhost").with_url(url)
            raise _no_choice(config)
        profile = find_profile(config, name)
        return profile.with_url(url) if url else profile

    @property
    def named_server(self) -> dict[str, str]:
        """The options that a command given to others needs for the same server."""
        return self.config.options_for(self.profile)

    @cached_property
    def log(self) -> DiagnosticLog | None:
        """The diagnostic log, None when none was asked for."""
        named = self.options.log_file or os.environ.get("CHRONOTUI_LOG_FILE")
        if not named:
            return None
        from chronotui.storage.state import DiagnosticLog

        path = Path(named).expanduser()
        try:
            self.open_log = DiagnosticLog(path)
        except OSError as error:
            why = os.strerror(error.errno or 0)
            raise PathRefusedError(
                f"The log file {path} cannot be written: {why}."
            ) from None
        return self.open_log

    @cached_property
    def retries(self) -> Retries:
        """Asks again what a server failed to answer, and says so if it takes long."""
        from chronotui.engine.retry import Retries

        return Retries(self.say)

    def with_client(self, work: Callable[[Source], Awaitable[Result]]) -> Result:
        """Run ``work`` as `with_server` does, on a server with jobs."""
        return self.with_server(work, needs="jobs")

    def with_runs(self, work: Callable[[RunSource], Awaitable[Result]]) -> Result:
        """Run ``work`` as `with_server` does, on a server with the runs of an app."""
        return self.with_server(work, needs="runs")

    def with_server(
        self,
        work: Callable[[Client], Awaitable[Result]],
        *,
        ask: AskSecret | None = None,
        needs: str = "",
    ) -> Result:
        """Run ``work`` with a client of the profile, which is closed afterwards.

        Without ``ask``, secrets are asked for on the terminal, if there is one.
        ``needs`` is the capability the server must have; "" takes any.
        """
        profile = self.profile
        import asyncio

        from chronotui.engine.client import open_server

        # asyncio words its task, with all it returns, when it lets go of the interrupt.
        results: list[Result] = []

        async def run() -> None:
            opened = open_server(profile, needs=needs, ask=ask or asker(), log=self.log)
            client = cast("Client", opened)
            try:
                results.append(await work(client))
            finally:
                await client.aclose()

        asyncio.run(_ended_in_order(run()))
        return results[0]

    @property
    def has_runs(self) -> bool:
        """Whether the profile in use is that of an app with runs, without workflows."""
        from chronotui.sources.protocol import KINDS

        return KINDS[self.profile.kind].capabilities.runs

    def close(self) -> None:
        if self.open_log is not None:
            self.open_log.close()


def typed_time(option: str, text: str) -> datetime:
    """Read the time that an option was given, where none is named the local one."""
    from datetime import UTC, datetime

    from chronotui.times import LOCAL, parse_when

    try:
        return parse_when(text, datetime.now(UTC).astimezone(LOCAL))
    except ValueError as error:
        raise UsageError(f"{option}: {error}") from None


def find_profile(config: Config, name: str) -> Profile:
    """Return the profile of a name."""
    profile = config.profiles.get(name)
    if profile is not None:
        return profile
    from difflib import get_close_matches

    near = get_close_matches(name, config.profiles, n=1)
    known = f"there are: {', '.join(config.profiles)}" if config.profiles else ""
    nearest = f"the nearest is {near[0]}" if near else known
    raise ConfigError(
        f"There is no profile {name!r} in {config.path}{nearest and '; '}{nearest}.",
        next_step="chronotui profile list shows them.",
    )


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


def asker() -> AskSecret | None:
    """Return how to ask for a secret, None when nobody is there to answer."""
    return ask_on_terminal if may_ask() else None


async def ask_on_terminal(question: SecretQuestion) -> str:
    """Ask without an echo; the loop waits, as there is nothing to do meanwhile."""
    import getpass
    import sys

    from chronotui.text import clean

    answer, asked = "", f"{question.why_again()} {question.sentence()}".strip()
    with _signals_end_at_once(), contextlib.suppress(EOFError):
        answer = getpass.getpass(f"{clean(asked)}: ", sys.stderr)
    if answer:
        return answer
    raise NotSignedInError(
        f"No {question.kind} was given.", next_step="Run the command again."
    )


def ask_line(question: str) -> str:
    """Ask for a line on the terminal; "" where input ends. The loop waits."""
    import sys

    from chronotui.text import clean

    with _signals_end_at_once():
        sys.stderr.write(f"{clean(question)} ")
        sys.stderr.flush()
        return sys.stdin.readline().strip()


@contextlib.contextmanager
def _signals_end_at_once() -> Iterator[None]:
    """Let a signal end the program as it would without a question."""
    import signal

    handlers = {signal.SIGINT: signal.default_int_handler}
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            handlers[number] = end_at_once
    loops_own = {each: signal.signal(each, how) for each, how in handlers.items()}
    try:
        yield
    finally:
        for each, how in loops_own.items():
            signal.signal(each, how)


class SignalledError(Exception):
    """A signal told the program to end, and what it did was cleaned up."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.exit_code = 128 + number


def end_at_once(number: int, _frame: object) -> NoReturn:
    raise SignalledError(number)


async def _ended_in_order(work: Awaitable[Result]) -> Result:
    """Do the work, which SIGTERM and SIGHUP cancel as an interrupt does.

    A second signal while it cleans up changes nothing.
    """
    import asyncio

    told: list[int] = []
    task = asyncio.current_task()

    def end(number: int) -> None:
        if not told and task is not None:
            told.append(number)
            task.cancel()

    with _signals_call(end):
        try:
            return await work
        except asyncio.CancelledError:
            if told:
                raise SignalledError(told[0]) from None
            raise


@contextlib.contextmanager
def _signals_call(end: Callable[[int], None]) -> Iterator[None]:
    """Handle signals, but for one that was ignored from the start (nohup)."""
    import asyncio
    import signal

    loop, heard = asyncio.get_running_loop(), []
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_IGN:
            continue
        # Only the main thread hears of them.
        with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
            loop.add_signal_handler(number, end, number)
            heard.append(number)
    try:
        yield
    finally:
        for number in heard:
            loop.remove_signal_handler(number)
