"""A part file: its name only ever stands for a whole file."""

from __future__ import annotations

import errno
import os
import random
import resource
import signal
import stat
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from chronotui.errors import ChronotuiError, DownloadError, PathRefusedError
from chronotui.storage import files as atomic_file
from chronotui.storage import files as rename
from chronotui.storage.files import (
    BUFFER_BYTES,
    AbandonedError,
    PartFile,
    SpoolFile,
    Target,
    home_relative,
    look,
    opening_problem,
    write_private,
)
from chronotui.storage.state import SavedSession, SessionFile

if TYPE_CHECKING:
    from collections.abc import Callable


def names(folder: Path) -> set[str]:
    return {entry.name for entry in folder.iterdir()}


def fail_with(number: int) -> Callable[..., None]:
    def call(*args: object, **kwargs: object) -> None:
        raise OSError(number, os.strerror(number))

    return call


def test_the_name_appears_with_the_commit_and_not_before(tmp_path: Path) -> None:
    part = PartFile(tmp_path / "a.txt")
    part.write(b"one\n")
    part.write(b"two\n")
    assert names(tmp_path) == {"a.txt.part"}
    part.commit()
    assert names(tmp_path) == {"a.txt"}
    assert (tmp_path / "a.txt").read_bytes() == b"one\ntwo\n"
    assert stat.S_IMODE((tmp_path / "a.txt").stat().st_mode) == 0o600


def test_an_empty_log_is_an_empty_file(tmp_path: Path) -> None:
    PartFile(tmp_path / "a.txt").commit()
    assert (tmp_path / "a.txt").read_bytes() == b""


@pytest.mark.parametrize("size", [1, 1000, BUFFER_BYTES, BUFFER_BYTES + 1])
def test_pieces_of_any_size_arrive_in_order(tmp_path: Path, size: int) -> None:
    content = random.Random(size).randbytes(2 * BUFFER_BYTES + 17)
    step = max(1, size)
    part = PartFile(tmp_path / "a")
    sent = content if size > 1 else content[:3000]
    for start in range(0, len(sent), step):
        part.write(sent[start : start + step])
    assert part.size == len(sent)
    assert part.tail(100) == sent[-100:]
    part.commit()
    assert (tmp_path / "a").read_bytes() == sent


def test_short_writes_of_the_system_are_gone_on_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: write(fd, data[:7]))
    part = PartFile(tmp_path / "a")
    part.write(b"0123456789" * 10)
    part.commit()
    assert (tmp_path / "a").read_bytes() == b"0123456789" * 10


def test_an_existing_file_is_refused_and_untouched(tmp_path: Path) -> None:
    there = tmp_path / "a.txt"
    there.write_text("mine")
    with pytest.raises(PathRefusedError, match="exists already") as caught:
        PartFile(there)
    assert caught.value.exit_code == 2
    assert there.read_text() == "mine"
    assert names(tmp_path) == {"a.txt"}


def test_an_existing_file_is_replaced_when_asked(tmp_path: Path) -> None:
    there = tmp_path / "a.txt"
    there.write_text("old")
    part = PartFile(there, overwrite=True)
    part.write(b"new")
    assert there.read_text() == "old"
    part.commit()
    assert there.read_text() == "new"
    assert names(tmp_path) == {"a.txt"}


@pytest.mark.parametrize("way", ["renameat2", "link"])
def test_a_file_that_comes_up_meanwhile_is_not_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    if way == "link":
        monkeypatch.setattr(rename, "_renameat2", lambda *_: False)
    part = PartFile(tmp_path / "a.txt")
    part.write(b"the log")
    (tmp_path / "a.txt").write_text("somebody else's")
    with pytest.raises(PathRefusedError, match="exists already"):
        part.commit()
    assert (tmp_path / "a.txt").read_text() == "somebody else's"
    kept = part.keep()
    assert kept.read_bytes() == b"the log"


def test_the_link_way_leaves_no_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rename, "_renameat2", lambda *_: False)
    part = PartFile(tmp_path / "a.txt")
    part.write(b"x")
    part.commit()
    assert names(tmp_path) == {"a.txt"}


def test_of_many_finishing_at_once_one_gets_the_name(tmp_path: Path) -> None:
    parts = [PartFile(tmp_path / "a") for _ in range(8)]
    outcomes: list[str] = []

    def finish(part: PartFile, number: int) -> None:
        part.write(b"%d" % number)
        try:
            part.commit()
        except PathRefusedError:
            part.discard()
            outcomes.append("refused")
        else:
            outcomes.append("saved")

    threads = [
        threading.Thread(target=finish, args=(part, number))
        for number, part in enumerate(parts)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["refused"] * 7 + ["saved"]
    assert names(tmp_path) == {"a"}


def test_an_earlier_part_is_never_touched(tmp_path: Path) -> None:
    (tmp_path / "a.part").write_text("kept by somebody")
    part = PartFile(tmp_path / "a")
    assert part.part_path.name == "a.2.part"
    part.commit()
    assert (tmp_path / "a.part").read_text() == "kept by somebody"


def test_a_symbolic_link_is_refused_and_replaced_itself_when_asked(
    tmp_path: Path,
) -> None:
    target = tmp_path / "target"
    target.write_text("precious")
    link = tmp_path / "link"
    link.symlink_to(target)
    with pytest.raises(PathRefusedError, match="symbolic link"):
        PartFile(link)
    part = PartFile(link, overwrite=True)
    part.write(b"log")
    part.commit()
    assert not link.is_symlink()
    assert link.read_text() == "log"
    assert target.read_text() == "precious"


def test_a_dangling_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    with pytest.raises(PathRefusedError):
        PartFile(tmp_path / "link")
    assert names(tmp_path) == {"link"}


def test_a_part_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "victim").write_text("precious")
    (tmp_path / "a.part").symlink_to(tmp_path / "victim")
    part = PartFile(tmp_path / "a")
    part.write(b"x")
    part.commit()
    assert (tmp_path / "victim").read_text() == "precious"


@pytest.mark.parametrize("overwrite", [False, True])
def test_folders_and_devices_are_refused_also_with_overwrite(
    tmp_path: Path, overwrite: bool
) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(PathRefusedError, match="is a folder"):
        PartFile(tmp_path / "folder", overwrite=overwrite)
    with pytest.raises(PathRefusedError, match="device, pipe or socket"):
        PartFile(tmp_path / "pipe", overwrite=overwrite)
    assert names(tmp_path) == {"folder", "pipe"}


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("missing/a.txt", "does not exist"),
        ("file/a.txt", "a file, not a folder"),
        ("x" * 256, "too long"),
        ("x" * 252, "too long"),
        ("nul\0name", "missing"),
    ],
)
def test_paths_that_cannot_be(tmp_path: Path, path: str, words: str) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(PathRefusedError, match=words) as caught:
        PartFile(tmp_path / path)
    assert caught.value.exit_code == 2
    assert caught.value.next_step
    assert names(tmp_path) == {"file"}


def test_a_folder_that_may_not_be_written(tmp_path: Path) -> None:
    folder = tmp_path / "locked"
    folder.mkdir(mode=0o500)
    if os.access(folder, os.W_OK):
        folder = Path("/proc/self")
    with pytest.raises(PathRefusedError):
        PartFile(folder / "a.txt")


@pytest.mark.parametrize(
    ("number", "words", "kind"),
    [
        (errno.EACCES, "may not be written", PathRefusedError),
        (errno.EROFS, "read-only", PathRefusedError),
        (errno.ENOSPC, "full", DownloadError),
        (errno.EDQUOT, "full", DownloadError),
        (errno.EIO, "cannot be created", PathRefusedError),
    ],
)
def test_every_way_creating_fails_is_a_sentence(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    number: int,
    words: str,
    kind: type[ChronotuiError],
) -> None:
    opened = os.open

    def failing(path: str, flags: int, *args: int, **kwargs: int) -> int:
        if flags & os.O_CREAT:
            raise OSError(number, os.strerror(number))
        return opened(path, flags, *args, **kwargs)

    monkeypatch.setattr(os, "open", failing)
    with pytest.raises(kind, match=words):
        PartFile(tmp_path / "a")


@pytest.mark.parametrize("call", ["write", "fsync", "close", "rename"])
@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "full"),
        (errno.EIO, "could not be written"),
        (errno.ENOENT, "vanished"),
    ],
)
def test_failing_at_the_end_leaves_nothing_whole_looking(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, number: int, words: str
) -> None:
    part = PartFile(tmp_path / "a")
    part.write(b"x" * 100)
    with monkeypatch.context() as patch:
        if call == "rename":
            patch.setattr(atomic_file, "rename_exclusive", fail_with(number))
        else:
            patch.setattr(os, call, fail_with(number))
        with pytest.raises(DownloadError, match=words) as caught:
            part.commit()
    assert caught.value.exit_code == 6
    assert names(tmp_path) == {"a.part"}
    part.discard()
    assert names(tmp_path) == set()


def test_a_name_the_disk_does_not_confirm_is_taken_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    part = PartFile(tmp_path / "a")
    part.write(b"x")
    synced: list[int] = []
    real = os.fsync

    def second_fails(descriptor: int) -> None:
        synced.append(descriptor)
        if len(synced) == 2:
            raise OSError(errno.ENOSPC, "")
        real(descriptor)

    monkeypatch.setattr(os, "fsync", second_fails)
    with pytest.raises(DownloadError, match="full"):
        part.commit()
    assert names(tmp_path) == {"a.part"}


def test_a_really_full_file(tmp_path: Path) -> None:
    part = PartFile(tmp_path / "a")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (BUFFER_BYTES + 10, hard))
    try:
        part.write(b"x" * BUFFER_BYTES)
        with pytest.raises(DownloadError, match="full") as caught:
            part.write(b"x" * BUFFER_BYTES)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert caught.value.exit_code == 6
    part.discard()
    assert names(tmp_path) == set()


def test_a_folder_that_vanishes(tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    folder.mkdir()
    part = PartFile(folder / "a")
    part.write(b"x")
    (folder / "a.part").unlink()
    folder.rmdir()
    with pytest.raises(DownloadError, match="vanished"):
        part.commit()
    part.discard()


def test_a_folder_swapped_underneath(tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    folder.mkdir()
    part = PartFile(folder / "a")
    part.write(b"x")
    folder.rename(tmp_path / "moved")
    folder.mkdir()
    with pytest.raises(DownloadError, match="replaced by another"):
        part.commit()
    assert names(folder) == set()
    part.discard()
    assert names(tmp_path / "moved") == set()


def test_abandoned_in_the_middle_of_finishing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    part = PartFile(tmp_path / "a")
    part.write(b"x")
    monkeypatch.setattr(os, "fsync", lambda _fd: part.abandon())
    with pytest.raises(AbandonedError):
        part.commit()
    with pytest.raises(AbandonedError):
        part.write(b"y")
    part.discard()
    assert names(tmp_path) == set()


def test_discarding_after_the_commit_leaves_the_file(tmp_path: Path) -> None:
    part = PartFile(tmp_path / "a")
    part.commit()
    part.discard()
    assert names(tmp_path) == {"a"}


@pytest.mark.parametrize(
    ("folder", "said"),
    [
        ("no", "does not exist"),
        ("file", "is a file, not a folder"),
        (".", "takes no new files"),  # as the system says of /proc
    ],
)
def test_what_is_the_matter_with_a_folder_is_said(
    tmp_path: Path, folder: str, said: str
) -> None:
    (tmp_path / "file").touch()
    path = tmp_path / folder / "a.txt"
    problem = opening_problem(FileNotFoundError(errno.ENOENT, ""), path)
    assert said in problem.sentence


def test_looking_touches_nothing(tmp_path: Path) -> None:
    assert look(tmp_path / "a.txt") is Target.NEW
    assert look(tmp_path / "no" / "a.txt") is Target.NO_FOLDER
    assert look(tmp_path) is Target.FOLDER
    assert look(tmp_path / "..") is Target.NAMELESS
    assert names(tmp_path) == set()


def test_paths_are_shown_relative_to_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    assert home_relative(Path("/home/me/logs/a.txt")) == "~/logs/a.txt"
    assert home_relative(Path("/srv/a.txt")) == "/srv/a.txt"


_ENDLESS_SAVES = """
import sys
from pathlib import Path
from chronotui.storage.files import PartFile
folder, piece = Path(sys.argv[1]), b"x" * 100_000
print("begun", flush=True)
for number in range(100_000):
    part = PartFile(folder / f"{number}.log")
    for _ in range(5):
        part.write(piece)
    part.commit()
"""


@pytest.mark.parametrize("seed", range(8))
def test_killed_at_any_moment_nothing_looks_whole_that_is_not(
    tmp_path: Path, seed: int
) -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", _ENDLESS_SAVES, str(tmp_path)],
        stdout=subprocess.PIPE,
    )
    assert child.stdout is not None
    assert child.stdout.readline() == b"begun\n"
    # The wait is the moment of the kill, not a wait for something.
    pause = random.Random(seed).uniform(0.0, 0.06)
    threading.Event().wait(pause)
    child.send_signal(signal.SIGKILL)
    assert child.wait() == -signal.SIGKILL, "it saved until it was killed"
    child.stdout.close()
    parts = [entry for entry in tmp_path.iterdir() if entry.name.endswith(".part")]
    assert len(parts) <= 1
    for entry in tmp_path.iterdir():
        if entry not in parts:
            assert entry.stat().st_size == 500_000


ORIGIN = "https://chrono.example.com"
SESSION = SavedSession("s3cret", "ab$17", 1_700_000_000.0)


def test_a_session_comes_back_and_is_private(tmp_path: Path) -> None:
    file = SessionFile(tmp_path, "prod", ORIGIN)
    assert file.read() is None
    file.save(SESSION)
    assert file.read() == SESSION
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.path.parent.stat().st_mode) == 0o700
    assert file.forget()
    assert not file.forget()
    assert file.read() is None


def test_a_session_belongs_to_its_profile_and_origin(tmp_path: Path) -> None:
    SessionFile(tmp_path, "prod", ORIGIN).save(SESSION)
    assert SessionFile(tmp_path, "test", ORIGIN).read() is None
    other = SessionFile(tmp_path, "prod", "https://evil.example.com")
    assert other.read() is None
    SessionFile(tmp_path, "prod", ORIGIN).path.rename(other.path)
    assert other.read() is None


def test_a_session_others_could_read_is_thrown_away(tmp_path: Path) -> None:
    file = SessionFile(tmp_path, "prod", ORIGIN)
    file.save(SESSION)
    file.path.chmod(0o640)
    assert file.read() is None
    assert not file.path.exists()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b'{"origin": 1}',
        b"\xff",
        b'{"origin": "https://chrono.example.com", "session": 1}',
    ],
)
def test_a_broken_session_file_is_no_session(tmp_path: Path, content: bytes) -> None:
    file = SessionFile(tmp_path, "prod", ORIGIN)
    write_private(file.path, content)
    assert file.read() is None


def test_a_session_is_not_in_its_repr() -> None:
    assert "s3cret" not in repr(SESSION)


def test_a_linked_file_stays_linked(tmp_path: Path) -> None:
    real = tmp_path / "dotfiles" / "config.toml"
    link = tmp_path / "config.toml"
    link.symlink_to(real)
    write_private(link, b"x")
    assert link.is_symlink()
    assert real.read_bytes() == b"x"


def test_a_failed_write_leaves_the_old_content(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    write_private(path, b"old")

    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="full"):
        write_private(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_spool_file_has_no_name_and_gives_back_what_it_took(
    tmp_path: Path,
) -> None:
    spool = SpoolFile(tmp_path / "new")
    assert spool.write(b"hello") == 0
    assert spool.write(b"") == 5
    assert spool.write(b" world") == 5
    assert spool.read(0, 11) == b"hello world"
    assert spool.read(6, 5) == b"world"
    assert spool.size == 11
    assert list((tmp_path / "new").iterdir()) == []
    with pytest.raises(OSError, match="shorter"):
        spool.read(6, 6)
    spool.close()


def test_a_full_disk_leaves_the_spool_file_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = SpoolFile(tmp_path)
    spool.write(b"kept")
    real = os.pwrite
    with monkeypatch.context() as patch:

        def two_bytes_then_full(handle: int, content: bytes, offset: int) -> int:
            if offset >= 6:
                raise OSError(errno.ENOSPC, "full")
            return real(handle, content[:2], offset)

        patch.setattr(os, "pwrite", two_bytes_then_full)
        with pytest.raises(OSError, match="full"):
            spool.write(b"lost")
    assert spool.write(b"next") == 4
    assert spool.read(0, 8) == b"keptnext"
    spool.close()
