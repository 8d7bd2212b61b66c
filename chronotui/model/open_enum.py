"""Enumerations that outlive the server's next release."""

from __future__ import annotations

from typing import ClassVar, Self


class OpenEnum(str):
    """A word from a known set, or the server's own word kept as it is.

    Subclasses list what they know in ``KNOWN`` and spellings that mean the same
    in ``ALIASES``. An unknown word is a value like any other: it can be shown,
    compared and sent back (wire note "JSON habits": unknown enum values must not
    break anything).
    """

    __slots__ = ()

    KNOWN: ClassVar[tuple[str, ...]] = ()
    ALIASES: ClassVar[dict[str, str]] = {}

    @classmethod
    def parse(cls, word: str) -> Self:
        """Read a server's or a user's word, in any case and any known spelling."""
        upper = word.strip().upper()
        canonical = cls.ALIASES.get(upper, upper)
        return cls(canonical if canonical in cls.KNOWN else word)

    @property
    def is_known(self) -> bool:
        """Whether this build knows the word."""
        return str(self) in self.KNOWN
