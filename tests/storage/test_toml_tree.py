import tomllib
from typing import Any

import pytest
import tomli_w
from hypothesis import given, settings
from hypothesis import strategies as st

from chronotui.storage.toml_tree import line_of

DOCUMENT = '''\
# a comment = with [marks] "and" quotes
first = 1  # another
"quoted.key" = "a ] = } # no"
dotted . key = [ 1, [ "]", 'x' ], # inside
  { deep = 2 }, ]
text = """
not = a key
[not.a.table]
quotes """""
raw = \'\'\'
[nor.this]'\'\'\'
when = 1979-05-27 07:32:00
inline = { one = 1, two = { three = "}" } }

[ table . 'sub' ]
a = true
[[list]]
b = -inf
[[list]]
b = +1_000.5e+3
'''


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("first",), 2),
        (("quoted.key",), 3),
        (("dotted",), 4),
        (("dotted", "key"), 4),
        (("text",), 6),
        (("raw",), 10),
        (("when",), 12),
        (("inline",), 13),
        (("inline", "one"), 13),
        (("inline", "two", "three"), 13),
        (("table",), 15),
        (("table", "sub"), 15),
        (("table", "sub", "a"), 16),
        (("list",), 17),
        # A key without a line of its own is on its table's.
        (("inline", "two", "absent"), 13),
        (("table", "sub", "absent", "deep"), 15),
        (("table.sub", "a"), 16),
        (("absent",), None),
    ],
)
def test_every_key_is_found_on_its_line(path: tuple[str, ...], line: int) -> None:
    assert line_of(DOCUMENT, path) == line


def test_windows_line_ends_count_once() -> None:
    text = "a = 1\r\n\r\nb = 2\r\n"
    assert [line_of(text, (name,)) for name in "ab"] == [1, 3]


def test_what_is_no_toml_has_no_lines() -> None:
    assert line_of("a = = 1", ("a",)) is None


scalars = st.one_of(
    st.text(max_size=12), st.integers(-(2**40), 2**40), st.booleans(), st.floats()
)
keys = st.text(min_size=1, max_size=6)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3)
    ),
    max_leaves=12,
)


def paths(table: dict[str, Any]) -> set[tuple[str, ...]]:
    found: set[tuple[str, ...]] = set()
    for name, value in table.items():
        found.add((name,))
        if isinstance(value, dict):
            found |= {(name, *rest) for rest in paths(value)}
    return found


@settings(deadline=None)
@given(st.dictionaries(keys, values, max_size=5), st.booleans())
def test_any_document_is_followed_to_its_end(
    document: dict[str, Any], multiline: bool
) -> None:
    text = tomli_w.dumps(document, multiline_strings=multiline)
    assert all(line_of(text, path) for path in paths(tomllib.loads(text)))
