"""What is found in the bytes of a download is what is found line by line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chronotui.log import raw_search
from chronotui.log.pattern import LineMatcher, compile_pattern
from chronotui.log.raw_search import LinesOfEntries, RawSearch, needles_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

PATTERNS: Final = (
    "timeout",
    "Timeout",
    "time|out",
    "a",
    '"b"',
    "x<y",
    "über",
    "\N{KELVIN SIGN}",
    "ask",
    r"took \d+ ms",
    "tim.?out",
    "k+s{2}",
    "^time",
    "out$",
    "(time|a)out",
    "[a-c]out",
    r"\\",
)
PIECES: Final = (
    "time",
    "Time",
    "out",
    "\x1b[31m",
    "\x1b[0m",
    "\r",
    "a",
    "b",
    '"b"',
    "\\",
    "\\u001b[1m",
    "x<y",
    "ü",
    "Ü",
    "ber",
    "k",
    "\N{KELVIN SIGN}",
    "\N{LATIN SMALL LETTER LONG S}",
    "ss",
    "took 12 ms",
    " ",
    "\t",
    "\x00",
    "\n",
    "\N{GRINNING FACE}",
)
messages = st.lists(st.sampled_from(PIECES), max_size=6).map("".join)


def as_python(text: str) -> str:
    return json.dumps(text)


def as_it_is(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def as_go(text: str) -> str:
    escaped = json.dumps(text, ensure_ascii=False)
    for mark in "<>&":
        escaped = escaped.replace(mark, f"\\u{ord(mark):04x}")
    return escaped


def as_nobody(text: str) -> str:
    """Write every character in the longest way JSON has."""
    codes = text.encode("utf-16-be").hex().upper()
    units = [codes[at : at + 4] for at in range(0, len(codes), 4)]
    return '"' + "".join([f"\\u{unit}" for unit in units]) + '"'


WRITERS: Final = (as_python, as_it_is, as_go, as_nobody)


def entry(number: int, message: str, write: Callable[[str], str]) -> str:
    return (
        f'{{"timestamp":"2026-03-03T10:00:00.123456789Z","sequence_num":{number},'
        f'"stream":"stdout","event_id":"log:j:stdout:{number}",'
        f'"message_raw":{write(message)}}}\n'
    )


def searched(pattern: str, body: bytes, sizes: Sequence[int] = ()) -> RawSearch:
    search = RawSearch(compile_pattern(pattern))
    search_all(search, body, sizes)
    return search


def search_all(search: RawSearch, body: bytes, sizes: Sequence[int]) -> list[str]:
    found = []
    for size in sizes:
        found += search.feed(body[:size])
        body = body[size:]
    found += search.feed(body)
    found += search.finish()
    return [line.message for line in LinesOfEntries()(found)]


@given(
    st.lists(messages, min_size=1, max_size=40),
    st.sampled_from(PATTERNS),
    st.sampled_from(WRITERS),
    st.lists(st.integers(1, 400), max_size=5),
    st.sampled_from([(1, 0), (300, 256), (1 << 20, 0), (1 << 20, 256)]),
)
def test_a_download_has_the_matches_that_its_lines_have(
    texts: list[str],
    typed: str,
    write: Callable[[str], str],
    sizes: list[int],
    limits: tuple[int, int],
) -> None:
    body = "".join(entry(n, text, write) for n, text in enumerate(texts)).encode()
    pattern = compile_pattern(typed)
    block, few = limits
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(raw_search, "BLOCK_BYTES", block)
        patched.setattr(raw_search, "FEW", few)
        search = RawSearch(pattern)
        found = search_all(search, body, sizes)
    assert found == list(filter(LineMatcher(pattern), texts))
    assert search.lines == len(texts)
    assert search.is_whole


def test_the_fields_of_a_line_are_those_of_its_entry() -> None:
    search = RawSearch(compile_pattern("b"))
    found = [*search.feed(entry(0, "abc", as_it_is).encode()), *search.finish()]
    (line,) = LinesOfEntries()(found)
    assert line[:3] == (1, 0, "stdout")
    assert line.time_ns == 1_772_532_000_123_456_789
    assert line.event_id == "log:j:stdout:0"


@pytest.mark.parametrize(
    ("end", "whole"),
    [
        ("", True),
        ('{"error":"deadline","message":"failed"}\n', False),
        ('{"timestamp":"20', False),
    ],
    ids=["whole", "trailer", "cut"],
)
def test_a_body_tells_whether_it_is_whole(end: str, whole: bool) -> None:
    body = "".join(entry(n, "x", as_it_is) for n in range(9))
    assert searched("a", f"{body}{end}".encode()).is_whole is whole


@pytest.mark.parametrize(
    "first",
    [
        entry(0, "x", as_it_is).replace("log:j:", "log:j:attempt:2:"),
        entry(7, "x", as_it_is),
        entry(0, "x", as_it_is).replace("log:j:stdout:0", ""),
        '{"error":"deadline","message":"failed"}\n',
    ],
    ids=["later attempt", "beginning cut off", "no event ids", "trailer alone"],
)
def test_what_is_not_one_whole_attempt_is_left_to_others(first: str) -> None:
    assert searched("a", first.encode() * 2).is_mixed


def test_a_line_longer_than_a_block_is_found_in() -> None:
    long = "x" * 3_000_000 + "needle"
    body = (entry(0, long, as_it_is) + entry(1, "y", as_it_is)).encode()
    search = RawSearch(compile_pattern("needle"))
    assert search_all(search, body, [200_000] * 15) == [long]
    assert search.is_whole


@pytest.mark.parametrize(
    ("typed", "needles"),
    [
        ("timeout", (b"timeout",)),
        ("TimeOut|late", (b"TimeOut", b"late")),
        ('say "hello" now', (b"hello",)),
        ("über", None),
        ("Über", (b"ber",)),
        (r"took \d+ ms", (b"too",)),
        ("a?b", (b"b",)),
        ("Ab{2}c", (b"A",)),
        ("a|b.", None),
        ("(ab)?c.", None),
    ],
)
def test_a_needle_is_what_every_match_has(
    typed: str, needles: tuple[bytes, ...] | None
) -> None:
    assert needles_of(compile_pattern(typed), ascii_only=False) == needles


def test_of_ascii_every_letter_is_needed() -> None:
    expression = compile_pattern(r"task \d+ is")
    assert needles_of(expression, ascii_only=False) == (b"ta",)
    assert needles_of(expression, ascii_only=True) == (b"task ",)
