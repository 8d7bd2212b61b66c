"""Opening a saved file in the user's pager."""

from __future__ import annotations

import os
import shlex
import subprocess
from typing import TYPE_CHECKING, Any

from textual.app import SuspendNotSupported

from chronotui.core.text import clean

if TYPE_CHECKING:
    from pathlib import Path

    from textual.app import App


def open_in_pager(app: App[Any], path: Path) -> str:
    """Show a file in ``$PAGER`` (``less`` without one), the desk suspended meanwhile.

    Returns:
        A sentence if that did not work, else "".
    """
    words = os.environ.get("PAGER") or "less"
    try:
        command = [*shlex.split(words), str(path)]
        with app.suspend():
            done = subprocess.run(command, check=False)  # noqa: S603 - the user's own
    except SuspendNotSupported:
        return "This terminal cannot leave the desk for a pager."
    except (OSError, ValueError):
        return f"$PAGER cannot be started: {clean(words)}."
    if done.returncode:
        return f"The pager ended with {done.returncode}: {clean(words)}."
    return ""
