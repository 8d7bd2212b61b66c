"""A TOML text changed, and its keys found, with everything else left as it is.

tomlkit gives the text as a tree that prints itself back, comments and layout included.
Comments above a table belong to it, though the tree has them at the end of what stands
before. Import it where it is needed: no start should load tomlkit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import AbstractTable, AoT, InlineTable, Item, Key, Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tomlkit.container import Container

    KeyPath: TypeAlias = tuple[str, ...]
    Body: TypeAlias = list[tuple[Key | None, Item]]

_MARK: Final = "\0"
"""What is looked for in a printed tree: no TOML holds it."""


def changed_text(text: str, changes: Iterable[tuple[KeyPath, object]]) -> str:
    """Return a text with entries set or removed (None), or as it is if that cannot be.

    Whether it says what was wanted is for the caller to see: some layouts do not
    allow some changes.
    """
    try:
        document = tomlkit.parse(
            text if text.endswith("\n") else text + "\n" * bool(text)
        )
        for path, value in changes:
            _apply(document, path, value)
    except TOMLKitError:
        return text
    return document.as_string()


def _apply(document: Container, path: KeyPath, value: object) -> None:
    """Set or remove one entry, in the part of its table that suits it best."""
    *parents, name = path
    parts: list[Any] = [document]
    for parent in parents:
        parts = [item for part in parts for item in _items(part, parent)]
    holders = [part for part in parts if name in part]
    if value is None:
        for part in holders:
            _remove(part, name)
        return
    own = [part for part in parts if not _is_headless(part)]
    _set([*holders, *own, *parts][0], name, value, is_top=not parents)


def _body(table: Any) -> Body:
    """Return the entries of a document or a table: what it prints, in order."""
    body: Body = (table.value if isinstance(table, AbstractTable) else table).body
    return body


def _items(table: Any, name: str) -> list[Item]:
    return [item for key, item in _body(table) if key is not None and key.key == name]


def _is_headless(table: Any) -> bool:
    """Whether a table is only there for those within it."""
    return isinstance(table, Table) and table.is_super_table()


def _remove(table: Any, name: str) -> None:
    if isinstance(table, InlineTable):
        del table[name]
        return
    body = _body(table)
    for place, (key, _) in enumerate(body):
        if key is not None and key.key == name:
            tail = _take_tail(body[place : place + 1])
            body[place] = (None, tomlkit.ws(tail))


def _set(table: Any, name: str, value: Any, *, is_top: bool) -> None:
    if isinstance(table, InlineTable):
        table[name] = value
        return
    body = _body(table)
    item = tomlkit.item(value)
    for place, (key, before) in enumerate(body):
        if key is not None and key.key == name:
            vars(item.trivia).update(vars(before.trivia))
            body[place] = (key, item)
            return
    if isinstance(item, Table):
        tail = "" if is_top else _take_tail(body)
        item.trivia.indent = "\n" if body or not is_top else ""
        body += [(tomlkit.key(name), item), (None, tomlkit.ws(tail))]
        return
    places = [at + 1 for at, (key, one) in enumerate(body) if _is_plain(key, one)]
    at = places[-1] if places else 0
    after = "\n" if is_top and body and not places else ""
    body[at:at] = [(tomlkit.key(name), item), (None, tomlkit.ws(after))]


def _is_plain(key: Key | None, item: Item) -> bool:
    return key is not None and (key.is_dotted() or not isinstance(item, Table))


def _take_tail(body: Body) -> str:
    """Take off and return the comments and empty lines after the last entry."""
    tail = ""
    while body and body[-1][0] is None:
        tail = body.pop()[1].as_string() + tail
    if body and isinstance(body[-1][1], Table):
        tail = _take_tail(_body(body[-1][1])) + tail
    return tail


def line_of(text: str, path: KeyPath) -> int | None:
    """Return the line (from 1) of a key, or of the nearest table that holds it.

    A dotted name is found quoted (one key) and bare (nested ones) alike.
    """
    try:
        document = tomlkit.parse(text)
    except (TOMLKitError, RecursionError):
        return None
    while path:
        nested = tuple(".".join(path).split("."))
        for item in [*_found(document, path), *_found(document, nested)]:
            item.trivia.indent += _MARK
            return document.as_string().partition(_MARK)[0].count("\n") + 1
        path = path[:-1]
    return None


def _found(table: Any, path: KeyPath) -> Iterator[Item]:
    """Yield what stands under a key: of a table without a header, its first entry."""
    for item in _items(table, path[0]):
        if path[1:]:
            if isinstance(item, AbstractTable):
                yield from _found(item, path[1:])
            continue
        shown = item
        while _is_headless(shown):
            shown = next(one for key, one in _body(shown) if key is not None)
        yield shown.body[0] if isinstance(shown, AoT) else shown
