"""Whether a job that is silent has stalled, judged by its own past alone.

No number of seconds is too long for every job: one prints each second, another each
hour. A job has stalled when it has been silent far longer than it ever was, in this
run and in good runs before it. Where too few pauses are known, what its good runs took
stands in for them.
"""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING, Final, NamedTuple

from chronotui.text import plural
from chronotui.times import age, human_duration

if TYPE_CHECKING:
    from collections.abc import Sequence

ENOUGH_PAUSES: Final = 8
"""So many pauses of a run tell how it prints ..."""

ENOUGH_SECONDS: Final = 10.0
"""... if they lasted so long together: one burst of lines tells nothing of pauses."""

FAR: Final = 3.0
"""Silent so many times longer than ever before is far longer ..."""

FAR_IN_MID_RUN: Final = 10.0
"""... and so many times where no run before tells what comes later in this one."""

LEAST_SECONDS: Final = 30.0
"""Below this nothing is far: networks and servers hold lines back as long."""

SHARE_OF_RUN: Final = 10.0
"""In mid-run a silence of less than this part of a usual run is none."""


class PastRuns(NamedTuple):
    """What is known of good runs of the same workflow.

    Attributes:
        took: What they took, in seconds.
        silent: The longest pause of each whose log was looked at.
    """

    took: Sequence[float] = ()
    silent: Sequence[float] = ()

    @property
    def usual(self) -> float | None:
        """What a run takes as a rule, None without any."""
        return median(self.took) if self.took else None


NO_RUNS: Final = PastRuns()


class Stall(NamedTuple):
    """A job that is silent far longer than it ever was.

    Attributes:
        silence: Seconds since its newest line, or since its start.
        usual: The median pause between its lines; None where it was judged by what
            its runs take.
        times_usual: How many times as long as usual it runs, where it was judged so.
    """

    silence: float
    usual: float | None
    times_usual: float | None = None

    def words(self) -> str:
        """Return ``nothing for 3:50, usually every 2 s``."""
        said = f"nothing for {human_duration(self.silence)}"
        if self.usual is not None:
            return f"{said}, usually {pause_words(self.usual)}"
        if self.times_usual is not None:
            return f"{said}, and it takes {self.times_usual:.1f}× as long as usual"
        return said


def pause_words(seconds: float) -> str:
    """Return how often lines come, from the pause between two of them."""
    return "several a second" if seconds < 0.75 else f"every {age(round(seconds))}"


def judge(
    pauses: Sequence[float],
    silence: float,
    past: PastRuns = NO_RUNS,
    *,
    took: float | None = None,
) -> Stall | None:
    """Return how a running job has stalled; None where it has not, or nobody can say.

    Args:
        pauses: Seconds between lines of this run, in any order.
        silence: Seconds since its newest line; without a line, since its start.
        past: What good runs before it tell.
        took: How long it has been running, None where that is not known.
    """
    if not _is_enough(pauses, past):
        return _by_duration(silence, past, took)
    usual = median(pauses) if pauses else None
    if silence >= _far(pauses, past, took):
        return Stall(silence, usual)
    return None


def why_unjudged(
    pauses: Sequence[float], past: PastRuns = NO_RUNS, *, took: float | None = None
) -> str:
    """Return why nobody can say yet whether a job stalls; "" where one can."""
    if _is_enough(pauses, past):
        return ""
    if past.usual is not None and took is not None:
        return "judged by what its good runs take: too few pauses are known"
    return f"cannot be judged yet: {plural(len(pauses), 'pause')} and no good run known"


def _is_enough(pauses: Sequence[float], past: PastRuns) -> bool:
    if past.silent:
        return True
    return len(pauses) >= ENOUGH_PAUSES and sum(pauses) >= ENOUGH_SECONDS


def _far(pauses: Sequence[float], past: PastRuns, took: float | None) -> float:
    """Return from which silence on it is far longer than ever before."""
    longest = max((*pauses, *past.silent))
    if past.silent:
        return max(LEAST_SECONDS, FAR * longest)
    usual = past.usual
    if usual is not None and took is not None and took > usual:
        return max(LEAST_SECONDS, FAR * longest)
    part = 0.0 if usual is None else usual / SHARE_OF_RUN
    return max(2 * LEAST_SECONDS, FAR_IN_MID_RUN * longest, part)


def _by_duration(silence: float, past: PastRuns, took: float | None) -> Stall | None:
    usual = past.usual
    if usual is None or took is None:
        return None
    if took < FAR * usual + LEAST_SECONDS:
        return None
    if silence < max(2 * LEAST_SECONDS, usual / SHARE_OF_RUN):
        return None
    return Stall(silence, None, took / max(usual, 1.0))
