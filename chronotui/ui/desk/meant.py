"""What keys and links are about: the highlighted row, the opened job, a name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from chronotui.errors import ChronotuiError
from chronotui.text import clean
from chronotui.ui.desk.status import FOR_GOOD, Say
from chronotui.ui.term import clipboard

if TYPE_CHECKING:
    from textual.app import App

    from chronotui.engine.catalog import Catalog
    from chronotui.engine.session import Session
    from chronotui.model import Job, Workflow
    from chronotui.tree.model import NodeKey, TreeModel
    from chronotui.ui.desk.log_side import LogSide

NO_JOB_MEANT: Final = "Choose a job in the tree first: o unfolds a workflow."


class MeantJob(NamedTuple):
    """A job and its workflow; a row of a workflow means no job."""

    workflow: Workflow | None = None
    job: Job | None = None


def meant_job(tree: TreeModel | None, log_side: LogSide, *, in_log: bool) -> MeantJob:
    """Return what is highlighted, or in a pane that shows a log what is opened.

    The tree is asked, not what was told of it: keys typed ahead are meant for the row
    that is selected by then.
    """
    if in_log and log_side.log_pane is not None and log_side.current is not None:
        return MeantJob(log_side.current.opened.workflow, log_side.current.job)
    if in_log:
        return MeantJob(*log_side.details.selection)
    key = None if tree is None else tree.selected
    branch = None if tree is None or key is None else tree.branch(key.workflow_id)
    if tree is None or key is None or branch is None:
        return MeantJob()
    return MeantJob(branch.workflow, tree.job(key))


def newest_failed(session: Session, workflow: Workflow) -> Job | None:
    """Return the job of a workflow that failed last, of those that are loaded."""
    branch, fleet = session.catalog.tree.branch(workflow.id), session.fleet
    jobs = [*(fleet.jobs(workflow.id) if fleet is not None else ())]
    if branch is not None:
        jobs += [branch.jobs[job_id] for job_id in branch.listing.ids]
    return next((job for job in jobs if job.status == "FAILED"), None)


def copied_id(app: App[Any], what: str, item_id: str) -> str:
    """Send an id towards the clipboard; say where it went.

    Args:
        app: The app.
        what: What it is the id of, in a word.
        item_id: The id, whole.
    """
    try:
        sent = clipboard.copy(app, clipboard.printable([item_id]))
    except clipboard.TooLargeToCopyError as error:
        return f"The id of this {what} is too large to copy: {error.size:,} bytes."
    return f"The id of the {what}, {clean(item_id)}, was sent to {sent.to}."


async def find_linked(
    catalog: Catalog, workflow: str, job: str | None, say: Say
) -> NodeKey | None:
    """Find what a deep link names, as soon as the server answers; None is said."""
    subject = catalog.tree.subject
    named = f"{subject.item} {job}" if job else f"{subject.group} {workflow}"
    waited = False

    def wait(problem: ChronotuiError) -> None:
        nonlocal waited
        waited = True
        is_told = catalog.problem is not None or not catalog.answered
        why = "." if is_told else f": {problem.sentence}"
        say(f"Opens {named} when the server answers{why}", seconds=FOR_GOOD)

    try:
        key = await catalog.find_link(workflow, job, wait)
    except ChronotuiError as error:
        say(str(error), seconds=30)
        return None
    if waited:
        say("")
    return key
