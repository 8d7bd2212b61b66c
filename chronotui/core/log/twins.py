"""Lines of unknown attempt and without an id: the same one again, or another?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from chronotui.core.log.keys import LineKey, key_of, timed_stand_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chronotui.core.log.store import LogStore
    from chronotui.model import LogLine

SAME_NS: Final = 1_000_000
"""Live times have nanoseconds, retained ones milliseconds (wire note)."""


class Twins:
    """Finds, for the lines of one batch, those they are again.

    Number, stream and message must be the same, and the times at most 1 ms apart
    (design note, invariant 1).
    """

    def __init__(self, store: LogStore) -> None:
        self._store = store
        self._batch: dict[tuple[int, str, str], list[LogLine]] = {}

    def settled(self, line: LogLine) -> LogLine:
        """Return the line, with its twin's time and so its key if it has one."""
        if line.attempt or line.event_id:
            return line
        seen = self._batch.setdefault(
            (line.sequence_num, line.stream, line.message), []
        )
        for known in (*self._stored(line), *seen):
            if _same(line, known):
                return line._replace(time_ns=known.time_ns)
        seen.append(line)
        return line

    def _stored(self, line: LogLine) -> Iterator[LogLine]:
        """Yield the stored lines that could be meant, by number and time."""
        around = key_of(line)
        first, last = (
            LineKey(*around[:3], timed_stand_in(line, margin))
            for margin in (-SAME_NS, SAME_NS + 1)
        )
        index = self._store.bisect(first)
        while index < len(self._store):
            known = self._store.line(index)
            if key_of(known) > last:
                return
            yield known
            index += 1


def _same(line: LogLine, known: LogLine) -> bool:
    if (line.stream, line.message) != (known.stream, known.message):
        return False
    if known.event_id or line.time_ns is None or known.time_ns is None:
        return not known.event_id and line.time_ns == known.time_ns
    return abs(line.time_ns - known.time_ns) <= SAME_NS
