"""Parts of `python -m benchmarks.halving`."""
