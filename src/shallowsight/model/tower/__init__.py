"""Vision transformers: the families that can be towers, the embedded tower, and a tower without its unused layers."""
