#!/usr/bin/env bash
# pyte 0.8.2: the rest of a piece of text is lost behind a vowel sign.
#
# Guess: a character that takes no cell is joined to the one before it, or left out, and
# what follows it is shown.
# Seen: that holds for marks with a combining class other than 0, such as an acute accent
# or the virama. Vowel signs of Devanagari have class 0: they end the drawing of that
# piece, and so does a joiner; every letter up to the next control sequence is missing.
# A test that reads its screen through pyte sees Hindi lines cut off that terminals show
# whole.
#
# Output seen:
#   pyte 0.8.2, wcwidth 0.9.4: acute 'shown' | virama 'shown' | sign e '' | joiner ''
#
# Exits 0 while this is so, 1 when it has changed.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q 'pyte==0.8.2' 'wcwidth==0.9.4'

cat > "$folder/look.py" <<'PYTHON'
import sys
from importlib.metadata import version

import pyte

PIECES = {
    "acute": "e\u0301 shown",
    "virama": "\u0924\u094d shown",
    "sign e": "\u0924\u0947 shown",
    "joiner": "a\u200d shown",
}


def behind(piece: str) -> str:
    """Return what the screen shows behind the first character of a piece."""
    screen = pyte.Screen(20, 1)
    pyte.Stream(screen).feed(piece)
    return screen.display[0][1:].strip().lstrip("\u0301\u094d").strip()


seen = {name: behind(piece) for name, piece in PIECES.items()}
words = " | ".join(f"{name} {text!r}" for name, text in seen.items())
print(f"pyte {version('pyte')}, wcwidth {version('wcwidth')}: {words}")
sys.exit(list(seen.values()) != ["shown", "shown", "", ""])
PYTHON
"$folder/venv/bin/python" "$folder/look.py"
