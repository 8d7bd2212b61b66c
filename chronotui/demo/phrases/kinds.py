"""Which passages make which kind of job, and how such a job begins and ends."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

from chronotui.demo.dice import number_of, roll
from chronotui.demo.phrases import strange, work
from chronotui.demo.phrases.book import Passage, Phrase, Phrasebook
from chronotui.model import STDERR, STDOUT

if TYPE_CHECKING:
    from collections.abc import Mapping

_KINDS: Final[Mapping[str, tuple[tuple[int, Passage], ...]]] = {
    "etl": (
        (8, work.batch),
        (8, work.json_event),
        (2, work.progress),
        (2, work.warning),
        (1, work.json_error),
    ),
    "report": (
        (8, work.batch),
        (5, work.report_page),
        (3, work.warning),
        (2, work.json_event),
        (1, work.traceback),
    ),
    "build": (
        (10, strange.build_step),
        (3, strange.compiler),
        (2, strange.pull),
    ),
    "consumer": (
        (30, strange.message),
        (20, strange.offset),
        (3, strange.java_trace),
        (2, strange.hostile),
        (1, strange.wide_line),
    ),
    "backup": ((20, work.archive), (2, work.checksum), (2, work.progress)),
    "sweep": ((1, work.sweep),),
    "ledger": ((40, work.ledger), (1, work.ledger_fault), (1, work.json_event)),
    "access": ((1, work.access),),
    "hostile": (
        (120, strange.hostile),
        (20, strange.build_step),
        (8, strange.wide_line),
        (1, strange.giant_line),
    ),
}

OPENING: Final[tuple[Phrase, ...]] = (
    (STDOUT, "Starting job execution..."),
    (STDOUT, "Connecting to database"),
)

ENDINGS: Final[Mapping[str, tuple[Phrase, ...]]] = {
    "COMPLETED": ((STDOUT, "Job completed successfully"),),
    "FAILED": (
        (STDERR, "Traceback (most recent call last):"),
        (STDERR, '  File "/app/main.py", line 88, in <module>'),
        (STDERR, "    run()"),
        (STDERR, "RuntimeError: gave up after 5 tries, see above"),
        (STDOUT, "exit status 1"),
    ),
    "CANCELED": ((STDERR, "received SIGTERM, stopping"),),
}


@lru_cache(maxsize=64)
def phrasebook(kind: str, seed: int) -> Phrasebook:
    """Return the phrases of a kind of job for a seed.

    Raises:
        KeyError: For a kind that is not known.
    """
    return Phrasebook(roll(seed, number_of(kind)), _KINDS[kind])
