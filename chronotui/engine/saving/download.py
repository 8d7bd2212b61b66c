"""Saving the log of an ended job: the raw download, or the retained pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chronotui.core.log_formats import SaveFormat
from chronotui.core.text import clean
from chronotui.engine.saving.fetch import Fetch, Fetched, OtherFormatError
from chronotui.engine.saving.pages import build_from_pages
from chronotui.engine.saving.progress import SavePhase
from chronotui.engine.saving.proof import prove
from chronotui.engine.saving.request import count_of_lines, size_text
from chronotui.engine.saving.threads import in_thread
from chronotui.engine.saving.writers import writer_for
from chronotui.errors import (
    DownloadError,
    NotFoundError,
    NotSignedInError,
    RequestRefusedError,
    ServerError,
)
from chronotui.model import RawFormat

if TYPE_CHECKING:
    from chronotui.engine.saving.fetch import Writer
    from chronotui.engine.saving.work import Work
    from chronotui.model import Job


async def save_ended(work: Work, job: Job) -> None:
    """Write the log of an ended job.

    Raises:
        DownloadError: The download was cut, trailed or short, or the disk is full.
        ChronotuiError: The server's refusal, or the path's.
    """
    request = work.request
    try:
        if request.format is SaveFormat.TXT and (request.stream or request.query):
            await _ask_whether_filters_are_known(work)
        fetched = await _fetch(work)
    except OtherFormatError as other:
        what = "filtered" if request.format is SaveFormat.TXT else str(request.format)
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
        await prove(work, job, fetched)
        return
    await build_from_pages(work, job)


async def _fetch(work: Work) -> Fetched:
    request = work.request

    def begin(hint: str | None) -> Writer:
        part = work.open_part(hint)
        work.meter.phase = SavePhase.DOWNLOADING
        return writer_for(request.format, part, work.meter)

    fetching = Fetch(work.client, request, request.format.raw, begin)
    try:
        return await in_thread(fetching.run, fetching.stop)
    except ServerError as broken:
        if work.part is None:
            raise
        meter = work.meter
        raise DownloadError(
            f"The download broke off after {size_text(meter.bytes)} "
            f"({count_of_lines(meter.lines)}): {broken.sentence}",
            next_step="Try again.",
        ) from broken


async def _ask_whether_filters_are_known(work: Work) -> None:
    """Find out whether the server's download knows ``stream`` and ``q``.

    A documented server ignores both without a word, as it ignores ``format``: one
    that answers a jsonl request with jsonl knows all three (wire note "Raw
    download").

    Raises:
        OtherFormatError: It does not.
    """
    probe = Fetch(work.client, work.request, RawFormat.JSONL, lambda _hint: None)
    await in_thread(probe.run, probe.stop)
