"""The environment's proxies: read as curl reads them, and named when they fail."""

from __future__ import annotations

import asyncio
import base64
import os
import shutil
import socket
import ssl
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import httpx
import pytest
import trustme

from chronotui.errors import (
    ChronotuiError,
    ConfigError,
    FailedAnswerError,
    UnreachableError,
    WebPageError,
)
from chronotui.model import RawFormat
from chronotui.sources.address import parse_address, proxy_for, proxy_notes
from chronotui.sources.protocol import BearerAuth, TlsSettings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.sources.conftest import Answer, MakePeer, OpenClient, Received

P = "http://proxy.test:3128"
VARIABLES = [
    name
    for one in ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
    for name in (one, one.upper())
]

CHOICES: list[tuple[str, dict[str, str], str | None]] = [
    # which variable
    ("http://a.test", {}, None),
    ("http://a.test", {"http_proxy": P}, "http_proxy"),
    ("http://a.test", {"HTTP_PROXY": P}, None),
    ("http://a.test", {"https_proxy": P}, None),
    ("http://a.test", {"HTTP_PROXY": P, "ALL_PROXY": P}, "ALL_PROXY"),
    ("http://a.test", {"all_proxy": P}, "all_proxy"),
    ("http://a.test", {"all_proxy": P, "ALL_PROXY": "http://b:1"}, "all_proxy"),
    ("http://a.test", {"http_proxy": P, "all_proxy": "http://b:1"}, "http_proxy"),
    ("http://a.test", {"http_proxy": "", "all_proxy": P}, "all_proxy"),
    ("https://a.test", {"https_proxy": P}, "https_proxy"),
    ("https://a.test", {"HTTPS_PROXY": P}, "HTTPS_PROXY"),
    ("https://a.test", {"https_proxy": P, "HTTPS_PROXY": "http://b:1"}, "https_proxy"),
    ("https://a.test", {"https_proxy": "", "HTTPS_PROXY": P}, "HTTPS_PROXY"),
    ("https://a.test", {"http_proxy": P}, None),
    ("https://a.test", {"ALL_PROXY": P}, "ALL_PROXY"),
    # without a proxy
    ("http://a.test", {"http_proxy": P, "no_proxy": "*"}, None),
    ("http://a.test", {"http_proxy": P, "NO_PROXY": "*"}, None),
    ("http://a.test", {"http_proxy": P, "no_proxy": "", "NO_PROXY": "a.test"}, None),
    (
        "http://a.test",
        {"http_proxy": P, "no_proxy": "b", "NO_PROXY": "*"},
        "http_proxy",
    ),
    ("http://a.test", {"http_proxy": P, "no_proxy": "a.test"}, None),
    ("http://A.test", {"http_proxy": P, "no_proxy": "a.TEST"}, None),
    ("http://w.a.test", {"http_proxy": P, "no_proxy": "a.test"}, None),
    ("http://w.a.test", {"http_proxy": P, "no_proxy": ".a.test"}, None),
    ("http://a.test", {"http_proxy": P, "no_proxy": ".a.test"}, None),
    ("http://ba.test", {"http_proxy": P, "no_proxy": "a.test"}, "http_proxy"),
    ("http://a.test", {"http_proxy": P, "no_proxy": "w.a.test"}, "http_proxy"),
    ("http://a.test", {"http_proxy": P, "no_proxy": "b.test,a.test"}, None),
    ("http://a.test", {"http_proxy": P, "no_proxy": "b.test, a.test"}, None),
    ("http://a.test", {"http_proxy": P, "no_proxy": "b.test a.test"}, None),
    ("http://a.test", {"http_proxy": P, "no_proxy": "b.test,,a.test,"}, None),
    ("http://a.test", {"http_proxy": P, "no_proxy": "*.test"}, "http_proxy"),
    ("http://a.test", {"http_proxy": P, "no_proxy": "b.test,*"}, "http_proxy"),
    # addresses
    ("http://10.1.2.3", {"http_proxy": P, "no_proxy": "10.1.2.3"}, None),
    ("http://10.1.2.3", {"http_proxy": P, "no_proxy": "2.3"}, "http_proxy"),
    ("http://10.1.2.3", {"http_proxy": P, "no_proxy": "10.0.0.0/8"}, None),
    ("http://10.1.2.3", {"http_proxy": P, "no_proxy": "10.1.2.0/30"}, None),
    ("http://10.1.2.4", {"http_proxy": P, "no_proxy": "10.1.2.0/30"}, "http_proxy"),
    ("http://10.1.2.3", {"http_proxy": P, "no_proxy": "10.1.2.3/32"}, None),
    ("http://10.1.2.3", {"http_proxy": P, "no_proxy": "10.0.0.0/33"}, "http_proxy"),
    ("http://10.1.2.3", {"http_proxy": P, "no_proxy": "0.0.0.0/0"}, "http_proxy"),
    ("http://a.test", {"http_proxy": P, "no_proxy": "10.0.0.0/8"}, "http_proxy"),
    ("http://[fd00::7]", {"http_proxy": P, "no_proxy": "fd00::7"}, None),
    ("http://[fd00::7]", {"http_proxy": P, "no_proxy": "fd00::8"}, "http_proxy"),
    ("http://[fe00::7]", {"http_proxy": P, "no_proxy": "fd00::/16"}, "http_proxy"),
]
"""Where curl 7.88 and we agree: URL, environment, the variable that applies."""

WIDER: list[tuple[str, dict[str, str], str | None]] = [
    # curl before 8 compares IPv6 addresses as text
    ("http://[fd00::7]", {"http_proxy": P, "no_proxy": "fd00:0::0007"}, None),
    ("http://[fd00::7]", {"http_proxy": P, "no_proxy": "fd00::/16"}, None),
    # ports, brackets, and this machine
    ("http://a.test:81", {"http_proxy": P, "no_proxy": "a.test:81"}, None),
    ("http://a.test:82", {"http_proxy": P, "no_proxy": "a.test:81"}, "http_proxy"),
    ("http://a.test", {"http_proxy": P, "no_proxy": "a.test:80"}, None),
    ("https://w.a.test", {"https_proxy": P, "no_proxy": ".a.test:443"}, None),
    ("http://[fd00::7]:81", {"http_proxy": P, "no_proxy": "[fd00::7]"}, None),
    ("http://[fd00::7]:81", {"http_proxy": P, "no_proxy": "[fd00::7]:81"}, None),
    (
        "http://[fd00::7]:82",
        {"http_proxy": P, "no_proxy": "[fd00::7]:81"},
        "http_proxy",
    ),
    ("http://localhost", {"http_proxy": P}, None),
    ("http://127.0.0.5:8080", {"http_proxy": P, "all_proxy": P}, None),
    ("https://[::1]", {"https_proxy": P}, None),
]
"""Where we differ from curl 7.88, on purpose."""


@pytest.mark.parametrize(("url", "environ", "variable"), CHOICES + WIDER)
def test_the_variable_that_applies(
    url: str, environ: dict[str, str], variable: str | None
) -> None:
    proxy = proxy_for(parse_address(url), environ)
    assert (None if proxy is None else proxy.variable) == variable
    if proxy is not None:
        assert (proxy.host, proxy.port) == ("proxy.test", 3128)


@contextmanager
def listening() -> Iterator[socket.socket]:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        server.setblocking(False)
        yield server


def was_met(server: socket.socket) -> bool:
    try:
        server.accept()[0].close()
    except BlockingIOError:
        return False
    return True


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl here")
@pytest.mark.parametrize(("url", "environ", "variable"), CHOICES)
async def test_curl_chooses_the_same(
    url: str, environ: dict[str, str], variable: str | None
) -> None:
    with listening() as proxy, listening() as server:
        place = f"127.0.0.1:{proxy.getsockname()[1]}"
        here = {
            name: value.replace("proxy.test:3128", place)
            for name, value in environ.items()
        }
        clean = {n: v for n, v in os.environ.items() if n not in VARIABLES}
        port = server.getsockname()[1]
        curl = await asyncio.create_subprocess_exec(
            "curl", "-q", "-s", "--connect-to", f"::127.0.0.1:{port}", url,
            env=clean | here, stdout=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        met = ""
        while not met:
            await asyncio.sleep(0.005)
            met = "proxy" if was_met(proxy) else "server" if was_met(server) else ""
        await curl.wait()
    assert met == ("server" if variable is None else "proxy")


@pytest.mark.parametrize(
    ("value", "place", "credentials"),
    [
        ("proxy.test:3128", "proxy.test:3128", None),
        ("proxy.test", "proxy.test:1080", None),
        ("http://proxy.test/", "proxy.test:1080", None),
        ("HTTP://proxy.test:80", "proxy.test:80", None),
        ("https://proxy.test", "proxy.test:443", None),
        ("10.0.0.1:8", "10.0.0.1:8", None),
        ("[fd00::1]:8", "[fd00::1]:8", None),
        ("me:pa%40ss@proxy.test:8", "proxy.test:8", (b"me", b"pa@ss")),
        ("http://me@proxy.test:8", "proxy.test:8", (b"me", b"")),
    ],
)
def test_a_proxy_is_read_whole(
    value: str, place: str, credentials: tuple[bytes, bytes] | None
) -> None:
    proxy = proxy_for(parse_address("http://a.test"), {"http_proxy": value})
    assert proxy is not None
    assert (proxy.place, proxy.credentials) == (place, credentials)
    assert "pa" not in f"{proxy} {proxy!r} {proxy.url}".replace("place", "")


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("socks5://me:geheim@127.0.0.1:1", "all_proxy names a SOCKS proxy"),
        ("socks5h://127.0.0.1:1", "all_proxy names a SOCKS proxy"),
        ("ftp://me:geheim@127.0.0.1:1", "all_proxy names no HTTP proxy"),
        ("http://me:geheim@host:port", "all_proxy names no HTTP proxy"),
        ("http://[::1", "all_proxy names no HTTP proxy"),
        ("http://", "all_proxy names no HTTP proxy"),
    ],
)
def test_what_is_no_proxy_is_said_with_its_variable(value: str, words: str) -> None:
    address = parse_address("https://a.test")
    with pytest.raises(ConfigError, match=words) as caught:
        proxy_for(address, {"all_proxy": value})
    assert "geheim" not in str(caught.value)
    (note,) = proxy_notes(address, {"all_proxy": value})
    assert note.is_warning
    assert words in note.said


@pytest.mark.parametrize(
    ("url", "environ", "notes"),
    [
        ("http://a.test", {}, []),
        ("http://a.test", {"http_proxy": "me:geheim@p.test:1"},
         [("http_proxy", "a.test is reached through p.test:1", False)]),
        ("https://a.test", {"ALL_PROXY": P, "no_proxy": "test"},
         [("ALL_PROXY", "not used, because of no_proxy", False),
          ("no_proxy", "a.test is reached without a proxy", False)]),
        ("http://a.test", {"HTTP_PROXY": P},
         [("HTTP_PROXY", "not read in upper case, as with curl; http_proxy is", True)]),
        ("https://a.test", {"HTTP_PROXY": P}, []),
        ("http://localhost", {"http_proxy": P},
         [("http_proxy", "not used: localhost is this machine", False)]),
    ],
)  # fmt: skip
def test_each_variable_in_effect_is_told(
    url: str, environ: dict[str, str], notes: list[tuple[str, str, bool]]
) -> None:
    assert proxy_notes(parse_address(url), environ) == notes


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


async def trouble_at(client_for: OpenClient, url: str) -> tuple[ChronotuiError, ...]:
    """Ask through both clients; return what each says."""
    client = client_for(url, timeout_seconds=10.0)
    with pytest.raises(ChronotuiError) as one:
        await client.workflows()
    download = client.download("w", "j", format=RawFormat.TXT)
    with pytest.raises(ChronotuiError) as other:
        await asyncio.to_thread(download.__enter__)
    return one.value, other.value


@pytest.mark.parametrize(
    ("head", "kind", "words"),
    [
        (
            "407 Proxy Authentication Required",
            UnreachableError,
            "wants a sign-in (407)",
        ),
        ("403 Forbidden", UnreachableError, "lets nobody through to a.test (403)"),
        ("502 Bad Gateway", UnreachableError, "cannot reach a.test (502)"),
        ("503 Service Unavailable", UnreachableError, "cannot reach a.test (503)"),
        ("500 Oops", UnreachableError, "opened no way to a.test (500)"),
    ],
)
async def test_a_tunnel_that_is_refused_names_the_proxy(
    *,
    make_peer: MakePeer,
    client_for: OpenClient,
    monkeypatch: pytest.MonkeyPatch,
    head: str,
    kind: type[ChronotuiError],
    words: str,
) -> None:
    reply = f"HTTP/1.1 {head}\r\nContent-Length: 0\r\n\r\n".encode()
    proxy = await make_peer(lambda *_: reply)
    place = proxy.url.partition("://")[2]
    monkeypatch.setenv("HTTPS_PROXY", f"http://me:geheim@{place}")
    for error in await trouble_at(client_for, "https://a.test"):
        assert type(error) is kind
        assert f"The proxy {place} (HTTPS_PROXY) {words}" in error.sentence
        assert "HTTPS_PROXY" in error.next_step
        assert "geheim" not in str(error)
    assert {one.target for one in proxy.received} == {"a.test:443"}
    sent = base64.b64encode(b"me:geheim").decode()
    assert proxy.received[0].headers["proxy-authorization"] == f"Basic {sent}"


@pytest.mark.parametrize(
    ("status", "type_", "kind", "words"),
    [
        (407, "text/html", FailedAnswerError, "wants a sign-in (407)"),
        (403, "text/html", FailedAnswerError, "(403)"),
        (401, "text/html", FailedAnswerError, "(401)"),
        (503, "text/html", FailedAnswerError, "(503)"),
        (200, "text/html", WebPageError, "instead of data"),
        (200, "text/plain", WebPageError, "instead of data"),
    ],
)
async def test_a_proxys_own_answer_is_not_the_servers(
    *,
    make_peer: MakePeer,
    client_for: OpenClient,
    answer: Answer,
    monkeypatch: pytest.MonkeyPatch,
    status: int,
    type_: str,
    kind: type[ChronotuiError],
    words: str,
) -> None:
    proxy = await make_peer(lambda *_: answer(status, "<html>no</html>", kind=type_))
    monkeypatch.setenv("http_proxy", proxy.url)
    client = client_for("http://a.test")
    with pytest.raises(ChronotuiError) as caught:
        await client.workflows()
    error = caught.value
    assert type(error) is kind
    assert f"proxy {proxy.url[7:]} (http_proxy)" in error.sentence
    assert words in error.sentence
    assert "http_proxy" in error.next_step
    assert "account" not in str(error)


@pytest.mark.parametrize(
    ("body", "kind", "words"),
    [
        ("not yours", "text/plain", r"may not see that \(403\): “not yours”"),
        ("", "text/plain", r"may not see that \(403\)\."),
        ("<Error/>", "application/xml", r"may not see that \(403\)"),
    ],
)
async def test_what_is_no_page_is_the_servers_own_through_a_proxy_too(
    *,
    make_peer: MakePeer,
    client_for: OpenClient,
    answer: Answer,
    monkeypatch: pytest.MonkeyPatch,
    body: str,
    kind: str,
    words: str,
) -> None:
    proxy = await make_peer(lambda *_: answer(403, body, kind=kind))
    monkeypatch.setenv("http_proxy", proxy.url)
    with pytest.raises(ChronotuiError, match=words):
        await client_for("http://a.test").workflows()


async def test_a_proxy_nobody_serves_is_not_the_server(
    client_for: OpenClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        place = f"127.0.0.1:{taken.getsockname()[1]}"
    monkeypatch.setenv("all_proxy", place)
    for url in ("http://a.test", "https://a.test"):
        for error in await trouble_at(client_for, url):
            assert type(error) is UnreachableError
            assert error.sentence == (
                f"No connection to the proxy {place} (all_proxy) came about: "
                "nothing listens there."
            )


async def test_a_proxy_with_an_unknown_name_is_not_the_server(
    client_for: OpenClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("https_proxy", "http://no-such.invalid:1")
    for error in await trouble_at(client_for, "https://a.test"):
        assert type(error) is UnreachableError
        assert "The name of the proxy no-such.invalid:1 (https_proxy)" in error.sentence


@pytest.mark.parametrize("url", ["http://a.test", "https://a.test"])
async def test_a_proxy_that_says_nothing_is_named(
    make_peer: MakePeer,
    client_for: OpenClient,
    monkeypatch: pytest.MonkeyPatch,
    url: str,
) -> None:
    async def silence(_request: Received, _writer: object) -> None:
        await asyncio.sleep(30)

    proxy = await make_peer(silence)
    monkeypatch.setenv("all_proxy", proxy.url)
    client = client_for(url, timeout_seconds=0.2)
    with pytest.raises(UnreachableError) as caught:
        await client.workflows()
    said = f"Nothing came in time through the proxy {proxy.url[7:]} (all_proxy)"
    assert said in caught.value.sentence


@pytest.mark.parametrize("url", ["http://a.test", "https://a.test"])
async def test_a_proxy_that_hangs_up_is_named(
    make_peer: MakePeer,
    client_for: OpenClient,
    monkeypatch: pytest.MonkeyPatch,
    url: str,
) -> None:
    proxy = await make_peer(lambda *_: None)
    monkeypatch.setenv("all_proxy", proxy.url)
    for error in await trouble_at(client_for, url):
        assert type(error) is UnreachableError
        assert f"through the proxy {proxy.url[7:]} (all_proxy)" in error.sentence


class Tunnels:
    """A proxy that opens tunnels, whatever the name, to one port of this machine."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.asked: list[str] = []

    async def serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        self.asked.append(head.partition("\r\n")[0])
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await asyncio.gather(pass_on(reader, far_writer), pass_on(far_reader, writer))


async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
    writer.close()


@pytest.mark.parametrize("secure", [False, True], ids=["http", "https"])
async def test_a_tunnel_carries_both_clients_with_keep_alive_probes(
    *,
    make_peer: MakePeer,
    client_for: OpenClient,
    answer: Answer,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    secure: bool,
) -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("a.test").configure_cert(context)
    ca_file = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(ca_file))
    peer = await make_peer(lambda *_: answer(200, '{"workflows":[]}'), tls=context)
    tunnels = Tunnels(int(peer.url.rpartition(":")[2]))
    own = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(own)
    tls = own if secure else None
    server = await asyncio.start_server(tunnels.serve, "127.0.0.1", 0, ssl=tls)
    place = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    monkeypatch.setenv("https_proxy", f"https://{place}" if secure else place)

    async def token() -> str:
        return "geheim"

    options: dict[str, object] = {"tls": TlsSettings(ca_file=ca_file)}
    client = client_for("https://a.test/api", BearerAuth(token), **options)
    await client.workflows()
    transport = client._http._transport
    assert transport is not None
    seen = await transport.handle_async_request(httpx.Request("GET", "https://a.test/"))
    sock = seen.extensions["network_stream"].get_extra_info("socket")
    assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    await seen.aclose()
    download = client.download("w", "j", format=RawFormat.JSON)
    assert (
        await asyncio.to_thread(lambda: b"".join(read(download))) == b'{"workflows":[]}'
    )
    assert set(tunnels.asked) == {"CONNECT a.test:443 HTTP/1.1"}
    assert all("proxy-authorization" not in one.headers for one in peer.received)

    stranger = client_for("https://b.test", **options)
    with pytest.raises(UnreachableError) as caught:
        await stranger.workflows()
    named = f"the proxy {place} (https_proxy)"
    near = f"of {named}, or of b.test behind it, is not accepted"
    far = f"of b.test, reached through {named}, is not accepted"
    assert f"The certificate {near if secure else far}" in caught.value.sentence
    server.close()


def read(download: object) -> Iterator[bytes]:
    with download as opened:  # type: ignore[attr-defined]
        yield from opened.chunks()


async def test_a_proxys_page_before_the_first_secret_is_the_proxys(
    make_peer: MakePeer,
    client_for: OpenClient,
    answer: Answer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def token() -> str:
        return "geheim"

    proxy = await make_peer(lambda *_: answer(403, "<html>no</html>", kind="text/html"))
    monkeypatch.setenv("http_proxy", proxy.url)
    client = client_for("http://a.test", BearerAuth(token), insecure=True)
    with pytest.raises(FailedAnswerError, match=r"through the proxy .*\(http_proxy\)"):
        await client.workflows()
    assert "geheim" not in repr(proxy.received)
