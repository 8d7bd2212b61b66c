"""What a stranger may count on: files of a size to read, one name for one thing."""

from __future__ import annotations

import ast
import re
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Final

import chronotui

ROOT: Final = Path(chronotui.__file__).parent
MODULES: Final = sorted(ROOT.rglob("*.py"))
DOCUMENTS: Final = {path.name for path in ROOT.rglob("*.md")} | {"README.md"}
MOST_LINES: Final = 800


@cache
def tree_of(module: Path) -> ast.Module:
    return ast.parse(module.read_text())


def test_a_file_is_read_in_one_sitting() -> None:
    lines = {module: len(module.read_text().splitlines()) for module in MODULES}
    assert not {module: n for module, n in lines.items() if n > MOST_LINES}


def test_no_two_classes_share_a_name() -> None:
    names = Counter(
        node.name
        for module in MODULES
        for node in tree_of(module).body
        if isinstance(node, ast.ClassDef)
    )
    assert not [name for name, count in names.items() if count > 1]


def test_no_class_is_stacked_of_parts_that_do_not_stand_alone() -> None:
    """A class of ours inherits from one class of ours at most."""
    trees = {module: tree_of(module) for module in MODULES}
    ours = {
        node.name
        for tree in trees.values()
        for node in tree.body
        if isinstance(node, ast.ClassDef) and not is_protocol(node)
    }
    stacked = {
        node.name
        for tree in trees.values()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
        and sum(isinstance(b, ast.Name) and b.id in ours for b in node.bases) > 1
    }
    assert not stacked


def is_protocol(node: ast.ClassDef) -> bool:
    return any(
        isinstance(base, ast.Name) and base.id == "Protocol" for base in node.bases
    )


def test_comments_point_at_documents_that_exist() -> None:
    named = {
        (str(module.relative_to(ROOT)), name)
        for module in MODULES
        for name in re.findall(r"\b[\w-]+\.md\b", module.read_text())
    }
    assert not {(module, name) for module, name in named if name not in DOCUMENTS}
