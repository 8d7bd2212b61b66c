"""One request, before secrets are added."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from chronotui.errors import ChronotuiError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


@dataclass(frozen=True, slots=True)
class Ask:
    """What to send; only a GET is ever sent twice.

    Attributes:
        kind: What it is for, as counted and logged.
        url: Whole URL.
        method: HTTP method.
        headers: Further headers.
        content: Body, JSON.
        changes: The request changes state and needs csrf (wire note
            "Authentication").
        secrets: Whether it carries the profile's secrets.
        renews: Whether a 401 renews the secrets.
    """

    kind: str
    url: str
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes | None = field(default=None, repr=False)
    changes: bool = False
    secrets: bool = True
    renews: bool = True


@contextmanager
def routed(ask: Ask) -> Iterator[None]:
    """Let an error say what was asked, unless it says so already, as a login's."""
    try:
        yield
    except ChronotuiError as error:
        error.route = error.route or ask.kind
        raise
