"""What is told about each request, secrets left out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

_SECRET_HEADERS: Final = frozenset(
    {"authorization", "cookie", "set-cookie", "proxy-authorization"}
)


@dataclass(frozen=True, slots=True)
class RequestEntry:
    """One exchange with the server, fit for a log file.

    Attributes:
        kind: What it was for, such as ``jobs``, ``log_page`` or ``login``.
        method: The HTTP method.
        url: The whole URL; secrets never stand in one.
        headers: The request's headers, secret ones as ``‹redacted›``.
        status: The answer's status, None when none came.
        seconds: From sending until the answer's head or the failure.
        problem: Class of the error, "" when there was none.
    """

    kind: str
    method: str
    url: str
    headers: Mapping[str, str]
    status: int | None
    seconds: float
    problem: str = ""


RequestLog: TypeAlias = Callable[[RequestEntry], None]


def redact(headers: Mapping[str, str]) -> dict[str, str]:
    """Return headers with the values of secret ones replaced."""
    return {
        name: "‹redacted›" if name.lower() in _SECRET_HEADERS else value
        for name, value in headers.items()
    }
