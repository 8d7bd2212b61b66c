#!/usr/bin/env bash
# regex 2026.11.19: timeout= is looked at so seldom that a search may overrun it sixtyfold.
#
# Guess: regex.search(..., timeout=0.02) raises TimeoutError after about 0.02 s, give
# or take a scheduler's tick, whatever the expression.
# Seen: it depends on the expression. `a.*b` over 64 KiB ends after about 0.03 s;
# `\w+\s` over one line of a million letters goes on for over a second of processor
# time before the same TimeoutError comes.
# Whoever gives a limit to keep a screen alive has to search long lines in a thread.
#
# Output seen:
#   regex 2026.11.19: a.*b over 65536: TimeoutError after 0.03 s
#   regex 2026.11.19: \w+\s over 1000000: TimeoutError after 1.28 s
#
# Exits 0 while the second one overruns its limit at least tenfold and the first one
# does not, 1 when that has changed.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q 'regex==2026.11.19'

cat > "$folder/look.py" <<'PYTHON'
import sys
from importlib.metadata import version
from time import process_time

import regex

LIMIT = 0.02


def overrun(pattern: str, length: int) -> float:
    """Return how many times its limit a search that cannot match takes."""
    text = "a" * length
    began = process_time()
    try:
        regex.search(pattern, text, timeout=LIMIT)
        how = "no match"
    except TimeoutError:
        how = "TimeoutError"
    took = process_time() - began
    release = version("regex")
    print(f"regex {release}: {pattern} over {length}: {how} after {took:.2f} s")
    return took / LIMIT


short, long = overrun("a.*b", 1 << 16), overrun(r"\w+\s", 1_000_000)
sys.exit(not (short < 10 <= long))
PYTHON

"$folder/venv/bin/python" "$folder/look.py"
