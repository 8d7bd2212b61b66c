"""Textual's own terminal driver, with the painter before its pen."""

from __future__ import annotations

import curses
import os
import select
import signal
from collections import deque
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

import textual
from textual.drivers.linux_driver import LinuxDriver

from chronotui.ui.painting.painter import Painter

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Mapping

    from rich.console import Console
    from textual.driver import Driver

    from chronotui.ui.painting.drawn import DrawnRow

TESTED: Final = ("8.2",)
"""Textual releases whose painting was compared, cell by cell."""

FRAME_SECONDS: Final = 1 / 60
"""At most 60 frames a second: a key held down sends 30, and clocks tick meanwhile.

What floods paints less often by itself, and a slow line holds frames back.
"""

FRAMES_AT_ONCE: Final = 4
"""Frames that may follow one another closely after a pause, as what a key changes,
what is said about it and a clock that ticks meanwhile."""

ALMOST_SECONDS: Final = 0.001
"""What a timer may come too early by."""

BACKLOG: Final = 2
"""Writes still queued for the terminal from which a frame is put off."""

LOOK_SECONDS: Final = 1.0
"""How often it is looked whether the terminal is still there."""

SYNC_BEGIN: Final = "\x1b[?2026h"
SYNC_END: Final = "\x1b[?2026l"


def driver_class() -> type[Driver] | None:
    """Return the frugal driver where it is known to paint like the stock one.

    ``CHRONOTUI_PAINTING=stock`` switches it off. None means Textual's own.
    """
    stock = os.environ.get("CHRONOTUI_PAINTING") == "stock"
    return None if stock or release() not in TESTED else FrugalDriver


def release() -> str:
    """Return which Textual this is, such as ``8.2``.

    ``textual.__version__`` reads the package's metadata, a tenth of what the desk
    takes to its first frame; the name of the folder they are in says the same.
    """
    site = Path(textual.__file__).parents[1]
    found = [path.stem for path in site.glob("textual-*.dist-info")]
    version = found[0].partition("-")[2] if len(found) == 1 else textual.__version__
    return ".".join(version.split(".")[:2])


def erases_in_colour() -> bool:
    """Whether this terminal erases with the background in force (terminfo bce)."""
    try:
        curses.setupterm()
        return bool(curses.tigetflag("bce") == 1)
    except (curses.error, TypeError, ValueError, OSError):
        return False


def is_hung_up(terminal: int) -> bool:
    """Whether nobody is at the other end of a terminal any more."""
    poll = select.poll()
    poll.register(terminal, 0)
    # Where terminals cannot be polled the answer is POLLNVAL, which says nothing.
    gone = select.POLLHUP | select.POLLERR
    return any(events & gone for _file, events in poll.poll(0))


class FrugalDriver(LinuxDriver):
    """Writes the difference between what is shown and what is wanted.

    A frame goes out at once when `FRAMES_AT_ONCE` before it took their time and the
    terminal has taken what it was sent; else when both hold. What came between is
    never sent: a slow line shows the newest state and falls behind by one frame at
    most.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._painter = Painter(0, 0, erases_in_colour=erases_in_colour())
        self._size_known = self._app.size
        self._frames = deque([0.0] * FRAMES_AT_ONCE, maxlen=FRAMES_AT_ONCE)
        self._timer: asyncio.TimerHandle | None = None
        self._synchronised = False
        self._was_left = False
        self._looking: asyncio.TimerHandle | None = None

    def start_application_mode(self) -> None:
        """Take over the terminal; nothing is known of what it shows."""
        self._forget()
        super().start_application_mode()  # type: ignore[no-untyped-call]
        self._loop.call_soon_threadsafe(self._look)
        if self._was_left:
            # Woken by a signal; Textual paints nothing where the size is the same.
            self._loop.call_soon_threadsafe(self._paint_whole)

    def run_input_thread(self) -> None:
        """Read keys; a terminal that is gone cannot be read."""
        try:
            super().run_input_thread()
        except OSError:
            os.kill(os.getpid(), signal.SIGHUP)

    def _look(self) -> None:
        """Leave as the kernel has it when the terminal is gone.

        Not every program hears of it: only those in the foreground of a session whose
        terminal it was. Textual reads an end of input for ever.
        """
        if self._looking is not None:
            self._looking.cancel()
        if is_hung_up(self.fileno):
            signal.raise_signal(signal.SIGHUP)
        else:
            self._looking = self._loop.call_later(LOOK_SECONDS, self._look)

    def stop_application_mode(self) -> None:
        """Give the terminal back."""
        self._cancel()
        if self._looking is not None:
            self._looking.cancel()
        super().stop_application_mode()
        self._forget()
        self._was_left = True

    def write(self, data: str) -> None:
        """Take what Textual writes; painting waits for its frame."""
        if data in {SYNC_BEGIN, SYNC_END}:
            self._synchronised = True
            return
        if self._app.size != self._size_known:
            self._forget()
            # Textual paints what its layout changed, and a size that came back
            # before it was laid out changed nothing.
            self._paint_whole()
        at_once = self._painter.feed(data)
        if at_once and self._has_room():
            super().write(at_once)
        if self._painter.is_due:
            self._schedule()

    def paint_rows(
        self, x: int, rows: Mapping[int, DrawnRow], width: int, console: Console
    ) -> bool:
        """Take rows of a widget as they are to be seen from a column on.

        Returns:
            False when they have to be painted by Textual.
        """
        if self._app.size != self._size_known or self._writer_thread is None:
            return False
        if not self._painter.put_rows(x, rows, width, console):
            return False
        if self._timer is None and self._painter.is_due:
            # What else is said of the same change comes in the same frame.
            self._timer = self._loop.call_later(0, self._due)
        return True

    def close(self) -> None:
        """Write what is due and stop."""
        self._flush()
        self._cancel()
        if self._has_room():
            super().close()

    def _paint_whole(self) -> None:
        for screen in self._app.screen_stack[-1:]:
            screen.refresh()

    def _forget(self) -> None:
        self._size_known = self._app.size
        self._painter.resize(*self._size_known)

    def _schedule(self) -> None:
        if self._timer is not None:
            return
        wait = self._frames[0] + FRAMES_AT_ONCE * FRAME_SECONDS - monotonic()
        if wait <= ALMOST_SECONDS and not self._is_backed_up():
            self._flush()
            return
        self._timer = self._loop.call_later(max(wait, FRAME_SECONDS / 4), self._due)

    def _due(self) -> None:
        self._timer = None
        if self._is_backed_up():
            self._timer = self._loop.call_later(FRAME_SECONDS, self._due)
        else:
            self._schedule()

    def _is_backed_up(self) -> bool:
        thread = self._writer_thread
        return thread is not None and thread._queue.qsize() >= BACKLOG  # noqa: SLF001

    def _flush(self) -> None:
        frame = self._painter.flush()
        if not frame or self._writer_thread is None:
            return
        self._frames.append(monotonic())
        if self._synchronised:
            frame = f"{SYNC_BEGIN}{frame}{SYNC_END}"
        if self._has_room():
            super().write(frame)

    def _has_room(self) -> bool:
        """Wait for room in the queue; False when the thread that writes has ended.

        It ends with its terminal, as when a connection breaks. Textual's own driver
        then waits for ever in a full queue, and the program never leaves.
        """
        thread = self._writer_thread
        while thread is not None and thread.is_alive():
            if not thread._queue.full():  # noqa: SLF001
                return True
            thread.join(FRAME_SECONDS)
        return False

    def _cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
