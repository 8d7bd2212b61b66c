"""Counts every line of every kind of trouble: ``python -m tests.exactness --seeds N``.

Each case is a demo server with its faults, a job, and readers over real sockets: the
desk's log, ``logs --follow`` and a recording of a job that runs, or every kind of
save and reading of one that has ended. Each must end with the truth: nothing lost,
nothing doubled, nothing out of order, nothing called missing that is there, nothing
called whole that is not.
"""

from tests.exactness.cases import CASES, Case
from tests.exactness.readers import Reading, client_of, identity
from tests.exactness.runs import Run, report, run

__all__ = [
    "CASES",
    "Case",
    "Reading",
    "Run",
    "client_of",
    "identity",
    "report",
    "run",
]
