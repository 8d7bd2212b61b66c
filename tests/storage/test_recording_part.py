"""The part of a recording and its state, as files."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import stat
from typing import TYPE_CHECKING

import pytest

from chronotui.errors import DownloadError, PathRefusedError
from chronotui.storage.recording_part import (
    CheckFile,
    Recorded,
    RecordingOf,
    RecordingPart,
    recording_to,
)

if TYPE_CHECKING:
    from pathlib import Path

OF = RecordingOf(
    profile="prod",
    origin="http://h:8080",
    workflow_id="w",
    job_id="j",
    format="txt",
    stream=None,
)


def begun(path: Path, lines: int = 3) -> RecordingPart:
    part = RecordingPart(path, OF)
    for number in range(lines):
        part.append(b"line\n", Recorded(lines=number + 1))
    return part


def names(folder: Path) -> set[str]:
    return {entry.name for entry in folder.iterdir()}


def test_it_goes_on_where_it_was_left(tmp_path: Path) -> None:
    begun(tmp_path / "a").keep()
    assert recording_to(tmp_path / "a") == (OF, Recorded(lines=3))
    again = RecordingPart(tmp_path / "a", OF)
    assert (again.recorded.lines, again.size) == (3, 15)
    again.append(b"more\n", Recorded(lines=4))
    again.commit()
    assert (tmp_path / "a").read_bytes() == b"line\nline\nline\nmore\n"
    assert names(tmp_path) == {"a"}
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o600


def test_what_was_not_marked_is_cut_off(tmp_path: Path) -> None:
    part = begun(tmp_path / "a")
    assert part.is_behind
    part.mark()
    assert not part.is_behind
    part.append(b"behind\n", Recorded(lines=4))
    os.close(part._held)
    os.close(part._file)  # as a kill leaves it
    again = RecordingPart(tmp_path / "a", OF)
    assert again.recorded == Recorded(lines=3)
    assert (tmp_path / "a.part").read_bytes() == b"line\n" * 3
    again.keep()


def test_what_stands_behind_the_last_line_is_no_line(tmp_path: Path) -> None:
    part = begun(tmp_path / "a")
    part.write(b"]}")
    part.flush()
    part.keep()
    assert (tmp_path / "a.part").read_bytes().endswith(b"]}")
    RecordingPart(tmp_path / "a", OF).keep()
    assert (tmp_path / "a.part").read_bytes() == b"line\n" * 3


def test_the_lock_is_held_until_the_name_is_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    part = begun(tmp_path / "a")
    seen = []

    def look() -> None:
        with (tmp_path / "a.part").open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                seen.append("locked")

    monkeypatch.setattr(part, "_check_folder", look)
    part.commit()
    assert seen == ["locked"]


def test_a_part_that_got_its_name_meanwhile_is_not_gone_on_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    part = begun(tmp_path / "a")
    part.keep()
    lock = fcntl.flock

    def late(file: int, how: int) -> None:
        monkeypatch.setattr(fcntl, "flock", lock)
        (tmp_path / "a.part").rename(tmp_path / "b")
        (tmp_path / "a.part.state").unlink()
        lock(file, how)

    monkeypatch.setattr(fcntl, "flock", late)
    again = RecordingPart(tmp_path / "a", OF)
    assert again.recorded.lines == 0
    again.discard()
    assert names(tmp_path) == {"b"}


def test_a_file_system_without_locks_is_done_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(_file: int, _how: int) -> None:
        raise OSError(errno.ENOLCK, "")

    monkeypatch.setattr(fcntl, "flock", none)
    part = begun(tmp_path / "a")
    part.begin_anew()
    part.commit()
    assert names(tmp_path) == {"a", "a.2.part"}


@pytest.mark.parametrize("full_at", range(1, 4))
def test_a_full_disk_leaves_what_can_be_gone_on_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, full_at: int
) -> None:
    part = begun(tmp_path / "a")
    part.mark()
    write, left = os.write, full_at

    def fills_up(file: int, data: bytes) -> int:
        nonlocal left
        left -= 1
        if left <= 0:
            raise OSError(errno.ENOSPC, "")
        return write(file, bytes(data)[:3])

    monkeypatch.setattr(os, "write", fills_up)
    with pytest.raises(DownloadError, match="full"):
        part.append(b"not to the end of it\n", Recorded(lines=4))
    part.keep()
    monkeypatch.undo()
    RecordingPart(tmp_path / "a", OF).commit()
    assert (tmp_path / "a").read_bytes() == b"line\n" * 3


def test_a_full_disk_at_the_start_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_file: int, _data: object) -> int:
        raise OSError(errno.ENOSPC, "")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(DownloadError, match="full"):
        RecordingPart(tmp_path / "a", OF)
    assert names(tmp_path) <= {"a.part.state.new"}
    monkeypatch.undo()
    begun(tmp_path / "a").commit()
    assert names(tmp_path) == {"a"}


def test_a_name_too_long_for_its_state_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PathRefusedError, match="too long"):
        RecordingPart(tmp_path / ("n" * 248), OF)
    assert names(tmp_path) == set()


def test_begun_anew_it_leaves_the_part_under_another_name(tmp_path: Path) -> None:
    (tmp_path / "a.2.part").write_bytes(b"taken")
    part = begun(tmp_path / "a")
    part.begin_anew()
    assert part.set_aside == [tmp_path / "a.3.part"]
    assert (part.recorded, part.size) == (Recorded(), 0)
    part.append(b"anew\n", Recorded(lines=1))
    with pytest.raises(PathRefusedError, match="just now"):
        RecordingPart(tmp_path / "a", OF)
    part.commit()
    assert (tmp_path / "a").read_bytes() == b"anew\n"
    assert (tmp_path / "a.3.part").read_bytes() == b"line\n" * 3
    assert names(tmp_path) == {"a", "a.2.part", "a.3.part"}


def test_retired_it_is_nobodys(tmp_path: Path) -> None:
    begun(tmp_path / "a").retire()
    assert names(tmp_path) == {"a.part"}
    assert recording_to(tmp_path / "a") is None


@pytest.mark.parametrize("finished", [True, False])
def test_a_state_that_says_nothing_is_no_damage(tmp_path: Path, finished: bool) -> None:
    part = begun(tmp_path / "a", 3 if finished else 0)
    part.keep()
    state = json.loads((tmp_path / "a.part.state").read_text())
    state["finished"] = finished
    (tmp_path / "a.part.state").write_text(json.dumps(state))
    (tmp_path / "a.part").unlink()
    begun(tmp_path / "a").commit()
    assert names(tmp_path) == {"a"}


@pytest.mark.parametrize(
    "state",
    [
        "",
        "[]",
        "{}",
        '{"version": 2}',
        '{"version": 1, "of": {}, "recorded": {}}',
        "[" * 100_000,
    ],
)
def test_a_state_of_no_meaning_is_refused(tmp_path: Path, state: str) -> None:
    begun(tmp_path / "a").keep()
    (tmp_path / "a.part.state").write_text(state)
    with pytest.raises(PathRefusedError, match="cannot be read"):
        RecordingPart(tmp_path / "a", OF)
    assert recording_to(tmp_path / "a") is None
    assert (tmp_path / "a.part").read_bytes() == b"line\n" * 3


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo])
def test_what_is_no_file_is_passed_over(tmp_path: Path, make: object) -> None:
    make(tmp_path / "a.part")  # type: ignore[operator]
    (tmp_path / "a.2.part").symlink_to(tmp_path / "elsewhere")
    part = begun(tmp_path / "a")
    assert part.part_path == tmp_path / "a.3.part"
    part.discard()
    assert names(tmp_path) == {"a.part", "a.2.part"}


def test_the_servers_file_gets_a_name_only_when_it_is_kept(tmp_path: Path) -> None:
    part = begun(tmp_path / "a")
    CheckFile(part, "a.server").write(b"left by a kill")
    second = CheckFile(part, "a.server")
    second.write(b"theirs")
    assert "a.part.check" in names(tmp_path)
    assert second.keep() == tmp_path / "a.server.part"
    assert (tmp_path / "a.server.part").read_bytes() == b"theirs"
    third = CheckFile(part, "a.server")
    third.discard()
    part.commit()
    assert names(tmp_path) == {"a", "a.server.part"}
