"""From a request to its answer on the wire."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from chronotui.demo.message import Answer, plain
from chronotui.demo.routes import HANDLERS
from chronotui.demo.service import dispatch, find_endpoint

if TYPE_CHECKING:
    from chronotui.demo.connection import Connection
    from chronotui.demo.message import Request, RequestLog
    from chronotui.demo.service import Service


async def answer_request(
    service: Service,
    request: Request,
    connection: Connection,
    prefix: str,
    log: RequestLog,
) -> None:
    """Answer a request; addresses outside ``prefix`` are not found."""
    path = request.path
    if prefix and not path.startswith(f"{prefix}/"):
        log.add(request, "", 404)
        await connection.send(request, plain(404, "404 page not found"))
        return
    request = replace(request, path=path[len(prefix) :])
    endpoint, ids = find_endpoint(request.path)
    answer = dispatch(service, request, endpoint, ids, HANDLERS)
    log.add(request, endpoint, answer.status)
    if isinstance(answer, Answer):
        await connection.send(request, answer)
    else:
        await connection.stream(answer)
