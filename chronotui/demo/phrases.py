"""A thousand lines that stand for any number of them.

Line ``i`` of a job is phrase ``i % 1000`` with the mark ``BLOCK`` replaced by
``i // 1000``: any line is found without the ones before it, and a block of a
thousand is rendered once and then only has its mark replaced.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final, TypeAlias

from chronotui.demo.clock import SeededRandom, number_of, roll
from chronotui.model import STDERR, STDOUT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

BLOCK: Final = "\ue000"
"""Stands for the number of the block inside a phrase."""

BLOCK_LINES: Final = 1000

_OPENING_ROOM: Final = 8
_FURTHEST: Final = 4

Phrase: TypeAlias = tuple[str, str]
"""(stream, message)."""

Passage: TypeAlias = "Callable[[SeededRandom, str], Iterable[Phrase]]"
"""Some lines that belong together; takes random numbers and the line's own number."""


class Phrasebook:
    """The phrases of one kind of job.

    Attributes:
        phrases: ``BLOCK_LINES`` of (stream, message with marks).
        numbers: For each place, its number within the block: places whose line
            shares its number with the next one, and numbers left out up to four
            further on, as ``chronotui.demo.lines.Counter`` does.
        offsets: For each place, thousandths of a step the line comes late.
    """

    def __init__(self, seed: int, passages: Iterable[tuple[int, Passage]]) -> None:
        rng = SeededRandom(seed)
        bag = [passage for weight, passage in passages for _ in range(weight)]
        phrases: list[Phrase] = []
        while len(phrases) < BLOCK_LINES:
            number = f"{BLOCK}{len(phrases):03d}"
            phrases += rng.pick(bag)(rng, number)
        self.phrases: tuple[Phrase, ...] = tuple(phrases[:BLOCK_LINES])
        self.offsets = tuple(rng.below(1000) for _ in range(BLOCK_LINES))
        self.numbers = _numbers(rng, self.phrases)
        self._text_blocks: dict[str | None, bytes] = {}

    def text_block(self, stream: str | None) -> bytes:
        """Return a block as text, marks still in it; of both streams if None."""
        block = self._text_blocks.get(stream)
        if block is None:
            kept = (m for s, m in self.phrases if stream is None or s == stream)
            block = "".join(f"{message}\n" for message in kept).encode()
            self._text_blocks[stream] = block
        return block


def _numbers(rng: SeededRandom, phrases: tuple[Phrase, ...]) -> tuple[int, ...]:
    """Number a block's lines; a number is never open at a block's end.

    A line shares its number only where the order written is the server's own, stderr
    first, and not where a job's opening may stand.
    """
    numbers = list(range(BLOCK_LINES))
    for place in range(_OPENING_ROOM, BLOCK_LINES - 1):
        pair = (phrases[place][0], phrases[place + 1][0])
        if pair == (STDERR, STDOUT) and rng.chance(0.2):
            skipped_at = place + 1 + rng.between(1, _FURTHEST)
            for later in range(place + 1, min(skipped_at, BLOCK_LINES)):
                numbers[later] -= 1
    return tuple(numbers)


_TABLES: Final = ("orders", "customers", "invoices", "payments", "stock", "refunds")
_REGIONS: Final = ("eu-west", "eu-north", "us-east", "ap-south", "sa-east")
_BRANCHES: Final = ("Zürich", "Kraków", "東京支店", "서울 지점", "São Paulo", "Łódź")
_FILES: Final = ("load.py", "report.py", "warehouse.py", "frames.py")
_LOAD_STEPS: Final = ("read_rows", "merge", "render_page", "write_parquet", "fetch")


def json_event(rng: SeededRandom, number: str) -> Iterator[Phrase]:
    level = rng.pick(("info", "info", "info", "debug", "warn"))
    table, rows, took = rng.pick(_TABLES), rng.below(90000), rng.below(900)
    text = (
        f'{{"level":"{level}","msg":"batch loaded","table":"{table}",'
        f'"batch":"{number}","rows":{rows},"ms":{took}}}'
    )
    yield STDOUT, text


def json_error(rng: SeededRandom, number: str) -> Iterator[Phrase]:
    text = (
        f'{{"level":"error","msg":"row rejected","table":"{rng.pick(_TABLES)}",'
        f'"row":"{number}","cause":{{"code":{rng.between(1000, 1999)},'
        f'"field":"amount","got":null}}}}'
    )
    yield STDERR, text


def batch(rng: SeededRandom, number: str) -> Iterator[Phrase]:
    yield STDOUT, f"Loading batch {number} of {rng.pick(_TABLES)}"
    if rng.chance(0.5):
        rows, took = rng.below(50000), rng.below(2000)
        yield STDOUT, f"  {rows:>6} rows merged in {took} ms ({rng.pick(_REGIONS)})"


def progress(rng: SeededRandom, number: str) -> Iterator[Phrase]:
    r"""A progress bar drawn over itself with ``\r``."""
    table, last = rng.pick(_TABLES), rng.between(40, 100)
    states = (
        f"{table} {number} [{'#' * (done // 5):<20}] {done:3d}%"
        for done in (*range(0, last, 20), last)
    )
    yield STDOUT, "\r".join(states)


def warning(rng: SeededRandom, number: str) -> Iterator[Phrase]:
    """A warning on stderr, with ordinary work after it."""
    took = f"{rng.between(1, 9)}.{rng.below(10)} s"
    words = (
        f"Warning: slow query ({took}) on {rng.pick(_TABLES)}",
        "Warning: deprecated option used",
        f"WARN retrying page {number} after a time-out",
    )
    yield STDERR, rng.pick(words)
    yield STDOUT, f"continuing with row {number}"


def traceback(rng: SeededRandom, number: str) -> Iterator[Phrase]:
    yield STDERR, "Traceback (most recent call last):"
    for _ in range(rng.between(2, 4)):
        line, step = rng.between(10, 400), rng.pick(_LOAD_STEPS)
        yield STDERR, f'  File "/app/{rng.pick(_FILES)}", line {line}, in {step}'
        yield STDERR, f"    {rng.pick(_LOAD_STEPS)}(rows[{rng.below(400)}])"
    yield STDERR, f"ValueError: bad row {number}"
    yield STDOUT, f"row {number} put aside, going on"


def report_page(rng: SeededRandom, number: str) -> Iterator[Phrase]:
    marks = ("✅", "📈", "⏳", "·")
    yield STDOUT, f"page {number}: {rng.pick(_BRANCHES)} {rng.pick(marks)}"


def archive(rng: SeededRandom, number: str) -> Iterator[Phrase]:
    folder, size = rng.pick(("base", "pg_wal", "global")), rng.between(8, 16384)
    yield STDOUT, f"/var/lib/postgresql/{folder}/{number} {size:>6} KiB ok"


def checksum(rng: SeededRandom, number: str) -> Iterator[Phrase]:
    yield STDERR, f"checksum of segment {number} differs, reading again"
    yield STDOUT, f"segment {number} {rng.below(1 << 32):08x} verified"


def sweep(rng: SeededRandom, number: str) -> Iterator[Phrase]:
    queue = rng.pick(("mail", "webhooks", "exports", "thumbnails"))
    yield STDOUT, f"{queue}: {rng.below(40)} stale, {rng.below(900)} waiting"
    if rng.chance(0.1):
        yield STDERR, f"{queue}: message {number} moved to the dead letters"


def ledger(rng: SeededRandom, number: str) -> Iterator[Phrase]:
    cents = rng.below(10_000_000)
    text = (
        f"entry {number} {rng.pick(('debit ', 'credit'))} {cents / 100:>12,.2f} "
        f"EUR account {rng.between(100000, 999999)} {rng.pick(_REGIONS)}"
    )
    yield STDOUT, text


def ledger_fault(rng: SeededRandom, number: str) -> Iterator[Phrase]:
    yield STDERR, f"ERROR entry {number} does not balance by {rng.below(900)} cents"


def ledger_wait(rng: SeededRandom, number: str) -> Iterator[Phrase]:
    """One in a thousand, for those who look for it."""
    took = rng.between(30, 59)
    yield STDERR, f"WARN entry {number}: timeout after {took} s, sent again"
    yield STDOUT, f"entry {number} confirmed by {rng.pick(_REGIONS)}"


def access(rng: SeededRandom, number: str) -> Iterator[Phrase]:
    """About 125 bytes a line, for downloads worth measuring."""
    text = (
        f"10.{rng.below(256)}.{rng.below(256)}.{rng.below(256)} "
        f'"GET /api/v2/objects/{number}/{rng.below(1 << 40):010x} HTTP/1.1" '
        f"{rng.pick((200, 200, 200, 304, 404))} {rng.below(99999):>5} "
        f'"exporter/{rng.between(1, 9)}.{rng.between(0, 20)}" '
        f"{rng.below(1 << 64):016x} rt={rng.spread(0, 2):.3f}"
    )
    yield STDOUT, text


HOSTILE: Final = (
    "title \x1b]0;you have been renamed\x07 set",
    "clear \x1b[2J\x1b[H the screen",
    "copy \x1b]52;c;cm0gLXJmIC8=\x07 to the clipboard",
    "link \x1b]8;;https://evil.example\x1b\\click me\x1b]8;;\x1b\\",
    "markup [red]not red[/red] [/] [bold @click=app.quit]quit[/]",
    "nul \x00 bell \x07 backspace \b\b\b delete \x7f vertical \x0b form \x0c",
    "c1 \x9b31m csi \x9d0;title\x9c and \x85 next line",
    "bidi \u202egpj.exe\u202c isolate \u2066abc\u2069",
    "zero\u200bwidth\u200djoiner\ufeff bom",
    "separators \u2028 and \u2029 inside",
    "combining Z\u0351\u036b\u0343a\u0363\u0341l\u0348\u0358go",
    "half a sequence \x1b[38;5",
    "dcs \x1bP1$r0m\x1b\\ apc \x1b_hidden\x1b\\ pm \x1b^secret\x1b\\",
    "answer me \x1b[6n\x1b[c\x1b[>q",
    "alternate \x1b[?1049h screen \x1b[?1000h mouse",
    "bad bytes \ufffd\ufffd here",
    "tabs\tand\tmore\ttabs",
    "cr only\roverwritten",
    'json? {"level":"error","broken":',
    "</script><b>html</b> &amp; %s %d {0} ${HOME} `id`",
)
"""Messages that must come out harmless wherever they are shown."""

HOSTILE_NAME: Final = "deploy [red]prod[/] \x1b]0;owned\x07\u202etxt.sh\u202c 🚀"

_STEPS: Final = ("deps", "compile", "test", "lint", "package", "push")
_WORDS: Final = (
    "订单已处理",
    "ユーザーを登録しました",
    "주문이 완료되었습니다",
    "заказ принят",
    "تم استلام الطلب",
    "ordre reçu",
    "👩‍👩‍👧‍👦 family plan",
    "🇳🇴 pakke sendt",
)


def build_step(rng: SeededRandom, number: str) -> Iterator[Phrase]:
    step = rng.pick(_STEPS)
    yield STDOUT, f"\x1b[1;34m#{rng.between(4, 30)}\x1b[0m [{step}] layer {number}"
    if rng.chance(0.6):
        text = (
            f"\x1b[2m#{rng.between(4, 30)}\x1b[0m \x1b[32m✔\x1b[0m {step} "
            f"{rng.spread(0.1, 9):.1f}s \x1b[38;5;{rng.between(16, 231)}mcached\x1b[0m"
        )
        yield STDOUT, text


def compiler(rng: SeededRandom, number: str) -> Iterator[Phrase]:
    line = rng.between(1, 900)
    text = (
        f"\x1b[1msrc/module_{number}.c:{line}:{rng.between(1, 80)}: "
        "\x1b[35mwarning:\x1b[0m unused variable ‘\x1b[1mtmp\x1b[0m’"
    )
    yield STDERR, text
    yield STDERR, f"\x1b[31m{' ' * rng.between(4, 20)}^~~~\x1b[0m"
    yield STDOUT, f"\x1b[38;2;{rng.below(256)};180;90mrecovered\x1b[0m {number}"


def pull(rng: SeededRandom, number: str) -> Iterator[Phrase]:
    r"""A download bar drawn over itself with ``\r``, in colour."""
    total = rng.between(20, 300)
    states = (
        f"pulling {number} \x1b[36m{'━' * part}\x1b[2m{'━' * (10 - part)}\x1b[0m "
        f"{total * part // 10}/{total} MB"
        for part in (1, 4, 7, 10)
    )
    yield STDOUT, "\r".join(states)


def message(rng: SeededRandom, number: str) -> Iterator[Phrase]:
    yield STDOUT, f"[{rng.between(0, 11):02d}] {number} {rng.pick(_WORDS)}"


def offset(rng: SeededRandom, number: str) -> Iterator[Phrase]:
    text = (
        f'{{"level":"info","partition":{rng.below(12)},"offset":"{number}",'
        f'"lag":{rng.below(500)},"text":"{rng.pick(_WORDS)}"}}'
    )
    yield STDOUT, text


def java_trace(rng: SeededRandom, number: str) -> Iterator[Phrase]:
    yield STDERR, f"java.lang.IllegalStateException: partition {number} revoked"
    for _ in range(rng.between(2, 5)):
        place = rng.between(20, 400)
        yield STDERR, f"\tat com.example.consumer.Poller.run(Poller.java:{place})"
    yield STDOUT, f"rejoined the group as member {rng.below(1 << 32):08x}"


def hostile(rng: SeededRandom, number: str) -> Iterator[Phrase]:
    """A line that attacks the terminal it is shown in."""
    yield rng.pick((STDOUT, STDERR)), f"{rng.pick(HOSTILE)} {number}"


def wide_line(rng: SeededRandom, number: str) -> Iterator[Phrase]:
    yield STDOUT, f"dump {number} " + f"{rng.below(1 << 64):016x}" * 100


def giant_line(rng: SeededRandom, number: str) -> Iterator[Phrase]:
    """A line of 64 KiB, the longest there is."""
    unit = f"{rng.below(1 << 64):016x}"
    head = f'{{"level":"debug","dump":"{number}'
    yield STDOUT, f'{head}{(unit * 4096)[: 65536 - len(head) - 5]}"}}'


_KINDS: Final[Mapping[str, tuple[tuple[int, Passage], ...]]] = {
    "etl": (
        (8, batch),
        (8, json_event),
        (2, progress),
        (2, warning),
        (1, json_error),
    ),
    "report": (
        (8, batch),
        (5, report_page),
        (3, warning),
        (2, json_event),
        (1, traceback),
    ),
    "build": (
        (10, build_step),
        (3, compiler),
        (2, pull),
    ),
    "consumer": (
        (30, message),
        (20, offset),
        (3, java_trace),
        (2, hostile),
        (1, wide_line),
    ),
    "backup": ((20, archive), (2, checksum), (2, progress)),
    "sweep": ((1, sweep),),
    "ledger": ((740, ledger), (18, ledger_fault), (18, json_event), (1, ledger_wait)),
    "access": ((1, access),),
    "hostile": (
        (120, hostile),
        (20, build_step),
        (8, wide_line),
        (1, giant_line),
    ),
}

OPENING: Final[tuple[Phrase, ...]] = (
    (STDOUT, "Starting job execution..."),
    (STDOUT, "Connecting to database"),
)

ENDINGS: Final[Mapping[str, tuple[Phrase, ...]]] = {
    "COMPLETED": ((STDOUT, "Job completed successfully"),),
    "FAILED": (
        (STDERR, "Traceback (most recent call last):"),
        (STDERR, '  File "/app/main.py", line 88, in <module>'),
        (STDERR, "    run()"),
        (STDERR, "RuntimeError: gave up after 5 tries, see above"),
        (STDOUT, "exit status 1"),
    ),
    "CANCELED": ((STDERR, "received SIGTERM, stopping"),),
}


@lru_cache(maxsize=64)
def phrasebook(kind: str, seed: int) -> Phrasebook:
    return Phrasebook(roll(seed, number_of(kind)), _KINDS[kind])
