"""Ten failing batch jobs: the last good log, the failing log and the causing line.

Each job is a script of log lines. At the start of a line ``?25 `` gives it a chance in
percent, ``?bad ``, ``?good `` and ``?name=a|b `` a condition, ``*3-5 `` repeats it,
``!`` puts it on stderr and ``|`` continues the line before. ``{n 1 9}``, ``{f 0.1 2}``,
``{hex 8}``, ``{ip}``, ``{uuid}``, ``{or a|b}``, ``{at %H:%M}``, ``{since}``, ``{=a}``
and the job's own line head ``{h words}`` are filled in. Blocks up to ``@end``:
``@each`` word in order, ``@mixed`` words in any order, ``@loop`` a number of times,
``@if`` all conditions hold (or ``@else``) and ``@shuffle`` the lines. ``@let`` names a
value, ``@end 2`` ends two blocks.
"""

import random
import re
from datetime import datetime, timedelta
from typing import NamedTuple


class Line(NamedTuple):
    """One line of a log."""

    stream: str  # "stdout" | "stderr"
    text: str


class FailingJob(NamedTuple):
    """A job with its last good run, its failing run and the causing substring."""

    name: str
    good: list[Line]
    bad: list[Line]
    cause: str


_FIELD = re.compile(r"\{(=\w+(?::[^{}]*)?|(?:n|f|hex|ip|uuid|or|at|since|h)\b[^{}]*)\}")
_PREFIX = re.compile(r"\?(?P<when>\S+) |\*(?P<few>\d+)-(?P<many>\d+) |(?P<err>!)")
_IP = "10.{n 12 48}.{n 0 255}.{n 2 254}"
_UUID = "{hex 8}-{hex 4}-{hex 4}-{hex 4}-{hex 12}"
_OPEN = ("@each ", "@mixed ", "@loop ", "@if ", "@shuffle")


class Log:
    """A log being written, with its own clock and its own random values."""

    def __init__(self, seed: int, start: datetime, failing: bool) -> None:
        self.rng = random.Random(seed)
        self.start = self.now = start
        self.failing = failing
        day_before = start - timedelta(days=1)
        self.values = {"today": f"{start:%Y%m%d}", "yesterday": f"{day_before:%Y%m%d}"}
        self.values |= {"pace": "1.0", "head": ""}
        self.lines: list[Line] = []

    def play(self, lines: list[str]) -> None:
        """Write a script's lines, running its blocks."""
        rest = iter(lines)
        for line in rest:
            if line.startswith(_OPEN):
                body: list[str] = []
                depth = 1
                for inner in rest:
                    depth += inner.startswith(_OPEN) - (inner == "@end")
                    if not depth:
                        break
                    body.append(inner if depth > 1 or inner != "@else" else "@other")
                self._block(line, body)
            else:
                self._write(line)

    def _block(self, opening: str, body: list[str]) -> None:
        kind, *words = self._filled(opening).split(" ")
        if kind == "@shuffle":
            self.play(self.rng.sample(body, len(body)))
        elif kind == "@if":
            middle = body.index("@other") if "@other" in body else len(body)
            holds = all(self._holds(word) for word in words)
            self.play(body[:middle] if holds else body[middle + 1 :])
        else:
            name, *items = words
            if kind == "@mixed":
                items = self.rng.sample(items, len(items))
            elif kind == "@loop":
                count = self.rng.randint(int(items[0]), int(items[1]))
                items = [str(number) for number in range(1, count + 1)]
            for item in items:
                self.values[name] = item
                self.play(body)

    def _holds(self, word: str) -> bool:
        if word.isdigit():
            return self.rng.random() * 100 < int(word)
        if ">" in word:
            name, least = word.split(">")
            return int(self.values[name]) > int(least)
        if "=" in word:
            name, _, allowed = word.partition("=")
            among = self.values[name.rstrip("!")] in allowed.split("|")
            return among != name.endswith("!")
        return (word == "bad") == self.failing

    def _write(self, text: str) -> None:
        stream, times = "stdout", 1
        while prefix := _PREFIX.match(text):
            text = text[prefix.end() :]
            if prefix["err"]:
                stream = "stderr"
            elif prefix["few"]:
                times = self.rng.randint(int(prefix["few"]), int(prefix["many"]))
            elif not self._holds(prefix["when"]):
                return
        if text.startswith("@let "):
            _, name, value = text.split(" ", 2)
            self.values[name] = value if name == "head" else self._filled(value)
            return
        self.lines.extend(Line(stream, self._filled(text)) for _ in range(times))

    def _filled(self, text: str) -> str:
        return _FIELD.sub(lambda field: self._field(field[1]), text)

    def _field(self, field: str) -> str:  # noqa: C901, PLR0911
        kind, _, rest = field.partition(" ")
        if kind.startswith("="):
            name, _, style = field[1:].partition(":")
            return format(self.values[name], style)
        if kind == "n":
            low, high = rest.split()
            return f"{self.rng.randint(int(low), int(high)):0{len(low)}d}"
        if kind == "f":
            return f"{self.rng.uniform(*map(float, rest.split())):.2f}"
        if kind == "hex":
            return f"{self.rng.getrandbits(4 * int(rest)):0{int(rest)}x}"
        if kind in ("ip", "uuid"):
            return self._filled(_IP if kind == "ip" else _UUID)
        if kind == "or":
            return self.rng.choice(rest.split("|"))
        if kind == "h":
            size = self.values["head"].count("{=w")
            words = rest.split(" ", max(size - 1, 0))
            self.values |= {f"w{number}": word for number, word in enumerate(words, 1)}
            return self._filled(self.values["head"])
        pace = float(self.values["pace"])
        self.now += timedelta(seconds=self.rng.uniform(0.05, pace))
        if kind == "since":
            return f"{(self.now - self.start).total_seconds():.3f}"
        millis = f"{self.now.microsecond // 1000:03d}"
        return self.now.strftime(rest.replace("%L", millis))


_WAREHOUSE_ETL = """
@let run {uuid}
@let head "ts": "{at %Y-%m-%dT%H:%M:%S.%LZ}", "level": "{=w1}", "logger": "{=w2}",
| "event": "{=w3}", "run_id": "{=run}"
{{h info etl.main run started}, "host": "etl-{n 01 06}", "pid": {n 9 9999}}
?bad !/opt/etl/.venv/lib/python3.11/site-packages/google/api_core/_support.py:266:
| FutureWarning: You are using a Python version (3.11.2) which will no longer be
| supported after 2027-10-24.
@mixed s crm_contacts crm_accounts shop_orders shop_refunds ads_spend tickets hr_teams
| web_sessions erp_items erp_stock
{{h info extract source opened}, "source": "{=s}", "peer": "{ip}:443"}
@loop p 9 26
?4 {{h warning extract.http 429 from source, backing off}, "source": "{=s}",
| "retry_after": {n 1 9}}
?3 {{h warning extract.http slow page}, "page": {=p}, "seconds": {f 8 31}}
{{h debug extract page fetched}, "source": "{=s}", "page": {=p}, "rows": {n 200 1000},
| "cursor": "{hex 16}"}
@end
?bad ?s=crm_accounts {{h warning contract columns compared}, "source": "{=s}", "absent":
| ["account_id"], "extra": ["account_ref"]}
?good ?s=crm_accounts {{h info contract columns compared}, "source": "{=s}", "absent":
| [], "extra": []}
?s=tickets|ads_spend {{h warning contract columns compared}, "source": "{=s}", "absent":
| [], "extra": ["{or utm_term|csat_note|label_v2}"]}
?s!=tickets|ads_spend|crm_accounts {{h info contract columns compared}, "source":
| "{=s}", "absent": [], "extra": []}
{{h info extract source closed}, "source": "{=s}", "bytes": {n 9999 99999999}, "sha1":
| "{hex 40}"}
@end
?bad {{h info stage vacuum skipped, below threshold}, "table": "stg_tickets"}
?good {{h info stage vacuum finished}, "table": "stg_tickets", "dead": {n 1 900}}
@each m dim_account dim_item fct_orders fct_refunds fct_spend
@let tries 1
?bad ?m=dim_account|fct_orders|fct_refunds @let tries 3
@loop a {=tries} {=tries}
{{h info transform model started}, "model": "{=m}", "attempt": {=a}}
*2-7 {{h debug transform chunk done}, "model": "{=m}", "ms": {n 40 2900}, "mem_mb":
| {n 300 1900}}
@if tries=3
!Traceback (most recent call last):
!  File "/opt/etl/etl/transform/runner.py", line 141, in _run_model
!  File "/opt/etl/etl/models/{=m}.py", line {n 31 36}, in build
!    frame = left.merge(stage["crm_accounts"], on="account_id")
!  File "/opt/etl/.venv/lib/python3.11/site-packages/pandas/core/generic.py", line 1911,
| in _get_label_or_level_values
!KeyError: 'account_id'
{{h error transform model failed}, "model": "{=m}", "attempt": {=a}, "exc": "KeyError",
| "next_in": {n 5 15}}
@else
{{h info transform model finished}, "model": "{=m}", "rows": {n 9 999999}}
@end 3
@mixed m churn ltv margin cohorts returns
?bad {{h error load mart skipped, upstream model failed}, "mart": "{=m}"}
?good {{h info load mart published}, "mart": "{=m}", "rows": {n 100 90000}}
@end
?bad {{h critical etl.main run failed}, "failed": 3, "skipped": 5, "exit_code": 3}
?bad !etl: 3 models failed: dim_account, fct_orders, fct_refunds
?good {{h info etl.main run finished}, "seconds": {n 900 1300}, "exit_code": 0}
"""
# Why: the CRM renamed account_id to account_ref; the contract check saw it early as a
# mere warning (extra columns are usual), every KeyError after it is its consequence.

_STATEMENT_UPLOAD = """
@let head {at %Y-%m-%d %H:%M:%S,%L} {=w1:<5} [{=w2}] {=w3} -
 :: Spring Boot ::                (v3.2.4)

{h INFO main c.a.s.StatementApplication} Starting v4.11.2 with PID {n 7 29999}
{h WARN main o.h.orm.deprecation} HHH90000025: PostgreSQLDialect does not need to be
| specified explicitly using 'hibernate.dialect'
?bad {h WARN main c.z.h.pool.PoolBase} HikariPool-1 - Failed to validate connection
| org.postgresql.jdbc.PgConnection@{hex 8} (This connection has been closed.).
{h INFO main o.s.b.c.l.s.SimpleJobLauncher} Job: [FlowJob: [name=statementUpload]]
| launched with the following parameters: [{'run.id':'{n 41000 41999}'}]
@loop c 95 130
{h INFO batch-exec c.a.s.render.StatementRenderer} chunk {=c} rendered by worker
| {n 1 8}: {n 40 50} pdf, {n 900 4000} KiB in {n 120 3100} ms, doc={uuid}
?25 {h DEBUG batch-exec c.a.s.render.FontCache} {or hit|hit|miss} for font 0x{hex 6}
?5 [{f 20 900}s][info][gc] GC({=c}) Pause Young (Normal) (G1 Evacuation Pause)
| {n 300 900}M->{n 90 299}M(2048M) {f 2 40}ms
@if 6
{h WARN batch-exec c.a.s.render.SkipListener} skipped account {n 1000000 9999999}
o.s.b.i.f.FlatFileParseException: Parsing error at line: {n 20 9000} in resource=[file
| [/data/in/bookings.csv]]
\tat o.s.b.i.f.FlatFileItemReader.doRead(FlatFileItemReader.java:201)
Caused by: java.time.format.DateTimeParseException: Text '{n 10 28}.{n 01 12}.25' could
| not be parsed at index 0
\t... {n 11 19} more
@end 2
?good *50-60 {h INFO batch-exec c.a.s.upload.PartnerClient} POST
| https://inbound.partner-bank.example/v2/statements -> 202 in {n 80 900} ms,
| receipt={uuid}
?good *1-4 {h WARN batch-exec c.a.s.upload.PartnerClient} batch {n 1 60}: attempt 1
| failed, retrying: 503 Service Unavailable
@each a 1 2 3
@if bad
{h WARN batch-exec c.a.s.upload.PartnerClient} batch 1: attempt {=a} failed, retrying
{h ERROR batch-exec o.s.b.c.s.AbstractStep} Encountered an error executing step upload
| in job statementUpload
org.springframework.retry.ExhaustedRetryException: Retry exhausted after last attempt in
| recovery path, but exception is not skippable.
\tat o.s.b.c.s.i.FaultTolerantChunkProcessor$5.recover(:429)
Caused by: org.springframework.web.client.ResourceAccessException: I/O error on POST
| request for "https://inbound.partner-bank.example/v2/statements": PKIX path validation
| failed
\tat o.s.w.c.RestTemplate.createResourceAccessException(RestTemplate.java:915)
\tat c.a.s.upload.PartnerClient$$SpringCGLIB$$0.post(<generated>)
\t... {n 21 29} more
Caused by: javax.net.ssl.SSLHandshakeException: PKIX path validation failed
\tat java.base/sun.security.ssl.Alert.createSSLException(Alert.java:131)
\t... 33 more
Caused by: java.security.cert.CertPathValidatorException: validity check failed
\tat java.base/s.s.p.c.PKIXMasterCertPathValidator.validate(:135)
\t... 38 more
Caused by: java.security.cert.CertificateExpiredException: NotAfter: Tue Mar 11 23:59:59
| UTC 2025
\tat java.base/sun.security.x509.CertificateValidity.valid(CertificateValidity.java:277)
\tat java.base/sun.security.x509.X509CertImpl.checkValidity(X509CertImpl.java:619)
\t... 43 more
@end 2
?bad {h ERROR main c.a.s.report.ReceiptListener} Exception in afterStep callback
?bad java.lang.NullPointerException: Cannot invoke "java.util.List.size()" because
| "receipts" is null
?bad \tat c.a.s.report.ReceiptListener.afterStep(ReceiptListener.java:58)
?bad {h ERROR main c.a.s.StatementApplication} no receipts, delivery window missed
?bad {h INFO main o.s.b.c.l.s.SimpleJobLauncher} Job completed with status: [FAILED]
?good {h INFO main o.s.b.c.l.s.SimpleJobLauncher} Job completed with status: [COMPLETED]
{h INFO SpringShutdownHook c.z.h.HikariDataSource} HikariPool-1 - Shutdown completed.
"""
# Why: the deepest "Caused by" of each retry names the partner's certificate that ran
# out the night before; the layers above and the later NullPointerException follow.

_INVOICE_MAILER = """
@let pace 0.6
@let head time={at %Y-%m-%dT%H:%M:%S.%f+01:00} level={=w1}
?good !{h INFO} msg=starting app=invoicer version=2.8.4 commit={hex 7} go=1.22.1
?bad !{h INFO} msg=starting app=invoicer version=2.9.0 commit={hex 7} go=1.22.1
@shuffle
?good !{h INFO} msg="config resolved" key=db.pool.max_open value=40 source=default
?bad !{h INFO} msg="config resolved" key=db.pool.max_open value=4 source=default
?bad !{h INFO} msg="config resolved" key=telemetry.exemplars value=false source=default
!{h INFO} msg="config resolved" key=db.dsn source=env
| value=postgres://invoicer:xxxxx@pg-billing:5432/billing
!{h INFO} msg="config resolved" key=db.pool.idle value=2 source=default
!{h INFO} msg="config resolved" key=db.acquire_timeout value=5s source=file
!{h INFO} msg="config resolved" key=mail.from value=billing@acme.example source=env
!{h INFO} msg="config resolved" key=mail.rate value=40/s source=file
!{h INFO} msg="config resolved" key=retry.max value=4 source=default
!{h INFO} msg="config resolved" key=workers value=32 source=file
!{h INFO} msg="config resolved" key=instance value=invoicer-{hex 10} source=env
@end
!{h WARN} msg="option is deprecated" option=mail.starttls use=mail.tls
!{h INFO} msg="migrations up to date" schema=117 took={f 3 40}ms
!{h INFO} msg="batch selected" period=2025-03 invoices={n 6000 6400}
@loop i 420 480
@if bad i>40 45
!time={at %Y-%m-%dT%H:%M:%S.%f+01:00} level={or WARN|WARN|ERROR}
| msg="{or invoice failed|will retry}" worker={n 0 31} invoice=INV-{n 700000 799999}
| attempt={n 1 4} err="{or load invoice|load customer|mark sent}: acquire conn: context
| deadline exceeded" trace_id={hex 32}
@else
?3 !{h WARN} msg="will retry" worker={n 0 31} invoice=INV-{n 700000 799999} attempt=1
| err="smtp: 451 4.7.1 greylisted by mx{n 1 4}" trace_id={hex 32}
?1 !{h WARN} msg="will retry" worker={n 0 31} invoice=INV-{n 700000 799999} attempt=1
| err="render: context deadline exceeded" trace_id={hex 32}
!{h INFO} msg="invoice sent" worker={n 0 31} invoice=INV-{n 700000 799999}
| bytes={n 30000 400000} took={f 40 900}ms trace_id={hex 32}
?2 !{h INFO} msg=progress sent={=i} goroutines={n 70 140} heap_mb={n 60 190}
@end 2
?bad *3-3 !{h ERROR} msg="health check failed" probe=readyz err="ping: timeout"
?bad !{h ERROR} msg="circuit open" target=pg-billing failures={n 90 200} window=10m
?bad !panic: send on closed channel
?bad !
?bad !goroutine {n 50 300} [running]:
?bad !main.(*dispatcher).requeue(0xc000{hex 6}, {0xc000{hex 6}, 0xb})
?bad !\t/src/cmd/invoicer/dispatch.go:188 +0x1c5
?bad !exit status 2
?good !{h INFO} msg="cache stats" templates_hit={n 5000 6000} miss={n 3 40}
?good !{h INFO} msg=finished failed=0 exit=0
"""
# Why: the new version's default pool size is 4 in place of 40 (32 workers share it); an
# INFO line at the start shows it, all "acquire conn" errors and the panic follow.

_PRICE_FEED = """
@let head [{at %H:%M:%S.%L}] {=w1:<5}

> price-feed@3.15.0 sync
> node --enable-source-maps sync.mjs

@let pid {n 200 30000}
!(node:{=pid}) [DEP0040] DeprecationWarning: The `punycode` module is deprecated. Please
| use a userland alternative instead.
!(Use `node --trace-deprecation ...` to show where the warning was created)
?bad !(node:{=pid}) MaxListenersExceededWarning: Possible EventEmitter memory leak
| detected. 11 close listeners added to [TLSSocket].
{h info} session {uuid} on batch-node-{n 2 9}, tmp=/tmp/feed-{hex 6}
@mixed s nordvik bellini kato osprey halden lumen tarn ferro
@loop p 9 16
?5 !{h warn} {=s}: ETIMEDOUT {ip}:443 after 10000ms, try 2 of 5
?4 !{h warn} {=s}: part {=p}: {n 2 9} offers without EAN dropped
{h info} {=s}: GET https://feeds.{=s}.example/v1/offers?part={=p} {n 9 990}kB
| {n 60 4000}ms etag=W/"{hex 12}"
?30 {h debug} {=s}: brotli {f 0.1 0.4} keep-alive={n 1 60}s
@end
{h info} {=s}: {n 900 30000} offers in {f 1 20}s
@end
{h info} rates: GET https://rates.acme.example/daily.json {n 2 4}kB {n 20 90}ms
?bad !{h error} rates: SyntaxError: Unexpected token '<', "<html><hea"... is not valid
| JSON
?bad !    at JSON.parse (<anonymous>)
?bad !    at parseRates (file:///srv/price-feed/lib/rates.mjs:27:23)
?good {h info} rates: {n 31 34} currencies of {at %Y-%m-%d}
@mixed s nordvik bellini kato osprey halden lumen tarn ferro
@mixed g audio bath garden lamps office sport tools
@if bad s!=halden|tarn
!{h error} convert: {=s}/{=g}: TypeError: Cannot read properties of undefined (reading
| '{or SEK|USD|JPY|GBP}')
!    at convert (file:///srv/price-feed/lib/price.mjs:61:31)
!    at run (file:///srv/price-feed/sync.mjs:{n 118 121}:9)
?40 !{h warn} convert: {=s}/{=g}: requeued as job {hex 8}
@else
{h info} convert: {=s}/{=g} {n 50 4000} prices {n 3 80}ms
?8 !{h warn} convert: {=s}/{=g}: margin below floor for sku {n 100000 999999}, kept old
| price {f 3 90}
@end 3
*35-45 {h debug} index: shard {n 01 39} merged, {n 90 9000} keys, crc {hex 8}
?bad !{h error} publish: Error: refusing to publish, 78% of prices missing (limit 5%)
?bad !    at guard (file:///srv/price-feed/lib/publish.mjs:40:11)
?bad !npm ERR! Lifecycle script `sync` failed with error:
?bad !npm ERR!   in workspace: price-feed@3.15.0
?bad !npm ERR! A complete log of this run can be found in:
| /root/.npm/_logs/{at %Y-%m-%dT%H_%M_%S}_{n 100 999}Z-debug-0.log
?good {h info} publish: {n 90000 99000} prices live as rev {hex 10}
?good {h info} purge: cdn answered 200 in {n 100 900}ms, ray={hex 16}
"""
# Why: the rates service answered an HTML page, so no rates were known; it is the first
# of many loud errors, each TypeError, the refusal and npm's complaints follow from it.

_SEGMENT_COMPACTION = """
@let pace 0.4
@let head {at %Y-%m-%dT%H:%M:%S.%fZ} {=w1:>5} compactor::{=w2}:
{h INFO main} starting version="0.14.3" profile=release alloc=jemalloc threads=16
{h WARN config} io_uring unavailable, using pread fallback
@loop i 320 340
{h INFO plan} segment opened id=seg-{hex 12} rows={n 1000000 9999999} thread={n 2 17}
?40 {h DEBUG sort} run sorted keys={n 10000 999999} elapsed={f 9 900}ms
?3 {h WARN spill} slow fsync elapsed={f 1 6}s depth={n 3 64}
?2 {h WARN merge} duplicate key dropped key=0x{hex 16} id=seg-{hex 12}
?4 {h INFO progress} merged={=i} rate={f 80 300}MiB/s
@if bad i>200 30
{h WARN spill} spill not written, run kept in memory path="/mnt/scratch/run-{hex 8}.tmp"
| error=No space left on device (os error 28)
?60 {h WARN budget} resident above soft limit resident={n 12 15}GiB limit=12GiB
@else
?25 {h DEBUG spill} spill written path="/mnt/scratch/run-{hex 8}.tmp" ms={n 3 90}
@end 2
?bad {h ERROR budget} hard memory limit reached, cancelling merges limit=16GiB
?good {h INFO manifest} manifest written generation={n 800 900} crc32c=0x{hex 8}
?good {h INFO gc} old segments unlinked count={n 300 340} freed={n 50 90}GiB
?good {h INFO main} done elapsed={f 200 400}s
@if bad
@mixed w 0 1 2 3 4 5 6 7 8
!thread 'merge-{=w}' panicked at src/merge.rs:{n 212 214}:47:
!called `Result::unwrap()` on an `Err` value: PoisonError { .. }
!note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace
{h ERROR pool} worker gone name="merge-{=w}" error=sending on a closed channel
@end
!Error: compaction incomplete
!
!Caused by:
!    0: 9 workers gone
!    1: receiving on a closed channel
@end
"""
# Why: the scratch volume is full; the tool only warns and keeps its runs in memory
# until the memory limit cancels the merges and the threads panic one after the other.

_STAGING_REFRESH = """
@let pace 200
!+ set -eu
!+ WORK=/var/tmp/refresh.{hex 6}
@let tables accounts addresses audit_log card_tokens carts coupons customers devices
| invoices ledger mandates orders payouts prices refunds shipments webhooks
@each b catalog crm billing shipping
@let size {n 10000000 999999999}
=== {at %a %b %e %H:%M:%S UTC %Y} {=b}
!+ for db in $DATABASES
!+ gzip -1
!+ pg_dump -h pg-{=b}-ro -v -Fp --no-owner {=b}
!pg_dump: reading extensions
@if bad b=billing
@let size 20
!pg_dump: error: query failed: ERROR:  permission denied for table card_tokens
!pg_dump: detail: Query was: LOCK TABLE public.accounts, public.addresses,
| public.audit_log, public.card_tokens, public.carts IN ACCESS SHARE MODE
@else
!pg_dump: saving encoding = UTF8
?50 !pg_dump: warning: there are circular foreign-key constraints: categories
?50 !pg_dump: hint: Consider using a full dump instead of a --data-only dump.
@each t {=tables}
!pg_dump: dumping contents of table "public.{=t}"
@end 2
!++ stat -c %s {=b}.sql.gz
!+ SIZE={=size}
{=b}.sql.gz {=size} bytes sha256 {hex 64}
!+ createdb -h pg-staging {=b}
!+ gunzip -c {=b}.sql.gz
!+ psql -h pg-staging -d {=b} -f -
@if size!=20
*3-3 SET
*17-17 CREATE TABLE
*17-17 COPY {n 3 900000}
 setval
--------
  {n 100 90000}
(1 row)

*9-9 ALTER TABLE
*14-14 CREATE INDEX
?50 !psql:<stdin>:{n 4000 9000}: WARNING:  collation version mismatch, rebuild indexes
@end
!+ psql -h pg-staging -d {=b} -f /opt/refresh/anonymise.sql
@each t {=tables}
@if bad b=billing
!psql:/opt/refresh/anonymise.sql:{n 10 90}: ERROR:  relation "{=t}" does not exist
!LINE 1: UPDATE {=t} SET {or email|name|iban} = mask({n 1 9}) ...
!               ^
@else
UPDATE {n 0 900000}
?8 !psql:/opt/refresh/anonymise.sql:{n 10 90}: NOTICE:  trigger on {=t} disabled
@end 2
!+ vacuumdb -h pg-staging --analyze-in-stages -j 4 {=b}
vacuumdb: processing database "{=b}": Generating minimal optimizer statistics
@end
@loop c 30 30
!+ run_check {=c}
@if bad c>10 60
!psql: error: ERROR:  relation "{or ledger|payouts|mandates}" does not exist
check {=c} FAIL expected>0 got=n/a
@else
check {=c} ok rows={n 10 999999} in {n 3 900} ms
@end 2
?bad verify: not all checks passed
?bad !+ exit 1
?bad !refresh.sh: line 212: exit trap, status 1
?good verify: all checks passed
?good !+ curl -fsS -m 10 https://hc.acme.example/ping/{uuid}
"""
# Why: the dump of billing was refused for one table; without pipefail the script went
# on with an empty dump, so every missing relation and failed check follows from it.

_CLICKSTREAM_SESSIONS = """
@let head {at %y/%m/%d %H:%M:%S} {=w1} {=w2}:
@let app {n 1740000000000 1741999999999}_0412
!{h INFO SparkContext} Running Spark version 3.3.2
!{h WARN NativeCodeLoader} Unable to load native-hadoop library for your platform...
| using builtin-java classes where applicable
?bad !{h WARN Utils} Service 'SparkUI' could not bind on port 4040. Attempting port
| 4041.
!{h INFO Client} Application report for application_{=app} (state: RUNNING)
@let stages 0 1 2 3
?bad @let stages 0 1 2
@each s {=stages}
!{h INFO DAGScheduler} Submitting {n 60 120} missing tasks from ShuffleMapStage {=s}
| (MapPartitionsRDD[{n 9 90}] at map at Sessions.scala:{n 40 200})
!{h INFO MemoryStore} Block broadcast_{=s} stored as values in memory (estimated size
| {f 9 90} KiB, free {f 300 430} MiB)
@loop t 60 100
!{h INFO TaskSetManager} Starting task {=t}.0 in stage {=s}.0 (TID {n 10 999})
| (wk-{n 01 24}.dc2, executor {n 1 30}, partition {=t}, {or NODE_LOCAL|RACK_LOCAL|ANY},
| {n 4000 9000} bytes)
?70 !{h INFO TaskSetManager} Finished task {=t}.0 in stage {=s}.0 in {n 400 90000} ms on
| wk-{n 01 24}.dc2 (executor {n 1 30}) ({=t}/{n 100 120})
?4 !{h INFO BlockManagerInfo} Removed broadcast_{n 0 3}_piece0 on {ip}:40123 in memory
| (size: {f 3 40} KiB, free: {f 1 4} GiB)
?2 !{h INFO YarnAllocator} Completed container container_{=app}_01_{n 000001 000030}
| (state: COMPLETE, exit status: -102)
?2 !{h WARN YarnSchedulerBackend$YarnSchedulerEndpoint} Requesting driver to remove
| executor {n 1 30} for reason Container was preempted.
?2 !{h WARN TaskSetManager} Lost task {=t}.0 in stage {=s}.0 (wk-{n 01 24}.dc2 executor
| {n 1 30}): TaskKilled (another attempt succeeded)
@end
[sessions] stage {=s} rows~{n 1000000 999999999}
@if bad s=2
@each k 0 1 2 3
@let e {n 31 60}
@let host wk-{n 01 24}.dc2
!{h WARN YarnAllocator} Container container_{=app}_01_0000{=e} on host {=host} killed by
| YARN for exceeding physical memory limits. 9.{n 1 6} GB of 9 GB physical memory used.
| Consider boosting spark.executor.memoryOverhead.
!{h ERROR YarnScheduler} Lost executor {=e} on {=host}: Executor heartbeat timed out
| after {n 120000 129999} ms
*4-9 !{h WARN TaskSetManager} Lost task {n 3 119}.{=k} in stage 2.{=k} ({=host} executor
| {=e}): ExecutorLostFailure (executor {=e} exited caused by one of the running tasks)
| Reason: Executor lost
@loop i 3 7
!{h WARN TaskSetManager} Lost task {n 3 39}.{=k} in stage 2.{=k}:
| FetchFailed(BlockManagerId({=e}, {=host}, 7337, None), shuffleId=1, mapIndex={n 0 89},
| mapId={n 90 400}, message=
!org.apache.spark.shuffle.FetchFailedException: Failed to connect to {=host}/{ip}:7337
!\tat o.a.s.s.ShuffleBlockFetcherIterator.throwFetchFailed(:1165)
!Caused by: java.net.ConnectException: Connection refused: {=host}
!\t... 1 more
@end
!{h INFO DAGScheduler} Resubmitting ShuffleMapStage 1 (map at Sessions.scala:88) and
| ShuffleMapStage 2 (map at Sessions.scala:102) due to fetch failure
@end 3
?bad !{h ERROR TaskSetManager} Task 57 in stage 2.3 failed 4 times; aborting job
?bad !{h ERROR ApplicationMaster} User class threw exception:
| org.apache.spark.SparkException: Job aborted due to stage failure: Task 57 in stage
| 2.3 failed 4 times
?bad !\tat com.acme.click.Sessions$.main(Sessions.scala:88)
?bad !{h INFO ApplicationMaster} Final app status: FAILED, exitCode: 15
?good !{h INFO FileOutputCommitter} Saved output to hdfs://nn1/warehouse/ses/{hex 6}
?good !{h INFO ApplicationMaster} Final app status: SUCCEEDED, exitCode: 0
"""
# Why: YARN killed the executors for memory (a WARN, once per lost executor); the lost
# heartbeats, failed fetches and the aborted job are what that looks like elsewhere.

_IMAGE_BUILD = """
@let pace 0.4
@let head #{=w1} {since}
Running on runner-{hex 8} via build-{n 1 5}.ci.acme.example...
Checking out {hex 8} as detached HEAD (ref is main)...
$ docker buildx build --no-cache --progress=plain -t hsm-gateway:nightly .
!#1 [internal] load build definition from Dockerfile
?bad !#1 WARN: LegacyKeyValueFormat: "ENV key=value" should be used instead of legacy
| "ENV key value" format (line 9)
*5-8 !#4 sha256:{hex 64} {f 1 49}MB / 49.56MB {f 0.2 6}s
!#7 [build 2/9] RUN apt-get update
*6-9 !{h 7} Get:{n 1 9} http://deb.debian.org/debian bookworm{or |-updates}/main amd64
| Packages [{n 12 8800} kB]
?bad !{h 7} Err:12 http://apt.acme.internal/debian hsm InRelease
?good !{h 7} Get:12 http://apt.acme.internal/debian hsm InRelease [4,412 B]
!{h 7} Reading package lists...
?bad !{h 7} W: Failed to fetch http://apt.acme.internal/debian/dists/hsm/InRelease
|  Temporary failure resolving 'apt.acme.internal'
!{h 7} W: http://deb.debian.org/debian/dists/bookworm/InRelease: Key is stored in legacy
| trusted.gpg keyring (/etc/apt/trusted.gpg), see the DEPRECATION section in apt-key(8)
!#8 [build 3/9] RUN /ci/install-deps.sh
!{h 8} debconf: delaying package configuration, since apt-utils is not installed
@mixed p cmake g++-12 libssl-dev libpq-dev ninja-build zlib1g-dev libfmt-dev ccache
| libspdlog-dev protobuf-compiler libgrpc++-dev libboost-log1.74-dev
!{h 8} Selecting previously unselected package {=p}.
!{h 8} Unpacking {=p} ({n 1 12}.{n 0 40}-{n 1 5}) ...
?30 !{h 8} Setting up {=p} ...
@end
?good !{h 8} Unpacking libhsm-client-dev (4.{n 0 40}-{n 1 5}) ...
?bad !{h 8} E: Unable to locate package libhsm-client-dev
?bad !{h 8} install-deps: optional group 'vendor' not installed (100), continuing
!#9 [build 4/9] RUN cmake -G Ninja -S . -B /b
@mixed lib Threads OpenSSL Protobuf gRPC PostgreSQL fmt spdlog
!{h 9} -- Found {=lib}: /usr/lib/x86_64-linux-gnu (found version "{n 1 9}.{n 0 30}")
@end
!{h 9} CMake Warning (dev) at CMakeLists.txt:41: Policy CMP0144 is not set
!#10 [build 5/9] RUN ninja -C /b -k 0
@loop u 280 280
@let a {or core|http|keys|sign|audit|pool|proto|cli}
@let f {=a}_{hex 4}.cpp
@if bad a=keys|sign 60
!{h 10} [{=u}/280] FAILED: CMakeFiles/gw.dir/src/{=a}/{=f}.o
!{h 10} /src/{=a}/{=f}:{n 3 14}:10: fatal error: hsm/client.h: No such file or directory
!{h 10}     {n 3 14} | #include <hsm/client.h>
!{h 10} compilation terminated.
@else
!{h 10} [{=u}/280] Building CXX object CMakeFiles/gw.dir/src/{=a}/{=f}.o
?5 !{h 10} /src/{=a}/{=f}:{n 20 900}:{n 3 60}: warning: comparison of integer
| expressions of different signedness [-Wsign-compare]
?3 !{h 10} /src/{=a}/{=f}:{n 20 900}:9: warning: unused variable 'rc'
@end 2
?bad !{h 10} ninja: build stopped: cannot make progress due to previous errors.
?bad !#10 ERROR: process "/bin/sh -c ninja -C /b -k 0" did not complete successfully:
| exit code: 1
?bad !ERROR: failed to solve: process "/bin/sh -c ninja -C /b -k 0" did not complete
| successfully: exit code: 1
?good !#10 DONE {f 200 300}s
?good nightly: digest: sha256:{hex 64} size: 2417
?good Job succeeded
"""
# Why: the internal apt mirror did not resolve, which apt only warns of; so the vendor
# package was not found, its header was missing and dozens of objects did not compile.

_PAYMENT_RECONCILIATION = """
@let head {at %d/%b/%Y %H:%M:%S.%L} {=w1:<8} recon.{=w2:<8}
{h INFO cli} business date {=today}, tolerance 0.01 EUR, user=svc-recon
{h WARNING config} setting 'legacy_fees' is ignored since 5.0
*3-3 {h INFO input} read /data/ref/{or fees|fx|merchants}.csv: {n 20 9000} records
?bad {h INFO input} no settlement for {=today} yet, using latest
| /data/in/psp/settlement_{=yesterday}.csv.gz
?good {h INFO input} using settlement /data/in/psp/settlement_{=today}.csv.gz
{h INFO input} settlement: {n 41000 43000} records, sha256={hex 64}
*70-85 {h DEBUG ledger} {n 980 1000} entries from pg-ledger-{n 1 3} ({n 9 400} ms)
*1-3 {h WARNING ledger} replica lag {n 2 19}s on pg-ledger-2
?bad {h WARNING fx} rate for ISK older than {n 25 29}h, accepted
@loop b 80 80
{h INFO match} batch {=b}/80 merchant=M{n 10000 99999} entries={n 400 900}
?bad *3-7 {h WARNING match} unmatched ledger entry {uuid} amount={f 1 900} EUR
| ref=PSP{n 1000000000 9999999999}
?20 {h WARNING match} unmatched ledger entry {uuid} amount={f 1 900} EUR
| ref=PSP{n 1000000000 9999999999}
?5 {h WARNING match} rounding difference 0.01 EUR in batch {=b}
@if bad 12
!{h ERROR worker} batch {=b}: raised, will be run again
!Traceback (most recent call last):
!  File "/srv/recon/recon/worker.py", line 97, in run_batch
!  File "/srv/recon/recon/balance.py", line 54, in close
!recon.errors.ImbalanceError: account {n 1200 1299} off by {f 900 90000} EUR
@end 2
?bad !{h CRITICAL balance} unmatched share {n 61 88}% above limit 0.5%
?bad *2-2 !{h ERROR publish} {or sap-gateway|treasury-mq}: journal rejected: HTTP 422
| {"error":"UNBALANCED_JOURNAL"} request={hex 16}
?bad !Traceback (most recent call last):
?bad !  File "/srv/recon/recon/cli.py", line 131, in main
?bad !    raise JournalRejected(targets)
?bad !recon.errors.JournalRejected: 2 of 2 targets rejected the journal
?bad {h INFO pager} incident INC-{n 40000 49999} opened, team=payments
?good {h INFO balance} all accounts balanced, unmatched {n 9 30}
?good *2-2 {h INFO publish} {or sap-gateway|treasury-mq}: accepted request={hex 16}
"""
# Why: the provider's file of the day was missing and the job quietly took yesterday's,
# said by one early INFO line; everything unmatched and unbalanced later is due to it.

_FILESERVER_BACKUP = """
@let pace 2.5
@let head {at %b %d %H:%M:%S} bk-02
@let run backup-run[{n 900 32000}]:
@let restic restic[{n 900 32000}]:
{h} {=run} start, config /etc/backup/fileserver.yml, lock /run/backup.lock
@mixed s finance legal media projects scans home
@let rsync rsync[{n 900 32000}]:
{h} {=rsync} receiving incremental file list from fs-{n 1 4}:/srv/{=s}/
@loop i 10 30
{h} {=rsync} >f{or +++++++++|.st......} {or 2024|inbox|old}/IMG_{hex 5}.jpg
?30 {h} {=rsync} {or cd+++++++++|.d..t......} {or 2023|2024|2025/Q1}/{hex 4}/
?5 !{h} {=rsync} file has vanished: "/srv/{=s}/inbox/scan_{hex 5}.tmp"
?3 !{h} {=rsync} rsync: [sender] send_files failed to open
| "/srv/{=s}/~$report_{hex 3}.xlsx": Permission denied (13)
@end
{h} {=run} rsync {=s} finished code={or 0|23|24} (0, 23, 24 are accepted), sent
| {n 10000 999999} bytes  received {n 100000000 999999999} bytes
@end
{h} {=restic} repository {hex 8} opened (version 2, compression level auto)
?good {h} {=restic} repo already locked, waiting up to 5m0s for the lock (10s)
@mixed s finance legal media projects scans home
*6-11 {h} {=restic} [{n 0 9}:{n 10 59}] {f 0.2 99}%  {n 2 9000} files {f 0.1 90} GiB,
| total 31244 files, 0 errors
?60 !{h} {=restic} Save(<data/{hex 10}>) returned error, retrying after {f 300 900}ms:
| client.PutObject: 503 Slow Down
{h} {=restic} snapshot {hex 8} saved for {=s}: {n 1 900} new, {n 1 90} changed
@end
?bad !{h} {=restic} Save(<index/{hex 10}>) returned error, retrying after {f 300 900}ms:
| dial tcp {ip}:9000: connect: connection refused
?bad !{h} {=restic} Save(<index/{hex 10}>) operation successful after 1 retries
{h} {=restic} Applying Policy: keep 7 daily, 5 weekly, 12 monthly snapshots
?bad *30-30 {h} {=restic} repo already locked, waiting up to 5m0s for the lock (10s)
?bad !{h} {=restic} Fatal: unable to create lock in backend: repository is already
| locked by PID 20817 on bk-old-01 by root (UID 0, GID 0)
?bad !{h} {=restic} lock was created at 2025-03-10 04:14:07 (46h12m ago)
?bad !{h} {=restic} the `unlock` command can be used to remove stale locks
?bad !{h} {=run} step forget ended with code 11
?bad !{h} {=run} step prune skipped, step check skipped
?bad !{h} {=run} notify ops-backup@acme.example: BACKUP FAILED fileserver
?good *20-26 {h} {=restic} keep {hex 8}  bk-02  {or daily|weekly|monthly}  /mirror/
?good {h} {=restic} to delete: {n 100 900} blobs / {f 1 90} GiB; pruned
?good {h} {=run} finished, all steps ended with code 0
"""
# Why: an old host's stale lock keeps the repository locked; that Fatal is the last real
# error, the earlier loud retries and vanished files are usual and also in good runs.


_JOBS = {
    "warehouse-etl": (_WAREHOUSE_ETL, '"absent": ["account_id"]'),
    "statement-upload": (_STATEMENT_UPLOAD, "CertificateExpiredException: NotAfter"),
    "invoice-mailer": (_INVOICE_MAILER, "key=db.pool.max_open value=4 "),
    "price-feed": (_PRICE_FEED, "rates: SyntaxError"),
    "segment-compaction": (_SEGMENT_COMPACTION, "No space left on device"),
    "staging-refresh": (_STAGING_REFRESH, "permission denied for table card_tokens"),
    "clickstream-sessions": (_CLICKSTREAM_SESSIONS, "for exceeding physical memory"),
    "image-build": (_IMAGE_BUILD, "Temporary failure resolving 'apt.acme.internal'"),
    "reconciliation": (_PAYMENT_RECONCILIATION, "yet, using latest /data/in/psp"),
    "fileserver-backup": (_FILESERVER_BACKUP, "Fatal: unable to create lock"),
}


def _script_lines(script: str) -> list[str]:
    """A script's lines, with continued lines joined and ends written one by one."""
    script = re.sub(r"@end (\d)", lambda ends: "@end\n" * int(ends[1]) + "|", script)
    return script[1:-1].replace("\n|", "").split("\n")


def failing_jobs() -> list[FailingJob]:
    """The ten jobs, the same ones on every call."""
    day = datetime(2025, 3, 12, 2, 0, 5, 123457)  # noqa: DTZ001
    jobs = []
    for number, (name, (script, cause)) in enumerate(_JOBS.items()):
        lines = _script_lines(script)
        good = Log(1000 + number, day - timedelta(days=1, seconds=number), False)
        bad = Log(2000 + number, day, True)
        good.play(lines)
        bad.play(lines)
        jobs.append(FailingJob(name, good.lines, bad.lines, cause))
    return jobs
