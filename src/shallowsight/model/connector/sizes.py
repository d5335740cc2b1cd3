"""What a connector is made for."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Sizes:
    """[B, N, D] to [B, M, H]."""

    patches: int  # N
    tokens: int  # M
    vision_width: int  # D
    language_width: int  # H
