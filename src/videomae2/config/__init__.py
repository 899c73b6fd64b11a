"""The complete configuration of a run: its parts put together, saved, loaded, checked, compared."""
