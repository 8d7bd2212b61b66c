"""Names made from a server's words never lead out of the chosen folder."""

from __future__ import annotations

from pathlib import PurePosixPath, PureWindowsPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chronotui.engine.save_request import (
    NAME_BYTES,
    log_name,
    numbered,
    safe_name,
    shorten,
)


@pytest.mark.parametrize(
    ("hint", "name"),
    [
        ("8f3c21-logs.txt", "8f3c21-logs.txt"),
        ("../../etc/passwd", "passwd"),
        ("..\\..\\boot.ini", "boot.ini"),
        ("/etc/cron.d/job", "job"),
        ("logs/", "logs"),
        (".bashrc", "bashrc"),
        ("-rf", "rf"),
        ("~root", "root"),
        ("a\x00b\x1b[31m.txt", "ab[31m.txt"),
        ("evil\u202etxt.exe", "eviltxt.exe"),
        ("two\nlines.txt", "twolines.txt"),
        ("a  b\u3000c.txt", "a b c.txt"),
        ("what?*.txt", "what__.txt"),
        ("c:stream.txt", "c_stream.txt"),
        ("CON", "_CON"),
        ("nul.txt", "_nul.txt"),
        ("com1.log", "_com1.log"),
        ("trailing. . ", "trailing"),
        ("報告.txt", "報告.txt"),
    ],
)
def test_hints(hint: str, name: str) -> None:
    assert safe_name(hint) == name


@pytest.mark.parametrize("hint", [None, "", ".", "..", "...", "/", "\x00", " ", "___"])
def test_a_hint_that_says_nothing_gives_the_fallback(hint: str | None) -> None:
    assert safe_name(hint, fallback="job-logs") == "job-logs"
    assert safe_name(hint, fallback="..") == "log"


@given(st.text(max_size=400), st.text(max_size=20))
def test_any_hint_is_one_plain_component(hint: str, fallback: str) -> None:
    name = safe_name(hint, fallback=fallback)
    assert name
    assert name not in {".", ".."}
    assert not name.startswith((".", "-", "~"))
    assert len(name.encode()) <= NAME_BYTES
    assert PurePosixPath(name).name == name
    assert PureWindowsPath(name).name == name
    assert name.isprintable()


@given(st.text(max_size=400), st.text(max_size=400))
def test_a_log_name_always_says_what_is_in_the_file(job: str, hint: str) -> None:
    name = log_name(job, "jsonl", hint=hint)
    assert name.endswith(".jsonl")
    assert len(name.encode()) <= NAME_BYTES
    assert PurePosixPath(name).name == name


def test_log_names() -> None:
    assert log_name("8f3c21", "txt") == "8f3c21-logs.txt"
    assert log_name("8f3c21", "txt", hint="x-logs.jsonl") == "x-logs.txt"
    assert log_name("8f3c21", "json", hint="x.tar") == "x.tar.json"
    assert log_name("../..", "txt") == "job-logs.txt"


def test_long_names_keep_their_ending() -> None:
    name = shorten("é" * 300 + ".jsonl")
    assert name.endswith(".jsonl")
    assert len(name.encode()) <= NAME_BYTES


def test_numbers_go_before_the_ending() -> None:
    assert numbered("a-logs.txt", 2) == "a-logs-2.txt"
    assert numbered("plain", 3) == "plain-3"
