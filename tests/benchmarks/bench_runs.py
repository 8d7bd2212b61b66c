"""How fast `runs -o json` writes the list of an app's runs, and in how much memory.

The reference is a bare httpx loop in a process of its own that sends the very requests
ours sent, decodes each page with ``json`` and writes its rows to the pipe.
"""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import httpx

from tests.benchmarks.measure import Figure, interleaved, seconds
from tests.benchmarks.served import served

if TYPE_CHECKING:
    from collections.abc import Iterator

RUNS = 10_000
FEW = 1_000
KEY = "app-benchmark"

SERVER = """
import bisect, json, socket, sys, threading
from datetime import datetime
from urllib.parse import parse_qs, urlsplit
count, start = int(sys.argv[1]), 1_795_200_000
asked_for = []
REFUSED = b'{"code":"unauthorized","message":"Access token is invalid","status":401}'

def row(n):
    second = start - n // 3
    return {"id": "%08x-1111-4111-8111-111111111111" % n, "workflow_run": {
        "id": "%08x-2222-4222-8222-222222222222" % n,
        "version": "2026-11-01 08:30:12.345678", "status": "succeeded",
        "triggered_from": "app-run", "error": None, "elapsed_time": 4.81,
        "total_tokens": 912, "total_steps": 5, "created_at": second,
        "finished_at": second + 4, "exceptions_count": 0}, "details": None,
        "created_from": "service-api", "created_by_role": "end_user",
        "created_by_account": None, "created_by_end_user": {
        "id": "7d200000-3333-4333-8333-333333333333", "type": "service-api",
        "is_anonymous": False, "session_id": "nightly-etl"}, "created_at": second}

rows = [json.dumps(row(n)).encode() for n in range(count)]
ages = [n // 3 for n in range(count)]

def listed(query):
    limit = int(query["limit"][0])
    first = (int(query.get("page", ["1"])[0]) - 1) * limit
    if "created_at__before" in query:
        before = datetime.fromisoformat(query["created_at__before"][0])
        first += bisect.bisect_left(ages, start - int(before.timestamp()))
    last = first + limit
    more = "true" if last < count else "false"
    head = '{"page":1,"limit":%d,"total":%d,"has_more":%s,"data":[' % (
        limit, count, more)
    return head.encode() + b",".join(rows[first:last]) + b"]}"

def answer(target):
    path, query = urlsplit(target).path, parse_qs(urlsplit(target).query)
    if path == "/v1/info":
        return b'{"name":"Nightly ETL","description":"","tags":[],"mode":"workflow"}'
    if path == "/asked":
        return json.dumps(asked_for).encode()
    asked_for.append(target)
    return listed(query)

def serve(peer):
    with peer:
        asked = b""
        while True:
            while b"\\r\\n\\r\\n" not in asked:
                received = peer.recv(65536)
                if not received:
                    return
                asked += received
            first, _, asked = asked.partition(b"\\r\\n\\r\\n")
            knows_key = b"authorization: bearer" in first.lower()
            body = answer(first.split(b" ")[1].decode()) if knows_key else REFUSED
            status = b"200 OK" if knows_key else b"401 UNAUTHORIZED"
            peer.sendall(b"HTTP/1.1 " + status + b"\\r\\n"
                b"Content-Type: application/json\\r\\n"
                b"X-Version: 1.14.2\\r\\nContent-Length: %d\\r\\n\\r\\n" % len(body)
                + body)
"""

OURS = """
import resource, sys
from chronotui.cli.main import main

code = main(["--config", sys.argv[1], "runs", "-o", "json"])
sys.stdout.flush()
print(code, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)
"""

THEIRS = """
import json, sys
import httpx

origin, key, asked = sys.argv[1], sys.argv[2], json.load(open(sys.argv[3]))
seen = set()
with httpx.Client(headers={"Authorization": f"Bearer {key}"}) as client:
    for target in asked:
        for row in json.loads(client.get(origin + target).content)["data"]:
            if row["id"] not in seen:
                seen.add(row["id"])
                print(json.dumps(row))
"""


class Peer:
    """A server of so many runs in a process of its own, and a profile of it."""

    def __init__(self, origin: str, folder: Path) -> None:
        self.origin = origin
        self.config = folder / "config.toml"
        self.asked = folder / "asked.json"
        self.config.write_text(
            f'[profiles.bench]\nkind = "dify"\nurl = "{origin}/v1"\n'
            f'[profiles.bench.auth]\nmethod = "bearer"\ntoken = "{KEY}"\n'
        )
        self.config.chmod(0o600)

    def ours(self, count: int) -> float:
        """List all runs; return the most memory that took, in MiB."""
        command = [sys.executable, "-c", OURS, str(self.config)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        code, kibibytes = map(int, done.stderr.split())
        assert code == 0
        assert len(json.loads(done.stdout)) == count
        return kibibytes / 1024

    def theirs(self, count: int) -> None:
        """Send what ours sent at first."""
        if not self.asked.exists():
            key = {"Authorization": f"Bearer {KEY}"}
            targets = httpx.get(f"{self.origin}/asked", headers=key).json()
            self.asked.write_text(json.dumps(targets[: targets.index(targets[0], 1)]))
        command = [sys.executable, "-c", THEIRS, self.origin, KEY, str(self.asked)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        assert done.stdout.count("\n") == count


@contextmanager
def peer_of(count: int) -> Iterator[Peer]:
    with TemporaryDirectory() as folder, served(SERVER, count) as origin:
        yield Peer(origin, Path(folder))


def figures(runs: int = 5) -> list[Figure]:
    memory: list[float] = []
    with peer_of(RUNS) as peer:
        for _ in range(2):  # The second shows where the requests of the first end.
            peer.ours(RUNS)
        took = interleaved(
            lambda: seconds(lambda: memory.append(peer.ours(RUNS))),
            lambda: seconds(lambda: peer.theirs(RUNS)),
            runs=runs,
        )
    with peer_of(FEW) as peer:
        few = median(peer.ours(FEW) for _ in range(runs))
    name = f"runs -o json, {RUNS:,} runs"
    return [
        Figure(name, took[0], took[1], 1.5, "bare httpx loop"),
        Figure(f"{name}: memory", median(memory), few, 1.1, f"{FEW:,} runs", "MiB"),
    ]
