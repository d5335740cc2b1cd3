"""Every connector inside the whole model: it learns, batches of text pass, and checkpoints come back."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from tiny import tower_of_width
from transformers import PreTrainedTokenizerBase

from shallowsight.data.conversation import IGNORE, IMAGE
from shallowsight.model.checkpoint import load_trained, save_finetuned
from shallowsight.model.vlm import VLM
from shallowsight.study.connectors import CONNECTORS
from shallowsight.study.experiment import Experiment

pytestmark = pytest.mark.usefixtures("one_thread")
PATCHES, WIDTH = 16, 32  # of the tower, for a picture of 56 pixels
TEXTS = ["merger@4", "c_abstractor@9", "resampler@3"]
CHANGES = [{"connector__kind": kind} for kind in CONNECTORS]
CHANGES += [
    {"connector__kind": kind, "connector__tokens": int(tokens)} for kind, tokens in (text.split("@") for text in TEXTS)
]
every_connector = pytest.mark.parametrize("changes", CHANGES, ids=lambda c: "@".join(map(str, c.values())))
Build = Callable[..., VLM]


@pytest.fixture(scope="module")
def experiment_with(small: Callable[..., Experiment]) -> Callable[..., Experiment]:
    return lambda **changes: small(vision__image_size=56, **changes)


@pytest.fixture(scope="module")
def build(experiment_with: Callable[..., Experiment], tokenizer: PreTrainedTokenizerBase) -> Build:
    def make(seed: int = 0, **changes: object) -> VLM:
        torch.manual_seed(seed)
        return VLM(experiment_with(**changes), tower_of_width(WIDTH), tokenizer)

    return make


def batch(model: VLM, pictures: int) -> tuple[list[torch.Tensor], torch.Tensor, None, torch.Tensor]:
    """So many rows, each with a picture and one of two answers, which only the picture tells."""
    seen = torch.randn(pictures, PATCHES, WIDTH, generator=torch.Generator().manual_seed(0))
    tokens = model.connector(seen[:1]).shape[1]
    ids = torch.tensor([[1, *[IMAGE] * tokens, 10, 20 + row % 2, 2] for row in range(pictures)])
    return [seen], ids, None, torch.where(ids >= 20, ids, IGNORE)


@every_connector
def test_it_learns(build: Build, changes: dict[str, object]) -> None:
    """The connector alone, under a language model that rests."""
    model = build(**changes)
    model.language.requires_grad_(False)
    given, optimizer, losses = batch(model, 4), torch.optim.AdamW(model.connector.parameters(), lr=3e-3), []
    for _ in range(25):
        loss = model(*given) / 4
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    # From 6 nats to between 2 and 3, and all of it through the connector.
    assert losses[-1] < 0.6 * losses[0], losses


@every_connector
def test_text_alone_gives_gradients_of_zero(build: Build, changes: dict[str, object]) -> None:
    model = build(**changes)
    ids = torch.tensor([[1, 20, 21, 2]])
    loss = model([], ids, None, ids)
    loss.backward()
    assert loss.isfinite()
    for name, parameter in model.connector.named_parameters():
        assert parameter.grad is not None and not parameter.grad.any(), name


@every_connector
def test_text_alone_calls_the_same_parts(build: Build, changes: dict[str, object]) -> None:
    """Else ZeRO 3 with a process that has a picture and one that has none waits for ever."""
    model, called = build(**changes), []
    given = batch(model, 2)
    for name, part in model.connector.named_modules():
        part.register_forward_pre_hook(lambda *_, name=name: called.append(name))
    model(*given)
    seen, called[:] = called[:], []
    ids = torch.tensor([[1, 20, 21, 2]])
    model([], ids, None, ids)
    assert called == seen and seen


@every_connector
def test_a_checkpoint_comes_back(
    build: Build,
    experiment_with: Callable[..., Experiment],
    tokenizer: PreTrainedTokenizerBase,
    tmp_path: Path,
    changes: dict[str, object],
) -> None:
    model = build(1, **changes).eval()
    save_finetuned(model, experiment_with(**changes), tower_of_width(WIDTH), tokenizer, tmp_path)
    trained = load_trained(tmp_path)
    given = batch(model, 2)
    with torch.no_grad():
        assert torch.equal(trained.model(*given), model(*given))
    stored = dict(trained.model.connector.named_parameters())
    assert all(torch.equal(stored[name], p) for name, p in model.connector.named_parameters())
