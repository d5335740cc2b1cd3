"""Layers that the language model attends to in front of its own attention, through gates.

Shapes: P pictures, N patches, D vision width, M image tokens, B rows, T tokens, V tokens that see a picture, S the most
of them that see the same one, H language width, A heads of width W.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle
from transformers import PretrainedConfig
from transformers.activations import ACT2FN

from shallowsight.model.injection.decoder import Change, Decoder
from shallowsight.model.injection.part import Part, Read
from shallowsight.model.injection.places import Places


@dataclass(frozen=True)
class Shape:
    """The sizes of a language model's attention and MLP, which the cross-attention takes over."""

    width: int
    heads: int
    key_heads: int  # fewer than heads where several heads share keys and values
    head_width: int
    inner: int
    activation: str
    std: float  # of first weights

    @classmethod
    def of(cls, config: PretrainedConfig) -> "Shape":
        heads = config.num_attention_heads
        return cls(
            width=config.hidden_size,
            heads=heads,
            key_heads=getattr(config, "num_key_value_heads", None) or heads,
            head_width=getattr(config, "head_dim", None) or config.hidden_size // heads,
            inner=config.intermediate_size,
            activation=getattr(config, "hidden_activation", None) or config.hidden_act,
            std=config.initializer_range,
        )


class Attended(Part):
    """I_M of the multi-layer fusion study (arXiv 2503.06063), by its formulas.

    For a layer of the language model with the input x, x' = norm(x), attention and MLP:

        u1 = x' + tanh(a) CrossAttention(x', f(v))
        u2 = u1 + tanh(b) GatedMLP(u1)
        y = x + Attention(u2), then y + MLP(norm(y)) as ever

    f is a connector of its own. The cross-attention has the heads of the language model's attention, four matrices
    without bias, and no rotary positions. The gates a and b are 0 at first, so the language model begins as it was.
    Parameters beside the connector: 4h^2 + 3hI + 2 for width h, MLP width I, and as many key heads as heads.

    A token sees the picture of its own sequence alone, from the picture's first token on; a token that sees none goes
    through the layer as ever, without the added MLP too. In generation every new token sees the picture.

    The published code differs: its last residual starts from norm(y), so that the language model is changed from the
    start; every token gets the added MLP; the mask is that of the row's first tokens, wherever the picture is; and a
    slip in a name makes it skip the fused layers, so that it does not compute I_M at all.
    """

    def __init__(self, layer: int, state: int, connector: nn.Module, shape: Shape) -> None:
        super().__init__(layer, state, connector)
        self._shape = shape
        width, of_keys = shape.heads * shape.head_width, shape.key_heads * shape.head_width
        self.query = nn.Linear(shape.width, width, bias=False)
        self.key = nn.Linear(shape.width, of_keys, bias=False)
        self.value = nn.Linear(shape.width, of_keys, bias=False)
        self.output = nn.Linear(width, shape.width, bias=False)
        self.gate = nn.Linear(shape.width, shape.inner, bias=False)
        self.up = nn.Linear(shape.width, shape.inner, bias=False)
        self.down = nn.Linear(shape.inner, shape.width, bias=False)
        self.activation = ACT2FN[shape.activation]
        # One number each, as a vector: ZeRO 3 divides vectors.
        self.attention_gate = nn.Parameter(torch.zeros(1))
        self.mlp_gate = nn.Parameter(torch.zeros(1))
        for matrix in (self.query, self.key, self.value, self.output, self.gate, self.up, self.down):
            nn.init.normal_(matrix.weight, std=shape.std)

    @property
    def reading(self) -> nn.ModuleList:
        return nn.ModuleList([self.connector, self.key, self.value])

    def read(self, features_PND: Tensor) -> Read:
        """Keys and values, [P, key heads, M, W]."""
        image_PMH = self.connector(features_PND)
        return self._heads(self.key(image_PMH)), self._heads(self.value(image_PMH))

    def attach(self, decoder: Decoder, change: Change) -> RemovableHandle:
        return decoder.change_attention_input(self.state, change)

    def forward(self, states_BTH: Tensor, read: Read, places: Places) -> Tensor:
        states = states_BTH.flatten(0, 1)
        seeing_VH = states[places.seeing]
        seeing_VH = seeing_VH + torch.tanh(self.attention_gate) * self._attend(seeing_VH, read, places)
        inner = self.activation(self.gate(seeing_VH)) * self.up(seeing_VH)
        seeing_VH = seeing_VH + torch.tanh(self.mlp_gate) * self.down(inner)
        return states.index_copy(0, places.seeing, seeing_VH.to(states.dtype)).view_as(states_BTH)

    def _attend(self, seeing_VH: Tensor, read: Read, places: Places) -> Tensor:
        """[V, H]: every token's attention to the picture that it sees.

        Tokens are sorted by picture, so that no mask is needed, and a picture costs the same in any row.
        """
        keys, values = read
        queries = self.query(seeing_VH)
        sorted_queries = queries.new_zeros(len(keys) * places.longest, queries.shape[1])
        sorted_queries = sorted_queries.index_copy(0, places.slots, queries).view(len(keys), places.longest, -1)
        found = F.scaled_dot_product_attention(
            self._heads(sorted_queries), keys, values, enable_gqa=self._shape.key_heads < self._shape.heads
        )
        attended: Tensor = self.output(found.transpose(1, 2).flatten(2).flatten(0, 1)[places.slots])
        return attended

    def _heads(self, vectors: Tensor) -> Tensor:
        """[P, tokens, heads x W] to [P, heads, tokens, W]."""
        return vectors.view(*vectors.shape[:-1], -1, self._shape.head_width).transpose(1, 2)
