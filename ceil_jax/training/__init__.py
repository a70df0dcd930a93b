"""The pure parts of an epoch of training."""
