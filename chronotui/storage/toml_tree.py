"""A TOML text changed, and its keys found, with everything else left as it is.

tomlkit gives the text as a tree that prints itself back, comments and layout included.
Comments above a table belong to it, though the tree has them at the end of what stands
before. Import it where it is needed: no start should load tomlkit.
"""

from __future__ import annotations

import io
import itertools
import tomllib
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import tomli_w
import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import AbstractTable, AoT, InlineTable, Item, Key, Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tomlkit.container import Container

    from chronotui.storage.settings import KeyPath

    Document: TypeAlias = dict[str, Any]
    Body: TypeAlias = list[tuple[Key | None, Item]]

_MARK: Final = "\0"
"""What is looked for in a printed tree: no TOML holds it."""


def changed_text(text: str, wanted: Document) -> str | None:
    """Return the text changed to say exactly what is wanted, as little as can be.

    A new table goes after its like, or else to the end of the text. A text without
    comments may be written anew. None stands for a layout that does not allow the
    change.
    """
    changes = list(_differences(tomllib.loads(text), wanted, ()))
    plain = [change for change in changes if not isinstance(change[1], dict)]
    for some in (changes, plain):
        changed = _with_tables(_applied(text, some), wanted)
        if _loads_or_none(changed) == wanted:
            return changed
    return None if "#" in text else tomli_w.dumps(wanted)


def _differences(
    old: Document, new: Document, path: KeyPath
) -> Iterator[tuple[KeyPath, object]]:
    """Yield what was set or removed (None), the smallest parts that differ."""
    for name in old.keys() - new.keys():
        yield (*path, name), None
    for name, value in new.items():
        before = old.get(name)
        if isinstance(value, dict) and isinstance(before, dict):
            yield from _differences(before, value, (*path, name))
        elif before != value or type(before) is not type(value):
            yield (*path, name), value


def _loads_or_none(text: str) -> Document | None:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return None


def _with_tables(text: str, wanted: Document) -> str:
    """Put the tables that are missing at the end, where a header is always allowed."""
    found = _loads_or_none(text)
    missing = _differences(found, wanted, ()) if found is not None else ()
    for path, value in missing:
        if isinstance(value, dict):
            table = value
            for name in reversed(path):
                table = {name: table}
            text += "\n" * bool(text) + tomli_w.dumps(table)
    return text


def _applied(text: str, changes: Iterable[tuple[KeyPath, object]]) -> str:
    """Return a text with entries set or removed (None), as far as the tree allows."""
    text += "\n" * (text != "" and not text.endswith("\n"))
    try:
        document = tomlkit.parse(text)
        for path, value in changes:
            _apply(document, path, value)
    except TOMLKitError:
        return text
    return document.as_string()


def _apply(document: Container, path: KeyPath, value: object) -> None:
    """Set or remove one entry, in the part of its table that suits it best."""
    *parents, name = path
    parts: list[Any] = [document]
    headed, dotted = parts, parts[1:]
    for parent in parents:
        entries = [entry for part in parts for entry in _entries(part, parent)]
        parts = [item for _, item in entries]
        headed = [item for key, item in entries if not key.is_dotted()]
        dotted = [item for key, item in entries if key.is_dotted()]
    holders = [part for part in parts if name in part]
    if value is None:
        for part in holders:
            _remove(part, name)
    elif isinstance(value, dict) and not holders:
        # Among dotted keys it would take in the keys after it.
        for part in headed[-1:]:
            _add_table(part, name, value, is_top=not parents)
    else:
        own = [part for part in headed if not _is_headless(part)]
        fitting = [*holders, *own, *dotted, *headed]
        _set(fitting[0], name, value, is_top=not parents)


def _body(table: Any) -> Body:
    """Return the entries of a document or a table: what it prints, in order."""
    body: Body = (table.value if isinstance(table, AbstractTable) else table).body
    return body


def _entries(table: Any, name: str) -> list[tuple[Key, Item]]:
    return [
        (key, item) for key, item in _body(table) if key is not None and key.key == name
    ]


def _is_headless(table: Any) -> bool:
    """Whether a table is only there for those within it."""
    return isinstance(table, Table) and table.is_super_table()


def _remove(table: Any, name: str) -> None:
    if isinstance(table, InlineTable):
        del table[name]
        return
    body = _body(table)
    for place, (key, item) in enumerate(body):
        if key is not None and key.key == name:
            *inner, tail = _spaces(item)
            kept = [space for space in inner if "#" in space]
            body[place] = (None, tomlkit.ws("".join([*kept, tail])))


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
    places = [at + 1 for at, (key, one) in enumerate(body) if _is_plain(key, one)]
    at = places[-1] if places else 0
    after = "\n" if is_top and body and not places else ""
    body[at:at] = [(tomlkit.key(name), item), (None, tomlkit.ws(after))]


def _is_plain(key: Key | None, item: Item) -> bool:
    return key is not None and (key.is_dotted() or not isinstance(item, Table))


def _add_table(parent: Any, name: str, value: Document, *, is_top: bool) -> None:
    if isinstance(parent, InlineTable):
        parent[name] = value
        return
    body = _body(parent)
    own, tail = ("", "") if is_top else _parted(_take_tail(body))
    item = tomlkit.item(value)
    item.trivia.indent = "\n" if body or not is_top else ""
    body += [
        (None, tomlkit.ws(own)),
        (tomlkit.key(name), item),
        (None, tomlkit.ws(tail)),
    ]


def _parted(tail: str) -> tuple[str, str]:
    """Part the comments directly after an entry, which are its own, from the rest."""
    lines = list(io.StringIO(tail, newline="\n"))
    own = list(itertools.takewhile(str.strip, lines))
    return "".join(own), "".join(lines[len(own) :])


def _take_tail(body: Body) -> str:
    """Take off and return the comments and empty lines after the last entry."""
    tail = ""
    while body and body[-1][0] is None:
        tail = body.pop()[1].as_string() + tail
    if body and isinstance(body[-1][1], Table):
        tail = _take_tail(_body(body[-1][1])) + tail
    return tail


def _spaces(item: Item) -> list[str]:
    """Return the comments and empty lines between the entries of a table, in order."""
    spaces = [""]
    for key, one in _body(item) if isinstance(item, Table) else ():
        if key is None:
            spaces[-1] += one.as_string()
        else:
            first, *others = _spaces(one)
            spaces += [first, *others]
    return spaces


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
    for _, item in _entries(table, path[0]):
        if path[1:]:
            if isinstance(item, AbstractTable):
                yield from _found(item, path[1:])
            continue
        shown = item
        while _is_headless(shown):
            shown = next(one for key, one in _body(shown) if key is not None)
        yield shown.body[0] if isinstance(shown, AoT) else shown
