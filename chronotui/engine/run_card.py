"""The card of an app's run: what happened to it, as Markdown for an incident."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from chronotui.engine.run_follow import observe_run
from chronotui.engine.timing import Clock, WatchSettings
from chronotui.errors import ChronotuiError
from chronotui.log.card import span_of, word
from chronotui.log.markdown import code, document, fenced, said
from chronotui.runs.entries import lines_of
from chronotui.times import elapsed_text
from chronotui.tree.run_row import elapsed_seconds, is_stale

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from chronotui.engine.run_log import RunLog
    from chronotui.log.handoff import Origin
    from chronotui.model import Job
    from chronotui.runs.entries import RunStep
    from chronotui.runs.events import RunRecord
    from chronotui.sources.protocol import RunSource


class RunCardReader:
    """Gathers the card of one run.

    Args:
        origin: Whose card it is, as it stands in the card and in its command.
        held: What was seen of it, where it is open.
        listens: Whether what its stream tells at once is taken, too; a server has
            few streams to give.

    Attributes:
        exit_code: 0, or that of the error for which the run could not be read.
    """

    def __init__(
        self,
        client: RunSource,
        job: Job,
        origin: Origin,
        *,
        held: RunLog | None = None,
        listens: bool = True,
        clock: Clock | None = None,
    ) -> None:
        self._client = client
        self._job = job
        self._held = held
        self._listens = listens
        self._clock = clock or Clock()
        self._origin = origin
        self.exit_code = 0

    async def texts(self) -> AsyncIterator[str]:
        """Yield the card, each time with more in it.

        What cannot be had is said in it.
        """
        if self._held is not None:
            yield self._text(self._held.state.job, self._held.record)
            return
        job = self._job
        yield self._text(job, None, "reading the run …" if job.run_id else "")
        if not job.run_id:
            return
        try:
            yield await self._read()
        except ChronotuiError as error:
            self.exit_code = error.exit_code
            yield self._text(job, None, error.sentence.rstrip("."))

    async def _read(self) -> str:
        settings = WatchSettings(may_sign_in=False, waits=False)
        if self._listens:
            seen = await observe_run(self._client, self._job, settings=settings)
            return self._text(seen.job, seen.record)
        job = await self._client.reread(self._job)
        unseen = "its steps: only an opened run is listened to"
        return self._text(job, None, "" if job.has_ended else unseen)

    def _text(self, job: Job, record: RunRecord | None, unseen: str = "") -> str:
        not_seen = [unseen] if record is None else list(record.unseen)
        words = said("; ".join(filter(None, not_seen))) if any(not_seen) else ""
        return document(
            [
                self._heading(job),
                *_who(job),
                *_error("Error:", job.error),
                *_failed_steps(record),
                f"Not seen: {words}." if words else "",
                f"Open: {code(self._origin.command())}",
            ]
        )

    def _heading(self, job: Job) -> str:
        now = datetime.fromtimestamp(self._clock.wall(), UTC)
        names = f"{code(self._origin.workflow)} run {code(job.shown_id)}"
        facts = []
        seconds = elapsed_seconds(job, now)
        if seconds is not None:
            verb = "after" if job.has_ended else "for"
            facts.append(f"{verb} {elapsed_text(seconds)}")
        if is_stale(job, now):
            facts.append("stale?")
        facts.append(span_of(job))
        return f"**{names} {word(job.status)}** {', '.join(filter(None, facts))}"


def _who(job: Job) -> Iterator[str]:
    words = [f"by {code(job.by)}"] if job.by else []
    if job.origin:
        words.append(f"from {code(job.origin)}")
    if words:
        yield f"Started {' '.join(words)}."


def _error(title: str, text: str) -> Iterator[str]:
    """Yield a server's error of one or more lines."""
    if text:
        yield title
        yield fenced(lines_of(text))


def _failed_steps(record: RunRecord | None) -> Iterator[str]:
    for step in record.steps if record is not None else ():
        if step.is_failure:
            yield from _error(f"{_step_words(step)}:", step.state.error)
            if not step.state.error:
                yield f"{_step_words(step)}; its error was not told."


def _step_words(step: RunStep) -> str:
    state = step.state
    kind = f" ({code(state.node_type)})" if state.node_type else ""
    words = f"Failed node {code(state.title or state.node_id or state.id)}{kind}"
    if state.elapsed is None:
        return words
    return f"{words} after {elapsed_text(state.elapsed)}"
