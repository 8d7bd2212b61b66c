"""HTTP: one transport, the Chronoverse client, live streams, decoding.

Nothing is imported here until it is asked for: httpx is what a start waits for
longest.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from types import ModuleType

    from chronotui.api.chronoverse import Chronoverse, open_chronoverse

# httpx takes its own command line along, and with it click, Pygments and Rich wherever
# they are installed: half of its import time for what nobody starts here. Where that
# module cannot be had, httpx goes on without it.
sys.modules.setdefault("httpx._main", cast("ModuleType", None))

__all__ = ["Chronoverse", "open_chronoverse"]


def __getattr__(name: str) -> object:
    if name in __all__:
        from chronotui.api import chronoverse  # noqa: PLC0415

        return getattr(chronoverse, name)
    raise AttributeError(name)
