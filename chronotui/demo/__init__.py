"""A Chronoverse server good enough to test against, and to try the desk with."""
