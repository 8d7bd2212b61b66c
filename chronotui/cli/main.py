"""The entry point."""

from __future__ import annotations

import sys

from chronotui.cli.arguments import parse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from chronotui.cli.invocation import Invocation


def main(argv: list[str] | None = None) -> int:
    """Run one command and return its exit code.

    Only what the command needs is imported: help and errors in the arguments cost
    little more than the interpreter itself.
    """
    try:
        options = parse(sys.argv[1:] if argv is None else argv)
    except SystemExit as end:
        return _said(end)
    from chronotui.cli.failures import FailureGuard

    guard = FailureGuard()
    with guard:
        from chronotui.cli.invocation import Invocation

        invocation = Invocation(options)
        guard.watch(invocation)
        guard.exit_code = _handler(options.handler)(invocation)
        invocation.output.flush()
    guard.close()
    return guard.exit_code


def _said(end: SystemExit) -> int:
    """Hand over what the parser said; a reader who went away is no error."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError:
        from chronotui.cli.output import silence_stdout

        silence_stdout()
    return end.code if isinstance(end.code, int) else 2


def _handler(place: str) -> Callable[[Invocation], int]:
    from importlib import import_module

    module, _, name = place.partition(":")
    handler: Callable[[Invocation], int] = getattr(
        import_module(f"chronotui.cli.{module}"), name
    )
    return handler
