"""From image tokens to the width of the language model: one class a file, listed in kinds.py."""
