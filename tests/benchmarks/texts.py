"""The text every program under test shows: lines of about 120 bytes, as a job's.

Neighbours differ as they do in a log, so that no painter gains from rows that are
nearly the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

START_SECONDS: Final = 1_795_342_351
"""2026-11-22 10:12:31 UTC; line ``n`` is written ``n`` milliseconds later."""

BODIES: Final = (
    "loading batch {0} of 400 from customers_{1}, {2} rows, {3} ms",
    "GET /api/v1/orders/{2}/items?page={1} answered 200 in {3} ms",
    "cache miss for user:{2}:profile, read from replica-{1} in {3} ms",
    "wrote s3://warehouse/nightly/part-{2}.parquet, {0} row groups",
    "retrying 10.0.{1}.{0}:5432 in {3} ms, attempt {1} of 9, pool {2}",
    "checkpoint {2} committed, lag {3} ms, {0} partitions, epoch {1}",
    "validated {2} rows against orders_v{1}, {0} rejected, {3} ms",
    "node-{1} took task {2:08x}, queue {0}, waited {3} ms",
)


def text(number: int) -> str:
    """Return a line; its time and its number in brackets are its alone."""
    seconds, thousandths = divmod(number, 1000)
    minutes, seconds = divmod(12 * 60 + 31 + seconds, 60)
    hours, minutes = divmod(minutes, 60)
    mixed = number * 2_654_435_761 & 0xFFFFFFFF
    body = BODIES[mixed >> 29].format(
        mixed >> 8 & 255, number % 9, mixed >> 5 & 0xFFFFF, mixed % 977
    )
    level = "WARN" if mixed % 23 == 0 else "INFO"
    end = "Timeout" if number % 7 == 0 else "done"
    return (
        f"2026-11-22 {10 + hours % 14}:{minutes:02}:{seconds:02}.{thousandths:03} "
        f"[{number:09}] worker-{number % 40} {level} {body}, status {end}"
    )


def write(path: Path, lines: int) -> Path:
    """Write so many lines to a file."""
    with path.open("w") as target:
        target.writelines(f"{text(number)}\n" for number in range(lines))
    return path
