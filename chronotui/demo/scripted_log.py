"""A log that holds the lines it was given, each with the moments it shows."""

from __future__ import annotations

import threading
from bisect import bisect_left, bisect_right, insort
from typing import TYPE_CHECKING, NamedTuple

from chronotui.demo.source import LiveBatch, LiveMark

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from chronotui.demo.lines import Position, TrueLine


class Entry(NamedTuple):
    """A line with the moments it shows; None for never."""

    position: Position
    line: TrueLine
    live_ns: int | None
    retained_ns: int | None


class ScriptedLog:
    """Lines kept as they were written; safe to write from any thread."""

    def __init__(self) -> None:
        self._entries: list[Entry] = []
        self._live: list[tuple[int, int, TrueLine]] = []
        self._seen_ns = 0
        self._lock = threading.Lock()
        self._listeners: set[Callable[[], None]] = set()

    def add(self, entries: Sequence[Entry]) -> None:
        """Take lines and wake those who listen."""
        with self._lock:
            for entry in entries:
                if self._entries and self._entries[-1].position > entry.position:
                    insort(self._entries, entry, key=_position)
                else:
                    self._entries.append(entry)
                if entry.live_ns is not None:
                    live_ns = max(entry.live_ns, self._seen_ns)
                    live = (live_ns, len(self._live), entry.line)
                    if self._live and self._live[-1] > live:
                        insort(self._live, live)
                    else:
                        self._live.append(live)
        self.wake()

    def wake(self) -> None:
        """Tell the listeners that something changed."""
        with self._lock:
            listeners = tuple(self._listeners)
        for listener in listeners:
            listener()

    def newest(
        self, before: Position | None, limit: int, now_ns: int
    ) -> list[TrueLine]:
        """Return retained lines before a position (or the end), newest first."""
        with self._lock:
            end = len(self._entries) if before is None else self._at(before)
            return _visible(reversed(range(end)), self._entries, limit, now_ns)

    def oldest(self, after: Position | None, limit: int, now_ns: int) -> list[TrueLine]:
        """Return retained lines after a position (or the start), oldest first."""
        with self._lock:
            start = 0
            if after is not None:
                start = bisect_right(self._entries, after, key=_position)
            places = range(start, len(self._entries))
            return _visible(places, self._entries, limit, now_ns)

    def _at(self, position: Position) -> int:
        return bisect_left(self._entries, position, key=_position)

    def live_mark(self, now_ns: int) -> LiveMark:
        """Return where a subscription of this moment begins: (time, order written)."""
        with self._lock:
            self._seen_ns = max(self._seen_ns, now_ns)
            return (now_ns, len(self._live))

    def live_since(self, mark: LiveMark, limit: int, now_ns: int) -> LiveBatch:
        """Return the lines written after ``mark``, in the order they show."""
        with self._lock:
            self._seen_ns = max(self._seen_ns, now_ns)
            start = bisect_left(self._live, mark)
            end = bisect_right(self._live, now_ns, key=lambda live: live[0])
            due = self._live[start : max(start, min(end, start + limit))]
            stop = start + len(due)
            next_ns = self._live[stop][0] if stop < len(self._live) else None
            if due:
                mark = (due[-1][0], due[-1][1] + 1)
            return LiveBatch([line for _, _, line in due], mark, next_ns)

    def listen(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call ``listener`` when lines are written; return what ends that."""
        with self._lock:
            self._listeners.add(listener)

        def stop() -> None:
            with self._lock:
                self._listeners.discard(listener)

        return stop

    def truth(self, now_ns: int) -> Iterator[TrueLine]:
        """Return every line written so far, in the log's order."""
        with self._lock:
            entries = tuple(self._entries)
        return (entry.line for entry in entries if entry.line.time_ns <= now_ns)

    def count(self, now_ns: int) -> int:
        """Return how many lines have been written so far."""
        return sum(1 for _ in self.truth(now_ns))


def _position(entry: Entry) -> Position:
    return entry.position


def _visible(
    places: Iterator[int] | range, entries: Sequence[Entry], limit: int, now_ns: int
) -> list[TrueLine]:
    found: list[TrueLine] = []
    for place in places:
        entry = entries[place]
        if entry.retained_ns is not None and entry.retained_ns <= now_ns:
            found.append(entry.line)
            if len(found) >= limit:
                break
    return found
