"""The desk, which opens when no command is given."""

from __future__ import annotations

import errno
import gc
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from chronotui.cli import invocation as selection
from chronotui.cli import output as terminal
from chronotui.cli.output import say
from chronotui.errors import UsageError

if TYPE_CHECKING:
    from chronotui.cli.invocation import Invocation
    from chronotui.demo.server import DemoServer
    from chronotui.storage.settings import Config, Profile
    from chronotui.storage.state import DiagnosticLog

SWITCH_SECONDS: Final = 0.001
"""How long a thread that is busy may keep the screen's one waiting."""


def desk(invocation: Invocation) -> int:
    """Open the desk on the profile in use; without any profile, the first-run form.

    Raises:
        UsageError: There is no terminal, or a job is named without its workflow.
        ConfigError: The configuration is wrong, or there is none and nobody to ask.
    """
    options = invocation.options
    if options.job and not options.workflow:
        raise UsageError("--job needs --workflow beside it.")
    profile = _profile(invocation)
    if profile is None:
        return open_demo_desk(invocation)
    need_terminal("chronotui --help names the commands that work without one.")
    return show_desk(
        profile,
        invocation.config,
        workflow=options.workflow,
        job=options.job,
        log=invocation.log,
    )


def show_desk(
    profile: Profile,
    config: Config,
    *,
    workflow: str | None = None,
    job: str | None = None,
    demo: bool = False,
    log: DiagnosticLog | None = None,
) -> int:
    """Load the desk and show it; the arguments are those of ``run_desk``.

    The garbage collector rests until the desk is connected: it finds nothing while
    modules are loaded, and takes a twentieth of the time to the first frame. Threads
    that decode a download give way to the screen sooner than is usual.

    Raises:
        ConfigError: A theme or an action that does not exist.
    """
    gc.disable()
    sys.setswitchinterval(SWITCH_SECONDS)
    try:
        from chronotui.ui.app import run_desk

        return run_desk(
            profile,
            config,
            workflow=workflow,
            job=job,
            demo=demo,
            log=log,
            tell=lambda words: say(f"chronotui: {words}"),
        )
    finally:
        gc.enable()


def need_terminal(next_step: str) -> None:
    """Refuse to open a screen where there is none.

    Raises:
        UsageError: Input or output is not a terminal.
    """
    if terminal.has_screen():
        return
    raise UsageError(
        "The desk needs a terminal for its input and output.", next_step=next_step
    )


def _profile(invocation: Invocation) -> Profile | None:
    """Return the profile in use; None for the demo, chosen on the first start."""
    if terminal.has_screen() and _is_first_start(invocation):
        from chronotui.cli.main import make_first_profile

        return make_first_profile(invocation)
    return invocation.profile


def _is_first_start(invocation: Invocation) -> bool:
    """Whether there is no profile, nor a server's URL instead of one."""
    if selection.server_url(invocation.options.url, os.environ):
        return False
    if not invocation.config_path.exists():
        return True
    return not invocation.config.profiles


# The verb `demo`: a built-in server, with the desk on it or alone.


def demo(invocation: Invocation) -> int:
    """Start the demo server, and the desk on it unless only serving is asked for."""
    options = invocation.options
    from chronotui.sources.protocol import KINDS

    kind = KINDS[options.kind]
    if not kind.opener:
        raise UsageError(
            f"The demo of a {kind.unit} is not in this version.",
            next_step=f"Leave out --kind {kind.name}.",
        )
    if not options.serve:
        need_terminal("chronotui demo --serve starts the server alone.")
    server = _server(invocation)
    _start(server)
    try:
        run = _serve if options.serve else _desk
        return run(invocation, server)
    finally:
        server.stop()


def open_demo_desk(invocation: Invocation) -> int:
    """Open the desk on a demo server as it comes."""
    from chronotui.demo.server import DemoServer

    with DemoServer() as server:
        return _desk(invocation, server)


def _start(server: DemoServer) -> None:
    port = server.port
    try:
        server.start()
    except OSError as error:
        why = os.strerror(error.errno or errno.EADDRINUSE)
        raise UsageError(
            f"Port {port} cannot be served on: {why}.",
            next_step="Choose another --port, or 0 for a free one.",
        ) from None


def demo_profile(server: DemoServer) -> Profile:
    """Return the profile that signs in to a demo server."""
    from chronotui.demo.routes import Dialect
    from chronotui.storage.settings import AuthSettings, Profile, Secret

    auth = AuthSettings(email=server.email, password=Secret(server.password))
    if server.dialect is Dialect.DOCUMENTED:
        cookie, _csrf = server.open_session()
        auth = AuthSettings(
            method="bearer", token=Secret(server.token), session=Secret(cookie)
        )
    return Profile(name="demo", url=server.url, poll_seconds=2.0, auth=auth)


def _server(invocation: Invocation) -> DemoServer:
    from chronotui.demo.routes import Dialect
    from chronotui.demo.server import DemoServer

    options = invocation.options
    return DemoServer(
        seed=1 if options.seed is None else options.seed,
        dialect=Dialect(options.dialect),
        port=options.port or 0,
        lines=options.lines,
    )


def _serve(invocation: Invocation, server: DemoServer) -> int:
    """Say where the server is on standard output, and serve until interrupted."""
    import signal
    import threading

    output = invocation.output
    output.write(f"{server.url}\n")
    output.flush()
    output.say(
        f"chronotui: serving; sign in as {server.email} with {server.password}, or "
        f"with the token {server.token}. Ctrl+C ends it."
    )
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    ended.wait()
    return 0


def _desk(invocation: Invocation, server: DemoServer) -> int:
    from chronotui.storage.settings import Config

    options = invocation.options
    return show_desk(
        demo_profile(server),
        Config(Path(os.devnull)),
        workflow=options.workflow,
        job=options.job,
        demo=True,
        log=invocation.log,
    )
