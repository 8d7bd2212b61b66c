"""Values that keep the server's object beside what was read of it, and secrets."""

from __future__ import annotations

from msgspec.structs import replace

from chronotui.model import Confidential, Job, JobStatus, NodeState, RunNote, Trigger

JOB = Job("j", "w", JobStatus.RUNNING, Trigger.MANUAL, fields={"a": 1})


def test_the_servers_object_does_not_count_when_values_are_compared() -> None:
    again = replace(JOB, fields={"b": 2})
    assert again == JOB
    assert hash(again) == hash(JOB)
    assert len({again, JOB}) == 1


def test_everything_that_was_read_counts() -> None:
    read = [name for name in Job.__struct_fields__ if name != "fields"]
    assert all(replace(JOB, **{name: "other"}) != JOB for name in read)


def test_values_of_two_kinds_are_never_equal() -> None:
    events = RunNote("j", "w"), NodeState("j", "w")
    assert events[0] != events[1]
    assert JOB != "j"


def test_what_is_confidential_is_in_no_print() -> None:
    class Key(Confidential, frozen=True):
        text: str

    assert str(Key("s3cret")) == repr(Key("s3cret")) == "Key(•••)"
    assert Key("a") != Key("b")
