"""Measurements: each writes what it found, with the command that repeats it."""
