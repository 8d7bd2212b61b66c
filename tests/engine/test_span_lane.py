"""What of a download passes the store is what lines in the store would have been."""

from __future__ import annotations

from functools import partial
from random import Random
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import pytest

from chronotui.cli.line_bytes import line_printer, slice_printer
from chronotui.demo.scripts import Script, ScriptLine
from chronotui.engine import span_lane
from chronotui.engine.retained import LineSelection, RetainedLog
from chronotui.engine.span_lane import SpanLane
from chronotui.log import raw_body, raw_spans
from chronotui.log.pattern import LineMatcher, compile_pattern
from tests.engine.conftest import TIMING, Readers, Spoiled
from tests.engine.random_logs import script_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from chronotui.cli.output import Output
    from chronotui.demo.scripts import ScriptedJob
    from chronotui.demo.server import DemoServer
    from chronotui.sources.chronoverse import Chronoverse

    Spoil = Callable[[list[bytes]], Iterable[bytes]]


class Pipe:
    is_terminal = has_colour = False


@pytest.fixture(autouse=True)
def passed(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Make parts and spans short; note the spans that passed."""
    monkeypatch.setattr(raw_spans, "HEAD_LINES", 40)
    monkeypatch.setattr(raw_spans, "PART_BYTES", 3000)
    monkeypatch.setattr(raw_spans, "SPAN_BYTES", 8000)
    monkeypatch.setattr(raw_body, "CHUNK_LINES", 32)
    monkeypatch.setattr(raw_body, "PIECE_BYTES", 2000)
    monkeypatch.setattr(span_lane, "FAR_LINES", 20)
    spans: list[object] = []
    enter = SpanLane.enter

    def noted(self: SpanLane, span: Any) -> Any:
        before = enter(self, span)
        spans.extend([before] if before is not None else [])
        return before

    monkeypatch.setattr(SpanLane, "enter", noted)
    return spans


class Seen(NamedTuple):
    content: bytes
    exit_code: int
    missing: int
    possible: int
    printed: int
    said: tuple[str, ...]


async def seen(
    demo: DemoServer,
    readers: Readers,
    made: ScriptedJob,
    how: How,
    spoil: Spoil,
    *,
    fast: bool,
) -> Seen:
    readers.said.clear()
    client = cast("Chronoverse", Spoiled(await readers.client(demo), spoil))
    job = await client.job(made.workflow_id, made.id)
    selection = how.selection
    if how.since is not None:
        assert job.started_at is not None
        begun = int(job.started_at.timestamp() * 1000)
        since_ns = (begun + how.since) * 1_000_000
        selection = LineSelection(selection.stream, selection.grep, since_ns)
    log = RetainedLog(
        client,
        None,
        job,
        selection=selection,
        timing=TIMING,
        tell=readers.said.append,
    )
    output = cast("Output", Pipe())
    if fast:
        new = partial(slice_printer, how.form, output, timestamps=how.timestamps)
        content = b"".join([piece async for piece in log.encoded(new)])
    else:
        encode = line_printer(how.form, output, timestamps=how.timestamps)
        batches = [batch async for batch in log.batches()]
        content = b"".join([encode(line) for batch in batches for line in batch])
    # Near what is missing, doubles that are only counted do not tell what may be.
    possible = 0 if log.missing else log.possible
    counts = (log.exit_code, log.missing, possible, log.printed)
    return Seen(content, *counts, tuple(readers.said))


class How(NamedTuple):
    form: str
    selection: LineSelection = LineSelection()
    since: int | None = None
    """Milliseconds after the job began."""

    timestamps: bool = False


def matching(text: str) -> LineSelection:
    return LineSelection(grep=LineMatcher(compile_pattern(text)))


HOWS = (
    How("jsonl"),
    How("jsonl", matching("plain")),
    How("text", timestamps=True),
    How("text", LineSelection(stream="stderr")),
    How("jsonl", LineSelection(stream="stdout")),
    How("text", since=60),
    How("jsonl", since=20),
    How("text", LineSelection(stream="stderr"), since=40),
    How("text", LineSelection(attempt=1), timestamps=True),
)


def as_it_is(lines: list[bytes]) -> Iterable[bytes]:
    return lines


def spoils_of(random: Random, how: How) -> Spoil:
    """Return what leaves lines out, moves or changes some, or nothing."""

    def without(lines: list[bytes]) -> list[bytes]:
        at = random.randrange(len(lines))
        return [*lines[:at], *lines[at + random.choice([1, 3]) :]]

    def moved(lines: list[bytes]) -> list[bytes]:
        at = random.randrange(len(lines) - 3)
        return [*lines[:at], lines[at + 2], lines[at], lines[at + 1], *lines[at + 3 :]]

    def other_stamp(lines: list[bytes]) -> list[bytes]:
        at = random.randrange(len(lines))
        stamps = (b'Z",', b'+00:00",'), (b'Z",', b'000Z",'), (b"T", b"t")
        return [
            *lines[:at],
            lines[at].replace(*random.choice(stamps), 1),
            *lines[at + 1 :],
        ]

    def escaped(lines: list[bytes]) -> list[bytes]:
        return [line.replace(b"plain", b"pl\\u0061in\\u003c") for line in lines]

    spoils: list[Spoil] = [as_it_is, as_it_is, without, moved]
    if how.since is None:  # else the pages are read, which are as they were
        spoils += [other_stamp, escaped]
    state, spoil = random.getrandbits(32), random.choice(spoils)

    def spoiled(lines: list[bytes]) -> Iterable[bytes]:
        random.seed(state)
        return spoil(lines)

    return spoiled


@pytest.mark.parametrize("seed", range(24))
async def test_what_passes_is_what_lines_say(
    demo: DemoServer, readers: Readers, seed: int
) -> None:
    random = Random(seed)
    attempts = random.choice([1, 1, 1, 2])
    script = script_of(random, attempts=attempts, lost=random.choice([0.0, 0.0, 0.01]))
    made = demo.world.add_job(Script(script, starts_in=-600, ends_after=1.0))
    demo.faults.cut_clean = random.choice([None, None, 250])
    demo.faults.raw_fails_after = random.choice([None, None, None, 20_000])
    how = HOWS[seed % len(HOWS)]
    spoil = spoils_of(random, how)
    slow = await seen(demo, readers, made, how, spoil, fast=False)
    fast = await seen(demo, readers, made, how, spoil, fast=True)
    assert fast == slow


@pytest.mark.parametrize("how", HOWS)
async def test_most_of_a_long_log_passes(
    demo: DemoServer, readers: Readers, passed: list[object], how: How
) -> None:
    script: list[ScriptLine] = []
    for n in range(900):
        stream = "stderr" if n % 5 == 0 else "stdout"
        script.append(ScriptLine(f"{n} plain", stream, after=0.001, retained=0.0))
        if n % 50 == 7:
            script.append(
                ScriptLine("o", "stderr", with_previous=True, after=0.0, retained=0.0)
            )
    made = demo.world.add_job(Script(script, starts_in=-600, ends_after=1.0))
    slow = await seen(demo, readers, made, how, as_it_is, fast=False)
    assert not passed
    fast = await seen(demo, readers, made, how, as_it_is, fast=True)
    assert fast == slow
    assert (fast.exit_code, fast.missing) == (0, 0)
    assert len(passed) > 10


@pytest.mark.parametrize("how", HOWS)
async def test_a_doubled_number_hides_no_line_that_is_missing_before_it(
    demo: DemoServer, readers: Readers, how: How
) -> None:
    script: list[ScriptLine] = []
    for n in range(700):
        # No line has the number 500; two have 505.
        number = n + (500 <= n < 505)
        stream = "stderr" if n % 5 == 0 else "stdout"
        script.append(ScriptLine(f"{n} plain", stream, None, number, 0.001, 0.0, 0.0))
    made = demo.world.add_job(Script(script, starts_in=-600, ends_after=1.0))
    slow = await seen(demo, readers, made, how, as_it_is, fast=False)
    fast = await seen(demo, readers, made, how, as_it_is, fast=True)
    assert fast == slow
    assert (fast.exit_code, fast.missing) == (6, 1)
