"""What `--mode` can be, a file each."""
