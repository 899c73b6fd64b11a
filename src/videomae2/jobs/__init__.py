"""One file per command: assemble the parts, run, write results."""
