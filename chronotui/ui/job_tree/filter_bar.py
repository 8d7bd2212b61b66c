"""The line above the tree that says and sets what it is filtered by."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, Final, TypeAlias

from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widgets import Input, Static

from chronotui.core.text import clean
from chronotui.core.tree.filters import TreeFilters
from chronotui.model import JobStatus, Trigger
from chronotui.ui.job_tree import messages
from chronotui.ui.job_tree.choice import LONG_CELLS, Choice, Option

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.app import ComposeResult
    from textual.events import Click, Resize
    from textual.timer import Timer

TYPING_SECONDS: Final = 0.25
"""Text goes to the server when no key came for this long."""

ROOMY_CELLS: Final = 58
"""From this width on the switch for terminated workflows is always shown."""

TERM_CELLS: Final = 34
"""Below this width the switch is a sign, shown while it is on."""

PLACEHOLDER: Final = "filter"

STATUSES: Final = (
    Option[JobStatus](None, "any"),
    *(Option(JobStatus(word), word) for word in JobStatus.KNOWN),
)
TRIGGERS: Final = (
    Option[Trigger](None, "any"),
    Option(Trigger.AUTOMATIC, "auto"),
    Option(Trigger.MANUAL, "manual"),
)


class FilterText(Input):
    """The text that narrows the tree: a part of a name, the beginning of an id."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "leave", "to the tree", show=False, id="filters.tree"),
    ]

    def __init__(self, text: str, leave: Callable[[], object]) -> None:
        super().__init__(text, placeholder=PLACEHOLDER, compact=True)
        self.cursor_blink = False
        self._leave = leave

    def action_leave(self) -> None:
        """Go to the tree, filtered by the text as it stands."""
        self._leave()

    async def action_submit(self) -> None:
        """Go to the tree, as Enter says."""
        self._leave()


class FilterBar(Horizontal):
    """Status, trigger, text and whether terminated workflows are shown.

    Posts ``FiltersChanged`` when the user changes them.

    Args:
        leave: Puts the focus back on the tree; called, not told by a message, since
            keys typed ahead are meant for the tree already.
    """

    DEFAULT_CSS = """
    FilterBar {
        height: 1;
        & > #filter-slash { width: 2; color: $text-muted; }
        & > #filter-words { width: 1fr; color: $text-muted; }
        & > FilterText {
            width: 1fr;
            min-width: 1;
            height: 1;
            border: none;
            padding: 0;
            background: transparent;
        }
        & > #filter-terminated {
            width: auto; margin-left: 1; color: $text-muted; display: none;
            &:hover { color: $text; }
        }
        &.-roomy > #filter-terminated { display: block; }
        &.-terminated > #filter-terminated {
            display: block; color: $text-accent; text-style: bold;
        }
        &.-terminated:light > #filter-terminated { color: $text-primary; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "to the tree", id="filters.leave"),
        Binding("0", "clear", "no filter", show=False, id="filters.clear"),
        Binding(
            "full_stop",
            "terminated",
            "terminated workflows too",
            show=False,
            id="filters.terminated",
        ),
        Binding("slash", "text", "text", show=False, id="filters.text"),
    ]
    FiltersChanged: TypeAlias = messages.FiltersChanged

    def __init__(
        self,
        *,
        leave: Callable[[], object],
        id: str | None = None,  # noqa: A002
    ) -> None:
        super().__init__(id=id)
        self._leave = leave
        self.filters = TreeFilters()
        self._typing: Timer | None = None

    def compose(self) -> ComposeResult:
        """Show the filters in one line."""
        yield Choice("status", STATUSES, id="filter-status")
        yield Choice("trigger", TRIGGERS, id="filter-trigger")
        yield Static("/ ", id="filter-slash", markup=False)
        yield Static(PLACEHOLDER, id="filter-words", markup=False)
        yield Static(id="filter-terminated", markup=False)

    def show(self, filters: TreeFilters) -> None:
        """Show filters that were set elsewhere."""
        if filters == self.filters:
            return
        self.filters = filters
        self.query_one("#filter-status", Choice).set_value(filters.status)
        self.query_one("#filter-trigger", Choice).set_value(filters.trigger)
        for text in self.query(FilterText):
            if text.value.strip() != filters.query:
                with self.prevent(Input.Changed):
                    text.value = filters.text
        self._words.update(clean(filters.text) or PLACEHOLDER)
        self.set_class(filters.terminated, "-terminated")
        self._label_switch()

    def focus_filters(self, *, text: bool = False) -> None:
        """Put the focus on the first filter, or on the text."""
        wanted = self._text() if text else self.query_one("#filter-status")
        # At once, not by `focus`: keys typed ahead are meant for it already.
        self.screen.set_focus(wanted)

    def on_descendant_focus(self) -> None:
        """Let Tab find the text."""
        self._text()

    def on_resize(self, event: Resize) -> None:
        """Show the switch for terminated workflows where there is room."""
        self.set_class(event.size.width >= ROOMY_CELLS, "-roomy")
        self._label_switch()

    def on_click(self, event: Click) -> None:
        """Let the text and the switch for terminated workflows be clicked."""
        if event.widget is self._switch:
            self.action_terminated()
        elif event.widget is self._words:
            self.focus_filters(text=True)

    def on_choice_changed(self, event: Choice.Changed) -> None:
        """Take over a status or a trigger."""
        event.stop()
        status = self.query_one("#filter-status", Choice).value
        trigger = self.query_one("#filter-trigger", Choice).value
        self._set(replace(self.filters, status=status, trigger=trigger))

    def on_input_changed(self, event: Input.Changed) -> None:
        """Filter when the typing pauses."""
        event.stop()
        self._stop_typing()
        self._typing = self.set_timer(TYPING_SECONDS, self._take_text)

    def action_leave(self) -> None:
        """Go back to the tree, filtered by the text as it stands."""
        self._take_text()
        self._leave()

    def action_clear(self) -> None:
        """Filter by nothing."""
        self._set(TreeFilters(terminated=self.filters.terminated))

    def action_terminated(self) -> None:
        """Show terminated workflows as well, or no longer."""
        self._set(self.filters.with_terminated_toggled())

    def action_text(self) -> None:
        """Go to the text."""
        self.focus_filters(text=True)

    def _text(self) -> FilterText:
        """Return the input of the text, which takes its place at the first need.

        It is the dearest widget of a desk's first frame: a seventh of it.
        """
        for text in self.query(FilterText):
            return text
        text = FilterText(self.filters.text, self.action_leave)
        self.mount(text, after=self._words)
        self._words.display = False
        return text

    @property
    def _words(self) -> Static:
        return self.query_one("#filter-words", Static)

    @property
    def _switch(self) -> Static:
        return self.query_one("#filter-terminated", Static)

    def _label_switch(self) -> None:
        mark = "x" if self.filters.terminated else " "
        if self.size.width >= LONG_CELLS:
            words = f"[{mark}] terminated"
        else:
            words = f"[{mark}] term" if self.size.width >= TERM_CELLS else "†"
        self._switch.update(words)

    def _take_text(self) -> None:
        self._stop_typing()
        for text in self.query(FilterText):
            self._set(replace(self.filters, text=text.value))

    def _stop_typing(self) -> None:
        if self._typing is not None:
            self._typing.stop()
            self._typing = None

    def _set(self, filters: TreeFilters) -> None:
        if filters != self.filters:
            self.show(filters)
            self.post_message(messages.FiltersChanged(filters))
