"""Since when: what is told holds, whatever the runs say and whichever can be read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chronotui.engine.since_when import Boundary, RunVerdict, SinceWhen, in_words
from chronotui.model import Job, JobStatus, Trigger

if TYPE_CHECKING:
    from collections.abc import Sequence

HAS, LACKS, GONE, UNTOLD = (
    RunVerdict.HAS,
    RunVerdict.LACKS,
    RunVerdict.GONE,
    RunVerdict.UNTOLD,
)
TOLD = {HAS, LACKS}


def job(place: int) -> Job:
    return Job(str(place), "w", JobStatus.COMPLETED, Trigger.MANUAL)


class History:
    """Runs with a verdict each, newest first."""

    def __init__(self, verdicts: Sequence[RunVerdict]) -> None:
        self.verdicts = verdicts
        self.looks: list[int] = []
        self.search = SinceWhen(self.run_at, self.look)

    async def run_at(self, place: int) -> Job | None:
        return job(place) if place < len(self.verdicts) else None

    async def look(self, run: Job) -> RunVerdict:
        self.looks.append(int(run.id))
        return self.verdicts[int(run.id)]


def check(
    found: Boundary, verdicts: Sequence[RunVerdict], looks: Sequence[int]
) -> None:
    """Hold what is told against the whole history."""
    assert len(set(looks)) == len(looks) == found.looked
    if found.has is None:
        assert HAS not in verdicts or found.looked < len(verdicts)
        return
    has = int(found.has.id)
    assert verdicts[has] is HAS
    assert found.newer == sum(verdicts[at] is LACKS for at in looks if at < has)
    if found.lacks is None:
        assert all(verdicts[at] in {GONE, UNTOLD} for at in looks if at > has)
        assert found.gone == any(verdicts[at] is GONE for at in looks if at > has)
        assert not found.is_oldest or has == len(verdicts) - 1
        return
    lacks = int(found.lacks.id)
    older = [at for at in looks if at > lacks]
    having = [at for at in older if verdicts[at] is HAS]
    assert found.older == sum(verdicts[at] is LACKS for at in older)
    assert found.older_having == len(having)
    assert found.older_unread == len(older) - found.older - len(having)
    assert found.oldest_having == (job(max(having)) if having else None)
    beyond = len(verdicts) - lacks - 1
    assert found.older_unlooked in {None, beyond - len(older)}
    assert verdicts[lacks] is LACKS
    assert has < lacks
    between = range(has + 1, lacks)
    looked_at = [at for at in between if at in looks]
    assert all(verdicts[at] not in TOLD for at in looked_at)
    assert found.unread == len(looked_at)
    assert found.unlooked == len(between) - len(looked_at)


@given(st.lists(st.sampled_from(RunVerdict), max_size=60))
async def test_nothing_is_told_that_was_not_read(verdicts: list[RunVerdict]) -> None:
    history = History(verdicts)
    found = await history.search.find()
    check(found, verdicts, history.looks)
    if found.has is None:
        assert HAS not in verdicts
    elif found.lacks is None:
        assert found.is_oldest == (found.has == job(len(verdicts) - 1))
    else:
        assert not found.unlooked  # it went on until nothing between could be told


@given(
    st.integers(0, 20),
    st.integers(1, 400),
    st.integers(1, 400),
    st.integers(0, 400),
)
async def test_a_history_with_one_beginning_is_halved(
    lacking: int, having: int, older: int, gone: int
) -> None:
    verdicts = [LACKS] * lacking + [HAS] * having + [LACKS] * older + [GONE] * gone
    history = History(verdicts)
    found = await history.search.find()
    check(found, verdicts, history.looks)
    assert found.has == job(lacking + having - 1)
    if found.lacks is None:
        # Going back by growing steps it came to where nothing is retained.
        assert gone
    else:
        assert found.lacks == job(lacking + having)
    assert len(history.looks) <= lacking + 4 + 4 * (having + older).bit_length()


@given(
    st.lists(st.sampled_from([HAS, UNTOLD]), max_size=30),
    st.lists(st.sampled_from([LACKS, UNTOLD]), max_size=30),
)
async def test_runs_that_cannot_be_read_are_told_where_they_are_between(
    newer: list[RunVerdict], older: list[RunVerdict]
) -> None:
    verdicts = [HAS, *newer, *older, LACKS]
    history = History(verdicts)
    found = await history.search.find()
    check(found, verdicts, history.looks)
    assert found.has is not None
    assert found.lacks is not None
    last = max(at for at, told in enumerate(verdicts) if told is HAS)
    first = min(at for at, told in enumerate(verdicts) if told is LACKS)
    assert (found.has, found.lacks) == (job(last), job(first))
    assert found.unread == first - last - 1


@given(st.lists(st.sampled_from(RunVerdict), max_size=40), st.integers(0, 12))
async def test_cut_short_it_tells_what_it_knows(
    verdicts: list[RunVerdict], most: int
) -> None:
    history = History(verdicts)

    class CutError(Exception):
        pass

    async def look(run: Job) -> RunVerdict:
        if len(history.looks) >= most:
            raise CutError
        return await history.look(run)

    search = SinceWhen(history.run_at, look)
    try:
        await search.find()
    except CutError:
        boundary = search.boundary
        if boundary.has is not None:
            check(boundary, verdicts, list(search.verdicts))
        assert "first" not in in_words(boundary, lambda run: run.id)


@given(st.lists(st.sampled_from(RunVerdict), max_size=40), st.sets(st.integers(0, 39)))
async def test_what_was_read_before_counts_and_is_not_read_again(
    verdicts: list[RunVerdict], read: set[int]
) -> None:
    history = History(verdicts)
    read = {at for at in read if at < len(verdicts)}
    for at in read:
        history.search.take(at, job(at), verdicts[at])
    found = await history.search.find()
    assert not read & set(history.looks)
    check(found, verdicts, [*read, *history.looks])
    if found.has is None:
        assert HAS not in verdicts
    elif found.lacks is not None:
        assert not found.unlooked


@given(
    st.lists(st.sampled_from(RunVerdict), max_size=40),
    st.lists(st.integers(0, 3), min_size=80, max_size=80),
)
async def test_a_search_beside_it_adds_what_it_reads(
    verdicts: list[RunVerdict], steps: list[int]
) -> None:
    history = History(verdicts)
    read: list[int] = []

    async def look(run: Job) -> RunVerdict:
        for at in range(len(read), min(len(read) + steps.pop(), len(verdicts))):
            read.append(at)
            search.take(at, job(at), verdicts[at])
            check(search.boundary, verdicts, list(search.verdicts))
        return await history.look(run)

    search = SinceWhen(history.run_at, look)
    found = await search.find()
    check(found, verdicts, list(search.verdicts))
    assert len(set(history.looks)) == len(history.looks)
    if found.has is None:
        assert HAS not in verdicts
    elif found.lacks is not None:
        assert not found.unlooked


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (
            Boundary(has=job(3), lacks=job(4), looked=6, newer=1),
            (
                "Not in run 4 (started then), in run 3 (started then); no run between. "
                "1 newer run looked at without it. Older ones were not looked at. "
                "6 runs looked at."
            ),
        ),
        (
            Boundary(has=job(3), lacks=job(9), unread=2, unlooked=3, older=1, looked=6),
            (
                "Not in run 9 (started then), in run 3 (started then); 3 runs between "
                "not looked at; 2 runs between could tell nothing (not read, still "
                "running, or no lines kept). Of older ones 1 lacks it; others were not "
                "looked at. 6 runs looked at."
            ),
        ),
        (
            Boundary(
                has=job(1),
                lacks=job(2),
                older=20,
                older_having=13,
                older_unread=2,
                older_unlooked=0,
                oldest_having=job(37),
                looked=38,
            ),
            (
                "Not in run 2 (started then), in run 1 (started then); no run between. "
                "Of older ones 13 have it, the oldest of them run 37 (started then), "
                "20 lack it, 2 could tell nothing (not read, still running, or no "
                "lines kept). 38 runs looked at."
            ),
        ),
        (
            Boundary(
                has=job(1),
                lacks=job(2),
                older_having=1,
                older_unlooked=1,
                oldest_having=job(4),
                looked=4,
            ),
            (
                "Not in run 2 (started then), in run 1 (started then); no run between. "
                "Of older ones run 4 (started then) has it; 1 was not looked at. "
                "4 runs looked at."
            ),
        ),
        (
            Boundary(has=job(0), lacks=job(1), older_unlooked=0, looked=2),
            (
                "Not in run 1 (started then), in run 0 (started then); no run between. "
                "No run is older. 2 runs looked at."
            ),
        ),
        (
            Boundary(has=job(3), gone=True, looked=5),
            (
                "In run 3 (started then); older ones are beyond retention. "
                "5 runs looked at."
            ),
        ),
        (
            Boundary(has=job(3), is_oldest=True, looked=1),
            "In run 3 (started then), the oldest one there is. 1 run looked at.",
        ),
        (
            Boundary(looked=7, unread=2),
            (
                "In none of 5 runs that tell. 2 runs could tell nothing (not read, "
                "still running, or no lines kept)."
            ),
        ),
        (Boundary(), "No run was looked at."),
    ],
)
def test_it_is_said_in_words(found: Boundary, words: str) -> None:
    assert in_words(found, lambda run: f"{run.id} (started then)") == words
