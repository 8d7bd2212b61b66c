"""The format file for lnav: its expressions take every line, with our levels."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import regex
from hypothesis import example, given
from hypothesis import strategies as st

from chronotui.log.formats import entry_bytes
from chronotui.log.levels import LEVEL_WORDS, Level, line_level
from chronotui.log.lnav import FORMAT_NAME, lnav_format
from chronotui.model import STDERR, STDOUT, LogLine
from tests.peer_tools import MESSAGES

if TYPE_CHECKING:
    from typing import Any

FORM: dict[str, Any] = json.loads(lnav_format())[FORMAT_NAME]
PATTERNS = {
    name: regex.compile(each["pattern"]) for name, each in FORM["regex"].items()
}
NAMES: dict[Level | None, str] = {level: level.name.lower() for level in Level}
NAMES[None] = "info"
TIME_NS = 1_700_000_000_123_456_789
LINE = LogLine(2, 7, STDERR, TIME_NS, "boom", "log:j:attempt:2:stderr:7")


def printed(line: LogLine, **of_job: str) -> str:
    entry = {
        **of_job,
        "attempt": line.attempt,
        "sequence_num": line.sequence_num,
        "stream": line.stream,
        "timestamp": "2023-11-14T22:13:20.123456789Z",
        "event_id": line.event_id,
        "message": line.message,
    }
    return json.dumps(entry, ensure_ascii=False, separators=(",", ":"))


def read(text: str) -> dict[str, str]:
    """Return what lnav would take from a line: fields, and its name of the level."""
    match = next(found for each in PATTERNS.values() if (found := each.match(text)))
    named = (
        name
        for name, pattern in FORM["level"].items()
        if regex.search(pattern, match["level"])
    )
    return {**match.groupdict(""), "level": next(named, "info")}


def test_it_is_a_format_file() -> None:
    groups = {name for each in PATTERNS.values() for name in each.groupindex}
    assert {FORM["timestamp-field"], FORM["level-field"], FORM["body-field"]} <= groups
    assert groups - {"timestamp", "level"} == set(FORM["value"])
    assert set(FORM["level"]) == {level.name.lower() for level in Level}
    kinds = {each["kind"] for each in FORM["value"].values()}
    assert kinds == {"string", "integer"}
    assert [read(each["line"])["level"] for each in FORM["sample"]] == [
        each["level"] for each in FORM["sample"]
    ]


def test_all_is_taken_from_a_line() -> None:
    known = {"sequence_num": "7", "stream": "stderr", "attempt": "2", "body": "boom"}
    for text in (
        entry_bytes(LINE).decode(),
        printed(LINE),
        printed(LINE, workflow_id="w", job_id="j"),
    ):
        assert known.items() <= read(text).items()
        assert read(text)["timestamp"] == "2023-11-14T22:13:20.123456789Z"
    assert read(printed(LINE, workflow_id="w", job_id="j"))["job_id"] == "j"


@pytest.mark.parametrize("stream", [STDOUT, STDERR])
@pytest.mark.parametrize("message", MESSAGES)
def test_levels_are_ours(message: str, stream: str) -> None:
    line = LINE._replace(message=message, stream=stream)
    expected = NAMES[line_level(line)]
    assert read(entry_bytes(line).decode())["level"] == expected
    assert read(printed(line))["level"] == expected


WORDS = [word for words in LEVEL_WORDS.values() for word in words.split()]
PIECES = [*WORDS, *map(str.upper, WORDS), *map(str.title, WORDS), *" :]|[_=\"'\\{}x\t"]


@example(['"', "trace", ":"], STDOUT)
@given(
    st.lists(st.sampled_from([*PIECES, "level", "é", "\n", "40", "RuntimeWarning"])),
    st.sampled_from([STDOUT, STDERR]),
)
def test_every_line_is_taken_with_its_level(pieces: list[str], stream: str) -> None:
    line = LINE._replace(message="".join(pieces), stream=stream)
    expected = NAMES[line_level(line)]
    taken = read(entry_bytes(line).decode())
    assert json.loads(f'"{taken["body"]}"') == line.message
    assert taken["level"] == expected
