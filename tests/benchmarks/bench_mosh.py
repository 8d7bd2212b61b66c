"""A line down on the full screen through mosh: bytes on the wire.

mosh sends what its terminal's screen differs in, and sees that rows scrolled by the
first row of the screen alone. Real mosh on loopback, with a relay between its two ends
that counts what the far one sends. The reference is lnav, whose first row is a title.
"""

from __future__ import annotations

import os
import select
import shutil
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager, suppress
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from threading import Event, Thread
from typing import TYPE_CHECKING, Final, Self

from tests.benchmarks import texts
from tests.benchmarks.bench_quiet import installed
from tests.benchmarks.bench_watch import served
from tests.benchmarks.measure import Figure
from tests.benchmarks.programs import LNAV
from tests.benchmarks.pty_program import Program, environment

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

LINES = 3_000
KEYS = 30
TO_THE_EDGE = 45
EVERY = 0.3
"""Seconds between two keys: mosh gathers what comes close together."""

BAR_ABOVE: Final = 1_762.5
"""Bytes of these lines while the pane's bar stood above the log and the current line
had a background, measured by this on 30 November 2026."""


SERVER: Final = """
import json, sys
from chronotui.demo.scripts import Script
from chronotui.demo.server import DemoServer
from tests.benchmarks import texts
with DemoServer(plans=[]) as demo:
    lines = [texts.text(number) for number in range(int(sys.argv[1]))]
    job = demo.world.add_job(Script(lines, starts_in=-600))
    print(json.dumps({"url": demo.url, "email": demo.email, "password": demo.password,
                      "workflow": job.workflow_id, "job": job.id}), flush=True)
    sys.stdin.read()
"""
"""A server with one job that has ended, of the lines lnav has in its file."""


class Relay:
    """Passes datagrams on between a client and a server, and counts those to it.

    Attributes:
        port: Where the client finds it.
        to_client: Bytes that the server sent.
    """

    def __init__(self, server_port: int) -> None:
        self.to_client = 0
        self._server = ("127.0.0.1", server_port)
        self._inner = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._outer = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._outer.bind(("127.0.0.1", 0))
        self.port = int(self._outer.getsockname()[1])
        self._ended = Event()
        self._thread = Thread(target=self._pass_on, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._ended.set()
        self._thread.join()
        self._inner.close()
        self._outer.close()

    def _pass_on(self) -> None:
        client = None
        while not self._ended.is_set():
            ready, _, _ = select.select([self._inner, self._outer], [], [], 0.1)
            if self._outer in ready:
                sent, client = self._outer.recvfrom(1 << 16)
                self._inner.sendto(sent, self._server)
            if self._inner in ready and client is not None:
                with suppress(ConnectionError):  # the server has ended
                    answered = self._inner.recv(1 << 16)
                    self.to_client += len(answered)
                    self._outer.sendto(answered, client)


def figures(runs: int = 1) -> list[Figure]:
    """Return the rows of the table that concern mosh; none where it is not."""
    if not shutil.which("mosh-server") or not shutil.which("mosh-client"):
        print("mosh left out: it is not installed", file=sys.stderr)
        return []
    with TemporaryDirectory() as name, served(SERVER, LINES) as server:
        folder = Path(name)
        command, variables = installed(folder, server)
        ours = median([_a_line(command, variables, b"zg") for _ in range(runs)])
        what = "line down on the full screen through mosh, bytes of UDP"
        before = "with a bar above the log"
        rows = [Figure(what, ours, BAR_ABOVE, 0.35, before, "B")]
        if LNAV:
            path = texts.write(folder / "job.log", LINES)
            lnav = [LNAV, str(path)]
            theirs = _a_line(lnav, environment(folder), b"g")
            rows.append(Figure(what, ours, theirs, None, "lnav", "B"))
    return rows


def _a_line(command: Sequence[str], variables: Mapping[str, str], keys: bytes) -> float:
    """Return the bytes a line down takes; ``keys`` go to the start of the log."""
    with _mosh(command, variables) as (program, relay):
        program.pass_time(5.0)
        for key in keys:
            program.type(bytes([key]))
            program.pass_time(1.0)
        for _ in range(TO_THE_EDGE):
            program.type(b"j")
            program.pass_time(0.05)
        program.pass_time(2.0)
        taken = []
        for _ in range(KEYS):
            before = relay.to_client
            program.type(b"j")
            program.pass_time(EVERY)
            taken.append(relay.to_client - before)
    return median(taken)


@contextmanager
def _mosh(
    command: Sequence[str], variables: Mapping[str, str]
) -> Iterator[tuple[Program, Relay]]:
    """Run a command at the far end of a mosh; ends with it."""
    server = ["mosh-server", "new", "-i", "127.0.0.1", "--", *command]
    said = subprocess.run(
        server, env=variables, capture_output=True, text=True, check=True
    )
    words = f"{said.stdout} {said.stderr}".split()
    at = words.index("CONNECT")
    pid = int(words[words.index("=", words.index("pid")) + 1].rstrip("]"))
    port, key = int(words[at + 1]), words[at + 2]
    try:
        with Relay(port) as relay:
            client = ["mosh-client", "127.0.0.1", str(relay.port)]
            keyed = {**variables, "MOSH_KEY": key}
            with Program(client, environment=keyed) as program:
                yield program, relay
    finally:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
