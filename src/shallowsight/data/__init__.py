"""Records and pictures: their sources, the data gate, conversations, batches in a fixed order, and cached features.

May use errors, study and store.
"""
