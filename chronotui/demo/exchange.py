"""From a request to its answer on the wire, with what goes wrong on the way."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from chronotui.demo.failing import WHOLE, refused, replacement, spoiled
from chronotui.demo.failure import Failure
from chronotui.demo.message import Streamed, plain
from chronotui.demo.routes import HANDLERS
from chronotui.demo.service import dispatch, find_endpoint
from chronotui.demo.streaming import send_stream, write_paced

if TYPE_CHECKING:
    from chronotui.demo.connection import Connection
    from chronotui.demo.failure import StreamTrouble
    from chronotui.demo.message import Answer, Request
    from chronotui.demo.request_log import RequestLog
    from chronotui.demo.service import Service

_SOON: Final = 40
"""Bytes of a streamed answer that was to be spoiled before it breaks off."""


class Exchange:
    """Answers the requests of one server.

    Args:
        service: What answers truly.
        prefix: Addresses outside it are not found.
        log: Takes every request; status 0 is noted for those without an answer.
    """

    def __init__(self, service: Service, prefix: str, log: RequestLog) -> None:
        self._service = service
        self._prefix = prefix
        self._log = log

    async def answer(self, request: Request, connection: Connection) -> None:
        """Answer a request, or fail as the faults say."""
        if self._prefix and not request.path.startswith(f"{self._prefix}/"):
            self._log.add(request, "", 404)
            await self._send(request, connection, plain(404, "404 page not found"))
            return
        request = replace(request, path=request.path[len(self._prefix) :])
        endpoint, ids = find_endpoint(request.path)
        faults = self._service.faults
        wait = faults.wait_seconds()
        if wait:
            await asyncio.sleep(wait)
        refusal = faults.refusal(endpoint)
        if refusal is not None:
            self._log.add(request, endpoint, refusal.status)
            instead = refused(refusal, request.method, endpoint)
            await self._send(request, connection, instead)
            return
        failure = faults.failure(endpoint)
        if failure is not None and failure not in WHOLE:
            await self._fail(request, connection, endpoint, failure)
            return
        answer = dispatch(self._service, request, endpoint, ids, HANDLERS)
        self._log.add(request, endpoint, answer.status)
        if isinstance(answer, Streamed):
            trouble = self._trouble(request, endpoint)
            if failure is not None:
                trouble = trouble._replace(cut_bytes=_SOON)
            await send_stream(connection, answer, trouble)
        elif failure is Failure.CUT:
            connection.send_half(answer)
        else:
            whole = answer if failure is None else spoiled(failure, answer)
            await self._send(request, connection, whole)

    async def _send(
        self, request: Request, connection: Connection, answer: Answer
    ) -> None:
        rate = self._service.faults.bytes_per_second
        await write_paced(connection, connection.whole(request, answer), rate)

    async def _fail(
        self, request: Request, connection: Connection, endpoint: str, failure: Failure
    ) -> None:
        """Let a request fail without its true answer."""
        if failure is Failure.RESET:
            self._log.add(request, endpoint, 0)
            connection.reset()
        elif failure is Failure.SILENCE:
            self._log.add(request, endpoint, 0)
            await connection.wait_closed()
        else:
            answer = replacement(failure, self._service.faults)
            self._log.add(request, endpoint, answer.status)
            await self._send(request, connection, answer)

    def _trouble(self, request: Request, endpoint: str) -> StreamTrouble:
        faults = self._service.faults
        trouble = faults.trouble(endpoint)
        session = self._service.accounts.session(request)
        if faults.cut_with_session and session is not None and endpoint == "events":
            left = session.ends_at - time.monotonic()
            cut = trouble.cut_seconds
            trouble = trouble._replace(
                cut_seconds=left if cut is None else min(left, cut)
            )
        return trouble
