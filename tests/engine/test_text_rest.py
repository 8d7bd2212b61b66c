"""The rest of a long log as text: the same bytes, words and exit code, or nothing."""

from __future__ import annotations

import threading
from collections import Counter
from contextlib import aclosing
from functools import partial
from random import Random
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from chronotui.demo.scripts import Script, ScriptLine
from chronotui.engine import text_rest
from chronotui.engine.retained import LineSelection, RetainedLog
from chronotui.engine.text_rest import counted_by
from chronotui.log import raw_body
from chronotui.log.pattern import LineMatcher, compile_pattern
from chronotui.model import STDERR, LogLine, LogPage, RawFormat
from chronotui.storage.files import SpoolFile
from tests.engine.conftest import TIMING, Readers, Spoiled, until
from tests.engine.random_logs import MESSAGES, script_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from chronotui.demo.scripts import ScriptedJob
    from chronotui.demo.server import DemoServer
    from chronotui.log.chunks import Overflow


GREPS = ("plain", "x", "red", r"^\d+0 ", "20 %", "京", "--- E", "(?i)QUOTED|null", ".")


@pytest.fixture(autouse=True)
def _short_logs_are_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_rest, "HEAD_LINES", 100)
    monkeypatch.setattr(text_rest, "LEAST_LINES", 150)
    monkeypatch.setattr(text_rest, "PIECE_BYTES", 4000)
    monkeypatch.setattr(raw_body, "PIECE_BYTES", 2000)
    monkeypatch.setattr(raw_body, "CHUNK_LINES", 32)


class Formats:
    """A client that counts the downloads asked for, and may change their lines."""

    def __init__(self, client: Any, spoil: Spoil | None = None) -> None:
        self._client = client
        self._spoil = spoil or (lambda _format, lines: lines)
        self.asked: Counter[RawFormat] = Counter()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def download(self, workflow: str, job: str, *, format: RawFormat) -> Any:  # noqa: A002
        self.asked[format] += 1
        spoiled = Spoiled(self._client, lambda lines: self._spoil(format, lines))
        return spoiled.download(workflow, job, format=format)


if TYPE_CHECKING:
    Spoil = Callable[[RawFormat, list[bytes]], Iterable[bytes]]


class Seen(NamedTuple):
    text: bytes
    exit_code: int
    missing: int
    possible: int
    printed: int
    said: tuple[str, ...]


async def seen(log: RetainedLog, readers: Readers, *, fast: bool) -> Seen:
    readers.said.clear()
    if fast:
        text = b"".join([piece async for piece in log.text()])
    else:
        lines = [line async for batch in log.batches() for line in batch]
        text = "".join([f"{line.message}\n" for line in lines]).encode()
    counts = (log.exit_code, log.missing, log.possible, log.printed)
    return Seen(text, *counts, tuple(readers.said))


class Both(NamedTuple):
    """What is seen of a job the slow way and the fast way.

    ``asked`` are the downloads of the fast one; ``is_text`` tells whether it printed
    text that had been held back.
    """

    slow: Seen
    fast: Seen
    asked: Counter[RawFormat]
    is_text: bool


class ReadSpool(SpoolFile):
    reads = 0
    is_closed = False

    def close(self) -> None:
        self.is_closed = True
        super().close()

    def read(self, offset: int, size: int) -> bytes:
        self.reads += 1
        return super().read(offset, size)


async def both(
    demo: DemoServer,
    readers: Readers,
    made: ScriptedJob,
    folder: Path,
    *,
    spoil: Spoil | None = None,
    grep: str | None = None,
) -> Both:
    client = Formats(await readers.client(demo), spoil)
    job = await client.job(made.workflow_id, made.id)

    spools: list[ReadSpool] = []

    def opened() -> ReadSpool:
        spools.append(ReadSpool(folder))
        return spools[-1]

    matcher = LineMatcher(compile_pattern(grep)) if grep else None

    def reading() -> RetainedLog:
        return RetainedLog(
            client,  # type: ignore[arg-type]
            None,
            job,
            selection=LineSelection(grep=matcher),
            timing=TIMING,
            tell=readers.said.append,
            spool=opened,
        )

    slow = await seen(reading(), readers, fast=False)
    client.asked.clear()
    fast = await seen(reading(), readers, fast=True)
    return Both(slow, fast, client.asked, any(spool.reads for spool in spools))


@pytest.mark.parametrize("seed", range(24))
async def test_text_is_what_the_entries_say(
    demo: DemoServer, readers: Readers, tmp_path: Path, seed: int
) -> None:
    random = Random(seed)
    script = script_of(
        random,
        attempts=random.choice([1, 1, 1, 2]),
        lost=random.choice([0.0, 0.0, 0.01]),
    )
    made = demo.world.add_job(Script(script, starts_in=-600, ends_after=1.0))
    demo.faults.cut_clean = random.choice([None, None, 250])
    demo.faults.raw_fails_after = random.choice([None, None, None, 20_000])
    for grep in (None, random.choice(GREPS)):
        found = await both(demo, readers, made, tmp_path, grep=grep)
        assert found.fast == found.slow


@pytest.mark.parametrize("grep", GREPS)
async def test_what_is_looked_for_is_found_in_the_text(
    demo: DemoServer, readers: Readers, tmp_path: Path, grep: str
) -> None:
    found = await both(demo, readers, plain_job(demo), tmp_path, grep=grep)
    assert found.fast == found.slow
    assert found.is_text
    assert 0 < found.fast.printed < 400 or grep == "."


def plain_job(demo: DemoServer, count: int = 400) -> ScriptedJob:
    lines = [ScriptLine(f"{n} {MESSAGES[n % 8]}", retained=0.0) for n in range(count)]
    return demo.world.add_job(Script(lines, starts_in=-600, ends_after=1.0))


async def test_a_long_plain_log_is_read_as_text(
    demo: DemoServer, readers: Readers, tmp_path: Path
) -> None:
    found = await both(demo, readers, plain_job(demo), tmp_path)
    assert found.fast == found.slow
    assert (found.fast.printed, found.fast.exit_code) == (400, 0)
    assert found.is_text
    assert found.asked == {RawFormat.JSONL: 1, RawFormat.TXT: 1}


async def test_doubles_that_are_paid_for_leave_a_log_countable(
    demo: DemoServer, readers: Readers, tmp_path: Path
) -> None:
    script: list[ScriptLine] = []
    for n in range(400):
        script.append(ScriptLine(f"{n}", after=0.001, retained=0.0))
        if n < 300 and n % 7 == 0:
            script.append(
                ScriptLine("other", STDERR, with_previous=True, after=0.0, retained=0.0)
            )
    made = demo.world.add_job(Script(script, starts_in=-600, ends_after=1.0))
    found = await both(demo, readers, made, tmp_path)
    assert found.fast == found.slow
    assert (found.fast.printed, found.is_text) == (443, True)


def without(first: int, stop: int) -> Spoil:
    def spoil(_format: RawFormat, lines: list[bytes]) -> Iterable[bytes]:
        return [*lines[:first], *lines[stop:]]

    return spoil


def text_only(change: Callable[[list[bytes]], Iterable[bytes]]) -> Spoil:
    def spoil(form: RawFormat, lines: list[bytes]) -> Iterable[bytes]:
        return change(lines) if form is RawFormat.TXT else lines

    return spoil


TRAILER = b"\n--- ERROR: failed to fetch logs ---\ndeadline exceeded\n"


@pytest.mark.parametrize(
    "spoil",
    [
        without(300, 310),
        without(390, 400),
        without(50, 60),
        text_only(lambda lines: lines[:250]),
        text_only(lambda lines: [*lines[:399], lines[399][:-1]]),
        text_only(lambda lines: [*lines[:397], TRAILER]),
        text_only(lambda lines: [*lines[:398], TRAILER[1:]]),
        text_only(lambda lines: [*lines, lines[-1]]),
        text_only(lambda lines: [b"other\n", *lines[1:]]),
        text_only(lambda lines: [*lines[:300], b"\xff\xfe\n", *lines[301:]]),
        text_only(lambda lines: [*lines[:300], b"\n", *lines[301:]]),
        text_only(lambda _lines: []),
    ],
)
async def test_text_in_doubt_is_seen_by_nobody(
    demo: DemoServer, readers: Readers, tmp_path: Path, spoil: Spoil
) -> None:
    found = await both(demo, readers, plain_job(demo), tmp_path, spoil=spoil)
    assert found.fast == found.slow
    assert found.asked[RawFormat.JSONL] == 1
    assert not found.is_text


async def test_a_server_without_entries_is_read_by_pages(
    documented_demo: DemoServer, readers: Readers, tmp_path: Path
) -> None:
    made = plain_job(documented_demo)
    found = await both(documented_demo, readers, made, tmp_path)
    assert found.fast == found.slow
    assert found.fast.printed == 400


async def test_text_that_comes_too_slowly_is_not_waited_for(
    demo: DemoServer,
    readers: Readers,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(text_rest, "LOOK_SECONDS", 0.0)
    monkeypatch.setattr(text_rest, "MOST_SECONDS", 0.0)
    found = await both(demo, readers, plain_job(demo), tmp_path)
    assert found.fast == found.slow
    assert (found.asked[RawFormat.TXT], found.is_text) == (1, False)


async def test_text_that_does_not_come_is_not_waited_for(
    demo: DemoServer,
    readers: Readers,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(text_rest, "MOST_SECONDS", 0.2)
    over = threading.Event()

    def silent(lines: list[bytes]) -> Iterator[bytes]:
        yield from lines[:300]
        over.wait()

    try:
        found = await both(
            demo, readers, plain_job(demo), tmp_path, spoil=text_only(silent)
        )
    finally:
        over.set()
    assert found.fast == found.slow
    assert (found.fast.printed, found.is_text) == (400, False)


def all_closed(spools: list[ReadSpool]) -> bool:
    return all(spool.is_closed for spool in spools)


async def test_who_stops_reading_leaves_no_spool_open(
    demo: DemoServer, readers: Readers, tmp_path: Path
) -> None:
    """Whether the text is still coming or is being printed."""
    made = plain_job(demo, 2000)
    client = await readers.client(demo)
    job = await client.job(made.workflow_id, made.id)
    for count in (1, 40):
        spools: list[ReadSpool] = []

        def opened(into: list[ReadSpool] = spools) -> ReadSpool:
            into.append(ReadSpool(tmp_path))
            return into[-1]

        log = RetainedLog(client, None, job, timing=TIMING, spool=opened)
        async with aclosing(log.text()) as pieces:
            for _ in range(count):
                await anext(pieces)
        await until(partial(all_closed, spools))


async def test_a_spool_that_cannot_be_written_changes_nothing(
    demo: DemoServer, readers: Readers, tmp_path: Path
) -> None:
    made = plain_job(demo)
    client = await readers.client(demo)
    job = await client.job(made.workflow_id, made.id)

    def refused() -> Overflow:
        raise PermissionError(13, "Permission denied")

    log = RetainedLog(client, None, job, timing=TIMING, spool=refused)
    text = b"".join([piece async for piece in log.text()])
    assert text.count(b"\n") == 400
    assert log.exit_code == 0


async def test_an_error_nobody_foresaw_is_raised(
    demo: DemoServer, readers: Readers, tmp_path: Path
) -> None:
    def fail(_lines: list[bytes]) -> Iterator[bytes]:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await both(demo, readers, plain_job(demo), tmp_path, spoil=text_only(fail))


async def test_a_selection_is_read_as_entries(
    demo: DemoServer, readers: Readers, tmp_path: Path
) -> None:
    made = plain_job(demo)
    client = Formats(await readers.client(demo))
    job = await client.job(made.workflow_id, made.id)
    log = RetainedLog(
        client,  # type: ignore[arg-type]
        None,
        job,
        selection=LineSelection(stream=STDERR),
        timing=TIMING,
        spool=lambda: SpoolFile(tmp_path),
    )
    assert [piece async for piece in log.text()] == []
    assert RawFormat.TXT not in client.asked


def page(numbers: Iterable[int], **fields: Any) -> LogPage:
    made = [LogLine(1, n, "stdout", n, "", f"log:j:stdout:{n}") for n in numbers]
    return LogPage(tuple(line._replace(**fields) for line in made))


def test_only_a_page_without_doubles_counts_a_log() -> None:
    down = range(999, 899, -1)
    assert counted_by(page(down)) == 1000
    assert counted_by(page(range(64, -1, -1))) == 65
    assert counted_by(page(range(63, -1, -1))) is None
    assert counted_by(page(reversed(down))) is None
    assert counted_by(page([999, *down])) is None
    assert counted_by(page([1001, *down])) is None
    assert counted_by(page(down, attempt=2)) is None
    assert counted_by(page(down, event_id="")) is None
    assert counted_by(LogPage(())) is None
