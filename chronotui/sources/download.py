"""The raw download: blocking, for a thread of its own, fast, abortable.

Not asynchronous, because a blocking read moves bulk bytes about twice as fast. Secrets
are asked for and renewed on the event loop that holds them.
"""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from concurrent.futures import wait
from contextlib import AbstractContextManager, ExitStack, suppress
from email.message import Message
from email.utils import collapse_rfc2231_value
from typing import TYPE_CHECKING, Final, Self, cast

import httpx

from chronotui.errors import (
    CancelledByUserError,
    ChronotuiError,
    DownloadNeedsSessionError,
    UnreadableAnswerError,
)
from chronotui.model import RawFormat
from chronotui.sources.http import redirect_target, routed
from chronotui.sources.httpcore_backends import bulk_body
from chronotui.sources.wire_errors import (
    FAILURES,
    MAX_ERROR_BODY,
    is_page,
    media_type,
    quote_words,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

    from httpcore import NetworkStream

    from chronotui.sources.auth import Secrets, SignedIn
    from chronotui.sources.http import HttpRequest

_LOOK_UP_SECONDS: Final = 0.1
"""How often a thread that waits for secrets looks whether it is still wanted."""

_SILENCE_SECONDS: Final = 60.0
"""Longest wait for the next bytes; the server fetches batches in between."""

_MAX_HOPS: Final = 5
_MAX_NAME: Final = 255
_HEADERS: Final = {"Accept": "*/*", "Accept-Encoding": "identity"}

_SOCKET_EVENTS: Final = frozenset(
    {"connection.connect_tcp.complete", "connection.start_tls.complete"}
)

_FORMATS: Final = {
    "text/plain": RawFormat.TXT,
    "application/json": RawFormat.JSON,
    "application/x-ndjson": RawFormat.JSONL,
    "application/ndjson": RawFormat.JSONL,
    "application/jsonl": RawFormat.JSONL,
    "": RawFormat.TXT,
}


class RawDownload(AbstractContextManager["RawDownload"]):
    """One download, open inside its ``with`` block.

    Everything blocks and belongs into one thread, except ``abort``, which any
    thread may call at any time, also before the answer has come.

    Attributes:
        format: What the server really sends, by its Content-Type; the request may
            have asked for something else (WIRE.md "Raw download").
        file_name: The name the server proposes, None without one. It is the
            server's word: make it safe before use.
    """

    def __init__(
        self, signed_in: SignedIn, request: HttpRequest, *, needs_session: bool
    ) -> None:
        self.format = RawFormat.TXT
        self.file_name: str | None = None
        self._signed_in = signed_in
        self._http = signed_in.http
        self._request = request
        self._needs_session = needs_session
        self._stack = ExitStack()
        self._answer: httpx.Response | None = None
        self._client: httpx.Client | None = None
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._aborted = False

    def __enter__(self) -> Self:
        """Send the request and read the head of the answer.

        Raises:
            DownloadNeedsSessionError: A bearer profile without a session is refused
                here; the pages of the log may still be open to it.
            CancelledByUserError: ``abort`` was called.
            ChronotuiError: Whatever else went wrong.
        """
        try:
            with routed(self._request):
                self._open()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._lock:
            self._socket = None
        with suppress(*FAILURES):
            self._stack.close()

    def chunks(self) -> Iterator[bytes]:
        """Give the body as it comes, in pieces as received.

        Raises:
            CancelledByUserError: ``abort`` was called.
            UnreachableError: The connection broke before the end.
        """
        if self._answer is None:
            raise RuntimeError("chunks() belongs into the with block")
        try:
            yield from bulk_body(self._answer)
        except FAILURES as error:
            raise self._failure(error) from error
        if self._aborted:
            raise _cancelled()

    def abort(self) -> None:
        """End the download now; returns at once, from any thread."""
        with self._lock:
            self._aborted = True
            self._shut_down()

    def _open(self) -> None:
        secrets = self._secrets(None)
        answer = self._followed(secrets)
        if answer.status_code == 401 and not is_page(answer.headers):
            if self._needs_session:
                raise DownloadNeedsSessionError(
                    "The raw download takes only a session, and the profile has a "
                    "token alone.",
                    next_step="Add a session to the profile's auth, or build the file "
                    "from the log's pages.",
                )
            answer.close()
            answer = self._followed(self._secrets(secrets))
        self._take(answer)

    def _secrets(self, refused: Secrets | None) -> Secrets:
        """Return the secrets to send, renewed if they are the refused ones.

        Before the client has met an event loop, or when that has ended, a loop of its
        own serves the one call. Somebody may have to type a password meanwhile.

        Raises:
            CancelledByUserError: ``abort`` was called, or the loop ended.
            ChronotuiError: The secrets cannot be had.
            RuntimeError: Called on a loop's own thread, which would wait for itself.
        """
        if _on_loop():
            raise RuntimeError("this blocks: call it in a thread")
        credentials = self._signed_in.credentials
        if refused is None and credentials.held is not None:
            return credentials.held
        loop = self._http.loop
        if loop is None or not loop.is_running():
            return asyncio.run(self._obtain(refused, then_close=True))
        future = asyncio.run_coroutine_threadsafe(self._obtain(refused), loop)
        while not wait([future], timeout=_LOOK_UP_SECONDS).done:
            if self._aborted or not loop.is_running():
                future.cancel()
                raise CancelledByUserError("The request was cancelled.")
        return future.result()

    async def _obtain(
        self, refused: Secrets | None, *, then_close: bool = False
    ) -> Secrets:
        credentials = self._signed_in.credentials
        try:
            if refused is None:
                return await credentials.current()
            return await credentials.renew(refused)
        finally:
            if then_close:
                await self._signed_in.aclose()

    def _followed(self, secrets: Secrets) -> httpx.Response:
        """Send and follow redirects within the origin."""
        url = self._request.url
        for _ in range(_MAX_HOPS):
            answer = self._send(url, secrets)
            target = redirect_target(answer, self._http.address)
            if target is None:
                return answer
            answer.close()
            url = target
        raise UnreadableAnswerError("The server sends requests round in circles.")

    def _send(self, url: str, secrets: Secrets) -> httpx.Response:
        if self._aborted:
            raise _cancelled()
        if self._client is None:
            self._client = self._http.make_blocking()
            self._stack.enter_context(self._client)
        headers = {**_HEADERS, **secrets.headers(raw=True)}
        seconds = self._http.timeout_seconds
        timeout = httpx.Timeout(seconds, read=max(seconds, _SILENCE_SECONDS))
        self._http.requests[self._request.kind] += 1
        began = time.monotonic()
        status: int | None = None
        try:
            request = self._client.build_request(
                "GET",
                url,
                headers=headers,
                timeout=timeout,
                extensions={"trace": self._watch_socket},
            )
            answer = self._client.send(request, stream=True)
            status = answer.status_code
        except FAILURES as error:
            raise self._failure(error) from error
        finally:
            self._http.note(self._request, status, time.monotonic() - began)
        self._stack.callback(answer.close)
        return answer

    def _take(self, answer: httpx.Response) -> None:
        """Accept a success, its format and its name."""
        if not answer.is_success:
            body = b""
            with suppress(*FAILURES):
                for part in answer.iter_bytes():
                    body += part
                    if len(body) >= MAX_ERROR_BODY:
                        break
            raise self._http.refusal(answer.status_code, answer.headers, body)
        if is_page(answer.headers):
            raise self._http.web_page()
        self.format = _format_of(media_type(answer.headers))
        self.file_name = file_name_hint(answer.headers.get("content-disposition", ""))
        self._answer = answer

    def _watch_socket(self, name: str, info: dict[str, object]) -> None:
        """Keep the socket that httpcore's trace names, for ``abort``."""
        if name not in _SOCKET_EVENTS:
            return
        stream = cast("NetworkStream", info["return_value"])
        with self._lock:
            self._socket = stream.get_extra_info("socket")
            if self._aborted:
                self._shut_down()

    def _shut_down(self) -> None:
        """Wake whoever reads; the lock is held.

        The method of the plain socket is called on purpose: that of a TLS socket
        pulls its state from under the reading thread.
        """
        if self._socket is not None:
            with suppress(OSError):
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    def _failure(self, error: Exception) -> ChronotuiError:
        return _cancelled() if self._aborted else self._http.explained(error)


def _on_loop() -> bool:
    with suppress(RuntimeError):
        return asyncio.get_running_loop() is not None
    return False


def _cancelled() -> CancelledByUserError:
    return CancelledByUserError("The download was cancelled.")


def _format_of(kind: str) -> RawFormat:
    """Return the format of a content type.

    Raises:
        UnreadableAnswerError: It is nothing a log comes in.
    """
    if kind in _FORMATS:
        return _FORMATS[kind]
    if kind.startswith("text/") or kind == "application/octet-stream":
        return RawFormat.TXT
    raise UnreadableAnswerError(
        f"The raw download is no log but {quote_words(kind.encode())}."
    )


def file_name_hint(header: str) -> str | None:
    """Return the name in a Content-Disposition (RFC 6266, with RFC 5987 encodings).

    The encoded one goes before the plain. It is the server's word and unsafe: it may
    hold slashes and control characters.
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
