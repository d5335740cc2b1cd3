"""Observation of a run: metrics for Prometheus, evaluations for Weights & Biases, progress for a terminal.

May use errors.
"""
