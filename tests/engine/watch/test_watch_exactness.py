"""A few seeds of every kind of trouble; ``python -m tests.exactness`` runs many."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.exactness import CASES, Case, report, run

if TYPE_CHECKING:
    from chronotui.demo.routes import Dialect

SEED = 20_261_122
FAST = 0.03
"""Scale of every delay. A tenth of a second in which a busy machine does nothing stands
for three seconds there, as long as a log has to stand still: what then goes wrong is
judged by a run with longer delays."""
PAIRS = [
    (case, case.dialects[place % len(case.dialects)])
    for place, case in enumerate(CASES)
    if "refused while" not in case.name or case.name.endswith("watching")
]


@pytest.mark.parametrize(
    ("case", "dialect"),
    PAIRS,
    ids=[f"{case.name} ({dialect.value})" for case, dialect in PAIRS],
)
async def test_nothing_is_lost_doubled_or_out_of_order(
    case: Case, dialect: Dialect
) -> None:
    short = replace(case, lines=case.lines // 3)
    done = await run(short, dialect, SEED, FAST)
    if not done.exact:
        done = await run(short, dialect, SEED, 4 * FAST)
    assert done.exact, report(done)
