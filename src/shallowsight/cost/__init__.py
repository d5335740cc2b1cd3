"""What a study costs, before it starts: operations and bytes are computed, seconds are forecast from them.

May use errors, study, store, data, model and analysis.
"""
