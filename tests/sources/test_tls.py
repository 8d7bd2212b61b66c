"""TLS over real sockets with certificates made for the test."""

from __future__ import annotations

import asyncio
import ssl
from typing import TYPE_CHECKING, NamedTuple

import pytest
import trustme

from chronotui.errors import CancelledByUserError, ConfigError, UnreachableError
from chronotui.model import RawFormat
from chronotui.sources.http import build_context
from chronotui.sources.protocol import TlsSettings

if TYPE_CHECKING:
    from pathlib import Path

    from tests.sources.conftest import Answer, MakePeer, OpenClient


class Authority(NamedTuple):
    """Certificates in files, and a server's context."""

    ca_file: Path
    client_cert: Path
    client_key: Path
    server: ssl.SSLContext


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    folder = tmp_path_factory.mktemp("tls")
    ca = trustme.CA()
    ca_file, cert, key = folder / "ca.pem", folder / "me.pem", folder / "me.key"
    ca.cert_pem.write_to_path(str(ca_file))
    mine = ca.issue_cert("me@example.com")
    mine.cert_chain_pems[0].write_to_path(str(cert))
    mine.private_key_pem.write_to_path(str(key))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("127.0.0.1").configure_cert(server)
    return Authority(ca_file, cert, key, server)


async def test_a_private_authority_is_trusted_when_named(
    make_peer: MakePeer, client_for: OpenClient, answer: Answer, authority: Authority
) -> None:
    peer = await make_peer(lambda *_: answer(200, "{}"), tls=authority.server)
    client = client_for(peer.url, tls=TlsSettings(ca_file=authority.ca_file))
    assert (await client.workflows()).items == ()

    def read() -> bytes:
        with client.download("w", "j", format=RawFormat.TXT) as download:
            return b"".join(download.chunks())

    assert await asyncio.to_thread(read) == b"{}"


async def test_an_unknown_authority_is_said_with_the_key_that_helps(
    make_peer: MakePeer, client_for: OpenClient, answer: Answer, authority: Authority
) -> None:
    peer = await make_peer(lambda *_: answer(200, "{}"), tls=authority.server)
    with pytest.raises(UnreachableError, match="certificate of 127") as refused:
        await client_for(peer.url).workflows()
    assert "ca_file" in refused.value.next_step


async def test_a_certificate_of_another_host_is_said(
    make_peer: MakePeer, client_for: OpenClient, answer: Answer, authority: Authority
) -> None:
    peer = await make_peer(lambda *_: answer(200, "{}"), tls=authority.server)
    url = peer.url.replace("127.0.0.1", "localhost")
    client = client_for(url, tls=TlsSettings(ca_file=authority.ca_file))
    with pytest.raises(UnreachableError, match=r"not accepted: .*localhost"):
        await client.workflows()


async def test_checking_can_be_switched_off(
    make_peer: MakePeer, client_for: OpenClient, answer: Answer, authority: Authority
) -> None:
    peer = await make_peer(lambda *_: answer(200, "{}"), tls=authority.server)
    client = client_for(peer.url, tls=TlsSettings(verify=False))
    assert (await client.workflows()).items == ()


async def test_tls_where_none_is_spoken_is_said(client_for: OpenClient) -> None:
    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(plain, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(UnreachableError, match="does not speak TLS") as told:
            await client_for(f"https://127.0.0.1:{port}").workflows()
    assert "http://" in told.value.next_step


async def test_a_server_that_wants_our_certificate_gets_it(
    make_peer: MakePeer, client_for: OpenClient, answer: Answer, authority: Authority
) -> None:
    strict = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    issuer = trustme.CA()
    issuer.issue_cert("127.0.0.1").configure_cert(strict)
    strict.load_verify_locations(authority.ca_file)
    strict.verify_mode = ssl.CERT_REQUIRED
    peer = await make_peer(lambda *_: answer(200, "{}"), tls=strict)
    settings = TlsSettings(
        client_cert=authority.client_cert,
        client_key=authority.client_key,
        verify=False,
    )
    assert (await client_for(peer.url, tls=settings).workflows()).items == ()


async def test_a_download_over_tls_can_be_aborted(
    make_peer: MakePeer, client_for: OpenClient, authority: Authority
) -> None:
    asked = asyncio.Event()

    async def script(_request: object, writer: asyncio.StreamWriter) -> None:
        writer.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n"
        )
        asked.set()
        await asyncio.Event().wait()

    peer = await make_peer(script, tls=authority.server)
    client = client_for(peer.url, tls=TlsSettings(ca_file=authority.ca_file))
    download = client.download("w", "j", format=RawFormat.TXT)

    def save() -> None:
        with download:
            list(download.chunks())

    task = asyncio.create_task(asyncio.to_thread(save))
    await asyncio.wait_for(asked.wait(), 30)
    download.abort()
    with pytest.raises(CancelledByUserError):
        await asyncio.wait_for(task, 30)


async def test_bad_settings_are_said_at_the_first_request(
    client_for: OpenClient, tmp_path: Path
) -> None:
    settings = TlsSettings(ca_file=tmp_path / "none.pem")
    client = client_for("https://127.0.0.1:1", tls=settings)
    for _ in range(2):
        with pytest.raises(ConfigError, match="ca_file"):
            await client.workflows()


def test_every_unusable_file_is_named_by_its_key(
    tmp_path: Path, authority: Authority
) -> None:
    absent, noise = tmp_path / "absent", tmp_path / "noise"
    noise.write_text("no certificate")
    cert, key = authority.client_cert, authority.client_key
    other = tmp_path / "other.key"
    trustme.CA().issue_cert("x").private_key_pem.write_to_path(str(other))
    for settings, words in [
        (TlsSettings(ca_file=absent), "ca_file .*No such file"),
        (TlsSettings(ca_file=noise), "ca_file .*PEM"),
        (TlsSettings(client_cert=absent), "client_cert .*No such file"),
        (TlsSettings(client_cert=cert, client_key=absent), "client_key .*No such"),
        (TlsSettings(client_cert=noise, client_key=key), "client_cert .*PEM"),
        (TlsSettings(client_cert=cert, client_key=noise), "client_cert"),
        (TlsSettings(client_cert=cert, client_key=other), "do not fit together"),
    ]:
        with pytest.raises(ConfigError, match=words):
            build_context(settings)


def test_a_locked_key_is_refused_instead_of_asking_on_the_terminal(
    tmp_path: Path, authority: Authority
) -> None:
    from cryptography.hazmat.primitives import serialization

    plain = serialization.load_pem_private_key(authority.client_key.read_bytes(), None)
    locked = tmp_path / "locked.key"
    locked.write_bytes(
        plain.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"passphrase"),
        )
    )
    with pytest.raises(ConfigError, match="passphrase"):
        build_context(TlsSettings(client_cert=authority.client_cert, client_key=locked))


def test_the_usual_authorities_are_trusted_and_hosts_checked() -> None:
    context = build_context(TlsSettings())
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.cert_store_stats()["x509_ca"] > 50
