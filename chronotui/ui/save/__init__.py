"""The save dialog, the list of saves and what follows a save."""

from chronotui.ui.save.dialog import SaveDialog
from chronotui.ui.save.flow import ask_and_save, show_save, show_saves
from chronotui.ui.save.leave_screen import LeaveScreen, StopScreen
from chronotui.ui.save.save_screen import SaveScreen
from chronotui.ui.save.saves_screen import SavesScreen
from chronotui.ui.save.subject import SaveSubject

__all__ = [
    "LeaveScreen",
    "SaveDialog",
    "SaveScreen",
    "SaveSubject",
    "SavesScreen",
    "StopScreen",
    "ask_and_save",
    "show_save",
    "show_saves",
]
