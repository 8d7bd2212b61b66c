"""The first start on a terminal: a form instead of an error."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chronotui.cli.invocation import Invocation
    from chronotui.storage.settings import Profile


def make_first_profile(invocation: Invocation) -> Profile | None:
    """Let the user make a profile; None when the demo is wanted instead.

    Raises:
        KeyboardInterrupt: The form was left.
    """
    from chronotui.ui.first_run import DEMO, run_first_run

    answer = run_first_run(invocation.config_path)
    if answer is None:
        raise KeyboardInterrupt
    if answer == DEMO:
        return None
    invocation.forget_config()
    return invocation.config.profiles[answer]
