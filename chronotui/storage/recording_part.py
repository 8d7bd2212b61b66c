"""The unfinished file of a recording, which a later recording goes on with.

Beside ``NAME.part`` stands ``NAME.part.state``: whose recording it is, and up to where
the part is whole, with a digest of it. A process killed at any moment leaves both such
that the part can be cut back to that place; what was written behind it is fetched
again. The part is locked for as long as it is written.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import stat
from typing import TYPE_CHECKING, Any, Final, NoReturn

from msgspec import Struct
from msgspec.structs import asdict, replace

from chronotui.errors import DownloadError, PathRefusedError
from chronotui.storage.files import (
    PartFile,
    home_relative,
    opening_problem,
    part_names,
    rename_exclusive,
)

if TYPE_CHECKING:
    from pathlib import Path

STATE_ENDING: Final = ".state"
CHECK_ENDING: Final = ".check"
VERSION: Final = 1

_OPEN: Final = os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC
_CREATE: Final = _OPEN | os.O_CREAT | os.O_EXCL
_WRITE: Final = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
_EMPTY: Final = hashlib.blake2b(digest_size=32).hexdigest()
_READ_BYTES: Final = 1 << 20
_MOST_STATE_BYTES: Final = 1 << 20
_NO_FILE: Final = frozenset({errno.ELOOP, errno.EISDIR, errno.ENXIO})
_NO_LOCKS: Final = frozenset({errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS, errno.EINVAL})


class RecordingOf(Struct, frozen=True, kw_only=True):
    """Whose recording a part is, and in what form; never a secret.

    ``stream`` is None for both streams.
    """

    profile: str
    origin: str
    workflow_id: str
    job_id: str
    format: str
    stream: str | None

    def difference(self, other: RecordingOf) -> str:
        """Say what makes the other another recording; "" when it is the same."""
        words = {
            "job_id": f"of job {other.job_id}",
            "workflow_id": f"of a job of workflow {other.workflow_id}",
            "origin": f"of a job on {other.origin}",
            "profile": f"under the profile {other.profile or '(none)'}",
            "format": f"as {other.format}",
            "stream": f"of {other.stream or 'both streams'}",
        }
        apart = (
            said
            for name, said in words.items()
            if getattr(self, name) != getattr(other, name)
        )
        return next(apart, "")


class Recorded(Struct, frozen=True, kw_only=True):
    """Which lines a part holds.

    ``identities`` is a number that stands for each line, summed up; it tells two sets
    of lines apart whatever their order within a number. ``attempt`` and the three after
    it are the last line's; ``sequence_num`` is -1 before the first. ``at_last`` has the
    identities of all lines of the last number.
    """

    lines: int = 0
    attempts: int = 0
    identities: str = ""
    attempt: int = 0
    sequence_num: int = -1
    stream: str = ""
    event_id: str = ""
    at_last: tuple[str, ...] = ()


class _State(Struct, frozen=True):
    """The state file: the part is whole up to ``size`` bytes, of this digest."""

    of: RecordingOf
    recorded: Recorded
    size: int = 0
    digest: str = _EMPTY
    finished: bool = False

    def content(self) -> bytes:
        parts = {"of": asdict(self.of), "recorded": asdict(self.recorded)}
        table = {"version": VERSION, **asdict(self), **parts}
        return (json.dumps(table, ensure_ascii=False, indent=1) + "\n").encode(
            errors="surrogateescape"
        )

    @classmethod
    def read(cls, content: bytes) -> _State | None:
        """Return what a state file says; None for one that makes no sense."""
        try:
            table = json.loads(content.decode(errors="surrogateescape"))
            if table.pop("version") != VERSION:
                return None
            of = _filled(RecordingOf, table.pop("of"))
            recorded = _filled(Recorded, table.pop("recorded"))
            recorded = replace(recorded, at_last=tuple(recorded.at_last))
            state = cls(of, recorded, **table)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            return None
        numbers = (state.size, recorded.lines, recorded.attempt, recorded.attempts)
        sound = all(isinstance(number, int) and number >= 0 for number in numbers)
        return state if sound and isinstance(recorded.sequence_num, int) else None


def _filled(kind: type[Any], table: dict[str, Any]) -> Any:
    """Return a value of a struct whose every field is given, and no other."""
    if set(table) != set(kind.__struct_fields__):
        raise ValueError
    return kind(**table)


class RecordingPart(PartFile):
    """The part of a recording, begun or gone on with.

    One thread at a time writes; ``mark`` may be called from another one. With ``anew``
    a part that is there is left under another name, and another one begun.

    Raises:
        PathRefusedError: The path cannot be used; the part is another recording's,
            is being written, or is not what its state says.
        DownloadError: The disk has no room.
    """

    def __init__(
        self,
        path: Path,
        of: RecordingOf,
        *,
        overwrite: bool = False,
        anew: bool = False,
    ) -> None:
        self._of = of
        self._anew = anew
        self._held = -1
        self._digest = hashlib.blake2b(digest_size=32)
        self._marked = _State(of, Recorded())
        self._whole = self._marked
        self.set_aside: list[Path] = []
        """Parts that were left under other names."""
        super().__init__(path, overwrite=overwrite)
        self.size = self._marked.size

    @property
    def recorded(self) -> Recorded:
        return self._whole.recorded

    @property
    def is_behind(self) -> bool:
        """Whether the part holds more than its state says."""
        return self._file >= 0 and self._whole is not self._marked

    @property
    def _state_name(self) -> str:
        return self._part_name + STATE_ENDING

    def _create(self) -> str:
        try:
            return self._opened()
        except BaseException:
            self._release()
            for descriptor in (self._file, self._folder):
                if descriptor >= 0:
                    os.close(descriptor)
            self._file = self._folder = -1
            raise

    def _opened(self) -> str:
        for name in part_names(self.path.name):
            self._part_name = name
            try:
                if self._open_one():
                    break
            except OSError as problem:
                raise opening_problem(problem, self.path) from problem
            # A part without a state is another save's, and is never touched.
        return self._part_name

    def _open_one(self) -> bool:
        """Begin or go on under the name in turn; False if that is not ours."""
        while True:
            try:
                self._file = os.open(self._part_name, _OPEN, dir_fd=self._folder)
            except FileNotFoundError:
                if not self._begin():
                    continue
                return True
            except OSError as problem:
                if problem.errno not in _NO_FILE:
                    raise
                return False
            if self._is_anothers():
                self._let_go()
                return False
            if self._lock_file() and self._take_over():
                return True

    def _is_anothers(self) -> bool:
        """Whether the part that was opened is no recording's."""
        status = os.fstat(self._file)
        lone = status.st_size > 0 and self._read_state() is None
        return lone or not stat.S_ISREG(status.st_mode)

    def _take_over(self) -> bool:
        """Go on with the part that was opened; False when it was left aside."""
        content = self._read_state()
        if content is None:
            # Killed before its first state: nothing was written to it either.
            self._write_state(self._marked)
        elif self._anew:
            self._leave_aside()
            return False
        else:
            self._go_on_with(content, os.fstat(self._file).st_size)
        return True

    def _begin(self) -> bool:
        """Make a part; False when one came up in the meantime."""
        self._refuse_lone_state()
        try:
            self._file = os.open(self._part_name, _CREATE, 0o600, dir_fd=self._folder)
        except FileExistsError:
            return False
        if not self._lock_file():
            return False
        try:
            self._write_state(self._marked)
        except OSError:
            os.unlink(self._part_name, dir_fd=self._folder)
            raise
        return True

    def _lock_file(self) -> bool:
        """Lock what was opened; False when it has another name by now.

        The lock is held on a descriptor of its own: it outlives the file's, which
        is closed before the part gets its final name.
        """
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._refuse(
                f"{self._shown} is being recorded just now, by another chronotui.",
                "Wait for it, or choose another name.",
            )
        except OSError as problem:
            if problem.errno not in _NO_LOCKS:
                raise
        self._held = os.dup(self._file)
        try:
            named = os.stat(self._part_name, dir_fd=self._folder, follow_symlinks=False)
        except FileNotFoundError:
            named = None
        if named is not None and os.path.samestat(named, os.fstat(self._file)):
            return True
        self._let_go()
        return False

    def _let_go(self) -> None:
        os.close(self._file)
        self._file = -1
        self._release()

    def _release(self) -> None:
        if self._held >= 0:
            os.close(self._held)
        self._held = -1

    def _refuse_lone_state(self) -> None:
        content = self._read_state()
        if content is None:
            return
        state = _State.read(content)
        stale = state is not None and (state.finished or not state.recorded.lines)
        if not stale and not self._anew:
            self._refuse(
                f"{self._shown_state} is there, but the part it belongs to, "
                f"{self._part_name}, is gone.",
                "Put it back, or begin anew (--force).",
            )
        os.unlink(self._state_name, dir_fd=self._folder)

    def _go_on_with(self, content: bytes, size: int) -> None:
        state = _State.read(content)
        if state is None:
            self._refuse(
                f"{self._shown_state} cannot be read: it is not what a recording wrote."
            )
        apart = self._of.difference(state.of)
        if apart:
            self._refuse(
                f"{self._shown} is an unfinished recording {apart}, another one than "
                "this, and was left as it is.",
                "Choose another name, or begin anew (--force).",
            )
        if size < state.size:
            self._refuse(
                f"{self._shown} is shorter than its state says: {size:,} of "
                f"{state.size:,} bytes."
            )
        if self._digest_of_file(state.size) != state.digest:
            self._refuse(f"{self._shown} is not what its state says: it was changed.")
        os.ftruncate(self._file, state.size)
        os.lseek(self._file, 0, os.SEEK_END)
        self._marked = self._whole = state

    def _digest_of_file(self, size: int) -> str:
        place = 0
        while place < size:
            piece = os.pread(self._file, min(_READ_BYTES, size - place), place)
            if not piece:
                break
            self._digest.update(piece)
            place += len(piece)
        return self._digest.hexdigest()

    def _refuse(
        self, sentence: str, next_step: str = "Begin anew (--force): it is kept aside."
    ) -> NoReturn:
        raise PathRefusedError(sentence, next_step=next_step)

    @property
    def _shown(self) -> str:
        return home_relative(self.path.with_name(self._part_name))

    @property
    def _shown_state(self) -> str:
        return home_relative(self.path.with_name(self._state_name))

    def _read_state(self) -> bytes | None:
        """Return the state file's bytes; None if there is none."""
        try:
            file = os.open(
                self._state_name,
                os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK,
                dir_fd=self._folder,
            )
        except FileNotFoundError:
            return None
        except OSError as problem:
            if problem.errno in _NO_FILE:
                return b""
            raise
        try:
            if not stat.S_ISREG(os.fstat(file).st_mode):
                return b""
            return os.pread(file, _MOST_STATE_BYTES, 0)
        finally:
            os.close(file)

    def append(self, data: bytes, recorded: Recorded) -> None:
        """Append the bytes of lines and hand them to the system.

        ``recorded`` are the lines the part holds with them.

        Raises:
            DownloadError: The disk is full or fails.
            AbandonedError: Another thread gave the file up.
        """
        with self._lock:
            self.write(data)
            self.flush()
            self._digest.update(data)
            digest = self._digest.hexdigest()
            self._whole = _State(self._of, recorded, self.size, digest)

    def mark(self) -> None:
        """Make durable what the part holds, and say so in the state.

        Raises:
            DownloadError: The disk is full or fails; the state before stands.
        """
        with self._lock:
            if self._file < 0 or self._whole is self._marked:
                return
            with self._explained():
                os.fdatasync(self._file)
                self._write_state(self._whole)

    def _write_state(self, state: _State) -> None:
        """Replace the state as a whole; a reader sees the one before or this one."""
        name = f"{self._state_name}.new"
        file = os.open(name, _WRITE, 0o600, dir_fd=self._folder)
        try:
            rest = memoryview(state.content())
            while rest:
                rest = rest[os.write(file, rest) :]
            os.fsync(file)
        finally:
            os.close(file)
        folder = self._folder
        os.replace(name, self._state_name, src_dir_fd=folder, dst_dir_fd=folder)
        self._marked = state

    def commit(self) -> None:
        """As `PartFile.commit`; the state goes once the file has its name."""
        with self._lock:
            if self._file >= 0:
                with self._explained():
                    self._write_state(replace(self._whole, finished=True))
            super().commit()

    def _sync_folder(self) -> None:
        super()._sync_folder()
        self._remove_state()

    def keep(self) -> Path:
        """Close the part and leave it with its state, to be gone on with."""
        with self._lock:
            if not self.committed:
                # A full disk leaves the state before, which is true as well.
                with contextlib.suppress(DownloadError):
                    self.mark()
                with contextlib.suppress(OSError):
                    os.fsync(self._folder)
            self._close()
        return self.part_path

    def retire(self) -> Path:
        """Close the part and leave it alone: nothing goes on with it."""
        with self._lock:
            if self._folder >= 0:
                self._remove_state()
            self._close()
        return self.part_path

    def discard(self) -> None:
        """Close the part and remove it and its state."""
        self.abandon()
        with self._lock:
            if self._folder >= 0 and not self.committed:
                # A part alone is another save's to the next one; a state alone is
                # damage.
                self._remove_state()
            super().discard()

    def begin_anew(self) -> None:
        """Leave what was recorded under another name, and begin again here.

        Raises:
            DownloadError: The disk is full or fails.
        """
        with self._lock:
            with self._explained():
                self._leave_aside()
                self._file = os.open(
                    self._part_name, _CREATE, 0o600, dir_fd=self._folder
                )
                if not self._lock_file():
                    raise OSError(errno.ENOENT, self._part_name)
                self._digest = hashlib.blake2b(digest_size=32)
                self._whole = _State(self._of, Recorded())
                self._write_state(self._whole)
            self.size = 0

    def _leave_aside(self) -> None:
        """Give the part a free name without a state."""
        # The state first: killed in between, a state alone would be damage.
        self._remove_state()
        name = _renamed(self._part_name, self.path.name, self._folder, 2)
        self.set_aside.append(self.path.with_name(name))
        self._let_go()

    def _remove_state(self) -> None:
        for name in (self._state_name, f"{self._state_name}.new"):
            with contextlib.suppress(OSError):
                os.unlink(name, dir_fd=self._folder)

    def _close(self) -> None:
        super()._close()
        self._release()


class CheckFile(PartFile):
    """The server's own file beside a recording, while the two are compared.

    Its name is the recording's own, so that one that was killed meanwhile leaves
    nothing behind; only what is kept gets a ``name`` (and ``.part``) a user sees.
    """

    def __init__(self, part: RecordingPart, name: str) -> None:
        self._checked = part.part_path.name
        super().__init__(part.path.with_name(name), overwrite=True)

    def _create(self) -> str:
        name = self._checked + CHECK_ENDING
        try:
            self._file = os.open(
                name, _OPEN | os.O_CREAT | os.O_TRUNC, 0o600, dir_fd=self._folder
            )
        except OSError as problem:
            os.close(self._folder)
            raise opening_problem(problem, self.path) from problem
        return name

    def keep(self) -> Path:
        """Give it a free name and leave it; returns its path."""
        with self._lock:
            if self._folder >= 0:
                self._part_name = _renamed(
                    self._part_name, self.path.name, self._folder
                )
        return super().keep()


def _renamed(old: str, name: str, folder: int, number: int = 1) -> str:
    """Give a part the next free name of another part; returns it."""
    for new in part_names(name, number):
        with contextlib.suppress(FileExistsError):
            rename_exclusive(old, new, folder)
            return new
    raise AssertionError


def recording_to(path: Path) -> tuple[RecordingOf, Recorded] | None:
    """Return the unfinished recording to ``path``; None if there is none.

    Only a look: whether it can be gone on with shows when it is opened.
    """
    for name in part_names(path.name):
        part = path.with_name(name)
        if not part.exists():
            break
        state = _state_beside(part)
        if state is not None:
            return state.of, state.recorded
    return None


def _state_beside(part: Path) -> _State | None:
    try:
        with part.with_name(part.name + STATE_ENDING).open("rb") as file:
            return _State.read(file.read(_MOST_STATE_BYTES))
    except OSError:
        return None
