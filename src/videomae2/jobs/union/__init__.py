"""The steps of uniting labelled sets: words, lists, files."""
