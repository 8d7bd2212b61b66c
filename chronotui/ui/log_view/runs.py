"""Styled stretches of a text, laid over one another, and cut into segments."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from operator import attrgetter
from typing import TYPE_CHECKING, Final, NamedTuple

from rich.segment import Segment

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.style import Style


class Run(NamedTuple):
    """Characters ``start`` to ``end`` (not included) in one style."""

    start: int
    end: int
    style: Style


_start: Final = attrgetter("start")
_end: Final = attrgetter("end")


def overlay(runs: Sequence[Run], over: Iterable[Run]) -> list[Run]:
    """Lay ordered runs, none meeting another, over runs that cover the text."""
    result: list[Run] = []
    pending = iter(over)
    top = next(pending, None)
    for start, end, style in runs:
        at = start
        while top is not None and top.start < end:
            left, right = max(top.start, at), min(top.end, end)
            if left > at:
                result.append(Run(at, left, style))
            if right > left:
                result.append(Run(left, right, style + top.style))
            at = max(right, at)
            if top.end > end:
                break
            top = next(pending, None)
        if at < end:
            result.append(Run(at, end, style))
    return result


def segments(text: str, runs: Sequence[Run], start: int, end: int) -> list[Segment]:
    """Return characters ``start`` to ``end`` of a text as segments.

    The runs are in order and none meets another; only those of the part are looked at.
    """
    first = bisect_right(runs, start, key=_end)
    last = bisect_left(runs, end, first, key=_start)
    return [
        Segment(text[max(run.start, start) : min(run.end, end)], run.style)
        for run in runs[first:last]
    ]
