"""Records and pictures: where they come from, the data gate, conversations, batches in a fixed order, cached features.

May use errors, study and store.
"""
