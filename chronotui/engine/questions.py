"""Asking the user for a secret that no profile holds."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class SecretQuestion:
    """What is asked, for the words of a prompt or a dialog.

    Attributes:
        kind: "password", "token" or "session" (a session cookie's value).
        profile: Name of the profile.
        account: E-mail of the account, "" where there is none.
        url: The server the secret goes to, and to no other.
    """

    kind: str
    profile: str
    account: str
    url: str

    def sentence(self) -> str:
        """Return the question without a mark at its end."""
        what = {"session": "Session cookie"}.get(self.kind, self.kind.capitalize())
        account = f" of {self.account}" if self.account else ""
        return f"{what}{account} for {self.profile} ({self.url})"


AskSecret: TypeAlias = Callable[[SecretQuestion], Awaitable[str]]
"""Asks and returns the answer; raises NotSignedInError when the user declines."""
