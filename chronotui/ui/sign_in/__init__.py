"""Asking for a secret over whatever is on the screen."""

from chronotui.ui.sign_in.ask import ask_in_dialog
from chronotui.ui.sign_in.dialog import SecretDialog

__all__ = ["SecretDialog", "ask_in_dialog"]
