"""Every fusion inside the whole model: it learns, comes back from its files, and takes a batch of text alone."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny import DEPTH, tower_of_width
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from shallowsight.data.conversation import IGNORE, IMAGE
from shallowsight.model.checkpoint import load_trained, save_finetuned
from shallowsight.model.fusion.kinds import FUSIONS
from shallowsight.model.vlm import VLM
from shallowsight.study.experiment import Experiment
from shallowsight.study.fusions import FUSIONS as KINDS
from shallowsight.study.fusions import Form
from shallowsight.study.image_tokens import image_tokens

WIDTH, PATCHES = 8, 9
TOWER = tower_of_width(WIDTH)
TEXTS = {Form.ONE: "2", Form.LIST: "1,2,4", Form.GROUPS: "1,2|4"}
# Those inside the language model are tested in tests/unit/model/injection.
OUTSIDE = [kind for kind in FUSIONS if KINDS[kind].form is not Form.INSIDE]
EACH = pytest.mark.parametrize("kind", OUTSIDE)
LEARNED = tuple(kind for kind in OUTSIDE if kind in ("scalar-mix", "scalar-mix-norm", "concat-norm", "mmfuser"))
WORDS = torch.tensor([[1, 40, 41, 2], [1, 50, 51, 2]])


@pytest.fixture(scope="module")
def made(small: Callable[..., Experiment]) -> Callable[[str], Experiment]:
    def make(kind: str) -> Experiment:
        return small(vision__layers=TEXTS[KINDS[kind].form], vision__image_size=42, fusion__kind=kind)

    return make


@pytest.fixture(scope="module")
def build(made: Callable[[str], Experiment], tokenizer: PreTrainedTokenizerBase) -> Callable[[str], VLM]:
    def make(kind: str) -> VLM:
        torch.manual_seed(0)
        return VLM(made(kind), TOWER, tokenizer)

    return make


def features(model: VLM) -> list[Tensor]:
    every = [torch.randn(2, PATCHES, WIDTH, generator=torch.Generator().manual_seed(k)) for k in range(1, DEPTH + 1)]
    return [every[k - 1] for k in model._widths]


def batch(tokens: int) -> tuple[Tensor, Tensor]:
    """Two pictures, each in front of words of its own."""
    ids = torch.cat([WORDS[:, :1], torch.full((2, tokens), IMAGE), WORDS[:, 1:]], dim=1)
    labels = ids.masked_fill(ids == IMAGE, IGNORE)
    return ids, labels


@EACH
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_it_learns_in_front_of_a_frozen_language_model(
    build: Callable[[str], VLM], made: Callable[[str], Experiment], kind: str, dtype: torch.dtype, one_thread: None
) -> None:
    model = build(kind).to(dtype)
    model.language.requires_grad_(False)
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=3e-2)
    (ids, labels), given = batch(image_tokens(made(kind), TOWER)), features(model)
    losses = []
    for _ in range(8):
        loss = model(given, ids, None, labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.9 * losses[0], losses
    moved = {name for name, p in model.named_parameters() if not torch.equal(p, before[name])}
    assert moved == {name for name in before if not name.startswith("language.")}


@EACH
def test_it_comes_back_from_its_files(
    build: Callable[[str], VLM], made: Callable[[str], Experiment], tokenizer: Any, kind: str, tmp_path: Path
) -> None:
    model, experiment = build(kind), made(kind)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.1 * torch.randn(parameter.shape)
    save_finetuned(model, experiment, TOWER, tokenizer, tmp_path)
    found = load_trained(tmp_path).model
    assert type(found.fusion) is FUSIONS[kind]
    parameters = dict(found.named_parameters())
    assert set(parameters) == {name for name, _ in model.named_parameters()}
    assert all(torch.equal(parameters[name], p) for name, p in model.named_parameters())
    ids, labels = batch(image_tokens(experiment, TOWER))
    given = features(model)
    assert torch.equal(found(given, ids, None, labels), model(given, ids, None, labels))


@EACH
def test_text_alone_gives_every_trained_part_a_gradient_of_zero(build: Callable[[str], VLM], kind: str) -> None:
    model = build(kind)
    model([], WORDS, None, WORDS).backward()
    trained = [*model.fusion.parameters(), *model.connector.parameters()]
    assert all(p.grad is not None and not p.grad.any() for p in trained)


@EACH
def test_text_alone_calls_the_same_parts_in_the_same_order(
    build: Callable[[str], VLM], made: Callable[[str], Experiment], kind: str
) -> None:
    """ZeRO 3 gathers the parameters of a part when it is called, in all processes together."""
    model, called = build(kind), []
    for name, part in model.named_modules():
        part.register_forward_pre_hook(lambda *_, name=name: called.append(name))
    ids, labels = batch(image_tokens(made(kind), TOWER))
    model(features(model), ids, None, labels)
    seen, called[:] = called[:], []
    model([], WORDS, None, WORDS)
    assert called == seen and set(seen) > {"fusion", *(f"fusion.{n}" for n, _ in model.fusion.named_children())}


def test_every_fusion_with_weights_is_tested_as_one(build: Callable[[str], VLM]) -> None:
    assert LEARNED == tuple(kind for kind in OUTSIDE if list(build(kind).fusion.parameters()))
