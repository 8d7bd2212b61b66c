import errno
import os
import stat
from pathlib import Path

import pytest

from chronotui.storage.files import SpoolFile, write_private
from chronotui.storage.state import SavedSession, SessionFile

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
