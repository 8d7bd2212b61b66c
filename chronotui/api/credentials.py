"""Secrets in use: had once, sent to the own origin, renewed by one caller for all."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final

from chronotui.errors import NotSignedInError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from chronotui.api.secret_sources import Secrets, Source

_FRESH_SECONDS: Final = 1.0
"""Secrets younger than this that are refused are no good; older ones may have ended."""


class Credentials:
    """The secrets of one client; one renewal at a time, whoever needs it.

    A refused login is remembered: later requests fail at once, without another
    login, until somebody signs in on purpose.

    Args:
        source: Where they come from.
        check: Raises when the server is not one to send them to; asked until it
            raises nothing, before any are obtained. Secrets kept from an earlier run
            were this server's own and go there unchecked.
    """

    def __init__(
        self, source: Source, check: Callable[[], Awaitable[None]] | None = None
    ) -> None:
        self._source = source
        self._check = check
        self._held = source.saved()
        self._flight: asyncio.Task[Secrets] | None = None
        self._obtained_at = -_FRESH_SECONDS

    @property
    def held(self) -> Secrets | None:
        """The secrets in use, None before they were needed."""
        return self._held

    async def current(self) -> Secrets:
        """Return the secrets to send, obtaining them at first use.

        Raises:
            ChronotuiError: They cannot be had.
        """
        return self._held if self._held is not None else await self._renewed()

    def are_fresh(self) -> bool:
        """Whether the secrets in use were obtained a moment ago."""
        return time.monotonic() - self._obtained_at < _FRESH_SECONDS

    async def renew(self, refused: Secrets) -> Secrets:
        """Replace secrets the server refused; one renewal serves all who ask.

        Raises:
            NotSignedInError: There is nothing new to offer.
            ChronotuiError: The renewal failed in another way.
        """
        if self._held is refused:
            self._held = None
            self._source.refuse()
        fresh = await self.current()
        if fresh == refused:
            raise NotSignedInError(
                self._source.nothing_new,
                next_step="Correct the profile's auth section.",
            )
        return fresh

    async def obtain_again(self) -> Secrets:
        """Get fresh secrets now, whatever is held or was refused before."""
        self._source.forgive()
        self._held = None
        return await self._renewed()

    def forgive(self) -> None:
        """Let the next request try again what was refused before."""
        self._source.forgive()

    def forget(self) -> None:
        """Drop what is held; the next request obtains it anew."""
        self._held = None
        self._source.refuse()

    async def aclose(self) -> None:
        """End a renewal that is still under way."""
        if self._flight is not None:
            self._flight.cancel()
            await asyncio.wait([self._flight])

    async def _renewed(self) -> Secrets:
        if self._flight is None:
            self._flight = asyncio.create_task(self._obtain())
            self._flight.add_done_callback(self._landed)
        return await asyncio.shield(self._flight)

    async def _obtain(self) -> Secrets:
        if self._check is not None:
            await self._check()
            self._check = None
        self._held = await self._source.obtain()
        self._obtained_at = time.monotonic()
        return self._held

    def _landed(self, flight: asyncio.Task[Secrets]) -> None:
        self._flight = None
        if not flight.cancelled():
            flight.exception()
