"""From files to batches of clips."""
