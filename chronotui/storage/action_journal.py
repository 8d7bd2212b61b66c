"""What was asked to be changed on servers, and what was answered: kept, line by line.

An action stands in the file, down on the disk, before it is sent. So what was sent and
not answered is known afterwards, with the key that makes asking again harmless, also
after a crash or a lost machine.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import socket
import time
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct
from msgspec.structs import asdict

from chronotui.storage.files import state_dir, write_private

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

FILE_NAME: Final = "actions.jsonl"
MOST_BYTES: Final = 1 << 20
"""A larger file is cut down to its newest actions."""
KEPT: Final = 1000
IN_FLIGHT_SECONDS: Final = 600.0
"""So long another process that is alive is taken to be waiting for its answer."""

_APPEND: Final = (
    os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
)
_NO_LOCKS: Final = frozenset({errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS, errno.EINVAL})


class ActionOutcome(StrEnum):
    """What is known of an action; "" while nothing was noted."""

    NOT_NOTED = ""
    DONE = "done"
    REFUSED = "refused"
    UNANSWERED = "unanswered"
    LEFT = "left"
    """Somebody decided to leave it at not knowing."""


def this_process() -> str:
    """Return what tells this process from others, also on a shared disk."""
    return f"{socket.gethostname()}:{os.getpid()}"


class AskedAction(Struct, frozen=True, kw_only=True):
    """One thing that was asked of a server; never a secret.

    Attributes:
        id: Its own, in this file.
        what: "start", "terminate" or "read".
        server: The profile's URL.
        account: The e-mail it was asked under.
        workflow: Its name, as the server gave it.
        key: The idempotency key, "" where a request has none.
        asked_at: Seconds since the epoch, when it was sent last.
        process: Which process sent it, see `this_process`.
        outcome: What is known of it.
        answer: In words, why or what.
        job_id: The job that was started.
        answered_at: Seconds since the epoch, 0 while nothing was answered.
    """

    id: str
    what: str
    profile: str = ""
    server: str = ""
    account: str = ""
    workflow_id: str = ""
    workflow: str = ""
    key: str = ""
    asked_at: float = 0.0
    process: str = ""
    outcome: str = ActionOutcome.NOT_NOTED
    answer: str = ""
    job_id: str = ""
    answered_at: float = 0.0

    @property
    def is_open(self) -> bool:
        """Whether nobody knows if it was done, and nobody waits for the answer."""
        if self.outcome == ActionOutcome.UNANSWERED:
            return True
        return self.outcome == ActionOutcome.NOT_NOTED and not self._is_in_flight

    @property
    def _is_in_flight(self) -> bool:
        host, _, number = self.process.rpartition(":")
        if host != socket.gethostname() or not number.isdecimal():
            return False
        is_recent = abs(time.time() - self.asked_at) < IN_FLIGHT_SECONDS
        return is_recent and _is_alive(int(number[:9]))


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except PermissionError:
        return True
    except (OSError, OverflowError):
        return False
    return True


class ActionJournal:
    """The file of actions, one object a line, mode 0600.

    A later line of the same id adds to the earlier one or replaces parts of it. A line
    that was cut by a crash was never sent, and is passed over.

    Args:
        path: The file; None keeps everything in memory, for a server that goes away
            with the program.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self._held: list[dict[str, Any]] = []

    @classmethod
    def of_user(cls) -> ActionJournal:
        """Return that of the state folder."""
        return cls(state_dir() / FILE_NAME)

    def ask(self, action: AskedAction) -> None:
        """Keep what will be sent; once it returns, it is on the disk.

        Raises:
            OSError: It is not, and nothing may be sent.
        """
        self._append(asdict(action))

    def ask_again(self, action: AskedAction) -> None:
        """Keep that an action is sent again, under the same key.

        Raises:
            OSError: It is not kept, and nothing may be sent.
        """
        self._append(
            {
                "id": action.id,
                "asked_at": action.asked_at,
                "process": action.process,
                "outcome": ActionOutcome.NOT_NOTED,
            }
        )

    def settle(
        self, action: AskedAction, outcome: ActionOutcome, answer: str, job_id: str = ""
    ) -> None:
        """Keep what became of an action.

        Raises:
            OSError: It is not kept.
        """
        told = {"outcome": outcome, "answer": answer, "job_id": job_id}
        self._append({"id": action.id, **told, "answered_at": time.time()})

    def read(self) -> list[AskedAction]:
        """Return every action, in the order they were first asked.

        Raises:
            OSError: The file is there and cannot be read.
        """
        if self.path is None:
            return _actions(self._held)
        try:
            content = self.path.read_bytes()
        except FileNotFoundError:
            return []
        return _actions(_objects(content))

    def get(self, action_id: str) -> AskedAction | None:
        """Return one action as it is known by now."""
        return next((one for one in self.read() if one.id == action_id), None)

    def _append(self, line: dict[str, Any]) -> None:
        if self.path is None:
            self._held.append(line)
            return
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._locked(self.path) as file:
            size = os.fstat(file).st_size
            # A line that a crash has cut does not spoil the next one.
            is_cut = size > 0 and os.pread(file, 1, size - 1) != b"\n"
            written = json.dumps(line, ensure_ascii=True).encode() + b"\n"
            _write(file, b"\n" + written if is_cut else written)
            os.fsync(file)
            if not size:
                _sync_folder(self.path.parent)
            elif size > MOST_BYTES:
                self._cut_down(self.path)

    @contextlib.contextmanager
    def _locked(self, path: Path) -> Iterator[int]:
        """Open the file, alone; one that was replaced meanwhile is opened anew."""
        while True:
            file = os.open(path, _APPEND, 0o600)
            try:
                _lock(file)
                if _is_at(file, path):
                    yield file
                    return
            finally:
                os.close(file)

    def _cut_down(self, path: Path) -> None:
        """Keep the newest actions, and those nobody knows the outcome of."""
        actions = _actions(_objects(path.read_bytes()))
        old = [one for one in actions[:-KEPT] if one.is_open]
        kept = [asdict(one) for one in (*old, *actions[-KEPT:])]
        lines = "".join(f"{json.dumps(one, ensure_ascii=True)}\n" for one in kept)
        with contextlib.suppress(OSError):
            write_private(path, lines.encode())


def _write(file: int, content: bytes) -> None:
    """Write all of it, or take back what was written."""
    size = os.fstat(file).st_size
    try:
        rest = memoryview(content)
        while rest:
            rest = rest[os.write(file, rest) :]
    except OSError:
        with contextlib.suppress(OSError):
            os.ftruncate(file, size)
        raise


def _lock(file: int) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
    except OSError as problem:
        if problem.errno not in _NO_LOCKS:
            raise


def _is_at(file: int, path: Path) -> bool:
    try:
        return os.path.samestat(path.lstat(), os.fstat(file))
    except FileNotFoundError:
        return False


def _sync_folder(folder: Path) -> None:
    with contextlib.suppress(OSError):
        opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)


def _objects(content: bytes) -> Iterator[dict[str, Any]]:
    for line in content.splitlines():
        try:
            found = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(found, dict):
            yield found


_KINDS: Final = AskedAction.__annotations__


def _actions(objects: Iterable[dict[str, Any]]) -> list[AskedAction]:
    """Put the lines of each action together; what has no meaning is left out."""
    known: dict[str, dict[str, Any]] = {}
    for found in objects:
        fitting = {name: v for name, v in found.items() if _fits(name, v)}
        if "id" in fitting and ("what" in fitting or fitting["id"] in known):
            known.setdefault(fitting["id"], {}).update(fitting)
    return [AskedAction(**told) for told in known.values()]


def _fits(name: str, value: object) -> bool:
    if _KINDS.get(name) == "float":
        return isinstance(value, int | float) and not isinstance(value, bool)
    return name in _KINDS and isinstance(value, str)
