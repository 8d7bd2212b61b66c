"""How one setting is declared: its check and its default, in one place.

A settings class is a frozen dataclass whose fields are made by `setting` and
`required`; `read_table` turns a TOML table into the arguments of such a class and
refuses what the class does not declare.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from chronotui.errors import ConfigError
from chronotui.storage.bad_value import BadValueError
from chronotui.storage.secret import Secret

if TYPE_CHECKING:
    from chronotui.storage.toml_lines import KeyPath

Value = TypeVar("Value")
Reader = Callable[[object, Path], Value]


class Source:
    """The file a table came from, to name file and line in an error.

    Lines are looked for when an error is made, which is seldom.
    """

    __slots__ = ("_text", "path")

    def __init__(self, path: Path, text: str) -> None:
        self.path = path
        self._text = text

    def error(self, key: KeyPath, sentence: str) -> ConfigError:
        """Return the error that names file, line and key."""
        from chronotui.storage.toml_lines import scan

        line = scan(self._text).line_of(key)
        place = f"{self.path}:{line}" if line else str(self.path)
        return ConfigError(
            f"{place}: {'.'.join(key)} {sentence}",
            next_step="Correct the file and start again.",
        )


def setting(read: Reader[Value], default: Value) -> Value:
    """Declare an optional key."""
    made: Value = field(default=default, metadata={"read": read})
    return made


def required(read: Reader[Value]) -> Value:
    """Declare a key that must stand in its table."""
    made: Value = field(metadata={"read": read})
    return made


def read_table(
    settings: type,
    table: object,
    key: KeyPath,
    source: Source,
    *,
    also: tuple[str, ...] = (),
) -> dict[str, Any]:
    """Check a table against a settings class and return its arguments.

    ``also`` are keys of the table that are read elsewhere: named as known ones.

    Raises:
        ConfigError: An unknown key, a wrong type, a bad value, a missing key.
    """
    readers = {
        one.name: one
        for one in fields(settings)
        if one.metadata.get("read") is not None
    }
    values: dict[str, Any] = {}
    for name, value in as_table(table, key, source).items():
        if name not in readers:
            raise unknown_key((*key, name), [*readers, *also], source)
        read: Reader[Any] = readers[name].metadata["read"]
        try:
            values[name] = read(value, source.path.parent)
        except BadValueError as error:
            raise source.error((*key, name), str(error)) from None
    for name, one in readers.items():
        if one.default is MISSING and name not in values:
            raise source.error((*key, name), "is missing.")
    return values


def as_table(value: object, key: KeyPath, source: Source) -> Mapping[str, object]:
    """Return a table as it is; anything else is refused."""
    if isinstance(value, dict):
        return value
    raise source.error(key, f"must be a table, not {shown(value)}.")


def unknown_key(key: KeyPath, known: Iterable[str], source: Source) -> ConfigError:
    """Return the error for a key nobody declared, with the nearest known one."""
    from difflib import get_close_matches

    nearest = get_close_matches(key[-1], list(known), n=1, cutoff=0.0)
    near = f"the nearest known key is {nearest[0]!r}." if nearest else "none is known."
    return source.error(key, f"is not a known key; {near}")


def shown(value: object) -> str:
    """Name a value in an error, short; tables and lists by kind only."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, str):
        return repr(value if len(value) <= 40 else f"{value[:39]}…")
    return {"dict": "a table", "list": "a list"}.get(type(value).__name__, "a date")


def text(value: object, _folder: Path) -> str:
    """Read a text."""
    if isinstance(value, str):
        return value
    raise BadValueError(f"must be a text in quotes, not {shown(value)}.")


def filled_text(value: object, folder: Path) -> str:
    """Read a text that says something."""
    read = text(value, folder).strip()
    if read:
        return read
    raise BadValueError("must not be empty.")


def secret(value: object, _folder: Path) -> Secret:
    """Read a secret; an error never repeats it."""
    if isinstance(value, str) and value:
        return Secret(value)
    raise BadValueError("must be a text in quotes that is not empty.")


def boolean(value: object, _folder: Path) -> bool:
    """Read true or false."""
    if isinstance(value, bool):
        return value
    raise BadValueError(f"must be true or false, not {shown(value)}.")


def one_of(*words: str) -> Reader[str]:
    """Read one of a few words."""

    def read(value: object, _folder: Path) -> str:
        if isinstance(value, str) and value in words:
            return value
        takes = ", ".join(f"{word!r}" for word in words)
        raise BadValueError(f"must be one of {takes}, not {shown(value)}.")

    return read


def number(least: float, most: float) -> Reader[float]:
    """Read a number within a range, both ends included."""

    def read(value: object, _folder: Path) -> float:
        is_flag = isinstance(value, bool)
        if isinstance(value, int | float) and not is_flag and least <= value <= most:
            return float(value)
        takes = f"must be a number from {least:g} to {most:g}"
        raise BadValueError(f"{takes}, not {shown(value)}.")

    return read


def whole_number(least: int, most: int) -> Reader[int]:
    """Read a whole number within a range, both ends included."""

    def read(value: object, _folder: Path) -> int:
        is_flag = isinstance(value, bool)
        if isinstance(value, int) and not is_flag and least <= value <= most:
            return value
        takes = f"must be a whole number from {least} to {most}"
        raise BadValueError(f"{takes}, not {shown(value)}.")

    return read


def path(value: object, folder: Path) -> Path | None:
    """Read a path; ``~`` is the home folder, "" is none.

    A relative one starts at the folder of the configuration file.
    """
    if not isinstance(value, str):
        raise BadValueError(f"must be a path in quotes, not {shown(value)}.")
    if "\0" in value:
        raise BadValueError("must not contain a NUL character.")
    if not value:
        return None
    try:
        return folder / Path(value).expanduser()
    except RuntimeError:
        raise BadValueError(
            f"names a home folder nobody has: {shown(value)}."
        ) from None
