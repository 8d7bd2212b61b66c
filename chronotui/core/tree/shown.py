"""Which sections the tree shows, and the sentences where it shows nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from chronotui.core.text import clean
from chronotui.core.tree.listing import Listing
from chronotui.core.tree.notes import Note, NoteKind, lines_of, notes_of
from chronotui.core.tree.sections import Section

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chronotui.core.tree.branch import Branch
    from chronotui.core.tree.model import TreeModel

CLEAR: Final = "0 clears the filter."
SHOW_THEM: Final = ". shows them too."
NOTE_INDENT: Final = 4


def sections_of(tree: TreeModel, note_width: int) -> list[Section]:
    """Lay out the rows of a tree.

    A workflow found by its name stands with all its listed jobs; one found only by
    an id stands open, with the jobs whose ids match.
    """
    width = max(note_width - NOTE_INDENT, 0) if note_width else 0
    sections = list(_found_by_id(tree))
    for workflow_id in tree.workflows.ids:
        branch = tree.branch(workflow_id)
        if branch is None:
            continue
        if branch.expanded:
            empty = _no_job(tree, branch)
            notes = notes_of(branch.listing, what="jobs", empty=empty)
            lines = lines_of(notes, width)
            sections.append(Section(workflow_id, branch.listing, lines))
        else:
            sections.append(Section(workflow_id, None, ()))
    sections.append(Section("", None, lines_of(_last_notes(tree), width)))
    return sections


def _found_by_id(tree: TreeModel) -> Iterator[Section]:
    prefix = tree.filters.query
    if not prefix:
        return
    for branch in tree.branches():
        workflow_id = branch.workflow.id
        if workflow_id in tree.workflows:
            continue
        accepts = tree.filters.jobs.accepts
        jobs = [j for j in branch.matching(prefix) if accepts(branch.jobs[j])]
        if jobs or workflow_id.startswith(prefix):
            yield Section(workflow_id, Listing(jobs), ())


def _last_notes(tree: TreeModel) -> list[Note]:
    listing = tree.workflows
    notes = notes_of(listing, what="workflows", empty=_no_workflow(tree))
    if tree.filters.query and listing.answered:
        loaded = sum(len(branch.jobs) for branch in tree.branches())
        said = f"ids matched among the {loaded:,} loaded jobs"
        notes.append(Note(NoteKind.SAID, said))
    return notes


def _no_workflow(tree: TreeModel) -> str:
    hides = tree.workflows.hides_terminated
    if tree.filters.query:
        said = clean(tree.filters.query)
        if hides:
            return f"Only terminated workflows are named like “{said}”; {SHOW_THEM}"
        return f"No workflow is named like “{said}”. {CLEAR}"
    if hides:
        return f"No workflows but terminated ones; {SHOW_THEM}"
    if tree.filters.terminated:
        return "No workflows yet, no terminated ones either."
    return "No workflows yet."


def _no_job(tree: TreeModel, branch: Branch) -> str:
    said = tree.filters.jobs.describe()
    if not said:
        return "No jobs yet."
    return f"No job is {said} in {clean(branch.workflow.name)}. {CLEAR}"
