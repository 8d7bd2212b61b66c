"""The log view: one widget for live, retained and any other lines.

The desk paints its first frame without it: settings and messages come without the
widgets.
"""

from typing import TYPE_CHECKING

from chronotui.core.lazy_names import names_from

if TYPE_CHECKING:
    from chronotui.ui.log_view.open_log import OpenLog
    from chronotui.ui.log_view.pane import LogPane
    from chronotui.ui.log_view.settings import Timestamps, ViewSettings
    from chronotui.ui.log_view.view import LogView

__all__ = ["LogPane", "LogView", "OpenLog", "Timestamps", "ViewSettings"]

__getattr__ = names_from(
    __name__,
    {
        "LogPane": "pane",
        "LogView": "view",
        "OpenLog": "open_log",
        "Timestamps": "settings",
        "ViewSettings": "settings",
    },
)
