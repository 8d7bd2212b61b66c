"""How a demo server answers one request: truly, or as its faults say."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from chronotui.demo.faults import SPOILED, Failure, Faults, refused, replacement
from chronotui.demo.wire import Streamed

if TYPE_CHECKING:
    from collections.abc import Callable

    from chronotui.demo.connection import ServerConnection
    from chronotui.demo.server import RequestLog
    from chronotui.demo.wire import DemoAnswer, Request, StreamTrouble

_AFTER: Final = {Failure.CUT, Failure.UNANSWERED}
"""What goes wrong once the request has done what it does."""

_SOON: Final = 40
"""Bytes of a streamed answer that was to be spoiled before it breaks off."""


class Exchanger:
    """Answers requests, or fails as the faults say, and notes each.

    Requests without an answer are noted with the status 0.
    """

    def __init__(self, faults: Faults, requests: RequestLog) -> None:
        self._faults = faults
        self._requests = requests

    async def answer(
        self,
        request: Request,
        connection: ServerConnection,
        endpoint: str,
        make: Callable[[], DemoAnswer | Streamed],
        *,
        words: str = "failed to handle the request",
        trouble_of: Callable[[str], StreamTrouble] | None = None,
    ) -> None:
        """Answer one request.

        Args:
            request: As it came, without the server's prefix.
            connection: Where it came.
            endpoint: Its name; faults may be for one.
            make: Makes the true answer.
            words: All that is said where a refusal has no words of its own.
            trouble_of: Decides what befalls the streams of an endpoint; the faults
                alone if None.
        """
        faults = self._faults
        wait = faults.wait_seconds()
        if wait:
            await asyncio.sleep(wait)
        refusal = faults.refusal(endpoint)
        if refusal is not None:
            self._requests.add(request, endpoint, refusal.status)
            await self.send(request, connection, refused(refusal, words))
            return
        failure = faults.failure(endpoint)
        spoil = None if failure is None else SPOILED.get(failure)
        if failure is not None and failure not in _AFTER and spoil is None:
            await self._fail(request, connection, endpoint, failure)
            return
        answer = make()
        self._requests.add(request, endpoint, answer.status)
        if failure is Failure.UNANSWERED:
            await connection.wait_closed()
        elif isinstance(answer, Streamed):
            from chronotui.demo.connection import send_stream  # noqa: PLC0415

            trouble = (trouble_of or faults.trouble)(endpoint)
            if failure is not None:
                trouble = trouble._replace(cut_bytes=_SOON)
            self._requests.stream_opened()
            try:
                await send_stream(connection, answer, trouble)
            finally:
                self._requests.stream_closed()
        elif failure is Failure.CUT:
            connection.send_half(answer)
        else:
            await self.send(request, connection, spoil(answer) if spoil else answer)

    async def send(
        self, request: Request, connection: ServerConnection, answer: DemoAnswer
    ) -> None:
        whole = connection.whole(request, answer)
        await connection.write(whole, self._faults.bytes_per_second)

    async def _fail(
        self,
        request: Request,
        connection: ServerConnection,
        endpoint: str,
        failure: Failure,
    ) -> None:
        if failure is Failure.RESET:
            self._requests.add(request, endpoint, 0)
            connection.reset()
        elif failure is Failure.SILENCE:
            self._requests.add(request, endpoint, 0)
            await connection.wait_closed()
        else:
            answer = replacement(failure, self._faults.retry_after)
            self._requests.add(request, endpoint, answer.status)
            await self.send(request, connection, answer)
