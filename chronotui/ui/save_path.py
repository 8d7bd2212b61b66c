"""Where a file is saved to: a path with completion, and what stands there."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, ClassVar, Final

from textual import on, work
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.suggester import Suggester
from textual.widgets import Input, Static

from chronotui.engine.save_request import completions, preview
from chronotui.storage.files import home_relative
from chronotui.text import clean
from chronotui.ui.dialogs import RadioRow, field_row
from chronotui.ui.keys import help_key

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from textual.app import ComposeResult
    from textual.binding import BindingType

    from chronotui.engine.save_request import PathPreview

MOST_NAMED: Final = 8
REPLACE: Final = ((False, "no, keep what is there"), (True, "yes"))


class PathSuggester(Suggester):
    """Offers the first completion of a path in grey."""

    def __init__(self, folder: Path) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self._folder = folder

    async def get_suggestion(self, value: str) -> str | None:
        if not value:
            return None
        found = await asyncio.to_thread(completions, value, self._folder)
        return found[0] if found and found[0] != value else None


class PathInput(Input):
    """Completes with Tab as far as the folder agrees, and tells what there is then.

    A second Tab moves on.

    Args:
        path: As shown at first.
        folder: Where relative paths begin.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        help_key("tab", "complete", "complete the path", "save.complete"),
    ]

    def __init__(self, path: str, folder: Path) -> None:
        super().__init__(
            path,
            suggester=PathSuggester(folder),
            compact=True,
            select_on_focus=False,
            id="path",
        )
        self._folder = folder
        self._told = ""

    class Several(Message):
        """Tab could go on with any of some paths."""

        def __init__(self, paths: list[str]) -> None:
            super().__init__()
            self.paths = paths

    def show_end(self) -> None:
        """Put the cursor behind the path and scroll to it: the name matters most."""
        self.cursor_position = 0
        self.cursor_position = len(self.value)

    async def action_complete(self) -> None:
        """Complete the path; where nothing more can be told, go to the next field."""
        typed = self.value
        if self.cursor_position == len(typed):
            found = await asyncio.to_thread(completions, typed, self._folder)
            longer = os.path.commonprefix(found)  # noqa: RUF071 - letter by letter
            if len(longer) > len(typed) and self.value == typed:
                self.value = longer
                self.cursor_position = len(longer)
                return
            if len(found) > 1 and self._told != typed:
                self._told = typed
                self.post_message(self.Several(found))
                return
        self.screen.focus_next()


class PathChoice(Vertical):
    """Asks for a path, says what saving to it would do, and whether to replace it.

    Args:
        path: The path filled in.
        folder: Where relative paths begin.
        own_folder: The configured folder, which may be made if it is missing.
        file_name: Returns the name a file gets in a folder that is typed alone.
        recorded_job: Returns the job whose unfinished recording would go on; "" where
            none would.
    """

    DEFAULT_CSS = """
    PathChoice { height: auto; }
    PathChoice #preview { padding-left: 9; color: $text-muted; }
    PathChoice #preview.-warning { color: $text-warning; }
    PathChoice #preview.-refused { color: $text-error; }
    """

    class Previewed(Message):
        def __init__(self, found: PathPreview) -> None:
            super().__init__()
            self.found = found

    def __init__(
        self,
        path: Path,
        folder: Path,
        *,
        own_folder: Path | None,
        file_name: Callable[[], str],
        recorded_job: Callable[[], str] = lambda: "",
    ) -> None:
        super().__init__()
        self._path = PathInput(home_relative(path), folder)
        self._status = Static(id="preview", markup=False)
        self._overwrite = RadioRow(REPLACE, chosen=False, id="overwrite")
        self._replace = field_row("Replace", self._overwrite)
        self._folder = folder
        self._own_folder = own_folder
        self._file_name = file_name
        self._recorded_job = recorded_job
        self._found: PathPreview | None = None

    def compose(self) -> ComposeResult:
        yield field_row("To", self._path)
        yield self._status
        yield self._replace

    def on_mount(self) -> None:
        self._path.focus()
        self.call_after_refresh(self._path.show_end)
        self._replace.display = False
        self.look()

    @property
    def overwrites(self) -> bool:
        return self._overwrite.value and self._replace.display

    @property
    def typed(self) -> str:
        return self._path.value

    def set_typed(self, typed: str) -> None:
        """Fill in another path; the same one is only looked at again."""
        if typed == self._path.value:
            self.look()
        else:
            self._path.value = typed

    def leads_to(self, path: Path) -> bool:
        """Whether a path that was filled in stands there as it was."""
        return self._path.value == home_relative(path)

    def suggest(self, path: Path) -> None:
        """Fill in another path, its end in sight."""
        self.set_typed(home_relative(path))
        self._path.show_end()

    async def chosen(self) -> PathPreview | None:
        """Return what the path leads to, if it can be saved to as things stand."""
        found = await self._preview_of(self._path.value)
        self._show(found)
        return found if found.allows(overwrite=self.overwrites) else None

    @on(RadioRow.Changed, "#overwrite")
    def _take_choice(self, event: RadioRow.Changed) -> None:
        event.stop()
        if self._found is not None:
            self._show(self._found)

    def on_path_input_several(self, message: PathInput.Several) -> None:
        """Tell what the path could become, as a shell does."""
        message.stop()
        names = [path.rstrip("/").rpartition("/")[2] for path in message.paths]
        more = "  …" if len(names) > MOST_NAMED else ""
        words = "  ".join(names[:MOST_NAMED]) + more
        self._status.update(Content(f"{clean(words)}  (tab again moves on)"))
        self._status.set_class(False, "-warning")
        self._status.set_class(False, "-refused")

    @on(Input.Changed, "#path")
    def look(self) -> None:
        """Look anew at what the path leads to."""
        self._preview(self._path.value)

    @work(group="save-preview", exclusive=True)
    async def _preview(self, typed: str) -> None:
        self.post_message(self.Previewed(await self._preview_of(typed)))

    def on_path_choice_previewed(self, message: Previewed) -> None:
        message.stop()
        self._show(message.found)

    async def _preview_of(self, typed: str) -> PathPreview:
        return await asyncio.to_thread(
            preview,
            typed,
            self._folder,
            own_folder=self._own_folder,
            file_name=self._file_name(),
        )

    def _show(self, found: PathPreview) -> None:
        """Say what the path leads to; the path itself where it was typed shorter."""
        self._found = found
        replaceable = found.target.replaceable
        self._replace.display = replaceable
        words = found.sentence(self._recorded_job())
        if self.overwrites:
            words = "will be replaced"
        final = home_relative(found.path)
        if final != self._path.value.strip():
            words = f"{clean(final)}  ({words})"
        self._status.update(Content(words))
        self._status.set_class(replaceable, "-warning")
        self._status.set_class(not found.is_new and not replaceable, "-refused")
