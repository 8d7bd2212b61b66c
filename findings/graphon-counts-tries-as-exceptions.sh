#!/usr/bin/env bash
# graphon 0.8.0, the engine of Dify: a run whose every step succeeded ends "partially".
#
# Guess: a step that fails, is tried again as it is set to and then succeeds has
# succeeded. The run is "partial" where a step really failed and its error was passed
# over, and its number of exceptions is that of such steps.
# Seen: each try that failed counts. A run of three steps, all of which end well, the
# second at its third try, ends as partially succeeded with 2 exceptions; a run that such
# a step fails for good has 3 exceptions and one failed step. Whoever alerts on all that
# is not "succeeded" is woken by retries that did what they are for, and a number of
# exceptions says nothing of how many steps to look at.
#
# Needs Python 3.12 or 3.13.
#
# Output seen:
#   graphon 0.8.0: refused 0 times: steps 3 succeeded, run Succeeded
#   graphon 0.8.0: refused 2 times: steps 3 succeeded, run PartialSucceeded, 2 exceptions
#   graphon 0.8.0: refused 9 times: steps 1 succeeded 1 failed, run Failed, 3 exceptions
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
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version

from graphon.dsl import loads

logging.disable()


class Flaky(BaseHTTPRequestHandler):
    """Hangs up on the first requests of a path, as many as it says."""

    asked: Counter[str] = Counter()

    def do_GET(self) -> None:
        self.asked[self.path] += 1
        if self.asked[self.path] <= int(self.path.strip("/")):
            self.close_connection = True
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_args: object) -> None:
        pass


def node(name: str, kind: str, **more: object) -> dict[str, object]:
    return {"id": name, "data": {"type": kind, "title": name, **more}}


def workflow(url: str) -> str:
    """Return a workflow of three steps, the middle one tried three times at most."""
    fetch = node(
        "fetch",
        "http-request",
        method="get",
        url=url,
        authorization={"type": "no-auth"},
        headers="",
        params="",
        body={"type": "none", "data": []},
        timeout={"connect": 5, "read": 5, "write": 5},
        retry_config={"retry_enabled": True, "max_retries": 2, "retry_interval": 50},
    )
    outputs = [{"variable": "body", "value_selector": ["fetch", "body"]}]
    nodes = [node("start", "start", variables=[]), fetch]
    nodes.append(node("end", "end", outputs=outputs))
    ways = [("start", "fetch"), ("fetch", "end")]
    edges = [
        {"id": a + b, "source": a, "target": b, "sourceHandle": "source", "data": {}}
        for a, b in ways
    ]
    graph = {"nodes": nodes, "edges": edges}
    app = {"mode": "workflow", "name": "look"}
    whole = {"app": app, "kind": "app", "version": "0.3.1"}
    return json.dumps({**whole, "workflow": {"graph": graph}})


def told(refusals: int) -> str:
    """Run it against a server that refuses some times; say what the engine told."""
    url = f"http://127.0.0.1:{server.server_port}/{refusals}"
    steps, end = Counter(), ""
    try:
        for event in loads(workflow(url), credentials={}).run():
            name = type(event).__name__.removesuffix("Event")
            if name in {"NodeRunSucceeded", "NodeRunFailed"}:
                steps[name.removeprefix("NodeRun").lower()] += 1
            elif name.startswith("GraphRun") and name != "GraphRunStarted":
                end = f"run {name.removeprefix('GraphRun')}"
                if number := getattr(event, "exceptions_count", 0):
                    end += f", {number} exceptions"
    except RuntimeError:
        pass  # raised behind the last event of a run that failed
    numbers = " ".join(f"{steps[kind]} {kind}" for kind in sorted(steps, reverse=True))
    return f"steps {numbers}, {end}"


server = ThreadingHTTPServer(("127.0.0.1", 0), Flaky)
threading.Thread(target=server.serve_forever, daemon=True).start()
seen = {refusals: told(refusals) for refusals in (0, 2, 9)}
for refusals, what in seen.items():
    print(f"graphon {version('graphon')}: refused {refusals} times: {what}")
sys.exit(
    list(seen.values())
    != [
        "steps 3 succeeded, run Succeeded",
        "steps 3 succeeded, run PartialSucceeded, 2 exceptions",
        "steps 1 succeeded 1 failed, run Failed, 3 exceptions",
    ]
)
PYTHON

"$folder/venv/bin/python" "$folder/look.py"
