"""A LLaVA: fusion, connector, injection and language model over the features of a frozen tower.

Shapes: B sequences, T tokens, N image tokens of an image, D vision width, H language width.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import PreTrainedTokenizerBase
from transformers.generation.streamers import BaseStreamer

from shallowsight.data.conversation import IGNORE, IMAGE
from shallowsight.model.connector.kinds import build_connector
from shallowsight.model.fusion.fusion import Features
from shallowsight.model.fusion.kinds import FUSIONS
from shallowsight.model.injection.kinds import build_injection
from shallowsight.model.injection.places import Places
from shallowsight.model.language.language import build_language
from shallowsight.study.experiment import Experiment
from shallowsight.study.fusions import fused_tokens
from shallowsight.study.image_tokens import feature_tokens
from shallowsight.study.legal import widths_of
from shallowsight.study.resolved import TowerFacts

Outcome = Callable[[Tensor, Tensor], Tensor]  # of the logits [S, V] and the targets [S] of S supervised tokens


def summed_loss(logits_SV: Tensor, targets_S: Tensor) -> Tensor:
    """The sum of the cross-entropy in nats."""
    return F.cross_entropy(logits_SV.float(), targets_S, reduction="sum")


class VLM(nn.Module):
    """The trained parts; the tower stays outside, because its features may come from a cache."""

    def __init__(
        self,
        experiment: Experiment,
        tower: TowerFacts,
        tokenizer: PreTrainedTokenizerBase,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        """`dtype` is for the weights of a language model that is loaded from files."""
        super().__init__()
        self.language = build_language(experiment.language, tokenizer, dtype)
        layers, kind = experiment.vision.layers, experiment.fusion.kind
        self._widths, self._patches = widths_of(tower, layers), feature_tokens(tower, experiment.vision)
        self.fusion = FUSIONS[kind](kind, layers, self._widths)
        self.connector = build_connector(
            experiment.connector,
            fused_tokens(layers, kind, self._patches),
            self.fusion.out_dim,
            self.language.get_input_embeddings().weight.shape[1],
        )
        self.injection = build_injection(experiment, tower.depth, self._patches, self._widths, self.language)

    def checkpoint_activations(self) -> None:
        """In training, compute the activations of the language model's layers again instead of keeping them."""
        self.language.activation_checkpointing_enable({"use_reentrant": False, "context_fn": self.injection.contexts})

    @contextmanager
    def shown(self, features: list[Tensor], ids_BT: Tensor, positions_BT: Tensor | None = None) -> Iterator[Tensor]:
        """[B, T, H]: what `embed` gives. In this context the language model also gets the layers that enter inside it.

        The context is for one forward pass of the language model on these embeddings, or for one generation from them.
        With `positions` as in `forward`.
        """
        embeddings = self._texts(ids_BT)
        seen = self._by_layer(features, embeddings)
        shown = self._with_images(embeddings, seen, ids_BT)
        if not self.injection:
            yield shown
            return
        places = Places.of(ids_BT, positions_BT, len(features[0]) if features else 0)
        with self.injection.into(self.language, seen, places):
            yield shown

    def embed(self, features: list[Tensor], ids_BT: Tensor) -> Tensor:
        """[B, T, H]: text embeddings, with the image's vectors where `ids` says IMAGE.

        `features` holds one [B', N, D] per layer that is read, shallow first, for the B' sequences that have an image,
        in order; nothing for a batch of text only.
        """
        embeddings = self._texts(ids_BT)
        return self._with_images(embeddings, self._by_layer(features, embeddings), ids_BT)

    def _texts(self, ids_BT: Tensor) -> Tensor:
        embeddings: Tensor = self.language.get_input_embeddings()(ids_BT.masked_fill(ids_BT == IMAGE, 0))
        return embeddings

    def _by_layer(self, features: list[Tensor], like: Tensor) -> Features:
        if features:
            return {k: values.to(like.dtype) for k, values in zip(self._widths, features, strict=True)}
        # A batch of text only. Everything runs all the same, with a zero gradient, because ZeRO 3 gathers parameters in
        # all processes together: a process that skipped a part would keep the others waiting.
        return {k: like.new_zeros(1, self._patches, width) for k, width in self._widths.items()}

    def _with_images(self, embeddings_BTH: Tensor, seen: Features, ids_BT: Tensor) -> Tensor:
        is_image = ids_BT == IMAGE
        image = self.connector(self.fusion(seen))
        if is_image.any():
            return embeddings_BTH.masked_scatter(is_image.unsqueeze(-1), image)
        zero: Tensor = 0.0 * image.sum()
        return embeddings_BTH + zero

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
        targets = labels_BT[:, 1:]
        supervised = targets != IGNORE
        with self.shown(features, ids_BT, positions_BT) as embeddings:
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
    def answer(
        self,
        features: list[Tensor],
        ids_BT: Tensor,
        mask_BT: Tensor,
        max_new_tokens: int,
        stop: int,
        streamer: BaseStreamer | None = None,
    ) -> Tensor:
        """Greedy token ids [B, <= max_new_tokens] that follow left-padded prompts; `stop` also pads.

        `streamer` is given the ids of a single prompt's answer one by one.
        """
        with self.shown(features, ids_BT) as embeddings:
            found: Tensor = self.language.generate(
                inputs_embeds=embeddings,
                attention_mask=mask_BT,
                max_new_tokens=max_new_tokens,
                do_sample=False,
                eos_token_id=stop,
                pad_token_id=stop,
                streamer=streamer,
            )
        return found
