"""Servers of logs: what they offer, and how they are spoken to over HTTP."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from types import ModuleType

# httpx takes its own command line along, and with it click, Pygments and Rich wherever
# they are installed: half of its import time for what nobody starts here. Where that
# module cannot be had, httpx goes on without it.
sys.modules.setdefault("httpx._main", cast("ModuleType", None))
