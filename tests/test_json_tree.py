"""JSON as a tree: what is one, what its nodes are, and how they fold."""

from __future__ import annotations

import json
from typing import TypeAlias

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chronotui import json_tree
from chronotui.json_tree import JsonFolds, JsonTree, NodeKind, read_json

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"

LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
JSON = st.recursive(
    LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
)
UNHURRIED = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
"""A busy machine is no reason for a property to fail."""

ROOTS = st.lists(JSON) | st.dictionaries(st.text(), JSON)


def read(text: str) -> JsonTree:
    tree = read_json(text)
    assert tree is not None
    return tree


def rebuilt(tree: JsonTree, node: int = 0) -> Json:
    """Return the value of a node by way of the nodes in it."""
    inner: list[int] = []
    at = node + 1
    while at < tree.after[node]:
        inner.append(at)
        at = tree.after[at]
    assert len(inner) == tree.counts[node]
    if tree.kinds[node] is NodeKind.LIST:
        return [rebuilt(tree, each) for each in inner]
    if tree.kinds[node] is NodeKind.OBJECT:
        keys = [json.loads(f'"{tree.key(each)}"') for each in inner]
        return dict(zip(keys, (rebuilt(tree, each) for each in inner), strict=True))
    if inner:
        assert "\n".join(map(tree.value, inner)) == tree.value(node)
    value: Json = json.loads(tree.source(node))
    return value


@UNHURRIED
@given(ROOTS, st.sampled_from([None, 1]), st.booleans())
def test_the_nodes_are_what_the_text_says(
    value: Json, indent: int | None, ascii_only: bool
) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    tree = read(text)
    assert tree.complete
    assert json.dumps(rebuilt(tree)) == json.dumps(value)
    for node in range(1, len(tree)):
        parent = tree.parents[node]
        assert parent < node < tree.after[parent]
        assert tree.depths[node] == tree.depths[parent] + 1


@given(st.text(alphabet='{}[]:,"\\ n1e-.tru', max_size=12))
def test_what_is_no_json_has_no_tree(text: str) -> None:
    try:
        is_json = isinstance(json.loads(text), (dict, list))
    except ValueError:
        is_json = False
    assert (read_json(text) is not None) == is_json


@pytest.mark.parametrize(
    "text",
    [*("", "7", '"a"', "{", "[1,]", '{"a"}', '{"a":1,}', "[1}", "{]", "[1] x", "[01]"),
     *('["\t"]', '["\\x"]', "[tru]", "[1 2]", "{1:2}", "[1,,2]", "[truefalse]")],
)  # fmt: skip
def test_invalid_texts(text: str) -> None:
    assert read_json(text) is None


def test_keys_and_digits_stay_as_written() -> None:
    tree = read(' {"a" : 1.50, "a":1e400, "é\\u0041": [ NaN ]} ')
    assert [tree.key(node) for node in range(1, 5)] == ["a", "a", "é\\u0041", ""]
    assert [tree.source(node) for node in (1, 2, 4)] == ["1.50", "1e400", "NaN"]
    assert tree.path(4) == '."é\\u0041"[0]'
    assert tree.path(0) == "."


def test_a_text_of_several_lines_holds_them() -> None:
    tree = read('{"trace": "Traceback:\\n  File \\"a.py\\"\\nValueError", "x": "one"}')
    assert [tree.value(node) for node in range(2, 5)] == [
        "Traceback:", '  File "a.py"', "ValueError",
    ]  # fmt: skip
    assert tree.value(1).count("\n") == 2
    assert tree.after[1] == 5
    assert tree.value(5) == "one"


def test_any_depth_is_read() -> None:
    tree = read("[" * 30_000 + "]" * 30_000)
    assert tree.complete
    assert tree.depths[-1] == 29_999
    assert len(tree.path(29_999)) == 3 * 29_999
    folds = JsonFolds(tree)
    assert len(folds) == 200
    folds.fold(0)
    assert len(folds) == 1


def test_too_much_is_read_in_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_tree, "MOST_NODES", 100)
    tree = read("[" + "[1,2]," * 80 + "3]")
    assert not tree.complete
    assert len(tree) == 100
    assert tree.after[0] == 100
    assert len(JsonFolds(tree)) == 100
    monkeypatch.setattr(json_tree, "MOST_CHARACTERS", 10)
    assert read_json('{"a": 12345}') is None


def test_folding_hides_what_is_inside_and_keeps_the_place() -> None:
    folds = JsonFolds(read('{"a": {"b": [1, 2], "c": 3}, "d": {}, "e": 4}'))
    assert [folds.anchor(row) for row in range(len(folds))] == list(range(8))
    folds.fold(2)
    assert [folds.anchor(row) for row in range(len(folds))] == [0, 1, 2, 5, 6, 7]
    assert folds.locate(4) == 2
    folds.fold(1)
    assert [folds.anchor(row) for row in range(len(folds))] == [0, 1, 6, 7]
    folds.unfold(1)
    assert [folds.anchor(row) for row in range(len(folds))] == [0, 1, 2, 5, 6, 7]
    assert not folds.is_open(2)
    assert [folds.is_foldable(node) for node in (1, 5, 6)] == [True, False, False]
    folds.fold(3)
    folds.unfold(3)
    assert len(folds) == 6


@UNHURRIED
@given(ROOTS, st.lists(st.tuples(st.booleans(), st.integers(0, 300)), max_size=30))
def test_rows_are_the_nodes_in_nothing_folded(
    value: Json, steps: list[tuple[bool, int]]
) -> None:
    tree = read(json.dumps(value))
    folds = JsonFolds(tree)
    for opens, number in steps:
        row = number % len(folds)
        (folds.unfold if opens else folds.fold)(row)
        rows = [folds.anchor(each) for each in range(len(folds))]
        assert rows == [node for node in range(len(tree)) if _is_shown(folds, node)]
        assert [folds.locate(node) for node in rows] == list(range(len(rows)))


def _is_shown(folds: JsonFolds, node: int) -> bool:
    parent = folds.tree.parents[node]
    return parent < 0 or (folds.is_open(parent) and _is_shown(folds, parent))
