"""What is remembered between runs, and the log of what went wrong."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from chronotui.storage.files import config_file, spool_dir, state_dir
from chronotui.storage.state import DiagnosticLog, Remembered, StateFile


def test_choices_are_remembered_by_profile(tmp_path: Path) -> None:
    state = StateFile(tmp_path / "new")
    assert state.read("prod") == Remembered()
    state.remember("prod", Remembered(wrap=True, save_dir=Path("/var/logs")))
    state.remember("prod", Remembered(zone="utc"))
    state.remember("test", Remembered(timestamps="delta"))
    again = StateFile(tmp_path / "new")
    assert again.read("prod") == Remembered(
        wrap=True, zone="utc", save_dir=Path("/var/logs")
    )
    assert again.read("test") == Remembered(timestamps="delta")
    assert again.problem == ""
    assert stat.S_IMODE(again.path.stat().st_mode) == 0o600


def test_a_folder_name_that_is_no_text_survives(tmp_path: Path) -> None:
    odd = Path("/logs/\udcff")
    StateFile(tmp_path).remember("prod", Remembered(save_dir=odd))
    assert StateFile(tmp_path).read("prod").save_dir == odd


@pytest.mark.parametrize("content", ["", "{", "[]", "3", '{"profiles": 3}', "\x00"])
def test_a_corrupt_file_is_said_and_replaced(tmp_path: Path, content: str) -> None:
    state = StateFile(tmp_path)
    state.path.write_text(content)
    assert state.read("prod") == Remembered()
    assert "cannot be read" in state.problem
    state.remember("prod", Remembered(wrap=False))
    assert StateFile(tmp_path).read("prod") == Remembered(wrap=False)


def test_words_of_no_meaning_are_left_out(tmp_path: Path) -> None:
    state = StateFile(tmp_path)
    state.path.write_text(
        '{"profiles": {"a": {"wrap": 1, "timestamps": "x", "zone": [], '
        '"save_dir": "", "new": 1}, "b": 7}}'
    )
    assert state.read("a") == state.read("b") == Remembered()
    assert state.problem == ""


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    state = StateFile(tmp_path / "file" / "deeper")
    state.remember("prod", Remembered(wrap=True))
    assert "was not written" in state.problem


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
