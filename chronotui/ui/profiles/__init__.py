"""Choosing another profile."""

from chronotui.ui.profiles.screen import ProfilesScreen

__all__ = ["ProfilesScreen"]
