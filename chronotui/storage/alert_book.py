"""The alerts that stand, and which events were told: kept between starts.

Several desks and commands of one profile share the file. Each change reads it anew
under a lock, so that an event is claimed by one of them and told once. Claimed before
it is told: what is lost in a crash between the two is not told twice.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
from enum import StrEnum
from hashlib import sha256
from time import sleep, time
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct
from msgspec.structs import asdict, replace

from chronotui.storage.files import state_dir, write_private

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from chronotui.storage.settings import Profile

MOST_TOLD: Final = 5_000
"""Events remembered as told; the oldest are forgotten beyond, long after the jobs they
are of stand on no list that is read."""

MOST_ALERTS: Final = 200
"""Alerts that stand at a time."""

LOCK_SECONDS: Final = 1.0
LOCK_PAUSE: Final = 0.01
"""The lock is held for the time a file takes to be written, and tried so often."""


class AlertKind(StrEnum):
    """When an alert is told; ``words`` follow "when"."""

    words: str

    END = "end", "it ends"
    FAILURE = "failure", "it fails"
    PATTERN = "pattern", "a line matches"
    STALL = "stall", "it stalls"

    def __new__(cls, name: str, words: str = "") -> AlertKind:
        kind = str.__new__(cls, name)
        kind._value_, kind.words = name, words
        return kind


class Alert(Struct, frozen=True):
    """What somebody wants to be told of a job, or of every run of a workflow.

    Attributes:
        workflow: The workflow's name, as it was then.
        job_id: "" for every run.
        shown_id: The job's id as people see it.
        pattern: What a line has to match, as it was typed.
        set_at: When it was set, in seconds since the epoch, by the server's clock as
            far as that is known.
        after: Jobs made later than this by the server's clock are new to it.
        open_ids: Older jobs that had not ended when it was set.
        place: Lines of the job up to this attempt and number were there before.
    """

    kind: AlertKind
    workflow_id: str
    workflow: str = ""
    job_id: str = ""
    shown_id: str = ""
    pattern: str = ""
    set_at: float = 0.0
    after: float = 0.0
    open_ids: tuple[str, ...] = ()
    place: tuple[int, int] | None = None

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What tells it from others: the same wish is one alert."""
        return self.kind, self.workflow_id, self.job_id, self.pattern

    @property
    def reads_lines(self) -> bool:
        """Whether it takes a job's lines to tell, and not its state alone."""
        return self.kind in {AlertKind.PATTERN, AlertKind.STALL}

    def concerns(self, workflow_id: str, job_id: str) -> bool:
        """Whether it is about a job."""
        return self.workflow_id == workflow_id and self.job_id in {"", job_id}


class AlertBook:
    """The file of one profile's alerts, 0600; without a path they live as long as this.

    May be used by several threads.

    Attributes:
        problem: Why it was not read or written, in a sentence; "" for nothing.
    """

    def __init__(self, path: Path | None, origin: str = "") -> None:
        self.path = path
        self.problem = ""
        self._origin = origin
        self._alerts: tuple[Alert, ...] = ()
        self._told: dict[str, float] = {}
        self._seen: tuple[int, int] | None = None
        self._one = threading.RLock()

    @classmethod
    def of(cls, profile: Profile, folder: Path | None = None) -> AlertBook:
        """Return a profile's book; another server or account has another one."""
        origin = f"{profile.auth.email} {profile.url}"
        mark = sha256(origin.encode()).hexdigest()[:16]
        name = f"{profile.name}-{mark}.json"
        return cls((folder or state_dir()) / "alerts" / name, origin)

    def standing(self) -> tuple[Alert, ...]:
        """Return the alerts that stand by now, the oldest first."""
        with self._one:
            self._read()
            return self._alerts

    def was_told(self, event: str) -> bool:
        """Whether an event was told, as far as was read last."""
        return event in self._told

    def add(self, alert: Alert) -> bool:
        """Set an alert; False where it stands already, or too many do."""
        with self._changing():
            known = {each.key for each in self._alerts}
            if alert.key in known or len(known) >= MOST_ALERTS:
                return False
            self._alerts += (alert,)
        return True

    def remove(self, alerts: Iterable[Alert]) -> None:
        """Take alerts back, or out of the way once they have told what they can."""
        gone = {alert.key for alert in alerts}
        if gone:
            with self._changing():
                self._alerts = tuple(a for a in self._alerts if a.key not in gone)

    def claim(self, events: Iterable[str]) -> set[str]:
        """Return which events nobody has told; from now on they count as told."""
        wanted = set(events) - self._told.keys()
        if not wanted:
            return set()
        with self._changing():
            mine = wanted - self._told.keys()
            self._told.update(dict.fromkeys(mine, time()))
            for oldest in sorted(self._told, key=self._told.__getitem__)[:-MOST_TOLD]:
                del self._told[oldest]
        return mine

    # the file

    @contextlib.contextmanager
    def _changing(self) -> Iterator[None]:
        """Read the file, let it be changed, and write it, while nobody else does."""
        with self._locked():
            self._read()
            before = (self._alerts, set(self._told))
            yield
            if before != (self._alerts, set(self._told)):
                self._write()

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """Hold the lock; where there can be none, go on without one."""
        handle = -1
        if self.path is not None:
            with contextlib.suppress(OSError):
                self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
                handle = os.open(self.path.with_suffix(".lock"), flags, 0o600)
                _lock(handle)
        try:
            with self._one:
                yield
        finally:
            if handle >= 0:
                os.close(handle)

    def _read(self) -> None:
        """Take over the file if it is another one than was read or written last."""
        if self.path is None:
            return
        try:
            known = self.path.stat()
            seen = (known.st_ino, known.st_mtime_ns)
            if seen == self._seen:
                return
            content = json.loads(self.path.read_bytes())
            self._alerts = tuple(_alerts(content["alerts"]))
            self._told = _told(content["told"])
            self._seen = seen
        except FileNotFoundError:
            self._seen = None
        except OSError as error:
            why = error.strerror or "it cannot be read"
            self.problem = f"{self.path} was not read: {why}."
        except (ValueError, KeyError, TypeError, RecursionError):
            self.problem = f"{self.path} cannot be read; its alerts are lost."
            self._seen = None

    def _write(self) -> None:
        if self.path is None:
            return
        content = {
            "origin": self._origin,
            "alerts": [asdict(alert) for alert in self._alerts],
            "told": self._told,
        }
        try:
            write_private(self.path, json.dumps(content).encode())
            known = self.path.stat()
            self._seen = (known.st_ino, known.st_mtime_ns)
            self.problem = ""
        except OSError as error:
            why = error.strerror or "it cannot be written"
            self.problem = f"{self.path} was not written: {why}."


def _lock(handle: int) -> None:
    """Take the lock; go on without one that somebody keeps, such as a stopped desk."""
    try:
        import fcntl
    except ImportError:  # no such locks on this platform
        return
    for _ in range(round(LOCK_SECONDS / LOCK_PAUSE)):
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sleep(LOCK_PAUSE)
        else:
            return


def _told(entry: object) -> dict[str, float]:
    if not isinstance(entry, dict):
        raise TypeError
    return {
        event: float(at)
        for event, at in entry.items()
        if isinstance(event, str) and isinstance(at, int | float)
    }


def _alerts(entries: object) -> Iterator[Alert]:
    """Yield the alerts of a file; words of no meaning are left out."""
    if not isinstance(entries, list):
        raise TypeError
    for entry in entries[:MOST_ALERTS]:
        alert = _alert(entry) if isinstance(entry, dict) else None
        if alert is not None:
            yield alert


_FITS: Final[dict[str, Callable[[object], bool]]] = {
    **dict.fromkeys(
        ("workflow_id", "workflow", "job_id", "shown_id", "pattern"),
        lambda value: isinstance(value, str),
    ),
    **dict.fromkeys(("set_at", "after"), lambda value: isinstance(value, int | float)),
}


def _alert(entry: dict[str, Any]) -> Alert | None:
    kind = entry.get("kind")
    if kind not in set(AlertKind) or not isinstance(entry.get("workflow_id"), str):
        return None
    known = {name: entry[name] for name, fits in _FITS.items() if fits(entry.get(name))}
    ids, place = entry.get("open_ids"), entry.get("place")
    alert = Alert(AlertKind(kind), **known)
    if isinstance(ids, list):
        alert = replace(alert, open_ids=tuple(each for each in ids if _is_text(each)))
    if isinstance(place, list) and len(place) == 2 and all(map(_is_count, place)):
        alert = replace(alert, place=(place[0], place[1]))
    return alert


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_count(value: object) -> bool:
    return isinstance(value, int)
