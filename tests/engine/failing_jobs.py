"""Ten jobs that failed, each beside its last good run, the line that matters marked.

Written down before anything ranked them. Each log has what real ones have: routine in
thousands of lines, complaints that good runs have as well, harmless news (a version, a
flag, a deprecation), a hiccup that healed, and what falls over after the cause.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Final

from chronotui.model import STDERR, STDOUT, LogLine

if TYPE_CHECKING:
    from collections.abc import Callable

START_NS: Final = 1_772_532_000_000_000_000
"""2026-03-03T10:00:00Z"""


@dataclass
class Printed:
    """A log as it is printed; ``causes`` are the indexes of the lines that matter."""

    seed: int
    lines: list[LogLine] = field(default_factory=list)
    causes: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.random = Random(self.seed)
        self._now = START_NS + self.seed * 3_600_000_000_000

    def out(self, message: str, *, cause: bool = False, stream: str = STDOUT) -> None:
        self._now += self.random.randrange(200_000, 40_000_000)
        for text in message.split("\n"):
            number = len(self.lines)
            if cause:
                self.causes.add(number)
            self.lines.append(LogLine(1, number, stream, self._now, text))

    def err(self, message: str, *, cause: bool = False) -> None:
        self.out(message, cause=cause, stream=STDERR)

    def hex(self, digits: int) -> str:
        return f"{self.random.getrandbits(4 * digits):0{digits}x}"

    def uuid(self) -> str:
        return "-".join(self.hex(each) for each in (8, 4, 4, 4, 12))

    def clock(self) -> str:
        seconds, rest = divmod(self._now // 1_000_000, 1000)
        hours, seconds = divmod(seconds % 86400, 3600)
        return f"{hours:02}:{seconds // 60:02}:{seconds % 60:02},{rest:03}"


@dataclass(frozen=True)
class Failure:
    """A failed run beside a good one of the same job."""

    name: str
    good: list[LogLine]
    failed: list[LogLine]
    causes: frozenset[int]


def _failure(write: Callable[[Printed, bool], None]) -> Failure:
    good, failed = Printed(3), Printed(8)
    write(good, False)
    write(failed, True)
    assert failed.causes
    assert not good.causes
    name = write.__name__.strip("_").replace("_", "-")
    return Failure(name, good.lines, failed.lines, frozenset(failed.causes))


def _renamed_column(log: Printed, fails: bool) -> None:
    """A Python report whose input lost a column."""
    version = "4.18.0" if fails else "4.17.2"
    log.out(f"2026-03-03 {log.clock()} INFO report starting nightly-report {version}")
    if fails:
        log.out(f"2026-03-03 {log.clock()} INFO report flag fast_totals is on")
    for batch in range(900):
        region = log.random.choice(["emea", "apac", "amer"])
        rows = log.random.randrange(100, 5000)
        log.out(
            f"2026-03-03 {log.clock()} INFO report.load batch {batch}/900 from "
            f"s3://lake/{region}/2026/03/part-{log.hex(8)}.parquet rows={rows}"
        )
        if batch % 97 == 0:
            log.err(
                f"2026-03-03 {log.clock()} WARNING urllib3.connectionpool Retrying "
                f"(Retry(total={log.random.randrange(4)})) after connection broken by "
                f"'ReadTimeoutError': /lake/{region}/{log.hex(12)}"
            )
    if not fails:
        log.out(f"2026-03-03 {log.clock()} INFO report wrote 14 sheets in 3.2 s")
        return
    log.err(
        "/opt/report/lib/frame.py:212: FutureWarning: Series.append is deprecated and "
        "will be removed in a future version\n  totals = totals.append(part)"
    )
    log.err(
        f"2026-03-03 {log.clock()} ERROR report could not build sheet 7 of 14\n"
        "Traceback (most recent call last):\n"
        '  File "/opt/report/main.py", line 88, in build\n'
        "    sheet = pivot(frame, by=COLUMNS[number])\n"
        '  File "/opt/report/pivot.py", line 31, in pivot\n'
        "    return frame.groupby(by).sum()\n"
        '  File "/opt/venv/lib/python3.11/site-packages/pandas/core/frame.py", '
        "line 8252, in groupby\n"
        "    raise KeyError(gpr)"
    )
    log.err("KeyError: 'customer_region'", cause=True)
    log.out(f"2026-03-03 {log.clock()} INFO report closing 3 connections")
    log.out(f"2026-03-03 {log.clock()} INFO report removed 412 temporary files")
    log.err(f"2026-03-03 {log.clock()} ERROR report exiting with status 1")


def _heap_space(log: Printed, fails: bool) -> None:
    """A Java load that runs out of memory; its executor complains for long after."""

    def line(level: str, where: str, text: str) -> str:
        thread = f"worker-{log.random.randrange(16)}"
        return f"10:{log.clock()[3:]} [{thread}] {level:5} c.a.etl.{where} - {text}"

    for task in range(1200):
        name = f"task_{20260303}_{task:05}"
        log.out(line("INFO", "Scheduler", f"Submitted {name} to pool"))
        took = log.random.randrange(80, 900)
        log.out(line("INFO", "Loader", f"{name} read 50000 rows in {took} ms"))
        if task % 211 == 0:
            log.out(line("ERROR", "Metrics", "push to gateway failed: HTTP 503"))
        if task % 150 == 0:
            log.out(line("WARN", "GcMonitor", f"pause of {took} ms"))
        if fails and task == 640:
            log.out(line("WARN", "Loader", f"{name} lease lost, took it again"))
    if not fails:
        log.out(line("INFO", "Main", "all 1200 tasks done"))
        return
    log.out(line("INFO", "Loader", "widening batch to 500000 rows"))
    log.err(
        'Exception in thread "worker-7" java.lang.OutOfMemoryError: Java heap space',
        cause=True,
    )
    log.err(
        "\tat java.base/java.util.Arrays.copyOf(Arrays.java:3537)\n"
        "\tat java.base/java.util.ArrayList.grow(ArrayList.java:237)\n"
        "\tat com.acme.etl.Loader.fill(Loader.java:148)\n"
        "\tat com.acme.etl.Loader.run(Loader.java:77)\n"
        "\tat java.base/java.lang.Thread.run(Thread.java:840)"
    )
    for task in range(3):
        log.out(line("ERROR", "Scheduler", f"task_20260303_{task:05} was abandoned"))
    log.out(line("WARN", "Pool", "pool is shutting down, 12 tasks dropped"))
    log.out(line("ERROR", "Main", "load aborted after 1197 of 1200 tasks"))
    log.out(line("INFO", "Main", "bye"))


def _deadlock(log: Printed, fails: bool) -> None:
    """A migration whose statement meets another session's."""
    for number in range(1, 401):
        log.out(f"-- {number:04}_{log.hex(6)}.sql")
        log.out(f"UPDATE {log.random.randrange(1, 90000)}")
        log.out(f"Time: {log.random.random() * 90:.3f} ms")
        if number % 40 == 0:
            log.err(
                f'psql:migrate.sql:{number}: NOTICE:  index "ix_{number}" does not '
                "exist, skipping"
            )
        if fails and number == 120:
            log.err("psql:migrate.sql:120: WARNING:  there is no transaction")
    if not fails:
        log.out("COMMIT\nmigration finished, schema is at 0400")
        return
    log.err("psql:migrate.sql:401: ERROR:  deadlock detected", cause=True)
    log.err(
        "DETAIL:  Process 40121 waits for ShareLock on transaction 88121; blocked by "
        "process 39990.\n"
        "Process 39990 waits for ShareLock on transaction 88119; blocked by process "
        "40121.\n"
        "HINT:  See server log for query details.\n"
        'CONTEXT:  while updating tuple (0,7) in relation "ledger"'
    )
    log.out("ROLLBACK")
    log.err("migrate.sh: line 44: migration was rolled back")


def _nil_pointer(log: Printed, fails: bool) -> None:
    """A Go program that panics; every goroutine tells where it was."""
    log.out('level=info msg="sweeper started" version=' + ("1.9.1" if fails else "1.9"))
    for number in range(1500):
        log.out(
            f'level=info ts=2026-03-03T10:{number % 60:02}:00Z msg="swept queue" '
            f"queue=q-{number % 31} removed={log.random.randrange(900)} "
            f"took={log.random.random() * 30:.2f}ms"
        )
        if number % 301 == 0:
            log.err(
                'level=warn msg="slow lease" '
                f"holder={log.uuid()} waited={log.random.randrange(2, 9)}s"
            )
    if not fails:
        log.out('level=info msg="sweeper done"')
        return
    log.out('level=info msg="policy reloaded" source=/etc/sweeper/policy.d/40-eu.yaml')
    log.err(
        "panic: runtime error: invalid memory address or nil pointer dereference",
        cause=True,
    )
    log.err(
        "[signal SIGSEGV: segmentation violation code=0x1 addr=0x18 pc=0x6a3f2c]\n\n"
        "goroutine 41 [running]:\n"
        "main.(*Policy).Limit(0x0, {0xc0001a2000, 0x4})\n"
        "\t/src/sweeper/policy.go:52 +0x2c\n"
        "main.sweep({0xc0001a2000, 0x4})\n"
        "\t/src/sweeper/main.go:118 +0x1a5\n"
        "created by main.main in goroutine 1\n"
        "\t/src/sweeper/main.go:64 +0x3d1"
    )
    for number in range(12):
        log.err(
            f"\ngoroutine {50 + number} [select, {number} minutes]:\n"
            f"main.worker(0xc000{log.hex(6)})\n"
            f"\t/src/sweeper/worker.go:{30 + number} +0x9e"
        )
    log.err("exit status 2")


def _disk_full(log: Printed, fails: bool) -> None:
    """A shell script under ``set -e`` that copies until nothing fits."""
    log.out("+ ./export.sh --all")
    for number in range(800):
        log.err(f"+ cp /data/in/{log.hex(10)}.csv /mnt/export/{number:05}.csv")
        if number % 25 == 0:
            log.out(f"exported {number} of 800 files, {number * 7} MB")
        if number % 260 == 0:
            log.err("rsync: [generator] failed to set times: Operation not permitted")
    if not fails:
        log.out("exported 800 of 800 files, 5600 MB")
        return
    log.err("+ cp /data/in/0e4c1ab392.csv /mnt/export/00800.csv")
    log.err(
        "cp: error writing '/mnt/export/00800.csv': No space left on device",
        cause=True,
    )
    log.err("+ cleanup\n+ rm -rf /tmp/export.lock")
    log.out("removed lock")
    log.err("make: *** [Makefile:12: export] Error 1")


def _name_not_found(log: Printed, fails: bool) -> None:
    """A service name that went away: tried again and again, then given up."""

    def line(level: str, words: str) -> str:
        return f"time=2026-03-03T{log.clock()[:8]}Z level={level} {words}"

    log.out(line("info", 'msg="replay starting" from=ledger'))
    for number in range(2000):
        log.out(
            line(
                "info",
                f'msg="entry replayed" id={log.uuid()} offset={number * 811} '
                f"lag={log.random.randrange(90)}ms",
            )
        )
        if number % 333 == 0:
            log.out(
                line("error", f'msg="checksum differs, read again" offset={number}')
            )
        if fails and number == 400:
            log.out(line("warn", 'msg="clock went back" by=14ms'))
    if not fails:
        log.out(line("info", 'msg="replay done" entries=2000'))
        return
    for attempt in range(1, 9):
        log.err(
            line(
                "error",
                'msg="connect failed" err="dial tcp: lookup ledger-db-3.internal on '
                f'10.96.0.10:53: no such host" attempt={attempt} '
                f"backoff={2**attempt * 100}ms",
            ),
            cause=attempt == 1,
        )
        log.out(line("debug", f'msg="waiting" for={2**attempt * 100}ms'))
    log.err(line("fatal", 'msg="giving up" attempts=8'))


def _killed(log: Printed, fails: bool) -> None:
    """A trainer whose memory grows until the kernel ends it."""
    for epoch in range(40):
        for step in range(50):
            log.out(
                f"epoch {epoch} step {step * 20} loss {log.random.random():.4f} "
                f"lr 3e-0{4 + epoch // 20} {log.random.randrange(90, 140)} samples/s"
            )
        log.out(f"checkpoint /ckpt/epoch-{epoch:03}.pt saved ({epoch + 310} MB)")
        if epoch % 13 == 0:
            log.err("UserWarning: lr_scheduler.step() before optimizer.step()")
    if not fails:
        log.out("training finished: best loss 0.1121 at epoch 37")
        return
    log.out("evaluating on 20000 samples with 8 workers")
    for worker in range(8):
        log.out(f"worker {worker} ready, cache 4.0 GiB")
    log.err("/entrypoint.sh: line 19:    73 Killed   python train.py", cause=True)
    log.out("uploading logs")


def _expired_certificate(log: Printed, fails: bool) -> None:
    """A program that writes JSON, its keys in whatever order."""

    def line(level: str, message: str, **more: object) -> str:
        fields = {"time": f"2026-03-03T{log.clock()[:8]}Z", "level": level}
        named = list({**fields, "msg": message, "pid": 1, **more}.items())
        log.random.shuffle(named)
        return json.dumps(dict(named))

    for number in range(1400):
        log.out(
            line(
                "info",
                "object uploaded",
                key=f"inv/{log.uuid()}.pdf",
                bytes=log.random.randrange(10**6),
                took_ms=log.random.randrange(300),
            )
        )
        if number % 140 == 7:
            log.out(line("warn", "slow upload", took_ms=number + 900))
        if number % 450 == 9:
            log.err(line("error", "thumbnail failed", err="unsupported colour space"))
    if fails:
        log.out(line("info", "credentials rotated", key_id=log.hex(16)))
        log.err(
            line(
                "error",
                "upload failed",
                err="Put https://store.example.com/inv: tls: failed to verify "
                "certificate: x509: certificate has expired or is not yet valid",
                attempt=3,
            ),
            cause=True,
        )
        log.err(line("error", "batch incomplete", done=1400, wanted=1600))
        log.out(line("info", "flushing metrics", series=212))
        log.err(line("fatal", "exit", code=1))
        return
    log.out(line("info", "batch complete", done=1600))


def _bad_number(log: Printed, fails: bool) -> None:
    """A Rust parser that unwraps what is no number."""
    for number in range(1000):
        log.out(
            f"[2026-03-03T10:{number % 60:02}:12Z INFO  tariff::parse] file "
            f"{number}/1000 {log.hex(32)} ok, {log.random.randrange(5000)} rows"
        )
        if number % 180 == 0:
            log.err(
                f"[2026-03-03T10:{number % 60:02}:12Z WARN  tariff::parse] row "
                f"{log.random.randrange(5000)}: empty currency, EUR assumed"
            )
    if not fails:
        log.out("[2026-03-03T10:59:12Z INFO  tariff] 1000 files parsed")
        return
    log.err(
        "[2026-03-03T10:59:12Z WARN  tariff::cache] cache is of another version, "
        "built anew"
    )
    log.err("thread 'parse-3' panicked at src/parse.rs:88:14:", cause=True)
    log.err(
        'called `Result::unwrap()` on an `Err` value: ParseFloatError { kind: "1,5" }',
        cause=True,
    )
    log.err(
        "note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace"
    )
    log.out("[2026-03-03T10:59:13Z INFO  tariff] 3 of 4 threads ended")


def _rows_rejected(log: Printed, fails: bool) -> None:
    """Nothing on stderr, no level: only words that good runs do not have."""
    log.out(f"pipeline build {'7721' if fails else '7714'} ({log.hex(7)})")
    for number in range(600):
        log.out(f"stage extract: chunk {number} of 600, {number * 3} MiB")
        if number % 3 == 0:
            log.out(f"stage transform: 4096 rows in {log.random.random():.2f} s")
        if number % 120 == 0:
            log.out("stage extract: source is slow, waiting 5 s")
    if not fails:
        log.out("stage validate: passed\nstage load: 819200 rows\npipeline finished")
        return
    log.out("stage extract: using mirror eu-2")
    log.out(
        "stage validate: 1840 rows rejected, column amount expected decimal but got "
        "text '12,50 EUR'",
        cause=True,
    )
    log.out("stage validate: failed\nstage load: skipped\npipeline exits with status 3")


FAILURES: Final = (
    _renamed_column,
    _heap_space,
    _deadlock,
    _nil_pointer,
    _disk_full,
    _name_not_found,
    _killed,
    _expired_certificate,
    _bad_number,
    _rows_rejected,
)


def failures() -> list[Failure]:
    return [_failure(write) for write in FAILURES]
