"""The entry point: one command, from its arguments to its exit code.

Help and errors in the arguments cost little more than the interpreter itself, so
everything but the parser is imported when it is needed.
"""

from __future__ import annotations

import gc
import sys

from chronotui.cli.parser import parse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Final, Self

    from chronotui.cli.invocation import Invocation

INTERRUPTED: Final = 130
OUTPUT_CLOSED: Final = 141
"""As a shell shows a program that SIGPIPE ended."""
TERMINAL_LOST: Final = 129
"""As a shell shows a program that SIGHUP ended."""
BUG: Final = 70
"""EX_SOFTWARE: an error of the program itself."""


_COLLECTED_AT: Final = 10_000
"""So many objects are made before the collector looks for lost ones.

It finds none while modules are loaded, and at its usual 700 took a sixth of the time
of a short command."""


def run() -> int:
    """Be the program, whose process ends after this."""
    gc.set_threshold(_COLLECTED_AT)
    try:
        return main()
    finally:
        # The interpreter's last collections would go through all that was loaded.
        gc.freeze()


def main(argv: list[str] | None = None) -> int:
    try:
        options = parse(sys.argv[1:] if argv is None else argv)
    except SystemExit as end:
        return _said(end)

    guard = FailureGuard()
    with guard:
        from importlib import import_module

        from chronotui.cli.invocation import Invocation

        invocation = guard.invocation = Invocation(options)
        module, _, name = options.handler.partition(":")
        handler = getattr(import_module(f"chronotui.cli.{module}"), name)
        guard.exit_code = handler(invocation)
        invocation.output.flush()
    if guard.invocation is not None:
        guard.invocation.close()
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


class FailureGuard:
    """Turns what leaves its block into words and an exit code.

    Nothing passes it: an error of ours is a sentence and the next step, an interrupt
    is 130, a signal that ends programs 129 or 143, a reader who went away is silence,
    and what nobody foresaw is written to a file which is named.
    """

    def __init__(self) -> None:
        self.exit_code = 0
        self.invocation: Invocation | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        error: BaseException | None,
        _trace: TracebackType | None,
    ) -> bool:
        if error is not None:
            self._flush()
            self.exit_code = self._explain(_innermost(error))
        return True

    def _explain(self, error: BaseException) -> int:
        from chronotui.cli.invocation import SignalledError
        from chronotui.cli.output import (
            OutputClosedError,
            TerminalLostError,
            say,
            silence_stdout,
        )
        from chronotui.errors import ChronotuiError

        if isinstance(error, ChronotuiError):
            say(f"chronotui: {error.sentence}")
            if error.next_step:
                say(f"  {error.next_step}")
            return error.exit_code
        if isinstance(error, KeyboardInterrupt | SignalledError):
            return getattr(error, "exit_code", INTERRUPTED)
        if isinstance(error, OutputClosedError | BrokenPipeError | TerminalLostError):
            silence_stdout()
            lost = isinstance(error, TerminalLostError)
            return TERMINAL_LOST if lost else OUTPUT_CLOSED
        if isinstance(error, SystemExit):
            return error.code if isinstance(error.code, int) else BUG
        say(self._report_bug(error))
        return BUG

    def _report_bug(self, error: BaseException) -> str:
        """Write the traceback to the log, and return the sentence that names it.

        Local values are left out: they may hold secrets. Without a ``--log-file`` it
        goes to a file in the state folder.
        """
        import traceback

        from chronotui.storage.files import state_dir
        from chronotui.storage.state import DiagnosticLog

        lines = "".join(traceback.format_exception(error)).splitlines()
        name = f"chronotui: {type(error).__name__} was not expected."
        log = None if self.invocation is None else self.invocation.open_log
        try:
            log = log or DiagnosticLog(state_dir() / "errors.log")
        except OSError:
            return f"{name} {' / '.join(lines[-3:])}"
        for line in lines:
            log.note(line)
        return (
            f"{name}\n  This is an error in chronotui; the details are in {log.path}."
        )

    def _flush(self) -> None:
        """Let data that came before the error reach their reader."""
        from chronotui.cli.output import OutputClosedError, TerminalLostError
        from chronotui.errors import ChronotuiError

        if self.invocation is None:
            return
        try:
            self.invocation.output.flush()
        except (OutputClosedError, TerminalLostError, ChronotuiError):
            return


def _innermost(error: BaseException) -> BaseException:
    """Return the error a task group wraps; ours go before others."""
    from chronotui.errors import ChronotuiError

    while isinstance(error, BaseExceptionGroup):
        ours = [one for one in error.exceptions if isinstance(one, ChronotuiError)]
        error = (ours or error.exceptions)[0]
    return error
