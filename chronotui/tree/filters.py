"""What narrows the tree, and how it is written: by keys, in words, as typed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from chronotui.model import JobFilter, JobStatus
from chronotui.text import clean
from chronotui.times import parse_when

if TYPE_CHECKING:
    from datetime import datetime, tzinfo

    from chronotui.model import Trigger

RUN_STATUSES: Final = (
    JobStatus.RUNNING,
    JobStatus.PAUSED,
    JobStatus.COMPLETED,
    JobStatus.PARTIAL,
    JobStatus.FAILED,
    JobStatus.CANCELED,
)
"""What a run of an app may be, in the order they are offered."""


class TreeSubject(NamedTuple):
    """What a tree lists, in the words of its users.

    ``runs`` tells the runs of one app from the jobs of many workflows.
    """

    item: str = "job"
    items: str = "jobs"
    group: str = "workflow"
    groups: str = "workflows"
    runs: bool = False


class TreeFilters(Struct, frozen=True):
    """Everything that narrows the tree.

    ``text`` goes to the server's workflow-name search, and to the beginning of the
    ids among what is loaded. ``terminated`` shows terminated workflows as well. Runs
    of an app are narrowed by ``words`` instead, as they were typed.
    """

    status: JobStatus | None = None
    trigger: Trigger | None = None
    text: str = ""
    terminated: bool = False
    words: RunWords | None = None

    @property
    def jobs(self) -> JobFilter:
        only = JobFilter(self.status, self.trigger)
        words = self.words
        if words is None:
            return only
        return only._replace(
            keyword=words.keyword,
            since=words.since,
            until=words.until,
            user=words.user,
            account=words.account,
        )

    @property
    def narrows_jobs(self) -> bool:
        """Whether jobs of some states or triggers alone are shown."""
        return self.status is not None or self.trigger is not None

    @property
    def query(self) -> str:
        """The text as it goes to the server: without the spaces around it."""
        return self.text.strip()

    @property
    def typed(self) -> str:
        """What stands in the field of the text."""
        return self.text if self.words is None else self.words.typed

    def with_terminated_toggled(self) -> TreeFilters:
        return replace(self, terminated=not self.terminated)

    def cleared(self) -> TreeFilters:
        """Return no filters; terminated workflows stay as they were."""
        return TreeFilters(terminated=self.terminated)


class RunWords(Struct, frozen=True):
    """What was typed to narrow runs, and what it means; see `JobFilter`."""

    typed: str
    keyword: str = ""
    since: datetime | None = None
    until: datetime | None = None
    user: str = ""
    account: str = ""


RUN_WORDS: Final = "text user:NAME account:E-MAIL since:T until:T"
"""What may be typed to narrow runs."""

_WORD: Final = re.compile(r'(?<!\S)(user|account|since|until):("[^"]*"|\S*)(?!\S)')
_RUN_ID: Final = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def is_run_id(text: str) -> bool:
    """Whether what was typed is the id of a run, and nothing else."""
    return _RUN_ID.fullmatch(text.strip()) is not None


def read_run_words(typed: str, now: datetime) -> RunWords | None:
    """Read what was typed to narrow runs: words such as ``user:``, and a keyword.

    A value with spaces stands in double quotes.

    Args:
        typed: The text.
        now: Aware, in the zone times are meant in.

    Returns:
        None where nothing was typed.

    Raises:
        ValueError: A sentence for the user.
    """
    found: dict[str, str] = {}
    for word in _WORD.finditer(typed):
        name, value = word[1], word[2].strip('"').strip()
        if not value:
            raise ValueError(f"Write what follows {name}:, or leave it out.")
        if name in found:
            raise ValueError(f"{name}: stands there twice; leave one of them.")
        found[name] = value
    keyword = " ".join(_WORD.sub(" ", typed).split())
    if not found and not keyword:
        return None
    if "user" in found and "account" in found:
        raise ValueError("A run is started by a user or an account; leave one of them.")
    since, until = (_time_in(found, name, now) for name in ("since", "until"))
    if since is not None and until is not None and until < since:
        raise ValueError("until: lies before since:, so that no run fits.")
    user, account = found.get("user", ""), found.get("account", "")
    return RunWords(typed.strip(), keyword, since, until, user, account)


def _time_in(found: dict[str, str], name: str, now: datetime) -> datetime | None:
    text = found.get(name)
    if text is None:
        return None
    try:
        return parse_when(text, now)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error


def described(only: JobFilter, zone: tzinfo | None = None) -> str:
    """Return the filter in words, "" when nothing is filtered; clean.

    Args:
        only: The filter.
        zone: The one times are told in; None is the machine's own.
    """
    states = []
    if only.status is not None:
        states.append(clean(str(only.status)))
    if only.trigger is not None:
        states.append("manual" if only.trigger == "MANUAL" else "automatic")
    words = [" ".join(states)] if states else []
    if only.keyword:
        words.append(f"“{clean(only.keyword)}”")
    for name, by in (("user", only.user), ("account", only.account)):
        if by:
            words.append(f"{name} {clean(by)}")
    for name, at in (("since", only.since), ("until", only.until)):
        if at is not None:
            words.append(f"{name} {_moment(at, zone)}")
    return " · ".join(words)


def _moment(at: datetime, zone: tzinfo | None) -> str:
    local = at.astimezone(zone)
    return f"{local:%Y-%m-%d %H:%M:%S}".removesuffix(":00")
