"""How fast scripts get what they ask for, against ``curl`` and bare loops.

The server is a process of its own that sends bodies written before, as fast as it can:
what is measured is the reader. Each command writes into a pipe that is emptied, or into
a file. Beside the time of each stands what its programs took of a processor, which
other programs of a busy machine change less.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from itertools import count
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Final, NamedTuple

from tests.benchmarks import log_server
from tests.benchmarks.log_server import JOBS, LIVE, LIVE_LINES, LIVE_RATE
from tests.benchmarks.measure import Figure
from tests.benchmarks.served import served

LINES = 1_000_000
TAIL_PAGES = 10
START_SECONDS = 0.35
"""What starting costs beside the reading."""

MOST_MEGABYTES = 64

WORKFLOW: Final = "6fa0fbe7-fbe7-4fa0-9f69-5459b62aa54e"
JOB: Final = "57b541de-29b6-4c97-9394-af629ac4f669"
WORD: Final = "refused"
"""One line in a thousand has it."""

SINCE: Final = "2026-11-22T10:15:00Z"
"""Nine tenths of the lines are older."""

BARE_LOOP: Final = """
import json, sys
import httpx
with httpx.Client() as client:
    cursor, jobs = "", []
    while True:
        page = json.loads(client.get(sys.argv[1], params={"cursor": cursor}).content)
        jobs += page["jobs"]
        cursor = page.get("cursor", "")
        if not cursor:
            break
print(",\\n ".join(map(json.dumps, jobs)))
"""


class Cost(NamedTuple):
    """What a command line took: seconds, those of a processor, memory at most."""

    seconds: float
    processor: float
    megabytes: float


class Row(NamedTuple):
    """A row to be measured: two command lines, and how they may be to each other.

    ``more`` are seconds that may be taken beyond the factor.
    """

    what: str
    ours: str
    reference: str
    factor: float
    against: str
    more: float = 0.0


def figures(runs: int = 5) -> list[Figure]:
    """Return the rows of the table that concern scripts."""
    if shutil.which("curl") is None:
        return []
    server = Path(log_server.__file__).read_text()
    with (
        TemporaryDirectory() as name,
        served(server, name, LINES, WORKFLOW, JOB) as url,
    ):
        return _measured(url, Path(name), runs)


def _measured(url: str, folder: Path, runs: int) -> list[Figure]:
    environment = _environment(url, folder)
    made: list[Figure] = []
    most = 0.0
    for row in [*_logs(url), *_saves(url, folder)]:
        ours, theirs = _both(row, environment, runs)
        made += _compared(row, ours, theirs)
        most = max(most, ours.megabytes)
    memory = "memory of the largest of them, MB"
    made.append(Figure(memory, most, MOST_MEGABYTES, 1.0, "may be taken", "MB"))
    row = _listing(url)
    made += _compared(row, *_both(row, environment, runs))
    if shutil.which("jq") is not None:
        made.append(_followed(url, environment, runs))
    return made


def _logs(url: str) -> list[Row]:
    logs = f"{_program()} logs {WORKFLOW} {JOB}"
    base = _address(url)
    text, entries = f"curl -s {base}/raw", f"curl -s '{base}/raw?format=jsonl'"
    pages = " ".join(
        f"'{base}?cursor={LINES - 100 * page}'" for page in range(TAIL_PAGES)
    )
    tail = f"{shlex.quote(sys.executable)} -c 'import httpx'; curl -s {pages}"
    grep, jsonl = f"{entries} | grep -c {WORD}", f"{logs} -o jsonl"
    piped = [
        Row("into a pipe", logs, text, 3.0, "curl of the text", START_SECONDS),
        Row("-o jsonl", jsonl, entries, 2.5, "curl of jsonl", START_SECONDS),
        Row(f"--grep {WORD}", f"{logs} --grep {WORD}", grep, 2.0, "curl, grep -c"),
        Row("--stream stderr", f"{logs} --stream stderr", grep, 2.0, "the same"),
        Row("--since", f"{logs} --since {SINCE}", grep, 2.0, "the same"),
        Row("--tail 1000", f"{logs} --tail 1000", tail, 1.3, "httpx, ten pages"),
    ]
    return [
        row._replace(
            what=f"logs {row.what}, {LINES:,} lines",
            ours=_into_pipe(row.ours),
            reference=_into_pipe(row.reference),
        )
        for row in piped
    ]


def _saves(url: str, folder: Path) -> list[Row]:
    target = shlex.quote(str(folder / "saved"))
    save = f"{_program()} save {WORKFLOW} {JOB} --force -O {target} --format"
    curl = f"curl -s -o {target}.curl '{_address(url)}/raw?format=jsonl'"
    what = f"save --format {{}}, {LINES:,} lines"
    return [
        Row(what.format(form), f"{save} {form}", curl, factor, "curl -o of jsonl")
        for form, factor in (("jsonl", 1.1), ("txt-time", 1.5))
    ]


def _listing(url: str) -> Row:
    ours = f"{_program()} jobs {WORKFLOW} -o json"
    loop = f"{shlex.quote(sys.executable)} -c {shlex.quote(BARE_LOOP)}"
    loop += f" {url}/workflows/{WORKFLOW}/jobs"
    what = f"jobs -o json, {JOBS:,} jobs"
    return Row(what, _into_pipe(ours), _into_pipe(loop), 1.2, "bare httpx loop")


def _followed(url: str, environment: dict[str, str], runs: int) -> Figure:
    """Measure what following a stream takes of a processor, each run a new job."""
    ids = (f"{LIVE}{n:04x}-29b6-4c97-9394-af629ac4f669" for n in count())
    read = "sed -un 's/^data: //p' | jq -Rc 'fromjson?'"
    ours, theirs = [], []
    for _ in range(min(runs, 3)):
        follow = f"{_program()} logs {WORKFLOW} {next(ids)} --follow -o jsonl"
        curl = f"curl -sN {url}/workflows/{WORKFLOW}/jobs/{next(ids)}/events | {read}"
        ours.append(cost(_into_pipe(follow), environment).processor)
        theirs.append(cost(_into_pipe(curl), environment).processor)
    name = f"logs --follow, {LIVE_LINES:,} lines, {LIVE_RATE:,} a second: processor"
    return Figure(name, median(ours), median(theirs), 1.0, "curl, sed and jq")


def _compared(row: Row, ours: Cost, theirs: Cost) -> list[Figure]:
    return [
        _figure(row, ours.seconds, theirs.seconds, ""),
        _figure(row, ours.processor, theirs.processor, ": processor"),
    ]


def _figure(row: Row, ours: float, theirs: float, what: str) -> Figure:
    goal = round(row.factor + row.more / theirs, 2)
    return Figure(f"{row.what}{what}", ours, theirs, goal, row.against)


def _both(row: Row, environment: dict[str, str], runs: int) -> tuple[Cost, Cost]:
    """Return the medians of both command lines, run in turn, the first run left out."""
    taken: tuple[list[Cost], list[Cost]] = ([], [])
    for run in range(runs + 1):
        for line, costs in zip((row.ours, row.reference), taken, strict=True):
            took = cost(line, environment)
            if run:
                costs.append(took)
    ours, theirs = (Cost(*map(median, zip(*each, strict=True))) for each in taken)
    return ours, theirs


def cost(line: str, environment: dict[str, str]) -> Cost:
    """Run a command line.

    Raises:
        RuntimeError: It fails.
    """
    begun = perf_counter()
    process = subprocess.Popen(
        ["bash", "-c", f"set -o pipefail; {line}"],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    with process.stderr as words:
        said = words.read()
    _pid, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{line} ended with {process.returncode}: {said}")
    took = perf_counter() - begun
    return Cost(took, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def _program() -> str:
    return f"{shlex.quote(sys.executable)} -m chronotui"


def _address(url: str) -> str:
    return f"{url}/workflows/{WORKFLOW}/jobs/{JOB}/logs"


def _into_pipe(line: str) -> str:
    return f"{{ {line}; }} | cat > /dev/null"


def _environment(url: str, folder: Path) -> dict[str, str]:
    """Return an environment with a profile, in which bytecode is kept, as installed."""
    config = folder / "config.toml"
    config.write_text(f'[profiles.bench]\nurl = "{url}"\n')
    config.chmod(0o600)
    kept = {n: v for n, v in os.environ.items() if not n.startswith("PYTHON")}
    home = {"HOME": str(folder), "XDG_STATE_HOME": str(folder / "state")}
    paths = {
        "CHRONOTUI_CONFIG": str(config),
        "PYTHONPYCACHEPREFIX": str(folder / "bytecode"),
    }
    return {**kept, **home, **paths}
