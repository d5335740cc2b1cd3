"""The cost of a study before it starts: operations and bytes are computed, and seconds are forecast from them.

May use errors, study, store, data, model and analysis.
"""
