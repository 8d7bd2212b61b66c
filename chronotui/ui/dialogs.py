"""What dialogs share: their box and keys, questions, fields, asking for a secret."""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import TYPE_CHECKING, Any, ClassVar, Final, Generic, TypeVar

from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.screen import ScreenResultType
from textual.widget import Widget
from textual.widgets import Button, Input, Label, OptionList, Static

from chronotui.errors import NotSignedInError
from chronotui.text import clean
from chronotui.ui.keys import help_key
from chronotui.ui.standing import OverScreen

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.app import App, ComposeResult
    from textual.events import Click
    from textual.geometry import Size

    from chronotui.engine.client import SecretQuestion

LIST_MOVES: Final[list[BindingType]] = [
    help_key("j", "move('down')", "down", "dialog.down"),
    help_key("k", "move('up')", "up", "dialog.up"),
]
"""Keys of a dialog with a list."""

FIELD_MOVES: Final[list[BindingType]] = [
    help_key("up", "app.focus_previous", "field above", "dialog.field_above"),
    help_key("down", "app.focus_next", "field below", "dialog.field_below"),
]
"""Keys of a dialog with fields."""

ANSWER_MOVES: Final[list[BindingType]] = [
    help_key("right", "app.focus_next", "other answer", "dialog.answer"),
    help_key("left", "app.focus_previous", "answer before", "dialog.before"),
]
"""Keys of a dialog with a few answers side by side."""


class Dialog(OverScreen[ScreenResultType]):
    """A dialog in a box; the keys are shown from it as from everywhere else.

    In it stand rows of ``field_row``, and ``#buttons``, of which ``#cancel`` leaves.
    """

    DEFAULT_CSS = """
    Dialog { align: center middle; }
    Dialog > Vertical {
        width: 72; max-width: 100%; height: auto; max-height: 100%;
        border: round $primary; padding: 0 1; background: $surface;
    }
    Dialog .row { height: auto; }
    Dialog .row > Label { width: 10; color: $text-muted; }
    Dialog .row > Input { width: 1fr; }
    Dialog #buttons { height: 1; align-horizontal: right; }
    Dialog #buttons Button { margin-left: 2; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        help_key("question_mark,f1", "app.help", "help", "app.help"),
    ]

    @on(Button.Pressed, "#cancel")
    def action_leave(self) -> None:
        """Answer with none."""
        self.dismiss(None)

    def action_move(self, where: str) -> None:
        """Move in the dialog's list."""
        getattr(self.query_one(OptionList), f"action_cursor_{where}")()


def key_time() -> float:
    """Return the time by the clock that keys are stamped with as they are pressed."""
    return Message().time


def field_row(title: str, field: Widget) -> Horizontal:
    """Return a field with its title before it."""
    return Horizontal(Label(title), field, classes="row", id=f"row-{field.id}")


Answer = TypeVar("Answer")
Value = TypeVar("Value")


class Question(Dialog[Answer], Generic[Answer]):
    """A question whose first answer loses nothing, and stands under the cursor.

    A question binds its own keys to ``answer(0)``, ``answer(1)`` and so on.

    Args:
        title: The question, cleaned.
        paragraphs: What to know before answering, cleaned.
        answers: What can be answered, with its label.
    """

    DEFAULT_CSS = """
    Question > Vertical { border: round $warning; }
    Question #buttons { margin-top: 1; }
    """

    def __init__(
        self,
        title: str,
        paragraphs: Sequence[str],
        answers: Sequence[tuple[Answer, str]],
    ) -> None:
        super().__init__()
        self._question = title
        self._paragraphs = paragraphs
        self._answers = answers

    def compose(self) -> ComposeResult:
        with Vertical() as box:
            box.border_title = Content(self._question)
            for words in self._paragraphs:
                yield Static(Content(words), markup=False)
            with Horizontal(id="buttons"):
                for place, (_answer, label) in enumerate(self._answers):
                    yield Button(
                        label,
                        variant="default" if place else "primary",
                        compact=True,
                        id=f"answer-{place}",
                    )

    def on_mount(self) -> None:
        self.query_one("#answer-0").focus()

    @on(Button.Pressed)
    def _on_button(self, event: Button.Pressed) -> None:
        self.action_answer(int((event.button.id or "").removeprefix("answer-")))

    def action_answer(self, place: int) -> None:
        self.dismiss(self._answers[place][0])


OPTION_GAP: Final = 2


class RadioRow(Widget, Generic[Value], can_focus=True):
    """One choice of a few, all in sight: ``(•) txt  ( ) jsonl``.

    Wrapped where it is too long; arrows and clicks choose.

    Args:
        options: Values with their words, at least one.
        chosen: The value at first.
    """

    DEFAULT_CSS = """
    RadioRow {
        width: 1fr;
        height: auto;
        &:disabled { color: $text-disabled; }
    }
    RadioRow > .radio-row--chosen { text-style: bold; }
    RadioRow:focus > .radio-row--chosen {
        background: $block-cursor-background;
        color: $block-cursor-foreground;
    }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {"radio-row--chosen"}
    BINDINGS: ClassVar[list[BindingType]] = [
        help_key("right,l,space", "step(1)", "next choice", "dialog.next"),
        help_key("left,h", "step(-1)", "choice before", "dialog.back"),
    ]
    place: reactive[int] = reactive(0)

    class Changed(Message):
        """Another option was chosen."""

        def __init__(self, row: RadioRow[Any]) -> None:
            super().__init__()
            self.row = row

        @property
        def control(self) -> RadioRow[Any]:
            return self.row

    def __init__(
        self,
        options: Sequence[tuple[Value, str]],
        chosen: Value,
        *,
        id: str,  # noqa: A002 - Textual's own word
    ) -> None:
        super().__init__(id=id)
        self._options = tuple(options)
        values = [value for value, _words in self._options]
        self.set_reactive(RadioRow.place, values.index(chosen))

    @property
    def value(self) -> Value:
        return self._options[self.place][0]

    def show(self, value: Value) -> None:
        """Choose a value that something else has chosen; nothing is told of it."""
        values = [value for value, _words in self._options]
        self.set_reactive(RadioRow.place, values.index(value))
        self.refresh()

    def choose(self, value: Value) -> None:
        """Choose one of the values."""
        self.place = [each for each, _words in self._options].index(value)

    def offer(self, options: Sequence[tuple[Value, str]]) -> None:
        """Take other options; what is chosen stays so, where it is among them."""
        chosen = self.value
        self._options = tuple(options)
        values = [value for value, _words in self._options]
        self.place = values.index(chosen) if chosen in values else 0
        self.refresh(layout=True)

    def _rows(self, width: int) -> list[list[tuple[int, int, int]]]:
        """Return rows of (option, first column, width)."""
        rows: list[list[tuple[int, int, int]]] = [[]]
        column = 0
        for place, (_value, words) in enumerate(self._options):
            size = len(words) + 4
            if column and column + size > width:
                rows.append([])
                column = 0
            rows[-1].append((place, column, size))
            column += size + OPTION_GAP
        return rows

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        del container, viewport
        return len(self._rows(width))

    def render(self) -> Content:
        """Draw the options, the chosen one marked by sign and by style."""
        chosen = self.get_visual_style("radio-row--chosen")
        lines = []
        for row in self._rows(self.size.width or 80):
            words = [
                Content.styled(f"(•) {self._options[place][1]}", chosen)
                if place == self.place
                else Content(f"( ) {self._options[place][1]}")
                for place, _column, _size in row
            ]
            lines.append(Content(" " * OPTION_GAP).join(words))
        return Content("\n").join(lines)

    def watch_place(self) -> None:
        self.post_message(self.Changed(self))

    def action_step(self, step: int) -> None:
        """Choose the next option or the one before, round the ends."""
        self.place = (self.place + step) % len(self._options)

    def on_click(self, event: Click) -> None:
        """Choose what was clicked."""
        event.stop()
        rows = self._rows(self.size.width or 80)
        if not 0 <= event.y < len(rows):
            return
        for place, column, size in rows[event.y]:
            if column <= event.x < column + size:
                self.place = place


class SecretDialog(Dialog[str | None]):
    """Answers with the secret as typed, None when signing in is declined.

    Args:
        prompt: What is asked, and for which server; cleaned here.
        note: What becomes of the answer.
        again: Why it is asked again.
    """

    DEFAULT_CSS = """
    SecretDialog > Vertical { width: 64; }
    SecretDialog #again { color: $text-warning; }
    SecretDialog #note { color: $text-muted; }
    SecretDialog Input { margin: 1 0; }
    """
    AUTO_FOCUS = "#secret"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "not now", id="sign_in.close"),
    ]

    def __init__(self, prompt: str, *, note: str = "", again: str = "") -> None:
        super().__init__()
        self.asked_at = key_time()
        self._prompt = prompt
        self._note = note
        self._again = again

    def compose(self) -> ComposeResult:
        with Vertical() as box:
            box.border_title = "Sign in"
            box.border_subtitle = "enter signs in · esc not now"
            if self._again:
                yield Static(Content(self._again), id="again")
            yield Static(Content(clean(self._prompt)), id="prompt")
            yield Input(password=True, compact=True, id="secret")
            yield Static(Content(clean(self._note)), id="note")
            with Horizontal(id="buttons"):
                yield Button("Sign in", variant="primary", compact=True, id="send")
                yield Button("Not now", compact=True, id="cancel")

    @on(Input.Submitted, "#secret")
    @on(Button.Pressed, "#send")
    def _send(self) -> None:
        secret = self.query_one("#secret", Input).value
        if secret:
            self.dismiss(secret)


REST_SECONDS: Final = 1.5
"""A hand that has pressed no key for so long is not typing."""


async def _typing_rests(app: App[Any]) -> None:
    """Wait as long as somebody types into a field: the rest would become the secret."""
    while (  # noqa: ASYNC110 - no event tells that nothing happens
        isinstance(app.focused, Input) and monotonic() < _rests_at(app)
    ):
        await asyncio.sleep(REST_SECONDS / 10)


def _rests_at(app: App[Any]) -> float:
    return getattr(app, "key_at", 0.0) + REST_SECONDS


async def ask_in_dialog(app: App[Any], question: SecretQuestion) -> str:
    """Show the dialog over whatever is there, and return what was typed.

    Any task of the app's event loop may ask; a cancelled one takes the dialog away.

    Raises:
        NotSignedInError: Signing in was declined.
    """
    answered: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()
    await _typing_rests(app)
    dialog = SecretDialog(
        question.sentence(), note=question.what_becomes(), again=question.why_again()
    )

    def take(answer: str | None) -> None:
        if not answered.done():
            answered.set_result(answer)

    def show() -> None:
        if not answered.done():
            app.push_screen(dialog, take)

    app.call_later(show)
    try:
        answer = await answered
    except asyncio.CancelledError:
        if dialog.is_current:
            dialog.dismiss(None)
        raise
    if answer is None:
        raise NotSignedInError(
            f"No {question.kind} was given for {question.profile}.",
            next_step="r asks again.",
        )
    return answer
