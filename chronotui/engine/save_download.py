"""One raw download, read in a worker thread straight into what takes it.

Bytes never pass through the event loop: at hundreds of megabytes a second that hop
would be the limit.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from chronotui.engine.save_request import spool_explained
from chronotui.log.attempts import attempt_of
from chronotui.log.formats import text_bytes
from chronotui.log.raw_body import TAIL_BYTES, Tail, WholeLines, decode_entries
from chronotui.log.wholeness import Numbers
from chronotui.storage.files import AbandonedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from chronotui.engine.save_request import Meter, SaveRequest
    from chronotui.log.chunks import Overflow
    from chronotui.log.formats import LineEncoder
    from chronotui.model import RawFormat
    from chronotui.sources.chronoverse import Chronoverse
    from chronotui.sources.download import RawDownload
    from chronotui.storage.files import PartFile


class OtherFormatError(Exception):
    """The server answered in another encoding than it was asked for."""

    def __init__(self, sent: RawFormat) -> None:
        super().__init__(sent)
        self.sent = sent


class EnoughError(Exception):
    """What takes a body needs no more of it."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """A body that ended as HTTP wants it; ``tail`` is its end as the server sent it.

    ``size`` is its length. One that was broken off is not ``complete``.
    """

    raw_format: RawFormat
    tail: bytes
    size: int = 0
    complete: bool = True


class Writer(Protocol):
    """Takes a body in pieces."""

    def take(self, piece: bytes) -> None:
        """Take the next bytes of the body.

        Raises:
            EnoughError: No more are needed.
        """

    def finish(self) -> bytes:
        """Take over what is left; returns the end of the body."""


class Fetch:
    """A raw download.

    Args:
        client: The server.
        request: Which job and filters.
        raw_format: The encoding to ask for.
        begin: Called in the thread with the server's file name once it answered in
            that encoding; gives what takes the body.
        filtered: Whether stream and query of the request count.
    """

    def __init__(
        self,
        client: Chronoverse,
        request: SaveRequest,
        raw_format: RawFormat,
        begin: Callable[[str | None], Writer],
        *,
        filtered: bool = True,
    ) -> None:
        self._client = client
        self._request = request
        self._wanted = raw_format
        self._begin = begin
        self._filtered = filtered
        self._download: RawDownload | None = None
        self._stopped = False

    def stop(self) -> None:
        """Break it off, from any thread; returns at once."""
        self._stopped = True
        if self._download is not None:
            self._download.abort()

    def run(self) -> Fetched:
        """Download to the end of the body; blocks.

        Raises:
            OtherFormatError: The server knows only another encoding; ``begin`` was
                not called.
            AbandonedError: ``stop`` was called.
            ChronotuiError: As the client raises them, or from the disk.
        """
        request = self._request
        with self._client.download(
            request.workflow_id,
            request.job_id,
            format=self._wanted,
            stream=request.stream if self._filtered else None,
            query=request.query if self._filtered else None,
        ) as download:
            self._download = download
            self._check()
            if download.format is not self._wanted:
                download.abort()
                raise OtherFormatError(download.format)
            return self._read(download, self._begin(download.file_name))

    def _read(self, download: RawDownload, writer: Writer) -> Fetched:
        size = 0
        try:
            for piece in download.chunks():
                self._check()
                writer.take(piece)
                size += len(piece)
        except EnoughError:
            download.abort()
            return Fetched(self._wanted, b"", size, complete=False)
        self._check()
        return Fetched(self._wanted, writer.finish(), size)

    def _check(self) -> None:
        if self._stopped:
            raise AbandonedError


# What takes the body of a raw download.

_LATER: Final = b":attempt:"
"""Stands in the event id of every line of a later attempt."""


class PlainWriter:
    """The body byte for byte.

    Args:
        part: Where it goes.
        meter: Counts bytes and lines.
        mark: What each line has once.
        job_id: Of a body whose entries tell their attempt: it is broken off, and
            ``interleaved`` set, once there is more than one. "" for any other body.
    """

    def __init__(
        self, part: PartFile, meter: Meter, mark: bytes = b"\n", job_id: str = ""
    ) -> None:
        self._part = part
        self._meter = meter
        self._mark = mark
        self._seam = b""
        id_begins = json.dumps(f"log:{job_id}", ensure_ascii=False)[:-1]
        self._later = id_begins.encode() + _LATER if job_id else b""
        self._end = b""
        self.interleaved = False

    def take(self, piece: bytes) -> None:
        """Write the next bytes.

        Raises:
            EnoughError: The attempts interleave.
        """
        if self._later:
            self._look_for_later(piece)
        self._part.write(piece)
        # Faster than count(), which looks at every byte: what is left out was there.
        left = len(piece.replace(self._mark, b""))
        lines = (len(piece) - left) // len(self._mark)
        reach = len(self._mark) - 1
        if reach:
            # A mark may lie across two pieces.
            lines += (self._seam + piece[:reach]).count(self._mark)
            self._seam = (self._seam + piece)[-reach:]
        self._meter.add(len(piece), lines)

    def _look_for_later(self, piece: bytes) -> None:
        reach = len(self._later) - 1
        if self._later in piece or self._later in self._end + piece[:reach]:
            self.interleaved = True
            raise EnoughError
        self._end = (self._end + piece[-reach:])[-reach:]

    def finish(self) -> bytes:
        """Return the end of the file, which is the end of the body."""
        return self._part.tail(TAIL_BYTES)


_ATTEMPTS_FILE: Final = "The spool file for a retried job's attempts"


class AttemptSpool:
    """Entries of a raw file by attempt, to be had attempt after attempt.

    A raw file of a retried job is sorted by number and so interleaves its attempts
    (wire note "Retained logs"). Within an attempt its order is kept. What is added
    goes to disk; a little is remembered of each addition.

    Args:
        spool: Opens the place for them when it is first needed.

    Raises:
        DownloadError: The disk is full or fails; as from every method.
    """

    def __init__(self, spool: Callable[[], Overflow]) -> None:
        self._open = spool
        self._spool: Overflow | None = None
        self._places: dict[int, list[tuple[int, int]]] = {}

    def add(self, attempt: int, content: bytes) -> None:
        """Append bytes to what is kept of an attempt."""
        with spool_explained(_ATTEMPTS_FILE):
            if self._spool is None:
                self._spool = self._open()
            place = (self._spool.write(content), len(content))
        self._places.setdefault(attempt, []).append(place)

    def in_order(self) -> Iterator[bytes]:
        """Yield all that was added, attempt after attempt."""
        for attempt in sorted(self._places):
            for offset, size in self._places[attempt]:
                with spool_explained(_ATTEMPTS_FILE):
                    assert self._spool is not None  # noqa: S101 - something was added
                    content = self._spool.read(offset, size)
                yield content

    def close(self) -> None:
        """Give the space back."""
        if self._spool is not None:
            self._spool.close()


class EntryWriter:
    """A jsonl body in any format, attempt after attempt.

    The first attempt's lines are written as they come, those of later ones wait.

    Args:
        part: Where it goes.
        meter: Counts bytes and lines.
        encoder: Of the format; gives what stands around the lines.
        spool: Opens the place where later attempts wait.

    Attributes:
        attempts: The lines of each attempt.
    """

    def __init__(
        self,
        part: PartFile,
        meter: Meter,
        encoder: LineEncoder,
        spool: Callable[[], Overflow],
    ) -> None:
        self.attempts: dict[int, Numbers] = {}
        self._part = part
        self._meter = meter
        self._encoder = encoder
        self._later = AttemptSpool(spool)
        self._lines = WholeLines()
        self._tail = Tail()
        self._write(encoder.head(), 0)

    def take(self, piece: bytes) -> None:
        """Write the lines that are whole by now.

        Raises:
            UnreadableAnswerError: A line is not a JSON object of the known shape.
            DownloadError: The disk is full or fails.
        """
        self._tail.add(piece)
        whole = self._lines.feed(piece)
        if whole:
            self._take_lines(whole)

    def _take_lines(self, whole: bytes) -> None:
        entries = decode_entries(whole)
        raw = [line for line in whole.split(b"\n") if line.strip()]
        if any(entry.message_raw is None for entry in entries):
            kept = [n for n, x in enumerate(entries) if x.message_raw is not None]
            entries, raw = [entries[n] for n in kept], [raw[n] for n in kept]
        if _LATER not in whole:
            self._add(1, entries, raw)
            return
        parted: dict[int, tuple[list[Any], list[bytes]]] = {}
        for entry, line in zip(entries, raw, strict=True):
            attempt = attempt_of(entry.event_id or "") or 1
            lines = parted.setdefault(attempt, ([], []))
            lines[0].append(entry)
            lines[1].append(line)
        for attempt, (some, lines_of_it) in parted.items():
            self._add(attempt, some, lines_of_it)

    def _add(self, attempt: int, entries: list[Any], raw: list[bytes]) -> None:
        if not entries:
            return
        known = self.attempts.get(attempt, Numbers(0, -1))
        highest = max(entry.sequence_num or 0 for entry in entries)
        self.attempts[attempt] = Numbers(
            known.lines + len(entries), max(known.highest, highest)
        )
        content = self._encoder.entries(entries, raw)
        if attempt == 1:
            self._write(self._encoder.in_turn(content), len(entries))
        else:
            self._later.add(attempt, content)
            self._meter.add(0, len(entries))

    def _write(self, content: bytes, lines: int) -> None:
        if content:
            self._part.write(content)
            self._meter.add(len(content), lines)

    def finish(self) -> bytes:
        """Write what waited; a last line without its end is not a line.

        Returns:
            The end of the body.

        Raises:
            DownloadError: The disk is full or fails.
        """
        for content in self._later.in_order():
            self._write(self._encoder.in_turn(content), 0)
        self._write(self._encoder.tail(), 0)
        return self._tail.bytes()

    def close(self) -> None:
        """Let go of what waited."""
        self._later.close()


class FirstEntries:
    """The beginning of a jsonl body: whether a job was tried more than once.

    Numbers begin again with each attempt, and the body is sorted by them, so its first
    entries are of every attempt.

    Attributes:
        retried: Whether there are later attempts among them.
    """

    _NUMBERS: Final = 16
    _BYTES: Final = 4 << 20

    def __init__(self) -> None:
        self.retried = False
        self._lines = WholeLines()
        self._size = 0

    def take(self, piece: bytes) -> None:
        """Look at the next bytes.

        Raises:
            EnoughError: That is known now.
            UnreadableAnswerError: A line is not a JSON object of the known shape.
        """
        self._size += len(piece)
        entries = decode_entries(self._lines.feed(piece))
        ids = (entry.event_id or "" for entry in entries)
        self.retried = self.retried or any((attempt_of(x) or 1) > 1 for x in ids)
        highest = max((entry.sequence_num or 0 for entry in entries), default=0)
        if self.retried or highest > self._NUMBERS or self._size > self._BYTES:
            raise EnoughError

    def finish(self) -> bytes:
        """There is nothing to take over."""
        return b""


class TextMeasure:
    """Counts the lines of a jsonl body, and measures the txt file it would make.

    Attributes:
        lines: Its log lines.
        text_lines: The lines of the text.
        size: The bytes of the text.
        attempts: The log lines of each attempt.
    """

    def __init__(self) -> None:
        self.lines = self.text_lines = self.size = 0
        self.attempts: dict[int, Numbers] = {}
        self._whole = WholeLines()
        self._tail = Tail()

    def take(self, piece: bytes) -> None:
        """Measure the lines that are whole by now.

        Raises:
            UnreadableAnswerError: A line is not a JSON object of the known shape.
        """
        self._tail.add(piece)
        for entry in decode_entries(self._whole.feed(piece)):
            if entry.message_raw is None:
                continue
            text = text_bytes(entry.message_raw)
            self.lines += 1
            self.text_lines += text.count(b"\n") + 1
            self.size += len(text) + 1
            attempt = attempt_of(entry.event_id or "") or 1
            known = self.attempts.get(attempt, Numbers(0, -1))
            highest = max(known.highest, entry.sequence_num or 0)
            self.attempts[attempt] = Numbers(known.lines + 1, highest)

    def finish(self) -> bytes:
        """Return the end of the body."""
        return self._tail.bytes()
