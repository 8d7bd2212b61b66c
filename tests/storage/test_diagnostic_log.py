import errno
import os
from pathlib import Path

import pytest

from chronotui.storage.files import config_file, spool_dir, state_dir
from chronotui.storage.state import DiagnosticLog


def test_lines_have_a_time_and_no_secrets(tmp_path: Path) -> None:
    log = DiagnosticLog(tmp_path / "new" / "log")
    log.hide("hunter22")
    log.hide("ab")
    log.note("asked with hunter22\x1b[31m\nand able")
    log.close()
    log.note("nothing any more")
    (line,) = log.path.read_text().splitlines()
    time, words = line.split(" ", 1)
    assert len(time) == 24
    assert words == r"asked with •••\x1b[31m\nand able"
    assert log.path.stat().st_mode & 0o777 == 0o600


def test_a_full_disk_ends_the_log_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = DiagnosticLog(tmp_path / "log")

    def full(_handle: int, _line: bytes) -> int:
        raise OSError(errno.ENOSPC, "full")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        log.note("lost")
    log.note("dropped")
    assert log.path.read_bytes() == b""
    log.close()


def test_asking_for_a_folder_makes_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "c"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "s"))
    assert config_file() == tmp_path / "c" / "chronotui" / "config.toml"
    assert state_dir() == tmp_path / "s" / "chronotui"
    assert spool_dir(tmp_path / "x") == tmp_path / "x"
    assert spool_dir(None).is_dir()
    assert list(tmp_path.iterdir()) == []
