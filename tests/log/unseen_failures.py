"""Ten failing batch jobs: each with the log of its last good run and of the bad one."""

import random
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from string import Formatter
from textwrap import dedent
from typing import NamedTuple


class Line(NamedTuple):
    """One line a job wrote, with the stream it was written to."""

    stream: str  # "stdout" | "stderr"
    text: str


class FailingJob(NamedTuple):
    """A job's last good run, its failing run, and the text that marks the cause."""

    name: str
    good: list[Line]
    bad: list[Line]
    cause: str


_SLOT = re.compile(r"<(\d[\d.]*-\d[\d.]*|[xX]\d+|uuid|ip|[^<>]*\|[^<>]*)>")
_GUARD = re.compile(r"\?(bad|good)?(0\.\d+)?(?:x(\d+)-(\d+))?(?: |$)")


class _Run:
    """A run being written: its clock, its random values and its lines.

    Blocks hold slots: <10-99> and <0.5-9.0> numbers, <x8> and <X8> hex digits, <uuid>,
    <ip>, <one|two> choices. A line that starts with ~ continues the one before. A line
    (or a block) that starts with ?bad0.3x2-5 is for bad runs, of chance 0.3, 2-5 times.
    """

    def __init__(self, seed: int, start: str, days: int, bad: bool) -> None:
        self.rng = random.Random(seed)
        self.now = datetime.fromisoformat(start)
        self.now += timedelta(days=days, seconds=self.rng.uniform(1, 9))
        self.bad = bad
        self.lines: list[Line] = []
        self.style("stdout", 1.0, "{}")

    def style(self, stream: str, pace: float, form: str) -> None:
        """How say() writes: stream, seconds between lines, time codes and fields."""
        self.stream, self.pace, self.form = stream, pace, form
        self.fields = sum(name is not None for _, name, _, _ in Formatter().parse(form))

    def some(self, chance: float) -> bool:
        return self.rng.random() < chance

    def mixed(self, words: str) -> list[str]:
        parts = words.split()
        self.rng.shuffle(parts)
        return parts

    def at(self, form: str) -> str:
        """The clock as text; %f stands for milliseconds here."""
        form = form.replace("%f", f"{self.now.microsecond // 1000:03d}")
        return self.now.strftime(form)

    def fill(self, text: str) -> str:
        return _SLOT.sub(self._slot, text)

    def _slot(self, match: re.Match[str]) -> str:
        slot: str = match[1]
        if slot == "uuid":
            return self.fill("<x8>-<x4>-4<x3>-<x4>-<x12>")
        if slot == "ip":
            return self.fill("10.42.<0-31>.<2-254>")
        if "|" in slot:
            return self.rng.choice(slot.split("|"))
        if slot[0] in "xX":
            digits = f"{self.rng.getrandbits(4 * int(slot[1:])):0{slot[1:]}x}"
            return digits.upper() if slot[0] == "X" else digits
        low, high = slot.split("-")
        if "." in low:
            places = len(low.split(".")[1])
            return f"{self.rng.uniform(float(low), float(high)):.{places}f}"
        width = len(low) if low[0] == "0" else 1
        return f"{self.rng.randint(int(low), int(high)):0{width}d}"

    def _guarded(self, text: str) -> tuple[int, str]:
        guard = _GUARD.match(text)
        if guard is None:
            return 1, text
        side, chance, low, high = guard.groups()
        rest = text[guard.end() :]
        if side == ("good" if self.bad else "bad"):
            return 0, rest
        if chance and not self.some(float(chance)):
            return 0, rest
        return (self.rng.randint(int(low), int(high)) if low else 1), rest

    def texts(self, block: str) -> list[str]:
        head, _, rest = block.partition("\n")
        times, head = self._guarded(head) if _GUARD.fullmatch(head) else (1, head)
        body = re.sub(r"\n *~", "", f"{head}\n{dedent(rest)}").strip("\n")
        texts: list[str] = []
        for guarded in body.split("\n") * times:
            count, line = self._guarded(guarded.rstrip())
            texts += [self.fill(line) for _ in range(count)]
        return texts

    def out(self, block: str) -> None:
        self.lines.extend(Line("stdout", text) for text in self.texts(block))

    def err(self, block: str) -> None:
        self.lines.extend(Line("stderr", text) for text in self.texts(block))

    def say(self, block: str) -> None:
        for text in self.texts(block):
            self.now += timedelta(seconds=self.rng.uniform(0.002, self.pace))
            entry = self.at(self.form).format(*text.split(" ", self.fields - 1))
            self.lines.append(Line(self.stream, entry))


def _when(flag: bool) -> str:
    """The guard of a line (or block) that is written only where flag holds."""
    return "?x1-1" if flag else "?x0-0"


def _orders_etl(run: _Run) -> None:
    """Python ETL of marketplace orders into a warehouse, JSON logs on stdout."""
    batch = run.fill("<uuid>")
    form = '{{"ts": "%Y-%m-%dT%H:%M:%S.%fZ", "level": "{}", "logger": "etl.{}", '
    run.style("stdout", 1.4, f'{form}"msg": {{}}, "batch": "{batch}"}}}}')
    run.err("""/opt/etl/clock.py:14: DeprecationWarning: datetime.utcnow() is deprecated
          return datetime.utcnow().replace(microsecond=0)
        ?bad /opt/etl/frames.py:131: FutureWarning: Downcasting object dtype arrays on
        ~ .fillna is deprecated and will change in a future version
        ?bad   frame = frame.fillna(0)""")
    run.say("""
        INFO main "starting", "version": "2.31.4", "host": "etl-<1-6>", "py": "3.11.9"
        ?bad INFO cache "dimension cache is cold, warming up", "took_s": <8.0-20.0>
        INFO cache "dimension cache ready", "entries": <8000-9000>""")
    for feed in run.mixed("allegro amazon bol cdiscount ebay kaufland otto zalando"):
        late = run.bad and feed == "kaufland"
        run.say(f"""
            INFO fetch "downloading s3://mkt-in/{feed}/<x8>.csv.gz", "etag": "<x32>"
            ?0.3 WARNING fetch "SlowDown from s3, backing off", "delay_ms": <100-900>
            ?x3-5 DEBUG fetch "{feed}: part <1-64> of 64", "mb_s": <8.0-40.0>""")
        run.say(f"""
            {_when(late)} INFO layout "header differs from registered layout, binding
            ~ columns by position", "feed": "{feed}", "extra": ["price_currency"]
            {_when(not late)} INFO layout "header matches registered layout", "feed":
            ~ "{feed}", "columns": <19-27>, "fingerprint": "<x12>"
            ?bad0.2 WARNING layout "byte order mark stripped", "feed": "{feed}" """)
        for chunk in range(run.rng.randint(9, 16)):
            reject = "?badx5-12" if late else "?x0-0"
            run.say(f"""
                INFO parse "parsed chunk {chunk} of {feed}", "rows": <19000-20000>,
                ~ "elapsed": "<300-2400>ms"
                ?0.12 WARNING cast "cast failed, value kept as null", "feed": "{feed}",
                ~ "row": <1-20000>, "column": "<gift_note|vat_id>", "value": "<n/a|?>"
                {reject} WARNING cast "cast failed, row rejected", "feed": "{feed}",
                ~ "row": <1-20000>, "column": "unit_price", "value": "<EUR|PLN>" """)
        run.say(f"""
            ?0.4 INFO dedupe "dropped <2-90> duplicate order ids", "feed": "{feed}"
            INFO stage "staged {feed}", "query": "<uuid>", "rows": <150000-310000>""")
    run.say("""INFO dim "new merchants", "count": <3-40>
        ?good WARNING gate "metric close to its limit", "late_ratio": 0.018
        ?good INFO load "published dw.orders", "rows": <1500000-1900000>""")
    for attempt in (1, 2, 3):
        run.err("""?bad
            Traceback (most recent call last):
              File "/opt/etl/load.py", line 212, in publish
                self.gate.check(self.stage)
            etl.gate.GateError: stage stg_<x6>: null_ratio(unit_price)=0.131 > 0.02""")
        run.say(f'?bad ERROR load "publish failed", "attempt": {attempt}')
    for mart in run.mixed("margin_daily seller_score stock_cover vat_report refunds"):
        run.say(f"""?good INFO mart "refreshed {mart}", "secs": <8-95>
            ?bad ERROR mart "{mart} skipped: dw.orders is stale", "age_h": <26-28>""")
    run.err(f"""?bad
        Traceback (most recent call last):
          File "/opt/etl/__main__.py", line 54, in main
            raise JobFailed(batch)
        etl.JobFailed: batch {batch}: 6 of 14 tasks failed""")
    run.say(f'INFO main "finished", "exit_code": {int(run.bad)}')
    # Cause: kaufland's feed got a new column, and the reader bound the columns by
    # position, so currencies landed in unit_price; rejects, gate and marts follow.


def _settlement_recon(run: _Run) -> None:
    """Java Spring batch that matches acquirers' settlements with the ledger."""
    run.style("stdout", 0.7, "%Y-%m-%d %H:%M:%S,%f {:>5} 7 --- [{:>14}] {:<30.30} : {}")
    run.err("""Picked up JAVA_TOOL_OPTIONS: -Xmx3g -XX:+UseG1GC -Xlog:gc
        SLF4J: Class path contains multiple SLF4J bindings.""")
    run.say("""
        INFO main c.a.recon.ReconApplication Starting ReconApplication v5.8.2 on rc-<x5>
        WARN main o.s.b.c.c.SimpleBatchConfigurer No transaction manager was set
        INFO main c.zaxxer.hikari.HikariDataSource HikariPool-1 - Start completed.
        INFO main o.s.b.c.l.s.SimpleJobLauncher Job: [name=dailyRecon] launched
        ?bad WARN main o.hibernate.orm.deprecation HHH90000025: dialect is redundant""")
    for bank in run.mixed("ADYEN BORGUN ELAVON NEXI SIX WORLDLINE WORLDPAY"):
        name = run.fill(f"{bank}_STL_{run.at('%Y%m%d')}_<100-999>.txt")
        total, short = run.rng.randint(29_000, 60_000), run.bad and bank == "NEXI"
        got = total - 14_218 * short
        trailer = f"announces {total}, accepted as partial (lenient)"
        run.say(f"""INFO main c.a.r.inbound.SftpFetcher Fetching {name} from
            ~ sftp.{bank.lower()}.example:2222 (172.20.<0-9>.<2-254>)
            ?0.4 WARN main c.a.r.inbound.SftpFetcher Read timed out (<30000-30400> ms),
            ~ resuming at offset <1000000-9000000> (attempt 2/5)
            INFO main c.a.r.inbound.Decryptor Decrypted {name} key 0x<X16> sha256=<x64>
            INFO main c.a.r.inbound.FileImporter Imported {got} records
            ~ from {name}; trailer {trailer if short else "agrees"}
            ?0.35 WARN main c.a.r.inbound.FileImporter <2-14> records of {name} have a
            ~ blank merchant reference""")
    for pair in run.mixed("EUR/USD EUR/GBP EUR/CHF EUR/NOK EUR/HUF"):
        run.say(f"INFO main c.a.recon.fx.RateTable {pair} = <0.80000-11.0>")
    run.say("?good WARN main c.a.recon.fx.RateTable EUR/ISK is older than 24h, reused")
    for chunk in range(1, 160):
        worker = run.fill("recon-worker-<1-8>")
        unmatched = "?0.9x1-6" if run.bad and chunk > 40 else "?0.1"
        run.say(f"""
            INFO {worker} c.a.r.match.MatchWriter Chunk {chunk}: matched <920-1000>,
            ~ within tolerance <0-9>, took <60-700> ms
            {unmatched} WARN {worker} c.a.r.match.Matcher No settlement for
            ~ PAY<1000000000-9999999999> amount=<1.00-900.0> EUR auth=<X6>
            ?bad0.02 INFO {worker} c.a.r.match.SchemeMap Scheme code 'QZ<1-9>' is new
            ?bad0.01 WARN {worker} c.z.h.pool.HikariPool Clock leap seen (<45-60>s)""")
        run.out(f"?0.09 [<9.000-400.0>s][info][gc] GC({chunk}) Pause Young <9-99>M")
    for attempt in (1, 2, 3):
        run.say(f"""
            ?bad ERROR main c.a.r.report.BreakReport Open breaks 14226 exceed tolerance
            ~ 250, account 29910 is out by <100000.00-999999.0> (attempt {attempt})""")
        run.out("""?bad
            com.acme.recon.BreakToleranceException: breaks above tolerance
            \tat com.acme.recon.report.BreakReport.verify(BreakReport.java:<40-99>)
            \tat com.acme.recon.report.PostingTasklet.execute(PostingTasklet.java:71)
            \tat java.base/java.lang.Thread.run(Thread.java:840)
            \t... 21 common frames omitted""")
    for step in ("postJournal", "payoutRelease", "treasuryExport"):
        run.say(f"?bad ERROR main o.s.b.core.step.AbstractStep Error in step {step}")
        run.err(f"""?bad
            java.lang.IllegalStateException: journal not posted, cannot run {step}
            \tat com.acme.recon.flow.Guards.requirePosted(Guards.java:<40-99>)
            \tat com.acme.recon.flow.FlowStep.open(FlowStep.java:<40-99>)""")
    run.say("""
        ?good INFO main c.a.r.report.BreakReport Open breaks: <5-19>, tolerance 250
        ?good INFO main c.a.r.report.Posting Posted journal J<1000000-9999999>
        ?good INFO main o.s.b.c.l.s.SimpleJobLauncher dailyRecon completed: [COMPLETED]
        ?bad INFO main o.s.b.c.l.s.SimpleJobLauncher dailyRecon completed: [FAILED]""")
    # Cause: NEXI's file was cut short; the importer saw that its trailer disagrees and
    # went on at INFO. Every unmatched payment and the exceptions come from that file.


def _payout_dispatch(run: _Run) -> None:
    """Go job that sends payout files to banks, logfmt on stderr."""
    run.style("stderr", 0.5, "ts=%Y-%m-%dT%H:%M:%S.%fZ level={} caller={}.go:{} msg={}")
    run.out(f"payout-dispatch {run.at('%a, %d %b %Y')} pool=retail")
    run.say("""info main 48 starting build=<x7> go=go1.22.4 gomaxprocs=8
        warn conf 93 "deprecated key" key=dispatch.max_conn use=pool.size
        ?bad info vault 77 "lease renewed" lease=<uuid> ttl=1h0m0s""")
    peers = run.mixed("gw-dnb gw-ing gw-kbc gw-nordea gw-seb gw-swed")
    for peer in peers:
        parked = run.bad and peer == "gw-seb"
        at = run.fill(f"peer={peer} addr=10.80.<0-31>.<2-254>:8443")
        run.say(f"""info peer 61 resolved {at} took=<0.4-9.0>ms
            ?0.4 warn peer 88 "probe failed, will try again" {at} err="dial tcp: i/o
            ~ timeout" attempt=1 backoff=250ms
            {_when(parked)} info peer 104 "peer parked" {at} err="tls: failed to verify
            ~ certificate: x509: certificate has expired or is not yet valid" sn=<x20>
            {_when(not parked)} info peer 97 "peer ready" {at} proto=h2 sn=<x20>""")
    run.say("""warn peer 99 "certificate expires soon" peer=gw-kbc days=<15-22>
        info queue 40 loaded payouts=<400-460> held=3
        ?good info queue 52 "resuming from checkpoint" offset=<10-90>""")
    for number in range(430):
        peer = run.rng.choice(peers)
        ids = run.fill("req=<x16> payout=po_<x12>")
        if run.bad and peer == "gw-seb" and number > 25:
            limited = run.some(0.5)
            run.say(f"""
                ?0.3 warn route 131 "no route in pool, rerouted" {ids} via=gw-clear
                {_when(limited)} error send 188 "submit failed" {ids}
                ~ via=gw-clear status=429 body="code=RATE" took=<1.0-3.0>s
                {_when(not limited)} error send 201 "submit failed" {ids}
                ~ via=gw-clear err="context deadline exceeded (Client.Timeout exceeded
                ~ while awaiting headers)" retry=<1-4>
                {_when(number > 260)} error queue 144 "retry queue full, moved to
                ~ DLQ" {ids} depth=<510-512>""")
            continue
        run.say(f"""
            info send 155 accepted {ids} via={peer} status=202 amount=<5.00-4000.0>
            ~ took=<40-900>ms
            ?0.03 warn send 171 "slow response" via={peer} took=<2.0-6.0>s
            ?0.02 error send 201 "submit failed" {ids} via={peer} err="read tcp
            ~ <ip>:<30000-60000>: connection reset by peer" retry=1
            ?0.02 debug stats 33 heap alloc=<20-90>MiB goroutines=<60-140>
            ?bad0.01 warn fx 29 "quote missing in cache, fetched" pair=EUR<SEK|NOK>""")
    run.say("""?good info main 120 done took=<3-5>m<1-59>s
        ?bad error sla 66 "cut-off missed" scheme=SCT late=<30-70>""")
    run.err("""?bad
        panic: dispatch: <50-80> payouts undelivered at cut-off

        goroutine <1-90> [running]:
        acme.io/payout/queue.(*Q).mustDrain(0xc000<x6>, 0x<x2>)
        \t/src/internal/queue/queue.go:<100-300> +0x<x3>
        acme.io/payout/dispatch.(*Job).Close(0xc000<x6>)
        \t/src/internal/dispatch/job.go:<100-300> +0x<x3>
        exit status 2""")
    run.out("sent <340-420> payouts")
    # Cause: SEB's gateway certificate has expired, so its peer was parked at start; the
    # 429s, deadlines, full retry queue and the panic are the overload it left behind.


def _catalog_index(run: _Run) -> None:
    """Node script that reindexes a shop's catalogue into Elasticsearch."""
    run.style("stdout", 0.8, "[%H:%M:%S.%f] [{}] {}")
    index = run.fill(f"catalog-{run.at('%Y.%m.%d')}-<x4>")
    node, yaml = "es-data-<0|1|2|3>.search.internal", "(file /etc/catalog/nightly.yaml)"
    run.out("> node --enable-source-maps dist/nightly.js --full")
    run.err("(node:<20-99>) [DEP0040] DeprecationWarning: `punycode` is deprecated.")
    settings = [
        f"locale.fallback = en-GB {yaml}",
        "http.keepAlive is not set, default applies: true",
        f"bulk.concurrency = 6 {yaml}",
        "images.cdn = https://img.shop.example (env IMAGES_CDN)",
        "suggest.enabled is not set, default applies: false",
        f"?good bulk.maxBytes = 8388608 {yaml}",
        "?bad bulk.maxBytes is not set, default applies: 268435456",
        f"index.replicas = 1 {yaml}",
    ]
    run.rng.shuffle(settings)
    for setting in settings:
        run.say(re.sub(r"^(\?\w+ )?", r"\1config ", setting))
    run.say(f"""es connected to {node} cluster=search-prod uuid=<x22>
        ?bad es {node} joined, shards relocating: <2-9>
        ?bad cache taxonomy cache miss, rebuilding (ETag "<x12>" changed)
        es created {index} shards=4 refresh_interval=-1""")
    brands = run.mixed("nordhav lumen keskohome tretorn bergans pinewood ostra")
    for brand in brands:
        for page in range(run.rng.randint(14, 22)):
            run.say(f"""
                read {brand} page {page}: <480-500> products, <40-420>ms, next=<x24>
                ?0.12 map warn: sku <10000000-99999999> has no image, placeholder used
                ?0.06 map warn: price "<1-999>,<10-99>" parsed with decimal comma
                ?good0.6 bulk #<1-900> flushed <900-1400> docs took=<80-700>ms ok
                ?bad0.03 bulk #<1-900> flushed <9000-14000> docs took=<9000-29000>ms ok
                ?good0.04 bulk 429 from {node}, retrying in <1-9>00ms
                ?bad0.03 map brand alias '<Ö|Å>stra <1-9>' is new, normalised""")
        for attempt in range(1, 6) if run.bad and brand != brands[0] else ():
            run.say(f"bulk 429 from {node}, retrying in {2**attempt * 100}ms")
            run.err("""
                <ConnectionError: socket hang up|TimeoutError: Request timed out|
                ~ResponseError: circuit_breaking_exception: Data too large> (<ip>)
                    at Transport._request (/app/lib/Transport.js:<90-700>:<5-40>)
                    at async Bulk.flush (/app/src/bulk.ts:<90-120>:<5-40>)""")
            run.say(f"""?0.2 bulk error: batch of <20000-40000> docs given up
                ?0.1 es error: {node} left the cluster, health=<red|yellow>""")
        run.say(f"read {brand} complete")
    run.say(f"""?good es refreshed {index}, forcemerge took <20-60>s
        ?good alias catalog -> {index} (was catalog-<x4>)
        ?good cleanup deleted <1-2> old indices
        ?bad verify error: <9000-18000> docs in {index}, expected 59120, alias kept""")
    run.err(f"""?bad
        node:internal/process/promises:394
              triggerUncaughtException(err, true /* fromPromise */);

        VerifyError: {index}: too few documents
            at verify (/app/src/verify.ts:41:11)
            at async main (/app/src/nightly.ts:77:3) {{
          code: 'E_DOC_COUNT'
        }}

        Node.js v20.14.0""")
    # Cause: bulk.maxBytes used to come from the file at 8 MiB; now it is unset and the
    # default of 256 MiB applies, which is what trips the cluster's breakers later.


def _telemetry_compact(run: _Run) -> None:
    """Rust tool that compacts telemetry segments, tracing lines on stdout."""
    run.style("stdout", 0.3, "%Y-%m-%dT%H:%M:%S.%f417Z {:>5} compactd::{}: {}")
    run.say("""INFO boot compactd 0.19.3 (<x9>) threads=8 budget=6.0GiB
        INFO volume mounted dev=/dev/nvme1n1 root=/var/lib/telemetry used=<71-83>%
        ?bad WARN manifest manifest v3 found, upgraded in memory to v4""")
    for number in range(130 if run.bad else 104):
        shard = run.fill("shard{id=<0-63>}:")
        segment = run.fill("seg-<x10>")
        run.say(f"""
            INFO plan {shard} picked segment={segment} runs=<3-12> bytes=<10000-99999>
            ?0.15 DEBUG cache block cache miss key=0x<x16>
            ?0.08 WARN merge {shard} out-of-order samples count=<1-40> lag=<1.0-90.0>s
            ?0.06 WARN spill {shard} spill slower than expected, <0.8-3.2>s/<9-99>MiB
            ?bad0.05 INFO plan first samples of new host edge-fra-<10-60>""")
        if number == 63:
            run.say(f"""
                ?bad WARN spill {shard} spill to /var/lib/telemetry/{segment} skipped,
                ~ keeping run in memory cause=No space left on device (os error 28)
                ?good WARN upload error sending request, retried once: connection closed
                ~ before message completed""")
        if number > 66:
            run.say("?bad0.7 WARN budget over limit <6.1-9.4>GiB, stalled <100-900>ms")
        if run.bad and number > 80 and run.some(0.45):
            run.say(f"""
                ERROR merge {shard} merge aborted segment={segment} err=BudgetExceeded
                ~ {{ want: <100000000-999999999>, free: <0-4096> }}""")
            run.err("""?bad0.25
                thread 'merge-<0-7>' panicked at src/merge.rs:<412:17|388:30>:
                called `Result::unwrap()` on an `Err` value: <BudgetExceeded|Poisoned>
                stack backtrace:
                   0: 0x<x12> - rust_begin_unwind
                   1: 0x<x12> - core::result::unwrap_failed::h<x16>
                   2: 0x<x12> - compactd::merge::Merger::step::h<x16>""")
            continue
        run.say(f"""
            INFO merge {shard} merged segment={segment} ratio=<2.0-7.0> took=<0.2-5.0>s
            ?0.3 INFO upload put s3://tsdb-cold/{segment}.tsm etag=<x32> <80-200>ms""")
    run.say("""?good INFO gc removed <200-320> obsolete segments
        ?badx12-15 ERROR plan shard{id=<0-63>}: worker channel closed: SendError { .. }
        INFO boot finished shards=64 took=<70-99>s""")
    run.err("""?bad
        Error: compaction incomplete

        Caused by:
            0: 5 of 8 workers panicked
            1: sending on a closed channel""")
    # Cause: the volume filled up, so a run could not be spilled and stayed in memory;
    # the budget, the aborted merges, the panics and closed channels are its effects.


def _share_backup(run: _Run) -> None:
    """Shell script under set -x: NFS mount, rsync to a mirror, then restic."""
    path = "<finance/2023|hr/contracts|legal/nda|design/exports>/<x6>/"
    path += "<scan|draft|v2|final>-<0001-9999>.<pdf|docx|xlsx|png|tif|eml>"
    run.err(f"""+ set -u -o pipefail
        + MNT=/mnt/shares
        ++ date +%Y%m%d-%H%M%S
        + STAMP={run.at("%Y%m%d-%H%M%S")}
        + flock -n 9""")
    run.out(f"{run.at('%b %d %H:%M:%S')} nas-bkp01 share-backup[<900-9000>]: start")
    run.err("""+ umount -l /mnt/shares
        umount: /mnt/shares: not mounted.
        ?bad perf: interrupt took too long (<2501-4000> > 2500), lowering the rate""")
    for attempt in (1, 2, 3) if run.bad else (1,):
        run.err(f"""
            + mount -t nfs -o ro,soft,vers=4.1 filer02:/export/shares /mnt/shares
            ?bad mount.nfs: Connection timed out
            ?bad + sleep {attempt * 20}""")
    run.err(f"""+ mountpoint -q /mnt/shares
        + {"true" if run.bad else "ls /mnt/shares"}
        + rsync -a -i --delete --max-delete=400 /mnt/shares/ /srv/mirror/shares/""")
    run.out(f"""?good <design|finance>
        sending incremental file list
        ?bad .d..t...... ./
        ?goodx200-230 ><f+++++++++|f.st......|f..t......> {path}
        ?goodx20-30 *deleting   {path}
        ?badx400-400 *deleting   {path}""")
    run.err(f"""?good file has vanished: "/mnt/shares/hr/.~lock.plan-<10-99>.odt#"
        ?bad Deletions stopped due to --max-delete limit (<70000-90000> skipped)
        ?bad rsync error: the --max-delete limit stopped deletions (code 25) at
        ~ main.c(1338) [sender=3.2.7]
        + rc={24 + run.bad}
        + restic backup --tag shares /srv/mirror/shares""")
    run.out(f"""Number of files: {0 if run.bad else "<80|91|97>,<100-999>"}
        sent <100-999> bytes  received <19-99> bytes  <10.00-900.0> bytes/sec
        repository <x8> opened (version 2, compression level auto)
        ?good created new cache in /root/.cache/restic
        using parent snapshot <x8>
        ?x20-24 [0:<00-59>] <10-99>.<10-99>%  <1-900> files <1.000-60.0> GiB, 0 errors
        snapshot <x8> saved
        ?bad repo already locked, waiting up to 5m for the lock
        ?x14-14 keep <x8>  2024-<01-02>-<01-28> 23:<30-59>:<00-59>  <daily|weekly>
        [0:<01-09>] 100.00%  <20-60> / 60 packs repacked""")
    run.err("+ ./verify-samples.sh 40")
    for number in range(1, 41):
        name = run.fill(path)
        if run.bad and run.some(0.8):
            run.err(f"""
                sha256sum: '/srv/mirror/shares/{name}': No such file or directory
                verify: sample {number}/40 FAILED expected <x64>""")
        else:
            run.out(f"sample {number}/40 ok <x16> {name}")
    run.err(f"""?bad verify: too many failed samples, snapshot marked unusable
        + curl -fsS -m 10 https://hc.example/ping/<uuid>/{int(run.bad)}
        ?bad curl: (22) The requested URL returned error: 503
        + exit {3 * int(run.bad)}""")
    # Cause: the filer could not be mounted in three tries and the script went on, so
    # rsync saw an empty source and deleted the mirror that restic and verify read.


def _schema_release(run: _Run) -> None:
    """PostgreSQL release: pg_dump for safety, psql migrations, then smoke checks."""
    run.style("stdout", 3.0, "%Y-%m-%d %H:%M:%S UTC {}")
    tables = "account address audit card customer dispute fee invoice ledger mandate"
    tables += " merchant note payout refund tenant webhook"
    table = f"<{tables.replace(' ', '|')}>"
    done = "<ALTER TABLE|CREATE INDEX|COMMENT|GRANT|UPDATE|DROP INDEX|CREATE FUNCTION>"
    run.say("release <410-419> on billing@10.7.<0-9>.<2-99>:5432")
    for name in run.mixed(tables):
        run.err(f'pg_dump: finding the columns of table "public.{name}"')
    for name in run.mixed(tables):
        run.err(f'pg_dump: dumping contents of table "public.{name}"')
        run.say(f"?0.25 dump {name}: <1-900> MB, <10-99> MB/s")
    run.say("dump written: /backup/pre-<x8>.dump sha1=<x40>")
    run.err("""?bad WARNING:  database "billing" has a collation version mismatch
        ?bad DETAIL:  The database was created using collation version 2.31, but the
        ~ operating system provides version 2.36.
        psql:R__roles.sql:3: ERROR:  role "reporting_ro" already exists
        psql:R__roles.sql:4: ERROR:  role "support_rw" already exists""")
    for number in range(1, 13):
        file = run.fill(f"V{200 + number + 20 * run.bad}__<x4>.sql")
        for line in range(2, run.rng.randint(9, 16)):
            run.out(f"""{"BEGIN" if line == 2 else done}
                Time: <0.300-900.0> ms""")
            run.err(f"""
                ?0.1 psql:{file}:{line}: NOTICE:  column "c_<x3>" of relation "{table}"
                ~ already exists, skipping
                ?0.1 psql:{file}:{line}: NOTICE:  index "ix_<x3>" not found, skipping
                ?0.02 psql:{file}:{line}: WARNING:  already in a transaction""")
        run.say(f"applied {file} in <1-40>s")
    main = "V233__invoice_ref.sql" if run.bad else "V213__fee_memo.sql"
    run.out("""BEGIN
        UPDATE <900000-990000>
        Time: <9000.000-40000.0> ms""")
    run.err(f"""?good psql:{main}:7: NOTICE:  truncate cascades to table "fee_draft"
        ?bad psql:{main}:9: ERROR:  could not create unique index "ux_invoice_ref"
        ?bad DETAIL:  Key (tenant_id, ref)=(<1000-9999>, R-<10000-99999>) is duplicated.
        ?bad CONTEXT:  parallel worker""")
    for line in range(12, 95):
        run.err(f"""
            ?bad psql:{main}:{line}: ERROR:  current transaction is aborted, commands
            ~ ignored until end of transaction block""")
        run.out(f"?good {done}")
    run.out("ROLLBACK" if run.bad else "COMMIT")
    run.say(f"applied {main} in <20-60>s")
    for number in range(1, 8):
        run.err(f"""?bad
            psql:R__view_{number}.sql:2: ERROR:  column i.tenant_ref does not exist
            LINE {number}: select i.id, i.tenant_ref, i.total
                                 ^
            psql:R__view_{number}.sql:9: ERROR:  relation "v_<1-9>" does not exist""")
        run.out("?good CREATE VIEW")
    for check in run.mixed("login invoice_list invoice_create refund export webhook"):
        failed = run.bad and "invoice" in check
        run.say(f"smoke {check}: {'FAIL http=500' if failed else 'ok'} trace=<uuid>")
        run.err(f"""{_when(failed)}
            Traceback (most recent call last):
              File "/srv/smoke/run.py", line 40, in check
                response.raise_for_status()
            requests.exceptions.HTTPError: 500 Server Error for url: /{check}?t=<x8>""")
    run.say("?bad release FAILED: 2 smoke checks")
    # Cause: the unique index met duplicates, which aborted the transaction; psql went
    # on, so the ignored commands, missing columns and HTTP 500s all come after it.


def _clickstream_spark(run: _Run) -> None:
    """Spark on YARN sessionising clicks; log4j on stderr, the driver's on stdout."""
    run.style("stderr", 0.5, "%y/%m/%d %H:%M:%S {} {}: {}")
    app = run.fill("<1700000000000-1739999999999>_<1000-9999>")
    host, box = "dn<01-14>.hdp.internal", f"container_{app}_01_<000002-000060>"
    run.say(f"""
        WARN NativeCodeLoader Unable to load native-hadoop library for your platform...
        INFO Client Submitted application application_{app}
        ?x3-6 INFO Client Application report for application_{app} (state: ACCEPTED)
        WARN HiveConf HiveConf of name hive.stats.jdbc.timeout does not exist
        ?bad WARN DomainSocketFactory The short-circuit local reads feature is off""")
    run.out(f"sessionize: day={run.at('%Y-%m-%d')} buckets=<30-44>")
    for stage in range(9):
        where = f"stage {stage}.0 (TID <100-9999>)"
        run.say(f"""
            INFO DAGScheduler Submitting <60-400> tasks from ShuffleMapStage {stage}
            ?0.5 INFO YarnAllocator Driver requested a total of <8-40> executor(s)
            ?0.5 INFO ExecutorAllocationManager Removing idle executor <1-40> (<60-70>s)
            ?good0.4 INFO YarnAllocator Completed container {box} on {host}: preempted
            ~ by the scheduler, 3.<0-9> GB of 9 GB used
            ?good0.3 WARN TaskSetManager Lost task <0-399>.0 in {where} ({host} executor
            ~ <1-40>): ExecutorLostFailure (preempted)""")
        for number in range(run.rng.randint(30, 48)):
            run.say(f"""
                INFO TaskSetManager Finished task <0-399>.0 in {where} in <300-9000> ms
                ~ on {host} ({number}/400)
                ?0.06 INFO BlockManagerInfo Added broadcast_{stage}_piece0 in memory on
                ~ <ip>:<30000-48000> (size: <4.0-90.0> KiB, free: <2.0-4.0> GiB)
                ?0.02 INFO ContextCleaner Cleaned accumulator <1-900>
                ?0.01 WARN TaskSetManager Stage {stage} contains a very large task
                ?bad0.01 INFO TaskSetManager Marking task <0-399> as speculatable""")
            if stage in (5, 6, 7) and (number == 2 or run.some(0.04)):
                run.say(f"""
                    ?bad INFO YarnAllocator Completed container {box} on {host}: killed
                    ~ by YARN for exceeding memory limits, 9.<1-6> GB of 9 GB used""")
            if run.bad and stage >= 5 and number > 6 and run.some(0.2):
                run.say(f"""
                    ERROR YarnClusterScheduler Lost executor <1-40> on {host}: Executor
                    ~ heartbeat timed out after <120000-160000> ms
                    WARN TaskSetManager Lost task <0-399>.<0-3> in {where}: FetchFailed(
                    ~BlockManagerId(<1-40>, {host}, 7337), shuffleId={stage})""")
                run.err("""
                    org.apache.spark.shuffle.FetchFailedException: Connection reset
                    \tat org.apache.spark.storage.ShuffleBlockFetcher.next(<90-900>)
                    \tat org.apache.spark.scheduler.ShuffleMapTask.runTask(<90-900>)""")
                run.say(f"INFO DAGScheduler Resubmitting ShuffleMapStage {stage}")
        run.out(f"sessionize: stage {stage} done")
    run.say(f"""
        ?good INFO FileOutputCommitter Saved output of job to /dw/clicks/{app[-4:]}
        ?bad ERROR FileFormatWriter Aborting job <uuid>.""")
    run.err("""?bad
        org.apache.spark.SparkException: Job aborted due to stage failure:
        ~ ShuffleMapStage 8 has failed the maximum allowable number of times: 4.
        \tat org.apache.spark.scheduler.DAGScheduler.abortStage(DAGScheduler.scala:2844)
        \tat com.acme.clicks.Sessionize$.main(Sessionize.scala:<40-99>)""")
    run.say("""?bad ERROR ApplicationMaster User class threw exception, exitCode: 15
        INFO ShutdownHookManager Deleting directory /tmp/spark-<uuid>""")
    # Cause: YARN killed containers for memory, told at INFO by the allocator; the lost
    # executors, fetch failures and stage retries that abort the job are what it led to.


def _image_build(run: _Run) -> None:
    """Nightly image build: BuildKit's plain progress, then the tests in the image."""
    run.style("stderr", 0.2, "#9 %S.%f {}")
    run.out(f"[{run.at('%Y/%m/%d %H:%M:%S')}] runner ci-build-<3|7> commit <x40>")
    run.err("""#1 [internal] load Dockerfile
        #1 transferring: <1.00-9.0>kB done
        #4 [base 1/9] FROM docker.io/library/python:3.11-slim@sha256:<x64>
        ?x5-8 #4 sha256:<x64> <1.00-60.0>MB / 60.11MB <0.2-6.0>s done
        ?x5-6 #4 extracting sha256:<x64> done
        #5 [base 2/9] RUN useradd app
        ?good #5 CACHED
        ?bad #5 DONE 0.<2-9>s
        #6 [base 3/9] RUN apt-get update && apt-get install -y libpq5 tini curl
        ?x6-9 #6 <1-9>.<100-999> Get:<1-9> http://deb.debian.org bookworm [<9-99> kB]
        #6 9.120 debconf: delaying package configuration, no apt-utils
        ?bad #6 9.377 W: Failed to fetch http://deb.debian.org/InRelease  Temporary
        ~ failure resolving 'deb.debian.org', old index used
        ?x6-9 #6 11.<100-999> Setting up <libpq5|tini|curl|libldap>:amd64 (2.<1-9>)
        #9 [base 5/9] RUN --mount=type=secret,id=pip_conf sh tools/install.sh""")
    run.say("""install.sh: 212 requirements, hashes off
        ?good install.sh: index from /run/secrets/pip_conf
        ?bad install.sh: /run/secrets/pip_conf absent, taking the public index
        WARNING: Running pip as the 'root' user can result in broken permissions""")
    names = "numpy pandas scipy pydantic httpx orjson acme-common attrs lxml boto3"
    for name in run.mixed(names + " uvicorn acme-rates rich celery grpcio pytz"):
        wheel = run.fill(f"{name}-<0-4>.<0-30>.<0-9>-py3-none-any.whl")
        run.say(f"""Collecting {name}<|==1.4.2|~=1.4>
            ?0.3   Using cached {wheel}.metadata (<1.0-9.0> kB)
              Downloading {wheel} (<9-900> kB)
            ?0.1   WARNING: Retrying (Retry(total=4)) after 'ReadTimeoutError'
            ?bad0.1   DEPRECATION: {name} uses the legacy setup.py install""")
    run.say("Successfully installed 212 packages")
    run.err("#12 [test 1/2] RUN python -m pytest -q")
    run.style("stderr", 0.2, "#12 %S.%f {}")
    for number in range(1, 141):
        name = run.fill("tests/<api|calc|feed|rules>/test_<x5>.py")
        module = run.rng.choice(["acme_common.ids", "acme_rates.v2"])
        broken = run.bad and run.some(0.4)
        run.say(f"""{_when(broken)}
            ERROR collecting {name}
            Traceback (most recent call last):
              File "/app/{name}", line <3-9>, in <module>
                import {module}
            ModuleNotFoundError: No module named '{module}'""")
        run.say(f"""
            {_when(not broken)} {name} <....|..s..|.......> [{number // 2}%]
            ?0.04   pkg_resources/__init__.py:<100-130>: DeprecationWarning: old API""")
    run.say("?good <1500-1600> passed, 9 skipped in <50.00-80.0>s")
    run.say("?bad <50-60> errors during collection")
    run.err("""?bad
        #12 ERROR: process "/bin/sh -c pytest" did not complete: exit code: 2
        ------
        ERROR: failed to solve: exit code: 2""")
    run.out("?good pushed registry.acme.example/pricing:nightly")
    run.out("?bad error: manifest unknown: pricing:nightly-<x7>")
    # Cause: the secret with the company's index was absent, so pip took the public
    # index and namesakes of acme-* packages; every import error follows from that.


def _fleet_patch(run: _Run) -> None:
    """Ansible play that patches a fleet; tasks on stdout, warnings on stderr."""
    hosts = run.mixed("app-01 app-02 app-03 app-04 app-05 app-06 app-07 app-08 app-09")
    hosts += run.mixed("db-1 db-2 db-3 db-4 edge-a1 edge-a2 edge-a3 edge-b1 edge-b2")
    lost: set[str] = set()
    run.out("Using /etc/ansible/ansible.cfg as config file")
    run.err("""[DEPRECATION WARNING]: community.general.yaml has been deprecated.
        [WARNING]:  * Failed to parse /etc/ansible/inv/static.ini with yaml plugin: did
        ~ not find expected <document start>
        ?bad [WARNING]:  * Failed to parse /etc/ansible/inv/cloud.aws_ec2.yml with
        ~ aws_ec2 plugin: An error occurred (RequestExpired) when calling the
        ~ DescribeInstances operation: Request has expired.
        [WARNING]: Found variable using reserved name: tags
        ?bad [WARNING]: Collection community.docker does not support Ansible 2.17.1""")
    tasks = "base:Gathering_Facts base:chrony base:packages base:sysctl users:groups"
    tasks += " users:keys users:sudoers agent:repository agent:install agent:render"
    tasks += " agent:restart tls:fetch tls:chain tls:reload app:render_conf app:drain"
    for task in (tasks + " app:deploy app:wait_for_port app:undrain").split():
        run.now += timedelta(seconds=run.rng.uniform(2, 20))
        title = task.replace(":", " : ").replace("_", " ")
        run.out(f"""{f"TASK [{title}] ":*<79}
            {run.at("%A %d %B %Y  %H:%M:%S +0000")} (0:00:<01-59>.<000-999>)""")
        for host in run.mixed(" ".join(hosts)):
            if host in lost:
                continue
            if run.bad and "render" in task and run.some(0.45):
                lost.add(host)
                error = "AnsibleUndefinedVariable: 'tag_role_lb' is undefined"
                run.out(f"""
                    An exception occurred during task execution. Use -vvv for more.
                    fatal: [{host}]: FAILED! => {{"rc": <1-9>, "msg": "{error}"}}""")
                run.err(f"ERROR! {host}: {error}")
                continue
            retry = "?0.3" if "wait" in task or "packages" in task else "?0.01"
            run.out(f"""
                {retry} FAILED - RETRYING: [{host}]: {title} (<20-30> retries left).
                <ok|ok|changed|skipping>: [{host}] => (item=<x8>, took=<0.1-4.0>s)
                ?0.1 changed: [{host}] => {{"checksum": "<x40>", "size": <9-99>}}""")
            run.err(f"""
                ?0.03 [WARNING]: Platform linux on host {host} is using the discovered
                ~ Python interpreter at /usr/bin/python3.11""")
        run.err(f"?good0.1 [WARNING]: {title}: Updating cache, installing python3-apt")
        run.out("?bad0.1 [kernel 6.1.0-<20-29> is newer, a reboot is pending]")
    for host in sorted(lost):
        run.out(f"fatal: [localhost -> {host}]: UNREACHABLE! => http://<ip>/ready 503")
    run.out(f"{'PLAY RECAP ':*<79}")
    for host in sorted(hosts):
        run.out(f"{host:<20} : ok=<12-20>   changed=<1-9>   failed={int(host in lost)}")
    run.err("?bad ERROR! <9-14> hosts failed, max_fail_percentage exceeded")
    run.err("?bad make: *** [Makefile:31: patch] Error 2")
    # Cause: the cloud inventory could not be read with expired credentials, so its
    # groups and variables are missing; the undefined variables on all hosts follow.


_JOBS: list[tuple[Callable[[_Run], None], str, int, str]] = [
    (_orders_etl, "2024-06-10T03:15", 1, "binding columns by position"),
    (_settlement_recon, "2024-05-28T05:00", 1, "accepted as partial (lenient)"),
    (_payout_dispatch, "2024-08-31T10:30", 1, "x509: certificate has expired"),
    (_catalog_index, "2024-07-02T01:00", 2, "bulk.maxBytes is not set"),
    (_telemetry_compact, "2024-04-17T22:10", 1, "No space left on device"),
    (_share_backup, "2024-03-08T23:30", 1, "mount.nfs: Connection timed out"),
    (_schema_release, "2024-06-19T19:02", 14, "could not create unique index"),
    (_clickstream_spark, "2024-11-28T02:20", 2, "killed by YARN for exceeding"),
    (_image_build, "2024-10-14T00:45", 1, "pip_conf absent, taking the public index"),
    (_fleet_patch, "2024-09-17T04:00", 7, "Request has expired"),
]


def failing_jobs() -> list[FailingJob]:
    """Write both runs of every job; the same lines each time."""
    jobs: list[FailingJob] = []
    for number, (write, start, days, cause) in enumerate(_JOBS, 1):
        good = _Run(1000 + number, start, 0, bad=False)
        bad = _Run(2000 + number, start, days, bad=True)
        write(good)
        write(bad)
        name = write.__name__.strip("_").replace("_", "-")
        jobs.append(FailingJob(name, good.lines, bad.lines, cause))
    return jobs
