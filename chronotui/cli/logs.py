"""One line of a log as `logs` prints it."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, TypeAlias

from chronotui.errors import UsageError
from chronotui.model import STDERR
from chronotui.times import format_time_ns

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from chronotui.cli.invocation import Invocation
    from chronotui.cli.output import Output
    from chronotui.engine.retained import LineSelection
    from chronotui.log.chunks import Overflow
    from chronotui.log.pattern import LineMatcher
    from chronotui.model import Job, LogLine, Workflow
    from chronotui.sources.protocol import Source

if TYPE_CHECKING:
    LinePrinter: TypeAlias = Callable[[LogLine], bytes]


def line_printer(form: str, output: Output, *, timestamps: bool) -> LinePrinter:
    """Return what turns a line into the bytes printed for it, line end included.

    Args:
        form: "text" or "jsonl".
        output: On a terminal, text is made harmless there and stderr coloured; into
            a pipe it is exact.
        timestamps: Whether time and stream stand before the message.
    """
    if form == "jsonl":
        return _entry
    if output.is_terminal:
        return _shown_with(colour=output.has_colour, timestamps=timestamps)
    return _exact_with_time if timestamps else _exact


def _entry(line: LogLine) -> bytes:
    entry = {
        "attempt": line.attempt,
        "sequence_num": line.sequence_num,
        "stream": line.stream,
        "timestamp": _time(line),
        "event_id": line.event_id,
        "message": line.message,
    }
    try:
        return f"{json.dumps(entry, ensure_ascii=False)}\n".encode()
    except UnicodeEncodeError:  # a lone surrogate, which only an escape can carry
        return f"{json.dumps(entry)}\n".encode()


def _exact(line: LogLine) -> bytes:
    return f"{line.message}\n".encode(errors="surrogatepass")


def _exact_with_time(line: LogLine) -> bytes:
    return f"{_prefix(line)}{line.message}\n".encode(errors="surrogatepass")


def _shown_with(*, colour: bool, timestamps: bool) -> LinePrinter:
    from chronotui.text import clean, printable_line

    def shown(line: LogLine) -> bytes:
        text = printable_line(line.message)
        if timestamps:
            text = clean(_prefix(line)) + text
        if colour and line.stream == STDERR:
            text = f"\x1b[31m{text}\x1b[0m"
        return f"{text}\n".encode(errors="replace")

    return shown


def _prefix(line: LogLine) -> str:
    return f"{_time(line) or '-'} {line.stream or '-'} "


def _time(line: LogLine) -> str | None:
    return None if line.time_ns is None else format_time_ns(line.time_ns)


# The verb `logs`: a job's log in order, as it stands or to its end.


def logs(invocation: Invocation) -> int:
    """Print a job's log, and return the exit code.

    Raises:
        UsageError: A time or a regular expression cannot be read.
    """
    options = invocation.options
    selection = line_selection(invocation)
    read = _follow if options.follow else _retained

    async def work(client: Source) -> int:
        from chronotui.engine.resolve import resolve_job, resolve_workflow

        ask = invocation.retries.ask
        workflow = await ask(lambda: resolve_workflow(client, options.workflow))
        job = await ask(lambda: resolve_job(client, workflow, options.job))
        try:
            return await read(invocation, client, workflow, job, selection)
        finally:
            _tell_too_slow(invocation, selection)

    return invocation.with_client(work)


def line_selection(invocation: Invocation) -> LineSelection:
    """Return which lines the options ask for.

    Raises:
        UsageError: A time or a regular expression cannot be read.
    """
    from chronotui.engine.retained import LineSelection

    options = invocation.options
    return LineSelection(
        stream=options.stream,
        grep=_grep(options.grep) if options.grep else None,
        since_ns=_since_ns(options.since) if options.since else None,
        tail=options.tail,
        attempt=options.attempt,
    )


def _grep(text: str) -> LineMatcher:
    from chronotui.log.pattern import BadPattern, LineMatcher, compile_pattern

    try:
        return LineMatcher(compile_pattern(text))
    except BadPattern as error:
        raise UsageError(f"--grep: {error}") from None


def _tell_too_slow(invocation: Invocation, selection: LineSelection) -> None:
    """Say what was not printed because the expression took too long for it."""
    from chronotui.log.pattern import LineMatcher

    grep = selection.grep
    count = grep.too_slow if isinstance(grep, LineMatcher) else 0
    if count:
        lines = "1 line is" if count == 1 else f"{count:,} lines are"
        _teller(invocation)(
            f"{lines} left out: --grep took too long there; try a simpler expression."
        )


def _since_ns(text: str) -> int:
    from datetime import UTC, datetime

    from chronotui.times import parse_when

    try:
        when = parse_when(text, datetime.now(UTC).astimezone())
    except ValueError as error:
        raise UsageError(f"--since: {error}") from None
    since = when.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    seconds = since.days * 86400 + since.seconds
    return seconds * 1_000_000_000 + since.microseconds * 1000


async def _retained(
    invocation: Invocation,
    client: Source,
    workflow: Workflow,
    job: Job,
    selection: LineSelection,
) -> int:
    from chronotui.engine.retained import RetainedLog

    log = RetainedLog(
        client,
        workflow,
        job,
        selection=selection,
        tell=_teller(invocation),
        spool=_spool(invocation),
    )
    await _print(invocation, log.batches())
    if log.missing or log.possible:
        lacking = f"{log.missing:,} missing" if log.missing else ""
        perhaps = f"{log.possible:,} possibly missing" if log.possible else ""
        words = ", ".join(filter(None, (lacking, perhaps)))
        _teller(invocation)(f"{log.printed:,} lines printed, {words}.")
    elif not log.printed:
        _teller(invocation)(_why_nothing(job, selection))
    return log.exit_code


async def _follow(
    invocation: Invocation,
    client: Source,
    workflow: Workflow,
    job: Job,
    selection: LineSelection,
) -> int:
    from chronotui.engine.follow import Follow
    from chronotui.engine.timing import WatchSettings

    tell = _teller(invocation)
    settings = WatchSettings(
        poll_seconds=invocation.profile.poll_seconds, may_sign_in=False, waits=False
    )
    follow = Follow(
        client,
        workflow,
        job,
        selection=selection,
        settings=settings,
        tell=tell,
        spool=_spool(invocation),
    )
    try:
        await _print(invocation, follow.batches())
    except asyncio.CancelledError:
        invocation.output.flush()
        tell(follow.summary())
        raise
    tell(follow.summary())
    return 0 if follow.result is None else follow.result.exit_code


async def _print(invocation: Invocation, batches: AsyncIterator[list[LogLine]]) -> None:
    output, options = invocation.output, invocation.options
    encode = line_printer(options.output, output, timestamps=options.timestamps)
    async for batch in batches:
        output.write_bytes(b"".join(map(encode, batch)))
        output.flush()


def _why_nothing(job: Job, selection: LineSelection) -> str:
    from chronotui.engine.retained import LineSelection

    if selection != LineSelection():
        return "no line is among those asked for."
    if job.status.is_waiting:
        return "the job has not started yet; --follow waits for it."
    return "the job printed nothing." if job.status.is_terminal else "no line yet."


def _teller(invocation: Invocation) -> Callable[[str], None]:
    return lambda words: invocation.output.say(f"chronotui: {words}")


def _spool(invocation: Invocation) -> Callable[[], Overflow]:
    def open_spool() -> Overflow:
        from chronotui.storage.files import SpoolFile

        return SpoolFile(invocation.config.ui.spool_dir)

    return open_spool
