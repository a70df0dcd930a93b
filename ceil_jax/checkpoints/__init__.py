"""Checkpoints on disk, which prove themselves whenever they are read."""
