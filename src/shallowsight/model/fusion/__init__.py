"""From the features of L layers to one sequence of image tokens: one class a file, listed in kinds.py."""
