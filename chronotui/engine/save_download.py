"""A save under way, and the raw download that fills its file.

The bytes of a download never pass through the event loop: at hundreds of megabytes a
second that hop would be the limit. A worker thread reads them straight into what
takes them.
"""

from __future__ import annotations

import asyncio
import json
import threading
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

from msgspec import Struct

from chronotui.engine.save_request import (
    GRACE_SECONDS,
    Meter,
    SavePhase,
    in_thread,
    log_name,
    spool_explained,
)
from chronotui.engine.timing import WatchSettings
from chronotui.log.attempts import attempt_of
from chronotui.log.formats import LineEncoder, SavedLog, text_bytes
from chronotui.log.json_body import JsonBody
from chronotui.log.raw_body import TAIL_BYTES, Tail, WholeLines, decode_entries
from chronotui.log.raw_spans import decode_usual
from chronotui.log.wholeness import Numbers
from chronotui.model import RawFormat
from chronotui.storage.files import (
    AbandonedError,
    PartFile,
    SpoolFile,
    Target,
    look,
    opening_problem,
    refusal,
    spool_dir,
)
from chronotui.storage.recording_part import RecordingOf, RecordingPart, recording_to

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Sequence
    from pathlib import Path

    from chronotui.engine.save_request import SaveRequest
    from chronotui.log.chunks import Overflow
    from chronotui.sources.protocol import RawAnswer, Source

Value = TypeVar("Value")

KEEP_SECONDS: Final = 2.0
"""How long a disk may take to keep a part; what was durable before is kept anyway."""


class Work:
    """One save under way: what its steps share.

    ``notes`` gathers the sentences for the result, ``missing_lines``, ``sealed``,
    ``held`` and ``unverified`` are the result's own. ``part`` is the unfinished file
    once there is one. ``recording`` is the part of a recording: it is kept for the next
    one unless ``drop_recording`` says otherwise; with ``keep_anyway`` it is kept and
    nothing goes on with it.
    """

    def __init__(
        self,
        client: Source,
        request: SaveRequest,
        spool: Callable[[], Overflow] | None = None,
        watch: WatchSettings | None = None,
    ) -> None:
        self.client = client
        self.request = request
        self.spool: Callable[[], Overflow] = spool or (
            lambda: SpoolFile(spool_dir(None))
        )
        self.watch = watch or WatchSettings(may_sign_in=False, waits=False)
        self.meter = Meter(request.known_lines, request.noun)
        self.notes: list[str] = []
        self.missing_lines = 0
        self.sealed = True
        self.held = ""
        self.unverified = ""
        self.keep_anyway = False
        self.drop_recording = False
        self.part: PartFile | None = None
        self.recording: RecordingPart | None = None
        self._lock = threading.Lock()
        self._over = False

    def tell(self, sentence: str) -> None:
        """Let whoever looks at the progress know what goes on."""
        self.meter.said = sentence

    def target_path(self, hint: str | None = None) -> Path:
        """Return the final path; ``hint`` is the server's file name."""
        request = self.request
        if request.path is not None:
            return request.path.expanduser()
        name = request.file_name or log_name(
            request.job_id, request.format.extension, hint=hint
        )
        return request.folder.expanduser() / name

    async def check_path(self) -> None:
        """Refuse a path that cannot work before anything is asked of the server.

        Raises:
            PathRefusedError: It exists and may not be replaced, or cannot be made.
        """
        request, path = self.request, self.target_path()
        target = await in_thread(lambda: look(path))
        if target is Target.NEW or (target is Target.NO_FOLDER and request.make_folder):
            return
        is_open = request.path is None and not request.file_name
        if target.replaceable and (request.overwrite or is_open):
            # Without a path the server's own name decides, known with its answer.
            return
        raise refusal(path, target)

    def open_part(self, hint: str | None = None) -> PartFile:
        """Begin the file; called in a worker thread.

        Raises:
            PathRefusedError: The path cannot be used.
            DownloadError: The disk is full.
            AbandonedError: The save is over already.
        """
        overwrite = self.request.overwrite
        part = PartFile(self._path_in_folder(hint), overwrite=overwrite)
        self._take(part)
        return part

    def open_recording(self) -> RecordingPart:
        """Begin a recording, or go on with its part; as `open_part`."""
        request = self.request
        part = RecordingPart(
            self._path_in_folder(),
            self._recording_of(),
            overwrite=request.overwrite,
            anew=request.anew,
        )
        self._take(part)
        return part

    def _recording_of(self) -> RecordingOf:
        request = self.request
        return RecordingOf(
            profile=request.profile,
            origin=self.client.origin,
            workflow_id=request.workflow_id,
            job_id=request.job_id,
            format=str(request.format),
            stream=request.stream,
        )

    async def has_recording(self) -> bool:
        """Whether a recording of this very job to this name was begun earlier."""
        if self.request.query:
            return False
        path = self.target_path()
        found = await in_thread(lambda: recording_to(path))
        return found is not None and not self._recording_of().difference(found[0])

    def _path_in_folder(self, hint: str | None = None) -> Path:
        path = self.target_path(hint)
        if self.request.make_folder:
            try:
                path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            except OSError as problem:
                raise opening_problem(problem, path) from problem
        return path

    def _take(self, part: PartFile) -> None:
        """Work with a part from now on; close it if the save is over by now."""
        with self._lock:
            if not self._over:
                self.part = part
                if isinstance(part, RecordingPart):
                    self.recording = part
                return
        if isinstance(part, RecordingPart):
            part.keep()
        else:
            part.discard()
        raise AbandonedError

    @asynccontextmanager
    async def replacing_recording(self) -> AsyncIterator[None]:
        """Have the file made in another way, and the recording kept until it is."""
        recorded, self.part = self.part, None
        try:
            yield
        except BaseException:
            await self.drop_part()
            self.part = recorded
            raise

    async def in_thread(self, write: Callable[[], Value]) -> Value:
        """Run what writes the part; a caller that is cancelled makes it end soon."""
        return await in_thread(write, self._abandon)

    def _abandon(self) -> None:
        if self.part is not None:
            self.part.abandon()

    async def drop_part(self) -> None:
        """Remove what was written: the file will be made in another way."""
        part, self.part = self.part, None
        if part is not None:
            await in_thread(part.discard, part.abandon)

    async def begin_again(self, notes: Sequence[str]) -> None:
        """Remove what was written, and what was found of it but for some notes."""
        await self.drop_part()
        self.notes[:] = notes
        self.missing_lines, self.sealed = 0, True
        self.held = self.unverified = ""

    async def commit(self) -> PartFile:
        """Finish the file under its name; raises as `PartFile.commit`."""
        part = self.part
        assert part is not None  # noqa: S101 (every way of making a file opens one)
        self.meter.phase = SavePhase.FINISHING
        try:
            await in_thread(part.commit, part.abandon)
        except asyncio.CancelledError:
            if not part.committed:
                raise
        recording = self.recording
        if recording is not None and recording is not part:
            await in_thread(recording.discard)
        return part

    async def end(self, *, keep: bool) -> Path | None:
        """Close an unfinished part; return where it is if it was kept.

        A disk that hangs does not hold the caller.
        """
        with self._lock:
            self._over = True
            part, recording = self.part, self.recording
        replaces = part is not None and recording not in {None, part}
        if replaces and part is not None and not part.committed:
            # What was to take the recording's place is not whole.
            await self.drop_part()
            part = recording
        if part is None or part.committed:
            return None
        part.abandon()
        kept, close = self._ending_of(part, keep=keep)
        closing = asyncio.ensure_future(in_thread(close))
        patience = KEEP_SECONDS if kept else GRACE_SECONDS
        await asyncio.wait({closing}, timeout=patience)
        return part.part_path if kept else None

    def _ending_of(
        self, part: PartFile, *, keep: bool
    ) -> tuple[bool, Callable[[], object]]:
        """Return whether a part is kept, and what closes it."""
        if not isinstance(part, RecordingPart):
            kept = keep and part.size > 0
            return kept, part.keep if kept else part.discard
        if self.drop_recording or not part.recorded.lines:
            return False, part.discard
        # What was compared to its end and differs is nothing to go on with.
        return True, part.retire if self.keep_anyway else part.keep


def encoder_for(request: SaveRequest) -> LineEncoder:
    return LineEncoder(
        request.format,
        SavedLog(request.job_id, request.workflow_id, request.stream, request.query),
    )


# A raw download, and what takes its body.


class OtherFormatError(Exception):
    """The server answered in another encoding than it was asked for."""

    def __init__(self, sent: RawFormat) -> None:
        super().__init__(sent)
        self.sent = sent


class EnoughError(Exception):
    """What takes a body needs no more of it."""


class Fetched(Struct, frozen=True):
    """A body that ended as HTTP wants it.

    ``tail`` is its end as the server sent it, of json a body of its last entries, and
    nothing where it was enough before; ``size`` is the length of what was taken.
    """

    raw_format: RawFormat
    tail: bytes
    size: int


class Writer(Protocol):
    """Takes a body in pieces; called in the thread that downloads."""

    def begin(self, hint: str | None) -> None:
        """The server answered in the encoding asked for, and calls the file so.

        Raises:
            PathRefusedError: The path cannot be used.
            DownloadError: The disk is full.
        """

    def take(self, piece: bytes) -> None:
        """Take the next bytes of the body.

        Raises:
            EnoughError: No more are needed.
            UnreadableAnswerError: A line is not a JSON object of the known shape.
            DownloadError: The disk is full or fails.
        """

    def finish(self) -> bytes:
        """Take over what is left; returns the end of the body."""


class Fetch:
    """A raw download.

    ``filtered`` says whether the request's stream and query count.
    """

    def __init__(
        self,
        work: Work,
        raw_format: RawFormat,
        writer: Writer,
        *,
        filtered: bool = True,
    ) -> None:
        self._work = work
        self._wanted = raw_format
        self._writer = writer
        self._filtered = filtered
        self._download: RawAnswer | None = None
        self._stopped = False

    async def run(self) -> Fetched:
        """Download to the end of the body.

        Raises:
            OtherFormatError: The server knows only another encoding; nothing was
                begun.
            ChronotuiError: As the client raises them, or from the disk.
        """
        return await in_thread(self._run, self._stop)

    def _stop(self) -> None:
        self._stopped = True
        if self._download is not None:
            self._download.abort()

    def _run(self) -> Fetched:
        request = self._work.request
        with self._work.client.download(
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
            self._writer.begin(download.file_name)
            return self._read(download)

    def _read(self, download: RawAnswer) -> Fetched:
        size, writer = 0, self._writer
        try:
            for piece in download.chunks():
                self._check()
                writer.take(piece)
                size += len(piece)
        except EnoughError:
            download.abort()
            return Fetched(self._wanted, b"", size)
        self._check()
        return Fetched(self._wanted, writer.finish(), size)

    def _check(self) -> None:
        if self._stopped:
            raise AbandonedError


_ATTEMPTS_FILE: Final = "The spool file for a retried job's attempts"
_LATER: Final = b":attempt:"
"""Stands in the event id of every line of a later attempt."""


class PlainWriter:
    """The body byte for byte.

    Where its entries tell their attempt, it is broken off, and ``interleaved`` set,
    once there is more than one.
    """

    _part: PartFile

    def __init__(self, work: Work, served: RawFormat) -> None:
        self._work = work
        self._json = JsonBody() if served is RawFormat.JSON else None
        id_begins = json.dumps(f"log:{work.request.job_id}", ensure_ascii=False)[:-1]
        told = served is not RawFormat.TXT
        self._later = id_begins.encode() + _LATER if told else b""
        self._end = b""
        self.interleaved = False

    def begin(self, hint: str | None) -> None:
        self._part = self._work.open_part(hint)
        self._work.meter.phase = SavePhase.DOWNLOADING

    def take(self, piece: bytes) -> None:
        if self._later:
            self._look_for_later(piece)
        self._part.write(piece)
        if self._json is None:
            # Faster than count(), which looks at every byte.
            lines = len(piece) - len(piece.replace(b"\n", b""))
        else:
            lines = self._json.feed(piece)
        self._work.meter.add(len(piece), lines)

    def _look_for_later(self, piece: bytes) -> None:
        reach = len(self._later) - 1
        if self._later in piece or self._later in self._end + piece[:reach]:
            self.interleaved = True
            raise EnoughError
        self._end = (self._end + piece[-reach:])[-reach:]

    def finish(self) -> bytes:
        if self._json is None:
            return self._part.tail(TAIL_BYTES)
        self._work.meter.add(0, self._json.finish())
        return self._json.tail()


class AttemptSpool:
    """Entries of a raw file by attempt, to be had attempt after attempt.

    A raw file of a retried job is sorted by number and so interleaves its attempts
    (WIRE.md "Logs"). Within an attempt its order is kept. What is added goes to disk,
    into a file that is made when it is first needed; a little is remembered of each
    addition. Every method raises DownloadError where the disk is full or fails.
    """

    def __init__(self, spool: Callable[[], Overflow]) -> None:
        self._open = spool
        self._spool: Overflow | None = None
        self._places: dict[int, list[tuple[int, int]]] = {}

    def add(self, attempt: int, content: bytes) -> None:
        with spool_explained(_ATTEMPTS_FILE):
            if self._spool is None:
                self._spool = self._open()
            place = (self._spool.write(content), len(content))
        self._places.setdefault(attempt, []).append(place)

    def in_order(self) -> Iterator[bytes]:
        for attempt in sorted(self._places):
            for offset, size in self._places[attempt]:
                with spool_explained(_ATTEMPTS_FILE):
                    assert self._spool is not None  # noqa: S101 - something was added
                    content = self._spool.read(offset, size)
                yield content

    def close(self) -> None:
        if self._spool is not None:
            self._spool.close()


class EntryWriter:
    """A jsonl body in any format, attempt after attempt.

    The first attempt's lines are written as they come, those of later ones wait in a
    spool file. ``attempts`` are the lines of each.
    """

    _part: PartFile

    def __init__(self, work: Work) -> None:
        self.attempts: dict[int, Numbers] = {}
        self._work = work
        self._encoder = encoder_for(work.request)
        self._later = AttemptSpool(work.spool)
        self._lines = WholeLines()
        self._tail = Tail()

    def begin(self, hint: str | None) -> None:
        self._part = self._work.open_part(hint)
        self._work.meter.restart(SavePhase.DOWNLOADING)
        self._write(self._encoder.head(), 0)

    def take(self, piece: bytes) -> None:
        self._tail.add(piece)
        whole = self._lines.feed(piece)
        if whole:
            self._take_lines(whole)

    def _take_lines(self, whole: bytes) -> None:
        entries, written = self._entries_of(whole)
        if _LATER not in whole:
            self._add(1, entries, written)
            return
        parted: dict[int, tuple[list[Any], list[Any]]] = {}
        for entry, text in zip(entries, written, strict=True):
            attempt = attempt_of(entry.event_id or "") or 1
            some, texts = parted.setdefault(attempt, ([], []))
            some.append(entry)
            texts.append(text)
        for attempt, (some, texts) in parted.items():
            self._add(attempt, some, texts)

    def _entries_of(self, whole: bytes) -> tuple[list[Any], list[Any]]:
        """Return the entries with a message, and what the encoder writes them from."""
        try:
            entries, may_lack = decode_usual(whole), False
        except (ValueError, RecursionError):
            entries, may_lack = decode_entries(whole), True
        written = entries
        if self._encoder.keeps_entries:
            written = [line for line in whole.split(b"\n") if line.strip()]
        if not may_lack:
            return entries, written
        kept = [n for n, entry in enumerate(entries) if entry.message_raw is not None]
        return [entries[n] for n in kept], [written[n] for n in kept]

    def _add(self, attempt: int, entries: list[Any], written: list[Any]) -> None:
        if not entries:
            return
        known = self.attempts.get(attempt, Numbers(0, -1))
        highest = max([entry.sequence_num or 0 for entry in entries])
        self.attempts[attempt] = known.with_more(len(entries), highest)
        content = self._encoder.entries(written)
        if attempt == 1:
            self._write(self._encoder.separated(content), len(entries))
        else:
            self._later.add(attempt, content)
            self._work.meter.add(0, len(entries))

    def _write(self, content: bytes, lines: int) -> None:
        if content:
            self._part.write(content)
            self._work.meter.add(len(content), lines)

    def finish(self) -> bytes:
        """Write what waited; a last line without its end is not a line."""
        for content in self._later.in_order():
            self._write(self._encoder.separated(content), 0)
        self._write(self._encoder.tail(), 0)
        return self._tail.bytes()

    def close(self) -> None:
        self._later.close()


class FirstEntries:
    """The beginning of a jsonl body: whether a job was tried more than once.

    Numbers begin again with each attempt, and the body is sorted by them, so its first
    entries are of every attempt.
    """

    _NUMBERS: Final = 16
    _BYTES: Final = 4 << 20

    def __init__(self) -> None:
        self.retried = False
        self._lines = WholeLines()
        self._size = 0

    def begin(self, hint: str | None) -> None:
        pass

    def take(self, piece: bytes) -> None:
        self._size += len(piece)
        entries = decode_entries(self._lines.feed(piece))
        ids = (entry.event_id or "" for entry in entries)
        self.retried = self.retried or any((attempt_of(x) or 1) > 1 for x in ids)
        highest = max((entry.sequence_num or 0 for entry in entries), default=0)
        if self.retried or highest > self._NUMBERS or self._size > self._BYTES:
            raise EnoughError

    def finish(self) -> bytes:
        return b""


class TextMeasure:
    """Counts the lines of a jsonl body, and measures the txt file it would make.

    ``lines`` are log lines, ``text_lines`` and ``size`` are of the text.
    """

    def __init__(self) -> None:
        self.lines = self.text_lines = self.size = 0
        self.attempts: dict[int, Numbers] = {}
        self._whole = WholeLines()
        self._tail = Tail()

    def begin(self, hint: str | None) -> None:
        pass

    def take(self, piece: bytes) -> None:
        self._tail.add(piece)
        for entry in decode_entries(self._whole.feed(piece)):
            if entry.message_raw is None:
                continue
            self.add(entry.message_raw)
            attempt = attempt_of(entry.event_id or "") or 1
            known = self.attempts.get(attempt, Numbers(0, -1))
            self.attempts[attempt] = known.with_more(1, entry.sequence_num or 0)

    def add(self, message: str) -> None:
        text = text_bytes(message)
        self.lines += 1
        self.text_lines += text.count(b"\n") + 1
        self.size += len(text) + 1

    def finish(self) -> bytes:
        return self._tail.bytes()
