"""The journal of actions: on the disk before anything is sent, whole after a crash."""

from __future__ import annotations

import os
import socket
import stat
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from chronotui.storage import action_journal
from chronotui.storage.action_journal import (
    ActionJournal,
    ActionOutcome,
    AskedAction,
    this_process,
)

if TYPE_CHECKING:
    from pathlib import Path

DEAD = f"{socket.gethostname()}:99999999"
MADE = AskedAction(
    id="1",
    what="start",
    profile="prod",
    server="https://h",
    account="a@b",
    workflow_id="w",
    workflow="nightly \x1b]0;x\x07\n",
    key="k",
    asked_at=1000.5,
    process=DEAD,
)


@pytest.fixture
def journal(tmp_path: Path) -> ActionJournal:
    return ActionJournal(tmp_path / "state" / "actions.jsonl")


def path_of(journal: ActionJournal) -> Path:
    assert journal.path is not None
    return journal.path


def test_what_was_asked_and_answered_is_kept_for_its_owner_alone(
    journal: ActionJournal,
) -> None:
    assert journal.read() == []
    journal.ask(MADE)
    assert journal.read() == [MADE]
    assert MADE.is_open
    journal.settle(MADE, ActionOutcome.DONE, "job j", "j")
    (known,) = journal.read()
    assert (known.outcome, known.answer, known.job_id) == ("done", "job j", "j")
    assert known.answered_at > 0
    assert not known.is_open
    assert stat.S_IMODE(path_of(journal).stat().st_mode) == 0o600
    assert stat.S_IMODE(path_of(journal).parent.stat().st_mode) == 0o700


def test_it_is_synced_before_it_counts_as_asked(
    journal: ActionJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[bytes] = []
    real = os.fsync

    def fsync(file: int) -> None:
        if stat.S_ISREG(os.fstat(file).st_mode):
            synced.append(path_of(journal).read_bytes())
        real(file)

    monkeypatch.setattr(os, "fsync", fsync)
    journal.ask(MADE)
    assert synced == [path_of(journal).read_bytes()]


def test_an_action_is_open_unless_its_process_still_waits(
    journal: ActionJournal,
) -> None:
    mine = replace(MADE, process=this_process(), asked_at=time.time())
    assert not mine.is_open
    assert replace(mine, asked_at=time.time() - 3600).is_open
    assert replace(mine, process="elsewhere:1").is_open
    assert replace(mine, outcome=ActionOutcome.UNANSWERED).is_open
    journal.ask(MADE)
    journal.settle(MADE, ActionOutcome.UNANSWERED, "no answer")
    journal.ask_again(mine)
    (known,) = journal.read()
    assert (known.key, known.outcome, known.is_open) == ("k", "", False)


@given(cut=st.integers(0, 400), more=st.booleans())
def test_a_line_that_a_crash_has_cut_spoils_no_other(
    tmp_path_factory: pytest.TempPathFactory, cut: int, more: bool
) -> None:
    journal = ActionJournal(tmp_path_factory.mktemp("journal") / "actions.jsonl")
    second = replace(MADE, id="2", key="l")
    journal.ask(MADE)
    whole = len(path_of(journal).read_bytes())
    journal.ask(second)
    content = path_of(journal).read_bytes()
    path_of(journal).write_bytes(content[: max(whole, len(content) - cut)])
    assert journal.read()[0] == MADE
    if more:
        third = replace(MADE, id="3")
        journal.ask(third)
        assert (journal.read()[0], journal.read()[-1]) == (MADE, third)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\xff\xfe",
        b"[]",
        b"{}",
        b'{"id": 1, "what": "start"}',
        b'{"id": "x", "outcome": "done"}',
        b"[" * 5000,
        b'{"id": "x", "what": ["start"]}',
    ],
)
def test_what_has_no_meaning_is_passed_over(
    journal: ActionJournal, line: bytes
) -> None:
    journal.ask(MADE)
    with path_of(journal).open("ab") as file:
        file.write(line + b"\n")
    assert journal.read() == [MADE]


def test_a_large_journal_keeps_the_newest_and_what_is_open(
    journal: ActionJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(action_journal, "MOST_BYTES", 4000)
    monkeypatch.setattr(action_journal, "KEPT", 3)
    journal.ask(replace(MADE, id="open"))
    for number in range(20):
        made = replace(MADE, id=str(number))
        journal.ask(made)
        journal.settle(made, ActionOutcome.DONE, "done")
    found = [one.id for one in journal.read()]
    assert found[0] == "open"
    assert found[-1] == "19"
    assert len(found) < 12
    assert stat.S_IMODE(path_of(journal).stat().st_mode) == 0o600


def test_several_processes_write_whole_lines(journal: ActionJournal) -> None:
    code = (
        "import sys; from pathlib import Path\n"
        "from chronotui.storage import action_journal as j\n"
        "j.MOST_BYTES, j.KEPT = 6000, 200\n"
        "journal = j.ActionJournal(Path(sys.argv[1]))\n"
        "for n in range(20):\n"
        "    journal.ask(j.AskedAction(id=f'{sys.argv[2]}-{n}', what='start'))\n"
    )
    path = str(path_of(journal))
    writers = [
        subprocess.Popen([sys.executable, "-c", code, path, str(number)])
        for number in range(3)
    ]
    assert [writer.wait() for writer in writers] == [0, 0, 0]
    assert len(journal.read()) == 60


def test_a_journal_that_is_a_link_is_not_written_through(
    journal: ActionJournal, tmp_path: Path
) -> None:
    path_of(journal).parent.mkdir()
    path_of(journal).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic"):
        journal.ask(MADE)
    assert not (tmp_path / "elsewhere").exists()
