"""A call of the language model gets its own pictures, in any row, and leaves nothing behind."""

from collections.abc import Callable

import pytest
import torch
from entry_checks import open_gates
from tiny import tower_of_width
from torch import Tensor, nn
from transformers import PreTrainedTokenizerBase

from shallowsight.data.conversation import IGNORE, IMAGE
from shallowsight.model.injection.places import Places
from shallowsight.model.vlm import VLM
from shallowsight.study.experiment import Experiment

N, WIDTH, LAYERS = 3, 8, (1, 2, 3)  # image tokens; the tower's width; the layers that are read
INSIDE = pytest.mark.parametrize("setting", ["1>0,2>2|3:internal-direct", "1>0,2>2|3:internal-modular"])
IMAGES = [IMAGE] * N
SEQUENCES = ([3, *IMAGES, 10, 11, 12], [4, 5, 6, 7], [8, 9, *IMAGES, 13], [*IMAGES, 14, 15], [16, *IMAGES])
Build = Callable[[str], VLM]


@pytest.fixture
def build(small: Callable[..., Experiment], tokenizer: PreTrainedTokenizerBase) -> Build:
    def make(setting: str) -> VLM:
        layers, fusion = setting.split(":")
        torch.manual_seed(0)
        experiment = small(vision__layers=layers, fusion__kind=fusion, language__depth=3)
        model = VLM(experiment, tower_of_width(WIDTH), tokenizer)
        open_gates(model)
        return model

    return make


def features(*numbers: int) -> list[Tensor]:
    """Of some pictures, layer after layer; none for none."""

    def of(layer: int) -> Tensor:
        made = [torch.randn(N, WIDTH, generator=torch.Generator().manual_seed(10 * n + layer)) for n in numbers]
        return torch.stack(made)

    return [of(layer) for layer in LAYERS] if numbers else []


def labels_of(sequence: list[int]) -> list[int]:
    return [IGNORE, *(IGNORE if token == IMAGE else token for token in sequence[1:])]


def trained(model: VLM, rows: list[list[int]], packed: bool) -> tuple[float, dict[str, Tensor]]:
    """The summed loss and the gradients of sequences, by their numbers, in rows."""
    width = max(sum(len(SEQUENCES[n]) for n in row) for row in rows) + 2
    ids, labels = torch.zeros(len(rows), width, dtype=torch.long), torch.full((len(rows), width), IGNORE)
    positions, shown = torch.zeros_like(ids), []
    for row, numbers in enumerate(rows):
        at = 0
        for number in numbers:
            sequence = SEQUENCES[number]
            place = slice(at, at + len(sequence))
            ids[row, place], labels[row, place] = torch.tensor(sequence), torch.tensor(labels_of(sequence))
            positions[row, place] = torch.arange(len(sequence))
            at += len(sequence)
            shown += [number] if IMAGE in sequence else []
        positions[row, at:] = torch.arange(width - at)
    model.zero_grad()
    loss = model(features(*shown), ids, positions if packed else None, labels)
    loss.backward()
    return loss.item(), {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}


def assert_same(found: tuple[float, dict[str, Tensor]], expected: tuple[float, dict[str, Tensor]]) -> None:
    # Sums of float32 in another order.
    assert found[0] == pytest.approx(expected[0], rel=1e-5)
    assert set(found[1]) == set(expected[1])
    for name, gradient in expected[1].items():
        torch.testing.assert_close(found[1][name], gradient, atol=1e-4, rtol=1e-4, msg=name)


@INSIDE
@pytest.mark.parametrize("flat", [False, True], ids=["rows", "joined to one row, as for flash attention"])
@pytest.mark.parametrize("again", [False, True], ids=["kept", "computed again"])
def test_packed_sequences_see_their_own_pictures(build: Build, setting: str, flat: bool, again: bool) -> None:
    expected = trained(build(setting), [[0], [1], [2], [3], [4]], packed=False)
    model = build(setting).train()
    if flat:  # the language model inside has its own reference to the configuration, and still chooses sdpa by it
        model.language.config = type(model.language.config)(**model.language.config.to_dict())
        model.language.config._attn_implementation = "flash_attention_2"
    if again:
        model.checkpoint_activations()
    found = trained(model, [[4, 0, 1], [2, 3]], packed=True)
    assert_same(found, expected)
    assert all(gradient.any() for name, gradient in found[1].items() if name.startswith("injection."))


@INSIDE
def test_text_alone_runs_everything_in_the_same_order_without_a_gradient(build: Build, setting: str) -> None:
    """Else ZeRO 3 waits for ever, where another process has a picture."""
    model, called = build(setting), []
    for name, part in model.named_modules():
        part.register_forward_pre_hook(lambda *_, name=name: called.append(name))
    trained(model, [[0], [1]], packed=False)
    seen, called[:] = called[:], []
    loss, gradients = trained(model, [[1]], packed=False)
    assert called == seen and any(name.startswith("injection.") for name in seen)
    for name, _ in model.injection.named_parameters():
        assert not gradients[f"injection.{name}"].any()
    ids = torch.tensor([SEQUENCES[1]])
    own = model.language(input_ids=ids, labels=torch.tensor([labels_of(SEQUENCES[1])])).loss
    assert loss == pytest.approx(own.item() * (ids.shape[1] - 1), rel=1e-5)


@INSIDE
def test_nothing_is_left_behind_by_a_call_that_fails(build: Build, setting: str) -> None:
    model = build(setting)
    ids = torch.tensor([SEQUENCES[0]])
    before = hooks_of(model)

    def fail(*_: object) -> None:
        raise MemoryError

    with model.language.lm_head.register_forward_pre_hook(fail), pytest.raises(MemoryError):
        trained(model, [[0]], packed=False)
    with (
        model.language.lm_head.register_forward_pre_hook(fail),
        torch.inference_mode(),
        pytest.raises(MemoryError),
    ):
        model.answer(features(0), ids, torch.ones_like(ids), 3, 2)
    assert hooks_of(model) == before == 0
    first = trained(model, [[0]], packed=False)
    assert trained(model, [[0]], packed=False)[0] == first[0]


def hooks_of(model: nn.Module) -> int:
    return sum(len(part._forward_hooks) + len(part._forward_pre_hooks) for part in model.modules())


@INSIDE
def test_calls_whose_gradients_come_later_keep_their_pictures(build: Build, setting: str) -> None:
    """Activations are computed again after the next call has begun and ended."""

    def losses(model: VLM) -> list[Tensor]:
        ids = torch.tensor([SEQUENCES[0]])
        labels = torch.tensor([labels_of(SEQUENCES[0])])
        return [model(features(picture), ids, None, labels) for picture in (0, 7)]

    plain, again = build(setting).train(), build(setting).train()
    again.checkpoint_activations()
    before = hooks_of(again)
    for model in (plain, again):
        first, second = losses(model)
        assert first.item() != second.item()
        second.backward()
        first.backward()
    for (name, p), other in zip(plain.named_parameters(), again.parameters(), strict=True):
        torch.testing.assert_close(other.grad, p.grad, atol=1e-5, rtol=1e-5, msg=name)
    assert hooks_of(again) == before


@INSIDE
def test_layers_that_are_computed_again_without_the_pictures_are_an_error(build: Build, setting: str) -> None:
    """transformers' own switch knows nothing of them; what is added between layers is not computed again."""
    model = build(setting).train()
    model.language.activation_checkpointing_enable()
    if "modular" in setting:
        with pytest.raises(Exception, match="different number of tensors was saved"):
            trained(model, [[0]], packed=False)
    else:
        assert_same(trained(model, [[0]], packed=False), trained(build(setting), [[0]], packed=False))


def test_places() -> None:
    """Two rows: a text, a picture and the text after it; a picture at the begin of its sequence, text of another."""
    ids = torch.tensor([[1, 2, 3, IMAGE, IMAGE, 4], [IMAGE, IMAGE, 5, 6, 7, 8]])
    packed = Places.of(ids, torch.tensor([[0, 1, 0, 1, 2, 3], [0, 1, 2, 0, 1, 0]]), 2)
    assert packed.image.tolist() == [3, 4, 6, 7]
    assert packed.seeing.tolist() == [3, 4, 5, 6, 7, 8] and packed.slots.tolist() == [0, 1, 2, 3, 4, 5]
    assert packed.rows.tolist() == [0, 1] and packed.longest == 3
    alone = Places.of(ids, None, 2)
    assert alone.seeing.tolist() == [3, 4, 5, *range(6, 12)]
    assert alone.slots.tolist() == [0, 1, 2, *range(6, 12)] and alone.longest == 6
    following = Places.of(torch.cat([torch.full((1, 6), 9), ids]), None, 2).next()
    assert not len(following.image) and following.seeing.tolist() == [1, 2] and following.slots.tolist() == [0, 1]
    text = Places.of(torch.tensor([[1, 2]]), None, 0)
    assert not len(text.image) and not len(text.seeing) and not len(text.next().seeing)


def test_two_pictures_may_follow_each_other_at_once() -> None:
    """A packed sequence may end with its picture, and the next may begin with one."""
    ids = torch.tensor([[1, IMAGE, IMAGE, IMAGE, IMAGE, 2]])
    found = Places.of(ids, torch.tensor([[0, 1, 2, 0, 1, 2]]), 2)
    assert found.seeing.tolist() == [1, 2, 3, 4, 5] and found.slots.tolist() == [0, 1, 3, 4, 5]
