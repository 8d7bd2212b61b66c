"""The list of profiles: opened, made, changed, tried and removed from here."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from rich.cells import cell_len
from rich.text import Text
from textual import on, work
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from chronotui.core.text import clean
from chronotui.errors import ChronotuiError
from chronotui.storage.config import load_config
from chronotui.storage.config_edit import edit_config
from chronotui.ui.dialog import LIST_MOVES
from chronotui.ui.profiles.dialog import ProfileDialog
from chronotui.ui.profiles.form import ProfileForm
from chronotui.ui.profiles.remove_screen import RemoveScreen

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.app import ComposeResult

    from chronotui.storage.config_edit import Document
    from chronotui.storage.settings import Config, Profile

NONE_YET: Final = "There are no profiles yet: a adds one."
KEYS: Final = (
    "enter opens · a adds · e edits · t tests · u makes it the default · "
    "d removes · esc closes"
)
LAYOUT: Final = (
    "{path} has a layout that cannot be kept; change it by hand, or its comments "
    "would be lost."
)


class ProfilesScreen(ProfileDialog):
    """Answers with the name of the chosen profile, None when it is left.

    Args:
        config: The configuration the profiles stand in.
        current: The name of the desk's profile.
        changed: Called with the configuration after each change of it.
    """

    DEFAULT_CSS = """
    ProfilesScreen { align: center middle; }
    ProfilesScreen > Vertical {
        width: 76; max-width: 100%; height: auto; max-height: 100%;
        border: round $primary; padding: 0 1; background: $surface;
    }
    ProfilesScreen OptionList {
        height: auto; max-height: 12; text-wrap: nowrap; text-overflow: ellipsis;
    }
    ProfilesScreen #told { height: auto; margin-top: 1; }
    ProfilesScreen #told.-problem { color: $text-error; }
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
        """Yield the list, what was said last, and the keys."""
        with Vertical() as box:
            box.border_title = "Profiles"
            yield OptionList(compact=True)
            yield Static(id="told", markup=False)
            yield Static(KEYS, id="keys", markup=False)

    def on_mount(self) -> None:
        """Stand on the current profile."""
        self._list(self._current)
        if not self._config.profiles:
            self._tell(NONE_YET)

    def _list(self, chosen: str | None) -> None:
        """List the profiles of the configuration, one of them chosen."""
        profiles = self._config.profiles
        listed = self.query_one(OptionList)
        listed.clear_options()
        width = max((cell_len(name) for name in profiles), default=0)
        listed.add_options(
            Option(self._label(profile, width), id=profile.name)
            for profile in profiles.values()
        )
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

    def action_leave(self) -> None:
        """Answer with none."""
        self.dismiss(None)

    def action_move(self, where: str) -> None:
        """Move as in the other lists."""
        getattr(self.query_one(OptionList), f"action_cursor_{where}")()

    @work(group="profile-change", exclusive=True)
    async def action_add(self) -> None:
        """Make a profile; its connection is tried first."""
        name = await self.app.push_screen_wait(ProfileForm(self._config.path))
        if name is not None:
            self._take_over(name, f"{name} was added; enter opens it.")

    @work(group="profile-change", exclusive=True)
    async def action_edit(self) -> None:
        """Change the chosen profile; its connection is tried first."""
        profile = self._chosen
        if profile is None:
            return
        form = ProfileForm(self._config.path, was=profile)
        name = await self.app.push_screen_wait(form)
        if name == self._current:
            self._take_over(name, f"{name} was changed; enter connects anew.")
        elif name is not None:
            self._take_over(name, f"{name} was changed.")

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
            edit = edit_config(self._config.path, change)
            if edit.loses_comments:
                self._tell(LAYOUT.format(path=edit.path), is_problem=True)
                return
            edit.write()
        except ChronotuiError as error:
            self._tell(str(error), is_problem=True)
            return
        self._take_over(profile.name, f"{profile.name} is the default profile now.")

    @work(group="profile-change", exclusive=True)
    async def action_remove(self) -> None:
        """Take the chosen profile out of the configuration, after asking."""
        from chronotui.engine.saved_session import forget_session
        from chronotui.storage.profile_table import forget_profile

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
        forget_session(profile)
        self._take_over(None, f"{name} was removed.")

    def _take_over(self, chosen: str | None, words: str) -> None:
        """Read the file again, and show and tell what it says now."""
        try:
            self._config = load_config(self._config.path)
        except ChronotuiError as error:
            self._tell(str(error), is_problem=True)
            return
        self._changed(self._config)
        self._list(chosen)
        self._tell(words)
