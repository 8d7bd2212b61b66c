"""What a server tells of a workflow: read when looked at, and not more than once."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

import pytest

from chronotui.engine.notices import (
    FRESH_SECONDS,
    KEPT_TOTALS,
    MOST_PAGES,
    Notices,
    WorkflowNotices,
)
from chronotui.engine.timing import Clock
from chronotui.errors import NotAllowedError
from chronotui.model import Notification, Page, WorkflowTotals
from tests.engine.conftest import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

AT = datetime(2026, 3, 3, tzinfo=UTC)


def about(workflow_id: str, number: int = 0) -> Notification:
    url = f"/workflows/{workflow_id}/jobs/j{number}"
    return Notification(f"{workflow_id}-{number}", "WEB_ERROR", action_url=url)


class ToldSource:
    """A source that counts what it is asked, on a clock of the test's own."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.asked: list[str] = []
        self.pages: list[Page[Notification]] = [Page((about("a"), about("b")))]
        self.refuses = False

    async def totals(self, workflow_id: str) -> WorkflowTotals | None:
        self.asked.append(workflow_id)
        if self.refuses:
            raise NotAllowedError("Not for you.")
        return None if workflow_id == "new" else WorkflowTotals(3, 40, 500)

    async def notifications(self, *, cursor: str | None = None) -> Page[Notification]:
        self.asked.append("notifications")
        return self.pages[int(cursor or 0)]

    @property
    def clock(self) -> Clock:
        return Clock(monotonic=lambda: self.now)


@pytest.fixture
def source() -> ToldSource:
    return ToldSource()


@pytest.fixture
async def notices(source: ToldSource) -> AsyncIterator[Notices]:
    made = Notices(cast("Any", source), clock=source.clock, rest_seconds=0.0)
    yield made
    await made.close()


async def looked_at(notices: Notices, workflow_id: str) -> WorkflowNotices:
    notices.want(workflow_id)
    await until(lambda: notices.of(workflow_id).is_read)
    return notices.of(workflow_id)


async def test_a_workflow_that_is_looked_at_is_told_of(
    notices: Notices, source: ToldSource
) -> None:
    assert notices.of("a") == WorkflowNotices()
    told = await looked_at(notices, "a")
    assert told.totals == WorkflowTotals(3, 40, 500)
    await until(lambda: notices.of("a").unread is not None)
    assert notices.of("a").unread == (about("a"),)
    assert notices.of("c").unread == ()
    notices.were_read(["a-0"])
    assert notices.of("a").unread == ()
    assert (await looked_at(notices, "new")).totals is None


async def test_nothing_is_asked_twice_a_minute(
    notices: Notices, source: ToldSource
) -> None:
    for _ in range(3):
        for workflow_id in ("a", "b", "a"):
            await looked_at(notices, workflow_id)
            await until(lambda: "notifications" in source.asked)
    assert sorted(source.asked) == ["a", "b", "notifications"]
    source.now += FRESH_SECONDS
    notices.want("b")
    await until(lambda: source.asked.count("notifications") == 2)
    assert source.asked.count("b") == 2


async def test_a_workflow_that_is_only_passed_is_not_asked_about(
    source: ToldSource,
) -> None:
    notices = Notices(cast("Any", source), clock=source.clock, rest_seconds=0.05)
    for number in range(50):
        notices.want(str(number))
        await asyncio.sleep(0)
    await until(lambda: "notifications" in source.asked)
    assert source.asked == ["49", "notifications"]
    notices.want("passed")
    notices.want("")
    await notices.close()
    assert source.asked == ["49", "notifications"]


async def test_long_lists_are_read_from_their_newest_and_said_to_be_cut(
    notices: Notices, source: ToldSource
) -> None:
    source.pages = [
        Page((about("a", number),), str(number + 1)) for number in range(50)
    ]
    found = await notices.unread_of("a")
    assert len(found) == MOST_PAGES
    assert notices.of("a").is_cut
    source.pages = [Page((about("a"),), "0")]
    assert await notices.unread_of("a") == (about("a"), about("a"))
    assert not notices.of("a").is_cut


async def test_what_cannot_be_read_is_said_and_left_alone_for_a_minute(
    notices: Notices, source: ToldSource
) -> None:
    source.refuses = True
    assert (await looked_at(notices, "a")).problem == "Not for you."
    notices.want("")
    await looked_at(notices, "a")
    assert source.asked.count("a") == 1


async def test_what_is_kept_is_bounded(notices: Notices) -> None:
    for number in range(KEPT_TOTALS + 5):
        await looked_at(notices, str(number))
    assert not notices.of("0").is_read
    assert notices.of("20").is_read


@pytest.mark.parametrize(
    ("workflow_id", "is_about"),
    [("w", True), ("x", True), ("workflows", False), ("jj", False)],
)
def test_what_a_notification_is_about(workflow_id: str, is_about: bool) -> None:
    one = Notification("1", "k", entity_id="x", action_url="/workflows/w/jobs/jj")
    assert one.is_about(workflow_id) is is_about
