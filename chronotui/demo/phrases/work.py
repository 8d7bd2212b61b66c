"""Passages of jobs that move rows and files: loads, reports, backups, sweeps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from chronotui.model import STDERR, STDOUT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chronotui.demo.dice import Dice
    from chronotui.demo.phrases.book import Phrase

_TABLES: Final = ("orders", "customers", "invoices", "payments", "stock", "refunds")
_REGIONS: Final = ("eu-west", "eu-north", "us-east", "ap-south", "sa-east")
_BRANCHES: Final = ("Zürich", "Kraków", "東京支店", "서울 지점", "São Paulo", "Łódź")
_FILES: Final = ("load.py", "report.py", "warehouse.py", "frames.py")
_STEPS: Final = ("read_rows", "merge", "render_page", "write_parquet", "fetch")


def json_event(dice: Dice, number: str) -> Iterator[Phrase]:
    """One structured line."""
    level = dice.pick(("info", "info", "info", "debug", "warn"))
    table, rows, took = dice.pick(_TABLES), dice.below(90000), dice.below(900)
    yield (
        STDOUT,
        (
            f'{{"level":"{level}","msg":"batch loaded","table":"{table}",'
            f'"batch":"{number}","rows":{rows},"ms":{took}}}'
        ),
    )


def json_error(dice: Dice, number: str) -> Iterator[Phrase]:
    """One structured error."""
    yield (
        STDERR,
        (
            f'{{"level":"error","msg":"row rejected","table":"{dice.pick(_TABLES)}",'
            f'"row":"{number}","cause":{{"code":{dice.between(1000, 1999)},'
            f'"field":"amount","got":null}}}}'
        ),
    )


def batch(dice: Dice, number: str) -> Iterator[Phrase]:
    """Plain progress of a load."""
    yield STDOUT, f"Loading batch {number} of {dice.pick(_TABLES)}"
    if dice.chance(0.5):
        yield (
            STDOUT,
            (
                f"  {dice.below(50000):>6} rows merged in {dice.below(2000)} ms "
                f"({dice.pick(_REGIONS)})"
            ),
        )


def progress(dice: Dice, number: str) -> Iterator[Phrase]:
    r"""A progress bar drawn over itself with ``\r``."""
    table, last = dice.pick(_TABLES), dice.between(40, 100)
    states = (
        f"{table} {number} [{'#' * (done // 5):<20}] {done:3d}%"
        for done in (*range(0, last, 20), last)
    )
    yield STDOUT, "\r".join(states)


def warning(dice: Dice, number: str) -> Iterator[Phrase]:
    """A warning on stderr, with ordinary work after it."""
    yield (
        STDERR,
        dice.pick(
            (
                (
                    f"Warning: slow query ({dice.between(1, 9)}.{dice.below(10)} s) "
                    f"on {dice.pick(_TABLES)}"
                ),
                "Warning: deprecated option used",
                f"WARN retrying page {number} after a time-out",
            )
        ),
    )
    yield STDOUT, f"continuing with row {number}"


def traceback(dice: Dice, number: str) -> Iterator[Phrase]:
    """A stack trace on stderr."""
    yield STDERR, "Traceback (most recent call last):"
    for _ in range(dice.between(2, 4)):
        line, step = dice.between(10, 400), dice.pick(_STEPS)
        yield STDERR, f'  File "/app/{dice.pick(_FILES)}", line {line}, in {step}'
        yield STDERR, f"    {dice.pick(_STEPS)}(rows[{dice.below(400)}])"
    yield STDERR, f"ValueError: bad row {number}"
    yield STDOUT, f"row {number} put aside, going on"


def report_page(dice: Dice, number: str) -> Iterator[Phrase]:
    """Pages of a report, some with names from everywhere."""
    place = dice.pick(
        ("Zürich", "Kraków", "東京支店", "서울 지점", "São Paulo", "Łódź")
    )
    yield STDOUT, f"page {number}: {place} {dice.pick(('✅', '📈', '⏳', '·'))}"


def archive(dice: Dice, number: str) -> Iterator[Phrase]:
    """Files going into a backup."""
    folder, size = dice.pick(("base", "pg_wal", "global")), dice.between(8, 16384)
    yield STDOUT, f"/var/lib/postgresql/{folder}/{number} {size:>6} KiB ok"


def checksum(dice: Dice, number: str) -> Iterator[Phrase]:
    """A checksum that had to be taken twice."""
    yield STDERR, f"checksum of segment {number} differs, reading again"
    yield STDOUT, f"segment {number} {dice.below(1 << 32):08x} verified"


def sweep(dice: Dice, number: str) -> Iterator[Phrase]:
    """A queue being emptied."""
    queue = dice.pick(("mail", "webhooks", "exports", "thumbnails"))
    yield STDOUT, f"{queue}: {dice.below(40)} stale, {dice.below(900)} waiting"
    if dice.chance(0.1):
        yield STDERR, f"{queue}: message {number} moved to the dead letters"


def ledger(dice: Dice, number: str) -> Iterator[Phrase]:
    """Entries of a ledger being replayed."""
    cents = dice.below(10_000_000)
    yield (
        STDOUT,
        (
            f"entry {number} {dice.pick(('debit ', 'credit'))} {cents / 100:>12,.2f} "
            f"EUR account {dice.between(100000, 999999)} {dice.pick(_REGIONS)}"
        ),
    )


def ledger_fault(dice: Dice, number: str) -> Iterator[Phrase]:
    """An entry that does not balance."""
    yield STDERR, f"ERROR entry {number} does not balance by {dice.below(900)} cents"


def access(dice: Dice, number: str) -> Iterator[Phrase]:
    """Access lines, about 125 bytes each, for downloads worth measuring."""
    yield (
        STDOUT,
        (
            f"10.{dice.below(256)}.{dice.below(256)}.{dice.below(256)} "
            f'"GET /api/v2/objects/{number}/{dice.below(1 << 40):010x} HTTP/1.1" '
            f"{dice.pick((200, 200, 200, 304, 404))} {dice.below(99999):>5} "
            f'"exporter/{dice.between(1, 9)}.{dice.between(0, 20)}" '
            f"{dice.below(1 << 64):016x} rt={dice.spread(0, 2):.3f}"
        ),
    )
