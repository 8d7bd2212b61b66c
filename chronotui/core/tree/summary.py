"""Counts of what is loaded, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

_TOLD: Final = (("RUNNING", "running"), ("FAILED", "failed"))


def loaded_words(totals: Mapping[str, int]) -> str:
    """Return "loaded: 3 running  1 failed"; counts of loaded jobs, never guessed.

    Args:
        totals: Loaded jobs by status, as ``TreeModel.totals`` counts them.
    """
    told = [
        f"{totals.get(status, 0):,} {word}"
        for status, word in _TOLD
        if totals.get(status, 0)
    ]
    loaded = sum(totals.values())
    return f"loaded: {'  '.join(told) or f'{loaded:,} jobs'}"
