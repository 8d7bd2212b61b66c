"""Alerts that stand and events that were told, over starts and beside other desks."""

from __future__ import annotations

import fcntl
import json
import stat
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chronotui.storage import alert_book
from chronotui.storage.alert_book import Alert, AlertBook, AlertKind
from chronotui.storage.settings import AuthSettings, Profile

if TYPE_CHECKING:
    from pathlib import Path

PATTERN = Alert(
    AlertKind.PATTERN,
    "w1",
    "nightly",
    job_id="j1",
    shown_id="j1",
    pattern="bad \\d+",
    set_at=12.5,
    after=11.0,
    open_ids=("j1", "j0"),
    place=(2, 118),
)
END = Alert(AlertKind.END, "w1", "nightly")


def test_alerts_and_what_was_told_outlast_the_desk(tmp_path: Path) -> None:
    book = AlertBook(tmp_path / "new" / "a.json")
    assert book.add(PATTERN)
    assert book.add(END)
    assert not book.add(END)
    assert book.claim(["ended:j1", "ended:j2"]) == {"ended:j1", "ended:j2"}
    again = AlertBook(tmp_path / "new" / "a.json")
    assert again.standing() == (PATTERN, END)
    assert again.claim(["ended:j1", "ended:j3"]) == {"ended:j3"}
    assert again.was_told("ended:j2")
    again.remove([PATTERN])
    assert book.standing() == (END,)
    for name in ("a.json", "a.lock"):
        assert stat.S_IMODE((tmp_path / "new" / name).stat().st_mode) == 0o600


def test_two_desks_claim_an_event_once(tmp_path: Path) -> None:
    one, other = AlertBook(tmp_path / "a.json"), AlertBook(tmp_path / "a.json")
    one.standing()
    other.standing()
    assert one.claim(["ended:j1"]) == {"ended:j1"}
    assert other.claim(["ended:j1"]) == set()
    other.add(END)
    assert one.standing() == (END,)


def test_processes_that_claim_at_once_share_the_events(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; "
        "from chronotui.storage.alert_book import AlertBook; "
        "book = AlertBook(Path(sys.argv[1])); "
        "print(*[n for n in range(20) if book.claim([f'e{n}'])])"
    )
    path = str(tmp_path / "a.json")
    running = [
        subprocess.Popen([sys.executable, "-c", code, path], stdout=subprocess.PIPE)
        for _ in range(2)
    ]
    said = [each.communicate()[0].decode().split() for each in running]
    assert sorted(int(n) for each in said for n in each) == list(range(20))


def test_a_desk_that_was_stopped_with_the_lock_holds_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alert_book, "LOCK_SECONDS", 0.05)
    with (tmp_path / "a.lock").open("w") as stopped:
        fcntl.flock(stopped, fcntl.LOCK_EX)
        assert AlertBook(tmp_path / "a.json").claim(["e"]) == {"e"}


def test_a_book_is_of_one_server_and_account(tmp_path: Path) -> None:
    prod = Profile("prod", url="http://h", auth=AuthSettings(email="a@b"))
    AlertBook.of(prod, tmp_path).add(END)
    assert AlertBook.of(prod, tmp_path).standing() == (END,)
    assert not AlertBook.of(prod.with_url("http://other"), tmp_path).standing()


def test_without_a_file_alerts_live_as_long_as_the_desk() -> None:
    book = AlertBook(None)
    assert book.add(END)
    assert book.standing() == (END,)
    assert book.claim(["e"]) == {"e"}
    assert book.claim(["e"]) == set()
    assert book.problem == ""


def test_a_folder_that_cannot_be_written_is_said_and_alerts_go_on(
    tmp_path: Path,
) -> None:
    (tmp_path / "file").write_text("")
    book = AlertBook(tmp_path / "file" / "a.json")
    assert book.add(END)
    assert book.claim(["e"]) == {"e"}
    assert book.claim(["e"]) == set()
    assert "was not written" in book.problem


@pytest.mark.parametrize("content", ["", "[]", '{"alerts": 3, "told": {}}', "\x00"])
def test_a_corrupt_book_is_said_and_replaced(tmp_path: Path, content: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(content)
    book = AlertBook(path)
    assert not book.standing()
    assert "cannot be read" in book.problem
    assert book.add(END)
    assert AlertBook(path).standing() == (END,)


def test_entries_of_no_meaning_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    alerts = [
        7,
        {"kind": "nonsense", "workflow_id": "w"},
        {"kind": "end"},
        {"kind": "end", "workflow_id": "w", "place": "x", "open_ids": 3, "after": "y"},
    ]
    told = {"a": 1, "b": "x"}
    path.write_text(json.dumps({"alerts": alerts, "told": told}))
    book = AlertBook(path)
    assert book.standing() == (Alert(AlertKind.END, "w"),)
    assert book.claim(["a", "b"]) == {"b"}


def test_of_what_was_told_the_oldest_is_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alert_book, "MOST_TOLD", 3)
    book = AlertBook(tmp_path / "a.json")
    for event in "abcd":
        assert book.claim([event]) == {event}
    assert book.claim(["d"]) == set()
    assert book.claim(["a"]) == {"a"}


@given(st.lists(st.sampled_from("abcdef"), max_size=30))
def test_whoever_asks_an_event_is_claimed_once(asked: list[str]) -> None:
    book = AlertBook(None)
    claimed = [event for each in asked for event in book.claim([each])]
    assert sorted(claimed) == sorted(set(asked))
