"""Opening a job of a million lines at its end, where every answer comes late."""

from __future__ import annotations

import sys
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter

from chronotui.demo.server import DemoServer
from tests.benchmarks.bench_startup import demo_environment, ended_job
from tests.benchmarks.measure import Figure
from tests.benchmarks.pty_program import Program

LATE_SECONDS = 0.2
WORKFLOW = "ledger-replay"


def figures(runs: int = 5) -> list[Figure]:
    """Measure from the key that opens the job to its last line."""
    took = []
    with DemoServer(seed=1) as demo, TemporaryDirectory() as folder:
        environment = demo_environment(demo, Path(folder))
        _job, line = ended_job(environment, WORKFLOW, "COMPLETED")
        for _ in range(runs + 1):
            demo.faults.latency = (0.0, 0.0)
            took.append(_opened(demo, environment, line))
    name = f"opening a job at its end, every answer {LATE_SECONDS * 1000:.0f} ms late"
    return [Figure(name, median(took[1:]), LATE_SECONDS, 1.3, "one answer")]


def _opened(demo: DemoServer, environment: dict[str, str], line: bytes) -> float:
    command = [sys.executable, "-m", "chronotui", "--workflow", WORKFLOW]
    with Program(command, environment=environment) as desk:
        desk.until(WORKFLOW.encode())
        for key in (b"\r", b"j"):  # its jobs, and the first of them
            desk.settle(1.0)
            desk.press(key, every=1.0)
        demo.faults.latency = (LATE_SECONDS, LATE_SECONDS)
        begun = perf_counter()
        desk.type(b"\r")
        return desk.until(line) - begun
