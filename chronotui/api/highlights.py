"""The server's search marks, taken out of messages (wire note "Search")."""

from __future__ import annotations

from typing import TypeAlias

Ranges: TypeAlias = tuple[tuple[int, int], ...]


def split_marks(message: str, token: str) -> tuple[str, Ranges]:
    """Take the marks of one answer's token out of a message.

    Marks of another token are part of the message: a container may print anything.
    An end without a start is dropped, a start without an end reaches to the end of
    the message, a start inside a range changes nothing.

    Returns:
        The message without marks, and the marked (start, end) character ranges.
    """
    if not token:
        return message, ()
    start_mark, end_mark = f"__CV_HL_START_{token}__", f"__CV_HL_END_{token}__"
    if start_mark not in message and end_mark not in message:
        return message, ()
    kept: list[str] = []
    ranges: list[tuple[int, int]] = []
    length = 0
    opened: int | None = None
    for index, piece in enumerate(message.split(start_mark)):
        if index and opened is None:
            opened = length
        for ended, part in enumerate(piece.split(end_mark)):
            if ended and opened is not None:
                ranges.append((opened, length))
                opened = None
            kept.append(part)
            length += len(part)
    if opened is not None:
        ranges.append((opened, length))
    return "".join(kept), tuple(pair for pair in ranges if pair[0] < pair[1])
