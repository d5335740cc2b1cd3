"""Where results are kept: cells and their digests, in a folder or a bucket; leases, ledgers and local copies.

May use errors and study.
"""
