"""Files of this machine: configuration, sessions, saved logs, spool."""
