"""A form for a profile, which tries the connection before it saves."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from textual import on, work
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Label, Static

from chronotui.core.text import clean
from chronotui.errors import ChronotuiError
from chronotui.ui.first_run.draft import SECRET_OF, ProfileDraft
from chronotui.ui.save.choices import Choices
from chronotui.ui.sign_in import ask_in_dialog

if TYPE_CHECKING:
    from pathlib import Path

    from textual.app import ComposeResult
    from textual.widget import Widget

    from chronotui.engine.questions import SecretQuestion

DEMO: Final = "\0demo"
"""The answer for the demo; no profile can have this name."""
KINDS: Final = (("chronoverse", "Chronoverse"), ("dify", "Dify"))
METHODS: Final = (
    ("session", "e-mail and password"),
    ("bearer", "token"),
    ("cookie", "session cookie"),
    ("none", "nothing"),
)


class ProfileForm(ModalScreen[str | None]):
    """Answers with the name of the profile it saved, DEMO, or None when left.

    Args:
        config_path: The configuration the profile goes into.
        first: Whether there is no profile yet: says so, and offers the demo.
    """

    DEFAULT_CSS = """
    ProfileForm { align: center middle; }
    ProfileForm > #box {
        width: 76; max-width: 100%; height: auto; max-height: 100%;
        border: round $primary; padding: 0 1; background: $surface;
    }
    ProfileForm .row { height: auto; }
    ProfileForm .row > Label { width: 10; color: $text-muted; }
    ProfileForm Input { width: 1fr; }
    ProfileForm #welcome { margin-bottom: 1; }
    ProfileForm #told { margin-top: 1; height: auto; min-height: 2; }
    ProfileForm #told.-problem { color: $text-error; }
    ProfileForm #buttons { height: 1; align-horizontal: right; }
    ProfileForm #buttons Button { margin-left: 2; }
    """
    AUTO_FOCUS = "#name"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "save", "test and save", id="profile_form.save"),
        Binding("escape", "leave", "close", id="profile_form.close"),
        Binding("up", "app.focus_previous", show=False),
        Binding("down", "app.focus_next", show=False),
    ]

    def __init__(self, config_path: Path, *, first: bool = False) -> None:
        super().__init__()
        self._config_path = config_path
        self._first = first

    def compose(self) -> ComposeResult:
        """Yield the rows of the form."""
        with Vertical(id="box") as box:
            box.border_title = "Welcome to chronotui" if self._first else "New profile"
            box.border_subtitle = "ctrl+s tests and saves · esc closes"
            if self._first:
                words = f"Where is your server? This goes to {self._config_path}."
                yield Static(Content(clean(words)), id="welcome")
            name = _field("name", "prod", value="prod" if self._first else "")
            yield from self._row("Name", name)
            yield from self._row("Kind", Choices(KINDS, "chronoverse", id="kind"))
            url = _field("url", "https://chrono.example.com/api")
            yield from self._row("URL", url)
            yield from self._row("Sign in", Choices(METHODS, "session", id="method"))
            yield from self._row("E-mail", _field("email", "you@example.com"))
            command = _field("command", "command that prints it; empty: ask each time")
            yield from self._row("Secret", command)
            yield Static(id="told", markup=False)
            with Horizontal(id="buttons"):
                save = Button("Test and save", variant="primary", compact=True)
                save.id = "save"
                yield save
                if self._first:
                    yield Button("Try the demo", compact=True, id="demo")
                yield Button("Cancel", compact=True, id="cancel")

    def _row(self, title: str, field: Widget) -> ComposeResult:
        with Horizontal(classes="row", id=f"row-{field.id}"):
            yield Label(title)
            yield field

    @on(Choices.Changed, "#method")
    def _follow_method(self) -> None:
        """Show the fields the method needs."""
        method = self._draft().method
        self.query_one("#row-email").display = method == "session"
        self.query_one("#row-command").display = method in SECRET_OF

    @on(Input.Submitted)
    def _next_field(self) -> None:
        """Go on to the next field; from the last one, save."""
        if self.focused is self.query_one("#command"):
            self.action_save()
        else:
            self.focus_next()

    @on(Button.Pressed, "#save")
    def action_save(self) -> None:
        """Try the connection, and save the profile when it works."""
        self._test_and_save(self._draft())

    @on(Button.Pressed, "#demo")
    def _choose_demo(self) -> None:
        self.dismiss(DEMO)

    @on(Button.Pressed, "#cancel")
    def action_leave(self) -> None:
        """Answer with none."""
        self.dismiss(None)

    @work(group="profile-trial", exclusive=True)
    async def _test_and_save(self, draft: ProfileDraft) -> None:
        self._tell("Connecting…")
        try:
            from chronotui.engine.profile_trial import try_profile

            edit, profile = draft.prepare(self._config_path)
            await try_profile(profile, ask=self._ask)
            edit.write()
        except ChronotuiError as error:
            self._tell(str(error), is_problem=True)
            return
        self.dismiss(profile.name)

    async def _ask(self, question: SecretQuestion) -> str:
        return await ask_in_dialog(self.app, question)

    def _tell(self, words: str, *, is_problem: bool = False) -> None:
        told = self.query_one("#told", Static)
        told.update(Content(clean(words)))
        told.set_class(is_problem, "-problem")

    def _draft(self) -> ProfileDraft:
        typed = {
            name: self.query_one(f"#{name}", Input).value.strip() for name in _TYPED
        }
        kind: str = self.query_one("#kind", Choices).value
        method: str = self.query_one("#method", Choices).value
        return ProfileDraft(kind=kind, method=method, **typed)


_TYPED: Final = ("name", "url", "email", "command")


def _field(name: str, example: str, value: str = "") -> Input:
    return Input(value, placeholder=example, compact=True, id=name)
