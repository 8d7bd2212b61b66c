"""The log view whole: a window, its keys and its mouse."""

from __future__ import annotations

from typing import ClassVar

from chronotui.ui.log_view import messages
from chronotui.ui.log_view.filtering import Filtering
from chronotui.ui.log_view.finding import Finding
from chronotui.ui.log_view.going import Going
from chronotui.ui.log_view.look import COMPONENTS, LOOK_CSS
from chronotui.ui.log_view.mouse import Mouse
from chronotui.ui.log_view.picking import Picking
from chronotui.ui.log_view.showing import Showing


class LogView(Filtering, Going, Finding, Picking, Showing, Mouse):
    """Shows an opened log; knows its rows and nothing of where they come from.

    Call `show` with an `OpenLog`, and `log_changed` when its store changed.
    """

    DEFAULT_CSS = LOOK_CSS
    COMPONENT_CLASSES: ClassVar[set[str]] = set(COMPONENTS)

    EdgeReached = messages.EdgeReached
    LineOpened = messages.LineOpened
    OlderErrorWanted = messages.OlderErrorWanted
    OlderWanted = messages.OlderWanted
    PlaceChanged = messages.PlaceChanged
    Said = messages.Said
    SettingsChanged = messages.SettingsChanged
    ServerSearchWanted = messages.ServerSearchWanted
    WholeLogWanted = messages.WholeLogWanted
