"""The desk, which opens when no command is given, and the verb `demo`."""

from __future__ import annotations

import errno
import gc
import os
import sys
from typing import TYPE_CHECKING, Final, cast

from chronotui.cli.output import has_screen, is_terminal, speaks_utf8
from chronotui.errors import UsageError

if TYPE_CHECKING:
    from argparse import Namespace
    from io import TextIOWrapper

    from chronotui.cli.invocation import Invocation
    from chronotui.demo.kinds import RunningDemo
    from chronotui.log.handoff import LinePlace
    from chronotui.storage.settings import Config, Profile

_NO_CURSOR: Final = frozenset({"dumb", "unknown"})
_MANY_COLOURS: Final = frozenset({"truecolor", "24bit"})
"""What COLORTERM says outside, and goes on saying inside a screen."""

_SWITCH_SECONDS: Final = 0.001
"""How long a thread that is busy may keep the screen's one waiting."""


def desk(invocation: Invocation) -> int:
    """Open the desk on the profile in use; without any profile, the first-run form."""
    _prepare_screen()
    if not has_screen() or not _is_first_start(invocation):
        profile = invocation.profile
    else:
        made = _make_first_profile(invocation)
        if made is None:
            return _open_demo_desk(invocation)
        profile = made
    _check_link(invocation.options, profile)
    _need_terminal("chronotui --help names the commands that work without one.")
    return _show_desk(invocation, profile, invocation.config)


def _check_link(options: Namespace, profile: Profile) -> None:
    """Refuse a job without its workflow; the runs of an app have none."""
    from chronotui.sources.protocol import KINDS

    has_workflows = not KINDS[profile.kind].capabilities.runs
    if options.job and not options.workflow and has_workflows:
        raise UsageError("--job needs --workflow beside it.")
    if options.line is None:
        return
    if not has_workflows:
        item = KINDS[profile.kind].nouns.item
        raise UsageError(
            f"--line: the lines of a {item} have no lasting numbers.",
            next_step=f"--job alone opens the {item}.",
        )
    if not options.job:
        raise UsageError("--line needs --workflow and --job beside it.")
    _line(options)


def _line(options: Namespace) -> LinePlace | None:
    """Return the line that is named."""
    if options.line is None:
        return None
    from chronotui.log.handoff import LinePlace

    try:
        return LinePlace.parse(options.line)
    except ValueError as error:
        raise UsageError(f"--line: {error}") from None


def _show_desk(
    invocation: Invocation,
    profile: Profile,
    config: Config,
    *,
    demo: bool = False,
    tour: tuple[str, ...] = (),
) -> int:
    """Load the desk and show it.

    The garbage collector rests until the desk is connected: it finds nothing while
    modules are loaded, and takes a twentieth of the time to the first frame. Threads
    that decode a download give way to the screen sooner than is usual.
    """
    log = invocation.log
    gc.disable()
    sys.setswitchinterval(_SWITCH_SECONDS)
    try:
        from chronotui.ui.app import run_desk

        return run_desk(
            profile,
            config,
            workflow=invocation.options.workflow,
            job=invocation.options.job,
            line=_line(invocation.options),
            demo=demo,
            tour=tour,
            log=log,
            tell=invocation.say,
        )
    finally:
        gc.enable()


def _prepare_screen() -> None:
    """Refuse a terminal that cannot show a desk; make up for what one cannot do.

    It comes before anything of Textual's, which reads the environment once.
    """
    term = os.environ.get("TERM", "")
    if term in _NO_CURSOR and has_screen():
        raise UsageError(
            f"TERM={term} is a terminal whose cursor cannot be moved.",
            next_step="chronotui --help names the commands that work in it.",
        )
    if _is_in_screen(term) and os.environ.get("COLORTERM") in _MANY_COLOURS:
        os.environ["TEXTUAL_COLOR_SYSTEM"] = "256"
    stream = sys.__stderr__
    if is_terminal(stream) and not speaks_utf8(stream):
        from chronotui.ui.term.stand_ins import put_in

        put_in(cast("TextIOWrapper", stream))


def _is_in_screen(term: str) -> bool:
    """Whether a screen is next to us: it drops colours beyond 256.

    It may stand around a tmux or within one, which both say so.
    """
    return "TMUX" not in os.environ and ("STY" in os.environ or term[:6] == "screen")


def _need_terminal(next_step: str) -> None:
    if not has_screen():
        raise UsageError(
            "The desk needs a terminal for its input and output.", next_step=next_step
        )


def _is_first_start(invocation: Invocation) -> bool:
    """Whether there is no profile, nor a server's URL instead of one."""
    if invocation.server_url:
        return False
    return not invocation.config_path.exists() or not invocation.config.profiles


def _make_first_profile(invocation: Invocation) -> Profile | None:
    """Let the user make a profile; None when the demo is wanted instead.

    Raises:
        KeyboardInterrupt: The form was left.
    """
    from chronotui.ui.profiles import DEMO, run_first_run

    answer = run_first_run(invocation.config_path)
    if answer is None:
        raise KeyboardInterrupt
    if answer == DEMO:
        return None
    invocation.forget_config()
    return invocation.config.profiles[answer]


def demo(invocation: Invocation) -> int:
    options = invocation.options
    if not options.serve:
        _prepare_screen()
        _check_desk_opens(options.kind)
        _need_terminal("chronotui demo --serve starts the server alone.")
    server = _make_demo(options)
    try:
        server.start()
    except OSError as error:
        why = os.strerror(error.errno or errno.EADDRINUSE)
        raise UsageError(
            f"Port {server.port} cannot be served on: {why}.",
            next_step="Choose another --port, or 0 for a free one.",
        ) from None
    try:
        run = _serve if options.serve else _show_demo
        return run(invocation, server)
    finally:
        server.stop()


def _check_desk_opens(kind_name: str) -> None:
    from chronotui.sources.protocol import KINDS

    kind = KINDS[kind_name]
    if not kind.opener:
        raise UsageError(
            f"The demo of a {kind.unit} is not in this version.",
            next_step=f"Leave out --kind {kind.name}.",
        )


def _make_demo(options: Namespace) -> RunningDemo:
    from chronotui.demo.kinds import DemoOptions, make_demo

    try:
        return make_demo(
            options.kind,
            DemoOptions(
                options.seed,
                options.port or 0,
                lines=options.lines,
                fleet=options.fleet,
                dialect=options.dialect,
                version=options.server_version,
            ),
        )
    except ValueError as error:
        raise UsageError(
            f"{error} is not for a demo of this kind.",
            next_step="Leave it out, or choose another --kind.",
        ) from None


def _open_demo_desk(invocation: Invocation) -> int:
    from chronotui.demo.server import DemoServer

    with DemoServer() as server:
        return _show_demo(invocation, server)


def _show_demo(invocation: Invocation, server: RunningDemo) -> int:
    profile, config = demo_profile(server), invocation.config
    return _show_desk(invocation, profile, config, demo=True, tour=server.tour)


def demo_profile(server: RunningDemo) -> Profile:
    from chronotui.storage.settings import AuthSettings, Profile, Secret

    known = server.credentials()
    if known.token:
        auth = AuthSettings(
            method="bearer",
            token=Secret(known.token),
            session=Secret(known.session) if known.session else None,
        )
    else:
        auth = AuthSettings(email=known.email, password=Secret(known.password))
    return Profile(
        name="demo",
        kind=server.kind,
        url=server.url,
        poll_seconds=2.0,
        actions=True,
        auth=auth,
    )


def _serve(invocation: Invocation, server: RunningDemo) -> int:
    """Say where the server is on standard output, and serve until interrupted."""
    import signal

    from chronotui.cli.invocation import end_at_once

    output = invocation.output
    output.write(f"{server.url}\n")
    output.flush()
    invocation.say(f"serving; {server.greeting}. Ctrl+C ends it.")
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, end_at_once)
    while True:
        signal.pause()
