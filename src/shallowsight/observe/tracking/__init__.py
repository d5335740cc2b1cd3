"""Evaluations in a project of Weights & Biases, through weave. Off unless the environment names a project."""
