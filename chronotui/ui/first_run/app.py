"""The form alone on the screen, before there is any desk to show it over."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.app import App
from textual.binding import Binding, BindingType

from chronotui.ui.profiles.form import ProfileForm

if TYPE_CHECKING:
    from pathlib import Path


class FirstRunApp(App[str]):
    """Returns the new profile's name, DEMO, or None when the form is left."""

    TITLE = "chronotui"
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+c,ctrl+q", "leave", "quit", show=False, priority=True),
    ]

    def __init__(self, config_path: Path) -> None:
        super().__init__()
        self._config_path = config_path
        self.animation_level = "none"

    def on_mount(self) -> None:
        """Show the form."""
        self.push_screen(ProfileForm(self._config_path, first=True), self._done)

    def action_leave(self) -> None:
        """Leave without a profile."""
        self.exit(None)

    def _done(self, answer: str | None) -> None:
        self.exit(answer)


def run_first_run(config_path: Path) -> str | None:
    """Show the form; returns a profile's name, DEMO, or None when it was left."""
    return FirstRunApp(config_path).run()
