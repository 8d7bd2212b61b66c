import stat
from pathlib import Path

import pytest

from chronotui.storage.state import Remembered, StateFile


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
