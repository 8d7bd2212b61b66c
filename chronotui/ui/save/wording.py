"""A save in words."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from chronotui.core.text import clean
from chronotui.core.times import human_duration
from chronotui.engine.saving import SavePhase
from chronotui.engine.saving.paths import shown
from chronotui.engine.saving.request import count_of_lines, size_text

if TYPE_CHECKING:
    from chronotui.engine.saving import Save, SaveProgress

SIGNS = {
    SavePhase.SAVED: "✓",
    SavePhase.UNVERIFIED: "?",
    SavePhase.FAILED: "✗",
    SavePhase.CANCELLED: "■",
}


def sign(progress: SaveProgress) -> str:
    """Return the sign of a save's state."""
    return SIGNS.get(progress.phase, "●")


def amounts(progress: SaveProgress) -> str:
    """Return bytes, lines, rate and time: ``4.2 MB  31,402 lines  1.1 MB/s  0:04``."""
    parts = [size_text(progress.bytes), count_of_lines(progress.lines)]
    if not progress.phase.is_over:
        parts.append(f"{size_text(progress.bytes_per_second)}/s")
    parts.append(human_duration(progress.elapsed_seconds))
    return "  ".join(parts)


def share(progress: SaveProgress) -> str:
    """Return the part done: ``about 48 % of 65,000 lines``; "" if unknown."""
    if progress.fraction is None or progress.phase.is_over:
        return ""
    whole = count_of_lines(progress.total_lines or 0)
    return f"about {progress.fraction * 100:.0f} % of {whole}"


def bar(progress: SaveProgress, width: int) -> str:
    """Return a bar of ``width`` cells; "" when the total is not known."""
    if progress.fraction is None or width <= 0:
        return ""
    full = round(progress.fraction * width)
    return "━" * full + "─" * (width - full)


def path_of(save: Save) -> str:
    """Return a save's path, harmless, relative to home."""
    return clean(shown(save.path))


def outcome(save: Save) -> str:
    """Return how a save ended, with what is to be known about it; "" while it runs."""
    if save.result is not None:
        return " ".join((save.result.sentence(), *save.result.notes))
    return "" if save.error is None else str(save.error)


def kept(save: Save) -> str:
    """Return where a recording that was stopped is, and the command that goes on."""
    request = save.request
    words = ["chronotui"]
    if request.profile:
        words += ["--profile", request.profile]
    words += ["save", request.workflow_id, request.job_id, "-O", str(save.path)]
    words += ["--format", str(request.format)]
    if request.stream:
        words += ["--stream", request.stream]
    return f"{save.error}\n  {shlex.join(words)}"
