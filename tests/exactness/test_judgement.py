"""The count of faults is itself put to the test: each kind is found, and no other."""

from __future__ import annotations

import json

import pytest

from chronotui.demo.faults import Faults
from chronotui.demo.routes import Dialect
from tests.exactness import Case, run
from tests.exactness.__main__ import totals
from tests.exactness.cases import EndedCase
from tests.exactness.readers import Identity, Reading, _entries, judge, named

TRUTH: list[Identity] = [
    (1, 0, "stdout", "a"),
    (1, 1, "stderr", "b"),
    (1, 1, "stdout", "same"),
    (1, 3, "stdout", "same"),
    (2, 0, "stdout", "c"),
]


def whole(lines: list[Identity], **said: object) -> Reading:
    reading = Reading(lines, whole=True, right=True)
    for name, value in said.items():
        setattr(reading, name, value)
    return reading


def test_a_true_reading_is_exact() -> None:
    assert judge(TRUTH, whole(TRUTH), 1.0).exact
    swapped = [TRUTH[0], TRUTH[2], TRUTH[1], *TRUTH[3:]]
    assert judge(TRUTH, whole(swapped), 1.0).exact


@pytest.mark.parametrize(
    ("reading", "fault"),
    [
        (whole(TRUTH[:-1], whole=False), {"lost": 1}),
        (whole(TRUTH[:-1]), {"lost": 1, "false_whole": 1}),
        (whole([*TRUTH, TRUTH[-1]]), {"doubled": 1}),
        (whole([TRUTH[4], *TRUTH[:4]]), {"disordered": 1}),
        (whole(TRUTH, missing=2, whole=False), {"false_missing": 2}),
        (whole(TRUTH[:-1], missing=1, whole=False), {"lost": 1}),
        (whole(TRUTH, right=False), {"wrong": 1}),
        (whole(TRUTH, doubtful=True, whole=False), {"wrong": 1}),
        (whole([], right=False, whole=False), {"lost": 5, "wrong": 1}),
    ],
)
def test_each_fault_is_counted_as_what_it_is(
    reading: Reading, fault: dict[str, int]
) -> None:
    found = judge(TRUTH, reading, 1.0)
    assert not found.exact
    counts = found._asdict()
    assert {n: c for n, c in counts.items() if c and n != "seconds"} == fault


def test_what_is_said_is_excused_only_where_it_may_be() -> None:
    short = whole(TRUTH[:3], missing=2, whole=False)
    assert not judge(TRUTH, short, 1.0).exact
    assert judge(TRUTH, short, 1.0, may_miss=True).exact
    assert judge(TRUTH, short, 1.0, may_miss=True).said == 2
    doubt = whole(TRUTH[:3], doubtful=True, whole=False)
    assert not judge(TRUTH, doubt, 1.0).exact
    assert judge(TRUTH, doubt, 1.0, may_miss=True).exact
    gave_up = Reading(refused="no")
    assert not judge(TRUTH, gave_up, 1.0).exact
    assert judge(TRUTH, gave_up, 1.0, may_refuse=True).exact


def test_a_text_is_named_by_the_true_lines_it_can_be() -> None:
    assert named(["a", "same", "b", "same", "c"], TRUTH) == [
        TRUTH[0],
        TRUTH[2],
        TRUTH[1],
        *TRUTH[3:],
    ]
    assert named(["b", "c"], TRUTH) == [TRUTH[1], TRUTH[4]]
    assert named(["a", "x", "c", "b"], TRUTH) == [
        TRUTH[0],
        (0, -1, "", "x"),
        TRUTH[4],
        (0, -1, "", "b"),
    ]


def test_entries_tell_their_attempts_with_and_without_ids() -> None:
    def entry(number: int, event_id: str) -> str:
        fields = {"stream": "stdout", "message_raw": "x", "event_id": event_id}
        return json.dumps({"sequence_num": number, **fields})

    ids = ["log:j:stdout:0", "log:j:attempt:2:stdout:0", "log:j:stdout:1"]
    told = _entries(entry(n, one) for n, one in zip((0, 0, 1), ids, strict=True))
    assert [line[:2] for line in told] == [(1, 0), (2, 0), (1, 1)]
    bare = _entries(entry(number, "") for number in (0, 1, 0))
    assert [line[:2] for line in bare] == [(1, 0), (1, 1), (2, 0)]


async def test_a_line_the_server_never_had_is_found_to_be_lost() -> None:
    case = Case(
        "lost",
        lambda seed, _: Faults(
            seed=seed, retention_lag=(0, 0), live_dropped=0.05, retained_lost=0.05
        ),
        lines=300,
        shared=0.0,
        starts_in=0.2,
    )
    done = await run(case, Dialect.CURRENT, 11, 0.02)
    assert done.found["desk"].lost > 0
    assert " 0 lost" not in totals([done])


async def test_an_ended_log_is_read_and_saved_in_every_way() -> None:
    case = EndedCase("whole", lines=60, cut=False)
    done = await run(case, Dialect.DOCUMENTED, 3, 1.0)
    assert set(done.found) == {"txt", "jsonl", "stderr", "logs", "desk g"}
    assert done.exact
    assert totals([done, done]) == (
        "2 runs: 0 lost, 0 doubled, 0 out of order, 0 false missing, 0 false whole"
    )
