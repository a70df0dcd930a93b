"""A run: whatever reads the configuration."""
