"""Vision transformers: the families that can be towers, the embedded one, and the tower cut at its deepest layer."""
