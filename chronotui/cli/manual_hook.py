"""Puts the manual page into a wheel, where pip and pipx install it from.

Hatchling runs it when the program is built; it is in no wheel itself.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class ManualPage(BuildHookInterface[Any]):  # type: ignore[misc]
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002
        sys.path.insert(0, self.root)
        from chronotui.cli.manual import manual

        self._folder = tempfile.TemporaryDirectory(prefix="chronotui-manual-")
        page = Path(self._folder.name) / "chronotui.1"
        page.write_text(manual())
        build_data["shared_data"][str(page)] = "share/man/man1/chronotui.1"

    def finalize(self, *_built: object) -> None:
        self._folder.cleanup()
