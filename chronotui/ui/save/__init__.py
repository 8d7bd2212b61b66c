"""The save dialog, the list of saves and what follows a save."""
