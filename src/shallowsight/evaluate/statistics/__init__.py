"""Which differences between settings may be claimed. docs/statistics.md explains the way and how it was chosen."""
