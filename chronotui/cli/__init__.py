"""From the command line to the engine: arguments, output, exit codes."""
