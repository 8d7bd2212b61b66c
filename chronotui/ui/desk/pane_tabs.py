"""The row over the panes: their titles, and whose log it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from rich.cells import cell_len
from rich.text import Text
from textual.message import Message

from chronotui.text import clean
from chronotui.times import human_duration
from chronotui.ui.desk.run_details import RunSummary
from chronotui.ui.term.driver import OwnRow

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from textual.events import Click

    from chronotui.model import Job

LIVE: Final = "live"
HISTORY: Final = "history"
DETAILS: Final = "details"
TITLES: Final = {LIVE: "Live", HISTORY: "History", DETAILS: "Details"}
BETWEEN: Final = " ▸ "
KEPT_NAME: Final = 24
"""Cells of a name that are kept before anything but it and the id is shown."""
LEAST_NAME: Final = 6
"""Cells below which the beginning of a name is worth nothing."""


def subject_of_job(job: Job, now: datetime, short_id: str) -> str:
    """Return e.g. ``8f3c21  FAILED after 2:10, 3 attempts``."""
    words = f"{short_id}  {job.status}"
    ended = job.status.is_terminal
    seconds = job.duration(now)
    if seconds is not None:
        words += f" {'after ' if ended else ''}{human_duration(seconds)}"
    if job.attempts is not None and job.attempts > 1:
        words += f", {job.attempts} attempts" if ended else f"  attempt {job.attempts}"
    return words


def subject_of_run(job: Job, now: datetime, short_id: str) -> str:
    """Return e.g. ``9a51c0  FAILED after 4.8 s``."""
    words = f"{short_id}  {job.status}"
    took = RunSummary.of(job).took(now)
    if took:
        words += f" {'after ' if job.has_ended else ''}{took}"
    return words


class PaneTabs(OwnRow):
    """Three titles and the opened job's name; a click chooses a pane."""

    DEFAULT_CSS = """
    PaneTabs {
        height: 1; background: $panel;
        & > .pane-tabs--active {
            background: $accent; color: auto 90%; text-style: bold;
        }
        &:ansi > .pane-tabs--active { color: ansi_black; }
        & > .pane-tabs--idle { color: $text-muted; }
        & > .pane-tabs--alarm { color: $text-error; text-style: bold; }
    }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "pane-tabs--active",
        "pane-tabs--idle",
        "pane-tabs--alarm",
    }

    class Chosen(Message):
        """A pane was chosen with the mouse."""

        def __init__(self, pane: str) -> None:
            self.pane = pane
            super().__init__()

    def __init__(self) -> None:
        super().__init__()
        self._active = DETAILS
        self._shown: Mapping[str, Text] = {}
        self._subject = self._status = self._more = ""
        self._alarm = False

    def mark(self, pane: str) -> None:
        """Mark the title of the pane that is shown."""
        if pane != self._active:
            self._active = pane
            self.repaint()

    def name_job(
        self, subject: str, status: str, *, alarm: bool, more: str = ""
    ) -> None:
        """Say whose log it is and how the job stands; cleaned here.

        ``more`` is said where there is room for all else.
        """
        named = (subject, status, more, alarm)
        if named != (self._subject, self._status, self._more, self._alarm):
            self._subject, self._status, self._more, self._alarm = named
            self.repaint()

    def line(self, width: int) -> Text:
        """Return the titles at the left and the job at the right, fitted.

        Whose log it is goes before everything else, the other titles included.
        """
        titles = {name: self._title(name) for name in TITLES}
        if not self._has_room(width - sum(map(len, titles.values())) - 2):
            titles = {self._active: titles[self._active]}
        self._shown = titles
        line = Text(no_wrap=True, end="")
        for title in titles.values():
            line.append_text(title)
        room = width - line.cell_len - 2
        if room < 4 or not self._subject:
            return line
        subject = self._fitted(room)
        if self._alarm:
            subject.stylize(self.tone("pane-tabs--alarm"))
        line.append(" " * (room - subject.cell_len + 1))
        line.append_text(subject)
        return line

    def _title(self, name: str) -> Text:
        kind = "active" if name == self._active else "idle"
        return Text(f" {TITLES[name]} ", self.tone(f"pane-tabs--{kind}"))

    def _has_room(self, room: int) -> bool:
        """Whether workflow and id stand in so many cells."""
        name = min(cell_len(clean(self._subject)), KEPT_NAME)
        item, _rest = self._item
        return name + cell_len(item and BETWEEN + item) <= room

    @property
    def _item(self) -> tuple[str, str]:
        """The id, and how the job stands; both "" for a workflow alone."""
        item, _between, rest = clean(self._status).partition("  ")
        return item, rest

    def _endings(self) -> Iterator[str]:
        """Yield what may follow the name: as much of it as is known, then less."""
        item, rest = self._item
        took = rest.partition("  ")[0].partition(",")[0]
        for words in (rest, took, rest.partition(" ")[0]):
            if words:
                yield f"{BETWEEN}{item}  {words}"
        yield item and BETWEEN + item

    def _fitted(self, room: int) -> Text:
        """Return the job's name and how it stands, or as much as there is room for.

        A long name is cut before anything is left out, but not below `KEPT_NAME`.
        """
        name = Text(clean(self._subject), no_wrap=True)
        *endings, item = self._endings()
        if self._more and endings:
            whole = f"{endings[0]}, {clean(self._more)}"
            if name.cell_len + cell_len(whole) <= room:
                return name.append(whole)
        kept = min(name.cell_len, KEPT_NAME)
        fitting = (each for each in endings if kept + cell_len(each) <= room)
        ending = next(fitting, item)
        left = room - cell_len(ending)
        if left >= min(LEAST_NAME, name.cell_len):
            name.truncate(left, overflow="ellipsis")
            return name.append(ending)
        words = Text(item.removeprefix(BETWEEN), no_wrap=True)
        words.truncate(room, overflow="ellipsis")
        return words

    def on_click(self, event: Click) -> None:
        right = 0
        for name, title in self._shown.items():
            right += title.cell_len
            if event.x < right:
                self.post_message(self.Chosen(name))
                return
