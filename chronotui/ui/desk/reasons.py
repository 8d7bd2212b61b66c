"""Why there is nothing to show, in a title and a sentence with the next step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from chronotui.errors import NotSignedInError, ServerError, WebPageError
from chronotui.ui.desk.pane_tabs import LIVE
from chronotui.ui.desk.standing import TROUBLED

if TYPE_CHECKING:
    from chronotui.engine.catalog import Catalog
    from chronotui.engine.watch.state import Connection, LogState
    from chronotui.errors import ChronotuiError
    from chronotui.model import Job, Workflow


class Reason(NamedTuple):
    """An empty pane's words; server words in them are not cleaned yet."""

    title: str
    sentence: str


NOTHING_OPEN: Final = Reason(
    "No job is open.",
    "Choose a job in the tree and press enter; Tab goes to the tree.",
)
HEARTBEAT: Final = "{name} is a HEARTBEAT workflow: it never has logs."
RETENTION_OFF: Final = (
    "Log retention is off for {name}: Chronoverse keeps nothing to read."
)
DETAILS_HINT: Final = "D shows the job's details."


def of_lists(
    catalog: Catalog | None, url: str, refusal: ChronotuiError | None = None
) -> str:
    """Return what stands between the desk and its lists, and the next step.

    Args:
        catalog: The lists; None before there is a connection.
        url: The server.
        refusal: Why there will be no connection.

    Returns:
        "" where nothing does.
    """
    problem = catalog.problem if catalog is not None else refusal
    if problem is not None:
        return with_next_key(problem)
    if catalog is None or not catalog.answered:
        return f"Connecting to {url} …"
    return ""


def with_next_key(problem: ChronotuiError) -> str:
    """Return an error for the desk, with the key that helps."""
    if isinstance(problem, NotSignedInError) and not isinstance(problem, WebPageError):
        return f"{problem.sentence} r signs in again, P opens the profiles."
    if problem.answer is not None or isinstance(problem, ServerError):
        return f"{problem} It is asked again by itself; r asks now."
    return f"{problem} P opens the profiles."


def why_empty(
    pane: str, workflow: Workflow | None, job: Job | None, state: LogState | None
) -> Reason:
    """Return why a pane of the opened job shows no line.

    Args:
        pane: ``live`` or ``history``.
        workflow: The job's workflow, as far as it is known.
        job: The opened job; None when none is open.
        state: What its log says about itself; None before it was asked for.
    """
    if job is None or state is None:
        return NOTHING_OPEN
    if state.problem is not None:
        return of_problem(state.problem, workflow)
    if workflow is not None and workflow.kind == "HEARTBEAT":
        sentence = f"{HEARTBEAT.format(name=workflow.name)} {DETAILS_HINT}"
        return Reason("No log to show.", sentence)
    return _of_connection(state.connection) or _by_status(pane, state)


def _of_connection(connection: Connection) -> Reason | None:
    """Return what stands between the pane and its first line; None if nothing does."""
    kind = str(connection.kind)
    if not connection.reason or not (kind in TROUBLED or connection.is_troubled):
        return None
    words = connection.reason.rstrip(".")
    return Reason("Nothing could be read yet.", f"{words}. r asks again now.")


def of_problem(problem: ChronotuiError, workflow: Workflow | None) -> Reason:
    """Return an error as a pane's words."""
    sentence = str(problem)
    if problem.exit_code == 4 and workflow is not None:
        if workflow.kind == "HEARTBEAT":
            sentence = f"{HEARTBEAT.format(name=workflow.name)} {DETAILS_HINT}"
        elif not workflow.log_retention:
            sentence = f"{RETENTION_OFF.format(name=workflow.name)} {DETAILS_HINT}"
    return Reason(f"{problem.title}.", sentence)


def _by_status(pane: str, state: LogState) -> Reason:
    status = state.job.status
    if status.is_waiting:
        return Reason(
            "Waiting for the job to start.",
            f"It is {status}. Its lines appear here when it runs.",
        )
    if status.is_terminal:
        return _ended(state)
    if pane == LIVE:
        return Reason(
            "No output yet.", "The job is running; its lines appear here as it writes."
        )
    return Reason(
        "Nothing is retained yet.",
        "Retained lines trail the job by some seconds. L shows it live.",
    )


def _ended(state: LogState) -> Reason:
    if state.filling is not None or (state.verdict is None and not state.at_end):
        return Reason("Reading the log …", "The newest lines come first.")
    return Reason("No output.", f"The job wrote nothing. {DETAILS_HINT}")
