"""The model against transformers' own loss and a step-by-step argmax."""

from collections.abc import Callable

import pytest
import torch
from tiny import tower_of_width
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from shallowsight.data.conversation import IGNORE, IMAGE
from shallowsight.model.vlm import VLM
from shallowsight.study.experiment import Experiment

WIDTH = 8  # of the tower
N = 3  # tokens of an image
PAD, STOP = 0, 2
Build = Callable[..., VLM]


@pytest.fixture(scope="module")
def build(small: Callable[..., Experiment], tokenizer: PreTrainedTokenizerBase) -> Build:
    def make(seed: int = 0, **changes: object) -> VLM:
        torch.manual_seed(seed)
        return VLM(small(**changes), tower_of_width(WIDTH), tokenizer)

    return make


def feature(images: int, seed: int = 0) -> Tensor:
    return torch.randn(images, N, WIDTH, generator=torch.Generator().manual_seed(seed))


# The image stands at another place in each row; the second row has none.
IDS = torch.tensor(
    [
        [1, IMAGE, IMAGE, IMAGE, 10, 11, 12, STOP],
        [1, 20, 21, 22, STOP, PAD, PAD, PAD],
        [1, 30, IMAGE, IMAGE, IMAGE, 31, STOP, PAD],
    ]
)
MASK = torch.tensor([[1] * 8, [1] * 5 + [0] * 3, [1] * 7 + [0]])
LABELS = torch.where((IDS >= 11) & (MASK == 1), IDS, IGNORE)


@pytest.mark.parametrize(
    ("changes", "layers"),
    [
        pytest.param({}, 1, id="one layer"),
        pytest.param({"vision__layers": "1,3", "fusion__kind": "concat"}, 2, id="two layers fused"),
        pytest.param({"connector__kind": "mlp2x_gelu"}, 1, id="mlp"),
    ],
)
def test_the_images_vectors_stand_where_the_ids_say(build: Build, changes: dict[str, object], layers: int) -> None:
    model = build(**changes)
    features = [feature(2, k) for k in range(layers)]
    with torch.no_grad():
        found = model.embed(features, IDS)
        vectors = model.connector(torch.cat(features, dim=-1))
        text = model.language.get_input_embeddings()
        assert torch.equal(found[0, 1:4], vectors[0]), "the first image in the first row"
        assert torch.equal(found[2, 2:5], vectors[1]), "the second image in the third row"
        for row, column in (IDS != IMAGE).nonzero():
            assert torch.equal(found[row, column], text.weight[IDS[row, column]])


def test_without_images_the_features_are_not_looked_at(build: Build) -> None:
    model = build()
    ids = IDS[1:2]
    assert torch.equal(model.embed([], ids), model.language.get_input_embeddings()(ids))


@pytest.mark.parametrize("rows", [[0, 1, 2], [0], [1], [1, 2]], ids=str)
def test_loss_is_transformers_own(build: Build, rows: list[int]) -> None:
    model = build()
    images = [{0: 0, 2: 1}[r] for r in rows if r != 1]
    features = [feature(2)[images]] if images else []
    ids, mask, labels = IDS[rows], MASK[rows], LABELS[rows]
    found = model(features, ids, None, labels)
    own = model.language(inputs_embeds=model.embed(features, ids), attention_mask=mask, labels=labels).loss
    supervised = int((labels[:, 1:] != IGNORE).sum())
    assert supervised > 0
    torch.testing.assert_close(found / supervised, own)


def test_gradients_are_transformers_own(build: Build) -> None:
    def gradients(own: bool) -> dict[str, Tensor]:
        model = build()
        if own:
            embeds = model.embed([feature(2)], IDS)
            count = int((LABELS[:, 1:] != IGNORE).sum())
            loss = model.language(inputs_embeds=embeds, attention_mask=MASK, labels=LABELS).loss * count
        else:
            loss = model([feature(2)], IDS, None, LABELS)
        loss.backward()
        return {name: p.grad for name, p in model.named_parameters() if p.grad is not None}

    ours, theirs = gradients(own=False), gradients(own=True)
    assert set(ours) == set(theirs) and any("connector" in name for name in ours)
    for name in ours:
        torch.testing.assert_close(ours[name], theirs[name], atol=1e-5, rtol=1e-4)


def test_a_batch_without_images_still_reaches_every_trained_part(build: Build) -> None:
    """Else a pretraining batch of text alone has nothing to differentiate, and the processes' gradients differ."""
    model = build()
    model.language.requires_grad_(False)
    model([], IDS[1:2], None, LABELS[1:2]).backward()
    assert all(p.grad is not None and not p.grad.any() for p in model.connector.parameters())


@pytest.mark.parametrize("changes", [{}, {"vision__layers": "1,3", "fusion__kind": "concat"}], ids=["single", "concat"])
def test_text_alone_calls_the_same_parts_in_the_same_order(build: Build, changes: dict[str, object]) -> None:
    """Else ZeRO 3 with a process that has a picture and one that has none waits for ever, or says "disagreement"."""
    model, called = build(**changes), []
    for name, part in model.named_modules():
        part.register_forward_pre_hook(lambda *_, name=name: called.append(name))
    with_pictures = [feature(2, k) for k in range(2 if changes else 1)]
    model(with_pictures, IDS, None, LABELS)
    seen, called[:] = called[:], []
    model([], IDS[1:2], None, LABELS[1:2])
    assert called == seen and {"fusion", "connector"} < set(seen)


def test_padding_is_irrelevant_to_the_loss(build: Build) -> None:
    model = build()
    short = model([], IDS[1:2, :5], None, LABELS[1:2, :5])
    torch.testing.assert_close(model([], IDS[1:2], None, LABELS[1:2]), short)


def by_hand(model: VLM, features: list[Tensor], ids: list[int], tokens: int) -> list[int]:
    """Greedy, recomputing everything for each token."""
    embeds, found = model.embed(features, torch.tensor([ids])), []
    for _ in range(tokens):
        logits = model.language(inputs_embeds=embeds, use_cache=False).logits[0, -1]
        found.append(int(logits.argmax()))
        if found[-1] == STOP:
            break
        embeds = torch.cat([embeds, model.language.get_input_embeddings()(torch.tensor([found[-1:]]))], dim=1)
    return found


PROMPTS = [[1, IMAGE, IMAGE, IMAGE, 10, 11, 12, 13], [1, 20, 21], [1, IMAGE, IMAGE, IMAGE, 30]]


@pytest.mark.parametrize("seed", [0, 1, 2])
@torch.no_grad()
def test_answers_are_the_step_by_step_argmax(build: Build, seed: int) -> None:
    model = build(seed=seed).eval()
    features = [feature(2)]
    longest = max(map(len, PROMPTS))
    ids = torch.tensor([[PAD] * (longest - len(p)) + p for p in PROMPTS])
    mask = torch.tensor([[0] * (longest - len(p)) + [1] * len(p) for p in PROMPTS])
    found = model.answer(features, ids, mask, max_new_tokens=6, stop=STOP).tolist()
    own = [[feature(2)[:1]], [], [feature(2)[1:]]]
    expected = [by_hand(model, f, p, 6) for f, p in zip(own, PROMPTS, strict=True)]
    assert len({tuple(e) for e in expected}) > 1, "the answers do not depend on the prompt"
    for row, answer in zip(found, expected, strict=True):
        assert row[: len(answer)] == answer and set(row[len(answer) :]) <= {STOP}
    # More padding, and what stands in it, change nothing.
    wider = torch.cat([torch.full((3, 4), 77), ids], dim=1)
    again = model.answer(features, wider, torch.cat([torch.zeros(3, 4, dtype=torch.long), mask], dim=1), 6, STOP)
    assert again.tolist() == found


@torch.no_grad()
def test_an_answer_ends_at_the_stop_token(build: Build) -> None:
    model = build().eval()
    ids, mask = torch.tensor([[1, 20, 21], [1, 20, 22]]), torch.ones(2, 3, dtype=torch.long)
    free = model.answer([], ids, mask, 6, STOP).tolist()
    stop = free[0][1]
    first = free[0].index(stop)
    stopped = model.answer([], ids, mask, 6, stop).tolist()
    assert stopped[0][: first + 1] == free[0][: first + 1] and set(stopped[0][first:]) == {stop}
