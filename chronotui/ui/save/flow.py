"""From the key to the saved file: asking, saving, showing, trying again."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from chronotui.engine.saving import SaveFormat
from chronotui.engine.saving.paths import suggest
from chronotui.errors import ChronotuiError
from chronotui.ui.save.dialog import SaveDialog
from chronotui.ui.save.save_screen import Leaving, SaveScreen
from chronotui.ui.save.saves_screen import SavesScreen

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from textual.app import App

    from chronotui.engine.saving import Save, SaveRequest, Saves
    from chronotui.ui.save.subject import SaveSubject


async def ask_and_save(
    app: App[Any],
    saves: Saves,
    subject: SaveSubject,
    *,
    on_folder: Callable[[Path], None] = lambda _folder: None,
) -> Save | None:
    """Open the dialog, start what it answers, and show the save; run it as a worker.

    Returns:
        The save when its screen is left, over or not; None if there is none.

    Args:
        app: The desk.
        saves: Its saves.
        subject: What can be saved.
        on_folder: Called with the folder saved to, to be remembered; not with one
            that failed.
    """
    path = await asyncio.to_thread(
        suggest, subject.folder, subject.job.id, SaveFormat.TXT
    )
    request = await app.push_screen_wait(SaveDialog(subject, path))
    if request is None:
        return None
    save = await _save_and_show(app, saves, request, subject.title)
    if save is not None and save.error is None and request.path is not None:
        on_folder(request.path.parent)
    return save


async def _save_and_show(
    app: App[Any], saves: Saves, request: SaveRequest, title: str
) -> Save | None:
    """Return the save when its screen is left, None when it could not begin."""
    while True:
        try:
            save = saves.start(request)
        except ChronotuiError as refusal:
            app.notify(str(refusal), severity="warning", markup=False)
            return None
        left = await app.push_screen_wait(SaveScreen(save, title))
        if left is not Leaving.RETRY:
            return save
        saves.forget(save)


async def show_saves(
    app: App[Any],
    saves: Saves,
    title_of: Callable[[Save], str] = lambda save: save.request.job_id,
) -> Save | None:
    """Open the list of saves, and the one chosen from it; run it as a worker.

    Returns:
        The one that was looked at, when it is left.

    Args:
        app: The desk.
        saves: Its saves.
        title_of: Returns a save's job as the tree shows it.
    """
    save = await app.push_screen_wait(SavesScreen(saves))
    return save and await show_save(app, saves, save, title_of(save))


async def show_save(app: App[Any], saves: Saves, save: Save, title: str) -> Save | None:
    """Show one save again, for instance one that failed behind the log."""
    left = await app.push_screen_wait(SaveScreen(save, title))
    if left is Leaving.RETRY:
        saves.forget(save)
        return await _save_and_show(app, saves, replace(save.request), title)
    return save
