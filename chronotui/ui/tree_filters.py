"""The line above the tree that says and sets what the tree is filtered by."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar, Final, Generic, TypeVar

from msgspec.structs import replace
from rich.cells import cell_len
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.geometry import Offset
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from chronotui.model import JobStatus, Trigger
from chronotui.text import clean
from chronotui.times import LOCAL
from chronotui.tree.days import local_time
from chronotui.tree.filters import (
    RUN_STATUSES,
    RUN_WORDS,
    TreeFilters,
    TreeSubject,
    described,
    is_run_id,
    read_run_words,
)
from chronotui.tree.row import TRIGGER_WORDS
from chronotui.ui.keys import help_key
from chronotui.ui.standing import OverScreen

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import tzinfo

    from textual.app import ComposeResult
    from textual.events import Click, Resize
    from textual.geometry import Size
    from textual.timer import Timer

Value = TypeVar("Value")

LONG_CELLS: Final = 46
"""From this width of the bar on a filter carries its title."""


class ChoiceMenu(OverScreen[int | None]):
    """A list of values, opened below a filter; gives a number, None if none is chosen.

    Args:
        words: The values in words.
        chosen: The number of the present one.
        at: Where on the screen the list opens, in cells.
    """

    DEFAULT_CSS = """
    ChoiceMenu { background: transparent; }
    ChoiceMenu > OptionList {
        width: auto;
        height: auto;
        max-height: 100%;
        border: none;
        padding: 0 1;
        background: $panel;
        &:focus { border: none; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        help_key("escape,q,h,left", "leave", "back", "filters.menu_back"),
        help_key("j", "list('cursor_down')", "down", "filters.menu_down"),
        help_key("k", "list('cursor_up')", "up", "filters.menu_up"),
        help_key("l,right,space", "list('select')", "choose", "filters.menu_choose"),
    ]

    def __init__(self, words: Sequence[str], chosen: int, at: Offset) -> None:
        super().__init__()
        self._words = words
        self._chosen = chosen
        self._at = at

    def compose(self) -> ComposeResult:
        yield OptionList(*(Option(Content(word)) for word in self._words))

    def on_mount(self) -> None:
        listed = self.query_one(OptionList)
        listed.highlighted = self._chosen
        listed.styles.offset = (self._at.x, self._at.y)
        listed.focus()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.dismiss(event.option_index)

    def on_click(self, event: Click) -> None:
        listed = self.query_one(OptionList)
        if not listed.region.contains(event.screen_x, event.screen_y):
            self.dismiss(None)

    def action_leave(self) -> None:
        self.dismiss(None)

    def action_list(self, action: str) -> None:
        """Move in the list, or choose."""
        getattr(self.query_one(OptionList), f"action_{action}")()


class Choice(Widget, Generic[Value], can_focus=True):
    """One filter of a few values, in a few cells; changed by key, menu or mouse.

    Args:
        title: What is chosen, in a word.
        options: The values with their words; the first is None, for "any".
    """

    DEFAULT_CSS = """
    Choice {
        width: auto;
        height: 1;
        margin-right: 1;
        color: $text-muted;
        &.-set { color: $text-accent; text-style: bold; }
        &.-set:light { color: $text-primary; }
        &:hover { color: $text; }
        &:focus { text-style: reverse; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right,l,space", "cycle(1)", "next value", id="filters.next"),
        help_key("left,h", "cycle(-1)", "previous value", "filters.back"),
        Binding("enter,down,j", "menu", "all values", id="filters.menu"),
    ]

    class Changed(Message):
        def __init__(self, choice: Choice[Any]) -> None:
            super().__init__()
            self.choice = choice

        @property
        def control(self) -> Choice[Any]:
            return self.choice

    def __init__(
        self,
        title: str,
        options: Sequence[tuple[Value | None, str]],
        *,
        id: str,  # noqa: A002
    ) -> None:
        super().__init__(id=id)
        self.command_title = title
        self._options = options
        self._at = 0
        self._long = False

    @property
    def value(self) -> Value | None:
        return self._options[self._at][0]

    def offer(self, options: Sequence[tuple[Value | None, str]]) -> None:
        """Offer other values; the present one stays."""
        value, self._options = self.value, options
        self._at = 0
        self.set_value(value)
        self.refresh(layout=True)

    def set_value(self, value: Value | None) -> None:
        """Show a value without saying that it changed; any other word is added."""
        known = [value for value, _word in self._options]
        if value not in known:
            self._options = [*self._options, (value, clean(str(value)))]
            known.append(value)
        self._take(known.index(value))

    def render(self) -> Content:
        """Draw the value, or the title where nothing is filtered."""
        word = self._options[self._at][1]
        if self._long:
            word = f"{self.command_title}: {word}"
        elif not self._at:
            word = self.command_title
        return Content(f"{word} ▾")

    def get_content_width(self, container: Size, viewport: Size) -> int:  # noqa: ARG002
        """Return the cells the words take; the title stands where there is room."""
        self._long = container.width >= LONG_CELLS
        return cell_len(self.render().plain)

    def action_cycle(self, step: int) -> None:
        self._choose((self._at + step) % len(self._options))

    def action_menu(self) -> None:
        words = [word for _value, word in self._options]
        words[0] = f"any {self.command_title}"
        below = Offset(self.region.x, self.region.bottom)
        self.app.push_screen(ChoiceMenu(words, self._at, below), self._choose)

    def on_click(self, event: Click) -> None:
        event.stop()
        self.action_menu()

    def _choose(self, at: int | None) -> None:
        if at is not None and at != self._at:
            self._take(at)
            self.post_message(self.Changed(self))

    def _take(self, at: int) -> None:
        if at == self._at:
            return
        self._at = at
        self.set_class(at > 0, "-set")
        self.refresh(layout=True)


TYPING_SECONDS: Final = 0.25
"""Text goes to the server when no key came for this long."""

ROOMY_CELLS: Final = 58
"""From this width on the switch for terminated workflows is always shown."""

TERM_CELLS: Final = 34
"""Below this width the switch is a sign, shown while it is on."""

PLACEHOLDER: Final = "filter"

STATUSES: Final = (
    (None, "any"),
    *((JobStatus(word), word) for word in JobStatus.KNOWN),
)
STATUSES_OF_RUNS: Final = (
    (None, "any"),
    *((status, str(status).partition("-")[0]) for status in RUN_STATUSES),
)
TRIGGERS: Final = (
    (None, "any"),
    *((Trigger(name), word) for name, word in TRIGGER_WORDS.items()),
)


class FilterText(Input):
    """The text that narrows the tree: a part of a name, the beginning of an id.

    Args:
        text: What stands in it at first.
        leave: Goes back to the tree.
        submit: Takes the text, and goes back to the tree where it can be taken.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        help_key("down", "leave", "to the list", "filters.tree"),
    ]

    def __init__(
        self, text: str, *, leave: Callable[[], object], submit: Callable[[], object]
    ) -> None:
        super().__init__(text, placeholder=PLACEHOLDER, compact=True)
        self.cursor_blink = False
        self._leave = leave
        self._submit = submit

    def action_leave(self) -> None:
        self._leave()

    async def action_submit(self) -> None:
        self._submit()


class FilterBar(Horizontal):
    """Status, trigger, text and whether terminated workflows are shown.

    For the runs of an app it is status and text. A search of theirs costs the server
    much: the text is taken by enter alone, and what it means stands in its place.

    Args:
        leave: Puts the focus back on the tree; called, not told by a message, since
            keys typed ahead are meant for the tree already.
        now: The time that what is typed is meant against, aware.
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
        &.-runs > #filter-terminated { display: none; }
        &.-runs > #filter-trigger { display: none; }
        &.-narrowed > #filter-words { color: $text-accent; text-style: bold; }
        &.-narrowed:light > #filter-words { color: $text-primary; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "to the list", id="filters.leave"),
        help_key("0", "clear", "no filter", "filters.clear"),
        help_key(
            "full_stop", "terminated", "terminated workflows too", "filters.terminated"
        ),
        help_key("slash", "text", "text", "filters.text"),
    ]

    class FiltersChanged(Message):
        def __init__(self, filters: TreeFilters) -> None:
            super().__init__()
            self.filters = filters

    class TextRefused(Message):
        """What was typed cannot be taken, and why; "" where it is taken."""

        def __init__(self, sentence: str) -> None:
            super().__init__()
            self.sentence = sentence

    class RunWanted(Message):
        """The id of a run was typed: it is to be opened."""

        def __init__(self, run_id: str) -> None:
            super().__init__()
            self.run_id = run_id

    def __init__(
        self,
        *,
        leave: Callable[[], object],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        super().__init__()
        self._leave = leave
        self._now = now
        self._subject = TreeSubject()
        self._zone: tzinfo | None = None
        self.filters = TreeFilters()
        self._status = Choice("status", STATUSES, id="filter-status")
        self._trigger = Choice("trigger", TRIGGERS, id="filter-trigger")
        self._words = Static(PLACEHOLDER, id="filter-words", markup=False)
        self._text: FilterText | None = None
        self._switch = Static(id="filter-terminated", markup=False)
        self._typing: Timer | None = None

    def compose(self) -> ComposeResult:
        yield self._status
        yield self._trigger
        yield Static("/ ", id="filter-slash", markup=False)
        yield self._words
        yield self._switch

    def offer(self, subject: TreeSubject, zone: tzinfo | None = None) -> None:
        """Offer the filters of what a tree lists; times are meant in a zone."""
        self._subject, self._zone = subject, zone
        self._status.offer(STATUSES_OF_RUNS if subject.runs else STATUSES)
        self.set_class(subject.runs, "-runs")
        self._label_words()

    def show(self, filters: TreeFilters) -> None:
        if filters == self.filters:
            return
        self.filters = filters
        self._status.set_value(filters.status)
        self._trigger.set_value(filters.trigger)
        self._put_back_text()
        self._label_words()
        self.set_class(filters.terminated, "-terminated")
        self._label_switch()

    def _put_back_text(self) -> None:
        """Let the input say what the tree is filtered by."""
        typed = self.filters.typed
        if self._text is not None and self._text.value.strip() != typed.strip():
            with self.prevent(Input.Changed):
                self._text.value = typed

    def _label_words(self) -> None:
        """Say what the text is, or for runs what it means."""
        words = clean(self.filters.text)
        if self._subject.runs:
            only = self.filters.jobs._replace(status=None, trigger=None)
            words = described(only, self._zone)
        self.set_class(self._subject.runs and bool(words), "-narrowed")
        self._words.update(words or PLACEHOLDER)

    def focus_filters(self, text: bool = False) -> None:
        """Put the focus on the first filter, or on the text."""
        # At once, not by `focus`: keys typed ahead are meant for it already.
        self.screen.set_focus(self._text_input() if text else self._status)

    def on_descendant_focus(self) -> None:
        """Let Tab find the text, unless keys typed ahead have left it already."""
        focused = self.screen.focused
        if focused is not None and self in focused.ancestors:
            self._text_input()

    def on_resize(self, event: Resize) -> None:
        """Show the switch for terminated workflows where there is room."""
        self.set_class(event.size.width >= ROOMY_CELLS, "-roomy")
        self._label_switch()

    def on_click(self, event: Click) -> None:
        if event.widget is self._switch:
            self.action_terminated()
        elif event.widget is self._words:
            self.focus_filters(text=True)

    def on_choice_changed(self, event: Choice.Changed) -> None:
        event.stop()
        status, trigger = self._status.value, self._trigger.value
        self._set(replace(self.filters, status=status, trigger=trigger))

    def on_input_changed(self, event: Input.Changed) -> None:
        """Filter when the typing pauses."""
        event.stop()
        self._stop_typing()
        if self._subject.runs:
            return
        self._typing = self.set_timer(TYPING_SECONDS, self._take_text)

    def action_leave(self) -> None:
        """Go back to the tree, filtered by the text as it stands.

        Runs are filtered by what was taken last.
        """
        if self._subject.runs:
            self.post_message(self.TextRefused(""))
            self._leave_words()
        else:
            self._take_text()
            self._leave()

    def _submit(self) -> None:
        """Filter by the text and go back to the tree; stay where it says nothing."""
        if not self._subject.runs or self._text is None:
            self.action_leave()
        elif self._take_words(self._text.value):
            self._leave_words()

    def _take_words(self, typed: str) -> bool:
        """Open the run that is named, or filter; tell whether that can be done."""
        if is_run_id(typed):
            self.post_message(self.RunWanted(typed.strip()))
            return True
        try:
            words = read_run_words(typed, local_time(self._now(), self._zone or LOCAL))
        except ValueError as refused:
            self.post_message(self.TextRefused(str(refused)))
            return False
        self.post_message(self.TextRefused(""))
        self._set(replace(self.filters, words=words))
        return True

    def _leave_words(self) -> None:
        """Go back to the tree; what the text means stands in its place."""
        self._leave()
        self._put_back_text()
        if self._text is not None:
            self._text.display = False
            self._words.display = True

    def action_clear(self) -> None:
        self._set(self.filters.cleared())

    def action_terminated(self) -> None:
        if not self._subject.runs:
            self._set(self.filters.with_terminated_toggled())

    def action_text(self) -> None:
        self.focus_filters(text=True)

    def _text_input(self) -> FilterText:
        """Return the input of the text, which takes its place at the first need.

        It is the dearest widget of a desk's first frame: a seventh of it.
        """
        if self._text is None:
            self._text = FilterText(
                self.filters.typed, leave=self.action_leave, submit=self._submit
            )
            self.mount(self._text, after=self._words)
        self._text.placeholder = RUN_WORDS if self._subject.runs else PLACEHOLDER
        self._text.display = True
        self._words.display = False
        return self._text

    def _label_switch(self) -> None:
        mark = "x" if self.filters.terminated else " "
        if self.size.width >= LONG_CELLS:
            words = f"[{mark}] terminated"
        else:
            words = f"[{mark}] term" if self.size.width >= TERM_CELLS else "†"
        self._switch.update(words)

    def _take_text(self) -> None:
        self._stop_typing()
        if self._text is not None:
            self._set(replace(self.filters, text=self._text.value))

    def _stop_typing(self) -> None:
        if self._typing is not None:
            self._typing.stop()
            self._typing = None

    def _set(self, filters: TreeFilters) -> None:
        if filters != self.filters:
            self.show(filters)
            self.post_message(self.FiltersChanged(filters))
