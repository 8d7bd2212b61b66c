"""A page of a cursor-paged list."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """Items in the server's order; ``cursor`` leads on, None ends the list."""

    items: tuple[Item, ...]
    cursor: str | None = None
