"""The tree of workflows and jobs, and the filters above it."""

from chronotui.ui.job_tree.filter_bar import FilterBar
from chronotui.ui.job_tree.pane import JobTreePane
from chronotui.ui.job_tree.tree import JobTree

__all__ = ["FilterBar", "JobTree", "JobTreePane"]
