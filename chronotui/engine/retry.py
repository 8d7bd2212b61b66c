"""What follows from an answer that is no success: one rule for all that is long-lived.

A watch, a recording, a followed log, a list and a sign-in check outlive any single
answer: a load balancer answers 404, 405 or a web page for a moment, a failed column
store is a 404 on log pages (wire note "Errors"). So everything is asked again, with
growing waits; only the job's own refusal is believed, at once where nothing was ever
answered and somebody waits for an exit code, else when it has lasted.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Final

from chronotui.errors import (
    NotSignedInError,
    PageTooLargeError,
    ServerError,
    WebPageError,
)

if TYPE_CHECKING:
    from chronotui.errors import ChronotuiError

JOB: Final = "job"
PAGE: Final = "log_page"
STREAM: Final = "live"
"""Routes of a watch, as requests are named."""

_JOB_REFUSALS: Final = frozenset({403, 404, 412})
_LOG_REFUSAL: Final = 412


class Phase(Enum):
    """What is being done when an answer comes."""

    OPENING = "opening"
    """Nothing of the job was ever answered."""
    WATCHING = "watching"
    BACKFILLING = "backfilling"
    ENDING = "ending"
    LISTING = "listing"


class Step(Enum):
    """What to do next."""

    AGAIN = "ask again, each time after a longer wait"
    SLOWLY = (
        "say it at once; ask again after the longest wait, and believe it if it lasts"
    )
    IF_IT_LASTS = "ask again, each time after a longer wait; believe it if it lasts"
    LEAVE_OUT = "go on without this page; ask for it in a minute at the soonest"
    SIGN_IN = "wait until somebody has signed in"
    BELIEVE = "end, in the words of the error"


def next_step(error: ChronotuiError, phase: Phase, *, waits: bool) -> Step:
    """Decide what follows from an error.

    Args:
        error: What went wrong, with its answer and its route.
        phase: When.
        waits: Whether somebody watches who would rather wait than be told at once,
            as on the desk; a shell that follows takes a first refusal for an answer.
    """
    if not is_from_server(error):
        return Step.BELIEVE
    if isinstance(error, PageTooLargeError):
        return Step.LEAVE_OUT if error.route == PAGE else Step.AGAIN
    if isinstance(error, NotSignedInError) and not isinstance(error, WebPageError):
        return Step.SIGN_IN
    if phase is Phase.LISTING or not refuses_job(error):
        return Step.AGAIN
    if phase is Phase.OPENING:
        return Step.SLOWLY if waits else Step.BELIEVE
    return Step.IF_IT_LASTS


def is_from_server(error: ChronotuiError) -> bool:
    """Tell whether an error is about an answer, or about none having come.

    Others are our own: a full spool, a request that cannot be sent as it is.
    """
    return error.answer is not None or isinstance(error, ServerError | NotSignedInError)


def refuses_job(error: ChronotuiError) -> bool:
    """Tell whether the server itself refuses the job, or its log by policy.

    Anything else on a log page is an outage as long as the job is answered.
    """
    answer = error.answer
    if answer is None or not answer.is_plain:
        return False
    if error.route == JOB:
        return answer.status in _JOB_REFUSALS
    return error.route == PAGE and answer.status == _LOG_REFUSAL


class Refusal:
    """How long a refusal has lasted without any other answer.

    Args:
        lasts: Seconds after which it is believed.
    """

    def __init__(self, lasts: float) -> None:
        self._lasts = lasts
        self._since: float | None = None

    def heard(self, now: float) -> bool:
        """Note the refusal; True once it has lasted.

        Args:
            now: Monotonic seconds.
        """
        if self._since is None:
            self._since = now
        return now - self._since >= self._lasts

    def broken(self) -> None:
        """Note any other answer, or none: the refusal has not lasted."""
        self._since = None
