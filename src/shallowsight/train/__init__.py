"""One training stage: DeepSpeed, exact resume, and how its processes are started.

May use errors, study, store, observe, data and model.
"""
