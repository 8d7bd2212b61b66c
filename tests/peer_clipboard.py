"""What arrives of a copy at the terminal outside, through real multiplexers.

Each way is built of the programs that are installed, one in the other; in the
innermost runs an app with our terminal driver, which copies. Outside is a
pseudo-terminal: what it is told by OSC 52 is what a clipboard would hold.
"""

from __future__ import annotations

import os
import re
import select
import shlex
import shutil
import signal
import subprocess
import sys
import time
from base64 import b64decode
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from ptyprocess import PtyProcess

from tests.peer_tools import Tool

if TYPE_CHECKING:
    from collections.abc import Iterator

_SECONDS: Final = 20.0
_QUIET_SECONDS: Final = 1.0

_ANSWERS: Final = {
    b"\x1b[>c": b"\x1b[>41;370;0c",
    b"\x1b[>0c": b"\x1b[>41;370;0c",
    b"\x1b[c": b"\x1b[?62;22c",
    b"\x1b[5n": b"\x1b[0n",
    b"\x1b[6n": b"\x1b[1;1R",
}
"""What an xterm says to what it is asked."""

_COPIED: Final = re.compile(rb"\x1b\]52;([^;]*);([A-Za-z0-9+/=]*)(?:\x07|\x1b\\)")


_PRINTED: Final = re.compile(rb"[A-Za-z0-9+/]{60}")


class Way(NamedTuple):
    """What stands between the app and the terminal, from the outside in.

    Attributes:
        around: Names of wrappers, see `_WRAPPERS`.
        size: Bytes that are copied.
        is_remote: The environment says nothing of them, as at the other end of ssh.
        arrives: Whether the terminal outside is told.
    """

    around: tuple[str, ...]
    size: int = 700
    is_remote: bool = False
    arrives: bool = True

    def __str__(self) -> str:
        name = " in ".join(["app", *reversed(self.around)])
        return f"{name}{', over ssh' if self.is_remote else ''}, {self.size} bytes"


LARGE: Final = 40_000
WAYS: Final = (
    Way(()),
    Way((), LARGE),
    Way(("tmux",)),
    Way(("tmux",), LARGE),
    Way(("tmux passing",), is_remote=True),
    Way(("tmux taking",), is_remote=True),
    Way(("screen",)),
    Way(("screen",), LARGE),
    Way(("screen",), is_remote=True),
    Way(("tmux", "screen")),
    Way(("screen", "tmux passing")),
    Way(("screen", "tmux passing"), LARGE),
    Way(("tmux",), is_remote=True, arrives=False),
    Way(("screen", "tmux"), arrives=False),
    Way(("mosh", "tmux"), arrives=False),
    Way(("tmux taking", "mosh"), is_remote=True),
    Way(("mosh",)),
    Way(("mosh",), 12_000),
    Way(("mosh", "tmux passing")),
)
"""tmux 3.3 with its defaults takes no copy but by its socket, and what it sends on
then mosh does not take."""

_TMUX: Final = "exec tmux -L {name} -f {folder}/{file} new-session sh {inner}\n"
_WRAPPERS: Final = {
    "tmux": ("tmux", "", _TMUX),
    "tmux passing": ("tmux", "set -g allow-passthrough on\n", _TMUX),
    "tmux taking": ("tmux", "set -g set-clipboard on\n", _TMUX),
    "screen": (
        "screen",
        "startup_message off\n",
        "exec screen -c {folder}/{file} -S {name} sh {inner}\n",
    ),
    "mosh": (
        "mosh-server",
        "",
        (
            "set -- $(mosh-server new -i 127.0.0.1 -- sh {inner} | "
            "sed -n 's/^MOSH CONNECT //p')\n"
            "MOSH_KEY=$2 exec mosh-client 127.0.0.1 $1\n"
        ),
    ),
}
"""A program to look for, its configuration, and the script that runs ``{inner}``."""


def text_of(size: int) -> str:
    return ("é line of a log\n" * size)[: size - size // 16 - 1]


def check(way: Way, folder: Path) -> str:
    """Copy through a way; return what is wrong, "" if it is as it should be."""
    with _built(way, folder) as (script, environment):
        sent = _seen_outside(script, environment)
    if b"sent to" not in sent:
        return f"nothing was copied: {_tail(sent)}"
    copies = [
        b64decode(each[2]).decode(errors="replace") for each in _COPIED.finditer(sent)
    ]
    whole = [each for each in copies if each == text_of(way.size)]
    if _PRINTED.search(_COPIED.sub(b"", sent)):
        return f"it is printed on the screen: {_tail(sent)}"
    if not way.arrives:
        return "it arrives" if copies else ""
    if not whole:
        return f"{[len(each) for each in copies]} characters: {_tail(sent)}"
    return "a part arrives, too" if len(whole) != len(copies) else ""


_IN_XTERM: Final = """
xterm -xrm 'XTerm*disallowedWindowOps:' \\
    -xrm 'XTerm*selectToClipboard:true' -e sh {script} &
for look in $(seq 150); do
    xsel --clipboard --output > {clip} && [ -s {clip} ] && break
    sleep 0.1
done
kill $!
"""
"""An xterm takes a copy only where it is allowed; by default it is not. What tmux sends
on names no selection, which an xterm takes for the primary one unless told otherwise.
"""


def check_in_xterm(way: Way, folder: Path) -> str:
    """Copy through a way in an xterm; return what is wrong with the clipboard."""
    clip = folder / "clip"
    with _built(way, folder) as (script, environment):
        subprocess.run(
            ["xvfb-run", "-a", "sh", "-c", _IN_XTERM.format(script=script, clip=clip)],
            env=environment,
            capture_output=True,
            check=False,
            timeout=60,
        )
    held, text = clip.read_bytes(), text_of(way.size)
    # Some xsel are given Latin-1 by an xterm that holds it as UTF-8.
    is_right = held in {text.encode(), text.encode("iso8859-1")}
    return "" if is_right else f"{len(held)} bytes: {held[:99]!r}"


def _tail(sent: bytes) -> str:
    return repr(sent[-300:].decode(errors="replace"))


@contextmanager
def _built(way: Way, folder: Path) -> Iterator[tuple[Path, dict[str, str]]]:
    """Write the scripts that run one another; end what they leave running."""
    name = str(folder)
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": name,
        "TMUX_TMPDIR": name,
        "SCREENDIR": str(folder / "screens"),
        "TERM": "xterm-256color",
        "LANG": "C.UTF-8",
        "SHELL": "/bin/sh",
    }
    (folder / "screens").mkdir(mode=0o700)
    inner = folder / "app.sh"
    words = [sys.executable, "-m", "tests.peer_clipboard", str(way.size), name]
    unset = "unset TMUX TMUX_PANE STY WINDOW\n" if way.is_remote else ""
    root = Path(__file__).parent.parent
    inner.write_text(f"cd {shlex.quote(str(root))}\n{unset}{shlex.join(words)}\n")
    for number, each in enumerate(reversed(way.around)):
        _program, config, script = _WRAPPERS[each]
        (folder / f"config{number}").write_text(config)
        outer = folder / f"way{number}.sh"
        outer.write_text(
            script.format(
                name=f"w{number}", folder=name, file=f"config{number}", inner=inner
            )
        )
        inner = outer
    try:
        yield inner, environment
    finally:
        _end(folder)


def _seen_outside(script: Path, environment: dict[str, str]) -> bytes:
    """Run the script in a terminal; return all that it writes until it is quiet."""
    outside = PtyProcess.spawn(
        ["sh", str(script)], env=environment, dimensions=(24, 80)
    )
    sent, deadline = bytearray(), time.monotonic() + _SECONDS
    try:
        while time.monotonic() < deadline:
            if not select.select([outside.fd], [], [], _QUIET_SECONDS)[0]:
                if b"sent to" in sent:
                    break
                continue
            try:
                piece = os.read(outside.fd, 1 << 16)
            except OSError:
                break
            sent += piece
            for question, answer in _ANSWERS.items():
                if question in piece:
                    outside.write(answer)
    finally:
        outside.close(force=True)
    return bytes(sent)


def _end(folder: Path) -> None:
    """End the app and what is around it, by what each left in the folder."""
    with suppress(OSError, ValueError):
        os.kill(int((folder / "pid").read_text()), signal.SIGKILL)
    environment = {
        "PATH": os.environ["PATH"],
        "TMUX_TMPDIR": str(folder),
        "SCREENDIR": str(folder / "screens"),
    }
    for number in range(3):
        for words in (
            ["tmux", "-L", f"w{number}", "kill-server"],
            ["screen", "-S", f"w{number}", "-X", "quit"],
        ):
            if shutil.which(words[0]) is not None:
                subprocess.run(
                    words, env=environment, capture_output=True, check=False, timeout=10
                )


def _copy(size: int, folder: Path) -> None:
    """Copy once the terminal has said which one it is, and say where it was sent."""
    from textual.app import App, ComposeResult
    from textual.widgets import Label

    from chronotui.ui.term.clipboard import copy
    from chronotui.ui.term.driver import FrugalDriver

    (folder / "pid").write_text(str(os.getpid()))

    class Copying(App[None]):
        def compose(self) -> ComposeResult:
            yield Label("", markup=False)

        def on_mount(self) -> None:
            self._began = time.monotonic()
            self._polling = self.set_interval(0.05, self._look)

        def _look(self) -> None:
            name = getattr(self._driver, "terminal_name", "")
            if name or time.monotonic() - self._began > 2.0:
                self._polling.stop()
                sent = copy(self, text_of(size))
                self.query_one(Label).update(f"sent to {sent.to}")

    Copying(driver_class=FrugalDriver).run()


COPIES: Final = tuple(
    Tool(
        f"copy: {way}",
        tuple(_WRAPPERS[each][0] for each in way.around),
        partial(check, way),
    )
    for way in WAYS
) + tuple(
    Tool(
        f"clipboard: {way} in xterm",
        ("xvfb-run", "xterm", "xsel", *(_WRAPPERS[each][0] for each in way.around)),
        partial(check_in_xterm, way),
    )
    for way in (Way(()), Way(("tmux",)), Way(("screen",)), Way(("mosh",)))
)


if __name__ == "__main__":
    _copy(int(sys.argv[1]), Path(sys.argv[2]))
