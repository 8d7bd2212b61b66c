"""How fast `grep` searches 200 runs of a workflow, against ``curl`` and ``grep``.

The server is a process of its own that sends one body written before, for each run, as
fast as it can. Both read the same downloads, four at a time.
"""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from tests.benchmarks.bench_logs import cost
from tests.benchmarks.measure import Figure, interleaved
from tests.benchmarks.served import served

if TYPE_CHECKING:
    from collections.abc import Callable

RUNS = int(os.environ.get("ACROSS_RUNS", "200"))
LINES = int(os.environ.get("ACROSS_LINES", "50000"))
GOAL: Final = 0.5
WORKFLOW: Final = "6fa0fbe7-fbe7-4fa0-9f69-5459b62aa54e"

SERVER = r"""
import contextlib, json, sys
from datetime import datetime, timedelta, UTC
from tests.benchmarks.served import requests, send_json

runs, count, workflow = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
begun = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
JOB = "57b541de-29b6-4c97-9394-%012d"

def entry(n):
    stamp = (begun + timedelta(milliseconds=n)).isoformat(timespec="milliseconds")
    stream = "stderr" if n % 17 == 0 else "stdout"
    message = f"worker-{n % 23} batch {n % 400} of 400 loaded, {n * 7919 % 99991} rows"
    if n % 1000 == 0:
        message = f"connection \x1b[31mrefused\x1b[0m: \"{n}\""
    return {
        "timestamp": stamp.replace("+00:00", "Z"), "sequence_num": n, "stream": stream,
        "event_id": f"log:{JOB % 0}:{stream}:{n}", "message_raw": message,
    }

lines = (json.dumps(entry(n), separators=(",", ":")) + "\n" for n in range(count))
body = "".join(lines).encode()
framed = []
for at in range(0, len(body), 1 << 16):
    piece = body[at : at + (1 << 16)]
    framed.append(b"%x\r\n%b\r\n" % (len(piece), piece))
framed = b"".join(framed) + b"0\r\n\r\n"
newest = []
for n in range(count - 1, max(count - 101, -1), -1):
    made = entry(n)
    newest.append({**made, "message": made.pop("message_raw")})

def job(n):
    at = (begun - timedelta(hours=n)).isoformat()
    return {
        "id": JOB % n, "workflow_id": workflow, "status": "COMPLETED", "attempts": 1,
        "trigger": "MANUAL", "scheduled_at": at, "created_at": at, "started_at": at,
        "completed_at": at,
    }

def answer(path, query):
    if path.endswith("/logs"):
        return {"logs": newest, "cursor": "older"}
    if path.endswith("/jobs"):
        first = int(query.partition("cursor=")[2] or 0)
        told = {"jobs": [job(n) for n in range(first, min(first + 10, runs))]}
        return {**told, "cursor": str(first + 10)} if first + 10 < runs else told
    return {"id": workflow, "name": "export", "kind": "CONTAINER",
            "build_status": "COMPLETED", "log_retention": True}

def serve(peer):
    with contextlib.suppress(OSError):
        for path, query in requests(peer):
            if path.endswith("/raw"):
                peer.sendall(b"HTTP/1.1 200 OK\r\n"
                             b"Content-Type: application/x-ndjson\r\n"
                             b"Transfer-Encoding: chunked\r\n\r\n")
                peer.sendall(framed)
            else:
                send_json(peer, json.dumps(answer(path, query)).encode())
"""


def figures(runs: int = 5) -> list[Figure]:
    """Return the rows of the table that concern `grep`."""
    if shutil.which("curl") is None:
        return []
    with served(SERVER, RUNS, LINES, WORKFLOW) as url, TemporaryDirectory() as folder:
        return _measured(url, Path(folder), runs)


def _measured(url: str, folder: Path, runs: int) -> list[Figure]:
    config = folder / "config.toml"
    config.write_text(f'[profiles.bench]\nurl = "{url}"\n')
    config.chmod(0o600)
    home = {"HOME": str(folder), "XDG_STATE_HOME": str(folder / "state")}
    environment = {**os.environ, **home, "CHRONOTUI_CONFIG": str(config)}
    python = shlex.quote(sys.executable)
    raw = f"{url}/workflows/{WORKFLOW}/jobs/[1-{RUNS}]/logs/raw?format=jsonl"
    curl = f"curl -sZ --parallel-max 4 '{raw}' 2> /dev/null"
    made: list[Figure] = []
    for what, options, word, also in (
        ("-c refused", "-c", "refused", "-c"),
        ("-c refuSed, no match", "-c", "refuSed", "-c"),
        ("refused, lines", "", "refused", ""),
        ("-c an expression", "-c", r"refused.*0", "-c"),
    ):
        ours = f"{python} -m chronotui grep {options} '{word}' {WORKFLOW}"
        theirs = f"{curl} | {{ grep {also} '{word}' || true; }}"
        took = interleaved(
            _into_pipe(environment, ours), _into_pipe(environment, theirs), runs=runs
        )
        name = f"grep {what}, {RUNS} runs of {LINES:,} lines, per second"
        against = f"curl -Z | grep {also}".rstrip()
        mine, reference = (RUNS / seconds for seconds in took)
        made.append(Figure(name, mine, reference, GOAL, against, "runs", at_least=True))
    return made


def _into_pipe(environment: dict[str, str], line: str) -> Callable[[], float]:
    return lambda: cost(f"{{ {line}; }} | cat > /dev/null", environment).seconds
