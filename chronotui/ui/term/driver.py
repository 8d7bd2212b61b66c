"""Textual's own terminal driver, with the painter before its pen.

And the short way to it: Textual's compositor joins, cuts and renders the rows of all
widgets. Rows of a widget that nothing lies over come out of it as they went in, so
they may as well go to the painter at once: a third of the work. Where anything is in
doubt the widget goes the compositor's way.
"""

from __future__ import annotations

import curses
import os
import select
import signal
import sys
from codecs import getincrementaldecoder
from collections import deque
from contextlib import suppress
from contextvars import copy_context
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any, Final, cast

import textual
from rich.cells import cell_len
from rich.segment import Segment
from textual._xterm_parser import XTermParser
from textual.drivers.linux_driver import LinuxDriver
from textual.events import Key
from textual.strip import Strip
from textual.widget import Widget

from chronotui.ui.term.buffer import BLANK, DrawnRow
from chronotui.ui.term.diff import Painter
from chronotui.ui.term.pace import (
    ESCAPE_SECONDS,
    AnswerFilter,
    Pace,
    budget_for,
)
from chronotui.ui.term.stand_ins import keys_encoding

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterable, Mapping

    from rich.console import Console
    from rich.style import Style
    from rich.text import Text
    from textual._compositor import Compositor
    from textual.color import Color
    from textual.driver import Driver
    from textual.filter import LineFilter
    from textual.geometry import Region
    from textual.message import Message


class Shortcut:
    """Paints the rows of one widget, which gives them to the compositor unchanged."""

    def __init__(self, widget: Widget) -> None:
        self._widget = widget
        self._seen: object = None
        self._region: Region | None = None

    def paint(self, rows: Mapping[int, DrawnRow]) -> bool:
        """Paint rows of the widget, by their number in it.

        Returns:
            Whether that was done; if not, refresh the widget.
        """
        app = self._widget.app
        driver = app._driver  # noqa: SLF001
        if not hasattr(driver, "paint_rows") or app._batch_count:  # noqa: SLF001
            return False
        if not app.is_running or app._closed:  # noqa: SLF001
            return False
        region = self._uncovered()
        if region is None:
            return False
        x, top = region.offset
        placed = {top + y: row for y, row in rows.items()}
        taker = cast("FrugalDriver", driver)
        return taker.paint_rows(x, placed, region.width, app.console)

    def prepare(self, rows: Iterable[DrawnRow]) -> None:
        """Do what painting rows takes beforehand, but for the painting."""
        app = self._widget.app
        prepare = getattr(app._driver, "prepare_rows", None)  # noqa: SLF001
        if prepare is not None:
            prepare(rows, app.console)

    def _uncovered(self) -> Region | None:
        """Return where the widget is on the screen if all of it is to be seen."""
        app, screen = self._widget.app, self._widget.screen
        compositor = screen._compositor  # noqa: SLF001
        if screen is not app.screen or compositor.size != app.size:
            return None
        visible = compositor.visible_widgets
        if visible is not self._seen:
            self._seen = visible
            self._region = self._find(compositor)
        return self._region

    def _find(self, compositor: Compositor) -> Region | None:
        """Look at all that is shown, the uppermost first, down to the widget."""
        visible = compositor.visible_widgets
        if self._widget not in visible:
            return None
        region, clip = visible[self._widget]
        if region.size != self._widget.size:
            return None
        whole = compositor.size.region.contains_region(region)
        if not whole or not clip.contains_region(region):
            return None
        for other, (place, other_clip) in visible.items():
            if other is self._widget:
                return region
            if place.intersection(other_clip).overlaps(region):
                return None
        return None


class OwnRow(Widget):
    """Shows one line that changes often; a line below it would be blank.

    What gives `pieces` itself gives no `line`.
    """

    ALLOW_SELECT = False

    def __init__(self) -> None:
        super().__init__()
        self._shortcut = Shortcut(self)
        self._styles: dict[str, Style] = {}
        self._background: Color | None = None
        self._filters: tuple[LineFilter, ...] = ()
        self._seen_as: dict[Style | None, Style | None] = {}

    def line(self, width: int) -> Text:
        """Return what stands in a row of some cells; more of it is cut off."""
        raise NotImplementedError

    def tone(self, name: str) -> Style:
        """Return the style of a component class; "" is the widget's own."""
        style = self._styles.get(name)
        if style is None:
            style = self.get_component_rich_style(name) if name else self.rich_style
            self._styles[name] = style
        return style

    def repaint(self) -> None:
        if not self.size or not self._shortcut.paint({0: self._row()}):
            self.refresh()

    def render_lines(self, crop: Region) -> list[Strip]:
        row = self._row().strip.crop(crop.x, crop.right)
        blank = Strip.blank(crop.width, self.tone("").background_style)
        return [blank if y else row for y in range(crop.y, crop.bottom)]

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._styles = {}
        self._seen_as = {}
        self._background = None

    def pieces(self, width: int) -> Iterable[Segment]:
        """Return what stands in a row of some cells; more of it is cut off."""
        text = self.line(width)
        text.truncate(width, overflow="ellipsis")
        return text.render(self.app.console)

    def _row(self) -> DrawnRow:
        width = self.size.width
        filters = tuple(self.get_line_filters())
        if filters != self._filters:
            self._filters, self._seen_as = filters, {}
        segments = [
            Segment(text, self._as_seen(style)) for text, style, _ in self.pieces(width)
        ]
        left = width - sum([cell_len(text) for text, _, _ in segments])
        if left > 0:
            blank = self.tone("").background_style
            segments.append(Segment(BLANK * left, self._as_seen(blank)))
        elif left < 0:
            segments = list(Strip(segments).adjust_cell_length(width))
        return DrawnRow(segments)

    def _as_seen(self, style: Style | None) -> Style | None:
        """Return what the widget's own style and the filters make of a piece's."""
        known = self._seen_as.get(style)
        if known is None:
            own = self.tone("")
            pieces = [Segment(BLANK, own if style is None else own + style)]
            if self._background is None:
                self._background = self.background_colors[1]
            for line_filter in self._filters:
                pieces = line_filter.apply(pieces, self._background)
            known = self._seen_as[style] = pieces[0].style
        return known


TESTED: Final = ("8.2",)
"""Textual releases whose painting was compared, cell by cell."""

FRAME_SECONDS: Final = 1 / 60
"""At most 60 frames a second: a key held down sends 30, and clocks tick meanwhile.

What floods paints less often by itself, and a slow line holds frames back.
"""

FRAMES_AT_ONCE: Final = 4
"""Frames that may follow one another closely after a pause: what a key changes, what
is said about it, a clock that ticks meanwhile."""

ALMOST_SECONDS: Final = 0.001
"""What a timer may come too early by."""

BACKLOG: Final = 2
"""Writes still queued for the terminal from which a frame is put off."""

MOST_AT_ONCE: Final = 8192
"""Characters of a frame that a terminal surely takes at once when it has nothing."""

HANG_UP_SECONDS: Final = 1.0
"""How often it is looked whether the terminal is still there."""

READ_SECONDS: Final = 0.1
"""How often it is looked whether what was read is a key or only begins one."""

READ_BYTES: Final = 4096

PARTING_SECONDS: Final = 5.0
"""How long the terminal has for its last answers before it is given back."""

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
    poll = select.poll()
    poll.register(terminal, 0)
    # Where terminals cannot be polled the answer is POLLNVAL, which says nothing.
    gone = select.POLLHUP | select.POLLERR
    return any(events & gone for _file, events in poll.poll(0))


class FrugalDriver(LinuxDriver):
    """Writes the difference between what is shown and what is wanted.

    A frame goes out at once when `FRAMES_AT_ONCE` before it took their time and the
    terminal has shown what it was sent (see `Pace`); else when both hold. What came
    between is never sent: a slow line shows the newest state and falls behind by a
    frame or two at most.

    An app may say in ``link_kilobytes`` what it paints a second through a multiplexer
    over ssh.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        kilobytes = getattr(self._app, "link_kilobytes", 0.0)
        self._pace = Pace(budget_for(kilobytes, os.environ))
        self._painter = Painter(0, 0, erases_in_colour=erases_in_colour())
        self._size_known = self._app.size
        self._frames = deque([0.0] * FRAMES_AT_ONCE, maxlen=FRAMES_AT_ONCE)
        self._timer: asyncio.TimerHandle | None = None
        self._is_held = False
        self._synchronised = False
        self._was_left = False
        self._has_written_aside = True
        self._hang_up_timer: asyncio.TimerHandle | None = None
        self._context = copy_context()
        self._ends_reading: tuple[int, int] | None = None

    def start_application_mode(self) -> None:
        self._forget()  # nothing is known of what the terminal shows
        self._ends_reading = os.pipe()
        super().start_application_mode()  # type: ignore[no-untyped-call]
        if self.input_tty:
            who = os.environ.get("TERM") != "linux"
            super().write(self._pace.begin(who=who))
        self._loop.call_soon_threadsafe(self._check_hang_up)
        if self._was_left:
            # Woken by a signal; Textual paints nothing where the size is the same.
            self._loop.call_soon_threadsafe(self._paint_whole)

    def _sigtstp_application(self, *_args: object) -> None:
        """Suspend in a turn of the event loop.

        A signal may come in the middle of a write. Textual suspends right there, and
        waits for threads that need the lock the write holds: it never stops.
        """
        if self._loop.is_closed():
            os.kill(os.getpid(), signal.SIGSTOP)
        else:
            self._loop.call_soon_threadsafe(super()._sigtstp_application)

    def _sigcont_application(self, *_args: object) -> None:
        """Go on after a suspension, and after nothing else.

        A terminal that closes sends SIGCONT with its SIGHUP: Textual would start to
        read keys anew, while it leaves, and never end.
        """
        if self._must_signal_resume:
            self._loop.call_soon_threadsafe(self._resume)

    def _resume(self) -> None:
        if self._must_signal_resume:  # two signals may have come
            super()._sigcont_application()

    def run_input_thread(self) -> None:
        """Read keys; a terminal that is gone cannot be read."""
        try:
            self._read_keys()
        except OSError:
            os.kill(os.getpid(), signal.SIGHUP)

    def _read_keys(self) -> None:
        """Read until told to end; the terminal's answers are no keys."""
        if self._ends_reading is None:
            return
        ends = self._ends_reading[0]
        parser = XTermParser(self._debug)
        encoding = keys_encoding(sys.__stdin__)
        decode = getincrementaldecoder(encoding)("replace").decode
        answers = AnswerFilter(lambda: self._pace.is_due, self._take_answer)
        wait: float | None = None
        is_last = False
        while not is_last:
            ready, _, _ = select.select([self.fileno, ends], [], [], wait)
            is_last = ends in ready
            if self.fileno in ready:
                keys = answers.keys(decode(os.read(self.fileno, READ_BYTES)))
            else:
                keys = answers.release()
            if keys:
                self._pace.key_pressed()
            try:
                events = [*(parser.feed(keys) if keys else ()), *parser.tick()]
            except ValueError:
                # Textual takes some reports of keys for numbers; without this thread
                # the desk would hear no key any more.
                events, parser = [], XTermParser(self._debug)
            for event in events:
                self.process_message(event)
            # What was read may be the beginning of a key; else it is waited for one.
            is_begun = parser._timeout_time is not None  # noqa: SLF001
            wait = READ_SECONDS if is_begun else None
            if answers.held:
                wait = ESCAPE_SECONDS

    def send_message(self, message: Message) -> None:
        """Hand on what was read, in the order in which it was."""
        self._loop.call_soon_threadsafe(self._deliver, message, context=self._context)

    def _deliver(self, message: Message) -> None:
        moves_ahead = getattr(self._app, "moves_ahead", None)
        is_key = isinstance(message, Key)
        if is_key and moves_ahead is not None and moves_ahead(message):
            self._due()
        else:
            self._app.post_message(message)

    def disable_input(self) -> None:
        """End the thread that reads, which waits for keys and nothing else."""
        if self._ends_reading is not None:
            os.write(self._ends_reading[1], b"\0")
        super().disable_input()

    @property
    def terminal_name(self) -> str:
        """Which terminal this is, see `Pace.terminal`."""
        return self._pace.terminal

    def _take_answer(self, answer: str) -> None:
        self._pace.answered(answer)
        self._loop.call_soon_threadsafe(self._go_on)

    def _go_on(self) -> None:
        """Paint what had to wait for an answer."""
        if self._painter.is_due:
            self._schedule()

    def _check_hang_up(self) -> None:
        """Leave as the kernel has it when the terminal is gone.

        Not every program hears of it: only those in the foreground of a session whose
        terminal it was. Textual reads an end of input for ever.
        """
        if self._hang_up_timer is not None:
            self._hang_up_timer.cancel()
        if is_hung_up(self.fileno):
            signal.raise_signal(signal.SIGHUP)
        else:
            self._hang_up_timer = self._loop.call_later(
                HANG_UP_SECONDS, self._check_hang_up
            )

    def stop_application_mode(self) -> None:
        self._cancel()
        self._pace.end()
        if not is_hung_up(self.fileno):
            self._pace.wait_answered(PARTING_SECONDS)
        if self._hang_up_timer is not None:
            self._hang_up_timer.cancel()
        super().stop_application_mode()
        for end in self._ends_reading or ():
            os.close(end)
        self._ends_reading = None
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
            self._has_written_aside = True
            super().write(at_once)
        if self._painter.is_due:
            self._schedule()

    def prepare_rows(self, rows: Iterable[DrawnRow], console: Console) -> None:
        """See `Shortcut.prepare`."""
        self._painter.prepare(rows, console)

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
        elif self._is_held:
            self._schedule()
        return True

    def close(self) -> None:
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
        if self._timer is not None and not self._is_held:
            return
        self._cancel()  # what was waited for may be here, and shorten the wait
        held = self._pace.hold()
        self._is_held = held > 0.0
        wait = self._frames[0] + FRAMES_AT_ONCE * FRAME_SECONDS - monotonic()
        wait = max(wait, held)
        if wait <= ALMOST_SECONDS and not self._is_backed_up():
            self._flush()
            return
        self._timer = self._loop.call_later(max(wait, FRAME_SECONDS / 4), self._due)

    def _due(self) -> None:
        self._cancel()
        if self._is_backed_up():
            self._timer = self._loop.call_later(FRAME_SECONDS, self._due)
        else:
            self._schedule()

    def _is_backed_up(self) -> bool:
        thread = self._writer_thread
        return thread is not None and thread._queue.qsize() >= BACKLOG  # noqa: SLF001

    def _flush(self) -> None:
        # Where something is typed, an input method looks for the cursor.
        in_focus = [screen.focused for screen in self._app.screen_stack[-1:]]
        is_typed = any(hasattr(each, "cursor_screen_offset") for each in in_focus)
        frame = self._painter.flush(keeps_cursor=is_typed)
        if not frame or self._writer_thread is None:
            return
        self._frames.append(monotonic())
        if self._synchronised:
            frame = f"{SYNC_BEGIN}{frame}{SYNC_END}"
        if not self._has_room():
            return
        is_drained = self._pace.has_shown_all and not self._has_written_aside
        asked = self._pace.painted(len(frame))
        if is_drained and len(frame) < MOST_AT_ONCE:
            self._write_now(frame + asked)
        else:
            super().write(frame + asked)
            self._has_written_aside = not asked

    def _write_now(self, text: str) -> None:
        """Write to a terminal that has taken all there was: it has room for a frame.

        The thread that writes, which waits for one that has not, costs a turn.
        """
        if self._file is not None:
            with suppress(OSError):  # it is gone, which is found out a moment later
                self._file.write(text)
                self._file.flush()

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
