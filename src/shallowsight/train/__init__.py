"""One training stage: DeepSpeed, exact resume, and the start of its processes.

May use errors, study, store, observe, data and model.
"""
