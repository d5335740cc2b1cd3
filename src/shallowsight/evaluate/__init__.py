"""Benchmarks through lmms-eval, and the statistics over their answers.

May use errors, study, store, data and model.
"""
