"""How alike a tower's layers are, and which groups they form.

May use errors, study, store, data and model.
"""
