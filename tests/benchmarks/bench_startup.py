"""How long a person waits before there is something to see."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from chronotui.demo.server import DemoServer
from tests.benchmarks.measure import Figure, interleaved, seconds
from tests.benchmarks.pty_program import ANSWERS

MINIMAL = """
from textual.app import App
from textual.widgets import Static
class Minimal(App):
    def compose(self):
        yield Static("first-frame")
Minimal().run()
"""
AS_MANY_WIDGETS = """
from textual.app import App
from textual.containers import Horizontal, Vertical
from textual.widgets import Static
class AsMany(App):
    def compose(self):
        with Horizontal():
            for side in range(2):
                with Vertical():
                    for row in range(6):
                        yield Static(f"row {row} of side {side}")
        yield Static()
        yield Static("first-frame")
AsMany().run()
"""
WITH_CLIENT = """
from textual.app import App
from textual.widgets import Static
class WithClient(App):
    def compose(self):
        yield Static("first-frame")
    def on_mount(self):
        self.call_after_refresh(self.load)
    def load(self):
        import httpcore, httpx
        self.query_one(Static).update("with-client")
WithClient().run()
"""
LONGEST_SECONDS = 20.0


def first_sight(
    command: list[str], marker: bytes, environment: dict[str, str]
) -> float:
    """Return the seconds until a program's terminal shows ``marker``."""
    start = perf_counter()
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvpe(command[0], command, environment)
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    seen = b""
    try:
        while marker not in seen:
            ready, _, _ = select.select([terminal], [], [], LONGEST_SECONDS)
            if not ready:
                raise TimeoutError(f"{marker!r} never came; last: {seen[-400:]!r}")
            came = os.read(terminal, 1 << 16)
            seen += came
            for question, answer in ANSWERS.items():
                if question in came:
                    os.write(terminal, answer)
        return perf_counter() - start
    finally:
        os.kill(pid, signal.SIGKILL)
        with suppress(ChildProcessError):
            os.waitpid(pid, 0)
        os.close(terminal)


def figures(runs: int = 5) -> list[Figure]:
    """Measure the desk and the headless verbs against their floors."""
    python = sys.executable
    with DemoServer(seed=1) as demo, TemporaryDirectory() as folder:
        environment = demo_environment(demo, Path(folder))
        desk = [python, "-m", "chronotui"]
        job, line = ended_job(environment)
        link = [*desk, "--workflow", "nightly-report", "--job", job]
        minimal, as_many, client, frame, tree, opened = interleaved(
            lambda: first_sight([python, "-c", MINIMAL], b"first-frame", environment),
            lambda: first_sight(
                [python, "-c", AS_MANY_WIDGETS], b"first-frame", environment
            ),
            lambda: first_sight(
                [python, "-c", WITH_CLIENT], b"with-client", environment
            ),
            lambda: first_sight(desk, b"Details", environment),
            lambda: first_sight(desk, b"nightly-report", environment),
            lambda: first_sight(link, line, environment),
            runs=runs,
        )
        jobs = [*desk, "jobs", "nightly-report"]
        verbs = interleaved(
            lambda: _run([python, "-c", "import httpx"], environment),
            lambda: _run(jobs, environment),
            lambda: _run([python, "-c", "pass"], environment),
            lambda: _run([*desk, "--help"], environment),
            runs=runs,
        )
    httpx, listed, nothing, helped = verbs
    app = "minimal Textual app"
    return [
        Figure("first full frame of the desk", frame, minimal, 1.1, app),
        Figure(
            "a bare app with as many widgets as the desk", as_many, minimal, None, app
        ),
        Figure("tree filled", tree, minimal, 1.4, app),
        Figure(
            "a minimal app that then imports httpx and httpcore",
            client,
            minimal,
            None,
            app,
        ),
        Figure("deep link to the end of a log", opened, minimal, 1.7, app),
        Figure("`chronotui jobs`", listed, httpx, 1.25, "`import httpx`"),
        Figure("`chronotui --help`", helped, nothing, 2.0, "`pass`"),
    ]


def ended_job(
    environment: dict[str, str],
    workflow: str = "nightly-report",
    status: str = "FAILED",
) -> tuple[str, bytes]:
    """Return the id of a job that has ended, and how its last line but one begins."""
    program = [sys.executable, "-m", "chronotui"]
    listed = _said([*program, "jobs", workflow, "-o", "json"], environment)
    ended = (job["id"] for job in json.loads(listed) if job["status"] == status)
    job = next(ended)
    last = _said([*program, "logs", workflow, job, "--tail", "2"], environment)
    return job, last[:12]


def _said(command: list[str], environment: dict[str, str]) -> bytes:
    done = subprocess.run(command, env=environment, check=True, capture_output=True)
    return done.stdout


def demo_environment(demo: DemoServer, folder: Path) -> dict[str, str]:
    """Return an environment with a profile for the demo and nothing of the user's."""
    config = folder / "config.toml"
    config.write_text(
        f'default_profile = "demo"\n[profiles.demo]\nurl = "{demo.url}"\n'
        f'[profiles.demo.auth]\nmethod = "session"\nemail = "{demo.email}"\n'
        'password_env = "DEMO_PASSWORD"\n'
    )
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "TERM": "xterm-256color",
        "COLORTERM": "truecolor",
        "LANG": "C.UTF-8",
        "CHRONOTUI_CONFIG": str(config),
        "DEMO_PASSWORD": demo.password,
        # Bytecode is kept, as where the program is installed.
        "PYTHONPYCACHEPREFIX": str(folder / "bytecode"),
    }


def _run(command: list[str], environment: dict[str, str]) -> float:
    return seconds(
        lambda: subprocess.run(
            command, env=environment, check=True, capture_output=True
        )
    )
