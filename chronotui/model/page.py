"""A page of a cursor-paged list."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """Items in the server's order; ``cursor`` leads on, None ends the list.

    ``hidden`` counts items the server sent that were not asked for and are left out.
    """

    items: tuple[Item, ...]
    cursor: str | None = None
    hidden: int = 0

    @property
    def brought_any(self) -> bool:
        """Whether the server sent anything, hidden or not: the list goes on."""
        return bool(self.items) or self.hidden > 0
