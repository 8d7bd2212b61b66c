"""Profiles: choosing, making, changing, trying and removing them."""

from chronotui.ui.profiles.screen import ProfilesScreen

__all__ = ["ProfilesScreen"]
