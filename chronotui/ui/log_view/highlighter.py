"""Matches in the lines drawn, within a time that keeps the screen alive."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chronotui.core.log import Search

MOST_SECONDS: Final = 0.05
"""Time for all lines of one window; an expression that needs more marks fewer."""


class Highlighter:
    """Finds matches for drawing; a catastrophic expression goes without.

    Attributes:
        search: What is searched.
    """

    def __init__(self, search: Search) -> None:
        self.search = search
        self._spent = 0.0

    def begin(self) -> None:
        """Begin another window."""
        self._spent = 0.0

    def __call__(self, text: str) -> Sequence[tuple[int, int]]:
        """Return start and end of each match in a text that is shown."""
        if self._spent >= MOST_SECONDS:
            return ()
        begun = perf_counter()
        spans = self.search.spans(text)
        self._spent += perf_counter() - begun
        return spans
