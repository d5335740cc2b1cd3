"""Where results live: cells and their digests, in a folder or a bucket; leases, ledgers, and copies on this machine.

May use errors and study.
"""
