"""What takes the body of a raw download."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chronotui.core.log_formats import SaveFormat, text_bytes, timed_bytes, utc_text
from chronotui.core.raw_entries import RawEntries
from chronotui.core.trailer import TAIL_BYTES, Tail

if TYPE_CHECKING:
    from chronotui.engine.saving.fetch import Writer
    from chronotui.engine.saving.progress import Meter
    from chronotui.storage.atomic_file import PartFile


def writer_for(save_format: SaveFormat, part: PartFile, meter: Meter) -> Writer:
    """Return the writer that makes the file's format from its raw encoding."""
    if save_format is SaveFormat.TXT_TIME:
        return TimedWriter(part, meter)
    mark = b'"message_raw":' if save_format is SaveFormat.JSON else b"\n"
    return PlainWriter(part, meter, mark)


class PlainWriter:
    """The body byte for byte.

    Args:
        part: Where it goes.
        meter: Counts bytes and lines.
        mark: What each line has once.
    """

    def __init__(self, part: PartFile, meter: Meter, mark: bytes = b"\n") -> None:
        self._part = part
        self._meter = meter
        self._mark = mark
        self._seam = b""

    def take(self, piece: bytes) -> None:
        """Write the next bytes."""
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

    def finish(self) -> bytes:
        """Return the end of the file, which is the end of the body."""
        return self._part.tail(TAIL_BYTES)


class TimedWriter:
    """A jsonl body as text with UTC time and stream."""

    def __init__(self, part: PartFile, meter: Meter) -> None:
        self._part = part
        self._meter = meter
        self._entries = RawEntries()
        self._tail = Tail()

    def take(self, piece: bytes) -> None:
        """Write the lines that are whole by now."""
        self._tail.add(piece)
        lines = [
            timed_bytes(utc_text(entry.timestamp), entry.stream, entry.message_raw)
            for entry in self._entries.feed(piece)
            if entry.message_raw is not None
        ]
        if lines:
            lines.append(b"")
            data = b"\n".join(lines)
            self._part.write(data)
            self._meter.add(len(data), len(lines) - 1)

    def finish(self) -> bytes:
        """Return the end of the body; a last line without its end is not a line."""
        return self._tail.bytes()


class TextMeasure:
    """Measures the txt file a jsonl body would make, writing nothing."""

    def __init__(self) -> None:
        self.size = 0
        self._entries = RawEntries()
        self._tail = Tail()

    def take(self, piece: bytes) -> None:
        """Measure the lines that are whole by now."""
        self._tail.add(piece)
        for entry in self._entries.feed(piece):
            if entry.message_raw is not None:
                self.size += len(text_bytes(entry.message_raw)) + 1

    def finish(self) -> bytes:
        """Return the end of the body."""
        return self._tail.bytes()
