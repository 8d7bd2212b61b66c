"""What reaches the terminal: only what changed, and what it can take."""
