"""``python -m tests.benchmarks [NAME …]``: measure and print the table."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

from tests.benchmarks.machine import words
from tests.benchmarks.measure import Figure, table


def main() -> int:
    """Run the named benchmarks, or all of them, and print one table."""
    folder = Path(__file__).parent
    known = sorted(path.stem for path in folder.glob("bench_*.py"))
    wanted = [f"bench_{name}" for name in sys.argv[1:]] or known
    figures: list[Figure] = []
    for name in wanted:
        print(f"… {name}", file=sys.stderr, flush=True)
        figures += import_module(f"tests.benchmarks.{name}").figures()
    print(words(), end="\n\n")
    print(table(figures))
    return 0 if all(figure.is_met for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
