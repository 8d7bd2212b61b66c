"""The desk, which opens when no command is given."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from chronotui.cli import terminal
from chronotui.errors import ConfigError, UsageError

if TYPE_CHECKING:
    from chronotui.cli.invocation import Invocation
    from chronotui.storage.settings import Profile


def desk(invocation: Invocation) -> int:
    """Open the desk on the profile in use; without any profile, the first-run form.

    Raises:
        UsageError: There is no terminal, or a job is named without its workflow.
        ConfigError: The configuration is wrong, or there is none and nobody to ask.
    """
    options = invocation.options
    if options.job and not options.workflow:
        raise UsageError("--job needs --workflow beside it.")
    profile = _profile(invocation)
    need_terminal("chronotui --help names the commands that work without one.")
    from chronotui.ui.app import run_desk

    return run_desk(
        profile,
        invocation.config,
        workflow=options.workflow,
        job=options.job,
    )


def need_terminal(next_step: str) -> None:
    """Refuse to open a screen where there is none.

    Raises:
        UsageError: Input or output is not a terminal.
    """
    if terminal.is_terminal(sys.stdin) and terminal.is_terminal(sys.stdout):
        return
    raise UsageError(
        "The desk needs a terminal for its input and output.", next_step=next_step
    )


def _profile(invocation: Invocation) -> Profile:
    try:
        return invocation.profile
    except ConfigError:
        if invocation.config.profiles or not terminal.may_ask():
            raise
    from chronotui.cli.first_run import make_first_profile

    return make_first_profile(invocation)
