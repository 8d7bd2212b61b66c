"""A run on a pipe: each line once, none changed afterwards, and how it ended."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace

from chronotui.engine.run_follow import RunFollow, observe_run
from chronotui.errors import Answer, NotFoundError, UnreachableError
from chronotui.model import JobStatus, RunNote, RunPing, RunText
from tests.engine.scripted_events import (
    FOR_EVER,
    OVER,
    ScriptedRuns,
    clock,
    done,
    loop_now,
    running,
    step,
)
from tests.engine.skipped_time import run_skipping

if TYPE_CHECKING:
    from tests.engine.scripted_events import Piece

BEGAN = RunNote("workflow_started", "The run began.")
SCRIPT: list[Piece] = [
    BEGAN,
    step("a"),
    1.0,
    RunText("one\ntw"),
    step("b"),
    1.0,
    step("a", "succeeded", elapsed=1.0),
    1.0,
    RunText("o\nthree"),
    1.0,
    OVER,
]


def followed(
    runs: ScriptedRuns, **options: Any
) -> tuple[list[str], list[str], RunFollow]:
    """Return the lines, what was said beside them, and the follow."""

    async def main() -> tuple[list[str], list[str], RunFollow]:
        said: list[str] = []
        follow = RunFollow(runs, running(), tell=said.append, clock=clock(), **options)
        lines = []
        async with aclosing(follow.lines()) as batches:
            async for batch in batches:
                lines += batch
        assert [line.sequence_num for line in lines] == list(range(1, len(lines) + 1))
        return [line.message for line in lines], said, follow

    return run_skipping(main())


def test_lines_are_given_once_they_are_final() -> None:
    runs = ScriptedRuns([(0, running()), (3.5, done())], [SCRIPT])
    lines, said, follow = followed(runs)
    assert lines == [
        "· The run began.",
        "one",
        "✓ a  1.0 s",
        "two",
        "● b",
        "three",
        "Outputs",
        "  {",
        '    "rows": 42',
        "  }",
    ]
    assert said == []
    assert follow.exit_code == 0
    assert runs.open_now == 0


def test_text_that_is_replaced_is_said_and_given_anew() -> None:
    told: list[Piece] = [step("a"), RunText("one\n"), 1.0, RunText("two\n", True), 1.0]
    lines, said, _ = followed(ScriptedRuns([(0, running()), (2, done())], [told]))
    assert lines[:3] == ["one", "two", "● a"]
    assert said == ["the run has replaced its text; it follows anew."]


@pytest.mark.parametrize(
    ("status", "code"),
    [("COMPLETED", 0), ("PARTIAL-SUCCEEDED", 0), ("FAILED", 1), ("CANCELED", 1)],
)
def test_the_exit_code_is_that_of_the_state(status: str, code: int) -> None:
    runs = ScriptedRuns([(0, running()), (4, done(status))], [SCRIPT])
    _, said, follow = followed(runs)
    assert follow.exit_code == code
    assert any("in part" in words for words in said) is (status[:2] == "PA")


def test_why_nobody_can_follow_is_said_once() -> None:
    runs = ScriptedRuns([(0, running()), (60, done())], why_not="it was run by an X")
    lines, said, _ = followed(runs)
    assert lines[0] == "Outputs"
    why = "its events cannot be followed: it was run by an X"
    assert said == [
        f"{why}; its state is asked every 5 s.",
        f"{why}.",
    ]


def test_a_line_of_a_text_too_long_to_keep_is_given_once_it_is_whole() -> None:
    large = f"{'x' * 60_000}\n" * 80
    told: list[Piece] = [RunText(f"{large}op"), 2.0, RunText("en\nlast"), 2.0, OVER]
    runs = ScriptedRuns([(0, running()), (4, done())], [told])
    lines, _, _ = followed(runs)
    assert [line for line in lines if line[:1] != "x"][:3] == [
        "open",
        "last",
        "Outputs",
    ]


def test_a_run_that_lasts_too_long_is_said_once() -> None:
    runs = ScriptedRuns([(0, running()), (3000, done())], why_not="it was run by an X")
    _, said, _ = followed(runs)
    assert sum("may have died" in words for words in said) == 1


def test_a_text_that_is_told_again_and_replaced_again_is_given_once() -> None:
    told: list[Piece] = [RunText("draft"), RunText("one\ntwo\n", True), 2.0, OVER]
    runs = ScriptedRuns([(0, running()), (30, done())], [told])
    lines, said, _ = followed(runs)
    assert len(runs.attached) > 1
    assert lines[:3] == ["one", "two", "Outputs"]
    assert not any("replaced" in words for words in said)


@pytest.mark.parametrize(("age", "waited"), [(0, 55), (3600, 5)])
def test_a_row_whose_run_never_comes_is_not_waited_for_for_ever(
    age: int, waited: int
) -> None:
    bare = running(run_id="", status=JobStatus.UNKNOWN)
    assert bare.created_at is not None
    bare = replace(bare, created_at=bare.created_at - timedelta(seconds=age))
    runs = ScriptedRuns([(0, bare)], why_not="it has no run yet")
    with pytest.raises(NotFoundError, match="keeps nothing of it") as gone:
        followed(runs)
    assert gone.value.exit_code == 4
    assert runs.asked[-1] - runs.asked[0] == pytest.approx(waited, abs=4)


def test_a_long_outage_is_said_and_its_end() -> None:
    gone: list[Piece] = [UnreachableError("Refused.")]
    told: list[list[Piece]] = [
        [step("a"), *gone],
        *[gone] * 8,
        [step("a", "succeeded"), FOR_EVER],
    ]
    runs = ScriptedRuns([(0, running()), (120, done())], told)
    _, said, _ = followed(runs)
    assert "RECONNECTING" in said[0]
    assert said[1].startswith("connected again")


def test_a_run_that_is_not_there_is_believed_at_once() -> None:
    missing = NotFoundError("No such run.")
    missing.answer, missing.route = Answer(404, True), "run"
    with pytest.raises(NotFoundError):
        followed(ScriptedRuns([(0, missing)]))


def test_leaving_closes_the_stream() -> None:
    runs = ScriptedRuns([(0, running())], [[step("a", "succeeded"), FOR_EVER]])

    async def main() -> None:
        follow = RunFollow(runs, running(), tell=lambda _: None, clock=clock())
        async with aclosing(follow.lines()) as batches:
            async for _ in batches:
                break
        assert runs.open_now == 0

    run_skipping(main())


# Once


def test_a_run_that_goes_on_is_seen_as_its_snapshot_tells() -> None:
    told: list[Piece] = [RunPing(), step("a", "succeeded"), step("b"), FOR_EVER]
    runs = ScriptedRuns([(0, running())], [told])

    async def main() -> None:
        seen = await observe_run(runs, running(), clock=clock())
        assert [line.text for line in seen.record.lines()] == ["✓ a", "● b"]
        assert loop_now() < 3
        assert runs.open_now == 0

    run_skipping(main())


def test_an_ended_run_is_seen_as_its_state_tells() -> None:
    runs = ScriptedRuns([(0, done("FAILED", error="boom"))])

    async def main() -> None:
        seen = await observe_run(runs, running(), clock=clock())
        assert seen.job.status == JobStatus.FAILED
        assert next(iter(seen.record.lines())).text == "✗ boom"
        assert runs.attached == []

    run_skipping(main())


def test_a_stream_that_cannot_be_had_is_a_reason_not_a_failure() -> None:
    runs = ScriptedRuns([(0, running())], [[UnreachableError("Refused.")]])

    async def main() -> None:
        seen = await observe_run(runs, running(), clock=clock())
        assert seen.record.unseen == ("its events cannot be followed: Refused",)

    run_skipping(asyncio.wait_for(main(), 100))
