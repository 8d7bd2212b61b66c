"""The file name a server proposes (RFC 6266, with RFC 5987 encodings)."""

from __future__ import annotations

from email.message import Message
from email.utils import collapse_rfc2231_value
from typing import Final

_MAX_NAME: Final = 255


def file_name_hint(header: str) -> str | None:
    """Return the name in a Content-Disposition, the encoded one before the plain.

    It is the server's word and unsafe: it may hold slashes and control characters.
    """
    message = Message()
    message["Content-Disposition"] = header
    plain: str | None = None
    params = message.get_params(failobj=[], header="Content-Disposition") or []
    for name, value in params:
        if name.lower() != "filename" or not value:
            continue
        if isinstance(value, tuple):
            return collapse_rfc2231_value(value)[:_MAX_NAME] or None
        plain = plain or value[:_MAX_NAME]
    return plain
