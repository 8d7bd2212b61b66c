"""The text every program under test shows: lines of about 120 bytes, as a job's."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

START_SECONDS = 1_795_342_351
"""2026-11-22 10:12:31 UTC; line ``n`` is written ``n`` milliseconds later."""


def text(number: int) -> str:
    """Return a line; its number is the only one of nine digits in it."""
    seconds, thousandths = divmod(number, 1000)
    minutes, seconds = divmod(12 * 60 + 31 + seconds, 60)
    hours, minutes = divmod(minutes, 60)
    end = "Timeout" if number % 7 == 0 else "done"
    return (
        f"2026-11-22 {10 + hours % 14}:{minutes:02}:{seconds:02}.{thousandths:03} "
        f"worker-{number % 40} INFO loading batch {number:09}/400 "
        f"from customers_{number % 7} took {number % 977} ms status=ok {end}"
    )


def write(path: Path, lines: int) -> Path:
    """Write so many lines to a file."""
    with path.open("w") as target:
        target.writelines(f"{text(number)}\n" for number in range(lines))
    return path
