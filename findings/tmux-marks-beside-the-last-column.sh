#!/usr/bin/env bash
# tmux 3.3a: with autowrap off, a mark on the letter in the last column moves left.
#
# Guess: a combining mark joins the character that was written before it, at the right
# edge as anywhere, and whether lines wrap or not.
# Seen: where autowrap is on, it does. Where it is off (CSI ?7l, which full-screen
# programs such as those of Textual send), the cursor stays on the last column, and tmux
# joins the mark to the cell before the cursor, which is the last letter but one. A screen
# painted cell by cell so has a wrong letter in two cells, and neither is painted again,
# since the program knows them to be right. xterm.js and pyte join it to the last letter.
#
# Needs tmux and python3.
#
# Output seen:
#   tmux 3.3a: wrap on 'abcdefghié', wrap off 'abcdefghíe'
#   pyte 0.8.2: wrap on 'abcdefghié', wrap off 'abcdefghié'
#
# Exits 0 while this is so, 1 when it has changed, 2 without tmux.
set -euo pipefail

command -v tmux > /dev/null || { echo "tmux is needed" >&2; exit 2; }
folder=$(mktemp -d)
trap 'tmux -S "$folder/tmux" kill-server 2> /dev/null || true; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q 'pyte==0.8.2' 'wcwidth==0.9.4'

cat > "$folder/write.py" <<'PYTHON'
"""Write to the terminal, and wait until it has read all of it."""
import os
import sys
import tty

tty.setraw(0)
os.write(1, os.fsencode(sys.argv[1]) + b"\x1b[5n")
answer = b""
while b"\x1b[0n" not in answer:
    answer += os.read(0, 64)
with open(sys.argv[2], "w"):
    os.read(0, 1)  # stay until tmux ends
PYTHON

cat > "$folder/look.py" <<'PYTHON'
import os
import subprocess
import sys
from importlib.metadata import version
from unicodedata import normalize

import pyte

COLUMNS, LINES = 10, 3
TEXT = "abcdefghie\u0301"
ASKED = {"wrap on": "\x1b[?7h" + TEXT, "wrap off": "\x1b[?7l" + TEXT}


def in_tmux(name: str, written: str) -> str:
    """Return the first row that tmux shows."""
    tmux = ["tmux", "-f", "/dev/null", "-S", f"{folder}/tmux"]
    done = f"{folder}/{name.replace(' ', '-')}"
    os.mkfifo(done)
    size = ["-x", str(COLUMNS), "-y", str(LINES)]
    child = [sys.executable, f"{folder}/write.py", written, done]
    whole = {**os.environ, "LC_ALL": "C.UTF-8"}
    new = [*tmux, "-u", "new-session", "-d", *size, "-s", name, *child]
    subprocess.run(new, check=True, env=whole)
    with open(done):  # opens when all was read
        pass
    shown = subprocess.check_output(
        [*tmux, "-u", "capture-pane", "-p", "-t", name], text=True, env=whole
    )
    return shown.splitlines()[0]


def in_pyte(_name: str, written: str) -> str:
    screen = pyte.Screen(COLUMNS, LINES)
    pyte.Stream(screen).feed(written)
    return screen.display[0]


folder = sys.argv[1]
release = subprocess.check_output(["tmux", "-V"], text=True).strip()
rows = []
for who, shown in ((release, in_tmux), (f"pyte {version('pyte')}", in_pyte)):
    row = [normalize("NFC", shown(name, written)) for name, written in ASKED.items()]
    print(f"{who}: wrap on {row[0]!r}, wrap off {row[1]!r}")
    rows.append(row)
right, moved = "abcdefghi\u00e9", "abcdefgh\u00ede"
sys.exit(rows != [[right, moved], [right, right]])
PYTHON

LC_ALL=C.UTF-8 "$folder/venv/bin/python" "$folder/look.py" "$folder"
