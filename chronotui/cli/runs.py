"""The verb `runs`, which needs a Dify client."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chronotui.errors import UsageError

if TYPE_CHECKING:
    from chronotui.cli.invocation import Invocation


def runs(_invocation: Invocation) -> int:
    """Say that Dify apps cannot be read.

    Raises:
        UsageError: Always.
    """
    raise UsageError(
        "Runs of Dify apps are not in this version.",
        next_step="chronotui jobs lists the jobs of a Chronoverse workflow.",
    )
