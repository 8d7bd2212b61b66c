"""A key through real ssh over 160 kbit/s while a log is followed.

The whole program runs at the far end, beside its server. The reference is lnav there,
on a file that grows as fast.
"""

from __future__ import annotations

import shlex
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from tests.benchmarks.bench_link import RATE, growing
from tests.benchmarks.measure import Figure
from tests.benchmarks.programs import LNAV, for_ours
from tests.benchmarks.pty_program import Program, environment
from tests.benchmarks.shaped_ssh import far, lacking, shaped

if TYPE_CHECKING:
    from collections.abc import Iterator

KILOBITS = 160
FOLLOWED_SECONDS = 12.0
GOALS: Final = {"": 1.5, " with tmux at the far end": 2.5}

SERVER: Final = f"""
import signal
from chronotui.demo.scripts import Script
from chronotui.demo.server import DemoServer
from tests.benchmarks import texts

with DemoServer(plans=[]) as demo:
    lines = [texts.text(number) for number in range({RATE} * 300)]
    job = demo.world.add_job(Script(lines, starts_in=-1, rate={RATE}))
    print(demo.url, demo.email, demo.password, job.id, flush=True)
    signal.pause()
"""
"""A server with one job that writes for five minutes."""


def figures(runs: int = 1) -> list[Figure]:
    """Return the rows of the table that concern real ssh; none where it is not."""
    if lacking():
        print(f"real ssh left out: {lacking()}", file=sys.stderr)
        return []
    rows = []
    with TemporaryDirectory() as name, shaped(Path(name), KILOBITS) as ssh:
        folder = Path(name)
        theirs = median([_lnav(ssh, folder) for _ in range(runs)]) if LNAV else 0.0
        for where, goal in GOALS.items():
            ours = median([_desk(ssh, folder, tmux=where) for _ in range(runs)])
            what = f"`?` shows through ssh at {KILOBITS} kbit/s{where}"
            rows.append(Figure(what, ours, goal, 1.0, "the goal", "s"))
            if LNAV and not where:
                rows.append(Figure(f"{what}, beside", ours, theirs, 1.0, "lnav", "s"))
    return rows


def _desk(ssh: list[str], folder: Path, *, tmux: str) -> float:
    """Return the seconds from `?` to the help on the screen."""
    with _serving(folder) as arguments:
        variables = [f"{name}={value}" for name, value in for_ours(folder).items()]
        command = ["env", *variables, sys.executable, "-m", "chronotui", *arguments]
        if tmux:
            command = ["tmux", "-L", folder.name, "-f", "/dev/null", "new", *command]
        there = [*ssh, shlex.join(command)]
        try:
            with Program(there, environment=environment(folder)) as desk:
                desk.until(b"following", seconds=120.0)
                desk.pass_time(FOLLOWED_SECONDS)
                return _help(desk, b"esc closes")
        finally:
            if tmux:  # it goes on at the far end
                end = ["tmux", "-L", folder.name, "kill-server"]
                subprocess.run(end, check=False, capture_output=True)


def _lnav(ssh: list[str], folder: Path) -> float:
    with growing(folder) as path:
        there = [*ssh, f"lnav {shlex.quote(str(path))}"]
        with Program(there, environment=environment(folder)) as lnav:
            lnav.pass_time(1.5 + FOLLOWED_SECONDS)
            return _help(lnav, b"fancy log file viewer")


def _help(program: Program, shows: bytes) -> float:
    pressed = program.type(b"?")
    return program.until(shows, seconds=150.0) - pressed


@contextmanager
def _serving(folder: Path) -> Iterator[list[str]]:
    """Serve at the far end; yields what opens the job there."""
    variables = [f"{name}={value}" for name, value in for_ours(folder).items()]
    with far("env", *variables, sys.executable, "-c", SERVER) as server:
        assert server.stdout is not None
        url, email, password, job = server.stdout.readline().split()
        config = folder / "config.toml"
        config.write_text(
            f'[profiles.demo]\nurl = "{url}"\n[profiles.demo.auth]\n'
            f'method = "session"\nemail = "{email}"\npassword = "{password}"\n'
        )
        config.chmod(0o600)
        yield ["--config", str(config), "--workflow", "scripted", "--job", job]
