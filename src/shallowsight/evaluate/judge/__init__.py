"""Decide what an answer says: by rules first, and by asking another model about the rest; docs/judge.md has both.

A question that neither decides is undecided: never right, never wrong, and counted in the bounds of a score.
"""
