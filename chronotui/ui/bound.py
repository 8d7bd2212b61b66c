"""Every class with keys: what the help lists and what ``[keys]`` may name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chronotui.ui.keymap import Action, actions_of, own_bindings

if TYPE_CHECKING:
    from textual.dom import DOMNode


def desk_classes() -> list[type[DOMNode]]:
    """Return the app and what stands on its desk."""
    from chronotui.ui.app import DeskApp
    from chronotui.ui.desk.details_pane import DetailsPane
    from chronotui.ui.desk.screen import DeskScreen
    from chronotui.ui.job_tree import BOUND
    from chronotui.ui.log_view import LogPane, LogView

    return [DeskApp, DeskScreen, *BOUND, LogView, LogPane, DetailsPane]


def dialog_classes() -> list[type[DOMNode]]:
    """Return what opens over the desk, and the fields in it."""
    from chronotui.ui.help import HelpScreen
    from chronotui.ui.log_view.json_sheet import JsonSheet
    from chronotui.ui.log_view.line_screen import LineScreen
    from chronotui.ui.log_view.prompt import PromptInput
    from chronotui.ui.log_view.sheet import TextSheet
    from chronotui.ui.profiles.form import ProfileForm
    from chronotui.ui.profiles.remove_screen import RemoveScreen
    from chronotui.ui.profiles.screen import ProfilesScreen
    from chronotui.ui.save import (
        LeaveScreen,
        SaveDialog,
        SaveScreen,
        SavesScreen,
        StopScreen,
    )
    from chronotui.ui.save.choices import Choices
    from chronotui.ui.save.path_input import PathInput
    from chronotui.ui.server_search import ServerSearchScreen
    from chronotui.ui.sign_in import SecretDialog

    fields: list[type[DOMNode]] = [
        PromptInput,
        TextSheet,
        JsonSheet,
        Choices,
        PathInput,
    ]
    saving: list[type[DOMNode]] = [SaveDialog, SaveScreen, SavesScreen]
    saving += [LeaveScreen, StopScreen]
    profiles: list[type[DOMNode]] = [ProfilesScreen, ProfileForm, RemoveScreen]
    others: list[type[DOMNode]] = [
        LineScreen,
        ServerSearchScreen,
        SecretDialog,
        HelpScreen,
    ]
    return [*others, *fields, *saving, *profiles]


def desk_actions() -> list[Action]:
    """Return the actions of the desk, without those of its dialogs."""
    return actions_of(*(own_bindings(each) for each in desk_classes()))


def all_actions() -> list[Action]:
    """Return every action a key can be put on."""
    classes = [*desk_classes(), *dialog_classes()]
    return actions_of(*(own_bindings(each) for each in classes))
