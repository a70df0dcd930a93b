"""The encoder in forms that other programs read."""
