"""The log store and what is shown of it.

`LogStore` holds a job's lines, exact, in order and each once::

    store = LogStore(budget_bytes=512 << 20, overflow=lambda: SpoolFile(folder))
    added = store.add(lines)            # any order; Added(new, replaced, duplicates)
    store.set_gaps([Gap(1, 40, 76, 37, GapState.FETCHING)])
    store.set_section(2, "try 2", None)
    store.set_edge("older lines are not loaded yet", None)

`Rows` are what a pane shows of it; `Search` finds matching lines or errors in them::

    rows = Rows(store, LineFilter(include=(compile_pattern("timeout"),)), attempt=None)
    search = Search(rows, compile_pattern("worker-1[0-9]"))    # None: errors
    rows.refresh(), search.refresh()                   # after the store changed
    rows.advance(0.008), search.advance(0.008)         # between frames, until True
    rows.rows(top, top + height)
    rows.locate(rows.anchor(row))                      # identity, and back to a row
    search.next(row, 1), search.count                  # Jump(row, wrapped) or None

All of it is for one thread, the event loop's, and nothing in it waits or reads the
time of day.
"""

from chronotui.core.log.filters import LineFilter
from chronotui.core.log.keys import LineKey, key_of
from chronotui.core.log.levels import Level, is_error, level_of
from chronotui.core.log.line_block import LineBlock
from chronotui.core.log.marks import Gap, GapState
from chronotui.core.log.pattern import BadPattern, LineMatcher, Pattern, compile_pattern
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
    "LineBlock",
    "LineFilter",
    "LineKey",
    "LineMatcher",
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
