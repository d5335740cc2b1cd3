"""DeepSpeed's ZeRO 3 leaves its own `linear` in torch: it keeps other tensors, and rounds otherwise."""

import sys


def restore_linear() -> None:
    """For whatever is computed next in this process."""
    if torch := sys.modules.get("torch"):
        torch.nn.functional.linear = torch._C._nn.linear
