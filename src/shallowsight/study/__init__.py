"""What a study is: layers, settings, experiments, named studies, and what a user may write. Values alone.

May use errors. No torch, and of the disk only files that a user names.
"""
