"""TLS as the profile wants it; building a context takes tens of milliseconds.

Build it in a thread: reading the certificates of the world blocks.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path

from chronotui.errors import ConfigError


@dataclass(frozen=True, slots=True)
class TlsSettings:
    """The profile's TLS keys; paths may begin with ``~``.

    Attributes:
        ca_file: Authorities to trust instead of the usual ones.
        client_cert: Our certificate, for servers that ask for one.
        client_key: Its key, when it is not in the certificate's file.
        verify: Whether the server's certificate is checked at all.
    """

    ca_file: str | Path | None = None
    client_cert: str | Path | None = None
    client_key: str | Path | None = None
    verify: bool = True


def build_context(settings: TlsSettings) -> ssl.SSLContext:
    """Make the context for an https server. Blocks; call it in a thread.

    Raises:
        ConfigError: A file is missing, unreadable or not what it should be; the
            sentence names the key.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.set_alpn_protocols(["http/1.1"])
    if not settings.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif settings.ca_file:
        _load_authorities(context, settings.ca_file)
    else:
        _load_usual_authorities(context)
    if settings.client_cert:
        _load_client(context, settings.client_cert, settings.client_key)
    return context


def empty_context() -> ssl.SSLContext:
    """Return a context that trusts nobody, for addresses that never use TLS."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def _load_usual_authorities(context: ssl.SSLContext) -> None:
    """Trust what the machine trusts (company authorities) and what certifi ships."""
    import certifi  # noqa: PLC0415  # only https without ca_file needs it

    context.load_default_certs()
    context.load_verify_locations(cafile=certifi.where())


def _load_authorities(context: ssl.SSLContext, path: str | Path) -> None:
    file = Path(path).expanduser()
    try:
        context.load_verify_locations(cafile=file)
    except ssl.SSLError:
        raise ConfigError(
            f"ca_file {file} holds no certificates in PEM form.",
            next_step="Correct ca_file in the profile.",
        ) from None
    except OSError as error:
        raise _unreadable("ca_file", file, error) from None


def _load_client(
    context: ssl.SSLContext, cert: str | Path, key: str | Path | None
) -> None:
    cert_file = Path(cert).expanduser()
    key_file = Path(key).expanduser() if key else None
    _check_readable("client_cert", cert_file)
    if key_file is not None:
        _check_readable("client_key", key_file)
    try:
        context.load_cert_chain(cert_file, key_file, password=_no_passphrase)
    except ssl.SSLError:
        raise ConfigError(
            f"client_cert {cert_file} and its key do not fit together or are not in "
            "PEM form.",
            next_step="Correct client_cert and client_key in the profile.",
        ) from None


def _check_readable(key: str, file: Path) -> None:
    try:
        file.open("rb").close()
    except OSError as error:
        raise _unreadable(key, file, error) from None


def _no_passphrase() -> str:
    """Refuse instead of letting OpenSSL ask on the terminal under the desk.

    Raises:
        ConfigError: Always.
    """
    raise ConfigError(
        "client_key is locked with a passphrase, which chronotui cannot ask for.",
        next_step="Give a key without one, readable by you alone.",
    )


def _unreadable(key: str, file: Path, error: OSError) -> ConfigError:
    reason = error.strerror or "it cannot be read"
    return ConfigError(
        f"{key} {file} cannot be read: {reason}.",
        next_step=f"Correct {key} in the profile.",
    )
