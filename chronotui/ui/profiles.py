"""Profiles on the screen: the form of one, the list of them, the first run's form.

A profile is tried before it is saved; secrets that stand in the file are never shown.
"""

from __future__ import annotations

from itertools import chain, count
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final

from msgspec import Struct
from rich.cells import cell_len
from rich.text import Text
from textual import on, work
from textual.app import App
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Button, Input, OptionList, Static
from textual.widgets.option_list import Option

from chronotui import SOURCE_KINDS
from chronotui.errors import ChronotuiError, ConfigError
from chronotui.sources.address import parse_address
from chronotui.sources.protocol import KINDS
from chronotui.storage.config import (
    SECRET_KEYS,
    check_profile_name,
    load_config,
    parse_config,
    usable_secrets,
)
from chronotui.storage.config_edit import Edit, edit_config
from chronotui.storage.settings import METHODS, BadValueError, base_url
from chronotui.text import clean
from chronotui.ui.dialogs import (
    ANSWER_MOVES,
    FIELD_MOVES,
    LIST_MOVES,
    Dialog,
    Question,
    RadioRow,
    ask_in_dialog,
    field_row,
)
from chronotui.ui.keys import help_key

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from textual.app import ComposeResult

    from chronotui.engine.client import SecretQuestion
    from chronotui.storage.config_edit import Document
    from chronotui.storage.settings import AuthSettings, Config, Profile


class ProfileDialog(Dialog[str | None]):
    """Answers with a profile's name; has a ``#told`` row for what came of a key."""

    DEFAULT_CSS = """
    ProfileDialog > Vertical { width: 76; }
    ProfileDialog #told { margin-top: 1; height: auto; }
    ProfileDialog #told.-problem { color: $text-error; }
    """

    async def _ask(self, question: SecretQuestion) -> str:
        return await ask_in_dialog(self.app, question)

    def _tell(self, words: str, *, is_problem: bool = False) -> None:
        told = self.query_one("#told", Static)
        told.update(Content(clean(words)))
        told.set_class(is_problem, "-problem")


SECRET_OF: Final = {
    name: method.secrets[0] for name, method in METHODS.items() if method.secrets
}
"""Which secret a method signs in with."""


class ProfileDraft(Struct, frozen=True):
    """A profile as typed into the form.

    Attributes:
        email: The account, for a method that needs it.
        command: Prints the secret; "" leaves the other source there is, or has the
            secret asked for.
        insecure: "yes" sends secrets over plain http; "" leaves it as it was where
            nothing of the kind was asked.
        was: The profile that is changed; None for a new one. What the form does not
            show of it stays.
    """

    name: str
    kind: str
    url: str
    method: str
    email: str = ""
    command: str = ""
    insecure: str = ""
    was: Profile | None = None

    def prepare(self, config_path: Path) -> tuple[Edit, Profile]:
        """Return the configuration with the profile in it, unwritten, and the profile.

        Raises:
            ConfigError: Something typed cannot be taken; the field is named.
        """
        self._check()
        edit = edit_config(config_path, self._put)
        return edit, parse_config(edit.text, edit.path).profiles[self.name]

    def dropped(self) -> list[str]:
        """Return the keys that say where a secret is and that saving takes out."""
        if self.was is None:
            return []
        before = {name: True for name, _kind in _given(self.was.auth)}
        return sorted(before.keys() - self._auth(before).keys())

    def _check(self) -> None:
        try:
            check_profile_name(self.name)
        except BadValueError as error:
            raise ConfigError(f"The name {error}") from None
        try:
            base_url(self.url, Path())
        except BadValueError as error:
            raise ConfigError(f"The URL {error}") from None
        if METHODS[self.method].needs_email and not self.email:
            raise ConfigError("The e-mail of the account is missing.")

    def _put(self, document: Document) -> None:
        profiles = document.setdefault("profiles", {})
        if self.was is None and self.name in profiles:
            raise ConfigError(f"There is a profile {self.name} already.")
        if self.was is not None and self.name not in profiles:
            raise ConfigError(f"The profile {self.name} is no longer in the file.")
        table = profiles.setdefault(self.name, {})
        if self.was is None or base_url(self.url, Path()) != self.was.url:
            table["url"] = self.url.strip()
        if self.kind != (self.was.kind if self.was else SOURCE_KINDS[0]):
            table["kind"] = self.kind
        if self.needs_insecure and (self.insecure or "insecure" in table):
            table["insecure"] = bool(self.insecure)
        auth = self._auth(table.get("auth", {}))
        if self.was is None or "auth" in table or self.method != "none":
            table["auth"] = auth
        if self.was is None:
            document.setdefault("default_profile", self.name)

    @property
    def needs_insecure(self) -> bool:
        """Whether secrets would be sent readable by everyone on the way."""
        try:
            address = parse_address(self.url)
        except ConfigError:
            return False
        is_safe = address.is_encrypted or address.is_loopback
        return self.method in SECRET_OF and not is_safe

    @property
    def fitting_name(self) -> str:
        """A name for a new profile: what tells its server's address from others."""
        try:
            address = parse_address(self.url)
        except ConfigError:
            return USUAL_NAME
        if address.is_loopback:
            return "local"
        first, *others = (
            address.host.removeprefix("www.").removeprefix("api.").split(".")
        )
        is_number = ":" in address.host or "".join([first, *others]).isdigit()
        return USUAL_NAME if is_number else first

    def _auth(self, before: Document) -> Document:
        """Return the sign-in: what was there, as far as the method can use it."""
        useless = set().union(*SECRET_KEYS.values())
        for kind in usable_secrets(self.kind, self.method):
            useless.difference_update(SECRET_KEYS[kind])
        secret = SECRET_OF.get(self.method)
        if secret is not None:
            useless.update(SECRET_KEYS[secret] if self.command else ())
            useless.add(f"{secret}_command")
        auth: dict[str, Any] = {k: v for k, v in before.items() if k not in useless}
        auth["method"] = self.method
        if METHODS[self.method].needs_email:
            auth["email"] = self.email
        if secret is not None and self.command:
            auth[f"{secret}_command"] = self.command
        return auth


def command_of(profile: Profile) -> str:
    """Return the command that prints the secret a profile signs in with, or ""."""
    secret = SECRET_OF.get(profile.auth.method)
    return getattr(profile.auth, f"{secret}_command") if secret else ""


def source_words(profile: Profile, method: str) -> str:
    """Say where the secret comes from that a method would use; never the secret.

    Returns:
        "" where a command prints it, or nothing says where it is.
    """
    secret = SECRET_OF.get(method)
    for name, kind in _given(profile.auth):
        if kind != secret:
            continue
        if name.endswith("_env"):
            return f"from the variable {getattr(profile.auth, name)}"
        if name.endswith("_keyring"):
            return "from the keyring"
        if name == kind:
            return "stands in the file, not shown"
    return ""


def _given(auth: AuthSettings) -> list[tuple[str, str]]:
    """Return (key, kind) of the secrets' sources that are set."""
    return [
        (name, kind)
        for kind, names in SECRET_KEYS.items()
        for name in names
        if getattr(auth, name)
    ]


DEMO: Final = "\0demo"
"""The answer for the demo; no profile can have this name."""
ASKED: Final = "command that prints it; empty: ask each time"
UNTRIED: Final = "ctrl+o saves it as it is."
USUAL_NAME: Final = "prod"
INSECURE: Final = (
    ("", "no: it signs in over https alone"),
    ("yes", "yes: the secret can be read on the way"),
)


class ProfileForm(ProfileDialog):
    """Answers with the name of the profile it saved, DEMO, or None when left.

    Args:
        config_path: The configuration the profile goes into.
        first: Whether there is no profile yet: says so, and offers the demo.
        was: The profile to change; None makes a new one.
        taken: Names that other profiles have.
    """

    DEFAULT_CSS = """
    ProfileForm #welcome { margin-bottom: 1; }
    ProfileForm #told { min-height: 2; }
    """
    AUTO_FOCUS = ""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "save", "test and save", id="profile_form.save"),
        Binding("ctrl+o", "save_untried", "save untested", id="profile_form.untested"),
        Binding("escape", "leave", "close", id="profile_form.close"),
        help_key("enter", "app.focus_next", "field below", "profile_form.field_below"),
        *FIELD_MOVES,
    ]

    def __init__(
        self,
        config_path: Path,
        *,
        first: bool = False,
        was: Profile | None = None,
        taken: Collection[str] = (),
    ) -> None:
        super().__init__()
        self._config_path = config_path
        self._first = first
        self._was = was
        self._taken = taken
        self._named = USUAL_NAME if was is None else was.name

    def compose(self) -> ComposeResult:
        with Vertical(id="box") as box:
            box.border_title = self._title()
            box.border_subtitle = "ctrl+s tests and saves · esc closes"
            if self._first:
                yield Static(id="welcome", markup=False)
            yield from self._rows()
            yield Static(id="told", markup=False)
            with Horizontal(id="buttons"):
                yield Button(
                    "Test and save", variant="primary", compact=True, id="save"
                )
                if self._first:
                    yield Button("Try the demo", compact=True, id="demo")
                yield Button("Cancel", compact=True, id="cancel")

    def _title(self) -> str:
        if self._was is not None:
            return f"Profile {self._was.name}"
        return "Welcome to chronotui" if self._first else "New profile"

    def _rows(self) -> ComposeResult:
        was = self._was
        kind = was.kind if was else SOURCE_KINDS[0]
        kinds = [(one.name, one.label) for one in KINDS.values()]
        yield field_row("Kind", RadioRow(kinds, kind, id="kind"))
        yield field_row("URL", _field("url", "", was.url if was else ""))
        method = was.auth.method if was else KINDS[kind].methods[0]
        yield field_row("Sign in", RadioRow(_methods(kind), method, id="method"))
        email = was.auth.email if was else ""
        yield field_row("E-mail", _field("email", "you@example.com", email))
        command = command_of(was) if was else ""
        yield field_row("Secret", _field("command", ASKED, command))
        allows = INSECURE[was is not None and was.insecure][0]
        yield field_row("Insecure", RadioRow(INSECURE, allows, id="insecure"))
        name = _field("name", USUAL_NAME, self._free(self._named))
        name.disabled = was is not None
        yield field_row("Name", name)

    def on_mount(self) -> None:
        self.query_one("#url").focus()
        self._follow_kind()

    def _free(self, name: str) -> str:
        """Return a name, numbered where another profile has it."""
        names = chain([name], (f"{name}-{number}" for number in count(2)))
        return next(each for each in names if each not in self._taken)

    @on(Input.Changed, "#url")
    def _follow_url(self) -> None:
        """Offer a name that fits, and to sign in without https where that is meant."""
        name, draft = self.query_one("#name", Input), self._draft()
        if self._was is None and name.value == self._free(self._named):
            self._named = draft.fitting_name
            name.value = self._free(self._named)
        self.query_one("#row-insecure").display = draft.needs_insecure

    @on(RadioRow.Changed, "#kind")
    def _follow_kind(self) -> None:
        """Ask in the words of the kind, for a way to sign in that it takes."""
        kind = KINDS[self._draft().kind]
        for welcome in self.query("#welcome").results(Static):
            words = f"Where is your {kind.unit}? This goes to {self._config_path}."
            welcome.update(Content(clean(words)))
        self.query_one("#url", Input).placeholder = kind.url_example
        self.query_one("#method", RadioRow).offer(_methods(kind.name))
        self._follow_method()

    @on(RadioRow.Changed, "#method")
    def _follow_method(self) -> None:
        """Show the fields the method needs, and say what it has no use for."""
        draft = self._draft()
        needs_email = METHODS[draft.method].needs_email
        self.query_one("#row-email").display = needs_email
        self.query_one("#row-command").display = draft.method in SECRET_OF
        source = source_words(self._was, draft.method) if self._was else ""
        words = f"{source}; or a command that prints it" if source else ASKED
        self.query_one("#command", Input).placeholder = clean(words)
        self.query_one("#row-insecure").display = draft.needs_insecure
        self._say_dropped()

    @on(Input.Changed, "#command")
    def _say_dropped(self) -> None:
        dropped = self._draft().dropped()
        words = f"Saving takes out {' and '.join(dropped)}." if dropped else ""
        self._tell(words)

    @on(Input.Submitted)
    def _next_field(self) -> None:
        """Go on to the next field; from the last one, save."""
        if self.focused is self.query_one("#name"):
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

    @work(group="profile-trial", exclusive=True)
    async def _save(self, draft: ProfileDraft, *, tried: bool = True) -> None:
        try:
            edit, profile = draft.prepare(self._config_path)
            if tried and not await self._works(profile):
                return
            edit.write()
        except ChronotuiError as error:
            self._tell(str(error), is_problem=True)
            return
        self.dismiss(profile.name)

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
        fields = (*self.query(Input), *self.query(RadioRow))
        typed: dict[str, str] = {str(field.id): field.value for field in fields}
        return ProfileDraft(
            **{name: value.strip() for name, value in typed.items()}, was=self._was
        )


def _methods(kind: str) -> list[tuple[str, str]]:
    """Return the ways to sign in to a kind of server, with their words."""
    return [(name, METHODS[name].label) for name in KINDS[kind].methods]


def _field(name: str, example: str, value: str = "") -> Input:
    return Input(value, placeholder=example, compact=True, id=name)


class RemoveScreen(Question[bool]):
    """Answers whether a profile is taken out of the configuration.

    Args:
        name: The profile.
        edit: The configuration without it, not written yet.
        current: Whether the desk is on it.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,n,q", "answer(0)", "keep", id="profile_remove.keep"),
        Binding("y", "answer(1)", "remove", id="profile_remove.remove"),
        *ANSWER_MOVES,
    ]

    def __init__(self, name: str, edit: Edit, *, current: bool = False) -> None:
        words = [f"It is taken out of {edit.path}, and its kept session goes."]
        if current:
            words.append("This desk stays on it until it is left.")
        super().__init__(
            f"Remove {clean(name)}?",
            [clean(" ".join(words))],
            ((False, "Keep (n)"), (True, "Remove (y)")),
        )


NONE_YET: Final = "There are no profiles yet: a adds one."
KEYS: Final = (
    "enter opens · a adds · e edits · t tests · u makes it the default · "
    "d removes · esc closes"
)


class ProfilesScreen(ProfileDialog):
    """Answers with the name of the chosen profile, None when it is left.

    Args:
        config: The configuration the profiles stand in.
        current: The name of the desk's profile.
        changed: Called with the configuration after each change of it.
    """

    DEFAULT_CSS = """
    ProfilesScreen OptionList {
        height: auto; max-height: 12; text-wrap: nowrap; text-overflow: ellipsis;
    }
    ProfilesScreen #keys { height: auto; margin-top: 1; color: $text-muted; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "add", "add", id="profiles.add"),
        Binding("e", "edit", "edit", id="profiles.edit"),
        Binding("t", "test", "test the connection", id="profiles.test"),
        Binding("u", "use", "make it the default", id="profiles.use"),
        Binding("d,delete", "remove", "remove", id="profiles.remove"),
        Binding("escape,q", "leave", "close", id="profiles.close"),
        *LIST_MOVES,
    ]

    def __init__(
        self,
        config: Config,
        current: str,
        *,
        changed: Callable[[Config], None] = lambda _config: None,
    ) -> None:
        super().__init__()
        self._config = config
        self._current = current
        self._changed = changed

    def compose(self) -> ComposeResult:
        with Vertical() as box:
            box.border_title = "Profiles"
            yield OptionList(compact=True)
            yield Static(id="told", markup=False)
            yield Static(KEYS, id="keys", markup=False)

    def on_mount(self) -> None:
        self._list(self._current)
        if not self._config.profiles:
            self._tell(NONE_YET)

    def _list(self, chosen: str | None) -> None:
        profiles = self._config.profiles
        listed = self.query_one(OptionList)
        listed.clear_options()
        width = max((cell_len(name) for name in profiles), default=0)
        for name, profile in profiles.items():
            listed.add_option(Option(self._label(profile, width), id=name))
        listed.display = bool(profiles)
        if profiles:
            names = list(profiles)
            listed.highlighted = names.index(chosen) if chosen in names else 0
            self.set_focus(listed)

    def _label(self, profile: Profile, width: int) -> Text:
        mark = "●" if profile.name == self._current else " "
        name = clean(profile.name)
        gap = " " * (width - cell_len(name))
        words = [f"{mark} {name}{gap}", clean(profile.url), clean(profile.auth.email)]
        if len({one.kind for one in self._config.profiles.values()}) > 1:
            words.append(KINDS[profile.kind].label)
        if profile.name == self._config.default_profile:
            words[0] += "  default"
        elif self._config.default_profile in self._config.profiles:
            words[0] += " " * len("  default")
        return Text("  ".join(filter(None, words)), no_wrap=True, overflow="ellipsis")

    @property
    def _chosen(self) -> Profile | None:
        place = self.query_one(OptionList).highlighted
        return None if place is None else list(self._config.profiles.values())[place]

    @on(OptionList.OptionSelected)
    def _open(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.dismiss(event.option_id)

    @work(group="profile-change", exclusive=True)
    async def action_add(self) -> None:
        form = ProfileForm(self._config.path, taken=self._config.profiles)
        name = await self.app.push_screen_wait(form)
        if name is not None:
            self._read_again(name, f"{name} was added; enter opens it.")

    @work(group="profile-change", exclusive=True)
    async def action_edit(self) -> None:
        profile = self._chosen
        if profile is None:
            return
        form = ProfileForm(self._config.path, was=profile)
        name = await self.app.push_screen_wait(form)
        if name == self._current:
            self._read_again(name, f"{name} was changed; enter connects anew.")
        elif name is not None:
            self._read_again(name, f"{name} was changed.")

    @work(group="profile-test", exclusive=True)
    async def action_test(self) -> None:
        """Try the chosen profile's connection and sign-in."""
        from chronotui.engine.diagnosis import try_profile

        profile = self._chosen
        if profile is None:
            return
        self._tell(f"Connecting to {profile.url} …")
        try:
            self._tell(await try_profile(profile, ask=self._ask))
        except ChronotuiError as error:
            self._tell(f"{profile.name}: {error}", is_problem=True)

    def action_use(self) -> None:
        """Have the chosen profile opened when none is named."""
        profile = self._chosen
        if profile is None:
            return

        def change(document: Document) -> None:
            document["default_profile"] = profile.name

        try:
            edit_config(self._config.path, change).write()
        except ChronotuiError as error:
            self._tell(str(error), is_problem=True)
            return
        self._read_again(profile.name, f"{profile.name} is the default profile now.")

    @work(group="profile-change", exclusive=True)
    async def action_remove(self) -> None:
        from chronotui.storage.config import forget_profile
        from chronotui.storage.state import SessionFile

        profile = self._chosen
        if profile is None:
            return
        name = profile.name
        try:
            edit = edit_config(self._config.path, lambda d: forget_profile(d, name))
            question = RemoveScreen(name, edit, current=name == self._current)
            if not await self.app.push_screen_wait(question):
                return
            edit.write()
        except ChronotuiError as error:
            self._tell(str(error), is_problem=True)
            return
        SessionFile.of(profile).forget()
        self._read_again(None, f"{name} was removed.")

    def _read_again(self, chosen: str | None, words: str) -> None:
        """Read the file again, and show and tell what it says now."""
        try:
            self._config = load_config(self._config.path)
        except ChronotuiError as error:
            self._tell(str(error), is_problem=True)
            return
        self._changed(self._config)
        self._list(chosen)
        self._tell(words)


class FirstRunApp(App[str]):
    """The form alone on the screen, before there is any desk to show it over.

    Returns the new profile's name, DEMO, or None when the form is left.
    """

    TITLE = "chronotui"
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+c,ctrl+q", "leave", "quit", show=False, priority=True),
    ]

    def __init__(self, config_path: Path) -> None:
        super().__init__()
        self._config_path = config_path
        self.animation_level = "none"

    def on_mount(self) -> None:
        self.push_screen(ProfileForm(self._config_path, first=True), self.exit)

    def action_leave(self) -> None:
        self.exit(None)


def run_first_run(config_path: Path) -> str | None:
    """Show the form; returns a profile's name, DEMO, or None when it was left."""
    return FirstRunApp(config_path).run()
