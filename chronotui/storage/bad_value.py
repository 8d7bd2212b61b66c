"""What a setting says when it does not take a value."""

from __future__ import annotations


class BadValueError(ValueError):
    """A value a setting does not take; the text says what it takes."""
