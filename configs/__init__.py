"""Experiments: a file each, values only."""
