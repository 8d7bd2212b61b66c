"""The log desk for Chronoverse in a terminal."""

__version__ = "0.1.0"

SOURCE_KINDS = ("chronoverse", "dify")
"""Kinds of servers a profile may name, the usual one first.

They stand here for the help, which loads next to nothing; what each kind is and can
do is in `chronotui.sources.protocol`.
"""
