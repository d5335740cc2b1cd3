"""A small LLaVA: tower, fusion, connector and language model, and its checkpoints.

May use errors, study, store and data.
"""
