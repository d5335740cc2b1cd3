"""Schedules as a file: what should run regularly, what does, and the difference."""
