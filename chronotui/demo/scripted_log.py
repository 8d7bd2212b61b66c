"""A log that holds the lines it was given, each with the moments it shows."""

from __future__ import annotations

import threading
from bisect import bisect_left, bisect_right, insort
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from chronotui.demo.source import LiveBatch, LiveMark

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from chronotui.demo.lines import Place, TrueLine


class Entry(NamedTuple):
    """A line with the moments it shows; None for never."""

    line: TrueLine
    live_ns: int | None
    retained_ns: int | None


class ScriptedLog:
    """Lines kept as they were written; safe to write from any thread.

    Args:
        interleaved: Whether the server knows no attempts.
    """

    def __init__(self, *, interleaved: bool = False) -> None:
        self.interleaved = interleaved
        self._entries: list[tuple[Place, Entry]] = []
        self._live: list[tuple[int, int, TrueLine]] = []
        self._seen_ns = 0
        self._lock = threading.Lock()
        self._listeners: set[Callable[[], None]] = set()

    def add(self, entries: Sequence[Entry]) -> None:
        """Take lines and wake those who listen."""
        with self._lock:
            for entry in entries:
                place = entry.line.place(interleaved=self.interleaved)
                if self._entries and self._entries[-1][0] > place:
                    insort(self._entries, (place, entry), key=_place)
                else:
                    self._entries.append((place, entry))
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

    def newest(self, after: Place | None, limit: int, now_ns: int) -> list[TrueLine]:
        """Return retained lines that follow a place, newest first."""
        with self._lock:
            return _visible(self._downward(after), limit, now_ns)

    def oldest(self, after: Place | None, limit: int, now_ns: int) -> list[TrueLine]:
        """Return retained lines that follow a place, oldest first."""
        with self._lock:
            start = 0 if after is None else self._after(after)
            return _visible(islice(self._entries, start, None), limit, now_ns)

    def _downward(self, after: Place | None) -> Iterator[tuple[Place, Entry]]:
        """Yield what follows a place newest first: number by number, each rising."""
        end = len(self._entries)
        if after is not None:
            end = bisect_left(self._entries, after[:2], key=_number)
            rest = bisect_right(self._entries, after[:2], key=_number)
            yield from self._entries[self._after(after) : rest]
        while end:
            number = _number(self._entries[end - 1])
            start = end - 1
            while start and _number(self._entries[start - 1]) == number:
                start -= 1
            yield from self._entries[start:end]
            end = start

    def _after(self, place: Place) -> int:
        return bisect_right(self._entries, place, key=_place)

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
        """Return every line written so far, attempt after attempt."""
        with self._lock:
            lines = [entry.line for _, entry in self._entries]
        if self.interleaved:
            lines.sort(key=lambda line: line.position)
        return (line for line in lines if line.time_ns <= now_ns)

    def count(self, now_ns: int) -> int:
        """Return how many lines have been written so far."""
        return sum(1 for _ in self.truth(now_ns))


def _place(item: tuple[Place, Entry]) -> Place:
    return item[0]


def _number(item: tuple[Place, Entry]) -> tuple[int, int]:
    return item[0][:2]


def _visible(
    items: Iterator[tuple[Place, Entry]], limit: int, now_ns: int
) -> list[TrueLine]:
    seen = (
        entry.line
        for _, entry in items
        if entry.retained_ns is not None and entry.retained_ns <= now_ns
    )
    return list(islice(seen, limit))
