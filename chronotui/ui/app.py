"""The application: one desk a profile, and the keys that are the same everywhere."""

from __future__ import annotations

import asyncio
import dataclasses
import signal
from functools import partial
from importlib.util import find_spec
from time import monotonic
from typing import TYPE_CHECKING, Any, ClassVar, Final

from msgspec.structs import replace
from textual.actions import parse
from textual.app import App, ReturnType, SystemCommand
from textual.binding import Binding, BindingType
from textual.command import (
    CommandList,
    CommandPalette,
    DiscoveryHit,
    Hits,
)
from textual.events import Event, Key
from textual.system_commands import SystemCommandsProvider
from textual.theme import BUILTIN_THEMES
from textual.widgets import Input

from chronotui.errors import ChronotuiError
from chronotui.ui.desk.screen import DeskScreen
from chronotui.ui.keys import all_actions, commands, desk_actions, help_key
from chronotui.ui.standing import dimming

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Mapping, Sequence

    from textual.driver import Driver
    from textual.events import DescendantFocus
    from textual.filter import LineFilter
    from textual.message import Message
    from textual.screen import Screen
    from textual.theme import Theme

    from chronotui.log.handoff import LinePlace
    from chronotui.storage.settings import Config, Profile
    from chronotui.storage.state import DiagnosticLog
    from chronotui.ui.desk.plan import DeskPlan


ANSI_LIGHT: Final = dataclasses.replace(  # noqa: TID251 — Textual's are dataclasses
    BUILTIN_THEMES["ansi-light"], warning="ansi_yellow"
)
"""Textual's own tells warnings in a brighter red than errors."""


class TypedAhead(App[ReturnType]):
    """Obeys a key before it looks where the next one belongs.

    Textual hands a key to the widget in focus, and obeys its binding when it has
    come back up through all parents. Keys that came with it, as over a slow line,
    are in the first widget's queue by then: of ``/timeout`` pasted into a log, the
    prompt that opens would get nothing.

    A screen that comes up late, by itself, says when in `asked_at`: keys that were
    pressed before do not answer it.
    """

    key_at = 0.0
    """When a key was last pressed, by the monotonic clock."""

    _is_at_rest = False
    """Whether it waits for messages, with none being obeyed."""

    _motions: tuple[object, object, Mapping[str, Callable[[], None]]] = (None, None, {})
    """What moves in which widget, by the keys of which keymap."""

    @property
    def _background_screens(self) -> list[Screen[Any]]:
        """The screens that shine through: none where the one in sight is opaque.

        Textual always takes the one below for such, and paints all anew with it.
        """
        in_sight = self.screen_stack[-1:]
        if all(screen.styles.background.a == 1 for screen in in_sight):
            return []
        return super()._background_screens

    async def on_event(self, event: Event) -> None:
        """Obey a key at once; what is neither typed nor bound is Textual's."""
        if isinstance(event, Key) and not event.is_forwarded:
            self.key_at = monotonic()
            if event.time < getattr(self.screen, "asked_at", 0.0):
                return
            first = await self._check_bindings(event.key, priority=True)
            if first or self._type(event) or await self._check_bindings(event.key):
                return
        await super().on_event(event)

    async def _get_message(self) -> Message:
        self._is_at_rest = True
        try:
            return await super()._get_message()
        finally:
            self._is_at_rest = False

    def moves_ahead(self, event: Key) -> bool:
        """Obey a key that moves the reader of a log ahead of all that Textual does.

        Only if nothing is to be done before and it would do just that: all it takes to
        find that out anew for each key is most of what a step costs.

        Returns:
            False, with nothing done, for all other keys.
        """
        screens = self.screen_stack[-1:]
        if not screens or not self._is_at_rest or self.message_queue_size:
            return False
        widget = screens[0].focused
        names = getattr(widget, "MOTIONS", None)
        if names is None or hasattr(screens[0], "asked_at"):
            return False
        if self._motions[0] is not widget or self._motions[1] is not self._keymap:
            self._motions = (widget, self._keymap, self._find_motions(names))
        move = self._motions[2].get(event.key)
        if move is None:
            return False
        self.key_at = monotonic()
        move()
        return True

    def _find_motions(self, names: Container[str]) -> dict[str, Callable[[], None]]:
        """Return what some actions of the widget in focus do, by their keys alone."""
        chain = self.screen._binding_chain  # noqa: SLF001
        taken = {
            key
            for _node, bindings in chain
            for key, bound in bindings.key_to_bindings.items()
            if any(each.priority for each in bound)
        }
        node, bindings = chain[0]
        found: dict[str, Callable[[], None]] = {}
        for key, (first, *others) in bindings.key_to_bindings.items():
            target, name, arguments = parse(first.action)
            if name in names and not target and not others and key not in taken:
                found[key] = partial(getattr(node, f"action_{name}"), *arguments)
        return found

    def _type(self, event: Key) -> bool:
        """Put a character into the input in focus, as the input itself does."""
        place = self.focused
        if not isinstance(place, Input) or not event.is_printable:
            return False
        if place.select_on_focus and not place.has_focus:
            # What it selects when it hears of its focus is what stood there before.
            place.action_select_all()
            place.select_on_focus = False
            place.call_later(setattr, place, "select_on_focus", True)
        if place.selection.is_empty:
            place.insert_text_at_cursor(event.character or "")
        else:
            place.replace(event.character or "", *place.selection)
        return True


class Palette(CommandPalette):
    """Textual's palette; its list takes keys once it is to be seen, and it dims.

    Before that, and where a small terminal leaves no row for it, Textual's own list
    fails on a page key: it does not know yet which option stands on which row.
    """

    def get_line_filters(self) -> Sequence[LineFilter]:
        return dimming(self, super().get_line_filters())

    def _action_command_list(self, action: str) -> None:
        if self.query_one(CommandList).scrollable_content_region:
            super()._action_command_list(action)


class OrderedCommands(SystemCommandsProvider):
    """Shows the commands as they come, by what one wants to do, not by the alphabet."""

    async def discover(self) -> Hits:
        for command in self.app.get_system_commands(self.screen):
            if command.discover:
                yield DiscoveryHit(command.title, command.callback, help=command.help)


class DeskApp(TypedAhead[int]):
    """Opens desks, one after the other, and dialogs over them."""

    COMMANDS = {OrderedCommands}  # noqa: RUF012 — typed by Textual
    CSS_PATH = "desk.tcss"
    TITLE = "chronotui"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("question_mark,f1", "help", "help", id="app.help"),
        help_key("q", "back_or_quit", "back, then quit", "app.quit"),
        Binding("ctrl+q", "leave", "quit", show=False, system=True, id="app.leave"),
        Binding(
            "ctrl+c",
            "interrupt",
            "stop following; twice quits",
            show=False,
            priority=True,
            system=True,
            id="app.interrupt",
        ),
        Binding(
            "ctrl+z",
            "suspend_process",
            "suspend; fg comes back",
            show=False,
            priority=True,
            id="app.suspend",
        ),
        Binding(
            "ctrl+p",
            "command_palette",
            "palette",
            show=False,
            priority=True,
            tooltip="palette of all commands",
            id="app.palette",
        ),
        help_key("P", "profiles", "profiles", "app.profiles"),
        help_key("f8", "act('start')", "run the workflow now", "app.start"),
        help_key("f9", "act('terminate')", "terminate the workflow", "app.terminate"),
        help_key(
            "f6",
            "act('read_notices')",
            "mark the workflow's notifications as read",
            "app.read_notices",
        ),
        help_key("f7", "act('actions')", "what was asked so far", "app.actions"),
    ]

    def __init__(
        self,
        plan: DeskPlan,
        config: Config,
        *,
        driver_class: type[Driver] | None = None,
    ) -> None:
        self.link_kilobytes = plan.ui.link_kilobytes
        super().__init__(driver_class=driver_class)
        self.plan = plan
        self.config = config
        self.parting: list[str] = []
        """What is to be said once the terminal is given back."""
        self.few_colours: Sequence[LineFilter] = ()
        """What maps colours where the terminal has few."""
        self.animation_level = "none"
        self.register_theme(ANSI_LIGHT)
        self.theme = plan.theme
        self.set_keymap(dict(config.keys))
        self._interrupted = False
        self.was_told = False
        """Whether a signal, or a terminal that is gone, ends it."""

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Return the filters in effect; ours for few colours comes last."""
        return [*super().get_line_filters(), *self.few_colours]

    def get_default_screen(self) -> DeskScreen:
        return DeskScreen(self.plan, self.parting.append)

    def on_mount(self) -> None:
        """Remember the theme that is chosen; leave in order when told to end."""
        self.theme_changed_signal.subscribe(self, self._theme_chosen)
        if self.is_headless or find_spec("termios") is None:
            return
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(self._failed_aside)
        for number in (signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self.end, number)

    def _failed_aside(
        self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]
    ) -> None:
        """End as after any fault when something fails that no message led to."""
        fault = context.get("exception")
        if "handle" in context and isinstance(fault, Exception):
            self._handle_exception(fault)
        else:
            loop.default_exception_handler(context)

    def _theme_chosen(self, theme: Theme) -> None:
        if theme.name != self.plan.theme:
            self.plan = replace(self.plan, chosen_theme=theme.name)
            self.plan.remember_theme(theme.name)

    def end(self, number: int) -> None:
        """Leave because a signal says so, or because the terminal is gone."""
        if not self.was_told:
            self.was_told = True
            self.exit(128 + number)

    def _fatal_error(self) -> None:
        """Leave without a traceback on the screen; the caller reports the fault."""
        if self.is_headless:
            super()._fatal_error()
        else:
            self._close_messages_no_wait()

    @property
    def fault(self) -> Exception | None:
        """The fault of the program that ended the desk, if one did."""
        return self._exception

    @property
    def desk(self) -> DeskScreen:
        """The desk below whatever dialog is open."""
        return next(s for s in self.screen_stack if isinstance(s, DeskScreen))

    def on_descendant_focus(self, event: DescendantFocus) -> None:
        """Have no cursor blink: nothing moves that did not change, over SSH least."""
        if isinstance(event.widget, Input):
            event.widget.cursor_blink = False

    def action_command_palette(self) -> None:
        if not isinstance(self.screen, Palette):
            self.push_screen(Palette(id="--command-palette"))

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        yield from commands(screen, self.config.keys)
        yield from super().get_system_commands(screen)

    def action_help(self) -> None:
        from chronotui.ui.help import HelpScreen, help_over

        if not isinstance(self.screen, HelpScreen):
            self.push_screen(help_over(self.screen, self.config.keys))

    @property
    def acts(self) -> bool:
        """Whether the profile allows to change anything, so that it is offered."""
        plan = self.plan
        return plan.profile.actions and plan.kind.capabilities.actions

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Bind the keys of actions where they are allowed."""
        if action == "act":
            return self.acts
        return super().check_action(action, parameters)

    def action_act(self, what: str) -> None:
        """Begin to change something: `chronotui.ui.actions` asks before."""
        from chronotui.ui.actions import act

        act(self, what)

    def put_on_keys(self, name: str, keys: str) -> str:
        """Put an action on other keys, from now on; say what could not be kept."""
        from chronotui.storage.config import load_config, put_keys
        from chronotui.storage.config_edit import edit_config

        changed = replace(self.config, keys={**self.config.keys, name: keys})
        said = "Until the desk is left: a demo keeps nothing."
        if self.plan.memory is not None:
            path = self.config.path
            try:
                edit_config(
                    path, lambda document: put_keys(document, name, keys)
                ).write()
                changed, said = load_config(path), f"Kept in {path}."
            except ChronotuiError as error:
                said = f"Until the desk is left. {error}"
        self.config = changed
        self.set_keymap(dict(changed.keys))
        return said

    def action_profiles(self) -> None:
        """List the profiles over what is shown; closed, that is shown again."""
        from chronotui.ui.profiles import ProfilesScreen

        def take(config: Config) -> None:
            self.config = config

        if not self.screen.is_modal:
            name = self.plan.profile.name
            profiles = ProfilesScreen(self.config, name, changed=take)
            self.push_screen(profiles, self._switch_profile)

    def _switch_profile(self, name: str | None) -> None:
        """Open another profile, or the same one when it was changed."""
        profile = self.config.profiles.get(name or "")
        if profile is not None and profile != self.plan.profile:
            while self.screen is not self.desk:
                self.pop_screen()
            self.desk.leave(lambda: self._open_profile(profile))

    def _open_profile(self, profile: Profile) -> None:
        from chronotui.ui.desk.plan import plan_for

        self.plan = replace(plan_for(profile, self.config), log=self.plan.log)
        self.theme = self.plan.theme
        self.switch_screen(self.get_default_screen())

    def action_back_or_quit(self) -> None:
        """Go back one step; leave when there is none."""
        if self.desk.is_at_root:
            self.action_leave()
        else:
            self.desk.action_back()

    def action_leave(self) -> None:
        """Leave, after asking when a save would be lost."""
        self.desk.leave(lambda: self.exit(0))

    def action_interrupt(self) -> None:
        """Stop following; a second time in a row leaves."""
        if self._interrupted:
            self.exit(130)
            return
        self._interrupted = True
        self.set_timer(2.0, self._calm_down)
        getattr(self.screen, "stop_following", self.desk.stop_following)()

    def _calm_down(self) -> None:
        self._interrupted = False


def run_desk(
    profile: Profile,
    config: Config,
    *,
    workflow: str | None = None,
    job: str | None = None,
    line: LinePlace | None = None,
    demo: bool = False,
    tour: tuple[str, ...] = (),
    log: DiagnosticLog | None = None,
    tell: Callable[[str], None] = lambda _words: None,
) -> int:
    """Show the desk until the user leaves it; returns the exit code.

    ``workflow``, ``job`` and ``line`` are a deep link; nothing of a ``demo`` is
    remembered but that its ``tour`` was dismissed; ``tell`` takes what is to be said
    once the terminal is given back.

    Raises:
        ConfigError: A theme or an action that does not exist.
        Exception: A fault of the program, for the caller to report in one sentence;
            the terminal is restored by then.
    """
    from chronotui.storage.files import state_dir
    from chronotui.storage.state import StateFile
    from chronotui.ui.desk.plan import plan_for, with_tour

    if config.ui.theme not in BUILTIN_THEMES:
        raise config.error(("ui", "theme"), f"is not a theme: {config.ui.theme!r}.")
    if config.keys and not {one.id for one in desk_actions()} >= config.keys.keys():
        config.check_key_names(action.id for action in all_actions())
    plan = plan_for(profile, config, remembers=not demo)
    if tour:
        plan = with_tour(plan, tour, StateFile(state_dir()))
    app = DeskApp(
        replace(
            plan,
            workflow=workflow,
            job=job,
            line=line,
            verb="demo" if demo else "",
            log=log,
        ),
        config,
        driver_class=_driver(),
    )
    if app.console.color_system == "standard":
        from chronotui.ui.term.sixteen import SixteenColours

        app.few_colours = (SixteenColours(),)
    result = app.run()
    for words in app.parting:
        tell(words)
    # What a terminal breaks that goes away is no fault of the program.
    if app.fault is not None and not app.was_told:
        raise app.fault
    return result or app.return_code or 0


def _driver() -> type[Driver] | None:
    """Return our own driver where this platform has it."""
    if find_spec("termios") is None:
        return None
    from chronotui.ui.term.driver import driver_class

    return driver_class()
