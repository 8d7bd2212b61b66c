"""What jobs are called before their lines."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from chronotui.tree.tags import NamedJob, tag_of, tags_of


def test_a_job_is_called_by_the_first_word_of_its_workflow() -> None:
    jobs = [
        NamedJob("nightly-report", "8f3c21"),
        NamedJob("etl_orders", "a1b2c3"),
        NamedJob("注文 イベント", "12bc55"),
        NamedJob("\x1b[31m", "9c01ff"),
        NamedJob("", "9c01fe"),
    ]
    tags = tags_of(jobs)
    assert [*tags[:3], tags[4]] == ["night", "etl", "注文", "job"]
    assert tags[3].isprintable()


def test_jobs_of_one_workflow_are_called_by_their_ids() -> None:
    jobs = [NamedJob("nightly-report", each) for each in ("8f3c2101", "77aa0902")]
    assert tags_of(jobs) == ["8f3c21", "77aa09"]


def test_several_of_some_workflows_are_called_by_both() -> None:
    jobs = [
        NamedJob("nightly-report", "8f3c21"),
        NamedJob("etl", "a1b2c3"),
        NamedJob("nightly-check", "77aa09"),
    ]
    assert tags_of(jobs) == ["night·8f3c", "etl", "night·77aa"]


def test_one_that_joins_is_told_from_those_there() -> None:
    job = NamedJob("etl", "a1b2c3")
    assert tag_of(job, {"night"}) == "etl"
    assert tag_of(job, {"etl"}) == "etl·a1b2"
    assert tag_of(job, {"etl", "etl·a1b2"}) == "etl·a1b2c"


names = st.text(max_size=8)


@given(st.lists(st.builds(NamedJob, names, names), unique=True, max_size=8))
def test_no_two_are_alike_and_none_is_empty_or_harmful(jobs: list[NamedJob]) -> None:
    tags = tags_of(jobs)
    if len({job.name for job in jobs}) > 1:
        assert len(set(tags)) == len(jobs)
        assert all(tags)
    assert not any("\x1b" in tag for tag in tags)
