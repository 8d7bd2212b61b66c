"""What is left of a line without its values, and counting it over a log."""

from __future__ import annotations

import json
from collections import Counter
from itertools import pairwise
from math import inf
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chronotui.log import kinds as kinds_module
from chronotui.log.block import EventIds, block_of
from chronotui.log.kinds import MOST_READ, Kinds, KnownKinds, kind_of
from chronotui.model import STDOUT, LogLine

if TYPE_CHECKING:
    from random import Random

    from chronotui.log.block import Block

SAME: list[tuple[str, str]] = [
    ("took 3 ms", "took 14.5 ms"),
    ("took 3 ms", "took 14.5s"),
    ("at 2026-03-03T10:00:00.123Z", "at 2025-12-31T23:59:59Z"),
    ("2026-03-03 10:00:00,123 INFO a", "2026-03-03 10:00:01,9 INFO a"),
    ("to 10.0.0.1:5432", "to 192.168.17.200:80"),
    (
        "id=3f2504e0-4f89-11d3-9a0c-0305e82c3301",
        "id=ffffffff-4f89-91d3-aa0c-abcdefabcdef",
    ),
    ("commit 0e4c1ab392", "commit ab39f20e4c"),
    ("at 0xc000123456", "at 0x1f"),
    ("pod web-6f7d9c5b4d-x2k8p", "pod web-7b99f8c6d5-q9w4z"),
    ("cannot open '/data/a.csv'", "cannot open '/srv/b/c.csv'"),
    ("reading /data/in/a.csv", "reading /srv/in/b.csv"),
    ("read s3://lake/a/b.parquet", "read s3://lake/c.parquet"),
    ("KeyError: 'region'", "KeyError: 'customer id'"),
    ("wrote 12 MiB", "wrote 900 kB"),
    ("91% full", "3% full"),
    ("page=1 of 7", "page=120 of 9000"),
    ('msg="swept 3 queues" n=1', 'msg="swept 14 queues" n=20'),
]
OTHER: list[tuple[str, str]] = [
    ("can't open it", "don't open it"),
    ("ERROR a", "WARN a"),
    ('msg="swept" q=1', 'msg="connect failed" q=1'),
    ('{"level":"info","msg":"a"}', '{"level":"error","msg":"a"}'),
    ('{"msg":"a","err":"no disk"}', '{"msg":"a","err":"no network"}'),
    ('{"a":"x"}', '{"b":"x"}'),
    ('{"msg":"compared","missing":[]}', '{"msg":"compared","missing":["id"]}'),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_lines_that_differ_in_their_values_are_of_one_kind(
    one: str, other: str
) -> None:
    assert kind_of(one) == kind_of(other)


@pytest.mark.parametrize(("one", "other"), OTHER)
def test_lines_that_say_something_else_are_of_other_kinds(one: str, other: str) -> None:
    assert kind_of(one) != kind_of(other)


WORDS = st.sampled_from(
    ["ok", "took", "=", " ", ":", "'", '"', "/", "-", ".", "0x", "ab", "ms", "{", "\\"]
)
DIGITS = st.from_regex(r"[0-9]{1,20}", fullmatch=True)


@given(st.lists(st.one_of(WORDS, DIGITS)), DIGITS)
def test_no_digit_tells_kinds_apart(parts: list[str], digits: str) -> None:
    known = (each.isdecimal() for each in parts)
    if not any(one and other for one, other in pairwise(known)):
        other = [digits if each.isdecimal() else each for each in parts]
        assert kind_of("".join(parts)) == kind_of("".join(other))


@given(
    st.dictionaries(
        st.sampled_from(["level", "msg", "err", "time", "pid", "key"]),
        st.one_of(st.integers(), st.text(max_size=8), st.none(), st.booleans()),
    ),
    st.randoms(use_true_random=False),
)
def test_the_order_of_keys_tells_nothing(
    fields: dict[str, object], random: Random
) -> None:
    items = list(fields.items())
    random.shuffle(items)
    assert kind_of(json.dumps(fields)) == kind_of(json.dumps(dict(items)))


def block(messages: list[str]) -> Block:
    lines = [LogLine(1, n, STDOUT, n, text) for n, text in enumerate(messages)]
    return block_of(lines, EventIds())


TEXTS = st.one_of(
    st.sampled_from(["a 1", "a 22", "b", "\x1b[1mb\x1b[0m", "x\rb", '{"msg":"b 7"}']),
    st.text(max_size=12),
)


@given(st.lists(st.lists(TEXTS, min_size=1, max_size=8), max_size=5))
def test_kinds_of_blocks_are_those_of_their_lines(pieces: list[list[str]]) -> None:
    kinds = Kinds()
    for piece in pieces:
        kinds.take(block(piece))
    told = [kind_of(m) for piece in pieces for m in piece]
    counts = Counter(told)
    assert kinds.lines == len(told)
    assert {k: seen.lines for k, seen in kinds.seen.items()} == counts
    for kind, seen in kinds.seen.items():
        assert seen.first == told.index(kind)


@given(st.lists(TEXTS, max_size=8), st.lists(TEXTS, min_size=1, max_size=8))
def test_lines_of_no_known_kind_are_found_from_wherever_it_is_looked(
    before: list[str], now: list[str]
) -> None:
    kinds = Kinds()
    if before:
        kinds.take(block(before))
    known = KnownKinds(kinds.seen)
    told = set(map(kind_of, before))
    wanted = [at for at, text in enumerate(now) if kind_of(text) not in told]
    for start in range(len(now)):
        hits = known.find(block(now), start, inf)
        assert hits.done == len(now)
        assert list(hits.indexes) == [at for at in wanted if at >= start]
    assert [known.has(text) for text in now] == [
        at not in wanted for at in range(len(now))
    ]


def test_a_look_for_unknown_kinds_ends_in_time_and_goes_on() -> None:
    messages = ["a 1", "b"] * 1000
    known = KnownKinds(["a #"])
    found: list[int] = []
    done = 0
    while done < len(messages):
        hits = known.find(block(messages), done, 0.0)
        assert done < hits.done <= done + 256
        found += hits.indexes
        done = hits.done
    assert found == list(range(1, 2000, 2))


def test_kinds_are_bounded_and_the_rest_is_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(kinds_module, "MOST_KINDS", 3)
    kinds = Kinds()
    kinds.take(block(["a", "b", "c", "d", "e", "d", "a"]))
    assert {k: s.lines for k, s in kinds.seen.items()} == {"a": 2, "b": 1, "c": 1}
    assert kinds.others == 3


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kinds_module, "MOST_KNOWN", 10)
    kinds = Kinds()
    kinds.take(block(["a", "b", "a", "c", "b"]))
    assert {k: s.lines for k, s in kinds.seen.items()} == {"a": 2, "b": 2, "c": 1}


def test_a_long_line_is_told_by_its_beginning() -> None:
    assert kind_of("x" * MOST_READ + "a") == kind_of("x" * MOST_READ + "b")
    assert len(kind_of("ab " * 100_000)) <= MOST_READ
    long = {"stack": "x" * 4000, "msg": "a"}
    assert kind_of(json.dumps(long)) == "a"
