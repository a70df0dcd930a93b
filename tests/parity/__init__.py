"""Replays of the reference vectors."""
