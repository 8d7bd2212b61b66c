"""How ids of one list are cut."""

from __future__ import annotations

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from chronotui.tree.short_ids import LONGEST_BEGINNING, SHORTEST, ShortIds

IDS = st.lists(st.text("ab0-", min_size=1, max_size=30), unique=True, max_size=30)
UUIDS = st.lists(st.uuids(version=4).map(str), unique=True, max_size=50)


def cut(ids: list[str]) -> ShortIds:
    made = ShortIds()
    made.add(ids)
    return made


def test_ids_are_as_short_as_keeps_them_different() -> None:
    ids = cut(["aaaaaa11", "bbbbbb11"])
    assert ids.of("aaaaaa11") == "aaaaaa"
    ids.add(["aaaaaa12"])
    assert ids.of("aaaaaa11") == "aaaaaa11"
    ids.add(["aaaaaa12", "aaaaaa12"])
    assert ids.length == 8


def test_ids_with_a_long_common_beginning_are_cut_where_they_differ() -> None:
    ids = cut([f"nightly-report-2026-03-{day:02}-final" for day in (1, 2, 13)])
    assert ids.of("nightly-report-2026-03-02-final") == "…02-fi"
    assert ids.length == SHORTEST


def test_ids_made_of_the_time_are_told_by_their_ends() -> None:
    # The first 48 bits of a UUIDv7 are the time; a list of them spans days.
    made = [
        str(UUID(int=(0x0195_0000_0000 + step << 80) + (7 << 76) + step * 0x9E3779B1))
        for step in (1, 2, 3, 86_400_000, 86_400_001)
    ]
    ids = cut(made)
    assert ids.length <= LONGEST_BEGINNING
    assert ids.of(made[0]) == "…" + made[0][1 - ids.length :]


@given(IDS)
def test_no_two_ids_look_alike(ids: list[str]) -> None:
    made = cut(ids)
    shown = [made.of(each) for each in ids]
    assert len(set(shown)) == len(ids)
    assert all(len(each) <= max(made.length, SHORTEST) for each in shown)


@given(IDS, st.randoms(use_true_random=False), st.integers(1, 7))
def test_the_cut_depends_on_the_ids_alone(
    ids: list[str], random: object, step: int
) -> None:
    at_once, page_by_page = cut(ids), ShortIds()
    mixed = list(ids)
    random.shuffle(mixed)  # type: ignore[attr-defined]
    for start in range(0, len(mixed), step):
        page_by_page.add(mixed[start : start + step])
    assert [at_once.of(each) for each in ids] == [page_by_page.of(e) for e in ids]
    assert at_once.length == page_by_page.length


@given(UUIDS)
def test_plain_uuids_keep_their_beginning(ids: list[str]) -> None:
    made = cut(ids)
    assert all(each.startswith(made.of(each)) for each in ids)


def test_what_is_shown_of_an_id_finds_it() -> None:
    ids = [f"run-of-the-warehouse-{number:04}" for number in range(20)]
    made = cut(ids)
    shown = made.of(ids[7])
    assert made.shows(ids[7], "run-of-the")
    assert made.shows(ids[7], shown.removeprefix("…"))
    assert [each for each in ids if made.shows(each, shown.removeprefix("…"))] == [
        ids[7]
    ]
    assert not made.shows(ids[7], "warehouse")
