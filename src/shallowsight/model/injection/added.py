"""Layers that are added to hidden states at the image's positions.

Shapes: P pictures, N patches, D vision width, M image tokens, B rows, T tokens, H language width.
"""

from torch import Tensor
from torch.utils.hooks import RemovableHandle

from shallowsight.model.injection.decoder import Change, Decoder
from shallowsight.model.injection.part import Part, Read
from shallowsight.model.injection.places import Places


class Added(Part):
    """h' = h + f(v) at the image tokens, with a connector f of its own; h is unchanged at all other tokens.

    Sources: DeepStack (arXiv 2406.04334), as Qwen3-VL does it after the language model's first layers; I_D of the
    multi-layer fusion study (arXiv 2503.06063), before layers at the vision layer's share of the depth. Granite 4
    Vision adds before layers that its configuration lists; it also sets the image's input embeddings to zero and has
    window queries in place of a connector, which is not done here.
    """

    def read(self, features_PND: Tensor) -> Read:
        return (self.connector(features_PND).flatten(0, 1),)

    def attach(self, decoder: Decoder, change: Change) -> RemovableHandle:
        return decoder.change_state(self.state, change)

    def forward(self, states_BTH: Tensor, read: Read, places: Places) -> Tensor:
        (image,) = read  # [P x M, H]
        shown = image[: len(places.image)].to(states_BTH.dtype)  # none of it where there are no image tokens
        return states_BTH.flatten(0, 1).index_add(0, places.image, shown).view_as(states_BTH)
