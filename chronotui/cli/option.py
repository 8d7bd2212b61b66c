"""What a verb and an option are; parser, help and completions are made of them.

Help must cost next to nothing: what it loads does without `typing` at run time.
"""

from __future__ import annotations

from argparse import ArgumentTypeError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Option:
    """One flag or positional argument.

    Attributes:
        names: Its spellings; a positional has one, without dashes.
        help: What it does.
        settings: What argparse is told besides.
        suggest: Words a shell may offer after it.
        complete: "profile" or "file" where a shell can look words up.
    """

    __slots__ = ("complete", "help", "names", "settings", "suggest")

    def __init__(
        self,
        names: tuple[str, ...],
        says: str,
        settings: dict[str, Any],
        suggest: tuple[str, ...] = (),
        complete: str = "",
    ) -> None:
        self.names = names
        self.help = says
        self.settings = settings
        self.suggest = suggest
        self.complete = complete

    @property
    def takes_value(self) -> bool:
        """Whether a word follows it."""
        return self.settings.get("action") != "store_true"

    @property
    def is_flag(self) -> bool:
        """Whether it begins with dashes."""
        return self.names[0].startswith("-")


class Verb:
    """One command; ``handler`` is ``module:function`` below `chronotui.cli`."""

    __slots__ = ("handler", "help", "name", "options", "verbs")

    def __init__(
        self,
        name: str,
        says: str,
        handler: str = "",
        options: tuple[Option, ...] = (),
        verbs: tuple[Verb, ...] = (),
    ) -> None:
        self.name = name
        self.help = says
        self.handler = handler
        self.options = options
        self.verbs = verbs


def flag(*names: str, says: str) -> Option:
    """Declare an option that takes no value."""
    return Option(names, says, {"action": "store_true"})


def value(
    *names: str, says: str, named: str, complete: str = "", **more: Any
) -> Option:
    """Declare an option that takes a value, or a positional."""
    return Option(names, says, {"metavar": named, **more}, complete=complete)


def choice(*names: str, says: str, of: tuple[str, ...], **more: Any) -> Option:
    """Declare an option that takes one of a few words."""
    return Option(names, says, {"choices": of, **more}, of)


def word(*names: str, says: str, named: str, known: tuple[str, ...]) -> Option:
    """Declare an option for a server's word: known ones are offered, any is sent."""
    settings = {"metavar": named, "type": str.upper}
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
