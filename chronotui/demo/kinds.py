"""The demo servers by the kind of server they are, and what a caller knows of each."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from chronotui.demo.wire import DemoCredentials


class RunningDemo(Protocol):
    """A demo server, whatever its kind."""

    @property
    def kind(self) -> str:
        """The kind of server it is."""

    @property
    def port(self) -> int: ...

    @property
    def url(self) -> str:
        """Its API's base."""

    @property
    def greeting(self) -> str:
        """How a person gets in, as a part of a sentence."""

    @property
    def tour(self) -> tuple[str, ...]:
        """What there is to see in it, a few lines for a first look."""

    def credentials(self) -> DemoCredentials:
        """Return what a client signs in with."""

    def start(self) -> None:
        """Begin to listen; raises OSError if the port is taken."""

    def stop(self) -> None: ...


@dataclass(frozen=True)
class DemoOptions:
    """What may be chosen of a demo; None for its own choice.

    Attributes:
        lines: Length of what it has most of: lines of a log, or runs of an app.
        fleet: How many workflows a Chronoverse server has.
        dialect: Of a Chronoverse server.
        version: Release of a Dify server.
    """

    seed: int | None = None
    port: int = 0
    lines: int | None = None
    fleet: int | None = None
    dialect: str | None = None
    version: str | None = None

    def foreign(self, own: Collection[str]) -> str:
        """Return the flag of a choice another kind of demo has, "" for none."""
        flags = {
            "fleet": self.fleet,
            "dialect": self.dialect,
            "server-version": self.version,
        }
        return next((f"--{n}" for n, v in flags.items() if v and n not in own), "")


_DEMOS: Final = {
    "chronoverse": (("fleet", "dialect"), "chronotui.demo.server:demo_server"),
    "dify": (("server-version",), "chronotui.demo.dify_server:demo_app"),
}
"""The flags that are a kind's own, and what makes its demo of some options."""


def make_demo(kind: str, options: DemoOptions) -> RunningDemo:
    """Make the demo of a kind of server; it does not listen yet.

    Raises:
        ValueError: An option is not for this kind; carries its flag.
    """
    own, maker = _DEMOS[kind]
    foreign = options.foreign(own)
    if foreign:
        raise ValueError(foreign)
    module, _, function = maker.partition(":")
    make: Callable[[DemoOptions], RunningDemo]
    make = getattr(import_module(module), function)
    return make(options)
