"""Servers good enough to test against, and to try the desk with: one of each kind."""
