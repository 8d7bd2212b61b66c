"""The tree of workflows and jobs, pure: what is loaded, filtered, shown, selected."""

from chronotui.core.tree.branch import Branch
from chronotui.core.tree.filters import JobFilter, TreeFilters
from chronotui.core.tree.keys import NodeKey, NodeKind
from chronotui.core.tree.model import TreeModel
from chronotui.core.tree.summary import loaded_words

__all__ = [
    "Branch",
    "JobFilter",
    "NodeKey",
    "NodeKind",
    "TreeFilters",
    "TreeModel",
    "loaded_words",
]
