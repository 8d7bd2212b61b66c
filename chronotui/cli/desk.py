"""The desk, which opens when no command is given."""

from __future__ import annotations

import gc
import os
import sys
from typing import TYPE_CHECKING, Final

from chronotui.cli import selection, terminal
from chronotui.cli.output import say
from chronotui.errors import UsageError

if TYPE_CHECKING:
    from chronotui.cli.invocation import Invocation
    from chronotui.storage.diagnostic_log import DiagnosticLog
    from chronotui.storage.settings import Config, Profile

SWITCH_SECONDS: Final = 0.001
"""How long a thread that is busy may keep the screen's one waiting."""


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
    if profile is None:
        from chronotui.cli.demo import open_demo_desk

        return open_demo_desk(invocation)
    need_terminal("chronotui --help names the commands that work without one.")
    return show_desk(
        profile,
        invocation.config,
        workflow=options.workflow,
        job=options.job,
        log=invocation.log,
    )


def show_desk(
    profile: Profile,
    config: Config,
    *,
    workflow: str | None = None,
    job: str | None = None,
    demo: bool = False,
    log: DiagnosticLog | None = None,
) -> int:
    """Load the desk and show it; the arguments are those of ``run_desk``.

    The garbage collector rests until the desk is connected: it finds nothing while
    modules are loaded, and takes a twentieth of the time to the first frame. Threads
    that decode a download give way to the screen sooner than is usual.

    Raises:
        ConfigError: A theme or an action that does not exist.
    """
    gc.disable()
    sys.setswitchinterval(SWITCH_SECONDS)
    try:
        from chronotui.ui.app import run_desk

        return run_desk(
            profile,
            config,
            workflow=workflow,
            job=job,
            demo=demo,
            log=log,
            tell=lambda words: say(f"chronotui: {words}"),
        )
    finally:
        gc.enable()


def need_terminal(next_step: str) -> None:
    """Refuse to open a screen where there is none.

    Raises:
        UsageError: Input or output is not a terminal.
    """
    if terminal.has_screen():
        return
    raise UsageError(
        "The desk needs a terminal for its input and output.", next_step=next_step
    )


def _profile(invocation: Invocation) -> Profile | None:
    """Return the profile in use; None for the demo, chosen on the first start."""
    if terminal.has_screen() and _is_first_start(invocation):
        from chronotui.cli.first_run import make_first_profile

        return make_first_profile(invocation)
    return invocation.profile


def _is_first_start(invocation: Invocation) -> bool:
    """Whether there is no profile, nor a server's URL instead of one."""
    if selection.server_url(invocation.options.url, os.environ):
        return False
    if not invocation.config_path.exists():
        return True
    return not invocation.config.profiles
