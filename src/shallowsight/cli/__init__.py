"""The command line: parsing, display, and running a study on this machine as a process group.

May use every other package.
"""
