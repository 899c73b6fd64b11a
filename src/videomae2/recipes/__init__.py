"""Complete runs, as functions."""
