"""What everything may use: checks, errors, files, threads, devices."""
