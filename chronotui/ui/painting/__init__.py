"""Painting that sends a slow line only what changed.

A driver between Textual and the terminal keeps what the terminal shows, cell by
cell, and writes the difference. It leans on one thing only: the form of what
Textual writes when it paints. What it does not recognise it passes on untouched
and forgets what it knew, so the next painting is stock painting.
"""
