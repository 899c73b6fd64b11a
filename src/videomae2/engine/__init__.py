"""How training runs, for any task."""
