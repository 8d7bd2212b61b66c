"""Handing over from the desk: opening a line that was named, and naming one."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from chronotui.errors import ChronotuiError
from chronotui.log.attempts import key_of
from chronotui.log.marks import Anchor
from chronotui.text import plural
from chronotui.ui.desk.status import FOR_GOOD
from chronotui.ui.term import clipboard

if TYPE_CHECKING:
    from collections.abc import Callable

    from chronotui.engine.merged import MergedLog
    from chronotui.engine.session import OpenableLog
    from chronotui.log.handoff import LinePlace
    from chronotui.model import Job, LogLine, Workflow
    from chronotui.ui.desk.log_side import LogSide
    from chronotui.ui.desk.screen import DeskScreen
    from chronotui.ui.desk.status import Say
    from chronotui.ui.log.prompt import LogPane
    from chronotui.ui.log.view import LogView


async def go_to_line(
    side: LogSide, log: OpenableLog, place: LinePlace, say: Say
) -> None:
    """Load back to a line and go to it; say so if the log does not have it."""
    say(f"Loading back to line {place} …", seconds=FOR_GOOD)
    try:
        await log.history.load_back_to_line(place.attempt, place.number)
    except ChronotuiError as error:
        say(str(error), seconds=30)
        return
    pane = side.log_pane if side.loader.log is log else None
    if pane is None:
        say("")
        return
    line = place.find(log.store)
    if line is None:
        say(f"The log has no line {place}; it may not be retained yet.", seconds=30)
        return
    say("")
    pane.view.sync()
    _stand_on(pane.view, line, say)


def _stand_on(view: LogView, line: LogLine, say: Say) -> None:
    """Go to a line; what is filtered is lifted where that hides it."""
    opened, anchor = view.opened, Anchor(key_of(line))
    rows = opened.rows
    row = rows.locate(anchor)
    if opened.filters.hides and not (len(rows) and rows.anchor(row) == anchor):
        opened.filters.suspended = True
        view.refilter()
        row = opened.rows.locate(anchor)
        say("In the full log; esc goes back to the filtered view.")
    view.go_to_row(row)


def hand_over(
    desk: DeskScreen, pane: LogPane | None, workflow: Workflow | None, job: Job
) -> str:
    """Copy the lines that are picked in a pane, or which job it is without a pane.

    Below stands the command that opens it. Returns what is to be said.
    """
    origin = desk.plan.origin(getattr(desk.app, "config", None), workflow, job)
    origin = origin._replace(job=desk.short_id(job))
    view = None if pane is None else pane.view
    try:
        if view is not None:
            counted = not view.opened.store.is_sparse
            return _hand_over_lines(view, partial(origin.handed, counted=counted))
        text = [f"{origin.workflow} {origin.job} {job.status}", origin.command()]
        sent = clipboard.copy(desk.app, clipboard.printable(text))
    except clipboard.TooLargeToCopyError as error:
        return _too_large(plural(error.size, "byte"), error.most)
    return f"Sent the command that opens it, {plural(sent.size, 'byte')}, to {sent.to}."


def hand_over_merged(desk: DeskScreen, view: LogView, merged: MergedLog) -> str:
    """Copy the picked lines of a merged log, each with its own job's origin.

    Below stands the command that opens the first. Returns what is to be said.
    """
    config = getattr(desk.app, "config", None)

    def handed(lines: list[LogLine]) -> list[str]:
        words: list[str] = []
        commands: list[str] = []
        for line in lines:
            each, place = merged.owner(line), merged.place(line)
            origin = desk.plan.origin(config, each.workflow, each.job)
            origin = origin._replace(job=each.short_id)
            attempt = 0 if place is None else place.attempt
            words += origin.prefixed([line._replace(attempt=attempt)])
            commands.append(origin.command(place))
        return [*words, commands[0]]

    try:
        return _hand_over_lines(view, handed)
    except clipboard.TooLargeToCopyError as error:
        return _too_large(plural(error.size, "byte"), error.most)


def _hand_over_lines(
    view: LogView, handed: Callable[[list[LogLine]], list[str]]
) -> str:
    opened = view.opened
    picked = len(opened.picked_rows())
    if picked > clipboard.MOST_BYTES:
        return _too_large(plural(picked, "line"), clipboard.MOST_BYTES)
    lines = opened.picked_lines()
    if not lines:
        return "There is no line to copy here."
    size = sum(len(line.message) for line in lines)
    if size > clipboard.MOST_READ:
        raise clipboard.TooLargeToCopyError(size)
    text = clipboard.printable(handed(lines))
    sent = clipboard.copy(view.app, text)
    opened.range_from = None
    view.moved()
    what = f"{plural(len(lines), 'line')} with the command that opens it"
    return f"Sent {what}, {plural(sent.size, 'byte')}, to {sent.to}."


def _too_large(size: str, most: int) -> str:
    return f"Too large to copy: {size}, {most:,} bytes arrive at most. s saves it."
