"""The format file that tells lnav what our JSON lines say.

Both kinds are described: entries as they are saved, and what ``logs -o jsonl`` prints.
lnav takes the level of a JSON line from one of its fields alone, while ours comes from
the message and, where that names none, from the stream. So a line is read as text, by
an expression, and what is no news to a reader is hidden.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from chronotui.log.levels import LEVEL_WORDS, Level

if TYPE_CHECKING:
    from collections.abc import Iterable

FORMAT_NAME: Final = "chronotui_jsonl"

_NAMES: Final = {
    Level.TRACE: "trace",
    Level.DEBUG: "debug",
    Level.INFO: "info",
    Level.WARNING: "warning",
    Level.ERROR: "error",
    Level.FATAL: "fatal",
}
_TEXT: Final = r'[^"\\]*+(?:\\.[^"\\]*+)*+'
"""A string of JSON, however long: what is not given back takes no memory of lnav's."""

_WITHIN: Final = r'[^"\\]*?(?:\\.[^"\\]*?){0,99}?'
"""The beginning of one, as short as can be; a level behind more escapes is not seen."""

_ERROR_SIGNS: Final = "✗|✘|✖|✕|❌"

_COLOUR: Final = r"(?:\\u001b\[[\d;]*+m)*+"

_ALONE: Final = r"(?:(?<![\p{L}\p{N}_])|(?<=\\[tnr])|(?<=[0-9\[]m))"
"""Where a word begins; behind an escaped tab and a colour, too."""

_EVENT_ID: Final = rf"(?<event_id>{_TEXT})"
_OF_JOB: Final = (
    rf'(?:"workflow_id":"(?<workflow_id>{_TEXT})","job_id":"(?<job_id>{_TEXT})",)?'
)
"""Where several jobs are printed."""

_HIDDEN: Final = "time attempt number stream body end"
"""What stands before each of these is no news to a reader."""

_FIELD: Final = (
    r"(?<![\w.])(?:log\.)?(?i:level|levelname|lvl|severity)"
    r"(?:\\?[\"'])?\s*[:=]\s*(?:\\?[\"'])?"
)


def lnav_format() -> str:
    """Return the format file, as ``lnav -i`` takes it."""
    saved = {
        "timestamp": "2026-03-03T10:00:05.123456Z",
        "sequence_num": 7,
        "stream": "stderr",
        "event_id": "log:1:attempt:2:stderr:7",
        "message_raw": "connection lost",
    }
    printed = {
        "attempt": 2,
        "sequence_num": 8,
        "stream": "stdout",
        "timestamp": "2026-03-03T10:00:06Z",
        "event_id": "log:1:attempt:2:stdout:8",
        "message": "WARN slow",
    }
    hidden = {"kind": "string", "hidden": True}
    form: dict[str, Any] = {
        "title": "chronotui",
        "description": "Lines of a job's log, as chronotui saves and prints them.",
        "regex": {
            "saved": {"pattern": _saved()},
            "printed": {"pattern": _printed()},
        },
        "timestamp-field": "timestamp",
        "level-field": "level",
        "level": {_NAMES[level]: _level(level) for level in Level},
        "body-field": "body",
        "value": {
            "attempt": {"kind": "integer", "foreign-key": True},
            "sequence_num": {"kind": "integer", "foreign-key": True},
            "stream": {"kind": "string", "identifier": True},
            "workflow_id": {"kind": "string", "identifier": True},
            "job_id": {"kind": "string", "identifier": True},
            "event_id": {"kind": "string", "identifier": True},
            "body": {"kind": "string"},
            **{f"to_{each}": hidden for each in _HIDDEN.split()},
        },
        "sample": [
            {"line": _compact(saved), "level": "error"},
            {"line": _compact(printed), "level": "warning"},
        ],
    }
    schema = "https://lnav.org/schemas/format-v1.schema.json"
    return json.dumps({"$schema": schema, FORMAT_NAME: form}, indent=2) + "\n"


def _compact(entry: dict[str, Any]) -> str:
    return json.dumps(entry, separators=(",", ":"))


def _saved() -> str:
    return (
        r'^(?<to_time>\{"timestamp":")(?<timestamp>[^"]*)'
        r'(?<to_number>","sequence_num":)(?<sequence_num>\d+)'
        rf'(?<to_stream>,"stream":"){_levelled(_string("event_id"), "message_raw")}'
        r'(?<stream>\w*)(?<to_body>","event_id":"'
        r"(?=(?:[^\":]*:)*?attempt:(?<attempt>\d+):|)"
        rf'{_EVENT_ID}","message_raw":")(?<body>{_TEXT})'
        r'(?<to_end>"(?:,"message_json":.*)?\}\s*)$'
    )


def _printed() -> str:
    between = rf',"timestamp":"[^"]*"{_string("event_id")}'
    return (
        rf'^(?<to_attempt>\{{{_OF_JOB}"attempt":)(?<attempt>\d+)'
        r'(?<to_number>,"sequence_num":)(?<sequence_num>\d+)'
        rf'(?<to_stream>,"stream":"){_levelled(between, "message")}(?<stream>\w*)'
        r'(?<to_time>","timestamp":")(?<timestamp>[^"]*)'
        rf'(?<to_body>","event_id":"{_EVENT_ID}","message":")(?<body>{_TEXT})'
        r'(?<to_end>"\}\s*)$'
    )


def _string(name: str) -> str:
    return rf',"{name}":"{_TEXT}"'


def _levelled(between: str, message: str) -> str:
    """Return what takes the level, ahead of the stream: the message's own goes first.

    The order is that of `chronotui.log.levels.level_of`.
    """
    words = _any(LEVEL_WORDS.values())
    upper = _any(
        each.upper() for each in _split(LEVEL_WORDS.values()) if each != "fail"
    )
    return (
        rf'(?=(?|\w*"{between},"{message}":"{_COLOUR}(?|'
        rf"{_WITHIN}{_FIELD}(?<level>(?i:{words})|[1-6]0)(?!\w)"
        rf"|\s*(?<level>{_ERROR_SIGNS}|⚠)"
        r"|(?<level>[IWEF])\d{4}\s"
        rf"|{_WITHIN}(?|{_ALONE}(?<level>{upper})(?![\p{{L}}\p{{N}}_])"
        r"|(?:(?<=[\s\[(<|])|(?<=:\")|(?<=\\[tn])|(?<=[0-9\[]m))"
        rf"(?<level>(?i:{words})|(?!Unhandled)[A-Za-z]*Warning)(?={_COLOUR}[\]:>)|])))"
        r"|(?<level>\w*)))"
    )


def _level(level: Level) -> str:
    """Return what the texts are like that stand for a level."""
    more = {Level.INFO: "|I", Level.WARNING: "|W|⚠|[A-Za-z]*Warning"}
    more |= {Level.ERROR: f"|E|stderr|{_ERROR_SIGNS}", Level.FATAL: "|F"}
    return rf"^(?:(?i:{_any([LEVEL_WORDS[level]])})|{level}0{more.get(level, '')})$"


def _split(words: Iterable[str]) -> list[str]:
    return [one for each in words for one in each.split()]


def _any(words: Iterable[str]) -> str:
    """Return an expression for any of the words, longer ones first."""
    return "|".join(sorted(_split(words), key=len, reverse=True))
