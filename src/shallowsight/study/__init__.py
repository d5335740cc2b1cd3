"""The values of a study: layers, settings, experiments, named studies, and how a user writes them.

May use errors. Imports no torch, and reads only files that a user names.
"""
