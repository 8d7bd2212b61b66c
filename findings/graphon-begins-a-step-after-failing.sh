#!/usr/bin/env bash
# graphon 0.8.0, the engine of Dify: a step goes to work after the run has failed.
#
# Guess: when a step fails the run, no other step begins any more; those that run already
# are waited for or cut off.
# Seen: the worker that told of the failure takes the next step that waits and executes
# it, while the run is over. Of three parallel steps, one at a time, the first is refused
# and fails the run; the second sends its request behind GraphRunFailed. Its end is never
# told, and in most runs its beginning is not either: a log of the run that is made of
# events says that it never began, and whoever starts the run again lets it do its work
# twice. With the five workers that are usual it is one step more than those five, too.
#
# Needs Python 3.12 or 3.13.
#
# Output seen:
#   graphon 0.8.0: steps that were told to end: refused; then the run failed
#   graphon 0.8.0: asked the server: second, after the run had failed
#
# Exits 0 while this is so, 1 when it has changed, 2 without such a Python.
set -euo pipefail

fits='import sys; sys.exit(sys.version_info[:2] not in {(3, 12), (3, 13)})'
for python in python3 python3.13 python3.12 ~/.pyenv/versions/3.1[23].*/bin/python none
do
    "$python" -c "$fits" 2> /dev/null && break
done
[ "$python" != none ] || { echo "Python 3.12 or 3.13 is needed" >&2; exit 2; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$python" -m venv "$folder/venv"
# Of its many dependencies only those that a run of such steps loads.
"$folder/venv/bin/pip" install -q 'pydantic==2.14.4' 'pyyaml==6.0.4' 'httpx==0.28.1' \
    'jinja2==3.1.6' 'jsonschema==4.26.0' 'charset-normalizer==3.5.3' \
    'json-repair==0.64.6' 'orjson==3.13.0' 'pydantic-extra-types==2.11.1'
"$folder/venv/bin/pip" install -q --no-deps 'graphon==0.8.0'

cat > "$folder/look.py" <<'PYTHON'
import json
import logging
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version

from graphon.dsl import loads

logging.disable()

QUIET = 2.0
"""Seconds in which a step that was to begin would have."""


class Patient(BaseHTTPRequestHandler):
    """Takes note of who asks, and answers once the run has failed."""

    def do_GET(self) -> None:
        asked.append((self.path.strip("/"), has_failed.is_set()))
        may_answer.wait()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_args: object) -> None:
        pass


def node(name: str, kind: str, **more: object) -> dict[str, object]:
    return {"id": name, "data": {"type": kind, "title": name, **more}}


def fetch(name: str, url: str) -> dict[str, object]:
    return node(
        name,
        "http-request",
        method="get",
        url=url,
        authorization={"type": "no-auth"},
        headers="",
        params="",
        body={"type": "none", "data": []},
        timeout={"connect": 5, "read": 30, "write": 5},
        retry_config={"retry_enabled": False},
    )


def workflow(steps: list[dict[str, object]]) -> str:
    """Return a workflow that begins all of its steps at once."""
    nodes = [node("start", "start", variables=[]), *steps]
    nodes.append(node("end", "end", outputs=[]))
    names = [step["id"] for step in steps]
    ways = [("start", name) for name in names] + [(name, "end") for name in names]
    edges = [
        {"id": a + b, "source": a, "target": b, "sourceHandle": "source", "data": {}}
        for a, b in ways
    ]
    app = {"mode": "workflow", "name": "look"}
    whole = {"app": app, "kind": "app", "version": "0.3.1"}
    return json.dumps({**whole, "workflow": {"graph": {"nodes": nodes, "edges": edges}}})


asked: list[tuple[str, bool]] = []
has_failed, may_answer = threading.Event(), threading.Event()
server = ThreadingHTTPServer(("127.0.0.1", 0), Patient)
closed = ThreadingHTTPServer(("127.0.0.1", 0), Patient)
closed.server_close()  # whoever asks there is refused
threading.Thread(target=server.serve_forever, daemon=True).start()
there = f"http://127.0.0.1:{server.server_port}"
steps = [fetch("refused", f"http://127.0.0.1:{closed.server_port}/")]
steps += [fetch(name, f"{there}/{name}") for name in ("second", "third")]

ended = []
try:
    for event in loads(workflow(steps), credentials={}, workers=1).run():
        name, step = type(event).__name__, getattr(event, "node_id", "")
        if name in {"NodeRunSucceededEvent", "NodeRunFailedEvent"} and step != "start":
            ended.append(step)
        elif name == "GraphRunFailedEvent":
            has_failed.set()
            time.sleep(QUIET)
            may_answer.set()
except RuntimeError:
    pass  # raised behind the last event of a run that failed
time.sleep(QUIET)
release = f"graphon {version('graphon')}"
when = {True: "after the run had failed", False: "before the run had failed"}
requests = "; ".join(f"{name}, {when[is_late]}" for name, is_late in asked)
print(f"{release}: steps that were told to end: {' '.join(ended)}; then the run failed")
print(f"{release}: asked the server: {requests or 'none'}")
seen = ended, asked, has_failed.is_set()
sys.exit(seen != (["refused"], [("second", True)], True))
PYTHON

"$folder/venv/bin/python" "$folder/look.py"
