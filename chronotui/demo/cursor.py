"""Cursors that need URL-encoding: every one holds ``+``, ``/`` and ``=``."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from typing import Final

_LEAD: Final = b"\xfb\xef\xff"


def encode_cursor(*place: int | str) -> str:
    """Write a place in a list as an opaque word."""
    text = json.dumps(place).encode()
    text += b" " * ((1 - len(text)) % 3)
    return b64encode(_LEAD + text).decode()


def decode_cursor(cursor: str) -> list[int | str]:
    """Read a place back.

    Raises:
        ValueError: If this is no cursor of ours.
    """
    raw = b64decode(cursor, validate=True)
    if not raw.startswith(_LEAD):
        raise ValueError("unknown cursor")
    try:
        place = json.loads(raw[len(_LEAD) :])
    except RecursionError:
        raise ValueError("unknown cursor") from None
    if not isinstance(place, list):
        raise ValueError("unknown cursor")  # noqa: TRY004
    return place
