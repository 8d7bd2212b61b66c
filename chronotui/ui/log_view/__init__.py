"""The log view: one widget for live, retained and any other lines."""

from chronotui.ui.log_view.open_log import OpenLog
from chronotui.ui.log_view.pane import LogPane
from chronotui.ui.log_view.settings import Timestamps, ViewSettings
from chronotui.ui.log_view.view import LogView

__all__ = ["LogPane", "LogView", "OpenLog", "Timestamps", "ViewSettings"]
