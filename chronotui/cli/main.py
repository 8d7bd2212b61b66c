"""Writing down an error nobody foresaw."""

from __future__ import annotations

import contextlib
import sys
import traceback
from typing import Final, NoReturn, Self, TypeVar

from chronotui.cli.output import (
    OutputClosedError,
    TerminalLostError,
    say,
    silence_stdout,
)
from chronotui.cli.parser import parse
from chronotui.errors import ChronotuiError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from types import TracebackType

    from chronotui.cli.invocation import Invocation
    from chronotui.storage.settings import Profile
    from chronotui.storage.state import DiagnosticLog

_ADVICE = "This is an error in chronotui; the details are in {place}."


def report_bug(error: BaseException, log: DiagnosticLog | None) -> str:
    """Write the traceback to the log, and return the sentence that names it.

    Local values are left out: they may hold secrets. Without a ``--log-file`` it
    goes to a file in the state folder.
    """
    from chronotui.storage.files import state_dir
    from chronotui.storage.state import DiagnosticLog

    lines = "".join(traceback.format_exception(error)).splitlines()
    name = f"chronotui: {type(error).__name__} was not expected."
    try:
        target = log or DiagnosticLog(state_dir() / "errors.log")
    except OSError:
        return f"{name} {' / '.join(lines[-3:])}"
    for line in lines:
        target.note(line)
    return f"{name}\n  {_ADVICE.format(place=target.path)}"


# From whatever ends a command to its exit code and its sentence.

Result = TypeVar("Result")

INTERRUPTED: Final = 130
OUTPUT_CLOSED: Final = 141
"""As a shell shows a program that SIGPIPE ended."""
TERMINAL_LOST: Final = 129
"""As a shell shows a program that SIGHUP ended."""
BUG: Final = 70
"""EX_SOFTWARE: an error of the program itself."""


class ToldToEndError(Exception):
    """A signal told the program to end, and what it did was cleaned up."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.exit_code = 128 + number


class FailureGuard:
    """Turns what leaves its block into words and an exit code.

    Nothing passes it: an error of ours is a sentence and the next step, an interrupt
    is 130, a signal that ends programs 129 or 143, a reader who went away is silence,
    and what nobody foresaw is written to a file which is named.
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
        if isinstance(error, KeyboardInterrupt | ToldToEndError):
            return getattr(error, "exit_code", INTERRUPTED)
        if isinstance(error, OutputClosedError | BrokenPipeError | TerminalLostError):
            silence_stdout()
            lost = isinstance(error, TerminalLostError)
            return TERMINAL_LOST if lost else OUTPUT_CLOSED
        if isinstance(error, SystemExit):
            return error.code if isinstance(error.code, int) else BUG

        log = None if self._invocation is None else self._invocation.open_log
        say(report_bug(error, log))
        return BUG

    def _flush(self) -> None:
        """Let data that came before the error reach their reader."""
        if self._invocation is None:
            return
        try:
            self._invocation.output.flush()
        except (OutputClosedError, TerminalLostError, ChronotuiError):
            return


def _innermost(error: BaseException) -> BaseException:
    """Return the error a task group wraps; ours go before others."""
    while isinstance(error, BaseExceptionGroup):
        ours = [one for one in error.exceptions if isinstance(one, ChronotuiError)]
        error = (ours or error.exceptions)[0]
    return error


async def ended_in_order(work: Awaitable[Result]) -> Result:
    """Do the work, which SIGTERM and SIGHUP cancel as an interrupt does.

    A second signal while it cleans up changes nothing.

    Raises:
        ToldToEndError: A signal came.
    """
    import asyncio

    told: list[int] = []
    task = asyncio.current_task()

    def end(number: int) -> None:
        if not told and task is not None:
            told.append(number)
            task.cancel()

    with _hearing(end):
        try:
            return await work
        except asyncio.CancelledError:
            if told:
                raise ToldToEndError(told[0]) from None
            raise


def end_at_once(number: int, _frame: object) -> NoReturn:
    """Handle a signal while nothing goes on but a question.

    Raises:
        ToldToEndError: Always.
    """
    raise ToldToEndError(number)


@contextlib.contextmanager
def _hearing(end: Callable[[int], None]) -> Iterator[None]:
    """Hear of signals, but for one that was ignored from the start (nohup)."""
    import asyncio
    import signal

    loop, heard = asyncio.get_running_loop(), []
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_IGN:
            continue
        # Only the main thread hears of them.
        with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
            loop.add_signal_handler(number, end, number)
            heard.append(number)
    try:
        yield
    finally:
        for number in heard:
            loop.remove_signal_handler(number)


# The first start on a terminal: a form instead of an error.


def make_first_profile(invocation: Invocation) -> Profile | None:
    """Let the user make a profile; None when the demo is wanted instead.

    Raises:
        KeyboardInterrupt: The form was left.
    """
    from chronotui.ui.profiles import DEMO, run_first_run

    answer = run_first_run(invocation.config_path)
    if answer is None:
        raise KeyboardInterrupt
    if answer == DEMO:
        return None
    invocation.forget_config()
    return invocation.config.profiles[answer]


# The entry point.


def main(argv: list[str] | None = None) -> int:
    """Run one command and return its exit code.

    Only what the command needs is imported: help and errors in the arguments cost
    little more than the interpreter itself.
    """
    try:
        options = parse(sys.argv[1:] if argv is None else argv)
    except SystemExit as end:
        return _said(end)

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
