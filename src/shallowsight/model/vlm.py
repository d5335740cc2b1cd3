"""A LLaVA: fusion, connector and language model over the features of a frozen tower.

Shapes: L layers, B sequences, T tokens, N image tokens of an image, D vision width, H language width.
"""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import PreTrainedTokenizerBase

from shallowsight.data.conversation import IGNORE, IMAGE
from shallowsight.model.connector.kinds import CONNECTORS
from shallowsight.model.fusion.kinds import FUSIONS
from shallowsight.model.language.language import build_language
from shallowsight.study.experiment import Experiment

Outcome = Callable[[Tensor, Tensor], Tensor]  # of the logits [S, V] and the targets [S] of S supervised tokens


def summed_loss(logits_SV: Tensor, targets_S: Tensor) -> Tensor:
    """The sum of the cross-entropy in nats."""
    return F.cross_entropy(logits_SV.float(), targets_S, reduction="sum")


class VLM(nn.Module):
    """The trained parts; the tower stays outside, because its features may come from a cache."""

    def __init__(
        self,
        experiment: Experiment,
        vision_width: int,
        tokenizer: PreTrainedTokenizerBase,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        """`dtype` is for the weights of a language model that is loaded from files."""
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
            # A batch of text only. Fusion and connector run all the same, with a zero gradient, because ZeRO 3 gathers
            # parameters in all processes together: a process that skipped a part would keep the others waiting.
            features = [embeddings.new_zeros(1, 1, self._vision_width)] * self._layers
            zero: Tensor = 0.0 * self.connector(self.fusion(features)).sum()
            return embeddings + zero
        image = self.connector(self.fusion([f.to(embeddings.dtype) for f in features]))
        return embeddings.masked_scatter(is_image.unsqueeze(-1), image)

    def forward(
        self,
        features: list[Tensor],
        ids_BT: Tensor,
        positions_BT: Tensor | None,
        labels_BT: Tensor,
        outcome: Outcome = summed_loss,
    ) -> Tensor:
        """The outcome of the supervised tokens, row after row; logits are computed only at those.

        Padding is on the right, where no token of a causal model attends to it: no mask is needed, and attention is
        faster without a mask. With `positions`, a row holds several sequences, each with positions from 0, whose
        tokens do not attend to each other.
        """
        embeddings = self.embed(features, ids_BT)
        targets = labels_BT[:, 1:]
        supervised = targets != IGNORE
        if positions_BT is not None and self.language.config._attn_implementation == "flash_attention_2":
            # flash-attn finds the borders of sequences from the positions, but in a single row only, of any length.
            embeddings, positions_BT = embeddings.flatten(0, 1).unsqueeze(0), positions_BT.reshape(1, -1)
        logits = self._logits(embeddings, positions_BT, F.pad(supervised, (0, 1)))
        return outcome(logits, targets[supervised])

    def _logits(self, embeddings_BTH: Tensor, positions_BT: Tensor | None, chosen_BT: Tensor) -> Tensor:
        """[S, V] at the S chosen positions.

        The model computes logits from hidden states itself, because families differ in this (scales, caps, biases). A
        hook passes only the chosen states to it, as one sequence.
        """

        def choose(_: nn.Module, __: object, output: Any) -> None:
            states_NH = output.last_hidden_state.flatten(0, 1)
            output.last_hidden_state = states_NH[chosen_BT.flatten()].unsqueeze(0)

        # Some causal models call the decoder inside their base model, others the base model.
        with self.language.base_model.get_decoder().register_forward_hook(choose):
            # transformers separates packed sequences only without a cache and without a mask (its masking_utils).
            logits: Tensor = self.language(
                inputs_embeds=embeddings_BTH, position_ids=positions_BT, use_cache=False
            ).logits
        return logits.squeeze(0)

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
