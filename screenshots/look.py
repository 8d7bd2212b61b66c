"""``python -m screenshots.look FOLDER``: thirty pictures to look at.

Screens and dialogs in many sizes, themes and in sixteen colours, as PNG where
``rsvg-convert`` is installed, else as SVG. They show what no test tells: what is cut,
too pale or askew.
"""

from __future__ import annotations

import asyncio
import sys
from io import StringIO
from pathlib import Path
from shutil import which
from typing import TYPE_CHECKING, Final, NamedTuple

from rich.console import Console
from rich.terminal_theme import TerminalTheme

from chronotui.ui.term.sixteen import SixteenColours
from tests.ui.desk.scenes import SCENES, desk_on, press, settled

if TYPE_CHECKING:
    from collections.abc import Iterable

    from chronotui.ui.app import DeskApp

SMALL, USUAL, WIDE, HUGE = (60, 20), (80, 24), (120, 40), (200, 50)


class Look(NamedTuple):
    """A scene in a terminal of a size and a theme, and keys that lead on from it."""

    scene: str
    size: tuple[int, int]
    theme: str = "textual-dark"
    sixteen: bool = False
    keys: str = ""

    @property
    def name(self) -> str:
        columns, rows = self.size
        colours = "-16" if self.sixteen else ""
        keys = f"-{self.keys.replace(' ', '-')}" if self.keys else ""
        return f"{self.scene}{keys}-{columns}x{rows}-{self.theme}{colours}"


LOOKS: Final = (
    Look("live", WIDE),
    Look("live", SMALL, "textual-light"),
    Look("live", HUGE, "ansi-dark"),
    Look("live", USUAL, sixteen=True),
    Look("history", WIDE, "textual-light"),
    Look("history", SMALL, sixteen=True),
    Look("shape", USUAL),
    Look("shape", HUGE, "textual-light"),
    Look("search", USUAL, "ansi-dark"),
    Look("details", USUAL),
    Look("details", HUGE, "textual-light"),
    Look("save", USUAL, "textual-light"),
    Look("save", WIDE, sixteen=True),
    Look("board", WIDE),
    Look("board", HUGE, "textual-light"),
    Look("merged", WIDE, "ansi-light"),
    Look("across", USUAL),
    Look("help", SMALL),
    Look("run", WIDE, sixteen=True),
    Look("runs-80", HUGE, "ansi-dark"),
    Look("details", USUAL, "ansi-light"),
    Look("across", WIDE, "textual-light"),
    Look("history", WIDE, keys="X"),
    Look("history", USUAL, "textual-light", keys="c"),
    Look("history", SMALL, keys="a"),
    Look("history", USUAL, sixteen=True, keys="enter"),
    Look("history", USUAL, "ansi-dark", keys="ctrl+p"),
    Look("details", USUAL, "ansi-light", keys="f enter"),
    Look("live", WIDE, keys="P a"),
    Look("help", USUAL, "textual-light", keys="c"),
)


COLOURS: Final = (
    *((0, 0, 0), (205, 0, 0), (0, 205, 0), (205, 205, 0)),
    *((30, 80, 238), (205, 0, 205), (0, 205, 205), (229, 229, 229)),
)
BRIGHT: Final = (
    *((127, 127, 127), (255, 60, 60), (0, 255, 0), (255, 255, 0)),
    *((92, 92, 255), (255, 0, 255), (0, 255, 255), (255, 255, 255)),
)
"""What a terminal makes of its sixteen colours."""
ON_BLACK: Final = TerminalTheme((0, 0, 0), (229, 229, 229), [*COLOURS], [*BRIGHT])
ON_WHITE: Final = TerminalTheme((255, 255, 255), (0, 0, 0), [*COLOURS], [*BRIGHT])


def picture(app: DeskApp, look: Look) -> str:
    """Return what is on the screen, as the terminal would show it."""
    width, height = look.size
    console = Console(
        width=width,
        height=height,
        file=StringIO(),
        force_terminal=True,
        color_system="truecolor",
        record=True,
        legacy_windows=False,
    )
    screens = app._background_screens  # noqa: SLF001 - as Textual's own screenshot
    console.print(
        app.screen._compositor.render_update(full=True, screen_stack=screens)  # noqa: SLF001
    )
    theme = ON_BLACK if app.current_theme.dark else ON_WHITE
    drawn = console.export_svg(title=look.name, theme=theme)
    # Else rsvg-convert takes the blanks away that columns begin and end with.
    return drawn.replace("<svg ", '<svg xml:space="preserve" ', 1)


async def draw(look: Look, folder: Path) -> Path:
    """Play a scene and write its picture."""
    scene = next(scene for scene in SCENES if scene.name == look.scene)
    with scene.server() as server:
        app = desk_on(server)
        app.few_colours = (SixteenColours(),) if look.sixteen else ()
        async with app.run_test(size=look.size) as pilot:
            app.theme = look.theme
            await scene.play(pilot)
            await press(pilot, *look.keys.split())
            await settled(pilot)
            drawn = picture(app, look)
    path = folder / f"{look.name}.svg"
    path.write_text(drawn, encoding="utf-8")
    return path


async def main(folder: Path, names: Iterable[str]) -> None:
    """Draw all pictures, or those whose name holds one of some words."""
    convert = which("rsvg-convert")
    for look in LOOKS:
        if names and not any(name in look.name for name in names):
            continue
        path = await draw(look, folder)
        if convert is not None:
            made = ("-o", str(path.with_suffix(".png")), str(path))
            await (await asyncio.create_subprocess_exec(convert, *made)).wait()
            path.unlink()


if __name__ == "__main__":
    chosen = Path(sys.argv[1])
    chosen.mkdir(parents=True, exist_ok=True)
    asyncio.run(main(chosen, sys.argv[2:]))
