"""Ten batch and cron jobs that failed last quarter, each with its last good run."""

# ruff: noqa: C901, PLR0912, TC003, DTZ001

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import NamedTuple


class Line(NamedTuple):
    """One line of a job's log and the stream it was written to."""

    stream: str
    text: str


class FailingJob(NamedTuple):
    """A job's last good log, its failing log and the text of the causing line."""

    name: str
    good: list[Line]
    bad: list[Line]
    cause: str


class Log:
    """The log of one run: a seeded source of noise and a made-up clock."""

    def __init__(self, seed: int, start: datetime) -> None:
        self.lines: list[Line] = []
        self.rng = random.Random(seed)
        self.now = start

    def out(self, text: str) -> None:
        """Write one or more lines to stdout."""
        self.lines += [Line("stdout", part) for part in text.split("\n")]

    def err(self, text: str) -> None:
        """Write one or more lines to stderr."""
        self.lines += [Line("stderr", part) for part in text.split("\n")]

    def at(self, form: str, most: float = 3.0) -> str:
        """Let up to `most` seconds pass and give the time; %L is milliseconds."""
        self.now += timedelta(milliseconds=self.rng.randint(4, int(most * 1000)))
        form = form.replace("%L", f"{self.now.microsecond // 1000:03d}")
        return self.now.strftime(form)

    def n(self, low: int, high: int) -> int:
        """Give a whole number between the two bounds."""
        return self.rng.randint(low, high)

    def hex(self, digits: int) -> str:
        """Give a hexadecimal id."""
        return f"{self.rng.getrandbits(4 * digits):0{digits}x}"

    def uuid(self) -> str:
        """Give a uuid."""
        return "-".join(self.hex(size) for size in (8, 4, 4, 4, 12))

    def ip(self) -> str:
        """Give an address in the company's network."""
        return f"10.20.{self.n(1, 9)}.{self.n(2, 250)}"

    def chance(self, share: float) -> bool:
        """Tell whether something that happens in this share of cases happens."""
        return self.rng.random() < share


def _loyalty_etl(log: Log, failing: bool) -> None:
    """Python and SQLAlchemy: loads changed loyalty members into the warehouse."""
    say = "%Y-%m-%d %H:%M:%S,%L"
    pages = 168 if failing else 174
    log.err(f"{log.at(say)} INFO [etl.main] run_id={log.uuid()} image=9.4.1")
    log.err(
        "/usr/local/lib/python3.11/site-packages/google/api_core/_python_version.py:"
        "237: FutureWarning: support for this version ends soon"
    )
    log.err(f"{log.at(say)} INFO [etl.main] watermark {log.at('%FT%H:%M:%SZ')}")
    log.err(f"{log.at(say)} INFO [etl.extract] {pages} pages to fetch")
    for page in range(1, pages + 1):
        rows = log.n(4200, 5000)
        log.err(
            f"{log.at(say)} INFO [etl.extract] page {page}/{pages} rows={rows} "
            f"cursor={log.hex(24)} took={log.n(180, 2400)}ms"
        )
        if log.chance(0.04):
            log.err(
                f"{log.at(say)} WARNING [urllib3.connectionpool] Retrying (Retry("
                "total=2, connect=None, read=None, redirect=None, status=None)) after "
                "connection broken by 'ReadTimeoutError(\"HTTPSConnectionPool("
                "host='api.loyalty.internal', port=443): Read timed out. "
                f"(read timeout=10)\")': /v2/members?cursor={log.hex(24)}"
            )
        if log.chance(0.1):
            log.err(
                f"{log.at(say)} WARNING [etl.clean] member {log.n(10**6, 10**7)}: "
                f"birth date '{log.n(1, 31)}.{log.n(1, 12)}.0001' dropped"
            )
        if failing and page == 131:
            _loyalty_crash(log, say)
            return
        log.err(
            f"{log.at(say)} INFO [etl.load] upserted {rows} rows into "
            f"stg_member batch={log.hex(8)}"
        )
    log.err(f"{log.at(say)} INFO [etl.load] merge stg_member -> dim_member")
    log.err(f"{log.at(say)} INFO [etl.main] done pages={pages} exit=0")


def _loyalty_crash(log: Log, say: str) -> None:
    site = "/usr/local/lib/python3.11/site-packages/sqlalchemy/engine"
    log.err(f"{log.at(say)} ERROR [etl.load] batch {log.hex(8)} failed, rolling back")
    log.err(
        "Traceback (most recent call last):\n"
        f'  File "{site}/base.py", line 2115, in _exec_insertmany_context\n'
        "    dialect.do_execute(\n"
        f'  File "{site}/default.py", line 952, in do_execute\n'
        "    cursor.execute(statement, parameters)\n"
        "psycopg2.errors.StringDataRightTruncation: value too long for type "
        "character varying(32)\n\n\n"
        "The above exception was the direct cause of the following exception:\n\n"
        "Traceback (most recent call last):\n"
        '  File "/app/etl/main.py", line 88, in run\n'
        "    loader.upsert(batch)\n"
        '  File "/app/etl/load.py", line 141, in upsert\n'
        "    conn.execute(stmt, rows)\n"
        f'  File "{site}/base.py", line 2353, in _handle_dbapi_exception\n'
        "    raise sqlalchemy_exception.with_traceback(exc_info[2]) from e\n"
        "sqlalchemy.exc.DataError: (psycopg2.errors.StringDataRightTruncation) value "
        "too long for type character varying(32)\n\n"
        "[SQL: INSERT INTO stg_member (member_id, tier, phone, city) VALUES "
        "(%(member_id__0)s, %(tier__0)s, %(phone__0)s, %(city__0)s) ...]\n"
        f"[parameters: {{'member_id__0': {log.n(10**6, 10**7)}, 'tier__0': 'gold', "
        f"'phone__0': '+49 {log.n(10**9, 10**10)}', 'city__0': 'Ulm'}} ...]\n"
        "(Background on this error at: https://sqlalche.me/e/20/9h9h)"
    )
    log.err(f"{log.at(say)} ERROR [etl.main] load failed, watermark not moved")
    log.err(f"{log.at(say)} INFO [etl.main] released lock etl:loyalty")
    log.err("Sentry is attempting to send 2 pending events\nWaiting up to 2 seconds")
    # Cause: the database driver's own message; the rest is the wrapper and the way out.


def _invoice_batch(log: Log, failing: bool) -> None:
    """Java, Spring Batch: writes the month's invoices in eight partitions."""

    def say(level: str, thread: str, where: str, text: str) -> None:
        time = log.at("%Y-%m-%dT%H:%M:%S.%L+01:00", 0.9)
        log.out(f"{time} {level:>5} 1 --- [{thread:>12}] {where:<40} : {text}")

    batch = "o.s.batch.core.job.SimpleStepHandler"
    writer = "c.acme.billing.write.InvoiceWriter"
    say("INFO", "main", "c.acme.billing.BillingApplication", "Starting with PID 1")
    say("INFO", "main", "com.zaxxer.hikari.HikariDataSource", "HikariPool-1 - Start")
    say("WARN", "main", "o.h.engine.jdbc.dialect", "HHH90000025: dialect not needed")
    say("INFO", "main", batch, f"Executing step: [collect] run={log.n(9000, 9999)}")
    say("INFO", "main", batch, f"Step: [collect] executed in {log.n(9, 40)}s")
    say("INFO", "main", batch, "Executing step: [writeInvoices]")
    lost: list[int] = []
    for chunk in range(1, 61):
        for part in range(1, 9):
            thread = f"inv-part-{part}"
            if part in lost:
                continue
            if failing and chunk == 33 + part and part in (2, 3, 5, 7):
                lost.append(part)
                _invoice_crash(log, say, thread, part)
                continue
            if log.chance(0.03):
                who = log.n(10000, 99999)
                text = f"Customer {who} has no VAT id, using the standard rate"
                say("WARN", thread, "c.acme.billing.tax.TaxResolver", text)
            count, took = log.n(80, 100), log.n(90, 900)
            text = f"Wrote chunk {chunk} ({count} invoices) in {took} ms"
            say("INFO", thread, writer, text)
        if not failing and chunk == 22:
            text = "HikariPool-1 - Thread starvation or clock leap detected (64s)"
            say("WARN", "housekeeper", "com.zaxxer.hikari.pool.HikariPool", text)
        if failing and chunk == 12:
            text = "Template cache miss for 'invoice_fr_v7', compiling"
            say("INFO", "inv-part-1", "c.acme.billing.pdf.Templates", text)
    if failing:
        text = "Encountered an error executing step writeInvoices in job monthly"
        say("ERROR", "main", "o.s.batch.core.step.AbstractStep", text)
        log.out(
            "\norg.springframework.batch.core.JobExecutionException: Partition handler "
            "returned an unsuccessful step\n"
            "\tat org.springframework.batch.core.partition.support.PartitionStep"
            ".doExecute(PartitionStep.java:112)\n"
        )
    status = "FAILED" if failing else "COMPLETED"
    text = f"Job: [monthly] completed with status: [{status}]"
    say("INFO", "main", "o.s.b.c.l.s.SimpleJobLauncher", text)
    text = "HikariPool-1 - Shutdown initiated..."
    say("INFO", "hook", "com.zaxxer.hikari.HikariDataSource", text)


def _invoice_crash(
    log: Log, say: Callable[[str, str, str, str], None], thread: str, part: int
) -> None:
    text = f"Encountered an error executing step writeInvoices:partition{part}"
    say("ERROR", thread, "o.s.batch.core.step.AbstractStep", text)
    log.out(
        "\norg.springframework.transaction.CannotCreateTransactionException: Could not "
        "open JPA EntityManager for transaction\n"
        "\tat org.springframework.orm.jpa.JpaTransactionManager"
        ".doBegin(JpaTransactionManager.java:466)\n"
        "\tat java.base/java.lang.Thread.run(Thread.java:1583)\n"
        "Caused by: org.hibernate.exception.JDBCConnectionException: Unable to acquire "
        "JDBC Connection\n"
        "\tat org.hibernate.resource.jdbc.internal.LogicalConnectionManagedImpl"
        ".acquireConnectionIfNeeded(LogicalConnectionManagedImpl.java:116)\n"
        "\t... 24 common frames omitted\n"
        "Caused by: java.sql.SQLTransientConnectionException: HikariPool-1 - Connection"
        f" is not available, request timed out after {log.n(30000, 30009)}ms.\n"
        "\tat com.zaxxer.hikari.pool.HikariPool"
        ".createTimeoutException(HikariPool.java:686)\n"
        "\t... 31 common frames omitted\n"
        "Caused by: org.postgresql.util.PSQLException: FATAL: sorry, too many clients "
        "already\n"
        "\tat org.postgresql.core.v3.ConnectionFactoryImpl"
        ".doAuthentication(ConnectionFactoryImpl.java:698)\n"
        "\t... 38 common frames omitted\n"
    )
    # Cause: the deepest "Caused by": the server had no connection left to give; the
    # pool's timeout and the failed transactions of four partitions follow from it.


def _search_reindex(log: Log, failing: bool) -> None:
    """Go, zap: rebuilds the shop's search index every night."""

    def say(level: str, caller: str, msg: str, rest: str = "") -> None:
        time = log.at("%Y-%m-%dT%H:%M:%S.%LZ", 0.6)
        log.err(
            f'{{"level":"{level}","ts":"{time}","caller":"{caller}","msg":"{msg}"'
            f"{',' if rest else ''}{rest}}}"
        )

    say("info", "cmd/main.go:41", "starting reindex", f'"run":"{log.uuid()}"')
    say("info", "es/client.go:63", "cluster health", '"status":"green","nodes":3')
    target = f"products_{log.at('%Y%m%d%H%M')}"
    say("info", "es/index.go:29", "created index", f'"index":"{target}"')
    bulk = "indexer/bulk.go:118"
    for batch in range(1, 281):
        worker = log.n(1, 4)
        if failing and batch > 197:
            break
        rest = (
            f'"worker":{worker},"batch":{batch},"docs":500,'
            f'"took_ms":{log.n(80, 900)},"trace":"{log.hex(16)}"'
        )
        say("info", bulk, "bulk indexed", rest)
        if log.chance(0.06):
            rest = f'"sku":"{log.n(10**7, 10**8)}","field":"colour"'
            say("warn", "indexer/map.go:52", "unknown attribute value, skipped", rest)
        if log.chance(0.02):
            rest = f'"worker":{worker},"status":429,"backoff":"{log.n(200, 900)}ms"'
            say("warn", bulk, "bulk throttled", rest)
        if failing and batch == 60:
            rest = f'"goal":100,"heap_mb":{log.n(300, 500)}'
            say("info", "cmd/gc.go:17", "gc tuned", rest)
    if not failing:
        say("info", "es/index.go:71", "refresh done", f'"took_ms":{log.n(900, 4000)}')
        say("info", "es/alias.go:33", "alias switched", f'"to":"{target}"')
        say("info", "es/index.go:90", "deleted index", f'"index":"{log.hex(12)}"')
        say("info", "cmd/main.go:97", "reindex finished", '"docs":140000')
        return
    for attempt in range(1, 6):
        for worker in range(1, 5):
            rest = (
                f'"worker":{worker},"attempt":{attempt},"error":"dial tcp '
                f'10.20.6.31:9200: connect: connection refused"'
            )
            say("warn", bulk, "bulk request failed, will retry", rest)
    say("error", "indexer/pool.go:77", "worker stopped", '"worker":2,"attempts":5')
    for worker in (1, 3, 4):
        rest = f'"worker":{worker},"error":"context canceled"'
        say("error", "indexer/pool.go:77", "worker stopped", rest)
    say("info", "es/alias.go:33", "alias left unchanged", '"reason":"incomplete"')
    say("fatal", "cmd/main.go:101", "reindex aborted", '"error":"retries exhausted"')
    # Cause: the search node refused connections; the retries, the cancelled workers
    # and the untouched alias are what followed.


def _product_feed(log: Log, failing: bool) -> None:
    """Node: renders the product feeds of the marketplaces."""
    say = "[%H:%M:%S.%L]"
    log.out("\n> feeds@3.18.0 build:feeds\n> node dist/build-feeds.js --all\n")
    log.err(
        f"(node:{log.n(17, 40)}) [DEP0040] DeprecationWarning: The `punycode` module "
        "is deprecated. Please use a userland alternative instead.\n"
        "(Use `node --trace-deprecation ...` to show where the warning was created)"
    )
    log.out(f"{log.at(say)} feeds: config {log.hex(7)} loaded, 6 channels")
    for channel in ("google", "meta", "idealo", "awin", "kelkoo", "criteo"):
        size = log.n(38000, 42000)
        log.out(f"{log.at(say)} {channel}: {size} products selected")
        for category in range(1, 49):
            log.out(
                f"{log.at(say)} {channel}: category {category}/48 rendered, "
                f"{log.n(120, 2400)} items in {log.n(90, 1900)} ms, "
                f"heap {log.n(900, 1900)} MB"
            )
            if log.chance(0.05):
                sku = f"SKU-{log.n(10**5, 10**6)}"
                log.err(f"{log.at(say)} warn: {sku} has no image, placeholder used")
            if failing and channel == "awin" and category == 31:
                _feed_crash(log)
                return
        path = f"/srv/feeds/{channel}-{log.hex(8)}.xml.gz"
        log.out(f"{log.at(say)} {channel}: wrote {path} ({log.n(20, 90)} MB)")
        log.out(f'{log.at(say)} {channel}: uploaded, etag "{log.hex(32)}"')
        if not failing and channel == "meta":
            log.out(f"{log.at(say)} meta: feed unchanged since last run, ping skipped")
    log.out(f"{log.at(say)} feeds: all 6 channels done in {log.n(700, 1300)} s")


def _feed_crash(log: Log) -> None:
    head = f"[{log.n(17, 40)}:0x{log.hex(7)}]"
    log.err("\n<--- Last few GCs --->\n")
    for step in range(2):
        log.err(
            f"{head} {812000 + 4100 * step} ms: Mark-Compact 4041.{log.n(1, 9)} "
            f"(4137.8) -> 4036.{log.n(1, 9)} (4140.3) MB, {log.n(2900, 4000)}.12 / 0.00"
            " ms  (average mu = 0.131, current mu = 0.019) allocation failure; "
            "scavenge might not succeed"
        )
    log.err(
        "\n\n<--- JS stacktrace --->\n\n"
        "FATAL ERROR: Ineffective mark-compacts near heap limit Allocation failed - "
        "JavaScript heap out of memory\n----- Native stack trace -----\n"
    )
    frames = (
        "node::OOMErrorHandler(char const*, v8::OOMDetails const&) [node]",
        "v8::Utils::ReportOOMFailure(v8::internal::Isolate*, char const*) [node]",
        "v8::internal::V8::FatalProcessOutOfMemory(v8::internal::Isolate*) [node]",
        " [node]",
        "v8::internal::Heap::CollectGarbage(v8::internal::AllocationSpace) [node]",
        "v8::internal::Runtime_AllocateInYoungGeneration(int) [node]",
    )
    for number, frame in enumerate(frames, 1):
        log.err(f"{number:2d}: 0x{log.hex(7)} {frame}")
    log.err("Aborted (core dumped)\nnpm error Lifecycle script failed with error:")
    log.err("npm error code 134\nnpm error path /srv/app\nnpm error command failed")
    log.err("npm error command sh -c node dist/build-feeds.js --all")
    # Cause: V8 says itself that its heap was full; the abort and npm's code 134 follow.


def _database_backup(log: Log, failing: bool) -> None:
    """Shell and pg_dump: the nightly dump of all databases to the backup disk."""
    say = "%Y-%m-%d %H:%M:%S"
    day = log.now.strftime("%Y%m%d")
    log.out(f"{log.at(say)} backup.sh[{log.n(900, 32000)}]: start, host db-prod-2")
    log.out("Filesystem      Size  Used Avail Use% Mounted on")
    used = "1.6T  118G  94%" if failing else "1.5T  241G  87%"
    log.out(f"/dev/sdb1       1.8T  {used} /backup")
    for database, tables in (("crm", 60), ("shop", 150), ("ledger", 90), ("dwh", 120)):
        log.out(f"{log.at(say)} backup.sh: dumping {database} with 4 jobs")
        for text in ("extensions", "schemas", "user-defined tables", "triggers"):
            log.err(f"pg_dump: reading {text}")
        if database == "shop":
            log.err(
                "pg_dump: warning: there are circular foreign-key constraints on this "
                "table:\npg_dump: detail: category\n"
                "pg_dump: hint: You might not be able to restore the dump without "
                "using --disable-triggers or temporarily dropping the constraints."
            )
        for table in range(1, tables + 1):
            word = log.rng.choice(("orders", "items", "events", "audit", "stock"))
            name = f"{word}_y{log.n(2019, 2025)}m{log.n(1, 12):02d}"
            log.err(f'pg_dump: dumping contents of table "public.{name}"')
            if log.chance(0.3):
                log.err(f"pg_dump: finished item {log.n(3000, 9000)} TABLE DATA {name}")
            if failing and database == "ledger" and table == 57:
                log.err(
                    "pg_dump: error: could not write to file "
                    f'"/backup/{day}/ledger/{log.n(3000, 9000)}.dat.gz": '
                    "No space left on device"
                )
                log.err("pg_dump: error: a worker process died unexpectedly")
                log.out(f"{log.at(say, 900)} backup.sh: pg_dump ledger exited with 1")
                log.out(f"{log.at(say)} backup.sh: removing /backup/{day}/ledger")
                log.out(f"{log.at(say)} backup.sh: dwh not dumped, upload not started")
                log.out(f"{log.at(say)} backup.sh: mail sent to dba@acme.example")
                log.err(f"backup.sh: BACKUP FAILED for {day}, 2 of 4 databases dumped")
                return
        took = f"{log.n(2, 40)}m{log.n(0, 59):02d}s"
        log.out(f"{log.at(say, 900)} backup.sh: {database} ok, {log.n(9, 90)}G, {took}")
    for part in range(1, 31):
        speed = f"{log.n(80, 140)}.{log.n(0, 9)} MiB/s"
        log.out(f"Completed {part * 7}.{log.n(0, 9)} GiB/~210 GiB ({speed})")
    log.out(f"upload: /backup/{day} to s3://acme-backup/pg/{day}/")
    log.out(f"{log.at(say)} backup.sh: pruned /backup/{log.n(20250101, 20251231)}")
    log.out(f"{log.at(say)} backup.sh: finished")
    # Cause: the backup disk was full; the dead worker and the missing upload follow.


def _clickstream_rollup(log: Log, failing: bool) -> None:
    """Spark on YARN: sums a day of clicks into hourly sessions."""
    hosts = [f"ip-10-20-3-{log.n(10, 250)}.internal" for _ in range(6)]

    def say(level: str, where: str, text: str) -> None:
        log.err(f"{log.at('%y/%m/%d %H:%M:%S', 0.7)} {level} {where}: {text}")

    say("INFO", "SparkContext", "Running Spark version 3.5.1")
    say("WARN", "NativeCodeLoader", "Unable to load native-hadoop library for platform")
    say("INFO", "Client", f"Submitted application_{log.n(10**12, 10**13)}_0417")
    for host in hosts:
        text = f"Registering block manager {host}:{log.n(30000, 60000)}, 4.1 GiB RAM"
        say("INFO", "BlockManagerMasterEndpoint", text)
    task_id = 0
    for stage, tasks in ((0, 48), (1, 120), (2, 180), (3, 60)):
        say("INFO", "DAGScheduler", f"Submitting {tasks} missing tasks, stage {stage}")
        for task in range(tasks):
            task_id += 1
            executor = 3 if failing and (stage, task) == (2, 96) else log.n(1, 6)
            place = f"({hosts[executor - 1]}, executor {executor}"
            name = f"task {task}.0 in stage {stage}.0 (TID {task_id})"
            size = log.n(7000, 9000)
            text = f"Starting {name} {place}, partition {task}, {size} bytes)"
            say("INFO", "TaskSetManager", text)
            if failing and stage == 2 and task == 96:
                _clickstream_crash(log, say, task_id, hosts)
                return
            text = f"Finished {name} in {log.n(300, 9000)} ms {place}) ({task}/{tasks})"
            say("INFO", "TaskSetManager", text)
            if log.chance(0.04):
                text = f"Removed broadcast_{task}_piece0 on {hosts[0]} in memory"
                say("INFO", "BlockManagerInfo", text)
            if log.chance(0.01):
                text = f"Spill of {log.n(200, 900)} MiB to disk in task {task_id}"
                say("WARN", "ExternalSorter", text)
        took = f"{log.n(20, 300)}.{log.n(0, 999):03d} s"
        say("INFO", "DAGScheduler", f"ResultStage {stage} (save) finished in {took}")
    say("INFO", "FileFormatWriter", f"Write Job {log.uuid()} committed.")
    log.out(f"sessions written: {log.n(2 * 10**6, 3 * 10**6)}")
    say("INFO", "SparkContext", "Successfully stopped SparkContext")


def _clickstream_crash(
    log: Log, say: Callable[[str, str, str], None], last: int, hosts: list[str]
) -> None:
    base = "hdfs://nn1/raw/clicks/dt=2026-02-13/hour=17"
    path = f"{base}/part-00041-{log.uuid()}.c000.snappy.parquet"
    inner = (
        f"Caused by: java.lang.RuntimeException: {path} is not a Parquet file. "
        "Expected magic number at tail, but found [0, 0, 0, 0]\n"
        "\tat org.apache.parquet.hadoop.ParquetFileReader"
        ".readFooter(ParquetFileReader.java:565)\n"
        "\t... 1 more"
    )
    outer = (
        "org.apache.spark.SparkException: Encountered error while reading file "
        f"{path}. Details:"
    )
    frames = (
        "\tat org.apache.spark.sql.errors.QueryExecutionErrors$"
        ".cannotReadFilesError(QueryExecutionErrors.scala:877)\n"
        "\tat org.apache.spark.executor.Executor$TaskRunner.run(Executor.scala:623)\n"
        "\tat java.base/java.lang.Thread.run(Thread.java:840)"
    )
    place = f"({hosts[2]} executor 3)"
    text = f"Lost task 96.0 in stage 2.0 (TID {last}) {place}: {outer}"
    say("WARN", "TaskSetManager", text)
    log.err(f"{frames}\n{inner}\n")
    for attempt in range(1, 4):
        name = f"task 96.{attempt} in stage 2.0 (TID {last + attempt})"
        say("INFO", "TaskSetManager", f"Starting {name} {place}, partition 96)")
        text = f"Lost {name} on {hosts[2]}, executor 3: [duplicate {attempt}]"
        say("INFO", "TaskSetManager", text)
    say("ERROR", "TaskSetManager", "Task 96 in stage 2.0 failed 4 times; aborting job")
    say("INFO", "YarnScheduler", "Cancelling stage 2")
    for number in range(9):
        text = f"Lost task {97 + number}.0 in stage 2.0: TaskKilled (Stage cancelled)"
        say("WARN", "TaskSetManager", text)
    say("ERROR", "FileFormatWriter", f"Aborting job {log.uuid()}.")
    log.err(
        "org.apache.spark.SparkException: Job aborted due to stage failure: Task 96 in "
        f"stage 2.0 failed 4 times, most recent failure: {outer}\n{frames}\n"
        f"Driver stacktrace:\n{frames}\n{inner}"
    )
    say("INFO", "SparkContext", "Invoking stop() from shutdown hook")
    say("INFO", "ShutdownHookManager", f"Deleting directory /tmp/spark-{log.uuid()}")
    # Cause: one truncated input file, named by the innermost exception; the lost task
    # attempts, the cancelled stage and the aborted job follow from it.


def _patch_servers(log: Log, failing: bool) -> None:
    """Ansible: the weekly patching of the application servers."""
    hosts = [f"app-{number:02d}" for number in range(1, 21)]
    live = list(hosts)

    def task(name: str) -> None:
        log.out(f"\n{f'TASK [{name}] ':*<79}")
        log.out(log.at("%A %d %B %Y  %H:%M:%S +0100", 40))

    log.err(
        "[WARNING]: Platform linux on host app-01 is using the discovered Python "
        "interpreter at /usr/bin/python3.10, but future installation of another "
        "Python interpreter could change the meaning of that path."
    )
    log.out(f"\n{'PLAY [patch application servers] ':*<79}")
    steps = (
        ("Gathering Facts", 0.0),
        ("patch : check for a running deployment", 0.0),
        ("patch : silence alerts", 1.0),
        ("patch : drain from load balancer", 1.0),
        ("patch : update apt cache", 0.6),
        ("patch : upgrade packages", 0.8),
        ("patch : reboot if required", 0.3),
        ("patch : wait for service health", 0.0),
        ("patch : put back into load balancer", 1.0),
        ("patch : report kernel version", 0.0),
    )
    for name, changes in steps:
        task(name)
        for host in log.rng.sample(live, len(live)):
            if name.endswith("running deployment") and host == "app-04":
                log.out(
                    f'fatal: [{host}]: FAILED! => {{"changed": false, "cmd": "pgrep -f '
                    f'deploy.sh", "delta": "0:00:00.{log.n(10**5, 10**6)}", "msg": '
                    '"non-zero return code", "rc": 1, "stderr": "", "stdout": ""}'
                )
                log.out("...ignoring")
                continue
            if name.endswith("health") and log.chance(0.5):
                for left in range(10, log.n(7, 9), -1):
                    text = f"FAILED - RETRYING: [{host}]: {name}"
                    log.out(f"{text} ({left} retries left).")
            if failing and name.endswith("upgrade packages") and host == "app-13":
                live.remove(host)
                log.out(
                    f'fatal: [{host}]: FAILED! => {{"changed": false, "msg": "'
                    "'/usr/bin/apt-get dist-upgrade' failed: E: Could not get lock "
                    "/var/lib/dpkg/lock-frontend. It is held by process "
                    f'{log.n(2000, 32000)} (unattended-upgr)", "rc": 100}}'
                )
                continue
            if name.endswith("version"):
                text = f'"msg": "5.15.0-{log.n(130, 134)}-generic"'
                log.out(f"ok: [{host}] => {{\n    {text}\n}}")
                continue
            log.out(f"{'changed' if log.chance(changes) else 'ok'}: [{host}]")
    log.out(f"\n{'PLAY RECAP ':*<79}")
    for host in hosts:
        bad = int(host not in live)
        log.out(
            f"{host:<27}: ok={5 if bad else 10}    changed={log.n(2, 6)}    "
            f"unreachable=0    failed={bad}    skipped=0    rescued=0    "
            f"ignored={int(host == 'app-04')}"
        )
    if failing:
        log.err("patch-weekly: ansible-playbook exited with 2")
        log.err("patch-weekly: hosts still drained: app-13")
    # Cause: one server's own updater held the package lock; the recap's failed=1 and
    # the drained host follow. The ignored failure on app-04 is there every week.


def _warehouse_models(log: Log, failing: bool) -> None:
    """dbt on Snowflake: rebuilds the reporting models every morning."""
    layers = (("stg", "view", 60), ("int", "table", 45), ("fct", "table", 40))
    total = sum(count for _, _, count in layers)
    log.out(f"{log.at('%H:%M:%S')}  Running with dbt=1.7.9")
    log.out(f"{log.at('%H:%M:%S')}  Registered adapter: snowflake=1.7.2")
    log.out(f"{log.at('%H:%M:%S')}  [WARNING]: Configuration paths exist in your")
    log.out("dbt_project.yml file which do not apply to any resources.")
    log.out("There are 1 unused configuration paths:\n- models.acme.sandbox")
    log.out(f"{log.at('%H:%M:%S')}  Found {total} models, 312 tests, 41 sources")
    log.out(f"{log.at('%H:%M:%S')}  Concurrency: 8 threads (target='prod')")
    if not failing:
        log.out(f"{log.at('%H:%M:%S')}  Partial parse save file found, using it")
    subjects = ("orders", "returns", "carts", "visits", "stock", "coupons", "margins")
    number = skipped = 0
    for layer, kind, count in layers:
        for index in range(count):
            number += 1
            name = f"{layer}_{subjects[index % 7]}_{'abcdefghi'[index // 7]}"
            what = f"sql {kind} model analytics.{name}"
            broken = failing and name == "int_margins_c"
            if failing and layer == "fct" and name.startswith("fct_margins"):
                skipped += 1
                text = f"{number} of {total} SKIP relation analytics.{name} "
                log.out(f"{log.at('%H:%M:%S')}  {text:.<70} [SKIP]")
                continue
            text = f"{number} of {total} START {what} "
            log.out(f"{log.at('%H:%M:%S')}  {text:.<70} [RUN]")
            verb = "ERROR creating" if broken else "OK created"
            mark = "ERROR" if broken else f"SUCCESS {log.n(1, 10**6)}"
            text = f"{number} of {total} {verb} {what} "
            took = f"{log.n(0, 90)}.{log.n(0, 99):02d}s"
            log.out(f"{log.at('%H:%M:%S')}  {text:.<70} [{mark} in {took}]")
    took = f"0 hours {log.n(20, 40)} minutes and {log.n(1, 59)}.21 seconds"
    log.out(f"{log.at('%H:%M:%S')}  Finished running {total} models in {took}.")
    log.out(f"{log.at('%H:%M:%S')}  ")
    if failing:
        log.out(f"{log.at('%H:%M:%S')}  Completed with 1 error and 0 warnings:")
        where = "model int_margins_c (models/intermediate/int_margins_c.sql)"
        log.out(f"{log.at('%H:%M:%S')}    Database Error in {where}")
        log.out("  100038 (22018): Numeric value 'n/a' is not recognized")
        log.out("  compiled Code at target/run/acme/models/int_margins_c.sql")
        log.out(f"{log.at('%H:%M:%S')}  ")
    else:
        log.out(f"{log.at('%H:%M:%S')}  Completed successfully")
    done = total - skipped - int(failing)
    log.out(
        f"{log.at('%H:%M:%S')}  Done. PASS={done} WARN=0 ERROR={int(failing)} "
        f"SKIP={skipped} TOTAL={total}"
    )
    if failing:
        log.err("make: *** [Makefile:22: prod] Error 1")
    # Cause: the database's message in the summary; the model's ERROR line only says
    # that it failed, and the skipped models depend on it.


def _price_import(log: Log, failing: bool) -> None:
    """Rust, tracing and anyhow: imports the suppliers' price lists."""

    def say(level: str, where: str, text: str) -> None:
        log.out(f"{log.at('%Y-%m-%dT%H:%M:%S.%L', 0.8)}Z {level:>5} {where}: {text}")

    say("INFO", "price_import", f"version=2.7.3 commit={log.hex(8)} threads=4")
    say("INFO", "price_import::db", f"connected pool=8 host={log.ip()}:5432")
    suppliers = [f"sup{number:03d}" for number in log.rng.sample(range(100, 400), 26)]
    if failing:
        suppliers[19] = "sup417"
    for supplier in suppliers:
        day = log.now.strftime("%Y%m%d")
        path = f"/data/prices/{day}/{supplier}.csv"
        size = log.n(8 * 10**6, 3 * 10**7)
        say("INFO", "price_import::scan", f"opening path={path} bytes={size}")
        for block in range(1, log.n(7, 14)):
            say(
                "INFO",
                f"import{{supplier={supplier}}}: price_import::load",
                f"block={block} rows={log.n(9000, 10000)} changed={log.n(10, 900)} "
                f"elapsed={log.n(20, 400)}.{log.n(0, 99):02d}ms",
            )
            if log.chance(0.12):
                say(
                    "WARN",
                    f"import{{supplier={supplier}}}: price_import::check",
                    f"price moved by more than 40% ean={log.n(10**12, 10**13)} "
                    f"old={log.n(10, 99)}.{log.n(10, 99)} new={log.n(100, 400)}.00",
                )
        if failing and supplier == "sup417":
            say("INFO", "price_import::db", "rolling back transaction")
            log.err(
                f"Error: price import failed\n\nCaused by:\n    0: reading {path}\n"
                "    1: CSV error: record 124877 (line: 124878, byte: 7718281): found "
                "record with 11 fields, but the previous record has 12 fields"
            )
            log.err("price-import.service: Main process exited, status=1/FAILURE")
            log.err("price-import.service: Failed with result 'exit-code'.")
            return
        say("INFO", "price_import::db", f"committed tx={log.hex(8)}")
        if not failing and log.chance(0.1):
            say("INFO", "price_import::db", f"vacuum hint table=price_{supplier}")
    say("INFO", "price_import::publish", f"snapshot={log.uuid()} published")
    say("INFO", "price_import", f"done suppliers={len(suppliers)}")
    # Cause: the innermost link of the error chain names the malformed record; the
    # first line only says that the import failed, the service lines follow.


def _settlement_fetch(log: Log, failing: bool) -> None:
    """Shell, sftp and psql: fetches the payment partners' settlements, reconciles."""
    say = "[%Y-%m-%d %H:%M:%S]"
    day = log.now.strftime("%Y%m%d")
    partners = [
        "ADYEN",
        "KLARNA",
        "PAYU",
        "NETS",
        "SWISH",
        "MOLLIE",
        "NORDPAY",
        "TRUSTLY",
        "VIPPS",
        "BLIK",
        "IDEAL",
        "SOFORT",
        "GIRO",
        "STRIPE",
        "CHECKOUT",
        "WORLDPAY",
        "RAPID",
        "DLOCAL",
    ]
    log.out(f"{log.at(say)} settle.sh: business day {day}, {len(partners)} partners")
    for partner in partners:
        host = f"sftp.{partner.lower()}.example"
        name = f"SETL_{partner}_{day}.csv"
        log.out(f"{log.at(say)} settle.sh: {partner}: connecting to {host}")
        if log.chance(0.3):
            log.err("** WARNING: connection is not using a post-quantum key exchange.")
        log.err(f"Connected to {host}.")
        log.out(f"sftp> get /outbound/{name} /data/settle/in/")
        missing = failing and partner == "NORDPAY"
        if missing:
            log.err(f'File "/outbound/{name}" not found.')
        else:
            log.out(f"Fetching /outbound/{name} to /data/settle/in/{name}")
            size = f"{log.n(90, 900)}KB   {log.n(1, 4)}.{log.n(0, 9)}MB/s   00:0"
            log.out(f"{name:<44} 100%  {size}{log.n(0, 9)}")
        log.out(f"sftp> ls /outbound/refunds/REF_{partner}_{day}.csv")
        if partner in ("BLIK", "GIRO", "SWISH"):
            log.err(f'Can\'t ls: "/outbound/refunds/REF_{partner}_{day}.csv" not found')
        else:
            log.out(f"/outbound/refunds/REF_{partner}_{day}.csv")
        log.out("sftp> bye")
        if missing:
            log.out(f"{log.at(say)} settle.sh: {partner}: 0 files, going on")
        else:
            log.out(f"{log.at(say)} settle.sh: {partner}: sha256 {log.hex(64)}")
    log.out(f"{log.at(say)} settle.sh: loading into ledger")
    for partner in partners:
        if failing and partner == "NORDPAY":
            continue
        log.out(f"BEGIN\nTRUNCATE TABLE\nCOPY {log.n(900, 30000)}")
        if log.chance(0.3):
            log.err('psql:load.sql:14: NOTICE:  index "ix_settle" exists, skipping')
        log.out("COMMIT")
    log.out(f"{log.at(say)} settle.sh: reconciling")
    for partner in partners:
        total = f"{log.n(100, 900)},{log.n(100, 999)}.{log.n(10, 99)}"
        if failing and partner == "NORDPAY":
            log.out(f"{partner:<10} ledger={total:>12} partner=        0.00 DIFF")
        else:
            log.out(f"{partner:<10} ledger={total:>12} partner={total:>12} ok")
    if failing:
        log.err(f"{log.at(say)} settle.sh: ERROR: totals differ, 1 partner out of 18")
        log.err(f"{log.at(say)} settle.sh: payout file not released")
        log.err("settle.sh: exit 3")
        return
    log.out(f"{log.at(say)} settle.sh: payout file released, id {log.uuid()}")
    log.out(f"{log.at(say)} settle.sh: archived to /data/settle/done/{day}")
    # Cause: the partner's file was not there; the differing totals and the withheld
    # payout come from it. Missing refund files are normal for three partners.


_JOBS: tuple[tuple[str, Callable[[Log, bool], None], str], ...] = (
    ("loyalty-etl", _loyalty_etl, "StringDataRightTruncation: value too long"),
    ("monthly-invoices", _invoice_batch, "FATAL: sorry, too many clients already"),
    ("search-reindex", _search_reindex, "connect: connection refused"),
    ("product-feed", _product_feed, "JavaScript heap out of memory"),
    ("database-backup", _database_backup, "No space left on device"),
    ("clickstream-rollup", _clickstream_rollup, "is not a Parquet file"),
    ("patch-servers", _patch_servers, "Could not get lock /var/lib/dpkg/lock-frontend"),
    ("warehouse-models", _warehouse_models, "Numeric value 'n/a' is not recognized"),
    ("price-import", _price_import, "found record with 11 fields"),
    ("settlement-fetch", _settlement_fetch, 'SETL_NORDPAY_20260218.csv" not found.'),
)


def failing_jobs() -> list[FailingJob]:
    """Give the ten jobs, the same on every call."""
    jobs: list[FailingJob] = []
    for number, (name, write, cause) in enumerate(_JOBS):
        start = datetime(2026, 2, 9 + number, 2, 10 + number)
        good = Log(7100 + number, start - timedelta(days=1))
        bad = Log(8100 + number, start)
        write(good, False)
        write(bad, True)
        jobs.append(FailingJob(name, good.lines, bad.lines, cause))
    return jobs
