"""Running the command that prints a secret."""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import subprocess
from typing import Final

from chronotui.errors import ConfigError
from chronotui.storage.secret import Secret

TIME_LIMIT_SECONDS: Final = 30.0
"""How long a password manager may take; some wait for a touch or a finger."""


def run_secret_command(
    command: str, key: str, *, time_limit: float = TIME_LIMIT_SECONDS
) -> Secret:
    """Run a command and return the first line of its output.

    No shell reads it, it has no input and no terminal, and its own words are not
    shown: they may hold what must not be seen. Whatever it started ends with it.

    Raises:
        ConfigError: It cannot be started, fails, takes longer than ``time_limit``
            seconds or prints nothing. ``key`` is named, the command is not.
    """
    try:
        words = shlex.split(command)
        process = subprocess.Popen(  # noqa: S603 - the user's own command
            [os.path.expanduser(words[0]), *words[1:]],  # noqa: PTH111 - a name too
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except (ValueError, IndexError):
        raise ConfigError(f"{key} is not a command that can be read.") from None
    except OSError as error:
        why = os.strerror(error.errno or 0)
        raise ConfigError(f"The command of {key} cannot be started: {why}.") from None
    output = _output(process, key, time_limit)
    if process.returncode:
        raise ConfigError(
            f"The command of {key} failed with exit code {process.returncode}.",
            next_step="Run it by hand to see why.",
        )
    line = output.decode(errors="surrogateescape").splitlines()[:1]
    if not line or not line[0]:
        raise ConfigError(f"The command of {key} printed nothing.")
    return Secret(line[0])


def _output(process: subprocess.Popen[bytes], key: str, time_limit: float) -> bytes:
    try:
        return process.communicate(timeout=time_limit)[0]
    except subprocess.TimeoutExpired:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        raise ConfigError(
            f"The command of {key} took longer than {time_limit:g} s and was ended.",
            next_step="Run it by hand: it may be waiting for an answer.",
        ) from None
