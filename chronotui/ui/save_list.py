"""Saves that run or are over: one of them, the list, stopping and leaving them."""

from __future__ import annotations

import asyncio
import os
import shlex
import subprocess
from enum import Enum
from typing import TYPE_CHECKING, Any, ClassVar, Final

from textual.app import SuspendNotSupported
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from chronotui.engine.save_request import suggest
from chronotui.errors import ChronotuiError
from chronotui.log.formats import SAVE_FORMATS
from chronotui.text import clean, plural
from chronotui.ui.dialogs import ANSWER_MOVES, LIST_MOVES, Dialog, Question
from chronotui.ui.save import SaveDialog, amounts, bar, outcome, path_of, share, sign
from chronotui.ui.term import clipboard

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from textual.app import App, ComposeResult

    from chronotui.engine.save import Save, Saves
    from chronotui.engine.save_request import SaveRequest
    from chronotui.ui.save import SaveSubject


def open_in_pager(app: App[Any], path: Path) -> str:
    """Show a file in ``$PAGER`` (``less`` without one), the desk suspended meanwhile.

    Returns:
        A sentence if that did not work, else "".
    """
    words = os.environ.get("PAGER") or "less"
    try:
        command = [*shlex.split(words), str(path)]
        with app.suspend():
            done = subprocess.run(command, check=False)  # noqa: S603 - the user's own
    except SuspendNotSupported:
        return "This terminal cannot leave the desk for a pager."
    except (OSError, ValueError):
        return f"$PAGER cannot be started: {clean(words)}."
    if done.returncode:
        return f"The pager ended with {done.returncode}: {clean(words)}."
    return ""


MOST_NAMED: Final = 5
REFRESH_SECONDS: Final = 0.25
NONE_YET: Final = "Nothing was saved yet: s saves the log of the opened job."


class LeaveScreen(Question[bool]):
    """Answers whether the desk is left; recordings are kept, other saves cancelled."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,n,q", "answer(0)", "stay", id="leave.stay"),
        Binding("y", "answer(1)", "leave", id="leave.leave"),
        *ANSWER_MOVES,
    ]

    def __init__(self, running: Sequence[Save]) -> None:
        recordings = [save for save in running if save.is_recording]
        others = [save for save in running if not save.is_recording]
        words: list[str] = []
        if recordings:
            words += _listed(
                recordings,
                "1 recording is not finished. It is kept as .part; saving the same "
                "log to that name goes on with it:",
                f"{len(recordings)} recordings are not finished. They are kept as "
                ".part; saving the same log to that name goes on with each:",
            )
        if others or not running:
            words += _listed(
                others,
                "1 save is not finished and would be cancelled:",
                f"{len(others)} saves are not finished and would be cancelled:",
            )
        leave = "Leave (y)" if recordings and not others else "Cancel and leave (y)"
        answers = ((False, "Stay (n)"), (True, leave))
        super().__init__("Leave the desk?", words, answers)


def _listed(saves: Sequence[Save], one: str, several: str) -> Iterator[str]:
    yield one if len(saves) == 1 else several
    rows = [
        f"● {path_of(save)}  {amounts(save.progress)}" for save in saves[:MOST_NAMED]
    ]
    if len(saves) > MOST_NAMED:
        rows.append(f"  and {len(saves) - MOST_NAMED} more")
    yield "\n".join(rows)


class Stop(Enum):
    """What becomes of a recording that somebody wanted to cancel."""

    GO_ON = "go on"
    KEEP = "keep"
    DELETE = "delete"


class StopScreen(Question[Stop]):
    """Answers whether a recording is stopped, and whether what it has is kept."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,n,q", "answer(0)", "go on recording", id="stop.go_on"),
        Binding("k", "answer(1)", "stop and keep", id="stop.keep"),
        Binding("y", "answer(2)", "stop and delete", id="stop.delete"),
        *ANSWER_MOVES,
    ]

    def __init__(self, save: Save) -> None:
        lines = plural(save.progress.lines, "line").replace(" ", " recorded ", 1)
        super().__init__(
            f"Stop and delete {lines}?",
            [
                path_of(save),
                "Kept as .part, saving the same log to that name goes on with it.",
            ],
            (
                (Stop.GO_ON, "Go on (n)"),
                (Stop.KEEP, "Stop and keep (k)"),
                (Stop.DELETE, "Delete (y)"),
            ),
        )


def ask_to_stop(app: App[object], save: Save) -> None:
    """Cancel a save; ask first where it is a recording that has lines."""
    if not save.is_recording or not save.progress.lines:
        save.cancel()
        return

    def answered(answer: Stop | None) -> None:
        if answer is Stop.KEEP:
            save.stop()
        elif answer is Stop.DELETE:
            save.cancel()

    app.push_screen(StopScreen(save), answered)


class SaveScreen(Dialog[bool]):
    """Shows one save until it is left; answers whether it is to be tried again.

    Args:
        save: A save that was started.
        title: The job's id as shown.
    """

    DEFAULT_CSS = """
    SaveScreen Static { height: auto; }
    SaveScreen #bar { color: $accent; }
    SaveScreen #keys { color: $text-muted; margin-top: 1; }
    SaveScreen.-failed Vertical { border: round $error; }
    SaveScreen.-failed #words { color: $text-error; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "cancel or close", id="save.leave"),
        Binding("enter,h,q", "hide", "go on behind", id="save.hide"),
        Binding("c,delete", "cancel", "cancel", id="save.cancel"),
        Binding("y", "copy", "copy the path", id="save.copy"),
        Binding("o", "open", "open in $PAGER", id="save.open"),
        Binding("r", "retry", "try again", id="save.retry"),
        Binding("k", "keep", "keep the part", id="save.keep"),
    ]

    def __init__(self, save: Save, title: str) -> None:
        super().__init__()
        self.save = save
        self._title = title
        self._said = ""

    def compose(self) -> ComposeResult:
        with Vertical() as box:
            of_log = self.save.request.content is None
            what = f"log of {self._title}" if of_log else self._title
            box.border_title = Content(f"Save {what}")
            for name in ("path", "phase", "amounts", "bar", "words", "said", "keys"):
                yield Static(id=name, markup=False)

    def on_mount(self) -> None:
        self._timer = self.set_interval(REFRESH_SECONDS, self._show)
        self._show()

    def on_resize(self) -> None:
        self._show()  # the bar has the width

    def _show(self) -> None:
        save = self.save
        now = save.progress
        if save.is_over and (save.result or save.error):
            self._timer.stop()
        self._tell("path", path_of(save))
        self._tell("phase", f"{sign(now)} {now.phase}")
        self._tell("amounts", f"  {amounts(now)}")
        width = self.query_one("#bar").container_size.width or 60
        self._tell("bar", "" if now.phase.is_over else bar(now, width))
        self._tell("words", outcome(save) or share(now))
        self._tell("said", self._said or clean(now.said))
        self._tell("keys", self._keys())
        self.set_class(save.error is not None, "-failed")

    def _tell(self, name: str, words: str) -> None:
        line = self.query_one(f"#{name}", Static)
        if str(line.content) != words:
            line.update(Content(words))
        line.display = bool(words)

    def _keys(self) -> str:
        save = self.save
        if save.result is not None:
            return "y copies the path · o opens it in $PAGER · esc closes"
        if save.error is None:
            if save.is_recording:
                return "esc lets it go on, W lists it · c stops it"
            return "esc cancels · enter lets it go on behind"
        if save.is_recording:
            return "r tries again · esc closes"
        kept = "k keeps the part, " if save.part is not None else ""
        drops = "esc drops it" if save.part is not None else "esc closes"
        return f"r tries again · {kept}{drops}"

    def action_leave(self) -> None:
        """Close what is over, let a recording go on, cancel what else runs."""
        if self.save.is_over:
            self.save.drop_part()
        elif not self.save.is_recording:
            self.save.cancel()
            return
        self.dismiss(False)

    def action_cancel(self) -> None:
        """Cancel what runs; a recording after asking."""
        if not self.save.is_over:
            ask_to_stop(self.app, self.save)

    def action_hide(self) -> None:
        """Leave it to go on; one that is over is closed."""
        if self.save.is_over:
            self.action_leave()
        else:
            self.dismiss(False)

    def action_copy(self) -> None:
        if self.save.result is not None:
            sent = clipboard.copy(self.app, str(self.save.result.path))
            self._say(f"The path was sent to {sent.to}.")

    def action_open(self) -> None:
        if self.save.result is not None:
            self._say(open_in_pager(self.app, self.save.result.path))

    def action_retry(self) -> None:
        """Try once more; the part of this try is dropped unless it was kept."""
        if self.save.error is not None:
            self.save.drop_part()
            self.dismiss(True)

    def action_keep(self) -> None:
        save = self.save
        if save.error is not None and save.part is not None and not save.is_recording:
            save.keep_part()
            self.dismiss(False)

    def _say(self, words: str) -> None:
        self._said = words
        self._show()


class SavesScreen(Dialog["Save | None"]):
    """Lists the saves, newest first; answers with the one to look at, or None."""

    DEFAULT_CSS = """
    SavesScreen > Vertical { width: 76; }
    SavesScreen OptionList {
        height: auto; max-height: 16; border: none; padding: 0;
        text-wrap: nowrap; text-overflow: ellipsis;
        background: $surface;
        &:focus { border: none; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "leave", "close", id="saves.close"),
        Binding("c,delete", "cancel", "cancel", id="saves.cancel"),
        *LIST_MOVES,
    ]

    def __init__(self, saves: Saves) -> None:
        super().__init__()
        self._saves = saves
        self._listed: tuple[Save, ...] = ()

    def compose(self) -> ComposeResult:
        with Vertical() as box:
            box.border_title = "Saves"
            box.border_subtitle = "enter looks · c cancels · esc closes"
            yield Static(NONE_YET, id="none", markup=False)
            yield OptionList(id="saves")

    def on_mount(self) -> None:
        self.set_interval(REFRESH_SECONDS, self._show)
        self._show()
        self.query_one(OptionList).focus()

    def _show(self) -> None:
        listed = self.query_one(OptionList)
        saves = self._saves.all[::-1]
        if saves != self._listed:
            place = listed.highlighted or 0
            listed.clear_options()
            listed.add_options([Option(self._row(save)) for save in saves])
            listed.highlighted = min(place, len(saves) - 1) if saves else None
            self._listed = saves
        for place, save in enumerate(saves):
            row = self._row(save)
            if listed.get_option_at_index(place).prompt != row:
                listed.replace_option_prompt_at_index(place, row)
        listed.display = bool(saves)
        self.query_one("#none").display = not saves

    def _row(self, save: Save) -> Content:
        now = save.progress
        return Content(f"{sign(now)} {path_of(save)}\n  {now.phase}  {amounts(now)}")

    def _chosen(self) -> Save | None:
        place = self.query_one(OptionList).highlighted
        return None if place is None else self._listed[place]

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.dismiss(self._chosen())

    def action_cancel(self) -> None:
        """Cancel the chosen save; a recording after asking."""
        save = self._chosen()
        if save is not None and not save.is_over:
            ask_to_stop(self.app, save)


# From the key to the saved file: asking, saving, showing, trying again.


async def ask_and_save(
    app: App[Any],
    saves: Saves,
    subject: SaveSubject,
    *,
    on_folder: Callable[[Path], None] = lambda _folder: None,
) -> Save | None:
    """Open the dialog, start what it answers, and show the save; run it as a worker.

    Args:
        app: The desk.
        saves: Its saves.
        subject: What can be saved.
        on_folder: Called with the folder saved to, to be remembered; not with one
            that failed.

    Returns:
        The save when its screen is left, over or not; None if there is none.
    """
    path = await asyncio.to_thread(
        suggest, subject.folder, subject.job.id, SAVE_FORMATS[0]
    )
    request = await app.push_screen_wait(SaveDialog(subject, path))
    return await save_and_show(app, saves, request, subject.title, on_folder)


async def save_and_show(
    app: App[Any],
    saves: Saves,
    request: SaveRequest | None,
    title: str,
    on_folder: Callable[[Path], None],
) -> Save | None:
    """Start what a dialog answered and show it, see `ask_and_save`."""
    if request is None:
        return None
    save = await _start(app, saves, request, title)
    if save is not None and save.error is None and request.path is not None:
        on_folder(request.path.parent)
    return save


async def _start(
    app: App[Any], saves: Saves, request: SaveRequest, title: str
) -> Save | None:
    try:
        save = saves.start(request)
    except ChronotuiError as refusal:
        app.notify(str(refusal), severity="warning", markup=False)
        return None
    return await _show(app, saves, save, title)


async def _show(app: App[Any], saves: Saves, save: Save, title: str) -> Save | None:
    """Return the save, or its next try, when its screen is left; None if refused."""
    if not await app.push_screen_wait(SaveScreen(save, title)):
        return save
    saves.forget(save)
    return await _start(app, saves, save.request, title)


async def show_saves(
    app: App[Any],
    saves: Saves,
    title_of: Callable[[Save], str] = lambda save: save.request.job_id,
) -> Save | None:
    """Open the list of saves, and the one chosen from it; run it as a worker.

    Args:
        app: The desk.
        saves: Its saves.
        title_of: Returns a save's job as the tree shows it.

    Returns:
        The one that was looked at, when it is left.
    """
    save = await app.push_screen_wait(SavesScreen(saves))
    return save and await _show(app, saves, save, title_of(save))
