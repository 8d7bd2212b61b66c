"""The lines of a store, as the inference of attempts asks for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chronotui.core.log import LineKey
from chronotui.core.log.relabel import relabel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from chronotui.core.log import LogStore
    from chronotui.model import LogLine


class StoredLines:
    """Lines held in a store and those about to enter it.

    Args:
        store: The log.
        enter: Puts pending lines into the store.
        renumbered: Called after lines got other attempts; the timeline that asked
            for it has not taken note yet, so it is called at the next flush.
    """

    def __init__(
        self,
        store: LogStore,
        enter: Callable[[Sequence[LogLine]], None],
        renumbered: Callable[[], None],
    ) -> None:
        self.store = store
        self._pending: list[LogLine] = []
        self._urgent = False
        self._enter = enter
        self._renumbered = renumbered
        self._stale = False

    def pend(self, line: LogLine, *, known: bool) -> None:
        """Take a line that enters with the next flush; ``known`` ones may wait."""
        self._pending.append(line)
        self._urgent = self._urgent or not known

    def flush(self) -> None:
        """Put pending lines into the store."""
        if self._stale:
            self._stale = False
            self._renumbered()
        if self._pending:
            pending, self._pending = self._pending, []
            self._urgent = False
            self._enter(pending)

    def _settle(self) -> None:
        """Flush what the answer to a question may depend on."""
        if self._urgent or self._stale:
            self.flush()

    def numbered(self, attempt: int, sequence_num: int) -> list[LogLine]:
        """Return the lines of this attempt and number."""
        self._settle()
        index = self.store.bisect(LineKey(attempt, sequence_num, 0, ""))
        found = []
        while index < len(self.store):
            line = self.store.line(index)
            if (line.attempt, line.sequence_num) != (attempt, sequence_num):
                break
            found.append(line)
            index += 1
        return found

    def below(self, attempt: int, sequence_num: int) -> LogLine | None:
        """Return the nearest line of the attempt with a lower number."""
        self._settle()
        index = self.store.bisect(LineKey(attempt, sequence_num, 0, "")) - 1
        return self._of(attempt, index)

    def above(self, attempt: int, sequence_num: int) -> LogLine | None:
        """Return the nearest line of the attempt with a higher number."""
        self._settle()
        index = self.store.bisect(LineKey(attempt, sequence_num + 1, 0, ""))
        return self._of(attempt, index)

    def _of(self, attempt: int, index: int) -> LogLine | None:
        if not 0 <= index < len(self.store):
            return None
        line = self.store.line(index)
        return line if line.attempt == attempt else None

    def of_attempt(self, attempt: int) -> Iterator[LogLine]:
        """Return every line of an attempt."""
        self._settle()
        places = self.store.attempt_range(attempt)
        for start in range(places.start, places.stop, 4096):
            yield from self.store.lines(start, min(start + 4096, places.stop))

    def part(self, attempt: int, since_ns: int) -> None:
        """Make another attempt of the lines of ``attempt`` from a time on."""

        def later(line: LogLine) -> int:
            if line.attempt > attempt:
                return line.attempt + 1
            return attempt + (line.time_ns is not None and line.time_ns >= since_ns)

        self.flush()
        relabel(self.store, attempt, later)
        self._stale = True

    def join(self, attempt: int) -> None:
        """Make ``attempt`` and the one after it one; later ones become one less."""
        self.flush()
        relabel(
            self.store, attempt, lambda line: line.attempt - (line.attempt > attempt)
        )
        self._stale = True
