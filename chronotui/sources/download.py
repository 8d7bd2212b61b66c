"""Secrets for a worker thread, asked of the event loop that holds them."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from concurrent.futures import wait
from contextlib import AbstractContextManager, ExitStack, suppress
from email.message import Message
from email.utils import collapse_rfc2231_value
from functools import partial
from typing import TYPE_CHECKING, Final, Self, TypeAlias, cast

import httpx

from chronotui.errors import (
    CancelledByUserError,
    ChronotuiError,
    DownloadNeedsSessionError,
    UnreadableAnswerError,
)
from chronotui.model import RawFormat
from chronotui.sources.httpcore_backends import bulk_body
from chronotui.sources.transport import redirect_target
from chronotui.sources.wire_errors import (
    FAILURES,
    MAX_ERROR_BODY,
    Ask,
    is_page,
    media_type,
    quote_words,
    routed,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Iterator
    from types import TracebackType

    from httpcore import NetworkStream

    from chronotui.sources.auth import Credentials, Secrets
    from chronotui.sources.transport import Transport

if TYPE_CHECKING:
    Work: TypeAlias = Callable[[], Coroutine[None, None, Secrets]]

_LOOK_UP_SECONDS: Final = 0.1
"""How often a waiting thread looks whether it is still wanted."""


class ThreadSecrets:
    """Gets and renews secrets for a thread, on the loop that holds them.

    Before the client has met a loop, or when that loop has ended, a loop of its own
    serves the one call.
    """

    def __init__(
        self, credentials: Credentials, close: Callable[[], Awaitable[None]]
    ) -> None:
        self._credentials = credentials
        self._close = close
        self._loop: asyncio.AbstractEventLoop | None = None

    def meet_loop(self) -> None:
        """Remember the running loop."""
        self._loop = asyncio.get_running_loop()

    def get(self, refused: Secrets | None, given_up: Callable[[], bool]) -> Secrets:
        """Return the secrets to send, renewed if they are the refused ones. Blocks.

        Args:
            refused: What the server did not take, None at first.
            given_up: Asked every now and then whether to stop waiting; somebody may
                have to type a password.

        Raises:
            CancelledByUserError: It was given up, or the loop ended.
            ChronotuiError: The secrets cannot be had.
            RuntimeError: Called on a loop's own thread, which would wait for itself.
        """
        if _in_loop():
            raise RuntimeError("this blocks: call it in a thread")
        if refused is not None:
            return self._wait_for(partial(self._credentials.renew, refused), given_up)
        held = self._credentials.held
        return held or self._wait_for(self._credentials.current, given_up)

    def _wait_for(self, work: Work, given_up: Callable[[], bool]) -> Secrets:
        loop = self._loop
        if loop is None or not loop.is_running():
            return asyncio.run(self._alone(work))
        future = asyncio.run_coroutine_threadsafe(work(), loop)
        while not wait([future], timeout=_LOOK_UP_SECONDS).done:
            if given_up() or not loop.is_running():
                future.cancel()
                raise CancelledByUserError("The request was cancelled.")
        return future.result()

    async def _alone(
        self, work: Callable[[], Coroutine[None, None, Secrets]]
    ) -> Secrets:
        try:
            return await work()
        finally:
            await self._close()


def _in_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


# The file name a server proposes (RFC 6266, with RFC 5987 encodings).

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


# The raw download: blocking, for a thread of its own, fast, abortable.
#
# Not asynchronous, because a blocking read moves bulk bytes about twice as fast.

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
            have asked for something else (WIRE.md "Raw download").
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
