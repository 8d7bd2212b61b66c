"""The command of ``[alerts]``: run for each alert, never waited for by who tells it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shlex
import signal
from typing import TYPE_CHECKING, Final

from chronotui.text import clean, printable_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from chronotui.engine.alerts import AlertNotice
    from chronotui.storage.settings import Profile

LIMIT_SECONDS: Final = 30.0
"""How long it may take; what it started ends with it."""

PARTING_SECONDS: Final = 2.0
"""How long one that runs is waited for when the program leaves."""

AT_ONCE: Final = 2
MOST_WAITING: Final = 50
"""Alerts that wait for the command; beyond, it is said that some were left out."""

MOST_CHARACTERS: Final = 4_096
"""Characters of a line that it is given."""


class AlertCommand:
    """Runs the command with what is told in its environment; says its failure once.

    Args:
        command: As configured; "" runs nothing.
        environ: What it gets beside that, see `without_secrets`.
        say: Takes a sentence.
    """

    def __init__(
        self,
        command: str,
        environ: Mapping[str, str],
        say: Callable[[str], None],
        *,
        limit_seconds: float = LIMIT_SECONDS,
    ) -> None:
        self._command = command
        self._environ = environ
        self._say = say
        self._limit = limit_seconds
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._tasks: set[asyncio.Task[None]] = set()
        self._was_said = False

    def start(self, variables: Mapping[str, str]) -> None:
        """Run it for an alert, as soon as those before leave room."""
        if not self._command:
            return
        if len(self._tasks) >= AT_ONCE + MOST_WAITING:
            self._fail("did not keep up; alerts were left out")
            return
        task = asyncio.create_task(self._run(variables))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def finish(self, seconds: float = PARTING_SECONDS) -> None:
        """Wait a moment for those that run, then end them."""
        try:
            if self._tasks:
                await asyncio.wait(self._tasks, timeout=seconds)
        finally:
            tasks = list(self._tasks)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self, variables: Mapping[str, str]) -> None:
        async with self._slots:
            try:
                process = await asyncio.create_subprocess_exec(
                    *_words(self._command),
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=asyncio.subprocess.DEVNULL,
                    stderr=asyncio.subprocess.DEVNULL,
                    env={**self._environ, **variables},
                    start_new_session=True,
                )
            except ValueError:
                self._fail("is not a command that can be read")
                return
            except OSError as error:
                self._fail(f"cannot be started: {os.strerror(error.errno or 0)}")
                return
            await self._ended(process)

    async def _ended(self, process: asyncio.subprocess.Process) -> None:
        try:
            async with asyncio.timeout(self._limit):
                code = await process.wait()
        except TimeoutError:
            self._fail(f"took longer than {self._limit:g} s and was ended")
        else:
            if code:
                self._fail(f"failed with exit code {code}")
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(process.pid, signal.SIGKILL)
                await process.wait()

    def _fail(self, why: str) -> None:
        if not self._was_said:
            self._was_said = True
            self._say(f"The command of alerts.command {why}.")


def _words(command: str) -> list[str]:
    name, *arguments = shlex.split(command)
    return [os.path.expanduser(name), *arguments]  # noqa: PTH111 - a name, too


def variables_of(notice: AlertNotice, opens: str) -> dict[str, str]:
    """Return what a command is told of an alert, all of it cleaned.

    Args:
        notice: What happened.
        opens: The command that opens the job.
    """
    job = notice.job
    line = "" if notice.line is None else notice.line.message[:MOST_CHARACTERS]
    told = {
        "ALERT": str(notice.alert.kind),
        "WORKFLOW": notice.workflow,
        "WORKFLOW_ID": job.workflow_id,
        "JOB": job.shown_id,
        "STATUS": str(job.status),
        "LINE": printable_line(line),
        "SENTENCE": notice.sentence,
        "OPEN": opens,
    }
    return {f"CHRONOTUI_{name}": clean(value) for name, value in told.items()}


def without_secrets(
    environ: Mapping[str, str], profiles: Iterable[Profile]
) -> dict[str, str]:
    """Return an environment without what profiles take secrets from, or hold as one."""
    names: set[str] = set()
    secrets: set[str] = set()
    for profile in profiles:
        auth = profile.auth
        for name in auth.READERS:
            value = getattr(auth, name)
            if name.endswith("_env"):
                names.add(value)
            elif hasattr(value, "reveal"):
                secrets.add(value.reveal())
    return {
        name: value
        for name, value in environ.items()
        if name not in names and value not in secrets
    }
