"""Probes: how well the questions of a study can be answered from one layer alone, without a language model."""
