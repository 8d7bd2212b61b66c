"""What is remembered between runs: how lines are shown, where logs were saved."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from chronotui.storage.private_file import write_private
from chronotui.storage.settings import TIMESTAMPS, ZONES

if TYPE_CHECKING:
    from collections.abc import Callable

FILE_NAME: Final = "state.json"


@dataclass(frozen=True, slots=True)
class Remembered:
    """The choices last made under one profile; None where none was made."""

    wrap: bool | None = None
    timestamps: str | None = None
    zone: str | None = None
    save_dir: Path | None = None


class StateFile:
    """The file of remembered choices, one entry a profile, mode 0600.

    A file that cannot be read is as good as none: ``problem`` says so in a sentence,
    and the next thing remembered replaces it.

    Attributes:
        path: The file.
        problem: Why what was remembered is not there, or was not written; "" else.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE_NAME
        self.problem = ""

    def read(self, profile: str) -> Remembered:
        """Return what is remembered for a profile; words of no meaning are left out."""
        return _remembered(self._profiles().get(profile))

    def remember(self, profile: str, choices: Remembered) -> None:
        """Add the choices that were made to what the file holds by now."""
        profiles = self._profiles()
        profiles[profile] = {
            **_entry(_remembered(profiles.get(profile))),
            **_entry(choices),
        }
        content = json.dumps({"profiles": profiles}, ensure_ascii=False, indent=1)
        try:
            write_private(self.path, content.encode(errors="surrogateescape"))
        except OSError as error:
            why = error.strerror or "it cannot be written"
            self.problem = f"{self.path} was not written: {why}."

    def _profiles(self) -> dict[str, Any]:
        try:
            text = self.path.read_bytes().decode(errors="surrogateescape")
            profiles = json.loads(text)["profiles"]
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            self.problem = f"{self.path} cannot be read; what it remembered is lost."
            return {}
        if isinstance(profiles, dict):
            return profiles
        self.problem = f"{self.path} cannot be read; what it remembered is lost."
        return {}


def _remembered(entry: object) -> Remembered:
    if not isinstance(entry, dict):
        return Remembered()
    known: dict[str, Callable[[object], bool]] = {
        "wrap": lambda value: isinstance(value, bool),
        "timestamps": lambda value: value in TIMESTAMPS,
        "zone": lambda value: value in ZONES,
        "save_dir": lambda value: isinstance(value, str) and value != "",
    }
    kept = {name: entry[name] for name, fits in known.items() if fits(entry.get(name))}
    if "save_dir" in kept:
        kept["save_dir"] = Path(kept["save_dir"])
    return Remembered(**kept)


def _entry(choices: Remembered) -> dict[str, object]:
    made = {one.name: getattr(choices, one.name) for one in fields(choices)}
    return {
        name: str(value) if isinstance(value, Path) else value
        for name, value in made.items()
        if value is not None
    }
