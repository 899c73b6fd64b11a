"""Parts of self-contained web pages: text, tables, plots, pictures. No script, no network."""
