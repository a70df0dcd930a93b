"""The parts of a run's page, each with its template beside it."""
