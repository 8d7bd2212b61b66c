"""Changing `config.toml` without taking away what somebody else wrote there.

A change is made to plain values, and only the entries that differ are touched in the
text, which keeps its comments and layout.
"""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any, TypeAlias

from msgspec import Struct

from chronotui.errors import ConfigError, PathRefusedError
from chronotui.storage.config import parse_config
from chronotui.storage.files import write_private

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

Document: TypeAlias = dict[str, Any]


class Edit(Struct, frozen=True):
    """A changed configuration that has not been written yet; ``before`` is the old."""

    path: Path
    text: str
    before: str

    def write(self) -> None:
        """Write it, mode 0600.

        Raises:
            PathRefusedError: It cannot be written, or is not what it was when the
                change was made; the file stands as it is.
        """
        if _read(self.path) != self.before:
            raise PathRefusedError(
                f"{self.path} was not written: it was changed meanwhile.",
                next_step="Try again.",
            )
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
    from chronotui.storage.toml_tree import changed_text

    text = _read(path)
    parse_config(text, path)
    wanted = tomllib.loads(text)
    change(wanted)
    changed = changed_text(text, wanted)
    if changed is None:
        raise ConfigError(
            f"The layout of {path} does not allow this change.",
            next_step="Change it by hand.",
        )
    parse_config(changed, path)
    return Edit(path, changed, text)


def _read(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError):
        raise ConfigError(f"{path} cannot be read as text.") from None
