"""The log store and what is shown of it; see `LogStore` and `Rows`.

All of it is for one thread, the event loop's.
"""

from chronotui.core.log.filters import LineFilter
from chronotui.core.log.keys import LineKey, key_of
from chronotui.core.log.levels import Level, is_error, level_of
from chronotui.core.log.marks import Gap, GapState
from chronotui.core.log.pattern import BadPattern, Pattern, compile_pattern
from chronotui.core.log.row_types import (
    Anchor,
    EdgeRow,
    GapRow,
    LineRow,
    Row,
    RowsChange,
    SectionRow,
)
from chronotui.core.log.rows import Rows
from chronotui.core.log.search import Jump, Search
from chronotui.core.log.spool import MemoryUse, Overflow
from chronotui.core.log.store import Added, LogStore

__all__ = [
    "Added",
    "Anchor",
    "BadPattern",
    "EdgeRow",
    "Gap",
    "GapRow",
    "GapState",
    "Jump",
    "Level",
    "LineFilter",
    "LineKey",
    "LineRow",
    "LogStore",
    "MemoryUse",
    "Overflow",
    "Pattern",
    "Row",
    "Rows",
    "RowsChange",
    "Search",
    "SectionRow",
    "compile_pattern",
    "is_error",
    "key_of",
    "level_of",
]
