"""Keys that change how lines are shown, and which."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding

from chronotui.core.log import key_of
from chronotui.model import STDERR, STDOUT
from chronotui.ui.log_view.json_text import is_json
from chronotui.ui.log_view.messages import SettingsChanged
from chronotui.ui.log_view.window import LogWindow

if TYPE_CHECKING:
    from textual.binding import BindingType

    from chronotui.ui.log_view.settings import ViewSettings, Zone


class Showing(LogWindow):
    """Time column, zone, wrap, stream, indented JSON."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "t",
            "next_timestamps",
            "Times",
            show=False,
            id="log.timestamps",
            tooltip="Times: off, time, full, since start, since the line before",
        ),
        Binding(
            "T",
            "toggle_zone",
            "Zone",
            show=False,
            id="log.zone",
            tooltip="Show times in the local zone or in UTC",
        ),
        Binding(
            "w",
            "toggle_wrap",
            "Wrap",
            show=False,
            id="log.wrap",
            tooltip="Wrap long lines, or cut them at the edge",
        ),
        Binding(
            "0",
            "stream('')",
            "Both streams",
            show=False,
            id="log.both_streams",
            tooltip="Show standard output and standard error",
        ),
        Binding(
            "1",
            f"stream('{STDOUT}')",
            "Only stdout",
            show=False,
            id="log.only_stdout",
            tooltip="Show standard output alone",
        ),
        Binding(
            "2",
            f"stream('{STDERR}')",
            "Only stderr",
            show=False,
            id="log.only_stderr",
            tooltip="Show standard error alone",
        ),
        Binding(
            "p",
            "toggle_json",
            "Indent JSON",
            show=False,
            id="log.json",
            tooltip="Show the current line's JSON indented, or as it came",
        ),
    ]

    def apply_settings(self, settings: ViewSettings) -> None:
        """Show lines as remembered; posts nothing."""
        if settings != self.settings:
            self.settings = settings
            self._redraw_higher_or_lower()

    def action_next_timestamps(self) -> None:
        """Go on to the next kind of time column."""
        timestamps = self.settings.timestamps.next
        self._change(replace(self.settings, timestamps=timestamps))
        self.say(f"Times: {timestamps.meaning}.")

    def action_toggle_zone(self) -> None:
        """Change between the local zone and UTC."""
        zone: Zone = "local" if self.settings.zone == "utc" else "utc"
        self._change(replace(self.settings, zone=zone))
        self.say(f"Times in {self.place.zone}.")

    def action_toggle_wrap(self) -> None:
        """Wrap long lines, or cut them at the edge."""
        self._change(replace(self.settings, wrap=not self.settings.wrap))
        self.say("Long lines wrap." if self.settings.wrap else "Long lines are cut.")

    def action_stream(self, stream: str) -> None:
        """Show one stream alone, or both.

        Args:
            stream: The stream's name, or empty for both.
        """
        if self.opened is None:
            return
        self.opened.filters.stream = stream or None
        self.opened.filters.suspended = False
        self.refilter()
        self.say(f"Only {stream}; 0 shows both." if stream else "Both streams.")

    def action_toggle_json(self) -> None:
        """Show the current line's JSON indented, or as it came."""
        line = self.opened.current_line if self.opened else None
        if self.opened is None or line is None:
            return
        if not is_json(line.message):
            self.say("This line is not JSON.")
            return
        self.opened.as_json ^= {key_of(line)}
        self._redraw_higher_or_lower()

    def _redraw_higher_or_lower(self) -> None:
        """Draw anew what may take more rows than before, or fewer."""
        if self.opened is not None:
            self.opened.reading.reconsider()
        self.redraw()

    def _change(self, settings: ViewSettings) -> None:
        self.apply_settings(settings)
        self.post_message(SettingsChanged(self, settings))
