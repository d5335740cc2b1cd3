"""A LLaVA: fusion, connector and language model over the features of a frozen tower.

Shapes: L layers, B sequences, T tokens, N image tokens of an image, D vision width, H language width.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import PreTrainedTokenizerBase

from shallowsight.config import Experiment
from shallowsight.data.conversation import IGNORE, IMAGE
from shallowsight.model.connector import CONNECTORS
from shallowsight.model.fusion import FUSIONS
from shallowsight.model.language import build_language


class VLM(nn.Module):
    """The trained parts; the tower stays outside, because its features may come from a cache."""

    def __init__(
        self,
        experiment: Experiment,
        vision_width: int,
        tokenizer: PreTrainedTokenizerBase,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        """`dtype` is what the weights of a language model that exists are loaded as."""
        super().__init__()
        self.language = build_language(experiment.language, tokenizer, dtype)
        self._layers, self._vision_width = len(experiment.vision.layers), vision_width
        self.fusion = FUSIONS[experiment.fusion.kind](self._layers, vision_width)
        width = self.language.get_input_embeddings().weight.shape[1]
        self.connector = CONNECTORS[experiment.connector.kind](self.fusion.out_dim, width)

    def embed(self, features: list[Tensor], ids_BT: Tensor) -> Tensor:
        """[B, T, H]: text embeddings, with the image's vectors where `ids` says IMAGE.

        `features` holds one [B', N, D] per layer for the B' sequences that have an image, in order.
        """
        is_image = ids_BT == IMAGE
        embeddings: Tensor = self.language.get_input_embeddings()(ids_BT.masked_fill(is_image, 0))
        if not is_image.any():
            # Text alone. Every process calls the same parts in the same order and has a gradient, zero, for each:
            # ZeRO 3 gathers them in step, and one that left a part out would keep the others waiting.
            features = [embeddings.new_zeros(1, 1, self._vision_width)] * self._layers
            zero: Tensor = 0.0 * self.connector(self.fusion(features)).sum()
            return embeddings + zero
        image = self.connector(self.fusion([f.to(embeddings.dtype) for f in features]))
        return embeddings.masked_scatter(is_image.unsqueeze(-1), image)

    def forward(self, features: list[Tensor], ids_BT: Tensor, positions_BT: Tensor | None, labels_BT: Tensor) -> Tensor:
        """Summed cross-entropy in nats over the supervised tokens; logits are computed at those alone.

        Padding is on the right, where a causal model has it after everything that it could change: no mask is needed,
        and attention is faster without. With `positions`, rows hold several sequences, each counted from 0, which do
        not see each other.
        """
        embeddings = self.embed(features, ids_BT)
        if positions_BT is None:
            hidden = self._hidden(embeddings, None)
        elif self.language.config._attn_implementation == "flash_attention_2":
            # It finds the borders of sequences in the positions of a single row, whatever its length.
            one_row = embeddings.flatten(0, 1).unsqueeze(0)
            hidden = self._hidden(one_row, positions_BT.reshape(1, -1)).view_as(embeddings)
        else:
            hidden = self._hidden(embeddings, positions_BT)
        targets = labels_BT[:, 1:]
        supervised = targets != IGNORE
        logits = self.language.get_output_embeddings()(hidden[:, :-1][supervised])
        return F.cross_entropy(logits.float(), targets[supervised], reduction="sum")

    def _hidden(self, embeddings_BTH: Tensor, positions_BT: Tensor | None) -> Tensor:
        # Packed rows are told apart only without a cache and without a mask (transformers' masking_utils).
        states: Tensor = self.language.base_model(
            inputs_embeds=embeddings_BTH, position_ids=positions_BT, use_cache=False
        ).last_hidden_state
        return states

    @torch.inference_mode()
    def answer(self, features: list[Tensor], ids_BT: Tensor, mask_BT: Tensor, max_new_tokens: int, stop: int) -> Tensor:
        """Greedy token ids [B, <= max_new_tokens] that follow left-padded prompts; `stop` also pads."""
        found: Tensor = self.language.generate(
            inputs_embeds=self.embed(features, ids_BT),
            attention_mask=mask_BT,
            max_new_tokens=max_new_tokens,
            do_sample=False,
            eos_token_id=stop,
            pad_token_id=stop,
        )
        return found
