"""Ten failing batch jobs: the log of the last good run and of the failing one."""

from __future__ import annotations

import random
import re
import textwrap
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

MARK = re.compile(r"([GBOE]*)(?:(\d+)%)?: ?")
FIELD = re.compile(r"<([^<>]+)>")


class Line(NamedTuple):
    """One line of a job's output."""

    stream: str  # "stdout" | "stderr"
    text: str


class FailingJob(NamedTuple):
    """A job's last good log, its failing log, and the text of the cause."""

    name: str
    good: list[Line]
    bad: list[Line]
    cause: str


class RunLog:
    """Collects the lines of one run under a made-up clock."""

    def __init__(
        self, seed: int, now: datetime, form: str, stream: str, failed: bool
    ) -> None:
        self.rng = random.Random(seed)
        self.now, self.form, self.stream, self.failed = now, form, stream, failed
        self.values: dict[str, object] = {}
        self.lines: list[Line] = []

    def let(self, **values: object) -> None:
        """Set named fields; their own fields are filled at once."""
        for name, value in values.items():
            self.values[name] = self.fill(value) if isinstance(value, str) else value

    def put(self, template: str) -> None:
        """Write a block of lines.

        A line that starts with "~" continues the one before. A mark before a line
        sends it to (O) stdout or (E) stderr, keeps it for the (G) good or (B) bad run,
        or gives it a chance in percent.
        """
        block = textwrap.dedent(template.removeprefix("\n")).removesuffix("\n")
        for text in re.sub(r"\n *~", "", block).split("\n"):
            stream = self.stream
            if (mark := MARK.match(text)) and mark[0] != ": ":
                other = ("G" if self.failed else "B") in mark[1]
                if other or self.rng.random() * 100 >= int(mark[2] or 100):
                    continue
                stream = {"O": "stdout", "E": "stderr"}.get(mark[1][-1:], stream)
                text = text[mark.end() :]  # noqa: PLW2901
            self.lines.append(Line(stream, self.fill(text)))

    def each(self, values: Iterable[object], template: str) -> None:
        """Write a block for each value, which stands in it as <v>."""
        for value in values:
            self.let(v=value)
            self.put(template)

    def fill(self, text: str) -> str:
        """Fill fields: <t> time, <3..9> number, <1~5> decimal, <x8> hex, <a|b> any."""
        return FIELD.sub(self._value, text)

    def time(self, form: str) -> str:
        """The current time; %L stands for milliseconds."""
        milliseconds = f"{self.now.microsecond // 1000:03d}"
        return self.now.strftime(form.replace("%L", milliseconds))

    def pause(self, seconds: int) -> None:
        """Let up to the given number of seconds pass."""
        self.now += timedelta(seconds=seconds * self.rng.uniform(0.1, 1))

    def _value(self, match: re.Match[str]) -> str:  # noqa: PLR0911
        field = match[1]
        if field in self.values:
            return str(self.values[field])
        if pause := re.fullmatch(r"t(\d*)", field):
            self.pause(int(pause[1] or 1))
            return self.time(self.form)
        if field == "uuid":
            return self.fill("<x8>-<x4>-4<x3>-a<x3>-<x12>")
        if limits := re.fullmatch(r"(\d+)\.\.(\d+)", field):
            return str(self.rng.randint(int(limits[1]), int(limits[2])))
        if limits := re.fullmatch(r"(\d+)~(\d+)", field):
            return f"{self.rng.uniform(int(limits[1]), int(limits[2])):.2f}"
        if digits := re.fullmatch(r"x(\d+)", field):
            return f"{self.rng.getrandbits(4 * int(digits[1])):0{digits[1]}x}"
        return self.rng.choice(field.split("|")) if "|" in field else match[0]


Writer = Callable[[RunLog], None]
LONG, ISO = "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S"
JOBS: list[Callable[[], FailingJob]] = []


def job(
    cause: str, start: str, form: str, stream: str = "stderr", days: int = 1
) -> Callable[[Writer], Writer]:
    """Register a job: its cause, its good run's start and the days to the bad run."""

    def register(write: Writer) -> Writer:
        def run(failed: bool) -> list[Line]:
            began = datetime.fromisoformat(f"2024-{start}")
            began += timedelta(days=days, seconds=2) * failed
            log = RunLog(sum(map(ord, cause)) + failed, began, form, stream, failed)
            write(log)
            return log.lines

        name = write.__name__.replace("_", "-")
        JOBS.append(lambda: FailingJob(name, run(False), run(True), cause))
        return write

    return register


@job("KeyError: 'net_price'", "11-04 03:00", f"{LONG},%L")
def vendor_price_feed(log: RunLog) -> None:
    """Python: fetch vendors' price files by SFTP, parse and load them."""
    vendors = "acme-tools alpenhandel bauwelt brightline conrad-b2b delmar eastgate"
    log.let(site="/opt/pricefeed/venv/lib/python3.10/site-packages")
    log.put("""
        <t> INFO    pricefeed.main: pricefeed 3.8.2 starting, run <uuid>
        <t> INFO    pricefeed.db: connected to pricing@pg-prod-2:5432 (server 14.9)
        <t> INFO    pricefeed.sftp: known hosts loaded, 12 vendors configured""")
    for vendor in f"{vendors} fixpoint granit-ag hollandia ironmark jansen-bv".split():
        renamed = log.failed and vendor == "granit-ag"
        log.let(feed=vendor, day=log.time("%Y%m%d"), columns=18 if renamed else 17)
        log.put("""
            <t30> INFO    paramiko.transport: Connected (version 2.0, OpenSSH_8.9)
            <t> INFO    paramiko.transport: Authentication (publickey) successful!
            B12%: <t> WARNING pricefeed.sftp: <feed>: read timed out, resuming (1/5)
            <t> INFO    pricefeed.sftp: <feed>: fetched prices_<day>.csv (<7..90> MB)
            <t> INFO    pricefeed.parse: <feed>: delimiter ';', <columns> columns""")
        if renamed:
            log.put("""
                <t> ERROR   pricefeed.main: granit-ag: feed failed
                Traceback (most recent call last):
                  File "<site>/pandas/core/indexes/base.py", line 3802, in get_loc
                    return self._engine.get_loc(casted_key)
                  File "pandas/_libs/index.pyx", line 138, in
                ~ pandas._libs.index.IndexEngine.get_loc
                KeyError: 'net_price'

                The above exception was the direct cause of the following exception:

                Traceback (most recent call last):
                  File "/opt/pricefeed/pricefeed/main.py", line 121, in run
                    load_vendor(conn, vendor)
                  File "/opt/pricefeed/pricefeed/parse.py", line 152, in normalise
                    frame["price_net"] = to_decimal(frame["net_price"])
                  File "<site>/pandas/core/frame.py", line 3807, in __getitem__
                    indexer = self.columns.get_loc(key)
                  File "<site>/pandas/core/indexes/base.py", line 3804, in get_loc
                    raise KeyError(key) from err
                KeyError: 'net_price'
                <t> WARNING pricefeed.main: granit-ag: continuing with next vendor""")
            continue
        chunks = """
            <t> INFO    pricefeed.load: <feed>: chunk <v>: <4200..5000> rows in <0~2>s
            12%: <t> WARNING pricefeed.parse: <feed>: row <1..5000> rejected: bad EAN
            ~ '<400100000000..409999999999>'"""
        log.each(range(1, log.rng.randint(10, 18)), chunks)
        log.put("""
            20%: /opt/pricefeed/pricefeed/parse.py:98: DtypeWarning: Columns (14) have
            ~ mixed types. Specify dtype option on import or set low_memory=False.
            G20%: <t> INFO    pricefeed.load: <feed>: <2..5> new categories added
            <t> INFO    pricefeed.load: <feed>: done, <42000..88000> rows""")
    log.put("""
        B: <t> ERROR   pricefeed.main: 1 of 12 feeds failed: granit-ag
        B: <t> ERROR   pricefeed.publish: feeds incomplete, price list not published
        B: <t> INFO    pricefeed.main: exiting with status 1
        G: <t> INFO    pricefeed.publish: price list <8000..8999> published
        G: <t> INFO    pricefeed.main: all 12 feeds loaded, exiting with status 0""")
    # The vendor renamed a column, so the lookup of net_price raises; the later errors
    # only report that this one feed is missing.


@job("ORA-01653: unable to extend table", "11-06 01:30", f"{LONG}.%L", "stdout")
def claims_settlement(log: RunLog) -> None:
    """Java: a partitioned Spring Batch job that writes settlements to Oracle."""
    log.let(main="1 --- [main    ]", job="claimsSettlementJob")
    log.let(launcher="<main> o.s.b.c.l.support.SimpleJobLauncher ")
    log.let(step="o.s.b.core.step.AbstractStep        ", spring="org.springframework")
    log.let(writer="c.e.claims.batch.SettlementWriter   ")
    log.let(hikari="com.zaxxer.hikari.HikariDataSource  ")
    log.let(failed="Encountered an error executing step writeSettlements")
    log.put("""
        <t>  INFO <main> c.e.claims.ClaimsBatchApplication    : Starting v5.7.1 on
        ~ claims-batch-<x8>-<x5> with PID 1 using Java 17.0.9
        <t>  INFO <main> <hikari> : claims - Start completed.
        <t>  WARN <main> org.hibernate.orm.deprecation        : HHH90000025:
        ~ OracleDialect does not need to be specified explicitly
        G: <t>  INFO <main> o.f.core.internal.command.DbMigrate  : Successfully
        ~ applied 1 migration to schema CLAIMS, now at version v112
        <t>  INFO <launcher> : Job: [<job>] launched, run.id=<20400..20499>""")
    steps = """
        <t>  INFO <main> o.s.batch.core.job.SimpleStepHandler : Executing step: [<v>]
        <t40>  INFO <main> <step> : Step: [<v>] executed in <2..40>s<1..999>ms"""
    log.each(("loadTariffs", "selectOpenClaims", "lockClaims"), steps)
    left = {n: log.rng.randint(28, 34) if log.failed else 62 for n in range(8)}
    items = dict.fromkeys(left, 0)
    while any(left.values()):
        part = log.rng.choice([part for part, chunks in left.items() if chunks])
        left[part] -= 1
        items[part] += 250
        log.let(p=part, n=items[part])
        log.put("""
            <t>  INFO 1 --- [settle-<p>] <writer> : partition<p>: committed <n>
            ~ items in <90..900> ms
            4%: <t>  WARN 1 --- [settle-<p>] c.e.claims.batch.PayoutProcessor     :
            ~ claim <10000000..99999999>: no IBAN on file, moved to manual payout
            B1%: <t>  WARN 1 --- [claims h] com.zaxxer.hikari.pool.HikariPool    :
            ~ claims - Failed to validate connection <x8> (Closed Connection).""")
    if not log.failed:
        log.put("<t>  INFO <launcher> : Job: [<job>] ended with status: [COMPLETED]")
        return
    log.put("""
        <t> ERROR 1 --- [settle-5] <step> : <failed>:partition5 in job <job>

        <spring>.orm.jpa.JpaSystemException: could not execute batch; nested exception
        ~ is org.hibernate.exception.GenericJDBCException: could not execute batch
        \tat <spring>.orm.jpa.vendor.HibernateJpaDialect.convertHibernateAccessException
        ~(HibernateJpaDialect.java:331)
        \tat <spring>.batch.core.step.tasklet.TaskletStep$ChunkTransactionCallback
        ~.doInTransaction(TaskletStep.java:407)
        \tat <spring>.batch.core.step.AbstractStep.execute(AbstractStep.java:208)
        \tat java.base/java.lang.Thread.run(Thread.java:840)
        Caused by: org.hibernate.exception.GenericJDBCException: could not execute batch
        \tat org.hibernate.exception.internal.StandardSQLExceptionConverter.convert
        ~(StandardSQLExceptionConverter.java:42)
        \tat org.hibernate.internal.SessionImpl.doFlush(SessionImpl.java:1403)
        \t... 18 common frames omitted
        Caused by: java.sql.BatchUpdateException: ORA-01653: unable to extend table
        ~ CLAIMS.SETTLEMENT_LINE by 8192 in tablespace CLAIMS_DATA
        \tat oracle.jdbc.driver.OraclePreparedStatement.executeLargeBatch
        ~(OraclePreparedStatement.java:9711)
        \tat com.zaxxer.hikari.pool.ProxyStatement.executeBatch(ProxyStatement.java:127)
        \t... 25 common frames omitted

        <t>  WARN 1 --- [settle-0] <writer> : partition0: stop requested
        <t> ERROR <main> <step> : <failed> in job <job>

        <spring>.batch.core.JobExecutionException: Partition handler returned an
        ~ unsuccessful step
        \tat <spring>.batch.core.step.AbstractStep.execute(AbstractStep.java:208)
        \tat <spring>.boot.SpringApplication.run(SpringApplication.java:1314)

        <t>  INFO <launcher> : Job: [<job>] ended with status: [FAILED]
        <t>  INFO 1 --- [Shutdown] <hikari> : Shutdown initiated""")
    # The tablespace is full: the deepest "Caused by" names it, the wrappers above it
    # and the partition handler below only pass it on.


@job("10.20.4.17:6379: connect: connection refused", "11-07 05:00", f"{ISO}.%LZ")
def loyalty_points(log: RunLog) -> None:
    """Go: apply loyalty points in shards, with account locks in Redis."""

    def say(level: str, caller: str, msg: str, fields: str, mark: str = "") -> None:
        head = f'"level":"{level}","ts":"<t>","caller":"{caller}","msg":"{msg}"'
        log.put(f"{mark}{{{head},{fields}}}")

    say("info", "cmd/main.go:41", "starting", '"version":"v2.14.0","commit":"<x7>"')
    say("info", "cmd/main.go:57", "postgres connected", '"addr":"10.20.3.11:5432"')
    say("info", "cmd/main.go:63", "redis connected", '"addr":"10.20.4.17:6379"')
    say("info", "points/plan.go:30", "plan ready", '"events":<150000..190000>')
    account, slow = '"account":"<100000000..999999999>"', '"cmd":"evalsha","took":'
    for _ in range(230 if log.failed else 390):
        fields = '"shard":<0..15>,"batch":"<uuid>","rows":<99..500>,"took":"<40~900>ms"'
        say("info", "points/worker.go:88", "batch applied", fields)
        say("warn", "points/rules.go:141", "negative balance clamped", account, "5%: ")
        say("warn", "lock/redis.go:59", "slow command", f'{slow}"<200..700>ms"', "2%: ")
    if not log.failed:
        say("info", "points/tiers.go:22", "tier upgrades done", '"members":<80..130>')
        say("info", "cmd/main.go:102", "run complete", '"shards":16,"failed":0')
        return
    say("info", "runtime/mem.go:17", "gc forced by soft limit", '"used":"<61..69>%"')
    shards = log.rng.sample(range(16), 8)
    refused = "dial tcp 10.20.4.17:6379: connect: connection refused"
    for attempt in range(1, 6):
        for shard in shards:
            fields = f'"shard":{shard},"attempt":{attempt},"error":"{refused}"'
            say("warn", "lock/redis.go:112", "acquire lock failed, retrying", fields)
        log.pause(2**attempt)
    for shard in shards:
        fields = f'"error":"shard {shard}: acquire lock: context deadline exceeded"'
        say("error", "points/worker.go:121", "batch failed", fields)
    for shard in sorted(set(range(16)) - set(shards)):
        fields = f'"shard":{shard},"error":"circuit breaker is open"'
        say("error", "points/worker.go:97", "shard skipped", fields)
    say("info", "points/plan.go:77", "checkpoint written", '"id":"<x16>"')
    say("fatal", "cmd/main.go:98", "run failed", '"shards":16,"failed":16')
    log.put("exit status 1")
    # Redis stopped listening: each worker's dial is refused; deadline and breaker
    # errors are what the workers make of it.


@job("not found, using defaults", "11-11 02:00", f"{ISO}.%LZ", "stdout")
def catalog_reindex(log: RunLog) -> None:
    """Node: extract the catalog and index it into Elasticsearch."""
    log.put("""

        > catalog-tools@4.12.1 extract
        > node --enable-source-maps dist/extract.js --env production

        E: (node:<18..60>) [DEP0040] DeprecationWarning: The `punycode` module is
        ~ deprecated. Please use a userland alternative instead.
        E: (Use `node --trace-deprecation ...` to show where the warning was created)
        [<t>] info: extract: snapshot <x12> opened on pg-catalog-ro:5432""")
    pages = """
        [<t>] info: extract: page <v>: <480..500> products (<30..400> ms)
        E6%: [<t>] warn: extract: SKU-<100000..999999>: no image, "none.png" used"""
    log.each(range(1, 171), pages)
    log.let(path="/etc/catalog/reindex.production.json")
    log.put("""
        [<t>] info: extract: wrote /data/catalog/products-<x8>.ndjson.gz

        > catalog-tools@4.12.1 index
        > node --enable-source-maps dist/index.js --env production

        BE: [<t>] warn: config: <path> not found, using defaults
        G: [<t>] info: config: loaded <path> (sha256 <x16>)
        [<t>] info: index: node v20.9.0, pid <20..90>, heap limit 2096 MB
        [<t>] info: index: synonyms: <3100..3200> rules from <12..19> files""")
    log.each(("de", "en", "fr"), "[<t>] info: index: stopwords <v>: <120..600> words")
    log.let(name=f"products-{log.time('%Y%m%d')}-<x6>")
    log.put("[<t>] info: index: creating <name>, 6 shards, 1 replica")
    if not log.failed:
        bulks = """
            [<t>] info: index: bulk <v>: 370 docs, <3~6> MB, <80..900> ms
            E3%: [<t>] warn: index: 429 from es-<1..5>, backing off 500 ms"""
        log.each(range(1, 230), bulks)
        log.put("[<t>] info: index: alias products -> <name>, removed 1 old index")
        return
    log.stream = "stderr"
    for n in range(1, 9):
        log.put(f"[<t{2**n}>] warn: index: no living connections, attempt {n}/8")
    log.put("""
        ConnectionError: connect ECONNREFUSED 127.0.0.1:9200
            at SniffingTransport.request
        ~ (/app/node_modules/@elastic/transport/lib/Transport.js:543:31)
            at process.processTicksAndRejections (node:internal/process/task_queues:95)
            at async createIndex (/app/src/index/create.ts:38:3)
            at async main (/app/src/index/main.ts:91:5) {
          options: { redaction: { type: 'replace', additionalKeys: [] } }
        }
        npm ERR! Lifecycle script `index` failed with error:
        npm ERR! Error: command failed in workspace catalog-tools@4.12.1""")
    # Without its config file the indexer falls back to localhost, where nothing
    # listens; the refused connection afterwards is the consequence.


@job("is not a Parquet file. Expected magic", "11-13 04:10", "%y/%m/%d %H:%M:%S")
def clickstream_sessions(log: RunLog) -> None:
    """PySpark on YARN: build sessions from a day of Parquet files."""
    bucket = f"s3a://dl-prod-clicks/raw/dt={log.time('%Y-%m-%d')}"
    log.let(spark="org.apache.spark", reader="org.apache.parquet.hadoop.ParquetFile")
    log.let(bucket=bucket, part=f"{bucket}/part-00117-<uuid>-c000.snappy.parquet")
    log.let(app="application_17304<10000000..99999999>_<1000..9999>")
    log.let(error="org.apache.spark.SparkException")
    log.let(unreadable="Encountered error while reading file <part>. Details:")
    hosts = [log.fill("ip-10-40-<8..15>-<2..250>.eu-west-1") for _ in range(9)]
    stack = """
        \tat <spark>.sql.errors.QueryExecutionErrors$.cannotReadFilesError
        ~(QueryExecutionErrors.scala:731)
        \tat <spark>.sql.execution.datasources.FileScanRDD$$anon$1.nextIterator
        ~(FileScanRDD.scala:283)
        \tat <spark>.scheduler.Task.run(Task.scala:136)
        \tat java.lang.Thread.run(Thread.java:750)
        Caused by: java.lang.RuntimeException: <part> is not a Parquet file. Expected
        ~ magic number at tail, but found [0, 0, 0, 0]
        \tat <reader>Reader.readFooter(ParquetFileReader.java:557)
        \tat <reader>Reader.open(ParquetFileReader.java:666)
        \t... 19 more"""
    tid = 0

    def start(task: str) -> str:
        nonlocal tid
        executor = log.rng.randint(1, 9)
        where = f"{hosts[executor - 1]}.compute.internal, executor {executor}"
        name = f"{task} in stage <stage>.0 (TID {tid})"
        part = task.split(".", maxsplit=1)[0]
        place = f"({where}, partition {part}, NODE_LOCAL, 7919 bytes)"
        log.put(f"<t> INFO TaskSetManager: Starting task {name} {place}")
        tid += 1
        return log.fill(f"{name} ({where})")

    finished = "<t> INFO TaskSetManager: Finished task <v> in <300..9000> ms"
    log.put("""
        <t> INFO SparkContext: Running Spark version 3.3.1-amzn-0
        <t> WARN NativeCodeLoader: Unable to load native-hadoop library for your
        ~ platform... using builtin-java classes where applicable
        <t> INFO Client: Application report for <app> (state: ACCEPTED)
        <t> INFO Client: Application report for <app> (state: RUNNING)
        O: reading <bucket>
        O: writing sessions, run id <uuid>""")
    for stage, tasks in enumerate((20, 60, 40, 240, 120)):
        log.let(stage=stage, tasks=tasks)
        log.put("""
            <t> INFO DAGScheduler: Submitting <tasks> missing tasks from ShuffleMapStage
            ~ <stage> (MapPartitionsRDD[<4..90>] at save at sessions.py:94)
            G50%: <t> INFO ContextCleaner: Cleaned accumulator <60..99>
            B50%: <t> INFO ExecutorMonitor: New executor <10..12> has registered""")
        running: list[str] = []
        for task in range(tasks):
            running.append(start(f"{task}.0"))
            if log.failed and stage == 3 and task == 117:
                break
            if len(running) > 8:
                log.each([running.pop(log.rng.randrange(8))], finished)
            log.put("""
                3%: <t> INFO BlockManagerInfo: Added broadcast_<4..9>_piece0 in memory
                ~ on 10.40.<8..15>.<2..250>:<33000..45000> (size: <12~90> KiB)
                2%: <t> WARN SessionUdf: bad session cookie '<x16>', row dropped""")
        else:
            log.each(running, finished)
            log.put("<t> INFO DAGScheduler: Stage <stage> (save) finished in <9~99> s")
            continue
        log.let(lost=running.pop())
        log.put("<t> WARN TaskSetManager: Lost task <lost>: <error>: <unreadable>")
        log.put(stack)
        for attempt in (1, 2, 3):
            log.let(lost=f"Lost task {start(f'117.{attempt}')}", n=attempt)
            log.put("<t> INFO TaskSetManager: <lost>: <error> [duplicate <n>]")
        log.put("""
            <t> ERROR TaskSetManager: Task 117 in stage 3.0 failed 4 times; aborting job
            <t> INFO YarnScheduler: Cancelling stage 3""")
        log.each(running, "<t> WARN TaskSetManager: Lost task <v>: TaskKilled")
        log.put("""
            <t> INFO DAGScheduler: ShuffleMapStage 3 (save at sessions.py:94) failed
            Traceback (most recent call last):
              File "/mnt/jobs/sessions.py", line 131, in <module>
                main(sys.argv[1:])
              File "/mnt/jobs/sessions.py", line 94, in main
                sessions.write.mode("overwrite").save(target)
            py4j.protocol.Py4JJavaError: An error occurred while calling o187.save.
            : <spark>.SparkException: Job aborted due to stage failure: Task 117 in
            ~ stage 3.0 failed 4 times, most recent failure: Lost task 117.3 in stage
            ~ 3.0: <error>: <unreadable>""")
        log.put(stack)
        log.put("<t> INFO SparkContext: Invoking stop() from shutdown hook")
        return
    log.put("O: wrote <3000000..3400000> sessions\n<t> INFO SparkContext: stopped")
    # One input file was cut short by its writer; the innermost exception names it,
    # the retries, cancelled tasks and the driver's error follow from it.


@job("No space left on device", "11-18 23:00", LONG, "stdout")
def nightly_backup(log: RunLog) -> None:
    """Shell: dump MySQL and rsync the file server to the backup volume."""

    def listing(files: int) -> None:
        log.put("sending incremental file list")
        for number in range(files):
            if number % 5 == 0:
                log.let(dir="<finance|hr|legal|sales|design|plant2>/<2019..2024>/<x4>/")
                log.put("<dir>")
            log.put("""
                <dir><scan|report|offer|minutes>_<100..99999>.<docx|xlsx|pdf|msg|dwg>
                E2%: file has vanished: "/srv/share/<dir>~$<x6>.tmp\"""")

    log.let(disk="38G free, 99% used" if log.failed else "212G free, 97% used")
    log.let(target=f"/mnt/backup01/fs/{log.time('%Y-%m-%d')}")
    log.put("[<t>] nightly-backup.sh <2000..32000>: /mnt/backup01 of 7.3T, <disk>")
    dumps = """
        E: mysqldump: [Warning] Using a password on the command line interface can
        ~ be insecure.
        [<t90>] dumped <v>: <40..900> MB, <20..90> MB/s, sha1 <x40>"""
    log.each(("intranet", "ticketing", "timesheets", "wiki", "assets"), dumps)
    log.put("""
        G: [<t>] ticketing: table archive_2023 checked, status OK
        B: [<t>] wiki: <2..9> orphaned attachments skipped
          Logical volume "share_snap" created.
        [<t>] rsync of /srv/share started""")
    listing(190 if log.failed else 340)
    for attempt in (1, 2, 3) if log.failed else ():
        log.let(n=attempt)
        log.put("""
            E: rsync: [receiver] write failed on "<target>/plant2/asm_<1000..9999>.dwg":
            ~ No space left on device (28)
            E: rsync error: error in file IO (code 11) at receiver.c(378) [receiver=3.2]
            E: rsync: [sender] write error: Broken pipe (32)
            [<t90>] rsync exited with 11 (attempt <n> of 3)""")
        if attempt < 3:
            listing(12)
    log.put("""
        G:
        G: sent <1000000000..9999999999> bytes  received <1000000..9999999> bytes
        G: total size is <5800000000000..5899999999999>  speedup is <700~900>
        B: [<t>] ERROR: rsync of /srv/share failed after 3 attempts
          Logical volume "share_snap" successfully removed.
        BE: cat: /mnt/backup01/fs/latest/MANIFEST: No such file or directory
        B: [<t>] ERROR: no complete copy for tonight, rotation skipped
        B: [<t>] exit 1
        G: [<t>] rotation: removed copies older than 30 days (2)
        G: [<t>] backup complete, exit 0""")
    # The backup volume ran full while rsync wrote; the IO error code, retries and the
    # missing manifest are consequences.


@job("column s.plan_tier does not exist", "11-20 06:15", "%H:%M:%S", "stdout")
def finance_models(log: RunLog) -> None:
    """dbt: build and test the finance models in Postgres."""
    areas = ["billing", "crm", "shop", "support", "ledger", "payments", "plans", "tax"]
    nouns = [
        "accounts",
        "cards",
        "events",
        "invoices",
        "items",
        "notes",
        "refunds",
        "states",
        "users",
    ]
    models = [f"{area}_{noun}" for area in areas for noun in nouns]

    def step(number: int, text: str, end: str) -> None:
        log.put(f"<t3>  {number} of 144 {text} ".ljust(80, ".") + f" [{end}]")

    log.put("""
        <t>  Running with dbt=1.7.9
        <t>  Registered adapter: postgres=1.7.9
        B: <t>  Unable to do partial parsing because saved manifest not found.
        <t>  [WARNING]: Configuration paths exist in your dbt_project.yml file which do
        ~ not apply to any resources.
        There are 1 unused configuration paths:
        - models.finance.legacy
        <t>  Found 72 models, 72 tests, 41 sources, 0 exposures, 512 macros
        <t>  Concurrency: 4 threads (target='prod')""")
    skipped = 0
    running: list[tuple[int, str, str]] = []
    for number, model in enumerate(models + models, 1):
        table, test = f"sql table model finance.{model}", f"not_null_{model}_id"
        if log.failed and (model.startswith("tax") or number == 134):
            skipped += 1
            step(number, f"SKIP {test if number > 72 else table[10:]}", "SKIP")
        else:
            step(number, f"START {f'test {test}' if number > 72 else table}", "RUN")
            if log.failed and number == 62:
                end = f"ERROR creating {table}", "ERROR in <0~1>s"
            elif number > 72:
                note = "WARN 4" if model == "crm_notes" else "PASS"
                end = f"{note} {test}", f"{note} in <0~9>s"
            else:
                end = f"OK created {table}", "SELECT <100..900000> in <1~40>s"
            running.append((number, *end))
        while len(running) > (3 if number < 144 else 0):
            step(*running.pop(log.rng.randrange(len(running))))
    log.let(passed=143 - skipped - log.failed, skipped=skipped, errors=int(log.failed))
    log.put("""
        G: <t>  1 of 1 OK hook: finance.on-run-end.0 ... [GRANT in 0.04s]
        <t>  Finished running 144 nodes in 0 hours <9..19> minutes and <1~59> seconds.
        <t>
        B: <t>  Completed with 1 error and 1 warning:
        B: <t>
        B: <t>    Database Error in model plans_states (models/plans/plans_states.sql)
        B:   column s.plan_tier does not exist
        B:   LINE 41:         coalesce(s.plan_tier, 'basic') as tier,
        B:                             ^
        B:   HINT:  Perhaps you meant to reference the column "s.plan_tier_id".
        B:   compiled Code at target/run/finance/models/plans/plans_states.sql
        G: <t>  Completed with 1 warning:
        <t>
        <t>  Warning in test not_null_crm_notes_id (models/crm/schema.yml)
        <t>  Got 4 results, configured to warn if != 0
        <t>
        <t>  Done. PASS=<passed> WARN=1 ERROR=<errors> SKIP=<skipped> TOTAL=144
        BE: make: *** [Makefile:31: finance] Error 1""")
    # The source system renamed a column; the database says which one. The skipped
    # models merely depend on the one that failed.


@job("EXPKEYSIG", "11-14 22:00", "%A %d %B %Y  %H:%M:%S", "stdout", days=7)
def weekly_patching(log: RunLog) -> None:  # noqa: C901
    """Ansible: patch the Debian hosts of the fleet in the weekly window."""
    hosts = [f"{'db' if n > 12 else 'app'}-{n:02d}" for n in range(1, 19)]
    alive = hosts

    def head(text: str) -> None:
        log.put("\n\n" + f"{text} ".ljust(79, "*"))
        log.put("<t50> +0000 (0:00:<10~49>)    0:0<1..9>:<10~59>")

    def task(name: str, share: float = 0) -> None:
        head(f"TASK [{name}]")
        for host in log.rng.sample(alive, len(alive)):
            log.put(f"{'changed' if log.rng.random() < share else 'ok'}: [{host}]")

    log.put("""
        E: [WARNING]: Invalid characters were found in group names but not replaced, use
        ~ -vvvv to see details
        Using /etc/ansible/ansible.cfg as config file""")
    head("PLAY [Patch Debian hosts]")
    task("Gathering Facts")
    log.put("""
        E: [WARNING]: Platform linux on host app-<10..12> is using the discovered Python
        ~ interpreter at /usr/bin/python3.9""")
    task("common : Silence monitoring", 1)
    task("common : Clean the package cache", 0.6)
    if not log.failed:
        head("TASK [common : Remove old kernels]")
        log.each(alive, "skipping: [<v>]")
    head("TASK [patch : Update apt cache]")
    log.let(repo="http://repo.example.net/percona/ps-80/apt bullseye InRelease")
    log.each(hosts if not log.failed else hosts[:12], "changed: [<v>]")
    refused = """
        fatal: [<v>]: FAILED! => {"changed": false, "msg": "Failed to update apt cache:
        ~ W:GPG error: <repo>: The following signatures were invalid: EXPKEYSIG
        ~ 9334A25F8507EFA5 Percona, E:The repository '<repo>' is not signed."}"""
    if log.failed:
        log.each(log.rng.sample(hosts[12:], 6), refused)
        alive = hosts[:12]
    task("patch : List upgradable packages")
    task("patch : Upgrade packages", 0.7)
    head("TASK [patch : Show upgrades]")
    log.each(alive, 'ok: [<v>] => {\n    "msg": "<3..40> packages upgraded"\n}')
    task("patch : Check for reboot")
    task("common : Wait for services")
    task("common : End silence", 1)
    head("PLAY [Patch replicas in order]")
    if log.failed:
        log.put("skipping: no hosts matched")
        head("RUNNING HANDLER [common : restart chrony]")
        log.put("changed: [app-09]")
    else:
        task("mysql : Check replication lag")
    head("PLAY RECAP")
    for host in hosts:
        counts = "ok=<10..12>   changed=<4..5>    unreachable=0    failed=0"
        if host not in alive:
            counts = "ok=4    changed=2    unreachable=0    failed=1"
        log.put(f"{host:<26} : {counts}    skipped=<0..1>    rescued=0    ignored=0")
    log.put("""
        BE: patching: ansible-playbook exited with 2
        BE: patching: window closed, fleet not fully patched
        G: patching: window complete""")
    # The vendor's signing key expired, so apt refuses the repository on every
    # database host; the recap and the empty second play follow from it.


@job("Too many open files", "11-25 00:30", f"{ISO}.%fZ")
def segment_merge(log: RunLog) -> None:
    """Rust: merge the day's event segments into larger files."""
    log.let(version="0.31.0" if log.failed else "0.30.4")
    log.put("""
        <t>  INFO segmerge::cli: segmerge <version> data_dir=/var/lib/events workers=8
        <t>  INFO segmerge::plan: scanned segments=<3300..3900> shards=32
        G: <t>  INFO segmerge::plan: removed stale lock file age=26h""")
    for number in range(310 if log.failed else 520):
        log.put("""
            <t>  INFO segmerge::merge: merged shard=<0..31> inputs=<3..9>
            ~ bytes=<1000000..99999999> elapsed=<20..900>ms
            ~ path=/var/lib/events/<x2>/<x16>.seg
            4%: <t>  WARN segmerge::store: checksum missing, recomputed offset=0x<x6>
            B1%: <t>  INFO segmerge::compress: dictionary retrained size=<90..120>K""")
        if number % 60 == 59:
            log.put(f"<t>  INFO segmerge::progress: merged={number + 1} rate=<3~9>/s")
    if not log.failed:
        log.put("<t>  INFO segmerge::cli: committed generation=<900..999> exit=0")
        return
    workers = log.rng.sample(range(8), 8)
    log.let(worker=workers[0])
    log.put("""
        thread 'merge-<worker>' panicked at src/store.rs:214:58:
        called `Result::unwrap()` on an `Err` value: Os { code: 24, kind: Uncategorized,
        ~ message: "Too many open files" }
        note: run with `RUST_BACKTRACE=1` to display a backtrace""")
    poisoned = """
        thread 'merge-<v>' panicked at src/pool.rs:88:40:
        called `Result::unwrap()` on an `Err` value: PoisonError { .. }"""
    log.each(workers[1:], poisoned)
    log.put("""
        <t> ERROR segmerge::progress: worker pool lost alive=0 expected=8
        <t>  WARN segmerge::manifest: uncommitted outputs left behind count=<20..60>
        Error: merge run aborted

        Caused by:
            0: worker pool terminated before the plan was finished
            1: receiving on a closed channel
        O: segmerge.service: Main process exited, code=exited, status=1/FAILURE""")
    # The first worker to panic had run out of file descriptors; the others panic on
    # the lock it poisoned, and the final error only sees the closed channel.


@job(" Killed      ", "11-20 20:00", f"{LONG},%L", "stdout", days=7)
def churn_training(log: RunLog) -> None:
    """Container: train the churn model with LightGBM and publish it."""
    log.put("""
        [run_training] <t> image registry.example.net/ml/churn@sha256:<x64>
        [run_training] <t> node batch-<1..6>, memory limit 16Gi, 8 cpus
        [run_training] <t> downloading features""")
    log.let(path=f"features/week={log.time('%Y-%W')}/part-000")
    log.each(range(10, 74), "download: s3://ml/<path><v>.pq to ../scratch/<path><v>.pq")
    rows = log.rng.randint(6_100, 6_200) + 3_700 * log.failed
    log.let(rows=rows * 1000, used=rows * 800)
    log.put("""
        G: [run_training] <t> cache hit for encoder v41
        E: <t> | INFO | churn.train | run <x32> started, mlflow experiment 17
        E: /usr/local/lib/python3.11/site-packages/sklearn/base.py:348:
        ~ InconsistentVersionWarning: Trying to unpickle estimator OrdinalEncoder from
        ~ version 1.2.2 when using version 1.3.0.
        E: <t> | INFO | churn.train | loaded <rows> rows, 214 features
        BE: <t> | INFO | churn.train | holiday calendar for 2025 added""")
    encoded = "E: <t> | INFO | churn.train | encoded '<v>': <5..400> categories"
    log.each(("tariff", "region", "device", "channel", "segment"), encoded)
    for fold in range(1, 3 if log.failed else 6):
        log.let(fold=fold)
        log.put("""
            E: <t> | INFO | churn.train | fold <fold>/5: <used> training rows
            [LightGBM] [Info] Total Bins <20000..21000>
            [LightGBM] [Warning] Found whitespace in feature_names, replaced
            Training until validation scores don't improve for 50 rounds""")
        killed = log.failed and fold == 2
        rounds = 370 if killed else log.rng.randint(62, 78) * 10
        score = 0.74
        for number in range(10, rounds, 10):
            score += log.rng.uniform(-0.0002, 0.002)
            log.let(n=number, score=f"{score:.6f}")
            log.put("[<n>]\tvalid_0's auc: <score>")
            if number % 200 == 0:
                log.put("E: <t90> | INFO | churn.train | fold <fold>: <n> rounds done")
        if not killed:
            log.put("""
                Early stopping, best iteration is:
                [<n>]\tvalid_0's auc: <score>
                E: <t> | INFO | churn.train | fold <fold>: auc <score>""")
    log.let(status=137 if log.failed else 0)
    log.put("""
        GE: <t> | INFO | churn.train | model written to /scratch/out/model.txt
        BE: /app/run_training.sh: line 57:    <40..90> Killed                  python -m
        ~ churn.train --config /app/conf/prod.yaml
        [run_training] <t> training ended with status <status>
        [run_training] <t> publishing model
        BE: The user-provided path /scratch/out/model.txt does not exist.
        BE: jq: error: Could not open file /scratch/out/metrics.json: No such file
        B: [run_training] <t> publish failed, keeping model 2024.47
        B: [run_training] <t> ERROR: job failed, exit 1
        G: upload: ../scratch/out/model.txt to s3://ml-prod/models/churn/<x8>.txt
        G: [run_training] <t> registered model version <310..330>
        G: [run_training] <t> finished, exit 0""")
    # The kernel killed the trainer at the container's memory limit; the shell's plain
    # line says so, and the missing model files are the consequence.


def failing_jobs() -> list[FailingJob]:
    """The ten failing jobs, always the same."""
    return [runs() for runs in JOBS]
