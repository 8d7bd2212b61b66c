"""Search marks out of messages."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chronotui.sources.wire_json import split_marks

TOKEN = "7f3a"
START, END = f"__CV_HL_START_{TOKEN}__", f"__CV_HL_END_{TOKEN}__"


def test_takes_the_marks_out_and_tells_where_they_were() -> None:
    marked = f"an {START}error{END} and {START}errors{END}"
    assert split_marks(marked, TOKEN) == ("an error and errors", ((3, 8), (13, 19)))


@pytest.mark.parametrize(
    ("marked", "message", "ranges"),
    [
        (f"{END}a{END}", "a", ()),
        (f"a{START}bc", "abc", ((1, 3),)),
        (f"a{START}b{START}c{END}d{END}", "abcd", ((1, 3),)),
        (f"{START}{END}a", "a", ()),
        (f"{START}a{END}{START}b{END}", "ab", ((0, 1), (1, 2))),
        ("__CV_HL_START_other__a__CV_HL_END_other__",
         "__CV_HL_START_other__a__CV_HL_END_other__", ()),
    ],
)  # fmt: skip
def test_stray_and_foreign_marks_do_no_harm(
    marked: str, message: str, ranges: tuple[tuple[int, int], ...]
) -> None:
    assert split_marks(marked, TOKEN) == (message, ranges)


def test_without_a_token_nothing_is_a_mark() -> None:
    fake = "__CV_HL_START___a__CV_HL_END___"
    assert split_marks(fake, "") == (fake, ())


@given(st.lists(st.tuples(st.text(), st.text(min_size=1))), st.text())
def test_what_was_marked_is_what_is_told(
    parts: list[tuple[str, str]], end: str
) -> None:
    marked = "".join(f"{plain}{START}{hit}{END}" for plain, hit in parts) + end
    message, ranges = split_marks(marked, TOKEN)
    assert message == "".join(plain + hit for plain, hit in parts) + end
    assert [message[a:b] for a, b in ranges] == [hit for _, hit in parts]


@given(st.lists(st.sampled_from([START, END, "a", "bc", "\n", "__CV_HL_"])))
def test_any_mess_of_marks_gives_ordered_ranges(pieces: list[str]) -> None:
    message, ranges = split_marks("".join(pieces), TOKEN)
    bounds = [bound for pair in ranges for bound in pair]
    assert bounds == sorted(bounds)
    assert all(0 <= a < b <= len(message) for a, b in ranges)
    assert START not in message
    assert END not in message
