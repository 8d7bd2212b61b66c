"""A key over a slow link while a log is followed: how long until it is answered.

The terminal takes everything at once and shows it when the link has delivered it, as
through ssh. The reference is lnav on a file that grows as fast, in the same terminal.
"""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from threading import Event, Thread
from time import perf_counter
from typing import TYPE_CHECKING

from tests.benchmarks import programs, texts
from tests.benchmarks.measure import Figure
from tests.benchmarks.programs import DESK, LNAV, for_ours
from tests.benchmarks.pty_program import LINES, environment
from tests.benchmarks.slow_link import Link, SlowProgram

if TYPE_CHECKING:
    from collections.abc import Iterator

RATE = 1_000
"""Lines that arrive a second."""

BEFORE = 2_000
FOLLOWED_SECONDS = 12.0
LINKS = {
    "20 kB/s and 100 ms": (Link(20_000, 0.1), 1.0),
    "6 kB/s and 100 ms": (Link(6_000, 0.1), 2.5),
}
"""Each with the seconds a key may take."""

HELD_SECONDS, KEYS_A_SECOND = 5.0, 30

A_CLOCK = 100
"""Bytes that arrive together are more than these where it is not a clock that ticks."""

PASTED = b"worker-[0-9]+ .*(timeout|refused|reset by peer)"


def figures(runs: int = 1) -> list[Figure]:
    """Return the rows of the table that concern slow links."""
    rows: list[Figure] = []
    for name, (link, goal) in LINKS.items():
        ours = median([_help_over(link) for _ in range(runs)])
        theirs = median([_lnav_over(link) for _ in range(runs)]) if LNAV else goal
        against = programs.reference_name() if LNAV else "the goal"
        rows.append(Figure(f"`?` shows over {name}", ours, theirs, 1.0, against, "s"))
        rows.append(
            Figure(f"the same, against {goal} s", ours, goal, 1.0, "the goal", "s")
        )
    link, _goal = LINKS["20 kB/s and 100 ms"]
    still = _still_after_keys(link)
    rows.append(
        Figure("`j` held for 5 s: moves on after", still, 0.5, 1.0, "the goal", "s")
    )
    return rows + _pictures_over(link)


def _pictures_over(link: Link) -> list[Figure]:
    """Return how long a whole picture takes: at the start, resized, typed at once."""
    where = "stands over 20 kB/s and 100 ms"
    rows = [
        Figure(
            f"{name} {where}", taken(link, None), taken(link, LNAV), None, "lnav", "s"
        )
        for name, taken in (("first picture", _starting), ("resized one", _resized))
        if LNAV
    ]
    what = f"a search of {len(PASTED)} characters, pasted, {where}"
    return [*rows, Figure(what, _pasted(link), 1.0, 1.0, "the goal", "s")]


def _starting(link: Link, lnav: str | None) -> float:
    """Return the seconds from the start of a program to its picture."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        command, variables = DESK, for_ours(folder)
        if lnav is not None:
            path = texts.write(folder / "job.log", BEFORE)
            command, variables = [lnav, str(path)], environment(folder)
        begun = perf_counter()
        with SlowProgram(command, environment=variables) as program:
            program.link = link
            return _stands(program, 6.0) - begun


def _resized(link: Link, lnav: str | None) -> float:
    """Return the seconds from a row less to the picture of that size."""
    with TemporaryDirectory() as name, ExitStack() as running:
        folder = Path(name)
        if lnav is None:
            program = running.enter_context(_desk(folder))
        else:
            path = texts.write(folder / "job.log", BEFORE)
            command = [lnav, str(path)]
            program = SlowProgram(command, environment=environment(folder))
            running.enter_context(program)
            program.pass_time(1.5)
        program.link = link
        begun = perf_counter()
        program.give_size(LINES - 1)
        return _stands(program, 4.0) - begun


def _pasted(link: Link) -> float:
    """Return the seconds from a search that is pasted to all of it on the screen."""
    with TemporaryDirectory() as folder, _desk(Path(folder)) as desk:
        desk.link = link
        pressed = desk.press_far(b"/" + PASTED)
        return desk.until(PASTED[-8:]) - pressed


def _stands(program: SlowProgram, seconds: float) -> float:
    """Return when a picture stood that comes within so many seconds."""
    program.keep, program.chunks = True, []
    program.pass_time(seconds)
    program.keep = False
    return max(at for at, piece in program.chunks if len(piece) > A_CLOCK)


def _help_over(link: Link) -> float:
    """Return the seconds from `?` to the help on the screen."""
    with TemporaryDirectory() as folder, _following(Path(folder)) as desk:
        desk.link = link
        desk.tell("run")
        desk.pass_time(FOLLOWED_SECONDS)
        pressed = desk.press_far(b"?")
        return desk.until(b"esc closes") - pressed


def _still_after_keys(link: Link) -> float:
    """Return for how long lines still move after a held key was let go."""
    with TemporaryDirectory() as folder, _desk(Path(folder)) as desk:
        desk.type(b"g")
        desk.settle()
        desk.link = link
        for _ in range(int(HELD_SECONDS * KEYS_A_SECOND)):
            released = desk.press_far(b"j")
            desk.pass_time(1 / KEYS_A_SECOND)
        last = released
        desk.keep, desk.chunks = True, []
        desk.pass_time(3.0)
        for at, piece in desk.chunks:
            if len(piece) > A_CLOCK:
                last = at
        return last - released


@contextmanager
def _desk(folder: Path) -> Iterator[SlowProgram]:
    with SlowProgram(DESK, environment=for_ours(folder)) as desk:
        assert desk.hear() == "ready"
        desk.ask(f"fill {BEFORE}")
        desk.ask("show 0")
        desk.settle()
        yield desk


@contextmanager
def _following(folder: Path) -> Iterator[SlowProgram]:
    """Run the desk, with lines made for as long as it is looked at."""
    with _desk(folder) as desk:
        desk.ask(f"prepare {RATE} {FOLLOWED_SECONDS + 120}")
        desk.settle(0.2)
        yield desk


def _lnav_over(link: Link) -> float:
    with TemporaryDirectory() as folder, growing(Path(folder)) as path:
        variables = environment(Path(folder))
        with SlowProgram(["lnav", str(path)], environment=variables) as lnav:
            lnav.pass_time(1.5)
            lnav.link = link
            lnav.pass_time(FOLLOWED_SECONDS)
            pressed = lnav.press_far(b"?")
            return lnav.until(b"fancy log file viewer", seconds=120.0) - pressed


@contextmanager
def growing(folder: Path) -> Iterator[Path]:
    """Write a file that grows by `RATE` lines a second."""
    path, ended = folder / "log.txt", Event()

    def write() -> None:
        number = 0
        with path.open("w") as file:
            while not ended.wait(1 / 30):
                stop = number + RATE // 30
                file.writelines(f"{texts.text(n)}\n" for n in range(number, stop))
                file.flush()
                number = stop

    thread = Thread(target=write, daemon=True)
    thread.start()
    try:
        yield path
    finally:
        ended.set()
        thread.join()
