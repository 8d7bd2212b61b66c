"""From whatever ends a command to its exit code and its sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Self

from chronotui.cli.output import OutputClosedError, say, silence_stdout
from chronotui.errors import ChronotuiError

if TYPE_CHECKING:
    from types import TracebackType

    from chronotui.cli.invocation import Invocation

INTERRUPTED: Final = 130
OUTPUT_CLOSED: Final = 141
"""As a shell shows a program that SIGPIPE ended."""
BUG: Final = 70
"""EX_SOFTWARE: an error of the program itself."""


class FailureGuard:
    """Turns what leaves its block into words and an exit code.

    Nothing passes it: an error of ours is a sentence and the next step, an interrupt
    is 130, a reader who went away is silence, and what nobody foresaw is written to
    a file which is named.
    """

    def __init__(self) -> None:
        self.exit_code = 0
        self._invocation: Invocation | None = None

    def watch(self, invocation: Invocation) -> None:
        """Take over the invocation: its output is flushed and its log closed."""
        self._invocation = invocation

    def close(self) -> None:
        """Let go of what the invocation holds."""
        if self._invocation is not None:
            self._invocation.close()

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
        if isinstance(error, ChronotuiError):
            say(f"chronotui: {error.sentence}")
            if error.next_step:
                say(f"  {error.next_step}")
            return error.exit_code
        if isinstance(error, KeyboardInterrupt):
            return INTERRUPTED
        if isinstance(error, OutputClosedError | BrokenPipeError):
            silence_stdout()
            return OUTPUT_CLOSED
        if isinstance(error, SystemExit):
            return error.code if isinstance(error.code, int) else BUG
        from chronotui.cli.crash import report_bug

        log = None if self._invocation is None else self._invocation.open_log
        say(report_bug(error, log))
        return BUG

    def _flush(self) -> None:
        """Let data that came before the error reach their reader."""
        if self._invocation is None:
            return
        try:
            self._invocation.output.flush()
        except (OutputClosedError, ChronotuiError):
            return


def _innermost(error: BaseException) -> BaseException:
    """Return the error a task group wraps; ours go before others."""
    while isinstance(error, BaseExceptionGroup):
        ours = [one for one in error.exceptions if isinstance(one, ChronotuiError)]
        error = (ours or error.exceptions)[0]
    return error
