"""The places of a language model's decoder where a layer of the tower can enter. Families differ in their names.

Shapes: B rows, T tokens, H language width.
"""

from collections.abc import Callable

from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle
from transformers.modeling_utils import PreTrainedModel

from shallowsight.errors import ConfigurationError

Change = Callable[[Tensor], Tensor]  # [B, T, H] -> [B, T, H]

_INPUT_NORMS = ("input_layernorm", "ln_1")  # what a layer calls the norm in front of its attention


class Decoder:
    """The layers of a language model. A change that is made at one of them lasts until its handle is removed."""

    def __init__(self, language: PreTrainedModel) -> None:
        """Raises ConfigurationError when the layers cannot be told."""
        self.model: nn.Module = language.base_model.get_decoder()
        depth = language.config.get_text_config().num_hidden_layers
        lists = [part for part in self.model.children() if isinstance(part, nn.ModuleList) and len(part) == depth]
        if len(lists) != 1:
            raise ConfigurationError(
                f"language.model: the layers of a {type(language).__name__} cannot be told, so no layer of the tower "
                "can enter them; use a fusion outside the language model, such as concat"
            )
        (self._layers,) = lists

    def change_state(self, state: int, change: Change) -> RemovableHandle:
        """Change what the layer that `state` enters gets, and what goes past it."""
        return self._layers[state].register_forward_pre_hook(lambda _, given: (change(given[0]), *given[1:]))

    def change_attention_input(self, state: int, change: Change) -> RemovableHandle:
        """Change what the attention of the layer that `state` enters gets; the layer's residual stays as it is."""
        return self._input_norm(state).register_forward_hook(lambda _, __, normed: change(normed))

    def _input_norm(self, state: int) -> nn.Module:
        layer = self._layers[state]
        found = [part for name, part in layer.named_children() if name in _INPUT_NORMS]
        if len(found) != 1:
            raise ConfigurationError(
                f"language.model: a {type(layer).__name__} has no norm of its own in front of its attention, which "
                "internal-modular needs; use internal-direct or a fusion outside the language model"
            )
        return found[0]
