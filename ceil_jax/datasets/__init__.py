"""Data sets as TFDS builders: one folder each, one example schema, one registry."""
