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
from chronotui.engine.retained import RetainedLog
from chronotui.engine.save import Save
from chronotui.engine.save_request import SaveRequest
from chronotui.errors import ChronotuiError
from chronotui.log.formats import JSONL, save_format
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
    viewport: Reading,
    seconds: float,
    *,
    may_miss: bool = False,
    may_refuse: bool = False,
) -> Found:
    """Compare what was read with what was written."""
    held, true = Counter(viewport.lines), Counter(truth)
    lost, doubled = (true - held).total(), (held - true).total()
    refused = bool(viewport.refused) and may_refuse
    said = 0
    if refused or (may_miss and viewport.doubtful):
        said = lost
    elif may_miss:
        said = min(lost, viewport.missing)
    return Found(
        lost=lost - said,
        doubled=doubled,
        disordered=disorder(viewport.lines),
        false_missing=max(0, viewport.missing - lost),
        false_whole=int(viewport.whole and lost > 0),
        said=said,
        wrong=int(
            not (viewport.right or refused) or (viewport.doubtful and not may_miss)
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
    viewport, began = Reading(), time.monotonic()
    try:
        async with asyncio.timeout(LIMIT):
            await read(viewport)
    except TimeoutError:
        viewport.said.append(f"it had not ended after {LIMIT:.0f} s")
        viewport.right = viewport.whole = False
    except ChronotuiError as error:
        viewport.refused = f"{type(error).__name__}: {error.sentence}"
        viewport.said.append(viewport.refused)
    return viewport, time.monotonic() - began


async def watched(
    client: Chronoverse, job: Job, settings: WatchSettings, viewport: Reading
) -> None:
    """Read a job as the desk does."""
    log = JobLog(client, None, job, settings=settings)
    try:
        verdict = await log.watch()
        _take_store(log, viewport)
        _believe(verdict, viewport)
    except BaseException:
        _take_store(log, viewport)
        viewport.said.append(f"the desk said {log.state.connection.text(log.now())}")
        raise
    finally:
        log.store.close()


def _believe(verdict: Verdict, viewport: Reading) -> None:
    """Note what a verdict says."""
    viewport.missing = _short(verdict)
    viewport.whole = verdict.sealed and not viewport.missing
    viewport.right = verdict.lines == len(viewport.lines)
    viewport.doubtful = not verdict.sealed and not viewport.missing
    viewport.said.append(verdict.sentence())


def _short(verdict: Verdict) -> int:
    """Return the lines that a verdict says are missing, for certain or possibly."""
    possible: int = verdict.possible
    return verdict.missing + possible


def _take_store(log: JobLog, viewport: Reading) -> None:
    viewport.lines = [identity(line) for line in log.store.lines(0, len(log.store))]


async def followed(
    client: Chronoverse, job: Job, settings: WatchSettings, viewport: Reading
) -> None:
    """Read a job as ``logs --follow`` does."""
    follow = Follow(client, None, job, settings=settings, tell=viewport.said.append)
    async for batch in follow.batches():
        viewport.lines += map(identity, batch)
    result = follow.result
    assert result is not None
    viewport.missing = _short(result.verdict)
    viewport.whole = result.exit_code != 6
    viewport.doubtful = not viewport.whole and not viewport.missing
    ended = 0 if result.job.status == "COMPLETED" else 1
    viewport.right = follow.printed == len(viewport.lines) and (
        result.exit_code in (6, ended)
    )
    viewport.said.append(follow.summary())


async def recorded(
    client: Chronoverse,
    job: Job,
    settings: WatchSettings,
    path: Path,
    viewport: Reading,
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
        await _run(save, viewport)
    finally:
        viewport.lines = list(_entries(_lines_of(path, save.part)))
    viewport.right = viewport.right and viewport.counted == len(viewport.lines)


async def _run(save: Save, viewport: Reading) -> None:
    """Run a save and note what it says of its file."""
    result = await save.run()
    viewport.said += result.notes
    viewport.missing = result.missing_lines
    vouched = not any("not verified" in note.lower() for note in result.notes)
    viewport.whole = result.exit_code == 0 and vouched
    viewport.doubtful = result.exit_code != 0 and not viewport.missing
    viewport.right = True
    viewport.counted = result.lines


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


async def printed(client: Chronoverse, job: Job, viewport: Reading) -> None:
    """Read an ended job as ``logs`` does."""
    log = RetainedLog(client, None, job, tell=viewport.said.append)
    async for batch in log.batches():
        viewport.lines += map(identity, batch)
    viewport.missing = log.missing
    viewport.whole = log.exit_code == 0
    viewport.doubtful = not viewport.whole and not viewport.missing
    viewport.right = log.printed == len(viewport.lines)


async def loaded(
    client: Chronoverse, job: Job, settings: WatchSettings, viewport: Reading
) -> None:
    """Open an ended job on the desk and load it from its first line with ``g``."""
    log = JobLog(client, None, job, settings=settings)
    try:
        await log.watch()
        await log.history.load_all()
        verdict = log.state.verdict
        assert verdict is not None
        _take_store(log, viewport)
        _believe(verdict, viewport)
        if verdict.part or verdict.split or not log.state.at_start:
            viewport.whole = viewport.right = False
    finally:
        log.store.close()


async def saved(
    client: Chronoverse,
    job: Job,
    path: Path,
    truth: Sequence[Identity],
    viewport: Reading,
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
    await _run(Save(client, request), viewport)
    lines = _lines_of(path)
    if request.format is JSONL:
        viewport.lines = list(_entries(lines))
    else:
        viewport.lines = named(lines, truth)
    viewport.right = viewport.right and viewport.counted == len(viewport.lines)


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
