"""The number a line goes by: its place in its try's log, from 1."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chronotui.core.log.keys import OTHER_RANK

if TYPE_CHECKING:
    from chronotui.core.log.keys import LineKey
    from chronotui.core.log.store import LogStore


def first_number(store: LogStore) -> int:
    """Return the sequence number the lines of a try begin with.

    0 where an event id or a line of number 0 was seen, for that is a current server;
    else 1, as in the documented dialect (wire note, Retained logs). Numbers counted
    from here are the same whichever part of the log is loaded; of two lines that share
    a sequence number, both go by the first one's.
    """
    chunks = store.chunks.chunks
    if not chunks:
        return 0
    ends = (chunks[0].first, chunks[-1].last)
    return 0 if ends[0].sequence_num == 0 or any(map(_has_id, ends)) else 1


def _has_id(key: LineKey) -> bool:
    """Whether a key holds the server's id; else it may hold other marks."""
    return bool(key.event_id and key.attempt and key.rank != OTHER_RANK)
