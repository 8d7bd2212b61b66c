"""What a list of runs is asked for: what the server filters, and what is left to us.

Releases ignore filters they do not know and fail over some pairs of them (WIRE.md
"Dify: filters"), so each row that comes is looked at again here.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from chronotui.model import JobFilter, JobStatus
from chronotui.sources.dify.wire import STATUS_WORDS, account_of, is_run_id

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from chronotui.model import Job

KEYWORD_CHARACTERS: Final = 30
"""So many of a keyword are looked up; the rest is ignored by the server."""

FILTERED_STATUSES: Final = ("succeeded", "failed", "stopped")
"""The only words the list takes; any other is a 400."""

SERVER_STATUSES: Final = frozenset(
    {JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELED}
)


class Release(NamedTuple):
    """A server's version; one that is not told counts as the newest."""

    words: str

    def is_before(self, *numbers: int) -> bool:
        """Whether it is known to be older than a release."""
        found = self._numbers
        return bool(found) and found < numbers

    @property
    def is_known(self) -> bool:
        return bool(self._numbers)

    @property
    def _numbers(self) -> tuple[int, ...]:
        parts = self.words.partition("-")[0].removeprefix("v").split(".")
        is_release = all(part.isascii() and part.isdigit() for part in parts)
        return tuple(int(part[:6]) for part in parts) if is_release else ()

    @property
    def filters_times(self) -> bool:
        return not self.is_before(1, 0, 1)

    @property
    def filters_people(self) -> bool:
        return not self.is_before(1, 5, 0)

    @property
    def logs_at_the_end(self) -> bool:
        """Whether a row is written when its run ends."""
        return self.is_before(1, 11, 0)

    @property
    def fails_for_unknown_runs(self) -> bool:
        """Whether a run that is not there is a 500."""
        return self.is_before(1, 13, 1) and not self.is_before(1, 13, 0)

    @property
    def has_events(self) -> bool:
        return not self.is_before(1, 14, 0)


class RunPlan(Struct, frozen=True):
    """A filter, parted between the server and us.

    Attributes:
        asked: The server's parameters, but for the keyword, page and times.
        keywords: The spellings to look a keyword up in, the likelier first.
        after: The oldest second wanted, inclusive; None for all.
        before: The newest one, likewise.
        notes: Sentences about what is asked otherwise than it was typed.
    """

    only: JobFilter
    asked: Mapping[str, str]
    keywords: tuple[str, ...] = ("",)
    after: int | None = None
    before: int | None = None
    notes: tuple[str, ...] = ()

    def accepts(self, job: Job) -> bool:
        """Whether a row that came fits, whatever the server made of the filters."""
        only = self.only
        if only.account and account_of(job.fields) != only.account:
            return False
        return only.accepts(job)


def plan(only: JobFilter, release: Release) -> RunPlan:
    """Part a filter between a server and us."""
    asked: dict[str, str] = {}
    if only.status in SERVER_STATUSES:
        asked["status"] = STATUS_WORDS[only.status]
    if release.filters_people:
        if only.user and not only.keyword:
            asked["created_by_end_user_session_id"] = only.user
        if only.account:
            asked["created_by_account"] = only.account
    query = RunPlan(
        only,
        asked,
        after=_second(only.since, math.ceil),
        before=_second(only.until, math.floor),
    )
    keyword = only.keyword.strip()
    return _with_keyword(query, keyword, release) if keyword else query


def _second(at: datetime | None, rounded: Callable[[float], int]) -> int | None:
    """Return a time as a second; servers refuse years of less than four digits."""
    return None if at is None else max(0, rounded(at.timestamp()))


def _with_keyword(query: RunPlan, keyword: str, release: Release) -> RunPlan:
    if is_run_id(keyword):
        return replace(query, keywords=(keyword,))
    raw = keyword[:KEYWORD_CHARACTERS].strip()
    stored, count = _as_stored(keyword)
    if keyword.isascii():
        forms: tuple[str, ...] = (raw,)
    elif release.is_before(1, 11, 3):
        forms = (raw,)
    else:
        # Session ids are not escaped, nor will inputs be where this is mended.
        forms = (stored, raw)
    used = len(raw) if forms[0] == raw else count
    notes: tuple[str, ...] = ()
    if used < len(keyword):
        notes = (f"Only the first {used} characters of the text are looked up.",)
    return replace(query, keywords=forms, notes=notes)


def _as_stored(keyword: str) -> tuple[str, int]:
    """Return a text as inputs and outputs are stored, with escapes beyond ASCII.

    An escape is never cut. The number says how many characters it stands for.
    """
    pieces: list[str] = []
    length = 0
    for character in keyword:
        piece = character if character.isascii() else _escaped(character)
        if length + len(piece) > KEYWORD_CHARACTERS:
            break
        pieces.append(piece)
        length += len(piece)
    return "".join(pieces), len(pieces)


def _escaped(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))


def wire_time(second: int) -> str:
    """Return a second as every release reads it, whatever zone it lives in."""
    return f"{datetime.fromtimestamp(second, UTC):%Y-%m-%dT%H:%M:%SZ}"
