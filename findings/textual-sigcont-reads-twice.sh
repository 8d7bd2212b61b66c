#!/usr/bin/env bash
# textual 8.2.8: a SIGCONT that ends no suspension starts a second thread that reads keys.
#
# Guess: SIGCONT does something only after SIGTSTP; to an app that runs it is nothing.
# Seen: the Linux driver enters application mode anew, whatever went before. A second
# thread named textual-input reads the same terminal as the first one, which nothing
# ends or joins any more, and the alternate screen is entered twice.
# It happens without anybody's doing: a kernel that closes a terminal sends SIGCONT with
# its SIGHUP. An app that leaves at that moment may start to read again after it has
# left, from a terminal that is at its end, and the process stays for ever.
#
# Output seen:
#   textual 8.2.8: threads that read keys: 1 before, 2 after a SIGCONT
#
# Exits 0 while it is so, 1 when that has changed.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q 'textual==8.2.8'

cat > "$folder/app.py" <<'PYTHON'
import asyncio
import os
import signal
import sys
import threading

from textual.app import App


def readers() -> int:
    return sum(thread.name == "textual-input" for thread in threading.enumerate())


class Look(App[None]):
    async def on_ready(self) -> None:
        before = readers()
        os.kill(os.getpid(), signal.SIGCONT)
        await asyncio.sleep(1.0)
        with open(sys.argv[1], "w") as file:
            file.write(f"{before} {readers()}")
        os._exit(0)


Look().run()
PYTHON

cat > "$folder/look.py" <<'PYTHON'
import os
import pty
import sys
from importlib.metadata import version

folder = sys.argv[1]
pid, terminal = pty.fork()
if not pid:
    os.execv(sys.executable, [sys.executable, f"{folder}/app.py", f"{folder}/seen"])
try:
    while os.read(terminal, 65536):
        pass
except OSError:
    pass
os.waitpid(pid, 0)
with open(f"{folder}/seen") as file:
    before, after = map(int, file.read().split())
print(
    f"textual {version('textual')}: threads that read keys: "
    f"{before} before, {after} after a SIGCONT"
)
sys.exit((before, after) != (1, 2))
PYTHON

TERM=xterm-256color "$folder/venv/bin/python" "$folder/look.py" "$folder"
