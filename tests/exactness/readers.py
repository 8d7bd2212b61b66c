"""Everything that reads or saves a log, and what each made of the truth."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from dataclasses import dataclass, field
from itertools import groupby, pairwise
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from chronotui.demo.routes import Dialect
from chronotui.engine.follow import Follow
from chronotui.engine.job_log import JobLog
from chronotui.engine.merged import BUDGET_SECONDS
from chronotui.engine.retained import RetainedLog
from chronotui.engine.save import Save
from chronotui.engine.save_request import SaveRequest
from chronotui.errors import ChronotuiError
from chronotui.log.formats import JSONL, save_format
from chronotui.log.merged import MergedStore, part_of
from chronotui.sources.chronoverse import open_chronoverse
from chronotui.sources.protocol import BearerAuth, SessionAuth

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence
    from pathlib import Path

    from chronotui.demo.lines import TrueLine
    from chronotui.demo.server import DemoServer
    from chronotui.engine.ending import Verdict
    from chronotui.engine.timing import WatchSettings
    from chronotui.model import Job, LogLine
    from chronotui.sources.chronoverse import Chronoverse

LIMIT: Final = 50.0
"""Seconds a reader may take; one that takes longer is counted as never ending."""

Identity: TypeAlias = tuple[int, int, str, str]
"""(attempt, number, stream, message) of a line."""


@dataclass
class Reading:
    """What one reader read, and what it said of it.

    Attributes:
        lines: As they came, in its order.
        missing: Lines it said are missing.
        whole: Whether it said that they are all there are.
        right: Whether it ended as it should, and counted what it had.
        doubtful: Whether it said that lines may be missing, but not how many.
        refused: The reason it gave up with; "" if it did not.
        counted: Lines it said it saved.
        said: Its sentences.
    """

    lines: list[Identity] = field(default_factory=list)
    missing: int = 0
    whole: bool = False
    right: bool = False
    doubtful: bool = False
    refused: str = ""
    counted: int = 0
    said: list[str] = field(default_factory=list)


class Found(NamedTuple):
    """One reader's reading held against the truth; all but seconds are counts.

    ``said`` are lines that are lost and were said to be, where they may be.
    """

    lost: int
    doubled: int
    disordered: int
    false_missing: int
    false_whole: int
    said: int
    wrong: int
    seconds: float

    @property
    def exact(self) -> bool:
        """Whether there is nothing to find fault with."""
        return not any((*self[:5], self.wrong))


def identity(line: LogLine | TrueLine) -> Identity:
    """Return what makes a line the same as a true one."""
    return (line.attempt, line.sequence_num, line.stream, line.message)


def disorder(found: Sequence[Identity]) -> int:
    """Count lines below the one before; the order within a number is free."""
    return sum(after[:2] < before[:2] for before, after in pairwise(found))


def judge(
    truth: Sequence[Identity],
    reading: Reading,
    seconds: float,
    *,
    may_miss: bool = False,
    may_refuse: bool = False,
) -> Found:
    """Compare what was read with what was written."""
    held, true = Counter(reading.lines), Counter(truth)
    lost, doubled = (true - held).total(), (held - true).total()
    refused = bool(reading.refused) and may_refuse
    said = 0
    if refused or (may_miss and reading.doubtful):
        said = lost
    elif may_miss:
        said = min(lost, reading.missing)
    return Found(
        lost=lost - said,
        doubled=doubled,
        disordered=disorder(reading.lines),
        false_missing=max(0, reading.missing - lost),
        false_whole=int(reading.whole and lost > 0),
        said=said,
        wrong=int(
            not (reading.right or refused) or (reading.doubtful and not may_miss)
        ),
        seconds=seconds,
    )


def client_of(demo: DemoServer, url: str = "") -> Chronoverse:
    """Return a client that signs in by itself as often as it takes.

    Args:
        demo: The server.
        url: Where it is reached; its own address if "".
    """

    async def password() -> str:
        return demo.password

    async def token() -> str:
        return demo.token

    if demo.dialect is Dialect.CURRENT:
        return open_chronoverse(url or demo.url, SessionAuth(demo.email, password))
    session, _csrf = demo.open_session()

    async def cookie() -> str:
        return session

    return open_chronoverse(url or demo.url, BearerAuth(token, cookie))


async def timed(
    read: Callable[[Reading], Awaitable[None]],
) -> tuple[Reading, float]:
    """Let a reader read until it ends, gives up or takes too long."""
    reading, began = Reading(), time.monotonic()
    try:
        async with asyncio.timeout(LIMIT):
            await read(reading)
    except TimeoutError:
        reading.said.append(f"it had not ended after {LIMIT:.0f} s")
        reading.right = reading.whole = False
    except ChronotuiError as error:
        reading.refused = f"{type(error).__name__}: {error.sentence}"
        reading.said.append(reading.refused)
    return reading, time.monotonic() - began


async def watched(
    client: Chronoverse, job: Job, settings: WatchSettings, reading: Reading
) -> None:
    """Read a job as the desk does, and merge it with another just like it."""
    log = JobLog(client, None, job, settings=settings)
    merged = MergedStore()
    for _ in range(2):
        merged.add_job(log.store)
    log.subscribe(lambda: _merge(merged))
    try:
        verdict = await log.watch()
        _take_store(log, reading)
        _believe(verdict, reading)
        _check_merged(merged, log, reading)
    except BaseException:
        _take_store(log, reading)
        reading.said.append(f"the desk said {log.state.connection.text(log.now())}")
        raise
    finally:
        log.store.close()


def _merge(merged: MergedStore) -> None:
    merged.take_over(BUDGET_SECONDS)


def _check_merged(merged: MergedStore, log: JobLog, reading: Reading) -> None:
    """Hold what the merged log has of each job against the job's own log."""
    merged.take_over(LIMIT)
    own = [line[2:5] for line in log.store.lines(0, len(log.store))]
    lines = merged.store.lines(0, len(merged.store))
    for number in range(2):
        mine = [line[2:5] for line in lines if part_of(line.sequence_num) == number]
        if mine != own:
            reading.right = False
            reading.said.append(f"merged, {len(mine)} lines stand of {len(own)}")


def _believe(verdict: Verdict, reading: Reading) -> None:
    """Note what a verdict says."""
    reading.missing = _short(verdict)
    reading.whole = verdict.sealed and not reading.missing
    reading.right = verdict.lines == len(reading.lines)
    reading.doubtful = not verdict.sealed and not reading.missing
    reading.said.append(verdict.sentence())


def _short(verdict: Verdict) -> int:
    """Return the lines that a verdict says are missing, for certain or possibly."""
    possible: int = verdict.possible
    return verdict.missing + possible


def _take_store(log: JobLog, reading: Reading) -> None:
    reading.lines = [identity(line) for line in log.store.lines(0, len(log.store))]


async def followed(
    client: Chronoverse, job: Job, settings: WatchSettings, reading: Reading
) -> None:
    """Read a job as ``logs --follow`` does."""
    follow = Follow(client, None, job, settings=settings, tell=reading.said.append)
    async for batch in follow.batches():
        reading.lines += map(identity, batch)
    result = follow.result
    assert result is not None
    reading.missing = _short(result.verdict)
    reading.whole = result.exit_code != 6
    reading.doubtful = not reading.whole and not reading.missing
    ended = 0 if result.job.status == "COMPLETED" else 1
    reading.right = follow.printed == len(reading.lines) and (
        result.exit_code in (6, ended)
    )
    reading.said.append(follow.summary())


async def recorded(
    client: Chronoverse,
    job: Job,
    settings: WatchSettings,
    path: Path,
    reading: Reading,
) -> None:
    """Record a job as ``save`` does while it runs."""
    request = SaveRequest(
        workflow_id=job.workflow_id,
        job_id=job.id,
        format=JSONL,
        path=path,
        keep_part=True,
    )
    save = Save(client, request, watch=settings)
    try:
        await _run(save, reading)
    finally:
        reading.lines = list(_entries(_lines_of(path, save.part)))
    reading.right = reading.right and reading.counted == len(reading.lines)


async def _run(save: Save, reading: Reading) -> None:
    """Run a save and note what it says of its file."""
    result = await save.run()
    reading.said += result.notes
    reading.missing = result.missing_lines
    vouched = not any("not verified" in note.lower() for note in result.notes)
    reading.whole = result.exit_code == 0 and vouched
    reading.doubtful = result.exit_code != 0 and not reading.missing
    reading.right = True
    reading.counted = result.lines


def _lines_of(*paths: Path | None) -> list[str]:
    """Return the lines of the first of some files that is there."""
    for path in paths:
        if path is not None and path.exists():
            return path.read_bytes().decode().split("\n")[:-1]
    return []


def _entries(lines: Iterable[str]) -> Iterable[Identity]:
    """Read the lines of a jsonl file; without ids an attempt is told by its numbers."""
    attempt, last = 1, -1
    for text in lines:
        entry = json.loads(text)
        number = entry.get("sequence_num", 0)
        parts = entry.get("event_id", "").split(":")
        if parts[2:3] == ["attempt"]:
            attempt = int(parts[3])
        elif len(parts) == 4:
            attempt = 1
        elif number < last:
            attempt += 1
        last = number
        yield (attempt, number, entry["stream"], entry["message_raw"])


async def printed(client: Chronoverse, job: Job, reading: Reading) -> None:
    """Read an ended job as ``logs`` does."""
    log = RetainedLog(client, None, job, tell=reading.said.append)
    async for batch in log.batches():
        reading.lines += map(identity, batch)
    reading.missing = log.missing
    reading.whole = log.exit_code == 0
    reading.doubtful = not reading.whole and not reading.missing
    reading.right = log.printed == len(reading.lines)


async def loaded(
    client: Chronoverse, job: Job, settings: WatchSettings, reading: Reading
) -> None:
    """Open an ended job on the desk and load it from its first line with ``g``."""
    log = JobLog(client, None, job, settings=settings)
    try:
        await log.watch()
        await log.history.load_all()
        verdict = log.state.verdict
        assert verdict is not None
        _take_store(log, reading)
        _believe(verdict, reading)
        if verdict.part or verdict.split or not log.state.at_start:
            reading.whole = reading.right = False
    finally:
        log.store.close()


async def saved(
    client: Chronoverse,
    job: Job,
    path: Path,
    truth: Sequence[Identity],
    reading: Reading,
    *,
    stream: str | None = None,
) -> None:
    """Save an ended job's log, the format being that of the path.

    A ``txt`` says nothing of its lines but their messages: they are named by the
    truth, as far as they stand where it has them.
    """
    request = SaveRequest(
        workflow_id=job.workflow_id,
        job_id=job.id,
        format=save_format(path.suffix[1:]),
        path=path,
        stream=stream,
    )
    await _run(Save(client, request), reading)
    lines = _lines_of(path)
    if request.format is JSONL:
        reading.lines = list(_entries(lines))
    else:
        reading.lines = named(lines, truth)
    reading.right = reading.right and reading.counted == len(reading.lines)


def named(messages: Sequence[str], truth: Sequence[Identity]) -> list[Identity]:
    """Name the messages of a text file by the true lines they are.

    Where the order within a number differs from the true one, and where lines are
    left out, the next true line with that message is meant; what is no true line, or
    stands before the one above it, is given the number -1.
    """
    groups = [list(group) for _, group in groupby(truth, key=lambda line: line[:2])]
    found: list[Identity] = []
    at, used = 0, set[int]()
    for message in messages:
        here = at
        while here < len(groups) and not (
            places := [
                place
                for place, line in enumerate(groups[here])
                if line[3] == message and not (here == at and place in used)
            ]
        ):
            here += 1
        if here == len(groups):
            found.append((0, -1, "", message))
            continue
        if here != at:
            at, used = here, set()
        used.add(places[0])
        found.append(groups[at][places[0]])
    return found
