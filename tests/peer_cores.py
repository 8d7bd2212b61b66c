"""What cores of real terminals make of rows whose widths they dispute.

xterm.js is that of VS Code and many others, with three ways to count; libvterm that of
Neovim. They are fed what the painter writes, and their rows are read back.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import json
import subprocess
from functools import partial
from typing import TYPE_CHECKING, Final

from chronotui.ui.term.diff import Painter
from tests.peer_tools import Tool
from tests.ui.term.cores import disputed_rows

if TYPE_CHECKING:
    from pathlib import Path

COLUMNS, LINES, SEEDS = 60, 3, 40
PACKAGES: Final = (
    "@xterm/headless@5.5.0",
    "@xterm/addon-unicode11@0.8.0",
    "@xterm/addon-unicode-graphemes@0.4.0",
)
COUNTS: Final = {"6": "", "11": "Unicode11Addon", "graphemes": "UnicodeGraphemesAddon"}
"""Ways of xterm.js to count cells, and what it needs for each."""

XTERM: Final = """
globalThis.window = globalThis;
const {Terminal} = require("@xterm/headless");
const [columns, lines, addon, screens] = JSON.parse(process.argv[1]);
(async () => {
  for (const steps of screens) {
    const terminal = new Terminal({cols: columns, rows: lines, allowProposedApi: true});
    if (addon === "Unicode11Addon") {
      terminal.loadAddon(new (require("@xterm/addon-unicode11")[addon])());
      terminal.unicode.activeVersion = "11";
    } else if (addon) {
      terminal.loadAddon(new (require("@xterm/addon-unicode-graphemes")[addon])());
    }
    await new Promise(done => terminal.write("\\x1b[?7l", done));
    for (const [y, , written] of steps) {
      await new Promise(done => terminal.write(written, done));
      console.log(terminal.buffer.active.getLine(y).translateToString(true));
    }
  }
})();
"""

Step = tuple[int, str, str]
"""The row that changed, what it has to show, and what the painter wrote."""


def screens() -> list[list[Step]]:
    """Return what is painted, step by step, on one screen for each seed."""
    made = []
    for seed in range(SEEDS):
        painter, steps = Painter(COLUMNS, LINES, erases_in_colour=True), []
        for y, row in disputed_rows(seed, COLUMNS, LINES):
            painter.feed(f"\x1b[{y + 1};1H{row}")
            steps.append((y, row, painter.flush()))
        made.append(steps)
    return made


def shows_in_xterm_js(addon: str, folder: Path) -> str:
    """Compare the rows of xterm.js with what they have to show."""
    install = ["npm", "install", "--silent", "--no-audit", "--no-fund", *PACKAGES]
    subprocess.run(install, cwd=folder, check=True, capture_output=True)
    made = screens()
    told = json.dumps([COLUMNS, LINES, addon, made])
    run = ["node", "-e", XTERM, told]
    read = subprocess.run(run, cwd=folder, check=True, capture_output=True, text=True)
    return _wrong(made, read.stdout.splitlines())


class _Rect(ctypes.Structure):
    _fields_ = [(name, ctypes.c_int) for name in ("top", "bottom", "left", "right")]


def shows_in_libvterm(_folder: Path) -> str:
    """Compare the rows of libvterm with what they have to show."""
    library = ctypes.CDLL(ctypes.util.find_library("vterm"))
    for name in ("vterm_new", "vterm_obtain_screen"):
        getattr(library, name).restype = ctypes.c_void_p
    library.vterm_screen_get_text.restype = ctypes.c_size_t
    made, read = screens(), []
    for steps in made:
        terminal = ctypes.c_void_p(library.vterm_new(LINES, COLUMNS))
        library.vterm_set_utf8(terminal, 1)
        screen = ctypes.c_void_p(library.vterm_obtain_screen(terminal))
        library.vterm_screen_reset(screen, 1)
        for y, _row, painted in steps:
            written = painted.encode()
            size = ctypes.c_size_t(len(written))
            library.vterm_input_write(terminal, written, size)
            shown = ctypes.create_string_buffer(4 * COLUMNS * 16)
            place = _Rect(y, y + 1, 0, COLUMNS)
            got = library.vterm_screen_get_text(
                screen, shown, ctypes.c_size_t(len(shown)), place
            )
            read.append(shown.raw[:got].decode(errors="replace"))
        library.vterm_free(terminal)
    return _wrong(made, read)


def _wrong(made: list[list[Step]], read: list[str]) -> str:
    wanted = [row for steps in made for _y, row, _painted in steps]
    if len(read) != len(wanted):
        return f"{len(read)} rows read of {len(wanted)}"
    found = [
        f"{got!r} is not {row!r}"
        for got, row in zip(read, wanted, strict=True)
        if got.split() != row.split()
    ]
    return f"{len(found)} of {len(wanted)} rows: {'; '.join(found[:3])}" * bool(found)


CORES: Final = (
    *(
        Tool(
            f"xterm.js, counting by {name}, loses no letter",
            ("node", "npm"),
            partial(shows_in_xterm_js, addon),
        )
        for name, addon in COUNTS.items()
    ),
    Tool("libvterm loses no letter", ("vterm-dump",), shows_in_libvterm),
)
