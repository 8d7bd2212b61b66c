"""What a verb and an option are; parser, help and completions are made of them."""

from __future__ import annotations

from argparse import ArgumentTypeError
from typing import Any, NamedTuple


class Option(NamedTuple):
    """One flag or positional argument.

    Attributes:
        names: Its spellings; a positional has one, without dashes.
        help: What it does.
        settings: What argparse is told besides, as (name, value) pairs.
        suggest: Words a shell may offer after it.
        complete: "profile", "file" or "folder" where a shell can look words up.
    """

    names: tuple[str, ...]
    help: str
    settings: tuple[tuple[str, Any], ...] = ()
    suggest: tuple[str, ...] = ()
    complete: str = ""

    @property
    def takes_value(self) -> bool:
        """Whether a word follows it."""
        return ("action", "store_true") not in self.settings

    @property
    def is_flag(self) -> bool:
        """Whether it begins with dashes."""
        return self.names[0].startswith("-")


class Verb(NamedTuple):
    """One command; ``handler`` is ``module:function`` below `chronotui.cli`."""

    name: str
    help: str
    handler: str = ""
    options: tuple[Option, ...] = ()
    verbs: tuple[Verb, ...] = ()


def flag(*names: str, says: str) -> Option:
    """Declare an option that takes no value."""
    return Option(names, says, (("action", "store_true"),))


def value(
    *names: str, says: str, named: str, complete: str = "", **more: Any
) -> Option:
    """Declare an option that takes a value, or a positional."""
    settings = (("metavar", named), *more.items())
    return Option(names, says, settings, complete=complete)


def choice(*names: str, says: str, of: tuple[str, ...], **more: Any) -> Option:
    """Declare an option that takes one of a few words."""
    return Option(names, says, (("choices", of), *more.items()), of)


def word(*names: str, says: str, named: str, known: tuple[str, ...]) -> Option:
    """Declare an option for a server's word: known ones are offered, any is sent."""
    settings = (("metavar", named), ("type", str.upper))
    return Option(names, f"{says}: {', '.join(known)}", settings, known)


def positive(text: str) -> int:
    """Read a number from 1."""
    return _at_least(1, text)


def count(text: str) -> int:
    """Read a number from 0."""
    return _at_least(0, text)


def port(text: str) -> int:
    """Read a port number; 0 stands for a free one."""
    number = count(text)
    if number > 65535:
        raise ArgumentTypeError(f"there is no port {number}")
    return number


def _at_least(least: int, text: str) -> int:
    if text.isascii() and text.isdigit() and len(text) < 19 and int(text) >= least:
        return int(text)
    raise ArgumentTypeError(f"must be a whole number, {least} or more, not {text!r}")
