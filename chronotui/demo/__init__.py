"""A Chronoverse server good enough to be the main test peer."""
