"""How jobs of the demo fail: what their last attempt prints when it does.

Each failure says its cause once, then what falls over after it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from chronotui.model import STDERR, STDOUT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from chronotui.demo.clock import SeededRandom
    from chronotui.demo.phrases import Phrase


def bad_row(rng: SeededRandom) -> Iterator[Phrase]:
    """A Python job that meets a value it cannot read."""
    row = rng.between(10_000, 99_999)
    yield STDERR, "Traceback (most recent call last):"
    yield STDERR, '  File "/app/load.py", line 212, in read_rows'
    yield STDERR, '    amount = Decimal(row["amount"])'
    yield STDERR, '  File "/app/load.py", line 88, in Decimal'
    yield STDERR, '    raise ValueError(f"row {number}: {text!r} is no amount")'
    yield STDERR, f"ValueError: row {row}: 'n/a' is no amount"
    yield STDOUT, "rolling back"
    yield STDOUT, "exit status 1"


def nil_pointer(rng: SeededRandom) -> Iterator[Phrase]:
    """A Go job that dereferences nil."""
    address = rng.between(0x400000, 0x7FFFFF)
    yield (
        STDERR,
        "panic: runtime error: invalid memory address or nil pointer dereference",
    )
    yield (
        STDERR,
        f"[signal SIGSEGV: segmentation violation code=0x1 addr=0x18 pc={address:#x}]",
    )
    yield STDERR, "goroutine 1 [running]:"
    yield STDERR, f"main.(*Cart).Total(0x0, {{0xc{rng.below(1 << 36):09x}, 0x4}})"
    yield STDERR, "\t/src/cart/total.go:57 +0x1d"
    yield STDERR, "main.main()"
    yield STDERR, "\t/src/main.go:31 +0x2b4"
    yield STDERR, "exit status 2"


def caused_by(rng: SeededRandom) -> Iterator[Phrase]:
    """A Java job whose real trouble stands two causes down."""
    line = rng.between(40, 400)
    yield STDERR, "ERROR job aborted"
    yield STDERR, "java.lang.RuntimeException: settlement run could not be closed"
    yield STDERR, f"\tat com.example.settle.Run.close(Run.java:{line})"
    yield STDERR, "\tat com.example.settle.Main.main(Main.java:24)"
    yield (
        STDERR,
        (
            "Caused by: java.sql.SQLIntegrityConstraintViolationException: "
            f"key {rng.below(1 << 32)} violates settlement_once_a_day"
        ),
    )
    yield STDERR, "\tat org.postgresql.Driver.execute(Driver.java:1103)"
    yield STDERR, f"\t... {rng.between(2, 30)} more"
    yield STDOUT, "shutting the pool down"


def rejected_promise(rng: SeededRandom) -> Iterator[Phrase]:
    """A Node job that reads a field of nothing."""
    yield STDERR, "/app/dist/render.js:41"
    yield STDERR, "    return page.sections.map(draw)"
    yield STDERR, "                ^"
    yield (
        STDERR,
        "TypeError: Cannot read properties of undefined (reading 'sections')",
    )
    yield STDERR, f"    at render (/app/dist/render.js:41:{rng.between(9, 30)})"
    yield STDERR, "    at async Promise.all (index 3)"
    yield STDERR, "    at async main (/app/dist/index.js:18:5)"
    yield STDERR, "Node.js v22.11.0"


def unwrapped_error(rng: SeededRandom) -> Iterator[Phrase]:
    """A Rust job that took it for granted that a file is whole."""
    at = rng.between(1 << 20, 1 << 28)
    yield STDERR, "thread 'main' panicked at src/segment.rs:118:14:"
    yield (
        STDERR,
        (
            "called `Result::unwrap()` on an `Err` value: "
            f"Corrupt {{ offset: {at}, expected: 0x5e47, found: 0x0000 }}"
        ),
    )
    yield STDERR, "stack backtrace:"
    yield STDERR, "   0: rust_begin_unwind"
    yield STDERR, "   1: core::panicking::panic_fmt"
    yield STDERR, "   2: replay::segment::open"
    yield STDERR, "   3: replay::main"
    yield STDOUT, "exit status 101"


def disk_full(rng: SeededRandom) -> Iterator[Phrase]:
    part = rng.between(100, 900)
    yield STDOUT, f"writing part-{part:05d}.parquet"
    yield (
        STDERR,
        f"write /scratch/part-{part:05d}.parquet: no space left on device",
    )
    yield STDERR, f"part-{part:05d}.parquet: short write, 4096 of 1048576 bytes"
    yield STDERR, "cannot remove /scratch/lock: read-only file system"
    yield STDOUT, "exit status 28"


def connection_refused(rng: SeededRandom) -> Iterator[Phrase]:
    host = f"10.4.{rng.between(0, 9)}.{rng.between(2, 250)}:5432"
    for turn in range(1, 4):
        yield STDERR, f"WARN connecting to {host} (try {turn} of 3): refused"
        yield STDOUT, f"waiting {turn * 2} s"
    yield STDERR, f"ERROR could not connect to {host}: connection refused"
    yield STDERR, "FATAL giving up after 3 tries"


def killed_for_memory(rng: SeededRandom) -> Iterator[Phrase]:
    used = rng.between(2020, 2047)
    yield STDOUT, f"rss {used} MiB of 2048 MiB"
    yield STDERR, "MemoryError: cannot allocate 134217728 bytes for the join"
    yield STDERR, "Killed"
    yield STDOUT, "exit status 137"


def expired_certificate(rng: SeededRandom) -> Iterator[Phrase]:
    yield STDOUT, "POST https://payments.example.com/v3/settlements"
    yield (
        STDERR,
        (
            '{"level":"error","msg":"request failed","error":"x509: certificate has '
            f'expired or is not yet valid","took_ms":{rng.between(20, 90)}}}'
        ),
    )
    yield (
        STDERR,
        (
            '{"level":"fatal","msg":"no settlement was sent","pending":'
            f"{rng.between(200, 900)}}}"
        ),
    )


def timed_out(rng: SeededRandom) -> Iterator[Phrase]:
    shard = rng.below(32)
    yield STDOUT, f"waiting for the lock of shard {shard}"
    yield (
        STDERR,
        (
            f'level=error msg="lock of shard {shard} not taken: timeout after 30 s" '
            f"holder=indexer-{rng.below(8)}"
        ),
    )
    yield STDERR, 'level=error msg="context deadline exceeded" op=reindex'
    yield STDOUT, f"{shard} of 32 shards done"
    yield STDOUT, "exit status 1"


FAILURES: Final[Mapping[str, Callable[[SeededRandom], Iterator[Phrase]]]] = {
    "bad row": bad_row,
    "nil pointer": nil_pointer,
    "caused by": caused_by,
    "rejected promise": rejected_promise,
    "unwrapped error": unwrapped_error,
    "disk full": disk_full,
    "connection refused": connection_refused,
    "killed for memory": killed_for_memory,
    "expired certificate": expired_certificate,
    "timed out": timed_out,
}
"""What a failing attempt prints last, by a name for the failure."""
