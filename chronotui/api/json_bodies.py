"""JSON answers read tolerantly (wire note "JSON habits"): null and "" are absent."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final, TypeAlias

import msgspec

from chronotui.errors import UnreadableAnswerError

if TYPE_CHECKING:
    from collections.abc import Mapping

Object: TypeAlias = "dict[str, object]"

DEEPEST: Final = 64
"""Levels an answer may be nested: what is read just within the limit of the parser
cannot be compared or shown, for which the stack is deeper."""


def loads(body: bytes) -> object:
    """Decode JSON; lone surrogates survive, bytes that are not UTF-8 become U+FFFD.

    Raises:
        ValueError: It is no JSON, is cut, or is nested without end.
    """
    try:
        return msgspec.json.decode(body)
    except (ValueError, RecursionError):
        pass
    try:
        return json.loads(body.decode("utf-8", "replace"))
    except RecursionError:
        raise ValueError("nested too deeply") from None


def read_object(body: bytes, what: str) -> Object:
    """Decode an answer that must be an object.

    Raises:
        UnreadableAnswerError: It is something else, or nested beyond ``DEEPEST``;
            ``what`` names it.
    """
    try:
        decoded = loads(body)
    except ValueError:
        raise unreadable(what, "no JSON, or cut short") from None
    if not isinstance(decoded, dict):
        raise unreadable(what, "no JSON object")
    if _is_nested_beyond(decoded, DEEPEST):
        raise unreadable(what, "it is nested too deeply")
    return decoded


def _is_nested_beyond(value: object, levels: int) -> bool:
    if isinstance(value, dict):
        inner = list(value.values())
    elif isinstance(value, list):
        inner = value
    else:
        return False
    return not levels or any(_is_nested_beyond(each, levels - 1) for each in inner)


def objects(answer: Object, key: str, what: str) -> list[Object]:
    """Return a list of objects; absent and null are the empty list.

    Raises:
        UnreadableAnswerError: It is no list, or holds something else.
    """
    items = answer.get(key)
    if items is None or items == "":
        return []
    if not isinstance(items, list):
        raise unreadable(what, f"{key} is no list")
    if not all(isinstance(item, dict) for item in items):
        raise unreadable(what, f"{key} holds something that is no object")
    return items


def text(fields: Mapping[str, object], key: str) -> str:
    """Return a text field; "" when absent, null or of another shape."""
    value = fields.get(key)
    if isinstance(value, str):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return ""


def integer(fields: Mapping[str, object], key: str) -> int | None:
    """Return a whole number, also one written as text or as 3.0; None otherwise."""
    value = fields.get(key)
    if isinstance(value, bool):
        return None
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str) and value.isascii() and value.isdigit():
        return int(value[:18])
    return value if isinstance(value, int) else None


def flag(fields: Mapping[str, object], key: str) -> bool | None:
    """Return a truth value, also one written as text; None otherwise."""
    value = fields.get(key)
    if isinstance(value, str):
        return {"true": True, "false": False}.get(value.lower())
    return value if isinstance(value, bool) else None


def unreadable(what: str, why: str) -> UnreadableAnswerError:
    """Return the error for an answer that is not what the contract says."""
    return UnreadableAnswerError(
        f"The answer for {what} cannot be read: {why}.",
        next_step="Try again; if it stays, the url may not be a Chronoverse server's.",
    )
