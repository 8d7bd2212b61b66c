"""A job's log, pure: lines kept exactly, in order, and what is shown of them."""
