"""When the next frame may be painted: once the terminal has shown the one before.

Through ssh whatever is written is taken at once, by buffers of megabytes, so a
program that looks whether its terminal "drains" paints seconds ahead of what is seen,
and a key is answered behind all of that. A terminal says when it has come so far: it
answers a status query (``CSI 5 n``) when it has processed what stood before it.

A multiplexer answers at once, however slow the line behind it is: inside one, over
ssh, what is painted without a key is held to a number of bytes a second.
"""

from __future__ import annotations

import re
import threading
from collections import deque
from time import monotonic
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

QUERY: Final = "\x1b[5n"
"""Asks for the terminal's status."""

STATUS: Final = "0n"
"""What it says to that, behind ``CSI``."""

WHO: Final = "\x1b[>c"
"""Asks a terminal which one it is; a multiplexer says its own name."""

PROBE: Final = f"{QUERY}{{}}\x1b[c"
"""A status, and what every terminal answers: without the first, it does not know it."""

PATIENCE_SECONDS: Final = 2.0
"""A terminal that has answered nothing for so long is not waited for, until it does."""

OVERDUE_SECONDS: Final = 15.0
"""After so long an answer is taken for lost, the next one after twice as long: else
one that was lost on its way would hold the screen for good."""

KEY_SECONDS: Final = 0.3
"""A frame so soon after a key shows what the key asked for."""

ESCAPE_SECONDS: Final = 0.05
"""How long an escape may be the beginning of an answer while one is due."""

MOST_AHEAD: Final = 2
"""Frames on their way where the way is long and each of them short."""

_ANSWER: Final = re.compile(r"\x1b\[(0n|[?>][0-9;]{0,64}c)")
_STRAY: Final = re.compile(
    r"\x1b(?:[\]PX^_][^\x00-\x1f\x7f]{0,4096}+(?:\x1b\\|\x07)"
    r"|\[\?[0-9;]{0,64}[nu]|\[(?!48;)[0-9;]{1,64}t)"
)
"""What answers questions that are not ours: strings (the colours, name and settings of
a terminal), its keyboard and its measures. Textual reads ``CSI 48 t`` itself."""
_BEGINNING: Final = re.compile(
    r"\x1b(?:\[(?:[?>]?[0-9;]{0,64})|[\]PX^_][^\x00-\x1f\x7f]{0,4096}+\x1b?)?\Z"
)


class AnswerFilter:
    """Takes the terminal's answers out of what it sends; the rest is keys.

    ``CSI 0 n`` would be read as keys, and no key is written so; some terminals answer
    one question twice. What a shell or an editor asked before it left is answered to
    whoever reads then, and would press a key for each of its letters. An answer may
    come in pieces, so the beginning of one is held back until the rest is there or
    `release` says that it was a key.

    Args:
        is_due: Whether an answer is awaited; else nothing is held back.
        answered: Called with each answer, without what begins all of them.
    """

    def __init__(
        self, is_due: Callable[[], bool], answered: Callable[[str], None]
    ) -> None:
        self._is_due = is_due
        self._answered = answered
        self.held = ""

    def keys(self, read: str) -> str:
        """Return what of the text are keys."""
        text, self.held = self.held + read, ""
        if "\x1b" not in text:
            return text
        text = _STRAY.sub("", _ANSWER.sub(self._taken, text))
        begun = _BEGINNING.search(text)
        if begun is not None and self._is_due():
            text, self.held = text[: begun.start()], begun[0]
        return text

    def release(self) -> str:
        """Return what was held back: nothing came after it."""
        held, self.held = self.held, ""
        return held

    def _taken(self, answer: re.Match[str]) -> str:
        self._answered(answer[1])
        return ""


class Budget:
    """Bytes that may be painted without a key, so many a second.

    Args:
        rate: Bytes a second; 0 for no limit.
    """

    def __init__(self, rate: float) -> None:
        self.rate = rate
        self._left = rate
        self._at = 0.0

    def wait(self, now: float) -> float:
        """Return the seconds until there is something to spend."""
        if not self.rate:
            return 0.0
        self._fill(now)
        return max(0.0, -self._left / self.rate)

    def spend(self, size: int, now: float) -> None:
        """Take note of what was painted; of a debt no more is kept than a second's."""
        if self.rate:
            self._fill(now)
            self._left = max(self._left - size, -self.rate)

    def _fill(self, now: float) -> None:
        grown = self._left + (now - self._at) * self.rate
        self._left = min(grown, self.rate / 4)
        self._at = now


class Pace:
    """Knows which frames the terminal has not shown yet.

    Used by the thread that paints and by the one that reads.

    Args:
        budget: What may be painted without a key.
        now: The clock, in seconds.

    Attributes:
        terminal: Which terminal it is, as it says itself: ``>84;0;0c`` is tmux. ""
            where it did not say.
    """

    def __init__(self, budget: Budget, now: Callable[[], float] = monotonic) -> None:
        self.terminal = ""
        self._budget = budget
        self._now = now
        self._changed = threading.Condition()
        self._asked: deque[float] = deque()
        self._begun_at = 0.0
        self._is_on = False
        self._answers: bool | None = None
        self._attributes_due = False
        self._overdue = OVERDUE_SECONDS
        self._shortest = self._last = self._rests_until = 0.0
        self._key_at = -KEY_SECONDS

    def begin(self, *, who: bool = True) -> str:
        """Return what to ask at the start; nothing is known of this terminal yet.

        Args:
            who: Whether it may be asked which one it is; the console of Linux would
                print the question.
        """
        with self._changed:
            self._is_on, self._answers = True, None
            self._attributes_due = True
            self._begun_at = self._now()
            self._asked = deque([self._begun_at])
            self._shortest = self._last = self._rests_until = 0.0
        return PROBE.format(WHO if who else "")

    def end(self) -> None:
        """Ask nothing more."""
        self._is_on = False

    @property
    def is_due(self) -> bool:
        """Whether the terminal owes an answer."""
        return bool(self._asked) or self._attributes_due

    @property
    def has_shown_all(self) -> bool:
        """Whether the terminal has answered what stood behind the last frame."""
        return self._answers is True and not self._asked

    def key_pressed(self) -> None:
        """Take note that somebody waits to see something."""
        self._key_at = self._now()

    def hold(self) -> float:
        """Return how long the next frame has to wait, in seconds, if nothing comes."""
        now = self._now()
        with self._changed:
            if self._answers is None and now - self._begun_at > PATIENCE_SECONDS:
                self._answers = False
            if self._answers is not False and len(self._asked) >= self._ahead():
                if self._answers is None:
                    return self._begun_at + PATIENCE_SECONDS - now
                wait = self._asked[0] + self._overdue - now
                if wait > 0:
                    return wait
                self._asked.clear()
                self._overdue *= 2
        if now - self._key_at < KEY_SECONDS:
            return 0.0
        return max(self._budget.wait(now), self._rests_until - now)

    def painted(self, size: int) -> str:
        """Take note of a frame of so many bytes; return what to ask behind it."""
        now = self._now()
        self._budget.spend(size, now)
        if not self._is_on or self._answers is False:
            return ""
        with self._changed:
            self._asked.append(now)
        return QUERY

    def answered(self, answer: str) -> None:
        """Take an answer: ``0n``, which terminal it is, or its attributes, asked last.

        Attributes that come before any status are those of a terminal that has none.
        """
        with self._changed:
            if answer.startswith(">"):
                self.terminal = answer
            elif answer == STATUS and self._asked:
                now = self._now()
                self._last = now - self._asked.popleft()
                known = self._answers and self._shortest
                self._shortest = min(self._last, known or self._last)
                # The link is left free as long as it was busy, so that what a key asks
                # for finds it so half of the time.
                self._rests_until = now + self._last - self._shortest
                self._overdue = OVERDUE_SECONDS
                self._answers = True
            elif answer != STATUS:
                self._attributes_due = False
                if not self._answers:
                    self._answers = False
                    self._asked.clear()
            self._changed.notify_all()

    def wait_answered(self, seconds: float) -> None:
        """Wait until nothing is due, so that no answer reaches who reads next."""
        with self._changed:
            if self._answers is not False:
                self._changed.wait_for(lambda: not self.is_due, seconds)

    def _ahead(self) -> int:
        """Return how many frames may be on their way.

        A second one only where an answer takes little longer than the way itself, so
        that it does not queue behind the first.
        """
        if self._answers is None or self._last < 1.5 * self._shortest:
            return MOST_AHEAD
        return 1


def budget_for(kilobytes: float, environ: Mapping[str, str]) -> Budget:
    """Return what may be painted a second: no limit but in a multiplexer over ssh.

    Args:
        kilobytes: The configured rate, in kB a second; 0 for no limit.
        environ: The environment; tmux and screen say there that they are around us.
    """
    is_far = "SSH_CONNECTION" in environ or "SSH_TTY" in environ
    terminal = environ.get("TERM", "")
    is_inside = "TMUX" in environ or "STY" in environ
    is_inside = is_inside or terminal.startswith(("tmux", "screen"))
    return Budget(kilobytes * 1000 if is_far and is_inside else 0.0)
