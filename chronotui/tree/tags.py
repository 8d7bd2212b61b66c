"""Short names for jobs that are shown together, to stand before each of their lines."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Final, NamedTuple

from chronotui.text import clean
from chronotui.tree.short_ids import ShortIds

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

TAG_CELLS: Final = 5
"""Characters of a workflow's name."""

ID_CELLS: Final = 4
"""Characters of an id behind it, at least."""


class NamedJob(NamedTuple):
    """What a job can be called by: its workflow's name, and its id."""

    name: str
    id: str


def first_word(name: str) -> str:
    """Return the beginning of the first word of a name."""
    words = re.split(r"[\W_]+", clean(name).strip())
    return next(filter(None, words), "job")[:TAG_CELLS]


def tags_of(jobs: Sequence[NamedJob]) -> list[str]:
    """Return a tag for each job; no two are alike.

    It is the first word of the workflow's name, the id where all are of one workflow,
    and both where several of them are.
    """
    if len({job.name for job in jobs}) == 1 and len(jobs) > 1:
        ids = ShortIds()
        ids.add(clean(job.id) for job in jobs)
        return [ids.of(clean(job.id)) for job in jobs]
    words = Counter(first_word(job.name) for job in jobs)
    tags: list[str] = []
    for job in jobs:
        taken = {*tags, *(word for word, count in words.items() if count > 1)}
        tags.append(tag_of(job, taken))
    return tags


def tag_of(job: NamedJob, taken: Collection[str]) -> str:
    """Return a tag for one more job, which none has that is taken."""
    word, short = first_word(job.name), clean(job.id)
    if word not in taken:
        return word
    for cells in range(min(ID_CELLS, len(short)), len(short) + 1):
        if (longer := f"{word}·{short[:cells]}") not in taken:
            return longer
    return f"{word}·{len(taken)}"
