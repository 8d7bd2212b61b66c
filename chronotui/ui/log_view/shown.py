"""What of a message is shown: cleaned, coloured, capped, or as indented JSON."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from chronotui.core.text import parse_ansi
from chronotui.ui.log_view.ansi import rich_style
from chronotui.ui.log_view.cells import Grid, Tabbed, indent_of
from chronotui.ui.log_view.json_text import JsonKind, pretty_json
from chronotui.ui.log_view.runs import Run, overlay
from chronotui.ui.log_view.wording import plural

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.style import Style

    from chronotui.core.text import Span
    from chronotui.ui.log_view.look import Look

MOST_SHOWN: Final = 8192
"""Characters of one message in the list; the rest is for the line's own screen."""

MOST_JSON_LINES: Final = 200
"""Lines of one indented message in the list."""

MOST_WHOLE: Final = 1 << 18
"""Characters of one message on a screen of its own; the rest must be saved."""

MOST_WHOLE_WIDE: Final = 1 << 16
"""The same where they are not ASCII: each has to be measured."""


MOST_REMEMBERED: Final = 1 << 17
"""Characters of a message that is kept as it is shown, for a screenful of them."""

LONGEST_PICTURE: Final = 8
"""Characters that may stand for one: its number."""


class Paragraph(NamedTuple):
    """A stretch of text that wraps on its own; ``source`` maps its tabs."""

    grid: Grid
    runs: Sequence[Run]
    source: Tabbed | None = None
    raw: str = ""

    def lit(self, places: Iterable[tuple[int, int]], style: Style) -> Paragraph:
        """Return it with matches, found in the text of `searched`, laid over it."""
        place = self.source.place if self.source else int
        found = [Run(place(start), place(end), style) for start, end in places]
        return self._replace(runs=overlay(self.runs, found)) if found else self

    def indent(self, width: int) -> int:
        """Return the hanging indent when it wraps."""
        return indent_of(self.grid.text, width)

    @property
    def searched(self) -> str:
        """The text matches are looked for in: its tabs are still tabs."""
        return self.raw if self.source else self.grid.text


def shown_message(message: str, base: Style, look: Look) -> Paragraph:
    """Return one message as it stands in the list."""
    if len(message) <= MOST_SHOWN and message.isascii() and message.isprintable():
        return Paragraph(Grid(message), (Run(0, len(message), base),))
    note = f" … {byte_size(message)}, Enter opens"
    capped = _remembered if len(message) <= MOST_REMEMBERED else _capped
    return capped(message, Run(0, MOST_SHOWN, base), note, look.note)


def whole_message(message: str, base: Style, look: Look) -> list[Paragraph]:
    """Return one message as it stands on a screen of its own."""
    most = MOST_WHOLE if message.isascii() else MOST_WHOLE_WIDE
    note = f" … the first {most:,} characters of {byte_size(message)}: save it"
    return [_capped(message, Run(0, most, base), note, look.note)]


def _capped(message: str, most: Run, note: str, note_style: Style) -> Paragraph:
    """Return a message in a style, a note behind what fits into a run.

    Neither is more read than fits, nor shown: a character may stand for eight.
    """
    last = message.rfind("\r", 0, len(message.rstrip("\r\n"))) + 1
    cut = len(message) - last > most.end
    # Colours of the states before the last one stay on; of too much they do not.
    kept = message if len(message) <= most.end else message[last : last + most.end]
    text, spans = _parsed(kept, most.end)
    cut = cut or len(text) > most.end
    raw = text[: most.end]
    tabbed = Tabbed(raw, most.end)
    shown = tabbed.text[: most.end]
    cut = cut or len(shown) < len(tabbed.text)
    place = tabbed.place
    runs: Sequence[Run] = overlay(
        (Run(0, len(shown), most.style),),
        [Run(place(s.start), place(s.end), rich_style(s.style)) for s in spans],
    )
    if cut:
        runs = (*runs, Run(len(shown), len(shown) + len(note), note_style))
        shown += note
    tabs = "\t" in raw
    return Paragraph(Grid(shown), runs, tabbed if tabs else None, raw if tabs else "")


@lru_cache(maxsize=64)
def _remembered(message: str, most: Run, note: str, note_style: Style) -> Paragraph:
    """Return the same, kept: each letter of a search draws the same lines again."""
    return _capped(message, most, note, note_style)


def _parsed(message: str, most: int) -> tuple[str, tuple[Span, ...]]:
    """Return a message as shown, at least its first so many characters."""
    if len(message) > most // LONGEST_PICTURE and "\r" not in message:
        text, spans = parse_ansi(message[: most // LONGEST_PICTURE])
        if len(text) >= most:
            return text, spans
    return parse_ansi(message)


def byte_size(message: str) -> str:
    """Return the size of a text in UTF-8, in words; huge ones are estimated."""
    if message.isascii() or len(message) > 1 << 22:
        size = len(message)
    else:
        size = len(message.encode("utf-8", "surrogatepass"))
    if size < 1 << 10:
        return plural(size, "byte")
    if size < 1 << 20:
        return f"{size >> 10:,} KiB"
    return f"{size / (1 << 20):,.1f} MiB"


def shown_json(message: str, base: Style, look: Look) -> list[Paragraph]:
    """Return a message that is JSON, indented, a paragraph for each line."""
    note = "… the rest: Enter opens"
    return _json_lines(message, base, look, MOST_JSON_LINES, note)


def _json_lines(
    message: str, base: Style, look: Look, most: int, note: str
) -> list[Paragraph]:
    styles = {
        JsonKind.KEY: look.json_key,
        JsonKind.TEXT: look.json_text,
        JsonKind.VALUE: look.json_value,
    }
    paragraphs: list[Paragraph] = []
    for line in pretty_json(message):
        if len(paragraphs) >= most:
            paragraphs.append(Paragraph(Grid(note), (Run(0, len(note), look.note),)))
            break
        cut = line.text[:MOST_SHOWN]
        runs = overlay(
            (Run(0, len(cut), base),),
            [Run(p.start, p.end, styles[p.kind]) for p in line.parts],
        )
        paragraphs.append(Paragraph(Grid(cut), runs))
    return paragraphs
