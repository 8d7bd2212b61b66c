"""Writing down an error nobody foresaw."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chronotui.storage.diagnostic_log import DiagnosticLog

_ADVICE = "This is an error in chronotui; the details are in {place}."


def report_bug(error: BaseException, log: DiagnosticLog | None) -> str:
    """Write the traceback to the log, and return the sentence that names it.

    Local values are left out: they may hold secrets. Without a ``--log-file`` it
    goes to a file in the state folder.
    """
    from chronotui.storage.diagnostic_log import DiagnosticLog
    from chronotui.storage.paths import state_dir

    lines = "".join(traceback.format_exception(error)).splitlines()
    name = f"chronotui: {type(error).__name__} was not expected."
    try:
        target = log or DiagnosticLog(state_dir() / "errors.log")
    except OSError:
        return f"{name} {' / '.join(lines[-3:])}"
    for line in lines:
        target.note(line)
    return f"{name}\n  {_ADVICE.format(place=target.path)}"
