"""The card of a job: what happened to it, as Markdown for an incident."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING, Final, NamedTuple

from msgspec import Struct

from chronotui.log.handoff import LinePlace
from chronotui.log.markdown import code, document, fenced, said
from chronotui.model import JobStatus
from chronotui.text import plural, printable_line
from chronotui.times import format_time_ns, human_duration, usual_duration

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    from chronotui.log.excerpts import Excerpt, LogExcerpts
    from chronotui.log.handoff import Origin
    from chronotui.model import Job, LogLine

MOST_NEW: Final = 8
"""Kinds of lines that are shown; more are counted."""

MOST_CHARACTERS: Final = 2_000
"""Of a longer line so much is shown, and that is said."""

FAR_OFF: Final = 2.0
"""A run that took so many times as long as usual, or so small a part, is told so."""

_PLAIN_WORDS: Final = frozenset(
    [*JobStatus.KNOWN, JobStatus.PAUSED, JobStatus.PARTIAL, JobStatus.UNKNOWN]
)


class KindCount(NamedTuple):
    """A kind of line, its values taken out, and how many lines are of it."""

    kind: str
    lines: int


class CardNews(Struct, frozen=True):
    """What a log says that the last good one did not.

    Attributes:
        good: The last good run.
        new: Kinds of lines that only this log has, the likely cause first.
        note: Why this is not all, or nothing; a sentence.
    """

    good: Job | None = None
    new: Sequence[KindCount] = ()
    note: str = ""


class JobCard(Struct, frozen=True, kw_only=True):
    """What a card tells.

    Attributes:
        attempts: How many there were, as far as is known.
        usual: Seconds that good runs took before; None if there are none.
        now: When the card is made, aware.
        log: What is shown of the log; None where none could be read.
        verdict: What is known of the log's completeness, or why there is none, in
            words without a mark at their end.
        news: None where nothing was compared.
    """

    origin: Origin
    job: Job
    attempts: int = 1
    usual: float | None = None
    now: datetime
    log: LogExcerpts | None = None
    verdict: str = ""
    news: CardNews | None = None

    def text(self) -> str:
        """Return the card as Markdown."""
        return document(
            [
                self._heading(),
                *self._error(),
                *(_news(self.news) if self.news is not None else ()),
                *self._end(),
                f"Log: {said(self.verdict)}." if self.verdict else "",
                f"Open: {code(self.origin.command(self.place))}",
            ]
        )

    @property
    def place(self) -> LinePlace | None:
        """The line the card leads to: where the last error begins, else the last."""
        shown = self.log
        if shown is None:
            return None
        if shown.error is not None:
            at = shown.error.error_at or 0
            return LinePlace.of([*shown.error.first, *shown.error.last][at])
        return None if shown.end is None else LinePlace.of(shown.end.end)

    def _heading(self) -> str:
        job = self.job
        names = f"{code(self.origin.workflow)} {code(self.origin.job)}"
        facts = [*how_long(job, self.usual, self.now)]
        if self.attempts > 1:
            facts.append(plural(self.attempts, "attempt"))
        facts.append(span_of(job))
        if job.trigger:
            facts.append(f"trigger {word(job.trigger)}")
        return f"**{names} {word(job.status)}** {', '.join(filter(None, facts))}"

    def _error(self) -> Iterator[str]:
        shown = self.log
        if shown is None:
            return
        if shown.error is None:
            if shown.looked_at:
                yield f"No error in its newest {plural(shown.looked_at, 'line')}."
            return
        error = shown.error
        begin = [*error.first, *error.last][error.error_at or 0]
        words = f"Last error, {place_words(begin)}"
        if shown.end is None:
            words += f", and the end of the log from {_line(error.begin)} on"
        yield f"{words}:"
        yield from _quoted(error)

    def _end(self) -> Iterator[str]:
        if self.log is not None and self.log.end is not None:
            end = self.log.end
            yield f"End of the log, from {place_words(end.begin)} on:"
            yield from _quoted(end)


def word(text: str) -> str:
    """Return a state or a trigger; a word of the server's own as code."""
    plain = text in _PLAIN_WORDS or (text.isascii() and text.isalpha())
    return text if plain and len(text) < 20 else code(text)


def how_long(job: Job, usual: float | None, now: datetime) -> Iterator[str]:
    """Yield how long a job ran or has been running, and what is usual."""
    seconds = job.duration(now)
    normal = f"usually {usual_duration(usual)}" if usual is not None else ""
    if seconds is None:
        if normal:
            yield normal
        return
    running = job.status == JobStatus.RUNNING
    words = f"{'for' if running else 'after'} {human_duration(seconds)}"
    if not normal or usual is None:
        yield words
        return
    ratio = seconds / usual if usual > 0 else 1.0
    far = f", {ratio:.1f}×" if ratio >= FAR_OFF else ""
    yield f"{words} ({normal}{far})"


def span_of(job: Job) -> str:
    """Return from when to when a job ran, in UTC."""
    start, end = job.started_at or job.created_at, job.completed_at
    if start is None:
        return ""
    start = start.astimezone(UTC)
    if end is None or job.status == JobStatus.RUNNING:
        return f"since {start:%Y-%m-%d %H:%M:%S} UTC"
    end = end.astimezone(UTC)
    day = "" if end.date() == start.date() else f"{end:%Y-%m-%d} "
    return f"{start:%Y-%m-%d %H:%M:%S} to {day}{end:%H:%M:%S} UTC"


def place_words(line: LogLine) -> str:
    """Return where and when a line was written."""
    attempt = f"attempt {line.attempt}, " if line.attempt > 1 else ""
    words = f"{attempt}{_line(line)}"
    if line.time_ns is None:
        return words
    return f"{words}, {format_time_ns(line.time_ns, 3)}"


def _line(line: LogLine) -> str:
    return f"line {line.sequence_num:,}"


def _quoted(excerpt: Excerpt) -> Iterator[str]:
    yield _fence(excerpt.first)
    if excerpt.left_out:
        yield f"({plural(excerpt.left_out, 'line')} left out here.)"
        yield _fence(excerpt.last)
    lines = (*excerpt.first, *excerpt.last)
    cut = sum(len(printable_line(line.message)) > MOST_CHARACTERS for line in lines)
    if cut:
        verb = "is" if cut == 1 else "are"
        yield f"({plural(cut, 'line')} {verb} cut at {MOST_CHARACTERS:,} characters.)"


def _fence(lines: Iterable[LogLine]) -> str:
    return fenced(printable_line(line.message)[:MOST_CHARACTERS] for line in lines)


def _news(news: CardNews) -> Iterator[str]:
    if news.good is None:
        yield said(news.note)
        return
    good = f"the last good run, {code(news.good.shown_id)}"
    if news.new:
        yield f"New against {good}:"
        yield from _kinds(news.new)
    elif not news.note:
        yield f"Nothing new against {good}."
    yield said(news.note) if news.note else ""


def _kinds(kinds: Sequence[KindCount]) -> Iterator[str]:
    yield fenced(
        f"{each.lines:,}× {each.kind[:MOST_CHARACTERS]}" for each in kinds[:MOST_NEW]
    )
    if len(kinds) > MOST_NEW:
        yield f"(And {plural(len(kinds) - MOST_NEW, 'kind')} of lines more.)"
