"""A terminal turned into one call of a job."""
