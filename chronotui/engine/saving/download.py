"""Saving the log of an ended job: the raw download, or the retained pages."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final

from chronotui.core.log_formats import SaveFormat
from chronotui.core.text import clean
from chronotui.engine.retry import Retries
from chronotui.engine.saving.fetch import Fetch, Fetched, OtherFormatError
from chronotui.engine.saving.lines import encoder_for
from chronotui.engine.saving.pages import build_from_pages
from chronotui.engine.saving.progress import SavePhase
from chronotui.engine.saving.proof import ShortDownloadError, prove
from chronotui.engine.saving.request import count_of_lines, size_text
from chronotui.engine.saving.threads import in_thread
from chronotui.engine.saving.writers import EntryWriter, FirstEntries, PlainWriter
from chronotui.errors import (
    DownloadError,
    NotFoundError,
    NotSignedInError,
    RequestRefusedError,
    ServerError,
)
from chronotui.model import RawFormat

if TYPE_CHECKING:
    from collections.abc import Callable

    from chronotui.engine.saving.fetch import Writer
    from chronotui.engine.saving.work import Work
    from chronotui.model import Job
    from chronotui.storage.atomic_file import PartFile

GROWING_SHARES: Final = (0.02, 0.04, 0.08, 0.16, 0.3, 0.4)
"""A file that is short is asked for again after such shares of the minute that a log
can still grow after its end (design note, invariant 6)."""


async def save_ended(work: Work, job: Job) -> None:
    """Write the log of an ended job.

    Raises:
        DownloadError: The download was cut, trailed or short, or the disk is full.
        ChronotuiError: The server's refusal, or the path's.
    """
    minute = work.watch.timing.end_limit
    notes = tuple(work.notes)
    for share in GROWING_SHARES:
        try:
            await _save_once(work, job)
        except ShortDownloadError:
            age = job.seconds_since_end(time.time())
            if age is None or age >= minute:
                raise
            await work.begin_again(notes)
            work.meter.restart(SavePhase.SETTLING)
            await asyncio.sleep(share * minute)
        else:
            return
    await _save_once(work, job)


async def _save_once(work: Work, job: Job) -> None:
    try:
        await _download(work, job)
    except OtherFormatError as other:
        what = str(work.request.format)
        if work.request.format is SaveFormat.TXT:
            filtered = work.request.stream or work.request.query
            what = "filtered" if filtered else "attempt after attempt"
        work.notes.append(
            f"The server's own download gives nothing but the whole log as {other.sent}"
            f": this {what} file was built from the retained pages."
        )
    except (NotSignedInError, RequestRefusedError, NotFoundError) as refusal:
        words = clean(refusal.sentence).rstrip(".")
        work.notes.append(
            f"The server refuses its own download of this job ({words}): the file "
            "was built from the retained pages."
        )
    else:
        return
    await build_from_pages(work, job)


async def _download(work: Work, job: Job) -> None:
    """Write the raw download, byte for byte where it is the file that was asked for.

    Text of a stream, of a query or of a retried job is made from jsonl: there each
    line says which it is.

    Raises:
        OtherFormatError: The server cannot give what that takes.
    """
    request = work.request
    filtered = bool(request.stream or request.query)
    from_entries = request.format is SaveFormat.TXT_TIME
    if request.format is SaveFormat.TXT:
        from_entries = filtered or await _is_retried(work, job)
    if not from_entries and await _download_plainly(work, job):
        return
    await _download_entries(work, job)


async def _is_retried(work: Work, job: Job) -> bool:
    """Tell whether a job was tried more than once: its text would not show it."""
    if job.attempts is not None and job.status.is_terminal:
        return job.attempts > 1
    first = FirstEntries()
    probe = Fetch(
        work.client, work.request, RawFormat.JSONL, lambda _: first, filtered=False
    )
    try:
        await _asked(work, probe)
    except (OtherFormatError, ServerError):
        # The pages of such a server tell, or nothing does.
        return False
    return first.retried


async def _download_plainly(work: Work, job: Job) -> bool:
    """Write the body byte for byte; False if that mixes the attempts of a job."""
    request = work.request
    tells = request.format is not SaveFormat.TXT
    mark = b'"message_raw":' if request.format is SaveFormat.JSON else b"\n"
    job_id = request.job_id if tells else ""
    writer: PlainWriter | None = None

    def begin(part: PartFile) -> Writer:
        nonlocal writer
        writer = PlainWriter(part, work.meter, mark, job_id)
        return writer

    fetched = await _fetch(work, request.format.raw, begin)
    if writer is not None and writer.interleaved:
        await work.drop_part()
        return False
    await prove(work, job, fetched, {})
    return True


async def _download_entries(work: Work, job: Job) -> None:
    """Make the file from the entries of a jsonl body, attempt after attempt."""
    writer: EntryWriter | None = None

    def begin(part: PartFile) -> Writer:
        nonlocal writer
        work.meter.restart(SavePhase.DOWNLOADING)
        writer = EntryWriter(part, work.meter, encoder_for(work), work.spool)
        return writer

    try:
        fetched = await _fetch(work, RawFormat.JSONL, begin)
    finally:
        if writer is not None:
            writer.close()
    attempts = {} if writer is None else writer.attempts
    if len(attempts) > 1:
        work.notes.append(_attempts_note(work, len(attempts)))
    await prove(work, job, fetched, attempts)


def _attempts_note(work: Work, count: int) -> str:
    note = f"The job was tried {count} times: the file has one try after the other"
    if work.request.format is SaveFormat.TXT:
        return f"{note}, made from jsonl, for the server's own text mixes them."
    return f"{note}, where the server's own mixes them."


async def _fetch(
    work: Work, raw_format: RawFormat, begin: Callable[[PartFile], Writer]
) -> Fetched:
    def opened(hint: str | None) -> Writer:
        part = work.open_part(hint)
        work.meter.phase = SavePhase.DOWNLOADING
        return begin(part)

    try:
        return await _asked(work, Fetch(work.client, work.request, raw_format, opened))
    except ServerError as broken:
        if work.part is None:
            raise
        meter = work.meter
        raise DownloadError(
            f"The download broke off after {size_text(meter.bytes)} "
            f"({count_of_lines(meter.lines)}): {broken.sentence}",
            next_step="Try again.",
        ) from broken


async def _asked(work: Work, fetch: Fetch) -> Fetched:
    """Run a download; one that does not begin is asked for again once or twice."""
    return await Retries(work.tell, timing=work.watch.timing).ask(
        lambda: in_thread(fetch.run, fetch.stop)
    )
