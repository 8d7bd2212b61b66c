"""Blocks as bytes, for the spool."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from chronotui.core.log.block import Block

if TYPE_CHECKING:
    from chronotui.core.log.block import Odd

_HEAD: Final = struct.Struct("<IQQ???")
_LINE_BYTES: Final = 4 + 8 + 8 + 1


def pack(block: Block) -> bytes:
    """Return everything of a block but ``odd`` as bytes."""
    bits = (block.escapes, block.returns, block.broken)
    return b"".join(
        (
            _HEAD.pack(len(block), len(block.text), block.longest, *bits),
            block.ends.tobytes(),
            block.numbers.tobytes(),
            block.times.tobytes(),
            block.flags,
            block.text,
        )
    )


def unpack(packed: bytes, odd: dict[int, Odd]) -> Block:
    """Return the block `pack` was given.

    Raises:
        ValueError: The bytes are not whole.
    """
    if len(packed) < _HEAD.size:
        raise ValueError("not a whole block")
    block = Block()
    lines, size, block.longest, *bits = _HEAD.unpack_from(packed)
    block.escapes, block.returns, block.broken = bits
    view = memoryview(packed)[_HEAD.size :]
    if len(view) != _LINE_BYTES * lines + size:
        raise ValueError("not a whole block")
    block.ends.frombytes(view[: 4 * lines])
    block.numbers.frombytes(view[4 * lines : 12 * lines])
    block.times.frombytes(view[12 * lines : 20 * lines])
    block.flags = bytearray(view[20 * lines : 21 * lines])
    block.text = bytearray(view[21 * lines :])
    block.odd = odd
    return block
