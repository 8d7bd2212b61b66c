"""The verb `demo`: a built-in server, with the desk on it or alone."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import TYPE_CHECKING

from chronotui.errors import UsageError

if TYPE_CHECKING:
    from chronotui.cli.invocation import Invocation
    from chronotui.demo.server import DemoServer
    from chronotui.storage.settings import Profile


def demo(invocation: Invocation) -> int:
    """Start the demo server, and the desk on it unless only serving is asked for."""
    options = invocation.options
    if options.kind != "chronoverse":
        raise UsageError(
            "The demo of a Dify app is not in this version.",
            next_step="Leave out --kind dify.",
        )
    if not options.serve:
        from chronotui.cli.desk import need_terminal

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
    from chronotui.demo import DemoServer

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
    from chronotui.demo import Dialect
    from chronotui.storage.secret import Secret
    from chronotui.storage.settings import AuthSettings, Profile

    auth = AuthSettings(email=server.email, password=Secret(server.password))
    if server.dialect is Dialect.DOCUMENTED:
        cookie, _csrf = server.open_session()
        auth = AuthSettings(
            method="bearer", token=Secret(server.token), session=Secret(cookie)
        )
    return Profile(name="demo", url=server.url, poll_seconds=2.0, auth=auth)


def _server(invocation: Invocation) -> DemoServer:
    from chronotui.demo import DemoServer, Dialect

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
    from chronotui.cli.desk import show_desk
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
