import tomllib
from typing import Any

import tomli_w
from hypothesis import given
from hypothesis import strategies as st

from chronotui.storage.config import Layout, scan

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


def test_every_key_is_found_on_its_line() -> None:
    tomllib.loads(DOCUMENT)
    layout = scan(DOCUMENT)
    assert layout.lines == {
        ("first",): 2,
        ("quoted.key",): 3,
        ("dotted",): 4,
        ("dotted", "key"): 4,
        ("dotted", "key", "[]"): 5,
        ("dotted", "key", "[]", "deep"): 5,
        ("text",): 6,
        ("raw",): 10,
        ("when",): 12,
        ("inline",): 13,
        ("inline", "one"): 13,
        ("inline", "two"): 13,
        ("inline", "two", "three"): 13,
        ("table",): 15,
        ("table", "sub"): 15,
        ("table", "sub", "a"): 16,
        ("list",): 17,
        ("list", "b"): 18,
    }
    assert [(one.path, one.line) for one in layout.headers] == [
        (("table", "sub"), 15),
        (("list",), 17),
        (("list",), 19),
    ]


def test_a_key_without_a_line_of_its_own_is_on_its_tables() -> None:
    layout = Layout({("a", "b"): 7, ("keys", "x", "y"): 9}, (), {})
    assert layout.line_of(("a", "b", "c")) == 7
    assert layout.line_of(("keys", "x.y")) == 9
    assert layout.line_of(("z",)) is None


def test_windows_line_ends_count_once() -> None:
    assert scan("a = 1\r\n\r\nb = 2\r\n").lines == {("a",): 1, ("b",): 3}


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


@given(st.dictionaries(keys, values, max_size=5), st.booleans())
def test_any_document_is_followed_to_its_end(
    document: dict[str, Any], multiline: bool
) -> None:
    text = tomli_w.dumps(document, multiline_strings=multiline)
    assert paths(tomllib.loads(text)) <= set(scan(text).lines)
