"""What a stream costs that says a line a second.

Ours is the command as installed, on a demo server in a process of its own: HTTP,
polls and the clock in the title are all in it. lnav watches a file that grows by the
same line a second. They run side by side: neither takes enough to disturb the other.
"""

from __future__ import annotations

import sys
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import TYPE_CHECKING

from tests.benchmarks import programs, texts
from tests.benchmarks.bench_watch import DEMO_SERVER, served
from tests.benchmarks.measure import Figure
from tests.benchmarks.pty_program import Program, environment
from tests.benchmarks.screens import Replay

if TYPE_CHECKING:
    from collections.abc import Mapping

BEFORE = 100
SECONDS = 6.0

MINIMAL = """
from textual.app import App
from textual.widgets import Static
class Minimal(App):
    def compose(self):
        yield Static("nothing happens")
Minimal().run()
"""


def figures(runs: int = 5) -> list[Figure]:
    """Return the rows of the table that concern a quiet stream."""
    with (
        TemporaryDirectory() as name,
        served(DEMO_SERVER, 3600, 1.0, -BEFORE) as server,
        ExitStack() as started,
    ):
        folder = Path(name)
        path = texts.write(folder / "job.log", BEFORE)
        run = started.enter_context
        running = {"ours": run(_desk(folder, server))}
        if programs.LNAV is not None:
            running["lnav on a file"] = run(programs.lnav(folder, path))
        running["a Textual app that shows one word"] = run(_minimal(folder))
        if programs.LESS is not None:
            running["less +F on a file"] = run(programs.less(folder, path))
            running["less +F on a file"].type(b"F")
        programs_together = list(running.values())
        _grow(path, programs_together, 3.0)
        shares = [_shares(path, programs_together) for _ in range(runs)]
    names = list(running)[1:]
    ours, *others = (median(taken) for taken in zip(*shares, strict=True))
    what = "CPU while following a stream of 1 line/s"
    goals = [programs.goal(0.6), *[None] * (len(names) - 1)]
    return [
        Figure(what, ours, share, goal, against, "%")
        for against, share, goal in zip(names, others, goals, strict=True)
    ]


def installed(
    folder: Path, server: Mapping[str, str]
) -> tuple[list[str], dict[str, str]]:
    """Return the real command that opens a server's job, and its environment."""
    config = folder / "config.toml"
    config.write_text(
        f'default_profile = "demo"\n[profiles.demo]\nurl = "{server["url"]}"\n'
        f'[profiles.demo.auth]\nmethod = "session"\nemail = "{server["email"]}"\n'
        'password_env = "DEMO_PASSWORD"\n'
    )
    variables = {
        **environment(folder),
        "CHRONOTUI_CONFIG": str(config),
        "DEMO_PASSWORD": server["password"],
    }
    command = [sys.executable, "-m", "chronotui", "--workflow", server["workflow"]]
    return [*command, "--job", server["job"]], variables


def _desk(folder: Path, server: Mapping[str, str]) -> Program:
    """Run the real command on the job that writes a line a second."""
    command, variables = installed(folder, server)
    program = Program(command, environment=variables)
    Replay().wait_for(program, "following")
    program.press(b"z")
    return program


def _minimal(folder: Path) -> Program:
    command = [sys.executable, "-c", MINIMAL]
    return Program(command, environment=environment(folder))


def _shares(path: Path, running: list[Program]) -> list[float]:
    """Return what each program took of a processor in a while, in percent."""
    begun = perf_counter()
    before = [program.processor_seconds for program in running]
    _grow(path, running, SECONDS)
    took = perf_counter() - begun
    return [
        (program.processor_seconds - used) / took * 100
        for program, used in zip(running, before, strict=True)
    ]


def _grow(path: Path, running: list[Program], seconds: float) -> None:
    """Write a line a second for a while, taking in what the programs send."""
    number = sum(1 for _ in path.open())
    with path.open("a", buffering=1) as log:
        for _ in range(round(seconds)):
            print(texts.text(number), file=log)
            number += 1
            begun = perf_counter()
            while perf_counter() - begun < 1.0:
                for program in running:
                    program.pass_time(0.01)
