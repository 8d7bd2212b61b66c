"""Standard output carries data, standard error carries words for people."""

from __future__ import annotations

import errno
import os
import sys
from typing import TYPE_CHECKING

from chronotui.cli import terminal
from chronotui.errors import DownloadError

if TYPE_CHECKING:
    from typing import TextIO


class OutputClosedError(Exception):
    """Whoever read our output has stopped reading."""


class TerminalLostError(Exception):
    """The terminal that standard output goes to is gone."""


class Output:
    """Writes data and words.

    Data go out as UTF-8, whatever the locale says, so that a pipe gets them exactly.

    Raises:
        OutputClosedError: The reader of standard output went away.
        TerminalLostError: The terminal it goes to is gone.
        DownloadError: Standard output cannot be written, such as a full disk.
    """

    def __init__(self) -> None:
        self._out: TextIO | None = sys.stdout
        self.is_terminal = terminal.is_terminal(self._out)
        self.has_colour = terminal.shows_colour(self._out)
        self.columns = terminal.columns(self._out)

    def write(self, text: str) -> None:
        """Write data, exactly."""
        try:
            content = text.encode()
        except UnicodeEncodeError:  # lone surrogates of a \u escape
            content = text.encode(errors="surrogatepass")
        self.write_bytes(content)

    def write_bytes(self, content: bytes) -> None:
        """Write data, exactly."""
        if self._out is None:
            raise self._failure(OSError(errno.EBADF, ""))
        try:
            self._out.buffer.write(content)
        except OSError as error:
            raise self._failure(error) from None

    def flush(self) -> None:
        """Hand over what was written."""
        try:
            if self._out is not None:
                self._out.flush()
        except OSError as error:
            raise self._failure(error) from None

    def say(self, words: str) -> None:
        """Tell a person something; never fails, control characters do no harm."""
        say(words)

    def _failure(self, error: OSError) -> Exception:
        silence_stdout()
        if isinstance(error, BrokenPipeError):
            return OutputClosedError()
        if self.is_terminal and error.errno == errno.EIO:
            return TerminalLostError()
        why = os.strerror(error.errno or errno.EIO)
        return DownloadError(f"Standard output cannot be written: {why}.")


def say(words: str) -> None:
    """Write words to standard error, line by line and harmless."""
    from chronotui.core.text import clean

    lines = [clean(line) for line in words.splitlines() or [""]]
    text = "".join(f"{line}\n" for line in lines)
    stream = sys.stderr
    if stream is None:
        return
    try:
        encoding = stream.encoding or "utf-8"
        stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
        stream.flush()
    except OSError:
        _silence(stream)
    except ValueError:
        return


def silence_stdout() -> None:
    """Let the interpreter's own last flush go nowhere instead of complaining."""
    _silence(sys.stdout)


def _silence(stream: TextIO | None) -> None:
    try:
        descriptor = stream.fileno() if stream is not None else -1
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, descriptor)
        os.close(null)
    except (OSError, ValueError, AttributeError):
        return
