"""The data gate accepts, converts or quarantines each record and picture. Only it imports great_expectations."""
