"""What is new in a job's log, from the desk: shown, gone to, or put over the log."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final, cast

from chronotui.engine.job_log import JobLog
from chronotui.engine.news import JobNews
from chronotui.log.differences import Change
from chronotui.log.handoff import LinePlace
from chronotui.text import clean
from chronotui.ui.desk.log_side import SHORT_ID, start_worker
from chronotui.ui.desk.meant import NO_JOB_MEANT, newest_failed
from chronotui.ui.log.state import Filter
from chronotui.ui.news import NewsAnswer, NewsScreen

if TYPE_CHECKING:
    from chronotui.engine.session import Session
    from chronotui.model import Job, Workflow
    from chronotui.sources.protocol import Source
    from chronotui.ui.desk.screen import DeskScreen

KEPT: Final = 4
"""Jobs whose differences are kept."""

NONE_FAILED: Final = "No job of it that failed is loaded: choose one that is meant."
NO_LOGS: Final = "{label} keeps no log of a run's lines: nothing can be compared."


def show_news(desk: DeskScreen) -> None:
    """Show what is new in the log of the job that is meant.

    Of a workflow it is the one that failed last.
    """
    workflow, job = desk.meant
    session = desk.session
    if not desk.plan.kind.capabilities.jobs:
        desk.say(NO_LOGS.format(label=desk.plan.kind.label))
        return
    if session is not None and job is None and workflow is not None:
        job = newest_failed(session, workflow)
    if session is None or job is None:
        named = workflow is not None and session is not None
        desk.say(NONE_FAILED if named else NO_JOB_MEANT)
        return
    _begin(desk, session, workflow, job)


def _news_of(session: Session, workflow: Workflow | None, job: Job) -> JobNews:
    """Return what compares a job's log; what it has found is kept for a while."""

    def held() -> JobLog | None:
        log = session.held(job)
        return log if isinstance(log, JobLog) else None

    kept = session.news
    if job.id not in kept:
        client = cast("Source", session.client)
        kept[job.id] = JobNews(client, workflow, job, held=held, spool=session.spool)
    kept.move_to_end(job.id)
    while len(kept) > KEPT:
        kept.popitem(last=False)
    return kept[job.id]


def _begin(
    desk: DeskScreen,
    session: Session,
    workflow: Workflow | None,
    job: Job,
    kind: str | None = None,
) -> None:
    start_worker(desk, "news", partial(_show, desk, session, workflow, job, kind))


async def _show(
    desk: DeskScreen,
    session: Session,
    workflow: Workflow | None,
    job: Job,
    kind: str | None,
) -> None:
    """Show the differences, and do what is chosen there."""
    news = _news_of(session, workflow, job)
    name = job.workflow_id[:SHORT_ID] if workflow is None else workflow.shown_name
    title = clean(f"{name} {desk.short_id(job)}")
    screen = NewsScreen(news, title, short_id=desk.short_id, kind=kind)
    choice = await desk.app.push_screen_wait(screen)
    if choice is None:
        return
    if isinstance(choice, NewsAnswer):
        await _filter(desk, news, workflow, job)
        return
    good = news.state.good
    meant = good if choice.change is Change.GONE and good is not None else job
    back = partial(_begin, desk, session, workflow, job, choice.kind)
    await desk.open_at(workflow, meant, LinePlace.of(choice.line), back=back)


async def _filter(
    desk: DeskScreen, news: JobNews, workflow: Workflow | None, job: Job
) -> None:
    """Show only what is new of the job's log, or all of it again."""
    shown = desk.log_side.current
    if shown is None or shown.job.id != job.id or desk.log_side.log_pane is None:
        await desk.open_at(workflow, job)
    pane, known, good = desk.log_side.log_pane, news.state.known, news.state.good
    if pane is None or known is None or good is None:
        return
    new_ones = Filter(f"only what is new since {desk.short_id(good)}", unlike=known)
    is_on = pane.view.opened.filters.toggle_kinds(new_ones)
    pane.view.refilter()
    desk.log_side.focus_pane()
    what = f"Only lines of kinds that {desk.short_id(good)} does not have"
    desk.say(f"{what}; esc shows all." if is_on else "All lines.")
