"""From the command line to the engine: arguments, output, exit codes."""

from chronotui.cli.main import main

__all__ = ["main"]
