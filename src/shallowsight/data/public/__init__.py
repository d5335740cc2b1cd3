"""Mirrors of public benchmarks: fetched once where a network is, and read offline after that."""
