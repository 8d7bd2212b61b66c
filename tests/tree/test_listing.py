from __future__ import annotations

from typing import TYPE_CHECKING

import hypothesis.strategies as st
from hypothesis import given
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from chronotui.tree.listing import Listing, ListPosition

if TYPE_CHECKING:
    from collections.abc import Iterable

PAGE = 3


class Server:
    """A list, newest first, paged by the id that ended the page before."""

    def __init__(self, ids: Iterable[str] = ()) -> None:
        self.ids = list(ids)
        self.past = list(self.ids)
        self.made = len(self.ids)

    def add(self) -> None:
        self.made += 1
        self.ids.insert(0, f"job-{self.made}")
        self.past.insert(0, f"job-{self.made}")

    def page(self, place: ListPosition) -> tuple[list[str], ListPosition | None]:
        begin = 0
        if place.cursor is not None:
            before = self.past[self.past.index(place.cursor) + 1 :]
            begin = next(
                (self.ids.index(item) for item in before if item in self.ids),
                len(self.ids),
            )
        page = self.ids[begin : begin + PAGE]
        more = begin + PAGE < len(self.ids)
        return page, ListPosition(cursor=page[-1]) if more else None


def read_all(listing: Listing, server: Server) -> None:
    while listing.next_place is not None:
        listing.extend(*server.page(listing.next_place))


def refresh(listing: Listing, server: Server, pages: int) -> None:
    read: list[str] = []
    place: ListPosition | None = ListPosition()
    while place is not None:
        page, place = server.page(place)
        read += page
        pages -= 1
        if pages <= 0 and listing.refresh(read, place):
            return
    listing.refresh(read, None)


class ListingMachine(RuleBasedStateMachine):
    """A listing beside the list it pages through, which goes on changing."""

    def __init__(self) -> None:
        super().__init__()
        self.server = Server(f"job-{n}" for n in range(8, 0, -1))
        self.listing = Listing()

    @rule(count=st.integers(1, 5))
    def server_adds(self, count: int) -> None:
        for _ in range(count):
            self.server.add()

    @rule(data=st.data())
    def server_removes(self, data: st.DataObject) -> None:
        if self.server.ids:
            gone = data.draw(st.sampled_from(self.server.ids))
            self.server.ids.remove(gone)

    @rule()
    def next_page(self) -> None:
        place = self.listing.next_place
        if place is not None:
            self.listing.extend(*self.server.page(place))

    @rule(pages=st.integers(1, 3))
    def again(self, pages: int) -> None:
        if self.listing.answered:
            refresh(self.listing, self.server, pages)

    @rule(data=st.data())
    def discard(self, data: st.DataObject) -> None:
        if len(self.listing):
            item = data.draw(st.sampled_from(list(self.listing.ids)))
            assert self.listing.discard(item)
            if item in self.server.ids:
                self.server.ids.remove(item)

    @rule(data=st.data())
    def add_unconfirmed(self, data: st.DataObject) -> None:
        if self.server.ids:
            self.listing.add_unconfirmed(data.draw(st.sampled_from(self.server.ids)))

    @invariant()
    def each_once_and_found(self) -> None:
        ids = list(self.listing.ids)
        assert len(set(ids)) == len(ids)
        assert [self.listing.position(item) for item in ids] == list(range(len(ids)))
        assert 0 <= self.listing.frontier <= len(ids)

    @invariant()
    def confirmed_ids_stand_in_the_servers_order(self) -> None:
        confirmed = self.listing.ids[: self.listing.frontier]
        order = [self.server.past.index(item) for item in confirmed]
        assert order == sorted(order)

    def teardown(self) -> None:
        read_all(self.listing, self.server)
        refresh(self.listing, self.server, pages=10**6)
        assert list(self.listing.ids) == self.server.ids
        assert self.listing.complete


TestListing = ListingMachine.TestCase


def ids(*numbers: int) -> list[str]:
    return [f"job-{n}" for n in numbers]


def test_a_page_read_again_brings_new_ids_and_keeps_the_rest() -> None:
    listing = Listing()
    listing.extend(ids(6, 5, 4), ListPosition(cursor="4"))
    listing.extend(ids(3, 2), ListPosition(cursor="2"))
    assert listing.refresh(ids(8, 7, 6), ListPosition(cursor="6"))
    assert list(listing.ids) == ids(8, 7, 6, 5, 4, 3, 2)
    assert listing.next_place == ListPosition(cursor="2")
    assert [listing.position(item) for item in listing.ids] == list(range(7))


def test_ids_a_page_passes_over_are_gone() -> None:
    listing = Listing()
    listing.extend(ids(6, 5, 4, 3, 2), ListPosition(cursor="2"))
    assert listing.refresh(ids(6, 4), ListPosition(cursor="4"))
    assert list(listing.ids) == ids(6, 4, 3, 2)


def test_pages_that_do_not_meet_the_list_change_nothing() -> None:
    listing = Listing()
    listing.extend(ids(2, 1), ListPosition(cursor="1"))
    assert not listing.refresh(ids(9, 8), ListPosition(cursor="8"))
    assert list(listing.ids) == ids(2, 1)


def test_known_ids_are_shown_until_pages_confirm_or_pass_over_them() -> None:
    listing = Listing(ids(9, 7, 5, 1))
    assert not listing.answered
    listing.extend(ids(9, 8, 5), ListPosition(cursor="5"))
    assert list(listing.ids) == ids(9, 8, 5, 1)
    assert listing.frontier == 3
    listing.extend(ids(4, 1), None)
    assert list(listing.ids) == ids(9, 8, 5, 4, 1)


def test_a_cursor_that_comes_again_ends_the_list_and_is_said() -> None:
    listing = Listing()
    listing.extend(ids(3, 2), ListPosition(cursor="x"))
    assert not listing.looped
    listing.extend(ids(1), ListPosition(cursor="x"))
    assert listing.looped
    assert listing.complete


@given(st.lists(st.integers(0, 30), unique=True), st.integers(1, 5))
def test_whatever_the_page_size_the_whole_list_is_read(
    numbers: list[int], size: int
) -> None:
    wanted = ids(*numbers)
    listing = Listing()
    for begin in range(0, max(len(wanted), 1), size):
        end = begin + size
        following = ListPosition(cursor=str(end)) if end < len(wanted) else None
        listing.extend(wanted[begin:end], following)
    assert list(listing.ids) == wanted
    assert listing.complete
