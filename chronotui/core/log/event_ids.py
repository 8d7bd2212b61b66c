"""Event ids that need not be stored, because number, stream and attempt give them.

The server's ids are ``log:<job>:<stream>:<n>`` and
``log:<job>:attempt:<k>:<stream>:<n>`` (wire note "Retained logs"); the job's part is
the same for all lines of a log, so it is learned from the first id that has it.
"""

from __future__ import annotations

from enum import IntEnum
from itertools import starmap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


class IdForm(IntEnum):
    """How a line's event id is known."""

    NONE = 0
    SHORT = 1
    LONG = 2
    ODD = 3


class EventIds:
    """The job's part of the ids, once one has been seen."""

    def __init__(self) -> None:
        self._prefix = ""

    def agree(self, other: EventIds) -> bool:
        """Whether forms mean the same there; the job's part is learned from it."""
        self._prefix = self._prefix or other._prefix
        return self._prefix == other._prefix

    def forms(
        self,
        attempt: int,
        numbers: Sequence[int],
        streams: Sequence[str],
        event_ids: Sequence[str],
    ) -> bytes:
        """Return the form of each line's id; all lines are of one attempt."""
        if not any(event_ids):
            return bytes(len(event_ids))
        self._learn(attempt, numbers, streams, event_ids)
        form = self._form(attempt, numbers[0], streams[0], event_ids[0])
        if form in {IdForm.LONG, IdForm.SHORT}:
            head = self._head(form, attempt)
            derived = [f"{head}{s}:{n}" for s, n in zip(streams, numbers, strict=True)]
            if derived == list(event_ids):
                return bytes([form]) * len(derived)
        rows = zip(numbers, streams, event_ids, strict=True)
        return bytes(starmap(lambda *row: self._form(attempt, *row), rows))

    def text(self, form: int, attempt: int, stream: str, number: int) -> str:
        """Return the id of a line whose form is not ``ODD``."""
        if form == IdForm.NONE:
            return ""
        return f"{self._head(form, attempt)}{stream}:{number}"

    def _head(self, form: int, attempt: int) -> str:
        if form == IdForm.LONG:
            return f"{self._prefix}attempt:{attempt}:"
        return self._prefix

    def _form(self, attempt: int, number: int, stream: str, event_id: str) -> IdForm:
        for form in (IdForm.NONE, IdForm.SHORT, IdForm.LONG):
            if event_id == self.text(form, attempt, stream, number):
                return form
        return IdForm.ODD

    def _learn(
        self,
        attempt: int,
        numbers: Sequence[int],
        streams: Sequence[str],
        event_ids: Sequence[str],
    ) -> None:
        if self._prefix:
            return
        for number, stream, event_id in zip(numbers, streams, event_ids, strict=True):
            tail = f"{stream}:{number}"
            if event_id.startswith("log:") and event_id.endswith(f":{tail}"):
                head = event_id[: -len(tail)]
                self._prefix = head.removesuffix(f"attempt:{attempt}:")
                return
