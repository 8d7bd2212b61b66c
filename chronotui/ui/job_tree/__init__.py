"""The tree of workflows and jobs, and the filters above it."""

from typing import Final

from chronotui.ui.job_tree.choice import Choice
from chronotui.ui.job_tree.filter_bar import FilterBar, FilterText
from chronotui.ui.job_tree.menu import ChoiceMenu
from chronotui.ui.job_tree.pane import JobTreePane
from chronotui.ui.job_tree.tree import JobTree

BOUND: Final = (JobTree, FilterBar, FilterText, Choice, ChoiceMenu)
"""Every class whose keys can be remapped by name."""

__all__ = ["BOUND", "FilterBar", "JobTree", "JobTreePane"]
