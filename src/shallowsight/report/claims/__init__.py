"""What the layer study (arXiv 2504.21447) claims: checked against its own numbers, and judged for a study of ours."""
