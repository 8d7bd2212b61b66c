"""Watching one job: live lines and retained pages made one exact log."""
