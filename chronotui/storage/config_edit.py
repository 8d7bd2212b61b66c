"""Changing `config.toml` without taking away what somebody else wrote there.

A change is made to the text where it stands, so comments and order survive. Where
the file's layout does not allow that, the whole text is written anew, which the
caller is told before anything is written.
"""

from __future__ import annotations

import copy
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from chronotui.errors import ConfigError, PathRefusedError
from chronotui.storage.config import parse_config, scan
from chronotui.storage.files import write_private

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from chronotui.storage.config import KeyPath, Layout

_GONE: Final = object()
Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Edit:
    """A changed configuration that has not been written yet.

    Attributes:
        path: The file.
        text: Its new text.
        loses_comments: Whether comments of the old text are not in the new one.
    """

    path: Path
    text: str
    loses_comments: bool

    def write(self) -> None:
        """Write it, mode 0600.

        Raises:
            PathRefusedError: It cannot be written; the old file stands.
        """
        try:
            write_private(self.path, self.text.encode())
        except OSError as error:
            why = error.strerror or "it cannot be written"
            raise PathRefusedError(f"{self.path} was not written: {why}.") from None


def edit_config(path: Path, change: Callable[[Document], None]) -> Edit:
    """Prepare a change of the configuration; nothing is written.

    Args:
        path: The file; one that does not exist is empty.
        change: Alters the document, as tables of plain values, in place.

    Raises:
        ConfigError: The file is wrong as it is, or would be after the change.
    """
    text = _read(path)
    parse_config(text, path)
    old = _loads(text)
    new = copy.deepcopy(old)
    change(new)
    changed = _changed(text, old, new)
    kept = _loads_or_none(changed) == new
    if not kept:
        import tomli_w

        changed = tomli_w.dumps(new)
    parse_config(changed, path)
    return Edit(path, changed, loses_comments=not kept and "#" in text)


def _read(path: Path) -> str:
    try:
        return path.read_bytes().decode()
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError):
        raise ConfigError(f"{path} cannot be read as text.") from None


def _changed(text: str, old: Document, new: Document) -> str:
    for path, value in list(_differences(old, new, ())):
        layout = scan(text)
        if value is _GONE:
            text = _without(text, layout, path)
        elif path in layout.spans:
            start, end = layout.spans[path]
            text = text[:start] + _toml_value(value) + text[end:]
        else:
            text = _with_new(text, layout, path, value)
        if _loads_or_none(text) is None:
            break
    return text


def _differences(
    old: Document, new: Document, path: KeyPath
) -> Iterator[tuple[KeyPath, object]]:
    """Yield what was set or removed, the smallest parts that differ."""
    for name in old.keys() - new.keys():
        yield (*path, name), _GONE
    for name, value in new.items():
        before = old.get(name, _GONE)
        if isinstance(value, dict) and isinstance(before, dict):
            yield from _differences(before, value, (*path, name))
        elif before != value or type(before) is not type(value):
            yield (*path, name), value


def _without(text: str, layout: Layout, path: KeyPath) -> str:
    """Take out a key with its line, or a table with all its headers."""
    lines = _lines(text)
    if path in layout.spans:
        start, end = layout.spans[path]
        first = text.count("\n", 0, start)
        del lines[first : text.count("\n", 0, end) + 1]
        return "".join(lines)
    for first, last in reversed(_blocks(text, layout, path)):
        del lines[first:last]
    return "".join(lines)


def _with_new(text: str, layout: Layout, path: KeyPath, value: object) -> str:
    """Put in a key or a table that was not there."""
    lines = _lines(text)
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += "\n"
    if isinstance(value, dict):
        blocks = _blocks(text, layout, path[:-1]) if len(path) > 2 else []
        at = blocks[-1][1] if blocks else len(lines)
        table = _toml_table(path, value)
        lines.insert(at, f"\n{table}" if at else table)
        return "".join(lines)
    own = [header.line for header in layout.headers if header.path == path[:-1]]
    at = own[0] if own else 0
    after = "\n" if not own and lines else ""
    lines.insert(at, f"{_toml_key(path[-1])} = {_toml_value(value)}\n{after}")
    return "".join(lines)


def _blocks(text: str, layout: Layout, path: KeyPath) -> list[tuple[int, int]]:
    """Return the line ranges of a table: each header of it to its last own line.

    Comments and empty lines before the next header belong to what follows.
    """
    lines = _lines(text)
    starts = [header.line - 1 for header in layout.headers]
    blocks = []
    for index, header in enumerate(layout.headers):
        if header.path[: len(path)] != path:
            continue
        end = starts[index + 1] if index + 1 < len(starts) else len(lines)
        while end > header.line and not lines[end - 1].split("#")[0].strip():
            end -= 1
        blocks.append((header.line - 1, end))
    return blocks


def _lines(text: str) -> list[str]:
    """Split at line feeds alone, as TOML counts lines; they stay."""
    return list(io.StringIO(text, newline="\n"))


def _toml_key(name: str) -> str:
    return _toml_line(name, 0).partition(" = ")[0]


def _toml_value(value: object) -> str:
    return _toml_line("key", value).partition(" = ")[2]


def _toml_line(name: str, value: object) -> str:
    import tomli_w

    return tomli_w.dumps({name: value}).rstrip("\n")


def _toml_table(path: KeyPath, table: Document) -> str:
    import tomli_w

    for name in reversed(path):
        table = {name: table}
    return tomli_w.dumps(table)


def _loads(text: str) -> Document:
    import tomllib

    return tomllib.loads(text)


def _loads_or_none(text: str) -> Document | None:
    import tomllib

    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return None
