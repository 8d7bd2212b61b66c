"""The verb `doctor`: what works, and what does not."""

from __future__ import annotations

import asyncio
import os
import sys
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING

from chronotui import __version__
from chronotui.cli.invocation import asker
from chronotui.cli.output import Cell, Column, is_terminal, shows_colour
from chronotui.engine.diagnosis import CheckResult, diagnose
from chronotui.errors import ChronotuiError
from chronotui.storage.files import spool_dir, state_dir

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from chronotui.cli.invocation import Invocation

_STYLES = {"ok": "32", "warning": "33", "FAILED": "1;31"}
_COLUMNS = (
    Column("CHECK", attrgetter("check")),
    Column("RESULT", lambda one: Cell(one.result, _STYLES[one.result])),
    Column("FOUND", attrgetter("found")),
)


def doctor(invocation: Invocation) -> int:
    """Check configuration, folders, terminal, and all the way to a live line.

    Returns:
        The exit code of the first check that failed, else 0.
    """
    findings = list(_findings(invocation))
    invocation.output.write_table(_COLUMNS, findings, fits=False)
    return next((one.exit_code for one in findings if one.exit_code), 0)


def _findings(invocation: Invocation) -> Iterator[CheckResult]:
    python = ".".join(map(str, sys.version_info[:3]))
    yield CheckResult("version", "ok", f"chronotui {__version__}, Python {python}")
    yield _terminal()
    yield _folder("state folder", state_dir())
    yield _tried("configuration", lambda: _configuration(invocation))
    profile = _tried("profile", lambda: _profile(invocation))
    yield profile
    if profile.exit_code:
        return
    yield _folder("spool folder", spool_dir(invocation.config.ui.spool_dir))
    looked = diagnose(invocation.profile, ask=asker(), log=invocation.log)
    yield from asyncio.run(looked)


def _tried(check: str, look: Callable[[], str]) -> CheckResult:
    try:
        return CheckResult(check, "ok", look())
    except ChronotuiError as error:
        return CheckResult(check, "FAILED", str(error), error.exit_code)


def _terminal() -> CheckResult:
    if not is_terminal(sys.stdout):
        return CheckResult("terminal", "ok", "none: no colours, no questions")
    name = os.environ.get("TERM", "")
    colour = "colours" if shows_colour(sys.stdout) else "no colours"
    found = f"{name or 'TERM is not set'}, {colour}, {sys.stdout.encoding}"
    is_poor = name in {"", "dumb"} or "utf" not in sys.stdout.encoding.lower()
    return CheckResult("terminal", "warning" if is_poor else "ok", found)


def _folder(check: str, folder: Path) -> CheckResult:
    folder = Path(os.path.abspath(folder))  # noqa: PTH100 - without ".." in it
    places = (folder, *folder.parents)
    # Path.exists raises where a folder cannot be looked into.
    nearest = next(path for path in places if os.path.exists(path))  # noqa: PTH110
    if os.access(nearest, os.W_OK | os.X_OK):
        return CheckResult(check, "ok", str(folder))
    return CheckResult(check, "warning", f"{nearest} cannot be written")


def _configuration(invocation: Invocation) -> str:
    config = invocation.config
    if config.source is None:
        return f"{config.path} (not there yet)"
    count = len(config.profiles)
    return f"{config.path}, {count} profile{'' if count == 1 else 's'}"


def _profile(invocation: Invocation) -> str:
    profile = invocation.profile
    auth = profile.auth
    return f"{profile.name}: {profile.url}, {auth.method} {auth.email}".rstrip()
