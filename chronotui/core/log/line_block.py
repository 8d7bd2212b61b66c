"""Lines that were made into a block before they come to the store.

What costs most about a line, its columns, can so be worked out in a thread; the
event loop has only to put the block in its place.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from operator import sub
from typing import TYPE_CHECKING, overload

from chronotui.core.log.block import FORM_SHIFT, Block, Piece
from chronotui.core.log.block_of import block_of_columns
from chronotui.core.log.event_ids import EventIds, IdForm
from chronotui.core.log.keys import rank_of

if TYPE_CHECKING:
    from chronotui.core.log.block_of import Columns
    from chronotui.model import LogLine


class LineBlock(Sequence["LogLine"]):
    """Retained lines of one attempt, in order, no two with one key.

    Every line has an event id that tells the attempt. Lines are made when asked for.

    Attributes:
        attempt: Of all the lines.
        block: The lines as columns.
        ids: The ids the block's forms are meant by.
        runs: (first, last) of numbers that rise by one, in order.
    """

    def __init__(
        self, attempt: int, block: Block, ids: EventIds, runs: list[tuple[int, int]]
    ) -> None:
        self.attempt = attempt
        self.block = block
        self.ids = ids
        self.runs = runs

    @property
    def places(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """(attempt, number) of the first line and of the last one."""
        numbers = self.block.numbers
        return (self.attempt, numbers[0]), (self.attempt, numbers[-1])

    def part(self, start: int, stop: int) -> LineBlock:
        """Return the lines ``start`` to ``stop`` (exclusive)."""
        block = Block.joined((Piece(self.block, start, stop),))
        runs = _runs(block.numbers, _breaks(block.numbers))
        return LineBlock(self.attempt, block, self.ids, runs)

    def __len__(self) -> int:
        return len(self.block)

    @overload
    def __getitem__(self, index: int) -> LogLine: ...
    @overload
    def __getitem__(self, index: slice) -> list[LogLine]: ...
    def __getitem__(self, index: int | slice) -> LogLine | list[LogLine]:
        if isinstance(index, slice):
            return [self[at] for at in range(*index.indices(len(self)))]
        at = range(len(self))[index]
        return self.block.line(at, self.attempt, self.ids)

    def __iter__(self) -> Iterator[LogLine]:
        make, attempt, ids = self.block.line, self.attempt, self.ids
        return (make(index, attempt, ids) for index in range(len(self)))


def line_block(attempt: int, columns: Columns, ids: EventIds) -> LineBlock | None:
    """Return columns as a block of lines, if they are what such a block holds.

    Args:
        attempt: Of all lines, from 1.
        columns: The lines; all are retained.
        ids: Learns the job's part of the ids.

    Returns:
        None when they are out of order, or an event id is not that of its line.
    """
    numbers = columns.numbers
    breaks = _breaks(numbers)
    if not all(_rises(columns, at) for at in breaks):
        return None
    try:
        block = block_of_columns(attempt, columns, ids)
    except OverflowError:
        return None
    forms = {flags >> FORM_SHIFT for flags in set(block.flags)}
    if block.odd or not forms <= {IdForm.SHORT, IdForm.LONG}:
        return None
    return LineBlock(attempt, block, ids, _runs(numbers, breaks))


def _breaks(numbers: Sequence[int]) -> list[int]:
    """Return where a number is not one more than the one before."""
    steps = list(map(sub, numbers[1:], numbers))
    if steps.count(1) == len(steps):
        return []
    return [at for at, step in enumerate(steps, 1) if step != 1]


def _runs(numbers: Sequence[int], breaks: list[int]) -> list[tuple[int, int]]:
    edges = zip([0, *breaks], [*breaks, len(numbers)], strict=True)
    return [(numbers[start], numbers[stop - 1]) for start, stop in edges]


def _rises(columns: Columns, at: int) -> bool:
    """Whether a line belongs after the one before it."""
    before, number = columns.numbers[at - 1 : at + 1]
    if before != number:
        return before < number
    first, second = columns.streams[at - 1 : at + 1]
    return rank_of(first) < rank_of(second)
