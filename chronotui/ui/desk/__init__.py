"""The main screen: tree, panes, status line, and what holds them together."""
