"""What can be configured: each setting with its check, default and meaning.

The names and values are the contract of `config.toml`. A `Table` declares its keys,
and in ``READERS`` how each is checked; `read_table` turns a table of the file into the
arguments of such a class and refuses what the class does not declare. Checks are made
by hand and not by msgspec: a refusal names file, line, key and what the setting takes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar, Final, NamedTuple, TypeAlias, TypeVar
from urllib.parse import urlsplit

from msgspec import NODEFAULT, Struct, field
from msgspec.structs import replace

from chronotui import SOURCE_KINDS
from chronotui.errors import ConfigError
from chronotui.times import Timestamps


class Secret:
    """A password, token or cookie that no print, log or traceback shows.

    `reveal` gives the text, at the moment it is sent and nowhere else.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return "Secret(•••)"

    def __str__(self) -> str:
        return "•••"

    def __format__(self, spec: str) -> str:
        return format("•••", spec)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return self._text == other._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __reduce__(self) -> str:
        raise TypeError("a secret is not written anywhere")


class BadValueError(ValueError):
    """A value a setting does not take; the text says what it takes."""


def base_url(value: object, _folder: Path) -> str:
    """Read a server's base URL; a path prefix is kept, a slash at the end is not.

    Raises:
        BadValueError: Not http(s), no host, or with parts that do not belong there;
            a user name or password in it is refused and not repeated.
    """
    if not isinstance(value, str):
        raise BadValueError("must be a URL in quotes.")
    try:
        parts = urlsplit(value.strip())
        host, _port = parts.hostname, parts.port
    except ValueError:
        raise BadValueError("is not a URL that can be read.") from None
    if parts.username is not None or parts.password is not None:
        raise BadValueError("must not carry a user name or password; use [auth].")
    if parts.scheme not in {"http", "https"} or not host:
        # What is misspelt may hold a secret where one cannot be told from the rest.
        named = "" if set("@?#") & set(value) else f", not {shown(value)}"
        raise BadValueError(
            f"must begin with http:// or https:// and name a host{named}."
        )
    if parts.query or parts.fragment:
        raise BadValueError("must not carry a query or a fragment.")
    if any(mark.isspace() or not mark.isprintable() for mark in value.strip()):
        raise BadValueError("must not contain spaces or control characters.")
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"


KeyPath: TypeAlias = tuple[str, ...]
Value = TypeVar("Value")
Reader: TypeAlias = Callable[[object, Path], Value]


class ConfigSource:
    """The file a table came from, to name file and line in an error.

    Lines are looked for when an error is made, which is seldom.
    """

    __slots__ = ("_text", "path")

    def __init__(self, path: Path, text: str) -> None:
        self.path = path
        self._text = text

    def error(self, key: KeyPath, sentence: str) -> ConfigError:
        """Return the error that names file, line and key."""
        from chronotui.storage.toml_tree import line_of

        line = line_of(self._text, key)
        place = f"{self.path}:{line}" if line else str(self.path)
        return ConfigError(
            f"{place}: {'.'.join(key)} {sentence}",
            next_step="Correct the file and start again.",
        )


class Table(Struct, frozen=True):
    """A table of the configuration; each key that may stand in it has its reader."""

    READERS: ClassVar[Mapping[str, Reader[Any]]] = {}

    @classmethod
    def default(cls, name: str) -> object:
        """Return what a key is where it does not stand; NODEFAULT where it must."""
        names, defaults = cls.__struct_fields__, cls.__struct_defaults__
        place = names.index(name) - len(names) + len(defaults)
        return defaults[place] if place >= 0 else NODEFAULT


def read_table(
    settings: type[Table],
    table: object,
    key: KeyPath,
    source: ConfigSource,
    *,
    also: tuple[str, ...] = (),
) -> dict[str, Any]:
    """Check a table against a settings class and return its arguments.

    ``also`` are keys of the table that are read elsewhere: named as known ones.

    Raises:
        ConfigError: An unknown key, a wrong type, a bad value, a missing key.
    """
    readers = settings.READERS
    values: dict[str, Any] = {}
    for name, value in as_table(table, key, source).items():
        if name not in readers:
            raise unknown_key((*key, name), [*readers, *also], source)
        try:
            values[name] = readers[name](value, source.path.parent)
        except BadValueError as error:
            raise source.error((*key, name), str(error)) from None
    for name in readers:
        if name not in values and settings.default(name) is NODEFAULT:
            raise source.error((*key, name), "is missing.")
    return values


def as_table(value: object, key: KeyPath, source: ConfigSource) -> Mapping[str, object]:
    if isinstance(value, dict):
        return value
    raise source.error(key, f"must be a table, not {shown(value)}.")


def unknown_key(
    key: KeyPath, known: Iterable[str], source: ConfigSource
) -> ConfigError:
    """Return the error for a key nobody declared, with the nearest known one."""
    from difflib import get_close_matches

    nearest = get_close_matches(key[-1], list(known), n=1, cutoff=0.0)
    near = f"the nearest known key is {nearest[0]!r}." if nearest else "none is known."
    return source.error(key, f"is not a known key; {near}")


def shown(value: object) -> str:
    """Name a value in an error, short; tables and lists by kind only."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, str):
        return repr(value if len(value) <= 40 else f"{value[:39]}…")
    return {"dict": "a table", "list": "a list"}.get(type(value).__name__, "a date")


def filled_text(value: object, _folder: Path) -> str:
    if not isinstance(value, str):
        raise BadValueError(f"must be a text in quotes, not {shown(value)}.")
    if not value.strip():
        raise BadValueError("must not be empty.")
    return value.strip()


_SHELL_SYNTAX: Final = re.compile(
    r"""\\.|'[^']*'|"(?:\\.|\$(?![\w({])|[^"\\`$])*"  # what is quoted means itself
    |([|&;<>()`]+|\$(?:[({]|(?=\w))|\A\w+=)""",
    re.VERBOSE | re.DOTALL,
)


def command(value: object, folder: Path) -> str:
    """Read a command; what only a shell would understand in it is refused."""
    text = filled_text(value, folder)
    for found in _SHELL_SYNTAX.finditer(text):
        if found[1]:
            raise BadValueError(
                f"runs without a shell, which {found[1]!r} would need; "
                "quote it, or name a script that does it."
            )
    return text


def optional_command(value: object, folder: Path) -> str:
    """Read a command, see `command`; "" is none."""
    return "" if value == "" else command(value, folder)


def secret(value: object, _folder: Path) -> Secret:
    """Read a secret; an error never repeats it."""
    if isinstance(value, str) and value:
        return Secret(value)
    raise BadValueError("must be a text in quotes that is not empty.")


def boolean(value: object, _folder: Path) -> bool:
    if isinstance(value, bool):
        return value
    raise BadValueError(f"must be true or false, not {shown(value)}.")


def one_of(*words: str) -> Reader[str]:
    def read(value: object, _folder: Path) -> str:
        if isinstance(value, str) and value in words:
            return value
        takes = ", ".join(f"{word!r}" for word in words)
        raise BadValueError(f"must be one of {takes}, not {shown(value)}.")

    return read


def number(least: float, most: float) -> Reader[float]:
    """Read a number within a range, both ends included."""

    def read(value: object, _folder: Path) -> float:
        is_flag = isinstance(value, bool)
        if isinstance(value, int | float) and not is_flag and least <= value <= most:
            return float(value)
        takes = f"must be a number from {least:g} to {most:g}"
        raise BadValueError(f"{takes}, not {shown(value)}.")

    return read


def whole_number(least: int, most: int) -> Reader[int]:
    """Read a whole number within a range, both ends included."""

    def read(value: object, _folder: Path) -> int:
        is_flag = isinstance(value, bool)
        if isinstance(value, int) and not is_flag and least <= value <= most:
            return value
        takes = f"must be a whole number from {least} to {most}"
        raise BadValueError(f"{takes}, not {shown(value)}.")

    return read


def path(value: object, folder: Path) -> Path | None:
    """Read a path; ``~`` is the home folder, "" is none.

    A relative one starts at the folder of the configuration file.
    """
    if not isinstance(value, str):
        raise BadValueError(f"must be a path in quotes, not {shown(value)}.")
    if "\0" in value:
        raise BadValueError("must not contain a NUL character.")
    if not value:
        return None
    try:
        return folder / Path(value).expanduser()
    except RuntimeError:
        raise BadValueError(
            f"names a home folder nobody has: {shown(value)}."
        ) from None


class SignInMethod(NamedTuple):
    """A way to sign in.

    ``label`` names it for people; ``secrets`` are the kinds of secret it can use, the
    one it signs in with first.
    """

    label: str
    secrets: tuple[str, ...] = ()
    needs_email: bool = False


METHODS: Final = {
    "session": SignInMethod("e-mail and password", ("password",), needs_email=True),
    "bearer": SignInMethod("token", ("token", "session")),
    "cookie": SignInMethod("session cookie", ("session",)),
    "none": SignInMethod("nothing"),
}
TIMESTAMPS: Final = tuple(mode.value for mode in Timestamps)
ZONES: Final = ("local", "utc")


class UiSettings(Table, frozen=True):
    """The ``[ui]`` table."""

    theme: str = "textual-dark"
    timestamps: str = "time"
    """What stands before a line at first."""
    zone: str = "local"
    """Time zone times are shown in at first."""
    wrap: bool = False
    save_dir: Path | None = None
    """None is the current folder."""
    memory_mb: int = 512
    """Log text kept in memory before the spool file, in MiB."""
    spool_dir: Path | None = None
    """None is the platform's folder for it."""
    link_kilobytes: float = 12.0
    """What following may paint a second through a multiplexer over ssh; 0: no limit."""

    READERS: ClassVar = {
        "theme": filled_text,
        "timestamps": one_of(*TIMESTAMPS),
        "zone": one_of(*ZONES),
        "wrap": boolean,
        "save_dir": path,
        "memory_mb": whole_number(1, 1_048_576),
        "spool_dir": path,
        "link_kilobytes": number(0, 1_000_000),
    }


class AlertSettings(Table, frozen=True):
    """The ``[alerts]`` table: how an alert is told, besides on the screen."""

    bell: bool = True
    title: bool = True
    """The terminal's title says it until a key is pressed."""
    osc9: bool = True
    """A notification of the terminal's, where it is known to have them."""
    command: str = ""
    """Run for each alert, the job in ``CHRONOTUI_*`` variables; "" is none."""

    READERS: ClassVar = {
        "bell": boolean,
        "title": boolean,
        "osc9": boolean,
        "command": optional_command,
    }


class AuthSettings(Table, frozen=True):
    """The ``[profiles.NAME.auth]`` table: how to sign in and where secrets are."""

    method: str = "session"
    """One of the profile's kind (`chronotui.SIGN_IN_METHODS`); absent, its first."""
    email: str = ""
    password_command: str = ""
    """Its first line of output is the password; the others are alike."""
    password_env: str = ""
    password_keyring: bool = False
    password: Secret | None = None
    token_command: str = ""
    token_env: str = ""
    token_keyring: bool = False
    token: Secret | None = None
    session_command: str = ""
    session_env: str = ""
    session: Secret | None = None
    """The value of a session cookie."""

    READERS: ClassVar = {
        "method": filled_text,
        "email": filled_text,
        "password_command": command,
        "password_env": filled_text,
        "password_keyring": boolean,
        "password": secret,
        "token_command": command,
        "token_env": filled_text,
        "token_keyring": boolean,
        "token": secret,
        "session_command": command,
        "session_env": filled_text,
        "session": secret,
    }


class Profile(Table, frozen=True):
    """A ``[profiles.NAME]`` table: one server and how to talk to it."""

    name: str
    url: str
    """Path prefix included, without a slash at the end."""
    kind: str = SOURCE_KINDS[0]
    poll_seconds: float = 5.0
    """How often a watched job and the expanded lists are asked."""
    requests_per_minute: int = 60
    """What the board and the folded rows of the tree may ask together."""
    timeout_seconds: float = 10.0
    ca_file: Path | None = None
    """Certificates to trust instead of the system's, PEM."""
    client_cert: Path | None = None
    client_key: Path | None = None
    verify: bool = True
    insecure: bool = False
    """Secrets may travel over plain http beyond this machine."""
    actions: bool = False
    """Jobs may be run, workflows terminated, notifications marked as read."""
    save_dir: Path | None = None
    """None leaves it to ``[ui]``."""
    auth: AuthSettings = field(default_factory=lambda: AuthSettings(method="none"))

    READERS: ClassVar = {
        "url": base_url,
        "kind": one_of(*SOURCE_KINDS),
        "poll_seconds": number(0.2, 300),
        "requests_per_minute": whole_number(6, 600),
        "timeout_seconds": number(0.1, 600),
        "ca_file": path,
        "client_cert": path,
        "client_key": path,
        "verify": boolean,
        "insecure": boolean,
        "actions": boolean,
        "save_dir": path,
    }

    def with_url(self, url: str) -> Profile:
        """Return the profile for another address of its server.

        Raises:
            ConfigError: The URL is not one of a server.
        """
        try:
            return replace(self, url=base_url(url, Path()))
        except BadValueError as error:
            raise ConfigError(f"The URL {error}") from None


URL_PROFILE: Final = "url"
"""The profile of a URL that is given instead of one."""


class Config(Struct, frozen=True):
    """The whole configuration file; an absent file is the default one.

    ``path`` is where it stands or would stand. ``source`` is None without a file.
    """

    path: Path
    default_profile: str | None = None
    ui: UiSettings = field(default_factory=UiSettings)
    alerts: AlertSettings = field(default_factory=AlertSettings)
    keys: Mapping[str, str] = field(default_factory=dict)
    profiles: Mapping[str, Profile] = field(default_factory=dict)
    source: ConfigSource | None = None
    warnings: tuple[str, ...] = ()

    def error(self, key: tuple[str, ...], sentence: str) -> ConfigError:
        """Return the error about one key, for checks other layers make."""
        if self.source is None:
            return ConfigError(f"{'.'.join(key)} {sentence}")
        return self.source.error(key, sentence)

    def options_for(self, profile: Profile) -> dict[str, str]:
        """Return the options by which a command is about a profile's server.

        The profile that is used unasked needs none.
        """
        known = self.profiles.get(profile.name)
        if known is None:
            return {"--url": profile.url} if profile.name == URL_PROFILE else {}
        unasked = self.default_profile or next(iter(self.profiles))
        is_unasked = profile.name == unasked and (
            self.default_profile is not None or len(self.profiles) == 1
        )
        options = {} if is_unasked else {"--profile": profile.name}
        return (
            options if profile.url == known.url else {**options, "--url": profile.url}
        )

    def check_key_names(self, actions: Iterable[str]) -> None:
        """Refuse ``[keys]`` entries that name no action.

        Raises:
            ConfigError: Naming file, line, key and the nearest action.
        """
        known = set(actions)
        for name in self.keys:
            if name not in known and self.source is not None:
                raise unknown_key(("keys", name), known, self.source)
