"""The program disturbed on purpose, and how each disturbance ends."""
