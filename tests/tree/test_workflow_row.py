from __future__ import annotations

import pytest

from chronotui.model import BuildStatus, JobStatus, WorkflowKind
from chronotui.tree.health import WorkflowHealth
from chronotui.tree.row import Role
from chronotui.tree.workflow_row import (
    interval_words,
    workflow_headings,
    workflow_pieces,
)
from tests.tree.test_row import NOW, branch, text_of

SIGNS = {"✓": "COMPLETED", "✗": "FAILED", "●": "RUNNING", "◌": "QUEUED", "?": "MOON"}


def health(signs: str, *, failures: int = 0, age: float = 0.0) -> WorkflowHealth:
    outcomes = tuple(JobStatus(SIGNS[sign]) for sign in signs)
    return WorkflowHealth(outcomes, signs.count("●"), failures, age)


@pytest.mark.parametrize(
    ("minutes", "words"),
    [
        (60, "every 60 min"),
        (360, "every 6 h"),
        (1440, "every 24 h"),
        (10080, "every 7 d"),
        (90, "every 90 min"),
        (125, "every 125 min"),
    ],
)
def test_an_interval_is_told_in_the_largest_exact_unit(
    minutes: int, words: str
) -> None:
    assert interval_words(minutes) == words


def workflow_row(width: int, **fields: object) -> str:
    return text_of(workflow_pieces(branch(**fields), width, open_=False))


def test_a_workflows_row_names_what_distinguishes_it() -> None:
    assert workflow_row(40, interval_minutes=60) == (
        "▸ nightly-report            every 60 min"
    )
    failing = workflow_row(40, interval_minutes=60, consecutive_failures=1)
    assert failing == "▸ nightly-report       ✗ 1  every 60 min"
    quiet = workflow_row(40, kind=WorkflowKind.HEARTBEAT, interval_minutes=5)
    assert quiet == "▸ nightly-report    no logs  every 5 min"
    ended = workflow_row(40, terminated_at=NOW, interval_minutes=5)
    assert ended == "▸ nightly-report              terminated"
    unbuilt = workflow_row(30, build_status=BuildStatus.FAILED, interval_minutes=5)
    assert unbuilt == "▸ nightly-report  build failed"


def test_retention_off_is_said_only_when_known() -> None:
    assert "no logs" not in workflow_row(40, log_retention=None)
    assert "no logs" in workflow_row(40, log_retention=False)
    known = branch()
    known.no_logs = True
    assert "no logs" in text_of(workflow_pieces(known, 40, open_=True))


def test_a_workflows_row_fills_its_width() -> None:
    fields = {"consecutive_failures": 12, "interval_minutes": 60}
    for width in range(1, 61):
        row = workflow_row(width, name="a" * 40, **fields)
        assert len(row) == max(width, 3), (width, row)


def test_a_workflow_without_a_name_is_called_by_its_id() -> None:
    for blank in ("", "  ", "\t"):
        assert workflow_row(20, name=blank) == "▸ w1                "


def test_a_hostile_name_is_harmless() -> None:
    drawn = workflow_row(60, name="\x1b]0;owned\x07[red]\u202e")
    assert drawn.isprintable()
    assert "\u202e" not in drawn


def healthy_row(width: int, known: WorkflowHealth | None, **fields: object) -> str:
    made = branch(**fields)
    pieces = workflow_pieces(made, width, open_=False, health=known, has_health=True)
    return text_of(pieces)


@pytest.mark.parametrize(
    ("known", "row"),
    [
        (health("✓✓✗✓●"), "▸ nightly-report       ● 1  ✓✓✗✓●       "),
        (
            health("✓✓✗✗✗", failures=3, age=320),
            "▸ nightly-report  ✗ 3       ✓✓✗✗✗  5 min",
        ),
        (health("✓?", age=59), "▸ nightly-report               ✓?       "),
        (health("✓?", age=7300), "▸ nightly-report               ✓?    2 h"),
        (health(""), "▸ nightly-report                –       "),
        (None, "▸ nightly-report                …       "),
    ],
)
def test_a_folded_row_tells_how_a_workflow_has_been_doing(
    known: WorkflowHealth | None, row: str
) -> None:
    assert healthy_row(40, known) == row


def test_health_that_arrives_moves_nothing() -> None:
    before, after = (
        healthy_row(60, known, interval_minutes=60) for known in (None, health("✓✓✓✓●"))
    )
    assert before.index("every") == after.index("every")


def test_what_fails_in_a_row_is_told_before_all_else() -> None:
    known = health("✗✗✗✗✗", failures=12, age=90)
    assert "✗ 12" in healthy_row(24, known, interval_minutes=60)
    assert "every" not in healthy_row(40, known, interval_minutes=60)
    assert healthy_row(60, known, interval_minutes=60) == (
        "▸ nightly-report       ✗ 12       every 60 min  ✗✗✗✗✗  1 min"
    )


def test_each_outcome_has_its_own_colour() -> None:
    pieces = workflow_pieces(
        branch(), 40, open_=False, health=health("✓✗●◌?"), has_health=True
    )
    roles = [p.role for p in pieces if p.width == 1 and p.text]
    assert roles == [
        Role.COMPLETED,
        Role.FAILED,
        Role.RUNNING,
        Role.WAITING,
        Role.UNKNOWN,
    ]


def test_a_terminated_workflow_is_not_read_and_tells_no_health() -> None:
    assert healthy_row(40, None, terminated_at=NOW) == (
        "▸ nightly-report              terminated"
    )


def test_a_row_with_health_fills_its_width() -> None:
    known = health("✓✓✗✗✗", failures=3, age=320)
    for width in range(1, 61):
        row = healthy_row(width, known, name="a" * 40, interval_minutes=60)
        assert len(row) == max(width, 3), (width, row)


def test_headings_stand_above_their_columns() -> None:
    row = healthy_row(45, health("✓✓✗✓●", age=70))
    headings = text_of(workflow_headings(45, has_health=True))
    assert len(headings) == 45
    assert headings.startswith("  workflow ")
    assert headings.index("last runs") + len("last runs") == row.rindex("●") + 1
    assert headings.endswith("read")
    plain = text_of(workflow_headings(45, has_health=False))
    assert plain.split() == ["workflow"]
