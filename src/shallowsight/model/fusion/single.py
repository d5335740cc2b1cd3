"""The fusion of one layer: none."""

from torch import Tensor

from shallowsight.model.fusion.fusion import Fusion


class Single(Fusion):
    """One layer [B, N, D], unchanged (the paper's layer-wise comparison)."""

    def __init__(self, layers: int, width: int) -> None:
        super().__init__(layers, width)
        if layers != 1:
            raise ValueError(f"fusion 'single' takes one layer, got {layers}")
        self.out_dim = width

    def forward(self, features: list[Tensor]) -> Tensor:
        return features[0]
