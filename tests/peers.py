"""The program beside real other ones: ``python -m tests.peers``.

Each proxy that is installed is started on loopback, with a configuration in a folder
of its own, before a demo server; the same readers as in ``tests.exactness`` go
through it. What a proxy makes of a stream and of an answer that breaks off is the
proxy's: it buffers, speaks HTTP/1.0 behind, or ends properly what was cut.

Then what reads our output or stands before the screen: lnav, shells, multiplexers.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from random import SystemRandom
from typing import TYPE_CHECKING, Final

from chronotui.demo.routes import Dialect
from tests.exactness.apps import APP_CASE, run_app
from tests.exactness.cases import EVERY, SCALE
from tests.exactness.runs import Run, report, run
from tests.peer_clipboard import COPIES
from tests.peer_cores import CORES
from tests.peer_tools import TOOLS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chronotui.demo.server import LoopbackListener
    from tests.peer_tools import Tool

_START_SECONDS: Final = 15.0

CASES: Final = (
    "calm",
    "5 % dropped, 3 % doubled, 2 % swapped",
    "cut every 50 to 500 ms",
    "race for numbers, heavy, 20 % dropped",
    "three attempts, race, cut",
    "server restarted",
    "ended, whole downloads",
    "ended, cut at a line's end",
    "ended, the server dies",
    "ended, three attempts, cut",
)
"""Those in which what stands between can make a difference."""


@dataclass(frozen=True)
class Peer:
    """A proxy and how it is run.

    Attributes:
        program: What is looked for on the path.
        config: Its configuration; ``{port}``, ``{server}`` (a port) and ``{folder}``
            are filled in.
        arguments: After the program; ``{config}`` is the configuration's path.
    """

    name: str
    program: str
    config: str
    arguments: tuple[str, ...]

    @property
    def path(self) -> str | None:
        """Where it is installed, None if it is not."""
        folders = os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin"
        return shutil.which(self.program, path=folders)


_NGINX: Final = """
daemon off;
worker_processes 1;
%s
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 512; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://127.0.0.1:{server};
            %s
        }}
    }}
}}
"""

_USER: Final = "user root;" if os.geteuid() == 0 else ""
"""Its workers write to our folder, which is nobody else's."""

_AT_ONCE: Final = """
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_buffering off;
"""

_HELD: Final = """
            proxy_ignore_headers X-Accel-Buffering;
"""

_NGINX_ARGUMENTS: Final = ("-c", "{config}", "-p", "{folder}", "-e", "{folder}/e.log")

OTHERS: Final = (*TOOLS, *COPIES, *CORES)
PEERS: Final = (
    Peer("nginx, default", "nginx", _NGINX % (_USER, ""), _NGINX_ARGUMENTS),
    Peer(
        "nginx, HTTP/1.1",
        "nginx",
        _NGINX % (_USER, _AT_ONCE),
        _NGINX_ARGUMENTS,
    ),
    Peer("nginx, buffering", "nginx", _NGINX % (_USER, _HELD), _NGINX_ARGUMENTS),
    Peer(
        "haproxy",
        "haproxy",
        """
defaults
    mode http
    timeout connect 5s
    timeout client 50s
    timeout server 50s
frontend front
    bind 127.0.0.1:{port}
    default_backend back
backend back
    server demo 127.0.0.1:{server}
""",
        ("-db", "-f", "{config}"),
    ),
    Peer(
        "caddy",
        "caddy",
        """{{
    admin off
    auto_https off
}}
http://127.0.0.1:{port} {{
    reverse_proxy 127.0.0.1:{server}
}}
""",
        ("run", "--config", "{config}", "--adapter", "caddyfile"),
    ),
)


class Running:
    """A proxy before a demo server; a context that ends it.

    Args:
        peer: Which.
        server: The demo server's port.

    Raises:
        RuntimeError: It does not take connections.
    """

    def __init__(self, peer: Peer, server: int) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="chronotui-peer-")
        folder = Path(self._folder.name)
        self.port = _free_port()
        config = folder / "config"
        config.write_text(
            peer.config.format(port=self.port, server=server, folder=folder)
        )
        assert peer.path is not None
        arguments = [
            word.format(config=config, folder=folder) for word in peer.arguments
        ]
        self._output = (folder / "output").open("wb")
        self._process = subprocess.Popen(
            [peer.path, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=self._output,
            cwd=folder,
            env={"PATH": os.environ.get("PATH", ""), "HOME": str(folder)},
        )
        try:
            self._wait()
        except RuntimeError as error:
            words = (folder / "output").read_text(errors="replace").splitlines()
            self.end()
            raise RuntimeError(" ".join([f"{error}", *words[-1:]])) from None

    def _wait(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise RuntimeError("it ended at once.")
            try:
                socket.create_connection(("127.0.0.1", self.port), 1.0).close()
            except OSError:
                time.sleep(0.02)
            else:
                return
        raise RuntimeError("it does not listen.")

    def end(self) -> None:
        """End it and remove its folder."""
        self._process.terminate()
        try:
            self._process.wait(5.0)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._output.close()
        self._folder.cleanup()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def run_through(peer_name: str, case_name: str, dialect: Dialect, seed: int) -> Run:
    """Run a case through a proxy, in a process that has no other to run."""
    peer = next(peer for peer in PEERS if peer.name == peer_name)
    with ExitStack() as stack:

        def reach(demo: LoopbackListener) -> str:
            proxy = Running(peer, demo.port)
            stack.callback(proxy.end)
            return f"http://127.0.0.1:{proxy.port}"

        if case_name == APP_CASE:
            return asyncio.run(run_app(seed, reach))
        case = next(case for case in EVERY if case.name == case_name)
        return asyncio.run(run(case, dialect, seed, SCALE, reach))


def _table(done: dict[tuple[str, str, Dialect], Run]) -> None:
    names = list(dict.fromkeys(peer for peer, _, _ in done))
    heads = "".join(f"  {name:18}" for name in names)
    print(f"{'case':44} {'dialect':10}{heads}")  # noqa: T201
    for case, dialect in dict.fromkeys((case, dialect) for _, case, dialect in done):
        cells = "".join(
            f"  {_cell(done.get((name, case, dialect))):18}" for name in names
        )
        print(f"{case:44.44} {dialect.value:10}{cells}")  # noqa: T201


def _cell(one: Run | None) -> str:
    if one is None:
        return ""
    seconds = max(found.seconds for found in one.found.values())
    return f"{'exact' if one.exact else 'NOT EXACT'} {seconds:.1f} s"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the cases through every proxy there is, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.peers")
    parser.add_argument("--seed", type=int, help="else by chance")
    parser.add_argument("--case", default="", help="only cases whose name has this")
    parser.add_argument("--peer", default="", help="only peers whose name has this")
    parser.add_argument("--jobs", type=int, default=4, help="cases at a time")
    options = parser.parse_args(arguments)
    seed = SystemRandom().randrange(10**9) if options.seed is None else options.seed
    peers = [peer for peer in PEERS if options.peer in peer.name]
    for peer in peers:
        if peer.path is None:
            print(f"skipped {peer.name}: {peer.program} is not installed")  # noqa: T201
    cases = [
        (case.name, dialect)
        for case in EVERY
        for dialect in case.dialects
        if case.name in CASES
    ]
    cases.append((APP_CASE, Dialect.CURRENT))
    todo = [
        (peer.name, *case)
        for peer in peers
        for case in cases
        if peer.path is not None and options.case in case[0]
    ]
    others = [] if options.case else [o for o in OTHERS if options.peer in o.name]
    ran = [_ran(other) for other in others]
    if todo:
        ran.append(_run_all(todo, seed, options.jobs))
    if not any(is_right is not None for is_right in ran):
        print("no peer ran")  # noqa: T201
        return 1
    return 1 if False in ran else 0


def _ran(tool: Tool) -> bool | None:
    """Look at a tool, and say what it does; None if it is not installed."""
    if tool.lacking:
        print(f"skipped {tool.name}: {tool.lacking} is not installed")  # noqa: T201
        return None
    with tempfile.TemporaryDirectory(prefix="chronotui-peer-") as folder:
        wrong = tool.check(Path(folder))
    print(f"{tool.name:60}  {wrong or 'right'}", flush=True)  # noqa: T201
    return not wrong


def _run_all(todo: list[tuple[str, str, Dialect]], seed: int, jobs: int) -> bool | None:
    """Run the cases; return whether all are exact, None if no proxy runs."""
    began = time.monotonic()
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, context) as pool:
        under_way = {which: pool.submit(run_through, *which, seed) for which in todo}
        done: dict[tuple[str, str, Dialect], Run] = {}
        failed: set[str] = set()
        for which, future in under_way.items():
            try:
                done[which] = future.result()
            except RuntimeError as error:
                if which[0] not in failed:
                    print(f"{which[0]} does not run: {error}")  # noqa: T201
                failed.add(which[0])
                continue
            if not done[which].exact:
                print(f"{which[0]}: {report(done[which])}", flush=True)  # noqa: T201
    if not done:
        return None
    _table(done)
    wrong = sum(not one.exact for one in done.values())
    seconds = time.monotonic() - began
    print(f"{len(done)} runs, {wrong} not exact, seed {seed}, {seconds:.0f} s")  # noqa: T201
    return not wrong and not failed


if __name__ == "__main__":
    sys.exit(main())
