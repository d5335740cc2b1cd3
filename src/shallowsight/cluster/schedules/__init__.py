"""Schedules from a file: the recurring runs that a server should have, those that it has, and the changes."""
