"""Measures of a tower's layers: each reads batches of hidden states in one pass, in memory that does not grow.

`kinds` lists them.
"""
