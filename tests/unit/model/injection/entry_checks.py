"""Where layers enter a small language model of a family; each check raises where they do not enter as is said.

What a family must do besides is in family_checks.py: its losses, gradients and answers are compared with those of each
sequence alone, computed anew for each token.

Shapes: B sequences, T tokens, H width, V words.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import family_checks as checks
import torch
from torch import Tensor, nn
from transformers import PreTrainedTokenizerBase

from shallowsight.data.conversation import IMAGE
from shallowsight.model.injection.places import Places
from shallowsight.model.vlm import VLM
from shallowsight.study.experiment import Experiment

IDS = torch.tensor([[3, IMAGE, IMAGE, IMAGE, 10, 11, 12, 13], [3, 30, 20, IMAGE, IMAGE, IMAGE, 31, 32]])
_ATTENTIONS = ("self_attn", "attn", "attention", "self_attention")


def inside_vlm(
    family: str, small: Callable[..., Experiment], setting: str, tokenizer: PreTrainedTokenizerBase, folder: Path
) -> VLM:
    """With open gates, and matrices that are large enough for a fault to show."""
    layers, fusion = setting.split(":")
    model = checks.small_vlm(family, small(vision__layers=layers, fusion__kind=fusion), tokenizer, folder)
    open_gates(model)
    return model


@torch.no_grad()
def open_gates(model: VLM) -> None:
    for name, parameter in model.injection.named_parameters():
        if name.endswith("_gate"):
            parameter.fill_(0.7)
        elif parameter.ndim == 2:
            parameter.normal_(std=0.5 * parameter.shape[1] ** -0.5)


def trained_as_alone(model: VLM, packed: bool, checkpointing: bool) -> None:
    """`packed` and `checkpointing` say whether the family can do that."""
    checks.loss_is_its_own(model)
    checks.every_parameter_takes_part(model)
    if packed:
        checks.packed_as_alone(model)
    if checkpointing:
        checks.computed_again_as_kept(model)
    checks.answers_are_the_argmax(model)


@torch.no_grad()
def added_to_the_state(model: VLM) -> None:
    """What the next layer gets is the state that transformers gives, and the layer of the tower at the image tokens."""
    plain = _states(model)
    for part in model.injection.parts:
        added = torch.zeros_like(plain[0])
        added[IDS == IMAGE] = part.connector(checks.FEATURES).flatten(0, 1)
        with only(model, part):
            checks.assert_close(_entering(model, part.state), plain[part.state] + added)


@torch.no_grad()
def attended_by_the_attention_alone(model: VLM) -> None:
    """The attention gets the changed input, and nobody else does."""
    places = Places.of(IDS, None, 2)
    with ExitStack() as hooks:
        for part in model.injection.parts:
            read = part.read(checks.FEATURES)

            def change(
                _: nn.Module, args: tuple[Any, ...], named: dict[str, Any], part: nn.Module = part, read: Any = read
            ) -> Any:
                if args:
                    return (part(args[0], read, places), *args[1:]), named
                return args, named | {"hidden_states": part(named["hidden_states"], read, places)}

            hooks.callback(_attention(model, part.state).register_forward_pre_hook(change, with_kwargs=True).remove)
        expected = _plain_logits(model)
    # Far above rounding, and relative, because some families scale their logits down.
    assert (expected - _plain_logits(model)).abs().max() > 1e-3 * expected.abs().max()
    checks.assert_close(_shown_logits(model), expected)


@contextmanager
def only(model: VLM, part: nn.Module) -> Iterator[None]:
    kept = model.injection.parts
    try:
        del model.injection[:]
        model.injection.append(part)
        yield
    finally:
        del model.injection[:]
        model.injection.extend(kept)


def _layers(model: VLM) -> nn.ModuleList:
    decoder = model.language.base_model.get_decoder()
    found: nn.ModuleList = next(part for part in decoder.children() if isinstance(part, nn.ModuleList))
    return found


def _attention(model: VLM, number: int) -> nn.Module:
    (found,) = [part for name, part in _layers(model)[number].named_children() if name in _ATTENTIONS]
    return found


def _states(model: VLM) -> tuple[Tensor, ...]:
    """transformers' own; the last one is behind the final norm."""
    embeddings = model.embed([checks.FEATURES], IDS)
    found: tuple[Tensor, ...] = model.language(
        inputs_embeds=embeddings, use_cache=False, output_hidden_states=True
    ).hidden_states
    return found


def _entering(model: VLM, number: int) -> Tensor:
    kept: list[Tensor] = []
    with model.shown([checks.FEATURES], IDS) as embeddings:
        hook = _layers(model)[number].register_forward_pre_hook(lambda _, given: kept.append(given[0]))
        model.language(inputs_embeds=embeddings, use_cache=False)
        hook.remove()
    (found,) = kept
    return found


def _plain_logits(model: VLM) -> Tensor:
    embeddings = model.embed([checks.FEATURES], IDS)
    found: Tensor = model.language(inputs_embeds=embeddings, use_cache=False).logits
    return found


def _shown_logits(model: VLM) -> Tensor:
    with model.shown([checks.FEATURES], IDS) as embeddings:
        found: Tensor = model.language(inputs_embeds=embeddings, use_cache=False).logits
    return found
