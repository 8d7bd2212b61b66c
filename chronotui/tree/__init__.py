"""The tree of workflows and jobs, pure: what is loaded, filtered, shown, selected."""
