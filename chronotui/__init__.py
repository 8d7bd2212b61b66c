"""The log desk for Chronoverse in a terminal."""

__version__ = "0.1.0"
