"""What is said for a while, over the line of keys."""

from __future__ import annotations

from rich.cells import cell_len
from textual.content import Content
from textual.widgets import Static

from chronotui.core.text import clean


class Notice(Static):
    """A sentence in the place of the keys; the status line below stays true.

    One too long for a row stands over the last rows of the log, for a while.
    """

    DEFAULT_CSS = """
    Notice {
        dock: bottom; layer: notice; height: auto; max-height: 4; padding: 0 1;
        background: $panel; color: $text; text-style: bold;
        display: none;
    }
    Notice.-said { display: block; }
    Notice.-long { margin-bottom: 2; }
    Notice.-lasting { margin-bottom: 0; max-height: 1; text-wrap: nowrap; }
    """

    sentence = ""

    def say(self, sentence: str, *, lasts: bool = False) -> None:
        """Show a sentence; "" takes it away.

        Args:
            sentence: The words; cleaned here.
            lasts: Whether it stands for long: it keeps to the one row then.
        """
        self.set_class(lasts, "-lasting")
        if sentence != self.sentence:
            self.sentence = sentence
            self.update(Content(clean(sentence)))
            self.set_class(bool(sentence), "-said")
            self.fit(self.app.size.width)

    def fit(self, width: int) -> None:
        """Stand where a screen of ``width`` cells has room for the sentence."""
        self.set_class(cell_len(clean(self.sentence)) > width - 2, "-long")
