"""What every way into the language model is.

Shapes: P pictures, N patches, D vision width, M image tokens, B rows, T tokens, H language width.
"""

from abc import ABC, abstractmethod

from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from shallowsight.model.injection.decoder import Change, Decoder
from shallowsight.model.injection.places import Places

Read = tuple[Tensor, ...]  # what a part keeps of the pictures for one call of the language model


class Part(nn.Module, ABC):
    """One layer of the tower that enters one state of the language model, through a connector of its own."""

    def __init__(self, layer: int, state: int, connector: nn.Module) -> None:
        """State 0 is what enters the language model's first layer, state k the output of its layer k."""
        super().__init__()
        self.layer, self.state = layer, state
        self.connector = connector

    @property
    def reading(self) -> nn.ModuleList:
        """What `read` computes with, in its order."""
        return nn.ModuleList([self.connector])

    @abstractmethod
    def read(self, features_PND: Tensor) -> Read:
        """What the language model will need of the pictures."""

    @abstractmethod
    def attach(self, decoder: Decoder, change: Change) -> RemovableHandle:
        """Let the language model call `change`, which calls this part, where the layer enters."""

    @abstractmethod
    def forward(self, states_BTH: Tensor, read: Read, places: Places) -> Tensor:
        """[B, T, H]: the states after the layer has entered.

        Without a picture nothing changes, but everything is computed, with a zero gradient, because ZeRO 3 gathers
        parameters in all processes together.
        """
