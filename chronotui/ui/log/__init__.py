"""The log view: one widget for live, retained and any other lines."""
