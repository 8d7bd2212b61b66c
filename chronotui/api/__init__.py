"""HTTP: one transport, the Chronoverse client, live streams, decoding.

Nothing is imported here until it is asked for: httpx is what a start waits for
longest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chronotui.api.chronoverse import Chronoverse, open_chronoverse

__all__ = ["Chronoverse", "open_chronoverse"]


def __getattr__(name: str) -> object:
    if name in __all__:
        from chronotui.api import chronoverse  # noqa: PLC0415

        return getattr(chronoverse, name)
    raise AttributeError(name)
