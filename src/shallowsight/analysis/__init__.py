"""The similarity of a tower's layers, and the groups that they form.

May use errors, study, store, data and model.
"""
