"""The log view: one widget for live, retained and any other lines.

Each name is loaded when it is first asked for: the desk paints its first frame
without the log view, and settings and messages come without the widgets.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from chronotui.ui.log_view.open_log import OpenLog
    from chronotui.ui.log_view.pane import LogPane
    from chronotui.ui.log_view.settings import Timestamps, ViewSettings
    from chronotui.ui.log_view.view import LogView

__all__ = ["LogPane", "LogView", "OpenLog", "Timestamps", "ViewSettings"]

_HOMES: Final = {
    "LogPane": "pane",
    "LogView": "view",
    "OpenLog": "open_log",
    "Timestamps": "settings",
    "ViewSettings": "settings",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
