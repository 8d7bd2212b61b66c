"""The raw download: blocking, for a thread of its own, fast, abortable.

Not asynchronous, because a blocking read moves bulk bytes about twice as fast.
"""

from __future__ import annotations

import socket
import threading
import time
from contextlib import AbstractContextManager, ExitStack, suppress
from typing import TYPE_CHECKING, Final, Self, cast

import httpx

from chronotui.api.answers import (
    MAX_ERROR_BODY,
    is_page,
    media_type,
    quote_words,
)
from chronotui.api.ask import Ask, routed
from chronotui.api.bulk import bulk_body
from chronotui.api.disposition import file_name_hint
from chronotui.api.failures import FAILURES
from chronotui.api.sending import redirect_target
from chronotui.errors import (
    CancelledByUserError,
    ChronotuiError,
    DownloadNeedsSessionError,
    UnreadableAnswerError,
)
from chronotui.model import RawFormat

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType

    from httpcore import NetworkStream

    from chronotui.api.secret_sources import Secrets
    from chronotui.api.transport import Transport

_SILENCE_SECONDS: Final = 60.0
"""Longest wait for the next bytes; the server fetches batches in between."""

_MAX_HOPS: Final = 5
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
            have asked for something else (wire note "Raw download").
        file_name: The name the server proposes, None without one. It is the
            server's word: make it safe before use.
    """

    def __init__(
        self,
        transport: Transport,
        ask: Ask,
        secrets: Callable[[Secrets | None, Callable[[], bool]], Secrets],
        *,
        needs_session: bool,
    ) -> None:
        self.format = RawFormat.TXT
        self.file_name: str | None = None
        self._transport = transport
        self._ask = ask
        self._secrets = secrets
        self._needs_session = needs_session
        self._stack = ExitStack()
        self._answer: httpx.Response | None = None
        self._client: httpx.Client | None = None
        patience = max(transport.timeout_seconds, _SILENCE_SECONDS)
        self._timeout = httpx.Timeout(transport.timeout_seconds, read=patience)
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
            with routed(self._ask):
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
        """Close the connection."""
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

    def _is_aborted(self) -> bool:
        return self._aborted

    def _open(self) -> None:
        secrets = self._secrets(None, self._is_aborted)
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
            answer = self._followed(self._secrets(secrets, self._is_aborted))
        self._take(answer)

    def _followed(self, secrets: Secrets) -> httpx.Response:
        """Send and follow redirects within the origin."""
        url = self._ask.url
        for _ in range(_MAX_HOPS):
            answer = self._send(url, secrets)
            target = redirect_target(answer, self._transport.address)
            if target is None:
                return answer
            answer.close()
            url = target
        raise UnreadableAnswerError("The server sends requests round in circles.")

    def _send(self, url: str, secrets: Secrets) -> httpx.Response:
        if self._aborted:
            raise _cancelled()
        if self._client is None:
            self._client = self._transport.connections.make_blocking()
            self._stack.enter_context(self._client)
        headers = {**_HEADERS, **secrets.headers(raw=True)}
        self._transport.requests[self._ask.kind] += 1
        began = time.monotonic()
        status: int | None = None
        try:
            request = self._client.build_request(
                "GET",
                url,
                headers=headers,
                timeout=self._timeout,
                extensions={"trace": self._watch_socket},
            )
            answer = self._client.send(request, stream=True)
            status = answer.status_code
        except FAILURES as error:
            raise self._failure(error) from error
        finally:
            seconds = time.monotonic() - began
            self._transport.note(self._ask, headers, status, seconds)
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
            raise self._transport.refusal(answer.status_code, answer.headers, body)
        if is_page(answer.headers):
            raise self._transport.web_page()
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
        if self._aborted:
            return _cancelled()
        return self._transport.explained(error)


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


def _cancelled() -> CancelledByUserError:
    return CancelledByUserError("The download was cancelled.")
