"""The case of an app says what it is asked to, with nothing between."""

from __future__ import annotations

from tests.exactness.apps import run_app
from tests.exactness.runs import report


async def test_an_apps_list_and_a_runs_events_are_read_exactly() -> None:
    done = await run_app(seed=1)
    assert done.exact, report(done)
    assert set(done.found) == {"list", "events"}
