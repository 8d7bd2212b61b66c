"""A form for a profile, which tries the connection before it saves."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from textual import on, work
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Button, Input, Label, Static

from chronotui.core.text import clean
from chronotui.errors import ChronotuiError
from chronotui.ui.dialog import FIELD_MOVES
from chronotui.ui.profiles.dialog import ProfileDialog
from chronotui.ui.profiles.draft import (
    SECRET_OF,
    ProfileDraft,
    command_of,
    source_words,
)
from chronotui.ui.save.choices import Choices

if TYPE_CHECKING:
    from pathlib import Path

    from textual.app import ComposeResult
    from textual.widget import Widget

    from chronotui.storage.config_edit import Edit
    from chronotui.storage.settings import Profile

DEMO: Final = "\0demo"
"""The answer for the demo; no profile can have this name."""
KINDS: Final = (("chronoverse", "Chronoverse"), ("dify", "Dify"))
METHODS: Final = (
    ("session", "e-mail and password"),
    ("bearer", "token"),
    ("cookie", "session cookie"),
    ("none", "nothing"),
)
ASKED: Final = "command that prints it; empty: ask each time"
LOSES: Final = (
    "{path} has a layout that cannot be kept: saving writes it anew, and its "
    "comments are lost. Save again if they may be."
)
UNTRIED: Final = "ctrl+o saves it as it is."


class ProfileForm(ProfileDialog):
    """Answers with the name of the profile it saved, DEMO, or None when left.

    Args:
        config_path: The configuration the profile goes into.
        first: Whether there is no profile yet: says so, and offers the demo.
        was: The profile to change; None makes a new one.
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
    AUTO_FOCUS = ""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "save", "test and save", id="profile_form.save"),
        Binding("ctrl+o", "save_untried", "save untested", id="profile_form.untested"),
        Binding("escape", "leave", "close", id="profile_form.close"),
        *FIELD_MOVES,
    ]

    def __init__(
        self, config_path: Path, *, first: bool = False, was: Profile | None = None
    ) -> None:
        super().__init__()
        self._config_path = config_path
        self._first = first
        self._was = was
        self._warned: ProfileDraft | None = None

    def compose(self) -> ComposeResult:
        """Yield the rows of the form."""
        with Vertical(id="box") as box:
            box.border_title = self._title()
            box.border_subtitle = "ctrl+s tests and saves · esc closes"
            if self._first:
                words = f"Where is your server? This goes to {self._config_path}."
                yield Static(Content(clean(words)), id="welcome")
            yield from self._rows()
            yield Static(id="told", markup=False)
            with Horizontal(id="buttons"):
                save = Button("Test and save", variant="primary", compact=True)
                save.id = "save"
                yield save
                if self._first:
                    yield Button("Try the demo", compact=True, id="demo")
                yield Button("Cancel", compact=True, id="cancel")

    def _title(self) -> str:
        if self._was is not None:
            return f"Profile {self._was.name}"
        return "Welcome to chronotui" if self._first else "New profile"

    def _rows(self) -> ComposeResult:
        was = self._was
        name = _field("name", "prod", was.name if was else "prod" * self._first)
        name.disabled = was is not None
        yield from self._row("Name", name)
        kind = was.kind if was else "chronoverse"
        yield from self._row("Kind", Choices(KINDS, kind, id="kind"))
        url = _field("url", "https://chrono.example.com/api", was.url if was else "")
        yield from self._row("URL", url)
        method = was.auth.method if was else "session"
        yield from self._row("Sign in", Choices(METHODS, method, id="method"))
        email = was.auth.email if was else ""
        yield from self._row("E-mail", _field("email", "you@example.com", email))
        command = command_of(was) if was else ""
        yield from self._row("Secret", _field("command", ASKED, command))

    def _row(self, title: str, field: Widget) -> ComposeResult:
        with Horizontal(classes="row", id=f"row-{field.id}"):
            yield Label(title)
            yield field

    def on_mount(self) -> None:
        """Begin where the first thing is to be typed."""
        self.query_one("#name" if self._was is None else "#url").focus()
        self._follow_method()

    @on(Choices.Changed, "#method")
    def _follow_method(self) -> None:
        """Show the fields the method needs, and say what it has no use for."""
        draft = self._draft()
        self.query_one("#row-email").display = draft.method == "session"
        self.query_one("#row-command").display = draft.method in SECRET_OF
        source = source_words(self._was, draft.method) if self._was else ""
        words = f"{source}; or a command that prints it" if source else ASKED
        self.query_one("#command", Input).placeholder = clean(words)
        self._say_dropped()

    @on(Input.Changed, "#command")
    def _say_dropped(self) -> None:
        dropped = self._draft().dropped()
        words = f"Saving takes out {' and '.join(dropped)}." if dropped else ""
        self._tell(words)

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
        self._save(self._draft())

    def action_save_untried(self) -> None:
        """Save the profile although its server may not answer now."""
        self._save(self._draft(), tried=False)

    @on(Button.Pressed, "#demo")
    def _choose_demo(self) -> None:
        self.dismiss(DEMO)

    @on(Button.Pressed, "#cancel")
    def action_leave(self) -> None:
        """Answer with none."""
        self.dismiss(None)

    @work(group="profile-trial", exclusive=True)
    async def _save(self, draft: ProfileDraft, *, tried: bool = True) -> None:
        try:
            edit, profile = draft.prepare(self._config_path)
            if self._must_warn(edit, draft):
                return
            if tried and not await self._works(profile):
                return
            edit.write()
        except ChronotuiError as error:
            self._tell(str(error), is_problem=True)
            return
        self.dismiss(profile.name)

    def _must_warn(self, edit: Edit, draft: ProfileDraft) -> bool:
        """Say once that saving takes away what somebody else wrote."""
        if not edit.loses_comments or self._warned == draft:
            return False
        self._warned = draft
        self._tell(LOSES.format(path=edit.path), is_problem=True)
        return True

    async def _works(self, profile: Profile) -> bool:
        from chronotui.engine.diagnosis import try_profile

        self._tell("Connecting…")
        try:
            await try_profile(profile, ask=self._ask)
        except ChronotuiError as error:
            self._tell(f"{error} {UNTRIED}", is_problem=True)
            return False
        return True

    def _draft(self) -> ProfileDraft:
        typed = {
            name: self.query_one(f"#{name}", Input).value.strip() for name in _TYPED
        }
        kind: str = self.query_one("#kind", Choices).value
        method: str = self.query_one("#method", Choices).value
        return ProfileDraft(kind=kind, method=method, was=self._was, **typed)


_TYPED: Final = ("name", "url", "email", "command")


def _field(name: str, example: str, value: str = "") -> Input:
    return Input(value, placeholder=example, compact=True, id=name)
