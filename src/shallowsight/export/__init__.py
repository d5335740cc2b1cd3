"""A trained model as a stock transformers folder: what can be expressed, and how each part is written.

Shapes: L layers of a list, D vision width, H language width, V rows of the embeddings.
"""
