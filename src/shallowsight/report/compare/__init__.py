"""Two studies compared: what changed between them, and whether it is more than chance."""
