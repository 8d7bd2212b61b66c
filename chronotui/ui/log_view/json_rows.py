"""Rows of a JSON tree: a sign, a key, and what of the value there is room for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from chronotui.core.json_tree import NodeKind
from chronotui.core.text import clean
from chronotui.ui.log_view.cells import Grid
from chronotui.ui.log_view.runs import Run, overlay
from chronotui.ui.log_view.shown import MOST_WHOLE, Paragraph
from chronotui.ui.log_view.wording import plural

if TYPE_CHECKING:
    from rich.style import Style

    from chronotui.core.json_folds import JsonFolds
    from chronotui.core.json_tree import JsonTree
    from chronotui.ui.log_view.look import Look

INDENT: Final = 2
INDENT_SHARE: Final = 3
"""Levels are indented into at most this part of the width."""

MOST_PEEKED: Final = 160
"""Characters shown of what is folded."""

OPEN: Final = "▾ "
FOLDED: Final = "▸ "
_HELD: Final = {
    NodeKind.OBJECT: ("{", "key", "}"),
    NodeKind.LIST: ("[", "item", "]"),
    NodeKind.TEXT: ("", "line", ""),
}


def paragraph_of(
    folds: JsonFolds, node: int, look: Look, base: Style, width: int
) -> tuple[Paragraph, int]:
    """Return a node's row before it is wrapped, and where its later parts begin."""
    tree = folds.tree
    pieces: list[tuple[str, Style | None]] = []
    indent = min(INDENT * tree.depths[node], width // INDENT_SHARE)
    sign = "  "
    if folds.is_foldable(node):
        sign = OPEN if folds.is_open(node) else FOLDED
    pieces.append((" " * indent + sign, look.stamp))
    label = _label(tree, node)
    if label:
        pieces += [(label, look.json_key), (": ", None)]
    pieces += _value(folds, node, look)
    return _joined(pieces, base), min(indent + 4, width // 2)


def _label(tree: JsonTree, node: int) -> str:
    if tree.keys[node] is not None:
        return clean(tree.key(node)) or '""'
    is_item = tree.parents[node] >= 0 and tree.kinds[node] is not NodeKind.LINE
    return f"[{tree.places[node]:,}]" if is_item else ""


def _value(folds: JsonFolds, node: int, look: Look) -> list[tuple[str, Style | None]]:
    tree, kind = folds.tree, folds.tree.kinds[node]
    if kind is NodeKind.LINE:
        return [(_shown(tree.value(node)), look.json_text)]
    if kind in {NodeKind.OBJECT, NodeKind.LIST} or folds.is_foldable(node):
        before, word, after = _HELD[kind]
        held = f"{before}{plural(tree.counts[node], word)}{after}"
        if folds.is_open(node):
            return [(held, look.note)]
        peek = _shown(tree.source(node, MOST_PEEKED))
        if not folds.is_foldable(node):
            return [(peek, look.json_value)]
        return [(f"{held}  ", look.note), (peek, look.stamp)]
    style = look.json_text if kind is NodeKind.TEXT else look.json_value
    return [(_shown(tree.source(node, MOST_WHOLE)), style)]


def _shown(text: str) -> str:
    return clean(text.replace("\t", "    "))


def _joined(pieces: list[tuple[str, Style | None]], base: Style) -> Paragraph:
    text = "".join(piece for piece, _style in pieces)
    runs: list[Run] = []
    at = 0
    for piece, style in pieces:
        if style is not None and piece:
            runs.append(Run(at, at + len(piece), style))
        at += len(piece)
    return Paragraph(Grid(text), overlay((Run(0, len(text), base),), runs))
