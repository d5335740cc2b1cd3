"""The data gate: each record and picture is accepted, converted or quarantined. The one door to great_expectations."""
