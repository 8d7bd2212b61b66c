"""The main screen."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.events import Resize, ScreenResume

from chronotui.ui.desk.connecting import Connecting
from chronotui.ui.desk.key_hints import KeyHints
from chronotui.ui.desk.log_side import LogSide
from chronotui.ui.desk.reading_on import ReadingOn
from chronotui.ui.desk.server_searching import ServerSearching
from chronotui.ui.desk.status_line import StatusLine
from chronotui.ui.job_tree import JobTreePane
from chronotui.ui.job_tree import messages as tree_messages
from chronotui.ui.log_view import messages as log_messages

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.dom import DOMNode
    from textual.events import DescendantFocus, Event


class Sides(Horizontal):
    """What the two sides stand in; they cover it."""

    BLANK = True


class DeskScreen(Connecting, ReadingOn, ServerSearching):
    """Tree at the left, the opened job at the right, the truth below."""

    AUTO_FOCUS = "JobTree"
    BLANK = True  # the two sides and the lines below them cover it
    HORIZONTAL_BREAKPOINTS = [(0, "-slim"), (70, "-narrow"), (100, "-wide")]  # noqa: RUF012
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab,shift+tab", "switch_side", "tree/log", id="desk.switch"),
        Binding("L", "pane('live')", "Live pane", show=False, id="desk.live"),
        Binding("H", "pane('history')", "History pane", show=False, id="desk.history"),
        Binding("D", "pane('details')", "Details pane", show=False, id="desk.details"),
        Binding("z", "zoom", "full-screen log", show=False, id="desk.zoom"),
        Binding("s,ctrl+s", "save", "save", id="desk.save"),
        Binding("W", "saves", "list of saves", show=False, id="desk.saves"),
        Binding("r,f5", "ask_now", "ask again now", show=False, id="desk.refresh"),
        Binding("escape", "back", "back one step", show=False, id="desk.back"),
    ]

    _was_resumed = False

    def compose(self) -> ComposeResult:
        """Yield the two sides and the lines below them."""
        # Before they are styled by it, not when the terminal's size is told again.
        width = self.app.size.width
        fits = [name for least, name in self.HORIZONTAL_BREAKPOINTS if width >= least]
        self.add_class(*fits[-1:], update=False)
        with Sides(id="sides"):
            yield JobTreePane(now=self.plan.now, id="tree-side")
            yield LogSide(
                self.plan.view_settings,
                id="log-side",
                now=self.plan.now,
                short_id=self.short_id,
            )
        yield StatusLine()
        yield KeyHints()

    async def on_event(self, event: Event) -> None:
        """Paint first; what takes time begins after the first frame.

        The first resume paints it. It need not style anything: that was done when
        the widgets were mounted. A size that is the terminal's no longer is dropped:
        laid out, each of two sizes on their way would send itself again for ever.
        """
        if isinstance(event, Resize) and event.size != self.app.size:
            return
        first = isinstance(event, ScreenResume) and not self._was_resumed
        if first and isinstance(event, ScreenResume):
            self._was_resumed = True
            event.refresh_styles = False
        await super().on_event(event)
        if first:
            self.call_later(self.connect)

    def _pop_result_callback(self) -> None:
        """Let another desk take the place: the app's first screen was never pushed.

        Textual's ``switch_screen`` takes for granted that it was.
        """
        if self._result_callbacks:
            super()._pop_result_callback()

    def on_mount(self) -> None:
        """Put the focus in the tree and let the clock move what it moves."""
        self.set_focus(self.tree_side.tree_view)
        self.log_side.when_placed = self.reader_placed
        self.show_standing()
        self.set_interval(1.0, self._tick)
        self.say_memory(self.plan.notice)

    def _tick(self) -> None:
        if self.is_whole:
            self.log_side.tick()
            self.show_standing()

    def on_resize(self, _event: Resize) -> None:
        """Say so when there is too little room."""
        self.call_after_refresh(self.show_standing)
        self.call_after_refresh(self.say_size)

    def action_ask_now(self) -> None:
        """Ask the server now for what is waited for; watch anew what has ended."""
        if self.session is not None:
            shown = self.log_side.current
            self.session.ask_now(shown.opened if shown is not None else None)
            self.show_standing()

    @on(tree_messages.RefreshWanted)
    def _refresh_wanted(self) -> None:
        self.action_ask_now()

    # where the focus is

    def on_descendant_focus(self, event: DescendantFocus) -> None:
        """On a narrow terminal the side without the focus makes room."""
        in_log = self.log_side in event.widget.ancestors_with_self
        self.set_class(in_log, "-in-log")
        if not in_log:
            self.remove_class("-zoomed")

    def action_switch_side(self) -> None:
        """Go from the tree to the log, or back."""
        if self.has_class("-in-log"):
            self.set_focus(self.tree_side.tree_view)
        else:
            self.log_side.focus_pane()

    async def action_pane(self, pane: str) -> None:
        """Show a pane; the focus moves along if it was in another one."""
        await self.log_side.furnish()
        self.log_side.choose(pane)
        if self.has_class("-in-log"):
            self.log_side.focus_pane()

    def action_zoom(self) -> None:
        """Give the log the whole screen, or the tree its place back."""
        self.toggle_class("-zoomed")
        if self.has_class("-zoomed"):
            self.log_side.focus_pane()

    def action_back(self) -> None:
        """Go back one step: a long load, full screen, log, tree."""
        if self.stop_loading():
            return
        if self.has_class("-zoomed"):
            self.remove_class("-zoomed")
        elif self.has_class("-in-log"):
            self.set_focus(self.tree_side.tree_view)
        else:
            self.say("")

    @property
    def is_at_root(self) -> bool:
        """Whether there is no step to go back."""
        return not self.has_class("-zoomed") and not self.has_class("-in-log")

    def stop_following(self) -> None:
        """Stop following, as less does; the log goes on arriving."""
        pane = self.log_side.log_pane
        if pane is not None:
            pane.view.action_stop_following()
        self.say("Press ^c again to quit.", seconds=2.0)

    def action_sources(self) -> list[DOMNode]:
        """Return every widget with named actions, for the palette."""
        tree, log = self.tree_side, self.log_side
        pane = log.log_pane or log.any_log_pane
        nodes: list[DOMNode] = [self.app, self, tree.tree_view, tree.filter_bar]
        nodes += tree.filter_bar.query("Choice, FilterText")
        nodes += [pane, pane.view] if pane is not None else []
        return [*nodes, log.details]

    # what the sides tell

    @on(tree_messages.Highlighted)
    def _highlighted(self, message: tree_messages.Highlighted) -> None:
        self.log_side.show_details(message.workflow, message.job, message.sentence)

    @on(tree_messages.JobOpened)
    async def _job_opened(self, message: tree_messages.JobOpened) -> None:
        self.forget_link()
        await self.log_side.furnish()
        self.open_job(message.workflow, message.job)

    @on(LogSide.PaneChanged)
    def _pane_changed(self) -> None:
        self.show_standing()

    @on(log_messages.Said)
    def _said(self, message: log_messages.Said) -> None:
        self.say(message.text)
