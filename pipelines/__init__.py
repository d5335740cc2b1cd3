"""The pipelines as tables of contents, and their compilation."""
