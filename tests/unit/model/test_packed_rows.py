"""Packed rows train exactly as one sequence a row does, whatever shares a row with what."""

from collections.abc import Callable, Sequence
from copy import copy
from pathlib import Path

import pytest
import torch
from tiny import tower_of_width
from torch import Tensor
from transformers import PretrainedConfig, PreTrainedTokenizerBase

from shallowsight.data.batches import Batch, Batches, Share
from shallowsight.data.conversation import IGNORE, IMAGE, Example
from shallowsight.data.examples import Examples, write_examples
from shallowsight.model.adapters import add_adapters
from shallowsight.model.vlm import VLM
from shallowsight.study.experiment import Experiment
from shallowsight.study.stages import Lora

WIDTH = 8  # of the tower
N = 3  # tokens of an image
LIMIT = 40
ALONE = Share(rank=0, processes=1, accumulation=1)
Build = Callable[..., VLM]
MakeBatch = Callable[..., Batch]


class Pictures:
    """Every picture has features of its own."""

    def load(self, images: Sequence[str]) -> list[Tensor]:
        return [torch.cat([torch.randn(1, N, WIDTH, generator=torch.Generator().manual_seed(int(i))) for i in images])]

    def features(self, loaded: list[Tensor]) -> list[Tensor]:
        return loaded


def example(number: int, length: int, picture: bool) -> Example:
    """The picture stands at another place in each; a text alone is supervised from its first token on."""
    random = torch.Generator().manual_seed(number)
    words = torch.randint(10, 250, (length,), generator=random).tolist()
    if not picture:
        return Example(str(number), None, tuple(words), tuple(words))
    before = 1 + number % 2
    ids = (*words[:before], IMAGE, *words[before:])
    asked = min(before + 1 + number % 4, length)
    return Example(str(number), str(number), ids, (*[IGNORE] * asked, *ids[asked:]))


LENGTHS = [4, 30, 9, 17, 6, 12, 22, 5]


@pytest.fixture
def batch(tmp_path: Path) -> MakeBatch:
    def make(row_tokens: int | None, pictures: str = "mixed", lengths: Sequence[int] = LENGTHS) -> Batch:
        has_one = {"all": lambda n: True, "none": lambda n: False, "mixed": lambda n: n % 3 != 1}[pictures]
        written = [example(n, length, has_one(n)) for n, length in enumerate(lengths)]
        write_examples(written, tmp_path / "examples", N, LIMIT)
        stored = Examples(tmp_path / "examples", N, LIMIT)
        assert len(stored) == len(lengths)
        return Batches(stored, Pictures(), len(lengths), 0, pad=2, row_tokens=row_tokens).micro_batch(0, 0, ALONE)

    return make


@pytest.fixture(scope="module")
def build(small: Callable[..., Experiment], tokenizer: PreTrainedTokenizerBase) -> Build:
    def make(checkpointing: bool = False, **changes: object) -> VLM:
        torch.manual_seed(0)
        model = VLM(small(language__depth=3, **changes), tower_of_width(WIDTH), tokenizer)
        assert model.language.config._attn_implementation == "sdpa"
        if checkpointing:
            model.checkpoint_activations()
        return model.train()

    return make


def loss_of(model: VLM, batch: Batch) -> Tensor:
    return model(batch.pictures, batch.ids, batch.positions, batch.labels) / batch.supervised


def trained(model: VLM, batch: Batch) -> tuple[float, dict[str, Tensor]]:
    """The loss, and the gradient of every parameter that has one."""
    model.zero_grad()
    loss = loss_of(model, batch)
    loss.backward()
    return loss.item(), {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}


def assert_same(a: tuple[float, dict[str, Tensor]], b: tuple[float, dict[str, Tensor]]) -> None:
    assert a[0] == pytest.approx(b[0], abs=1e-5) and a[0] > 1
    assert set(a[1]) == set(b[1])
    for name in a[1]:
        torch.testing.assert_close(a[1][name], b[1][name], atol=1e-5, rtol=1e-5)


CHECKPOINTING = pytest.mark.parametrize("checkpointing", [False, True], ids=["kept", "computed again"])


@CHECKPOINTING
@pytest.mark.parametrize("pictures", ["all", "none", "mixed"])
@pytest.mark.parametrize(
    ("lengths", "row_tokens"),
    [
        pytest.param(LENGTHS, LIMIT, id="rows with padding at the end"),
        pytest.param(LENGTHS, 1000, id="all in one row"),
        pytest.param([20, 20, 20, 20], LIMIT + 6, id="rows without padding"),
        pytest.param([7], LIMIT, id="one sequence"),
        pytest.param([30, 4], 34, id="a row of one beside a row of one"),
        pytest.param([12, 3, 3, 3, 3], LIMIT, id="short ones"),
    ],
)
def test_as_one_sequence_a_row(
    build: Build, batch: MakeBatch, lengths: list[int], row_tokens: int, pictures: str, checkpointing: bool
) -> None:
    alone, packed = batch(None, pictures, lengths), batch(row_tokens, pictures, lengths)
    assert alone.positions is None and packed.positions is not None
    assert_same(trained(build(), alone), trained(build(checkpointing), packed))


def test_the_rows_that_are_compared_are_packed_and_padded(batch: MakeBatch) -> None:
    packed, alone = batch(LIMIT), batch(None)
    assert len(packed.ids) < len(alone.ids) == len(LENGTHS)
    assert (packed.mask == 0).any() and (packed.mask[:, -1] == 1).any()
    assert int((packed.positions == 0).sum()) > len(LENGTHS), "a row's padding counts from 0 too"


def test_without_positions_sequences_would_see_each_other(build: Build, batch: MakeBatch) -> None:
    """What the comparison above is able to find."""
    packed = batch(LIMIT)
    model = build()
    mixed = model(packed.pictures, packed.ids, None, packed.labels) / packed.supervised
    assert abs(mixed.item() - loss_of(model, packed).item()) > 1e-3


def test_a_sequence_does_not_feel_its_neighbours(build: Build, batch: MakeBatch) -> None:
    """Other tokens before it, of the same length, leave its part of the loss as it is."""
    packed = batch(1000, "none")
    first = int((packed.positions[0] == 0).nonzero()[1])
    labels = packed.labels.clone()
    labels[0, :first] = IGNORE
    other = packed.ids.clone()
    other[0, :first] = 77
    model = build().eval()
    own, beside = (model([], ids, packed.positions, labels) for ids in (packed.ids, other))
    assert torch.equal(own, beside)


def test_padding_takes_no_part(build: Build, batch: MakeBatch) -> None:
    packed = batch(LIMIT)
    model = build()
    before = trained(model, packed)
    ids = packed.ids.masked_fill(packed.mask == 0, 77)
    after = trained(model, Batch(packed.pictures, ids, packed.mask, packed.positions, packed.labels, packed.supervised))
    assert before[0] == after[0]
    for name, gradient in before[1].items():
        assert torch.equal(gradient, after[1][name]), name


@CHECKPOINTING
def test_adapters_too(build: Build, batch: MakeBatch, checkpointing: bool) -> None:
    def adapted(again: bool) -> VLM:
        model = build(again)
        model.language.requires_grad_(False)
        add_adapters(model.language, Lora(rank=4, dropout=0.0))
        with torch.no_grad():
            for name, parameter in model.language.named_parameters():
                if "lora_B" in name:
                    parameter.normal_(std=0.1)
        return model

    for pictures in ("mixed", "none"):
        plain = trained(adapted(False), batch(None, pictures))
        assert_same(plain, trained(adapted(checkpointing), batch(LIMIT, pictures)))
        assert sum("lora_" in name for name in plain[1]) == 2 * 7 * 3
        assert all(gradient.any() for name, gradient in plain[1].items() if "lora_" in name)


@CHECKPOINTING
def test_a_frozen_language_model_passes_gradients_on(build: Build, batch: MakeBatch, checkpointing: bool) -> None:
    """As while pretraining."""

    def pretrained(again: bool, row_tokens: int | None) -> tuple[float, dict[str, Tensor]]:
        model = build(again)
        model.language.requires_grad_(False)
        return trained(model, batch(row_tokens))

    plain = pretrained(False, None)
    assert_same(plain, pretrained(checkpointing, LIMIT))
    assert all(name.startswith("connector.") and gradient.any() for name, gradient in plain[1].items())


def said_to_be_flash(model: VLM) -> PretrainedConfig:
    config = copy(model.language.config)
    config._attn_implementation = "flash_attention_2"
    return config


def flattened(build: Build, checkpointing: bool = False) -> tuple[VLM, list[tuple[int, ...]]]:
    """A model that takes the way of flash attention with torch's own inside, and the shapes that it then sees.

    It proves the reshaping, not flash attention, which needs a GPU.
    """
    model, seen = build(checkpointing), []

    def note(_: object, __: object, given: dict[str, Tensor]) -> None:
        assert given.get("attention_mask") is None and given["use_cache"] is False
        seen.append((*given["inputs_embeds"].shape[:2], *given["position_ids"].shape))

    # The language model inside has its own reference to the configuration, and still chooses sdpa by it.
    model.language.config = said_to_be_flash(model)
    model.language.base_model.register_forward_pre_hook(note, with_kwargs=True)
    return model, seen


@CHECKPOINTING
@pytest.mark.parametrize("pictures", ["all", "none", "mixed"])
def test_one_flattened_row_with_the_same_positions_gives_the_same_with_sdpa(
    build: Build, batch: MakeBatch, pictures: str, checkpointing: bool
) -> None:
    packed = batch(LIMIT, pictures)
    model, seen = flattened(build, checkpointing)
    assert_same(trained(build(), packed), trained(model, packed))
    B, T = packed.ids.shape
    assert B > 1 and seen[0] == (1, B * T, 1, B * T)


def test_rows_that_are_not_packed_are_not_flattened(build: Build, batch: MakeBatch) -> None:
    model = build()
    model.language.config = said_to_be_flash(model)
    alone = batch(None)
    assert_same(trained(build(), alone), trained(model, alone))
