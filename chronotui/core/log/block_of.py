"""Lines turned into a block, a column at a time: well under 1 µs a line."""

from __future__ import annotations

from array import array
from functools import cache
from itertools import accumulate, count, repeat
from operator import add, or_
from typing import TYPE_CHECKING, Final, NamedTuple, cast

from chronotui.core.log.block import (
    FORM_SHIFT,
    NO_TIME,
    RANK_BITS,
    RETAINED_BIT,
    Block,
    Odd,
)
from chronotui.core.log.event_ids import IdForm
from chronotui.core.log.keys import OTHER_RANK, RANKS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from chronotui.core.log.event_ids import EventIds
    from chronotui.model import LogLine

_SHIFTED: Final = bytes((form << FORM_SHIFT) & 255 for form in range(256))


class Columns(NamedTuple):
    """Lines of one attempt, in order, a sequence for each field of `LogLine`."""

    numbers: Sequence[int]
    streams: Sequence[str]
    times: Sequence[int | None]
    messages: Sequence[str]
    event_ids: Sequence[str]
    retained: Sequence[bool]


def block_of(lines: Sequence[LogLine], ids: EventIds) -> Block:
    """Return lines of one attempt, in order, as a block.

    Raises:
        OverflowError: A number or a time needs more than 64 bits.
    """
    attempts, *columns = zip(*lines, strict=True)
    return block_of_columns(attempts[0], Columns(*columns), ids)


def block_of_columns(attempt: int, columns: Columns, ids: EventIds) -> Block:
    """Return the same of lines that come as columns.

    Raises:
        OverflowError: A number or a time needs more than 64 bits.
    """
    numbers, streams, times, messages, event_ids, retained = columns
    block = Block()
    block.numbers = array("q", numbers)
    block.times = _times(times)
    forms = ids.forms(attempt, numbers, streams, event_ids)
    block.flags = _flags(streams, retained, forms)
    block.odd = _odd(block.flags, streams, event_ids)
    _write(block, messages)
    return block


def _write(block: Block, messages: Sequence[str]) -> None:
    """Fill in the text and what is known of it."""
    text = "\n".join(messages) + "\n"
    whole = text.count("\n") == len(messages)
    block.broken = not whole
    block.escapes, block.returns = "\x1b" in text, "\r" in text
    block.text = bytearray(text.encode("utf-8", "surrogatepass"))
    sizes: Iterable[int]
    if len(block.text) == len(text):
        sizes = map(len, messages)
    elif whole:
        sizes = map(len, block.text.split(b"\n")[:-1])
    else:
        sizes = (len(m.encode("utf-8", "surrogatepass")) for m in messages)
    block.longest = max(map(len, messages))
    block.ends = array("I", map(add, accumulate(sizes), count(1)))


def _odd(
    flags: bytearray, streams: Sequence[str], event_ids: Sequence[str]
) -> dict[int, Odd]:
    """Return what the columns cannot say, by index."""
    if not flags.translate(None, _PLAIN):
        return {}
    odd: dict[int, Odd] = {}
    for index, bits in enumerate(flags):
        if bits not in _PLAIN:
            other = bits & RANK_BITS == OTHER_RANK
            strange = bits >> FORM_SHIFT == IdForm.ODD
            odd[index] = Odd(
                streams[index] if other else "", event_ids[index] if strange else ""
            )
    return odd


_PLAIN: Final = bytes(
    bits
    for bits in range(256)
    if bits & RANK_BITS != OTHER_RANK and bits >> FORM_SHIFT != IdForm.ODD
)
"""Flags of lines the columns say all of."""


def _flags(streams: Sequence[str], retained: Sequence[bool], forms: bytes) -> bytearray:
    flags = bytes(map(RANKS.get, streams, repeat(OTHER_RANK)))
    if False not in retained:
        flags = flags.translate(_or_table(RETAINED_BIT))
    elif True in retained:
        flags = bytes(map(or_, flags, map(RETAINED_BIT.__mul__, retained)))
    shifted = forms.translate(_SHIFTED)
    if forms.count(forms[0]) == len(forms):
        return bytearray(flags.translate(_or_table(shifted[0])))
    return bytearray(map(or_, flags, shifted))


@cache
def _or_table(bits: int) -> bytes:
    return bytes(each | bits for each in range(256))


def _times(times: Sequence[int | None]) -> array[int]:
    if None in times:
        return array("q", (NO_TIME if time is None else time for time in times))
    return array("q", cast("Sequence[int]", times))
