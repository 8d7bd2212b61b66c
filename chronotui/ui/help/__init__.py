"""Help that is read from the bindings."""

from chronotui.ui.help.screen import HelpScreen

__all__ = ["HelpScreen"]
