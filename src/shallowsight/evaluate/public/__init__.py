"""Public benchmarks through lmms-eval: its own numbers, ours beside them, and every question's score."""
