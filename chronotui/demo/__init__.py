"""A Chronoverse server good enough to test against, and to try the desk with."""

from chronotui.demo.dialect import Dialect
from chronotui.demo.failure import Failure, HeldBack
from chronotui.demo.faults import Faults
from chronotui.demo.server import DemoServer

__all__ = ["DemoServer", "Dialect", "Failure", "Faults", "HeldBack"]
