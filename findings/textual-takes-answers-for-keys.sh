#!/usr/bin/env bash
# textual 8.2.8: what a terminal answers to somebody else's question is pressed as keys.
#
# Guess: an app that finds an answer it has not asked for in its input, such as the name
# or the device attributes of the terminal, takes it as one and drops it.
# Seen: every character of it becomes a key event, once ESCDELAY has passed. Shells and
# editors ask such things when they start and end; over a slow line the answer comes when
# the app already reads. `CSI > q` in tmux then presses P, t, m, u, x, space, 3 and so
# on, each with whatever it is bound to; `CSI c`, which every terminal answers, presses c.
#
# Needs tmux and python3.
#
# Output seen:
#   textual 8.2.8 in tmux 3.3a, keys pressed by an answer to
#     nothing: none
#     CSI c: [ ? 1 ; 2 c
#     CSI > q: ^ P > | t m u x space 3 . 3 a \
#
# Exits 0 while answers press keys, 1 when they do not, 2 without tmux.
set -euo pipefail

command -v tmux > /dev/null || { echo "tmux is needed" >&2; exit 2; }
folder=$(mktemp -d)
trap 'tmux -S "$folder/tmux" kill-server 2> /dev/null || true; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q 'textual==8.2.8'

cat > "$folder/ask.py" <<'PYTHON'
"""Be the program before: ask, and leave without waiting for the answer."""
import os
import sys
import tty

tty.setraw(0)
os.write(1, sys.argv[1].encode())
os.execv(sys.executable, [sys.executable, *sys.argv[2:]])
PYTHON

cat > "$folder/app.py" <<'PYTHON'
import sys

from textual.app import App
from textual.events import Key


class Look(App[None]):
    """Takes note of the keys that are pressed in its first seconds."""

    keys: list[str] = []

    def on_ready(self) -> None:
        self.set_timer(2.0, self.exit)

    def on_key(self, event: Key) -> None:
        is_shown = event.is_printable and event.character != " "
        self.keys.append(event.character if is_shown else event.key)


app = Look()
app.run()
with open(sys.argv[1], "w") as file:
    file.write(" ".join(app.keys))
PYTHON

cat > "$folder/look.py" <<'PYTHON'
import os
import subprocess
import sys
from importlib.metadata import version

folder = sys.argv[1]
tmux = ["tmux", "-u", "-f", "/dev/null", "-S", f"{folder}/tmux"]


def pressed(question: str) -> str:
    """Return the keys that an app has read which begins right behind a question."""
    seen = f"{folder}/seen"
    os.mkfifo(seen)
    ask = [sys.executable, f"{folder}/ask.py", question, f"{folder}/app.py", seen]
    subprocess.run([*tmux, "new-session", "-d", "-x80", "-y24", *ask], check=True)
    with open(seen) as file:
        keys = file.read()
    os.unlink(seen)
    return keys


release = subprocess.check_output(["tmux", "-V"], text=True).strip()
keys = {"nothing": pressed(""), "CSI c": pressed("\x1b[c"), "CSI > q": pressed("\x1b[>q")}
print(f"textual {version('textual')} in {release}, keys pressed by an answer to")
for question, seen in keys.items():
    print(f"  {question}: {seen or 'none'}")
is_so = keys["CSI c"].endswith("c") and "t m u x" in keys["CSI > q"]
sys.exit(bool(keys["nothing"]) or not is_so)
PYTHON

"$folder/venv/bin/python" "$folder/look.py" "$folder"
